//! What the messages of rootlesskit, runc, BuildKit, containerd, the kubelet, the API server and their kin speak of.

use crate::cause::Cause;
use crate::fact::{Errno, Step};

/// One message, by its words.
#[derive(Debug)]
pub struct Signature {
    /// All of these stand in one line, in lower case.
    pub says: &'static [&'static str],
    /// With one of these errors; none are given for whatever it was.
    pub errnos: &'static [Errno],
    /// The step of a build that it speaks of.
    pub step: Option<Step>,
    /// What it may mean, the likeliest first, where nothing else is known.
    pub suspects: &'static [Cause],
    /// How much it says.
    pub weight: Weight,
}

/// How much a message says beside others of the same log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Something went wrong at this stage: it counts only where the facts tell what.
    Stage,
    /// What it speaks of follows from something else as often as not.
    Follows,
    /// It speaks of what failed.
    Speaks,
    /// It names what is wrong.
    Names,
}

const EPERM: &[Errno] = &[Errno::EPERM];
const EACCES: &[Errno] = &[Errno::EACCES];
const EINVAL: &[Errno] = &[Errno::EINVAL];
const REFUSED: &[Errno] = &[Errno::EPERM, Errno::EACCES];
const LIMIT: &[Errno] = &[Errno::ENOSPC, Errno::EUSERS];
const FULL: &[Errno] = &[Errno::ENOSPC, Errno::EDQUOT];

const fn speaks(says: &'static [&'static str], step: Step, suspects: &'static [Cause]) -> Signature {
    Signature { says, errnos: &[], step: Some(step), suspects, weight: Weight::Speaks }
}

const fn names(says: &'static [&'static str], suspects: &'static [Cause]) -> Signature {
    Signature { says, errnos: &[], step: None, suspects, weight: Weight::Names }
}

impl Signature {
    const fn with(self, errnos: &'static [Errno]) -> Self {
        Signature { errnos, ..self }
    }

    const fn weighs(self, weight: Weight) -> Self {
        Signature { weight, ..self }
    }

    const fn at(self, step: Step) -> Self {
        Signature { step: Some(step), ..self }
    }
}

/// What a refusal to make a user namespace may mean.
const NO_USERNS: &[Cause] =
    &[Cause::Seccomp, Cause::UsernsClone0, Cause::UsernsApparmorRestrict, Cause::UsernsEl7Cmdline, Cause::PlatformSandbox];
/// The same where a security module refused.
const LSM_USERNS: &[Cause] = &[Cause::UsernsApparmorRestrict, Cause::ApparmorProfile, Cause::Selinux, Cause::ApparmorOrSelinux];
/// The same of a mount.
const LSM_MOUNT: &[Cause] = &[Cause::ApparmorProfile, Cause::UsernsApparmorRestrict, Cause::Selinux, Cause::ApparmorOrSelinux];
const AT_LIMIT: &[Cause] = &[Cause::UsernsMax0, Cause::UsernsExhausted, Cause::UsernsMaxLevel];
/// The kernel does not know the flag, or does not allow it to anybody.
const UNKNOWN_USERNS: &[Cause] = &[Cause::UsernsKconfig, Cause::UsernsMax0, Cause::UsernsEl7Cmdline];
const NO_MAP: &[Cause] = &[Cause::NestedUsernsRange, Cause::CapsDropped, Cause::NoNewPrivs, Cause::IdmapHelper, Cause::SubidConfig];
const OWN_MAP: &[Cause] = &[Cause::UsernsApparmorRestrict, Cause::NestedUsernsRange, Cause::CapsDropped, Cause::SubidConfig];
const NO_PROC: &[Cause] = &[Cause::MaskedProc, Cause::ProcmountRuntime];
const NO_BIND: &[Cause] = &[Cause::LockedMountFlags, Cause::WrongImageOrUid];
/// A runtime that can't give a pod what it asks for.
const NO_POD_USERNS: &[Cause] = &[Cause::UsernsPodRuntime, Cause::UsernsMax0];

