//! What the messages of rootlesskit, runc, BuildKit, containerd, the kubelet, the API server and their kin speak of.

use crate::cause::Cause::{self, *};
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
const NO_USERNS: &[Cause] = &[Seccomp, UsernsClone0, UsernsApparmorRestrict, UsernsEl7Cmdline, PlatformSandbox];
/// The same where a security module refused.
const LSM_USERNS: &[Cause] = &[UsernsApparmorRestrict, ApparmorProfile, Selinux, ApparmorOrSelinux];
/// The same of a mount.
const LSM_MOUNT: &[Cause] = &[ApparmorProfile, UsernsApparmorRestrict, Selinux, ApparmorOrSelinux];
const AT_LIMIT: &[Cause] = &[UsernsMax0, UsernsExhausted, UsernsMaxLevel];
/// The kernel does not know the flag, or does not allow it to anybody.
const UNKNOWN_USERNS: &[Cause] = &[UsernsKconfig, UsernsMax0, UsernsEl7Cmdline];
const NO_MAP: &[Cause] = &[NestedUsernsRange, CapsDropped, NoNewPrivs, IdmapHelper, SubidConfig];
const OWN_MAP: &[Cause] = &[UsernsApparmorRestrict, NestedUsernsRange, CapsDropped, SubidConfig];
const NO_PROC: &[Cause] = &[MaskedProc, ProcmountRuntime];
const NO_BIND: &[Cause] = &[LockedMountFlags, WrongImageOrUid];
/// A runtime that can't give a pod what it asks for.
const NO_POD_USERNS: &[Cause] = &[UsernsPodRuntime, UsernsMax0];

