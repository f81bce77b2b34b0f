//! How BuildKit would keep layers on the state dir, and what builds do to them.

use super::Case;
use super::row::{Blame, Check, FULL, Judgement, Kind};
use super::seen::storage::Seen;
use crate::cause::Cause;
use crate::fact::{
    Distro, Errno, FUSE_IN_USERNS, Fact, OVERLAY_IN_USERNS, OVERLAY_WITH_SELINUX, Release, SelinuxMode, Snapshotter, Step, StepOutcome,
};

pub(super) const CHANGES: Check = Check {
    id: "layer-changes",
    title: "changes to files of lower layers",
    why: "A build step writes to, removes and renames what lower layers hold, and sets file capabilities. BuildKit takes overlayfs where it can mount it and does not look further; overlayfs in a user namespace needs user attributes of the volume for that.",
    causes: &[
        Cause::OverlayNoXattr,
        Cause::OverlayReadOnly,
        Cause::StateDirXattr,
        Cause::StateDirChown,
        Cause::DiskSpace,
        Cause::ApparmorProfile,
        Cause::Selinux,
        Cause::ApparmorOrSelinux,
        Cause::StateDir,
    ],
    steps: &[Step::OverlayChange, Step::FileChange, Step::FileCapability],
    kind: Kind::Attempt {
        blames: &[
            Blame::errors(FULL, Cause::DiskSpace),
            Blame::SECURITY_MODULE,
            // A copy from a lower layer keeps its owner.
            Blame::errors(&[Errno::EPERM, Errno::EOVERFLOW], Cause::StateDirChown).at(&[Step::OverlayChange]),
            Blame::errors(&[Errno::EROFS], Cause::OverlayReadOnly).at(&[Step::OverlayChange]),
            Blame::any(Cause::StateDirXattr).at(&[Step::FileCapability]),
            Blame::errors(&[Errno::EIO, Errno::EOPNOTSUPP], Cause::OverlayNoXattr).at(&[Step::OverlayChange]),
            Blame::any(Cause::StateDir),
        ],
    },
};

pub(super) const TMPFS: Check = Check {
    id: "overlay-on-tmpfs",
    title: "overlayfs on tmpfs",
    why: "In a user namespace overlayfs keeps its marks in user attributes, if it is mounted with userxattr. BuildKit never does that on tmpfs (NeedsUserXAttr of containerd's overlayutils), whatever the kernel. Then `rm -r` and `mv` of a lower layer's directory end with EIO.",
    causes: &[Cause::OverlayNoXattr],
    steps: &[Step::OverlayChange],
    kind: Kind::Fact {
        judge: |case| {
            let is_on_tmpfs = case.facts.state_dir.file_system.known().is_some_and(|kind| kind == "tmpfs");
            // Elsewhere than in a pod with a user namespace, that pod's volume is another one.
            if case.place.can_tell()
                && case.profile.is_in_user_namespace()
                && is_on_tmpfs
                && snapshotter(case) == Some(Snapshotter::Overlayfs)
            {
                Judgement::fail(Cause::OverlayNoXattr, Seen::OnTmpfs)
            } else {
                Judgement::NotApplicable
            }
        },
        explains: |failed| matches!(failed.errno, Some(Errno::EIO | Errno::EOPNOTSUPP)),
    },
};

pub(super) const SNAPSHOTTER: Check = Check {
    id: "snapshotter",
    title: "snapshotter",
    why: "BuildKit chooses overlayfs, else fuse-overlayfs, else native. Builds work with each, but native copies a whole tree for each layer and is at least three times slower (moby/buildkit#2642).",
    causes: &[Cause::OverlayUsernsKernel, Cause::OverlayBackingFs, Cause::DevFuse],
    steps: &[],
    kind: Kind::Fact {
        judge: |case| match snapshotter(case) {
            Some(Snapshotter::Overlayfs) | None => Judgement::Pass,
            // As somebody wants it, and then buildkitd takes no other.
            Some(Snapshotter::FuseOverlayfs) if case.facts.state_dir.snapshotter.is_some() && has_no_fuse(case) => {
                Judgement::fail(Cause::DevFuse, Seen::NoFuse)
            }
            Some(_) if case.facts.state_dir.snapshotter.is_some() => Judgement::Pass,
            Some(to) => {
                let falls_back = |since| Seen::FallsBack { to, since: case.probe.and_then(|probe| probe.step(since)).cloned() };
                if case.facts.state_dir.file_system.known().is_some_and(|fs| fs == "overlay") {
                    Judgement::warn(Cause::OverlayBackingFs, Seen::OnOverlay { to, path: case.facts.state_dir.path.known().cloned() })
                } else if to == Snapshotter::Native && case.facts.dev_fuse != Fact::Known(true) {
                    Judgement::warn(Cause::DevFuse, falls_back(Step::Fuse))
                } else {
                    Judgement::warn(Cause::OverlayUsernsKernel, falls_back(Step::Overlay))
                }
            }
        },
        explains: |_| false,
    },
};