/// All of them: of those that fit a line the first counts.
pub const SIGNATURES: &[Signature] = &[
    // The API server and its plugins.
    names(&["hostusers", "must be false to use", "unmasked"], &[Cause::ProcmountAdmission]),
    names(&["procmounttype is not allowed"], &[Cause::AdmissionPolicy]),
    names(&["procmount", "invalid value", "unmasked"], &[Cause::ProcmountAdmission]),
    names(&["procmount", "forbidden:", "unmasked"], &[Cause::ProcmountAdmission]),
    names(&["violates podsecurity"], &[Cause::AdmissionPolicy]),
    names(&["unable to validate against any security context constraint"], &[Cause::AdmissionPolicy]),
    names(&["unable to validate against any pod security policy"], &[Cause::AdmissionPolicy]),
    names(&["admission webhook", "denied the request"], &[Cause::AdmissionPolicy]),
    names(&["validatingadmissionpolicy", "denied request"], &[Cause::AdmissionPolicy]),
    names(&["disallowed by cluster policy"], &[Cause::AdmissionPolicy]),
    names(&["privileged containers are not allowed"], &[Cause::AdmissionPolicy]),
    names(&["gke warden rejected"], &[Cause::AdmissionPolicy]),
    // Kubelet and runtime, of a pod with a user namespace.
    names(&["can't set `spec.hostusers: false`"], NO_POD_USERNS),
    names(&["kernel does not support user namespaces"], &[Cause::UsernsKconfig]),
    names(&["does not support user namespaces"], NO_POD_USERNS),
    names(&["user namespaces", "not supported"], NO_POD_USERNS),
    names(&["mount_attr_idmap"], NO_POD_USERNS),
    names(&["mount_setattr"], NO_POD_USERNS),
    names(&["getsubids"], NO_POD_USERNS),
    names(&["doesn't support idmap mounts"], NO_POD_USERNS),
    names(&["idmap mount", "not support"], NO_POD_USERNS),
    names(&["idmapped mounts", "not support"], NO_POD_USERNS),
    speaks(&["failed to create userns for"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    names(&["failed to create userns for"], &[Cause::Yama, Cause::UsernsPodRuntime]),
    speaks(&["noop process for unshare"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["noop process for unshare"], Step::UserNamespace, NO_POD_USERNS),
    names(&["failed to update /proc/self/oom_score_adj"], &[Cause::RuntimeDefault]),
    names(&["exec failed", "setns process"], &[Cause::RuntimeRegression]).weighs(Weight::Speaks),
    // The audit log.
    names(&["apparmor=\"denied\"", "unprivileged_userns"], &[Cause::UsernsApparmorRestrict]),
    names(&["apparmor=\"denied\"", "userns_create"], &[Cause::UsernsApparmorRestrict, Cause::ApparmorProfile]),
    names(&["apparmor=\"denied\""], &[Cause::ApparmorProfile]),
    names(&["avc:", "denied"], &[Cause::Selinux]),
    names(&["selinux", "prevent"], &[Cause::Selinux]),
    names(&["security.selinux"], &[Cause::Selinux]).with(REFUSED),
    names(&["selinux label"], &[Cause::Selinux]).with(REFUSED),
    // What says which switch it is.
    names(&["apparmor_restrict_unprivileged_userns"], &[Cause::UsernsApparmorRestrict]),
    names(&["unprivileged_userns_clone"], &[Cause::UsernsClone0]),
    names(&["kernel.userns_max_level"], &[Cause::UsernsMaxLevel]),
    names(&["max_user_namespaces", "non-zero"], &[Cause::UsernsMax0]),
    names(&["not enabled in /proc/sys/user/max_user_namespaces"], &[Cause::UsernsMax0]),
    names(&["max_user_namespaces"], AT_LIMIT).weighs(Weight::Speaks),
    names(&["user_namespace.enable"], &[Cause::UsernsEl7Cmdline]),
    names(&["namespace.unpriv_enable"], &[Cause::UsernsEl7Cmdline]),
    names(&["config_user_ns"], &[Cause::UsernsKconfig]),
    names(&["ns/user", "no such file or directory"], &[Cause::UsernsKconfig]),
    names(&["ptrace_scope"], &[Cause::Yama]),
    names(&["user namespaces are disabled"], &[Cause::UsernsMax0, Cause::UsernsClone0]),
    names(&["user namespaces", "not enabled"], &[Cause::UsernsMax0, Cause::UsernsClone0]),
    names(&["user namespaces", "not available"], &[Cause::UsernsKconfig, Cause::UsernsMax0, Cause::UsernsClone0]),
    // buildkitd without rootlesskit, and images.
    names(&["requires to be executed as the mapped root"], &[Cause::WrongImageOrUid, Cause::ImagePackaging]),
    names(&["needs to be started with root"], &[Cause::WrongImageOrUid]),
    speaks(&["/run/buildkit"], Step::RuntimeDir, &[Cause::WrongImageOrUid, Cause::ImageUser]).with(EACCES),
    speaks(&["/var/lib/buildkit"], Step::StateDir, &[Cause::WrongImageOrUid, Cause::ImageUser, Cause::StateDir]).with(EACCES),
    names(&["rootlesskit", "executable file not found"], &[Cause::ImagePackaging]),
    names(&["buildkitd", "executable file not found"], &[Cause::ImagePackaging]),
    names(&["buildctl-daemonless", "not found"], &[Cause::ImagePackaging]),
    names(&["rootlesskit", "not found"], &[Cause::ImagePackaging]).weighs(Weight::Speaks),
    names(&["rootlesskit", "no such file or directory", "exec"], &[Cause::ImagePackaging]).weighs(Weight::Speaks),
    names(&["exec format error"], &[Cause::Emulation]),
    names(&["invalid elf image for this architecture"], &[Cause::Emulation]),
    names(&["binfmt_misc"], &[Cause::Emulation]).weighs(Weight::Speaks),
    // Maps of IDs.
    names(&["should have setuid or have filecaps"], &[Cause::IdmapHelper]).at(Step::UidMap),
    names(&["newuidmap", "not found"], &[Cause::IdmapHelper]).at(Step::UidMap),
    names(&["newgidmap", "not found"], &[Cause::IdmapHelper]).at(Step::GidMap),
    names(&["uidmap", "not installed"], &[Cause::IdmapHelper]).at(Step::UidMap),
    names(&["single mapping"], &[Cause::SubidConfig]).at(Step::UidMap),
    speaks(&["could not set caps"], Step::UidMap, &[Cause::NoNewPrivs, Cause::IdmapHelper, Cause::ApparmorProfile, Cause::PlatformSandbox]),
    names(&["no_new_privs"], &[Cause::NoNewPrivs]).at(Step::UidMap),
    names(&["no new privileges"], &[Cause::NoNewPrivs]).at(Step::UidMap),
    speaks(&["fork/exec", "newuidmap"], Step::UidMap, &[Cause::CapsDropped, Cause::NoNewPrivs]).with(EPERM),
    speaks(&["fork/exec", "newgidmap"], Step::GidMap, &[Cause::CapsDropped, Cause::NoNewPrivs]).with(EPERM),
    names(&["owned by a different user"], &[Cause::SubidConfig, Cause::ImageUser]).at(Step::UidMap),
    names(&["cannot determine your user name"], &[Cause::SubidConfig, Cause::ImageUser]).at(Step::UidMap),
    names(&["unknown userid"], &[Cause::SubidConfig, Cause::ImageUser]).at(Step::SubIdRange),
    names(&["uid range", "not allowed"], &[Cause::SubidConfig]).at(Step::UidMap),
    names(&["gid range", "not allowed"], &[Cause::SubidConfig]).at(Step::GidMap),
    names(&["ranges found for"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["no subuid"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["no subgid"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["cannot find", "mappings for user"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["cannot find uid/gid for user"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["no matching entries in passwd"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["/etc/subuid"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["/etc/subgid"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["not enough ids available"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["might not be enough ids"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    names(&["insufficient uids or gids"], &[Cause::SubidConfig]).at(Step::SubIdRange),
    speaks(&["newuidmap"], Step::UidMap, NO_MAP).with(EPERM),
    speaks(&["newgidmap"], Step::GidMap, NO_MAP).with(EPERM),
    speaks(&["set up namespace"], Step::UidMap, NO_MAP),
    speaks(&["setup namespace"], Step::UidMap, NO_MAP),
    // Who writes the map itself, without a helper: the new namespace has no capabilities.
    speaks(&["uid_map"], Step::UidMap, OWN_MAP).with(EPERM),
    speaks(&["gid_map"], Step::GidMap, OWN_MAP).with(EPERM),
    speaks(&["uid map"], Step::UidMap, OWN_MAP).with(REFUSED),
    speaks(&["gid map"], Step::GidMap, OWN_MAP).with(REFUSED),
    speaks(&["uid_map"], Step::UidMap, LSM_USERNS).with(EACCES),
    speaks(&["gid_map"], Step::GidMap, LSM_USERNS).with(EACCES),
    speaks(&["uid_map"], Step::UidMap, &[Cause::SubidConfig]).with(EINVAL),
    speaks(&["gid_map"], Step::GidMap, &[Cause::SubidConfig]).with(EINVAL),
    speaks(&["/setgroups"], Step::GidMap, LSM_USERNS).with(REFUSED),
    speaks(&["newuidmap", "failed"], Step::UidMap, NO_MAP),
    speaks(&["newgidmap", "failed"], Step::GidMap, NO_MAP),
    speaks(&["lchown"], Step::Chown, &[Cause::SubidConfig, Cause::StateDirChown]).with(EINVAL),
    speaks(&["chown"], Step::Chown, &[Cause::SubidConfig, Cause::StateDirChown]).with(EINVAL),
    speaks(&["chown"], Step::Chown, &[Cause::StateDirChown, Cause::SubidConfig]).with(EPERM),
    // A build step: runc and crun.
    speaks(&["sethostname"], Step::Hostname, &[Cause::Seccomp]).with(EPERM),
    speaks(&["sethostname"], Step::Hostname, LSM_MOUNT).with(EACCES),
    speaks(&["session keyring"], Step::SessionKeyring, &[Cause::KeyQuota]).with(&[Errno::EDQUOT]),
    speaks(&["session key"], Step::SessionKeyring, &[Cause::KeyQuota]).with(&[Errno::EDQUOT]),
    speaks(&["keyctl"], Step::SessionKeyring, &[Cause::Seccomp]).with(EPERM),
    speaks(&["session key"], Step::SessionKeyring, &[Cause::Seccomp]).with(EPERM),
    speaks(&["failed to unshare remaining namespaces"], Step::StepMountNamespace, &[Cause::UsernsExhausted]).with(LIMIT),
    speaks(&["mounting \"proc\""], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mounting \"proc\""], Step::Proc, &[Cause::MaskedProc, Cause::Selinux, Cause::ApparmorProfile]).with(EACCES),
    speaks(&["mount proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount `proc`"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount `/proc`"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount /proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mounting proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount: /proc"], Step::Proc, NO_PROC).with(REFUSED),
    speaks(&["mount(\"proc\""], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount proc"], Step::Proc, &[Cause::MaskedProc, Cause::Selinux, Cause::ApparmorProfile]).with(EACCES),
    speaks(&["mount `proc`"], Step::Proc, &[Cause::MaskedProc, Cause::Selinux, Cause::ApparmorProfile]).with(EACCES),
    speaks(&["devpts"], Step::Devpts, &[Cause::Selinux, Cause::ApparmorOrSelinux]).with(EACCES),
    speaks(&["devpts"], Step::Devpts, &[Cause::SubidConfig]).with(EINVAL),
    speaks(&["mqueue"], Step::Mqueue, &[Cause::Selinux, Cause::ApparmorOrSelinux]).with(EACCES),
    speaks(&["pivot_root"], Step::PivotRoot, LSM_MOUNT).with(EACCES),
    speaks(&["pivot_root"], Step::PivotRoot, &[Cause::Seccomp]).with(EPERM),
    // The same with errors of which nothing is known.
    speaks(&["sethostname"], Step::Hostname, &[]),
    speaks(&["session keyring"], Step::SessionKeyring, &[]),
    speaks(&["failed to unshare remaining namespaces"], Step::StepMountNamespace, &[]),
    speaks(&["mounting \"proc\""], Step::Proc, &[]),
    speaks(&["mount proc:/proc"], Step::Proc, &[]),
    speaks(&["mounting \"devpts\""], Step::Devpts, &[]),
    speaks(&["mounting \"mqueue\""], Step::Mqueue, &[]),
    speaks(&["pivot_root"], Step::PivotRoot, &[]),
    // Mounts of the state dir.
    speaks(&["rbind", "ro"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["type:bind"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["containerd-mount", "overlay"], Step::Overlay, &[Cause::OverlayBackingFs, Cause::OverlayUsernsKernel]).with(EINVAL),
    speaks(&["containerd-mount", "overlay"], Step::Overlay, &[Cause::OverlayUsernsKernel, Cause::LockedMountFlags]).with(EPERM),
    speaks(&["containerd-mount"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["buildkit-mount"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["remount"], Step::ReadOnlyRemount, &[Cause::LockedMountFlags]).with(EPERM),
    speaks(&["/run/user"], Step::RuntimeDir, &[Cause::RuntimeDir, Cause::ReadOnlyRoot, Cause::ImageUser])
        .with(&[Errno::EACCES, Errno::EROFS]),
    // FUSE, before what speaks of overlays.
    names(&["fuse: device not found"], &[Cause::DevFuse]).at(Step::Fuse),
    names(&["modprobe fuse"], &[Cause::DevFuse]).at(Step::Fuse),
    names(&["/dev/fuse"], &[Cause::DevFuse]).at(Step::Fuse),
    names(&["fusermount"], &[Cause::DevFuse]).at(Step::Fuse),
    speaks(&["fuse: mount failed"], Step::Fuse, &[Cause::DevFuse]),
    speaks(&["fuse-overlayfs"], Step::Fuse, &[Cause::DevFuse]).with(REFUSED),
    speaks(&["fuse-overlayfs", "no such device"], Step::Fuse, &[Cause::DevFuse]),
    names(&["fuse-overlayfs", "not found"], &[Cause::DevFuse]).at(Step::Fuse).weighs(Weight::Follows),
    // Overlays.
    names(&["not supported over overlay"], &[Cause::OverlayBackingFs]).at(Step::Overlay),
    names(&["backing file system is unsupported"], &[Cause::OverlayBackingFs]).at(Step::Overlay),
    names(&["not supported as upperdir"], &[Cause::OverlayBackingFs]).at(Step::Overlay),
    names(&["maximum fs stacking depth"], &[Cause::OverlayBackingFs]).at(Step::Overlay),
    speaks(&["whiteout"], Step::OverlayChange, &[Cause::OverlayNoXattr, Cause::OverlayUsernsKernel]).with(&[Errno::EPERM, Errno::EIO]),
    speaks(&["overlay"], Step::Overlay, &[Cause::OverlayBackingFs]).with(EINVAL),
    speaks(&["overlay"], Step::Overlay, &[Cause::OverlayUsernsKernel]).with(EPERM),
    speaks(&["overlay", "no such device"], Step::Overlay, &[Cause::OverlayUsernsKernel]),
    speaks(&["overlay", "not supported"], Step::Overlay, &[Cause::OverlayBackingFs, Cause::OverlayUsernsKernel]),
    speaks(&["overlay", "busy"], Step::OverlayChange, &[Cause::SnapshotterBug]),
    speaks(&["snapshots", "busy"], Step::OverlayChange, &[Cause::SnapshotterBug]),
    speaks(&["unlinkat", "busy"], Step::OverlayChange, &[Cause::SnapshotterBug]),
    speaks(&["stale file handle"], Step::OverlayChange, &[Cause::SnapshotterBug]),
    speaks(&["failed to rename", "file exists"], Step::OverlayChange, &[Cause::SnapshotterBug]),
    speaks(&["overlay", "input/output error"], Step::OverlayChange, &[Cause::OverlayNoXattr]),
    speaks(&["/merged"], Step::OverlayChange, &[Cause::Selinux, Cause::ApparmorOrSelinux]).with(EACCES),
    speaks(&["overlay"], Step::Overlay, &[Cause::Selinux, Cause::ApparmorOrSelinux]).with(EACCES),
    speaks(&["preparing rootfs"], Step::BindMount, &[Cause::Selinux, Cause::ApparmorOrSelinux]).with(EACCES),
    speaks(&["preparing rootfs"], Step::BindMount, NO_BIND).with(EPERM),
    speaks(&["security.capability"], Step::FileCapability, &[Cause::StateDirXattr]),
    speaks(&["failed to set capabilities"], Step::FileCapability, &[Cause::StateDirXattr]),
    speaks(&["setxattr"], Step::FileCapability, &[Cause::StateDirXattr]),
    // Propagation of /.
    speaks(&["failed to share mount point"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["failed to share mount point"], Step::PrivateRoot, &[Cause::Seccomp, Cause::ApparmorProfile, Cause::PlatformSandbox]),
    speaks(&["ms_private"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["make-rprivate"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["make-rslave"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    // The first clone.
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(
        &["fork/exec /proc/self/exe"],
        Step::UserNamespace,
        &[Cause::ApparmorProfile, Cause::UsernsApparmorRestrict, Cause::Selinux, Cause::ApparmorOrSelinux],
    )
    .with(EACCES),
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, UNKNOWN_USERNS).with(EINVAL),
    speaks(&["clone_newuser"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["clone_newuser"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["clone_newuser"], Step::UserNamespace, LSM_USERNS).with(EACCES),
    speaks(&["clone_newuser"], Step::UserNamespace, UNKNOWN_USERNS).with(EINVAL),
    speaks(&["new namespace"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["new namespace"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["user namespace"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["user namespace"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["user namespace"], Step::UserNamespace, LSM_USERNS).with(EACCES),
    speaks(&["user namespace"], Step::UserNamespace, UNKNOWN_USERNS).with(EINVAL),
    speaks(&["unshare"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["unshare"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["unshare"], Step::UserNamespace, LSM_USERNS).with(EACCES),
    speaks(&["unshare"], Step::UserNamespace, UNKNOWN_USERNS).with(EINVAL),
    speaks(&["cannot clone"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["cannot clone"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["clone:"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["clone:"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["no permissions to create", "namespace"], Step::UserNamespace, NO_USERNS),
    speaks(&["new namespace"], Step::UserNamespace, LSM_USERNS).with(EACCES),
    speaks(&["final child's pid from pipe"], Step::UserNamespace, AT_LIMIT).weighs(Weight::Follows),
    speaks(&["setns process"], Step::UserNamespace, &[Cause::UsernsMax0, Cause::UsernsClone0, Cause::Seccomp]).weighs(Weight::Follows),
    speaks(&["failed to start the child"], Step::UserNamespace, NO_USERNS),
    // Directories.
    speaks(&["creating a state directory"], Step::TempDir, &[Cause::ImageUser, Cause::ReadOnlyRoot, Cause::TempDir]),
    speaks(&["rootlesskit", "directory under /tmp"], Step::TempDir, &[Cause::TempDir, Cause::ReadOnlyRoot]),
    speaks(&["could not create", "buildkit"], Step::StateDir, &[Cause::StateDir, Cause::ReadOnlyRoot, Cause::ImageUser]).with(REFUSED),
    speaks(&["mkdir", "buildkit"], Step::StateDir, &[Cause::StateDir, Cause::ImageUser]).with(EACCES),
    speaks(&["read-only file system"], Step::StateDir, &[Cause::ReadOnlyRoot, Cause::StateDir, Cause::OverlayReadOnly])
        .weighs(Weight::Follows),
    speaks(&["input/output error"], Step::OverlayChange, &[Cause::OverlayNoXattr]).weighs(Weight::Follows),
    speaks(&["disk quota exceeded"], Step::StateDir, &[Cause::DiskSpace]),
    names(&["low on resource: ephemeral-storage"], &[Cause::DiskSpace]),
    // Of all errors that the kernel gives to a mount only a security module's is this one.
    speaks(&["mount"], Step::BindMount, LSM_MOUNT).with(EACCES).weighs(Weight::Follows),
    speaks(&["no space left on device"], Step::StateDir, &[Cause::DiskSpace]).with(FULL).weighs(Weight::Follows),
    // An ordinary program of a build step.
    speaks(&["unable to start container process: exec:"], Step::Execute, &[Cause::LockedMountFlags]).with(EACCES),
    speaks(&["unable to start container process: exec:"], Step::Execute, &[]),
    // Stages.
    names(&["failed to create pod sandbox"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["failedcreatepodsandbox"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["createcontainererror"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["failed to create containerd task"], NO_POD_USERNS).weighs(Weight::Stage),
];
