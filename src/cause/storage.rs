//! Causes that lie in where the builder keeps its state.

#[cfg(test)]
use super::example::{Example, known};
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Ask, Level, Mark, Row};
use crate::fact::{Errno, Fact, OVERLAY_IN_USERNS, OwnPod, StateDir};
#[cfg(test)]
use crate::fact::{MountFlags, Step};

pub(super) const ROWS: &[Row] = &[
    STATE_DIR,
    STATE_DIR_CHOWN,
    STATE_DIR_XATTR,
    DISK_SPACE,
    OVERLAY_KERNEL,
    OVERLAY_BACKING_FS,
    OVERLAY_NO_XATTR,
    OVERLAY_READ_ONLY,
    DEV_FUSE,
    LOCKED_MOUNT_FLAGS,
];

/// The volumes that take all that a build does.
const LOCAL_VOLUME: &str = "mount an emptyDir on the state dir, or a claim on block storage (ext4, xfs)";

const STATE_DIR: Row = Row {
    cause: Cause::StateDir,
    title: "the state dir can't be written",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/state-dir.md"),
    remedy: state_dir,
    #[cfg(test)]
    example: Example::facts(|facts| facts.state_dir.flags = Fact::Known(MountFlags { read_only: true, ..MountFlags::default() })),
};

fn state_dir(ask: &Ask) -> Remedy {
    let pod = ask.facts.own_pod.as_ref();
    let refused = pod.and_then(|pod| pod.state_dir.known()).filter(|state| state.refused.is_some());
    if let (Some(home), Some(state)) = (pod.and_then(OwnPod::other_home), refused) {
        return Remedy::new(format!("set HOME to {home}, the user's home in /etc/passwd, or mount an emptyDir on {}", state.path));
    }
    let volume = pod.and_then(|pod| pod.state_dir.known()).filter(|state| !state.on_root && state.refused == Some(Errno::EACCES));
    match volume.and(pod).and_then(|pod| pod.group.known()) {
        Some(group) => {
            Remedy::new(format!("set fsGroup: {group} in the securityContext of the pod, or mount an emptyDir on the state dir"))
                .note("Kubernetes does not apply fsGroup to hostPath and NFS: change the owner of such a volume on its server or node")
        }
        None => Remedy::new("mount an emptyDir on the state dir, or a volume that user 1000 may write (fsGroup: 1000)"),
    }
}

const STATE_DIR_CHOWN: Row = Row {
    cause: Cause::StateDirChown,
    title: "the state dir's volume does not give files to other users",
    level: Level::Node,
    marks: &[Mark::OfVolume],
    forced: None,
    about: include_str!("about/state-dir-chown.md"),
    remedy: |_| Remedy::new(format!("{LOCAL_VOLUME} instead of a network file system")),
    #[cfg(test)]
    example: Example::step(Step::Chown, Errno::EPERM),
};

const STATE_DIR_XATTR: Row = Row {
    cause: Cause::StateDirXattr,
    title: "the state dir's volume does not keep file capabilities",
    level: Level::Node,
    marks: &[Mark::OfVolume],
    forced: None,
    about: include_str!("about/state-dir-xattr.md"),
    remedy: |_| Remedy::new(format!("{LOCAL_VOLUME}, which keep extended attributes")),
    #[cfg(test)]
    example: Example::step(Step::FileCapability, Errno::EOPNOTSUPP),
};

const DISK_SPACE: Row = Row {
    cause: Cause::DiskSpace,
    title: "no disk space is left for builds",
    level: Level::Node,
    marks: &[Mark::Passes, Mark::OfVolume],
    forced: None,
    about: include_str!("about/disk-space.md"),
    remedy: disk_space,
    #[cfg(test)]
    example: Example::facts(|facts| facts.state_dir.free_bytes = Fact::Known(0)),
};