/// Whether this container has no /dev/fuse that it can open, and nothing was tried with it.
fn has_no_fuse(case: &Case) -> bool {
    let is_closed = case.facts.dev_fuse == Fact::Absent || case.facts.dev_fuse.known() == Some(&false);
    is_closed && case.place.is_builders_confinement() && !case.decides()
}

pub(super) const SELINUX: Check = Check {
    id: "overlay-with-selinux",
    title: "overlayfs where SELinux enforces",
    why: "From Linux 5.11 on overlayfs can be mounted in a user namespace, but before 5.13 writes through it are refused where SELinux enforces: the overlay asks for trusted attributes (kernel commit 7fa2e79a6bb9).",
    causes: &[Cause::Selinux],
    steps: &[Step::Overlay, Step::OverlayChange],
    kind: Kind::Fact {
        judge: |case| {
            let is_between = |kernel: &Release| kernel.can(OVERLAY_IN_USERNS) && !kernel.can(OVERLAY_WITH_SELINUX);
            let is_of_these = case.facts.kernel.known().is_some_and(is_between);
            let enforces = case.facts.selinux.mode.known() == Some(&SelinuxMode::Enforcing);
            match snapshotter(case) {
                Some(Snapshotter::Overlayfs) if is_of_these && enforces && case.profile.is_in_user_namespace() && case.place.can_tell() => {
                    Judgement::fail(Cause::Selinux, Seen::RefusedBySelinux)
                }
                _ => Judgement::NotApplicable,
            }
        },
        explains: |failed| failed.errno == Some(Errno::EACCES),
    },
};

