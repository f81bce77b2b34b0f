//! The state dir: what buildkitd and runc do there, whatever the snapshotter.

use super::Case;
use super::own_pod::has_wrong_user;
use super::row::{Blame, Check, FULL, Judgement, Kind};
use super::seen::storage::Seen;
use crate::cause::Cause;
use crate::fact::{Directory, Errno, Fact, StateDir, Step};

/// Less than this and one ordinary base image with a few packages fills the disk: a warning.
const LITTLE_SPACE: u64 = 1 << 30;
/// The same of inodes: such an image has some thousand files.
const FEW_INODES: u64 = 10_000;

pub(super) const STATE_DIR: Check = Check {
    id: "state-dir",
    title: "state dir",
    why: "buildkitd keeps images, layers and its databases there. `no space left on device` from a write means the disk; from unshare it means a limit on namespaces.",
    causes: &[Cause::StateDir, Cause::ReadOnlyRoot, Cause::DiskSpace],
    steps: &[Step::StateDir],
    kind: Kind::Fact {
        judge: |case| {
            let state = &case.facts.state_dir;
            let path = || state.path.known().cloned();
            if let Some(failed) = case.failed().filter(|failed| failed.step == Step::StateDir) {
                let is_full = failed.errno.is_some_and(|errno| FULL.contains(&errno));
                let cause = if is_full { Cause::DiskSpace } else { unwritable(case) };
                if is_full
                    && let Fact::Known(free) = state.free_inodes
                    && free < StateDir::LEAST_INODES
                {
                    return Judgement::fail(cause, Seen::NoInodes { path: path(), free });
                }
                if let Some(detail) = &failed.detail
                    && !is_full
                    && !is_refusal(failed.errno)
                {
                    return Judgement::fail(cause, Seen::NotUsable { path: path(), what: detail.clone(), errno: failed.errno });
                }
                return Judgement::fail(cause, Seen::NotWritable { path: path(), errno: failed.errno, owner: owner(case) });
            }
            let refused = case.facts.own_pod.as_ref().and_then(|pod| pod.state_dir.known()?.refused);
            if refused.is_some() && !has_wrong_user(case) {
                return Judgement::fail(unwritable(case), Seen::NotWritable { path: path(), errno: refused, owner: owner(case) });
            }
            if let Some(why) = state.path.unreadable() {
                return Judgement::unknown(why);
            }
            if let Fact::Known(free) = state.free_inodes
                && free < StateDir::LEAST_INODES
            {
                return Judgement::fail(Cause::DiskSpace, Seen::NoInodes { path: path(), free });
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
                (Fact::Known(_), _) if state.free_inodes.known().is_some_and(|free| *free < FEW_INODES) => Judgement::warn(
                    Cause::DiskSpace,
                    Seen::FewInodes { path: path(), free: state.free_inodes.known().copied().unwrap_or_default() },
                ),
                (Fact::Denied(why) | Fact::Failed(why), _) if !case.place.on_bare_machine() => Judgement::unknown(why),
                _ => Judgement::Pass,
            }
        },
        explains: |_| true,
    },
};

/// Whether a write was refused, and not one of the things that a database does beside.
fn is_refusal(errno: Option<Errno>) -> bool {
    matches!(errno, Some(Errno::EACCES | Errno::EPERM | Errno::EROFS))
}

/// Why nothing can be written there: it may have no volume of its own in a pod with a read-only root.
fn unwritable(case: &Case) -> Cause {
    let directory = case.facts.own_pod.as_ref().and_then(|pod| pod.state_dir.known());
    if directory.is_some_and(Directory::is_on_read_only_root) { Cause::ReadOnlyRoot } else { Cause::StateDir }
}

/// Whose the state dir is, where it is another's than that of a builder's own pod.
fn owner(case: &Case) -> Option<u32> {
    let owner = case.facts.own_pod.as_ref()?.state_dir.known()?.owner;
    (case.facts.process.uid.known() != Some(&owner)).then_some(owner)
}