/// All of them: of those that fit a line the first counts.
pub const SIGNATURES: &[Signature] = &[
    // The API server and its plugins.
    names(&["hostusers", "must be false to use", "unmasked"], &[ProcmountAdmission]),
    names(&["procmounttype is not allowed"], &[AdmissionPolicy]),
    names(&["procmount", "invalid value", "unmasked"], &[ProcmountAdmission]),
    names(&["procmount", "forbidden:", "unmasked"], &[ProcmountAdmission]),
    names(&["violates podsecurity"], &[AdmissionPolicy]),
    names(&["unable to validate against any security context constraint"], &[AdmissionPolicy]),
    names(&["unable to validate against any pod security policy"], &[AdmissionPolicy]),
    names(&["admission webhook", "denied the request"], &[AdmissionPolicy]),
    names(&["validatingadmissionpolicy", "denied request"], &[AdmissionPolicy]),
    names(&["disallowed by cluster policy"], &[AdmissionPolicy]),
    names(&["privileged containers are not allowed"], &[AdmissionPolicy]),
    names(&["gke warden rejected"], &[AdmissionPolicy]),
    // Kubelet and runtime, of a pod with a user namespace.
    names(&["can't set `spec.hostusers: false`"], NO_POD_USERNS),
    names(&["kernel does not support user namespaces"], &[UsernsKconfig]),
    names(&["does not support user namespaces"], NO_POD_USERNS),
    names(&["user namespaces", "not supported"], NO_POD_USERNS),
    names(&["mount_attr_idmap"], NO_POD_USERNS),
    names(&["mount_setattr"], NO_POD_USERNS),
    names(&["getsubids"], NO_POD_USERNS),
    names(&["doesn't support idmap mounts"], NO_POD_USERNS),
    names(&["idmap mount", "not support"], NO_POD_USERNS),
    names(&["idmapped mounts", "not support"], NO_POD_USERNS),
    names(&["failed to create userns for"], &[Yama, UsernsPodRuntime]),
    speaks(&["noop process for unshare"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["noop process for unshare"], Step::UserNamespace, NO_POD_USERNS),
    names(&["failed to update /proc/self/oom_score_adj"], &[RuntimeDefault]),
    names(&["exec failed", "setns process"], &[RuntimeRegression]).weighs(Weight::Speaks),
    // The audit log.
    names(&["apparmor=\"denied\"", "unprivileged_userns"], &[UsernsApparmorRestrict]),
    names(&["apparmor=\"denied\"", "userns_create"], &[UsernsApparmorRestrict, ApparmorProfile]),
    names(&["apparmor=\"denied\""], &[ApparmorProfile]),
    names(&["avc:", "denied"], &[Selinux]),
    names(&["selinux", "prevent"], &[Selinux]),
    names(&["security.selinux"], &[Selinux]).with(REFUSED),
    names(&["selinux label"], &[Selinux]).with(REFUSED),
    // What says which switch it is.
    names(&["apparmor_restrict_unprivileged_userns"], &[UsernsApparmorRestrict]),
    names(&["unprivileged_userns_clone"], &[UsernsClone0]),
    names(&["kernel.userns_max_level"], &[UsernsMaxLevel]),
    names(&["max_user_namespaces", "non-zero"], &[UsernsMax0]),
    names(&["not enabled in /proc/sys/user/max_user_namespaces"], &[UsernsMax0]),
    names(&["max_user_namespaces"], AT_LIMIT).weighs(Weight::Speaks),
    names(&["user_namespace.enable"], &[UsernsEl7Cmdline]),
    names(&["namespace.unpriv_enable"], &[UsernsEl7Cmdline]),
    names(&["config_user_ns"], &[UsernsKconfig]),
    names(&["ns/user", "no such file or directory"], &[UsernsKconfig]),
    names(&["ptrace_scope"], &[Yama]),
    names(&["user namespaces are disabled"], &[UsernsMax0, UsernsClone0]),
    names(&["user namespaces", "not enabled"], &[UsernsMax0, UsernsClone0]),
    names(&["user namespaces", "not available"], &[UsernsKconfig, UsernsMax0, UsernsClone0]),
    // buildkitd without rootlesskit, and images.
    names(&["requires to be executed as the mapped root"], &[WrongImageOrUid, ImagePackaging]),
    names(&["needs to be started with root"], &[WrongImageOrUid]),
    speaks(&["/run/buildkit"], Step::RuntimeDir, &[WrongImageOrUid, ImageUser]).with(EACCES),
    speaks(&["/var/lib/buildkit"], Step::StateDir, &[WrongImageOrUid, ImageUser, StateDir]).with(EACCES),
    names(&["rootlesskit", "executable file not found"], &[ImagePackaging]),
    names(&["buildkitd", "executable file not found"], &[ImagePackaging]),
    names(&["buildctl-daemonless", "not found"], &[ImagePackaging]),
    names(&["rootlesskit", "not found"], &[ImagePackaging]).weighs(Weight::Speaks),
    names(&["rootlesskit", "no such file or directory", "exec"], &[ImagePackaging]).weighs(Weight::Speaks),
    names(&["exec format error"], &[Emulation]),
    names(&["invalid elf image for this architecture"], &[Emulation]),
    names(&["binfmt_misc"], &[Emulation]).weighs(Weight::Speaks),
    // Maps of IDs.
    names(&["should have setuid or have filecaps"], &[IdmapHelper]).at(Step::UidMap),
    names(&["newuidmap", "not found"], &[IdmapHelper]).at(Step::UidMap),
    names(&["newgidmap", "not found"], &[IdmapHelper]).at(Step::GidMap),
    names(&["uidmap", "not installed"], &[IdmapHelper]).at(Step::UidMap),
    names(&["single mapping"], &[SubidConfig]).at(Step::UidMap),
    speaks(&["could not set caps"], Step::UidMap, &[NoNewPrivs, IdmapHelper, ApparmorProfile, PlatformSandbox]),
    names(&["no_new_privs"], &[NoNewPrivs]).at(Step::UidMap),
    names(&["no new privileges"], &[NoNewPrivs]).at(Step::UidMap),
    speaks(&["fork/exec", "newuidmap"], Step::UidMap, &[CapsDropped, NoNewPrivs]).with(EPERM),
    speaks(&["fork/exec", "newgidmap"], Step::GidMap, &[CapsDropped, NoNewPrivs]).with(EPERM),
    names(&["owned by a different user"], &[SubidConfig, ImageUser]).at(Step::UidMap),
    names(&["cannot determine your user name"], &[SubidConfig, ImageUser]).at(Step::UidMap),
    names(&["unknown userid"], &[SubidConfig, ImageUser]).at(Step::SubIdRange),
    names(&["uid range", "not allowed"], &[SubidConfig]).at(Step::UidMap),
    names(&["gid range", "not allowed"], &[SubidConfig]).at(Step::GidMap),
    names(&["ranges found for"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["no subuid"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["no subgid"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["cannot find", "mappings for user"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["cannot find uid/gid for user"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["no matching entries in passwd"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["/etc/subuid"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["/etc/subgid"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["not enough ids available"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["might not be enough ids"], &[SubidConfig]).at(Step::SubIdRange),
    names(&["insufficient uids or gids"], &[SubidConfig]).at(Step::SubIdRange),
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
    speaks(&["uid_map"], Step::UidMap, &[SubidConfig]).with(EINVAL),
    speaks(&["gid_map"], Step::GidMap, &[SubidConfig]).with(EINVAL),
    speaks(&["/setgroups"], Step::GidMap, LSM_USERNS).with(REFUSED),
    speaks(&["newuidmap", "failed"], Step::UidMap, NO_MAP),
    speaks(&["newgidmap", "failed"], Step::GidMap, NO_MAP),
    speaks(&["lchown"], Step::Chown, &[SubidConfig, StateDirChown]).with(EINVAL),
    speaks(&["chown"], Step::Chown, &[SubidConfig, StateDirChown]).with(EINVAL),
    speaks(&["chown"], Step::Chown, &[StateDirChown, SubidConfig]).with(EPERM),
    // A build step: runc and crun.
    speaks(&["sethostname"], Step::Hostname, &[Seccomp]).with(EPERM),
    speaks(&["sethostname"], Step::Hostname, LSM_MOUNT).with(EACCES),
    speaks(&["session keyring"], Step::SessionKeyring, &[KeyQuota]).with(&[Errno::EDQUOT]),
    speaks(&["session key"], Step::SessionKeyring, &[KeyQuota]).with(&[Errno::EDQUOT]),
    speaks(&["keyctl"], Step::SessionKeyring, &[Seccomp]).with(EPERM),
    speaks(&["session key"], Step::SessionKeyring, &[Seccomp]).with(EPERM),
    speaks(&["failed to unshare remaining namespaces"], Step::StepMountNamespace, &[UsernsExhausted]).with(LIMIT),
    speaks(&["mounting \"proc\""], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mounting \"proc\""], Step::Proc, &[MaskedProc, Selinux, ApparmorProfile]).with(EACCES),
    speaks(&["mount proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount `proc`"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount `/proc`"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount /proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mounting proc"], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount: /proc"], Step::Proc, NO_PROC).with(REFUSED),
    speaks(&["mount(\"proc\""], Step::Proc, NO_PROC).with(EPERM),
    speaks(&["mount proc"], Step::Proc, &[MaskedProc, Selinux, ApparmorProfile]).with(EACCES),
    speaks(&["mount `proc`"], Step::Proc, &[MaskedProc, Selinux, ApparmorProfile]).with(EACCES),
    speaks(&["devpts"], Step::Devpts, &[Selinux, ApparmorOrSelinux]).with(EACCES),
    speaks(&["devpts"], Step::Devpts, &[SubidConfig]).with(EINVAL),
    speaks(&["mqueue"], Step::Mqueue, &[Selinux, ApparmorOrSelinux]).with(EACCES),
    speaks(&["pivot_root"], Step::PivotRoot, LSM_MOUNT).with(EACCES),
    speaks(&["pivot_root"], Step::PivotRoot, &[Seccomp]).with(EPERM),
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
    speaks(&["containerd-mount", "overlay"], Step::Overlay, &[OverlayBackingFs, OverlayUsernsKernel]).with(EINVAL),
    speaks(&["containerd-mount", "overlay"], Step::Overlay, &[OverlayUsernsKernel, LockedMountFlags]).with(EPERM),
    speaks(&["containerd-mount"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["buildkit-mount"], Step::ReadOnlyRemount, NO_BIND).with(EPERM),
    speaks(&["remount"], Step::ReadOnlyRemount, &[LockedMountFlags]).with(EPERM),
    speaks(&["/run/user"], Step::RuntimeDir, &[RuntimeDir, ReadOnlyRoot, ImageUser]).with(&[Errno::EACCES, Errno::EROFS]),
    // FUSE, before what speaks of overlays.
    names(&["fuse: device not found"], &[DevFuse]).at(Step::Fuse),
    names(&["modprobe fuse"], &[DevFuse]).at(Step::Fuse),
    names(&["/dev/fuse"], &[DevFuse]).at(Step::Fuse),
    names(&["fusermount"], &[DevFuse]).at(Step::Fuse),
    speaks(&["fuse: mount failed"], Step::Fuse, &[DevFuse]),
    speaks(&["fuse-overlayfs"], Step::Fuse, &[DevFuse]).with(REFUSED),
    speaks(&["fuse-overlayfs", "no such device"], Step::Fuse, &[DevFuse]),
    names(&["fuse-overlayfs", "not found"], &[DevFuse]).at(Step::Fuse).weighs(Weight::Follows),
    // Overlays.
    names(&["not supported over overlay"], &[OverlayBackingFs]).at(Step::Overlay),
    names(&["backing file system is unsupported"], &[OverlayBackingFs]).at(Step::Overlay),
    names(&["not supported as upperdir"], &[OverlayBackingFs]).at(Step::Overlay),
    names(&["maximum fs stacking depth"], &[OverlayBackingFs]).at(Step::Overlay),
    speaks(&["whiteout"], Step::OverlayChange, &[OverlayNoXattr, OverlayUsernsKernel]).with(&[Errno::EPERM, Errno::EIO]),
    speaks(&["overlay"], Step::Overlay, &[OverlayBackingFs]).with(EINVAL),
    speaks(&["overlay"], Step::Overlay, &[OverlayUsernsKernel]).with(EPERM),
    speaks(&["overlay", "no such device"], Step::Overlay, &[OverlayUsernsKernel]),
    speaks(&["overlay", "not supported"], Step::Overlay, &[OverlayBackingFs, OverlayUsernsKernel]),
    speaks(&["overlay", "busy"], Step::OverlayChange, &[SnapshotterBug]),
    speaks(&["snapshots", "busy"], Step::OverlayChange, &[SnapshotterBug]),
    speaks(&["unlinkat", "busy"], Step::OverlayChange, &[SnapshotterBug]),
    speaks(&["stale file handle"], Step::OverlayChange, &[SnapshotterBug]),
    speaks(&["failed to rename", "file exists"], Step::OverlayChange, &[SnapshotterBug]),
    speaks(&["overlay", "input/output error"], Step::OverlayChange, &[OverlayNoXattr]),
    speaks(&["/merged"], Step::OverlayChange, &[Selinux, ApparmorOrSelinux]).with(EACCES),
    speaks(&["overlay"], Step::Overlay, &[Selinux, ApparmorOrSelinux]).with(EACCES),
    speaks(&["preparing rootfs"], Step::BindMount, &[Selinux, ApparmorOrSelinux]).with(EACCES),
    speaks(&["preparing rootfs"], Step::BindMount, NO_BIND).with(EPERM),
    speaks(&["security.capability"], Step::FileCapability, &[StateDirXattr]),
    speaks(&["failed to set capabilities"], Step::FileCapability, &[StateDirXattr]),
    speaks(&["setxattr"], Step::FileCapability, &[StateDirXattr]),
    // Propagation of /.
    speaks(&["failed to share mount point"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["failed to share mount point"], Step::PrivateRoot, &[Seccomp, ApparmorProfile, PlatformSandbox]),
    speaks(&["ms_private"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["make-rprivate"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    speaks(&["make-rslave"], Step::PrivateRoot, LSM_MOUNT).with(EACCES),
    // The first clone.
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, AT_LIMIT).with(LIMIT),
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, NO_USERNS).with(EPERM),
    speaks(&["fork/exec /proc/self/exe"], Step::UserNamespace, &[ApparmorProfile, UsernsApparmorRestrict, Selinux, ApparmorOrSelinux])
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
    speaks(&["setns process"], Step::UserNamespace, &[UsernsMax0, UsernsClone0, Seccomp]).weighs(Weight::Follows),
    speaks(&["failed to start the child"], Step::UserNamespace, NO_USERNS),
    // Directories.
    speaks(&["creating a state directory"], Step::TempDir, &[ImageUser, ReadOnlyRoot, TempDir]),
    speaks(&["rootlesskit", "directory under /tmp"], Step::TempDir, &[TempDir, ReadOnlyRoot]),
    speaks(&["could not create", "buildkit"], Step::StateDir, &[StateDir, ReadOnlyRoot, ImageUser]).with(REFUSED),
    speaks(&["mkdir", "buildkit"], Step::StateDir, &[StateDir, ImageUser]).with(EACCES),
    speaks(&["read-only file system"], Step::StateDir, &[ReadOnlyRoot, StateDir, OverlayReadOnly]).weighs(Weight::Follows),
    speaks(&["input/output error"], Step::OverlayChange, &[OverlayNoXattr]).weighs(Weight::Follows),
    speaks(&["disk quota exceeded"], Step::StateDir, &[DiskSpace]),
    names(&["low on resource: ephemeral-storage"], &[DiskSpace]),
    // Of all errors that the kernel gives to a mount only a security module's is this one.
    speaks(&["mount"], Step::BindMount, LSM_MOUNT).with(EACCES).weighs(Weight::Follows),
    speaks(&["no space left on device"], Step::StateDir, &[DiskSpace]).with(FULL).weighs(Weight::Follows),
    // An ordinary program of a build step.
    speaks(&["unable to start container process: exec:"], Step::Execute, &[LockedMountFlags]).with(EACCES),
    speaks(&["unable to start container process: exec:"], Step::Execute, &[]),
    // Stages.
    names(&["failed to create pod sandbox"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["failedcreatepodsandbox"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["createcontainererror"], NO_POD_USERNS).weighs(Weight::Stage),
    names(&["failed to create containerd task"], NO_POD_USERNS).weighs(Weight::Stage),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Mark;
    use crate::explain::{Scan, explain};
    use crate::fact::Facts;
    use crate::profile::Profile;

    /// What a log says without any fact.
    fn causes(log: &str, profile: Profile) -> Vec<Cause> {
        let mut scan = Scan::new();
        scan.feed(log.as_bytes());
        let mut facts = Facts::unknown();
        facts.process.asked_user_namespace = crate::fact::Fact::Known(profile.has_pod_user_namespace());
        explain(&scan.finish(), &facts, profile, None).iter().map(|explained| explained.cause).collect()
    }

    #[test]
    fn each_message_can_be_found() {
        for signature in SIGNATURES {
            let error = signature.errnos.first().map_or("", |errno| errno.text());
            let line = format!("{}: {error}", signature.says.join(" "));
            let mut scan = Scan::new();
            scan.feed(line.to_uppercase().as_bytes());
            let log = scan.finish();
            let found = log.hits.first().map(|hit| hit.signature.says);
            assert_eq!(found, Some(signature.says), "{line}: an earlier row takes it");
            assert!(signature.says.iter().all(|word| *word == word.to_lowercase() && !word.is_empty()), "{line}");
        }
    }

    #[test]
    fn what_a_text_shows_is_explained_by_its_cause() {
        let mut silent = Vec::new();
        // The last one is what is left where no message is known.
        for cause in Cause::ALL.iter().filter(|cause| **cause != BuildFailed) {
            let about = cause.row().about;
            let shows = about.split("## How it shows").nth(1).and_then(|rest| rest.split("## ").next()).expect("each text has that part");
            let logs: Vec<_> = shows.split("```").skip(1).step_by(2).collect();
            assert!(!logs.is_empty(), "{cause} shows no message");
            let named = logs.iter().any(|log| causes(log.split_once('\n').expect("a line").1, Profile::Userns).contains(cause));
            if !named {
                silent.push((cause.id(), logs));
            }
        }
        assert!(silent.is_empty(), "{silent:#?}");
    }

    #[test]
    fn a_cause_that_no_fact_shows_is_told_by_its_words() {
        for row in Cause::ALL.iter().map(|cause| cause.row()).filter(|row| row.is(Mark::OfTexts)) {
            let log = row.example.log.expect("a log");
            assert_eq!(causes(log, Profile::NoProcessSandbox).first(), Some(&row.cause), "{log}");
        }
    }

    #[test]
    fn what_a_builder_says_where_all_is_well_speaks_of_nothing() {
        let log = r#"
time="2026-11-30T12:00:00Z" level=info msg="auto snapshotter: using overlayfs"
time="2026-11-30T12:00:00Z" level=warning msg="NoProcessSandbox is enabled. Note that NoProcessSandbox allows build containers to kill (and potentially ptrace) an arbitrary process in the BuildKit host namespace."
time="2026-11-30T12:00:00Z" level=info msg="found worker \"abc\", labels=map[org.mobyproject.buildkit.worker.executor:oci], platforms=[linux/amd64 linux/386]"
time="2026-11-30T12:00:00Z" level=warning msg="skipping containerd worker, as \"/run/containerd/containerd.sock\" does not exist"
time="2026-11-30T12:00:00Z" level=info msg="running server on /run/user/1000/buildkit/buildkitd.sock"
#7 [2/3] RUN apk add --no-cache fuse-overlayfs shadow-uidmap
#7 0.512 (1/4) Installing shadow-uidmap (4.17.3-r0)
#7 DONE 1.2s
"#;
        assert_eq!(causes(log, Profile::NoProcessSandbox), []);
    }
}