pub(super) const NOEXEC: Check = Check {
    id: "state-dir-noexec",
    title: "programs from the state dir",
    why: "With the native snapshotter a build step runs programs straight from the state dir: `exec: \"/bin/sh\": permission denied` on a mount with noexec. With overlayfs or fuse-overlayfs noexec does not matter.",
    causes: &[Cause::LockedMountFlags],
    steps: &[Step::Execute],
    kind: Kind::Fact {
        judge: |case| {
            let state = &case.facts.state_dir;
            match &state.flags {
                Fact::Known(flags) if flags.noexec => match snapshotter(case) {
                    Some(Snapshotter::Native) => Judgement::fail(Cause::LockedMountFlags, Seen::Noexec),
                    Some(_) => Judgement::Pass,
                    None => Judgement::unknown(Seen::NoexecIfNative),
                },
                Fact::Known(_) | Fact::Absent => Judgement::Pass,
                Fact::Denied(_) | Fact::Failed(_) if case.place.on_bare_machine() => Judgement::NotApplicable,
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| failed.errno == Some(Errno::EACCES),
    },
};

/// The snapshotter that BuildKit would choose: the one that it did choose, or that the probe could mount, else by the
/// rules of the kernel and the distribution. `None` where too little is known.
pub(super) fn snapshotter(case: &Case) -> Option<Snapshotter> {
    if case.facts.state_dir.snapshotter.is_some() {
        return case.facts.state_dir.snapshotter;
    }
    let chosen = case.basis.trial().and_then(|trial| trial.snapshotter.as_deref()?.parse().ok());
    if chosen.is_some() {
        return chosen;
    }
    if let Some(probe) = case.deciding_probe()
        && let Some(overlay) = probe.step(Step::Overlay)
    {
        return Some(match (overlay.outcome, probe.step(Step::Fuse).map(|fuse| fuse.outcome)) {
            (StepOutcome::Worked, _) => Snapshotter::Overlayfs,
            (_, Some(StepOutcome::Worked)) => Snapshotter::FuseOverlayfs,
            _ => Snapshotter::Native,
        });
    }
    let kernel = case.facts.kernel.known()?;
    let nested = case.profile.is_in_user_namespace();
    let early = case.facts.os.known().and_then(Distro::of).is_some_and(|distro| distro.overlay_in_userns);
    let stacked = case.facts.state_dir.file_system.known()? == "overlay";
    if !stacked && (!nested || kernel.can(OVERLAY_IN_USERNS) || early) {
        return Some(Snapshotter::Overlayfs);
    }
    // A bare machine's /dev/fuse is not a pod's: without a device plugin a pod has none.
    let fuse = case.profile.is_privileged() || !case.place.on_bare_machine();
    let fuse = fuse && case.facts.dev_fuse == Fact::Known(true) && (!nested || kernel.can(FUSE_IN_USERNS));
    Some(if fuse { Snapshotter::FuseOverlayfs } else { Snapshotter::Native })
}

#[cfg(test)]
mod tests {
    #[test]
    fn selinux_and_overlayfs() {
        let on = |kernel: &'static str, mode: SelinuxMode| {
            move |f: &mut Facts| {
                f.kernel = Fact::Known(kernel.to_owned().try_into().expect("a release"));
                f.selinux.mode = Fact::Known(mode);
            }
        };
        let enforcing = SelinuxMode::Enforcing;
        table(
            "overlay-with-selinux",
            &[
                (Outcome::Fail, Some(Cause::Selinux), &on("5.11.12-300.fc34.x86_64", enforcing)),
                (Outcome::NotApplicable, None, &on("5.11.12-300.fc34.x86_64", SelinuxMode::Permissive)),
                // fuse-overlayfs or native is taken there.
                (Outcome::NotApplicable, None, &on("5.10.0-1", enforcing)),
                (Outcome::NotApplicable, None, &on("5.13.0", enforcing)),
            ],
        );
        failed_at(Step::OverlayChange, Errno::EACCES, Cause::Selinux, on("5.12.0", enforcing));
    }

    #[test]
    fn who_asks_for_fuse_needs_the_device() {
        let asked = |fuse: Fact<bool>| {
            move |f: &mut Facts| {
                f.state_dir.snapshotter = Some(Snapshotter::FuseOverlayfs);
                f.dev_fuse = fuse.clone();
            }
        };
        table(
            "snapshotter",
            &[
                (Outcome::Fail, Some(Cause::DevFuse), &asked(Fact::Absent)),
                (Outcome::Fail, Some(Cause::DevFuse), &asked(Fact::Known(false))),
                (Outcome::Pass, None, &asked(Fact::Known(true))),
                (Outcome::Pass, None, &asked(Fact::Denied("no /dev".into()))),
            ],
        );
    }

    use crate::cause::Cause;
    use crate::check::testing::{facts_of, failed_at, healthy, table, with_probe};
    use crate::check::{Outcome, Ready, judge};
    use crate::fact::{Errno, Fact, Facts, MountFlags, SelinuxMode, Snapshotter, Step};
    use crate::profile::Profile;

    fn old_kernel(facts: &mut Facts) {
        facts.kernel = Fact::Known("5.10.0-33-amd64".to_owned().try_into().expect("a release"));
    }

    #[test]
    fn changes() {
        for (step, errno, cause) in [
            (Step::OverlayChange, Errno::EIO, Cause::OverlayNoXattr),
            (Step::OverlayChange, Errno::EOPNOTSUPP, Cause::OverlayNoXattr),
            (Step::OverlayChange, Errno::EROFS, Cause::OverlayReadOnly),
            (Step::OverlayChange, Errno::ENOSPC, Cause::DiskSpace),
            (Step::OverlayChange, Errno::EACCES, Cause::ApparmorOrSelinux),
            (Step::OverlayChange, Errno::EPERM, Cause::StateDirChown),
            (Step::OverlayChange, Errno::EOVERFLOW, Cause::StateDirChown),
            (Step::FileChange, Errno::EPERM, Cause::StateDir),
            (Step::FileCapability, Errno::EOPNOTSUPP, Cause::StateDirXattr),
            (Step::FileCapability, Errno::EDQUOT, Cause::DiskSpace),
        ] {
            failed_at(step, errno, cause, |_| {});
        }
    }

    #[test]
    fn overlayfs_on_tmpfs() {
        let tmpfs = |f: &mut Facts| f.state_dir.file_system = Fact::Known("tmpfs".into());
        table(
            "overlay-on-tmpfs",
            &[
                (Outcome::NotApplicable, None, &|_| {}),
                (Outcome::Fail, Some(Cause::OverlayNoXattr), &|f| tmpfs(f)),
                (Outcome::NotApplicable, None, &|f| {
                    tmpfs(f);
                    old_kernel(f)
                }),
                (Outcome::NotApplicable, None, &|f| f.state_dir.file_system = Fact::Denied("no /proc".into())),
            ],
        );
        let predicted = |profile| judge(&facts_of(&tmpfs), profile, None).ready();
        assert_eq!((predicted(Profile::NoProcessSandbox), predicted(Profile::Rootful)), (Ready::NotReady, Ready::Ready));
        failed_at(Step::OverlayChange, Errno::EIO, Cause::OverlayNoXattr, tmpfs);
        let proven = judge(&with_probe(facts_of(&tmpfs), None), Profile::NoProcessSandbox, None);
        assert_eq!(proven.ready(), Ready::Ready, "where a BuildKit can, it was tried");
    }

    #[test]
    fn snapshotter() {
        let fuse = |f: &mut Facts| f.dev_fuse = Fact::Known(true);
        let overlay = |f: &mut Facts| f.state_dir.file_system = Fact::Known("overlay".into());
        table(
            "snapshotter",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Warn, Some(Cause::DevFuse), &|f| old_kernel(f)),
                (Outcome::Warn, Some(Cause::OverlayUsernsKernel), &|f| {
                    old_kernel(f);
                    fuse(f)
                }),
                (Outcome::Warn, Some(Cause::OverlayBackingFs), &|f| overlay(f)),
                (Outcome::Pass, None, &|f| f.kernel = Fact::Denied("no /proc".into())),
            ],
        );
        let predicted = |change: &dyn Fn(&mut Facts)| judge(&facts_of(change), Profile::NoProcessSandbox, None).snapshotter();
        assert_eq!(
            predicted(&|f| {
                old_kernel(f);
                fuse(f)
            }),
            Some(Snapshotter::FuseOverlayfs)
        );
        assert_eq!(predicted(&|f| overlay(f)), Some(Snapshotter::Native));
        assert_eq!(judge(&healthy(), Profile::NoProcessSandbox, None).snapshotter(), Some(Snapshotter::Overlayfs));
    }

    #[test]
    fn a_snapshotter_that_buildkitd_is_told_to_take_is_taken_or_fails() {
        let told = |f: &mut Facts| f.state_dir.snapshotter = Some(Snapshotter::Native);
        table("snapshotter", &[(Outcome::Pass, None, &|f| told(f))]);
        assert_eq!(judge(&facts_of(&told), Profile::NoProcessSandbox, None).snapshotter(), Some(Snapshotter::Native));
        let on_tmpfs = judge(
            &facts_of(&|f| {
                told(f);
                f.state_dir.file_system = Fact::Known("tmpfs".into())
            }),
            Profile::NoProcessSandbox,
            None,
        );
        assert_eq!(on_tmpfs.ready(), Ready::Ready, "no overlayfs is taken there");
        failed_at(Step::Overlay, Errno::EINVAL, Cause::OverlayUsernsKernel, |f| f.state_dir.snapshotter = Some(Snapshotter::Overlayfs));
        failed_at(Step::Fuse, Errno::ENOENT, Cause::DevFuse, |f| f.state_dir.snapshotter = Some(Snapshotter::FuseOverlayfs));
    }

    #[test]
    fn noexec() {
        let noexec = |f: &mut Facts| f.state_dir.flags = Fact::Known(MountFlags { noexec: true, ..MountFlags::default() });
        table(
            "state-dir-noexec",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Pass, None, &|f| noexec(f)),
                (Outcome::Fail, Some(Cause::LockedMountFlags), &|f| {
                    noexec(f);
                    old_kernel(f)
                }),
                (Outcome::Unknown, None, &|f| {
                    noexec(f);
                    f.kernel = Fact::Denied("no /proc".into())
                }),
            ],
        );
        failed_at(Step::Execute, Errno::EACCES, Cause::LockedMountFlags, |f| {
            noexec(f);
            old_kernel(f)
        });
    }
}