pub(super) const STATE_DIR_WRITE: Check = Check {
    id: "state-dir-use",
    title: "use of the state dir",
    why: "buildkitd creates directories there and tries overlayfs, then fuse-overlayfs; else it copies. Then it runs programs from the layers that it unpacked.",
    causes: &[Cause::LockedMountFlags, Cause::DiskSpace, Cause::OverlayUsernsKernel, Cause::DevFuse, Cause::StateDir, Cause::BuildFailed],
    steps: &[Step::StateDir, Step::Overlay, Step::Fuse, Step::Execute],
    kind: Kind::Attempt {
        blames: &[
            Blame::other(Cause::LockedMountFlags).at(&[Step::Execute]),
            Blame::any(Cause::BuildFailed).at(&[Step::Execute]),
            Blame::errors(FULL, Cause::DiskSpace),
            // Only where buildkitd is told to take it; else the next snapshotter is tried.
            Blame::any(Cause::OverlayUsernsKernel).at(&[Step::Overlay]),
            Blame::any(Cause::DevFuse).at(&[Step::Fuse]),
            Blame::any(Cause::StateDir),
        ],
    },
};

pub(super) const OWNERS: Check = Check {
    id: "state-dir-owners",
    title: "owners of files in the state dir",
    why: "Files of images belong to many users and groups: buildkitd gives them to IDs of the range when it unpacks a layer. Volumes on a network may refuse that.",
    causes: &[Cause::DiskSpace, Cause::StateDirChown],
    steps: &[Step::Chown],
    kind: Kind::Attempt { blames: &[Blame::errors(FULL, Cause::DiskSpace), Blame::any(Cause::StateDirChown)] },
};

pub(super) const BIND_MOUNTS: Check = Check {
    id: "bind-mounts",
    title: "bind mounts from the state dir",
    why: "runc binds /etc/resolv.conf and /etc/hosts of a build step from the state dir, read-only; a user namespace can't drop the mount's nosuid, nodev and noexec (mount_namespaces(7)).",
    causes: &[Cause::ApparmorProfile, Cause::Selinux, Cause::ApparmorOrSelinux, Cause::LockedMountFlags, Cause::BuildFailed],
    steps: &[Step::BindMount, Step::ReadOnlyRemount],
    kind: Kind::Attempt { blames: &[Blame::SECURITY_MODULE, Blame::other(Cause::LockedMountFlags), Blame::any(Cause::BuildFailed)] },
};

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::Outcome;
    use crate::check::testing::{failed_at, table};
    use crate::fact::{Directory, Errno, Fact, MountFlags, OwnPod, StateDir, Step};

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
                (Outcome::Fail, Some(Cause::DiskSpace), &|f| f.state_dir.free_inodes = Fact::Known(StateDir::LEAST_INODES - 1)),
                (Outcome::Warn, Some(Cause::DiskSpace), &|f| f.state_dir.free_inodes = Fact::Known(StateDir::LEAST_INODES)),
                (Outcome::Pass, None, &|f| f.state_dir.free_inodes = Fact::Absent),
                (Outcome::Unknown, None, &|f| f.state_dir.flags = Fact::Denied("it hangs".into())),
            ],
        );
        failed_at(Step::StateDir, Errno::ENOSPC, Cause::DiskSpace, |_| {});
        failed_at(Step::StateDir, Errno::EROFS, Cause::StateDir, |_| {});
        failed_at(Step::StateDir, Errno(37), Cause::StateDir, |_| {});
        failed_at(Step::StateDir, Errno::EROFS, Cause::ReadOnlyRoot, |f| {
            let state_dir =
                Directory { path: "/state".into(), parent: None, owner: 1000, group: 1000, on_root: true, refused: Some(Errno::EROFS) };
            f.own_pod = Some(OwnPod { state_dir: Fact::Known(state_dir), ..OwnPod::default() });
        });
    }

    #[test]
    fn owners() {
        failed_at(Step::Chown, Errno::EPERM, Cause::StateDirChown, |_| {});
        failed_at(Step::Chown, Errno::EINVAL, Cause::StateDirChown, |_| {});
        failed_at(Step::Chown, Errno::EDQUOT, Cause::DiskSpace, |_| {});
    }

    #[test]
    fn bind_mounts() {
        failed_at(Step::ReadOnlyRemount, Errno::EPERM, Cause::LockedMountFlags, |_| {});
        failed_at(Step::BindMount, Errno::EACCES, Cause::ApparmorOrSelinux, |_| {});
    }
}