fn disk_space(ask: &Ask) -> Remedy {
    let state = &ask.facts.state_dir;
    if !matches!(state.free_inodes, Fact::Known(free) if free < StateDir::LEAST_INODES) {
        return Remedy::new("free disk space on the node, or give the state dir a larger volume");
    }
    if state.file_system.known().is_some_and(|kind| kind == "tmpfs") {
        return Remedy::new(
            "remove files from the state dir's volume, or mount the tmpfs with a larger nr_inodes, or use an emptyDir on disk",
        );
    }
    Remedy::new("remove files from the state dir's volume, or use one that was made with more inodes (mkfs.ext4 -i 8192)")
        .note("`df -i` shows inodes: they can be used up while many bytes are free")
}

const OVERLAY_KERNEL: Row = Row {
    cause: Cause::OverlayUsernsKernel,
    title: "the kernel has no overlayfs for rootless builders",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/overlay-userns-kernel.md"),
    remedy: |_| {
        Remedy::new(format!("use nodes with Linux {OVERLAY_IN_USERNS} or newer for overlayfs, or make /dev/fuse usable for fuse-overlayfs"))
    },
    #[cfg(test)]
    example: Example::facts(|facts| {
        facts.kernel = known("5.10.0-33-amd64");
        facts.dev_fuse = Fact::Known(true);
    }),
};

const OVERLAY_BACKING_FS: Row = Row {
    cause: Cause::OverlayBackingFs,
    title: "the state dir is on the container's overlay file system",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/overlay-backing-fs.md"),
    remedy: |_| Remedy::new("mount an emptyDir on the state dir (/home/user/.local/share/buildkit)"),
    #[cfg(test)]
    example: Example::facts(|facts| facts.state_dir.file_system = Fact::Known("overlay".into())),
};

const OVERLAY_NO_XATTR: Row = Row {
    cause: Cause::OverlayNoXattr,
    title: "overlayfs on the state dir's volume can't remove or rename directories of lower layers",
    level: Level::Node,
    marks: &[Mark::OfVolume],
    forced: None,
    about: include_str!("about/overlay-no-xattr.md"),
    remedy: |_| {
        Remedy::new("start buildkitd with --oci-worker-snapshotter=native, or put the state dir on an emptyDir on disk (ext4, xfs)")
            .note("buildkitd takes overlayfs by itself: it mounts it once and does not look whether it can remove a directory")
    },
    #[cfg(test)]
    example: Example::step(Step::OverlayChange, Errno::EIO),
};

const OVERLAY_READ_ONLY: Row = Row {
    cause: Cause::OverlayReadOnly,
    title: "overlayfs on the state dir's volume is read-only",
    level: Level::Node,
    marks: &[Mark::OfVolume],
    forced: None,
    about: include_str!("about/overlay-read-only.md"),
    remedy: |_| Remedy::new(format!("{LOCAL_VOLUME}, or start buildkitd with --oci-worker-snapshotter=native")),
    #[cfg(test)]
    example: Example::step(Step::OverlayChange, Errno::EROFS),
};

const DEV_FUSE: Row = Row {
    cause: Cause::DevFuse,
    title: "/dev/fuse can't be used",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/dev-fuse.md"),
    remedy: |_| {
        Remedy::new(format!(
            "use nodes with Linux {OVERLAY_IN_USERNS} or newer, or give the pod /dev/fuse by a device plugin, with the fuse module loaded"
        ))
    },
    #[cfg(test)]
    example: Example::facts(|facts| facts.kernel = known("5.10.0-33-amd64")),
};

const LOCKED_MOUNT_FLAGS: Row = Row {
    cause: Cause::LockedMountFlags,
    title: "the state dir's mount flags stop the build",
    level: Level::Node,
    marks: &[Mark::OfVolume],
    forced: None,
    about: include_str!("about/locked-mount-flags.md"),
    remedy: |_| Remedy::new("mount the state dir's volume without noexec, or use BuildKit 0.12 or newer for nosuid and nodev"),
    #[cfg(test)]
    example: Example::step(Step::ReadOnlyRemount, Errno::EPERM),
};
