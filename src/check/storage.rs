//! The state dir, and how BuildKit would keep layers on it.

use super::own_pod::has_wrong_user;
use super::row::{Blame, Check, Judgement, Kind};
use super::seen::storage::Seen;
use super::{Case, Snapshotter};
use crate::cause::Cause;
use crate::fact::{Distro, Errno, FUSE_IN_USERNS, Fact, OVERLAY_IN_USERNS, StateDir, Step, StepOutcome};

/// Less than this and one ordinary base image with a few packages fills the disk: a warning.
const LITTLE_SPACE: u64 = 1 << 30;

pub(super) const STATE_DIR: Check = Check {
    id: "state-dir",
    title: "state dir",
    why: "buildkitd keeps images, layers and its databases there. `no space left on device` from a write means the disk; from unshare it means a limit on namespaces.",
    causes: &[Cause::StateDir, Cause::DiskSpace],
    steps: &[Step::StateDir],
    kind: Kind::Fact {
        judge: |case| {
            let state = &case.facts.state_dir;
            let path = || state.path.known().cloned();
            if let Some(failed) = case.failed().filter(|failed| failed.step == Step::StateDir) {
                let full = matches!(failed.errno, Some(Errno::ENOSPC | Errno::EDQUOT));
                let cause = if full { Cause::DiskSpace } else { Cause::StateDir };
                return Judgement::fail(cause, Seen::NotWritable { path: path(), errno: failed.errno, owner: owner(case) });
            }
            let refused = case.facts.own_pod.as_ref().and_then(|pod| pod.state_dir.known()?.refused);
            if refused.is_some() && !has_wrong_user(case) {
                return Judgement::fail(Cause::StateDir, Seen::NotWritable { path: path(), errno: refused, owner: owner(case) });
            }
            if let Some(why) = state.path.unreadable() {
                return Judgement::unknown(why);
            }
            match (&state.flags, &state.free_bytes) {
                (Fact::Known(flags), _) if flags.read_only && !case.place.on_bare_machine() => {
                    Judgement::fail(Cause::StateDir, Seen::ReadOnly { path: path() })
                }
                (_, Fact::Known(free)) if *free < StateDir::LEAST => {
                    Judgement::fail(Cause::DiskSpace, Seen::NoSpace { path: path(), free: *free })
                }
                (_, Fact::Known(free)) if *free < LITTLE_SPACE => {
                    Judgement::warn(Cause::DiskSpace, Seen::LittleSpace { path: path(), free: *free })
                }
                (Fact::Denied(why) | Fact::Failed(why), _) if !case.place.on_bare_machine() => Judgement::unknown(why),
                _ => Judgement::Pass,
            }
        },
        explains: |_| true,
    },
};

/// Whose the state dir is, where it is another's than that of a builder's own pod.
fn owner(case: &Case) -> Option<u32> {
    let owner = case.facts.own_pod.as_ref()?.state_dir.known()?.owner;
    (case.facts.process.uid.known() != Some(&owner)).then_some(owner)
}

pub(super) const STATE_DIR_WRITE: Check = Check {
    id: "state-dir-use",
    title: "use of the state dir",
    why: "buildkitd creates directories there and tries overlayfs, then fuse-overlayfs; else it copies. Then it runs programs from the layers that it unpacked.",
    causes: &[Cause::LockedMountFlags, Cause::DiskSpace, Cause::StateDir, Cause::BuildFailed],
    steps: &[Step::StateDir, Step::Overlay, Step::Fuse, Step::Execute],
    kind: Kind::Attempt {
        blames: &[
            Blame::other(Cause::LockedMountFlags).at(&[Step::Execute]),
            Blame::any(Cause::BuildFailed).at(&[Step::Execute]),
            Blame::errors(&[Errno::ENOSPC, Errno::EDQUOT], Cause::DiskSpace),
            Blame::any(Cause::StateDir),
        ],
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

pub(super) const BIND_MOUNTS: Check = Check {
    id: "bind-mounts",
    title: "bind mounts from the state dir",
    why: "runc binds /etc/resolv.conf and /etc/hosts of a build step from the state dir, read-only; a user namespace can't drop the mount's nosuid, nodev and noexec (mount_namespaces(7)).",
    causes: &[Cause::ApparmorProfile, Cause::Selinux, Cause::ApparmorOrSelinux, Cause::LockedMountFlags, Cause::BuildFailed],
    steps: &[Step::BindMount, Step::ReadOnlyRemount],
    kind: Kind::Attempt { blames: &[Blame::SECURITY_MODULE, Blame::other(Cause::LockedMountFlags), Blame::any(Cause::BuildFailed)] },
};

/// The snapshotter that BuildKit would choose: the one that it did choose, or that the probe could mount, else by the
/// rules of the kernel and the distribution. `None` where too little is known.
pub(super) fn snapshotter(case: &Case) -> Option<Snapshotter> {
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
    let nested = case.place.is_rootless() || case.profile.has_pod_user_namespace();
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
    use crate::cause::Cause;
    use crate::check::testing::{facts_of, failed_at, healthy, table};
    use crate::check::{Outcome, Snapshotter, judge};
    use crate::fact::{Errno, Fact, Facts, MountFlags, StateDir, Step};
    use crate::profile::Profile;

    fn old_kernel(facts: &mut Facts) {
        facts.kernel = Fact::Known("5.10.0-33-amd64".to_owned().try_into().expect("a release"));
    }

    #[test]
    fn state_dir() {
        table(
            "state-dir",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::StateDir), &|f| {
                    f.state_dir.flags = Fact::Known(MountFlags { read_only: true, ..MountFlags::default() })
                }),
                (Outcome::Fail, Some(Cause::DiskSpace), &|f| f.state_dir.free_bytes = Fact::Known(StateDir::LEAST - 1)),
                (Outcome::Warn, Some(Cause::DiskSpace), &|f| f.state_dir.free_bytes = Fact::Known(StateDir::LEAST)),
                (Outcome::Unknown, None, &|f| f.state_dir.flags = Fact::Denied("it hangs".into())),
            ],
        );
        failed_at(Step::StateDir, Errno::ENOSPC, Cause::DiskSpace, |_| {});
        failed_at(Step::StateDir, Errno::EROFS, Cause::StateDir, |_| {});
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

    #[test]
    fn bind_mounts() {
        failed_at(Step::ReadOnlyRemount, Errno::EPERM, Cause::LockedMountFlags, |_| {});
        failed_at(Step::BindMount, Errno::EACCES, Cause::ApparmorOrSelinux, |_| {});
    }
}
