//! Which causes a failing cell can have: by what its settings put there, and by what the build's error says. Neither says
//! whether the build fails: that is measured.

use crate::cell::{Cell, Helper, Mode, Owner, Proc, Seccomp, State};
use crate::outcome::Build;
use crate::support::oci::Caps;
use buildkit_preflight::cause::Cause;

/// The causes that a cell's settings put there, in the order in which the kernel comes to them.
pub(crate) fn by_settings(cell: &Cell) -> Vec<Cause> {
    let (settings, context) = (&cell.settings, &cell.context);
    let number = |name: &str| settings.number(name);
    let max = number("user.max_user_namespaces");
    let set = |prefix: &str| settings.sysctls.keys().any(|name| name.starts_with(prefix));
    let limited = settings
        .sysctls()
        .iter()
        .any(|(name, value)| name.starts_with("user.max_") && (*name, value.as_str()) != ("user.max_user_namespaces", "0"));
    // Root of the pod makes no user namespace of its own.
    let rootless = cell.profile.uid() != 0;
    let pod = context.map_size.is_some();
    let filtered = context.seccomp != Seccomp::Unconfined && !context.privileged;
    let confined = cell.boot.apparmor_on && (context.apparmor != "unconfined" || !settings.node_profiles.is_empty());
    let flags = settings.state_flags();
    let outside = |first: u64, number: u64| context.map_size.is_some_and(|ids| first + number > u64::from(ids));
    let range = context.subuid.as_deref().unwrap_or("100000:65536").split_once(':');
    let range = range.and_then(|(first, number)| Some((first.parse::<u64>().ok()?, number.parse::<u64>().ok()?)));
    let old = ["4.", "5."].iter().any(|start| cell.kernel.starts_with(start));
    let strange = context.uid != cell.profile.uid() || context.gid.is_some() || context.files.contains_key("/etc/passwd");
    let has = |name: &str| context.env.contains_key(name);
    // The kubelet gives a claim to this group, which a rootless builder's user namespace does not have.
    let unmapped = rootless && context.fs_group.is_some_and(|group| group != context.gid.unwrap_or(context.uid));
    let server = matches!(settings.state, State::Nfs | State::NfsRootSquash | State::Virtiofs | State::FuseNoChown | State::FuseUser);
    // BuildKit uses none on tmpfs, which has them since Linux 6.6.
    let without_user_xattrs = matches!(settings.state, State::Ext4NoUserXattr | State::Tmpfs);
    let full = settings.state_free.is_some() || settings.state_inodes.is_some() || settings.state_quota.is_some();
    let fuse = (context.fuse_device || context.privileged) && settings.fuse_module;
    let rows = [
        (Cause::Yama, pod && number("kernel.yama.ptrace_scope") == Some(3)),
        (Cause::UsernsPodRuntime, pod),
        (Cause::Seccomp, filtered),
        (Cause::UsernsClone0, rootless && number("kernel.unprivileged_userns_clone") == Some(0)),
        (Cause::UsernsMax0, max == Some(0)),
        (Cause::UsernsExhausted, limited),
        (Cause::ApparmorProfile, confined),
        (Cause::Selinux, cell.boot.selinux_on && settings.selinux_mode == Mode::Enforcing && context.selinux.starts_with("container_")),
        (Cause::CapsDropped, rootless && context.caps == Caps::DropAll && !context.privileged),
        (Cause::NoNewPrivs, rootless && context.no_new_privs),
        // A setuid bit gives no CAP_SYS_ADMIN in a container, which the kernel wants of a root that does not own the namespace.
        (Cause::IdmapHelper, rootless && context.idmap_helper != Helper::Filecaps),
        (Cause::ImageUser, strange),
        (Cause::SubidConfig, rootless && (context.subuid.is_some() || strange)),
        (Cause::NestedUsernsRange, rootless && range.is_some_and(|(first, number)| outside(first, number))),
        (Cause::ReadOnlyRoot, context.read_only_root),
        (Cause::TempDir, has("TMPDIR")),
        (
            Cause::StateDir,
            flags.contains(&"ro")
                || matches!(settings.state, State::Hung | State::FuseNoMmap | State::FuseNoSymlink)
                || settings.state_owner == Owner::Root
                || strange,
        ),
        (Cause::RuntimeDir, has("XDG_RUNTIME_DIR")),
        (Cause::OverlayNoXattr, (rootless || pod) && !old && without_user_xattrs),
        (Cause::OverlayReadOnly, settings.state == State::FuseUser),
        (Cause::StateDirChown, server || unmapped),
        // An NFS server keeps `user.*` attributes alone.
        (Cause::StateDirXattr, matches!(settings.state, State::FuseNoXattr | State::Nfs | State::NfsRootSquash)),
        (Cause::OverlayUsernsKernel, old && (rootless || pod)),
        (Cause::OverlayBackingFs, settings.state == State::Overlay),
        (Cause::DevFuse, !fuse),
        (Cause::LockedMountFlags, !flags.is_empty()),
        (Cause::KeyQuota, set("kernel.keys.")),
        (Cause::MaskedProc, context.process_sandbox && context.proc != Proc::Unmasked && !context.privileged),
        // A volume in memory has 512 MiB, which a build of some MiB does not fill, but a size is a size.
        (Cause::DiskSpace, settings.state == State::Tmpfs || full),
    ];
    rows.into_iter().filter_map(|(cause, there)| there.then_some(cause)).collect()
}

/// Causes that make a builder slow or big and never stop it.
pub(crate) const HARMLESS: [Cause; 3] = [Cause::OverlayUsernsKernel, Cause::OverlayBackingFs, Cause::DevFuse];

/// What the build's error can mean, by stage and text; nothing for one that says nothing known.
pub(crate) fn by_error(build: &Build) -> &'static [Cause] {
    use Cause::{
        ApparmorProfile, CapsDropped, DiskSpace, IdmapHelper, ImageUser, KeyQuota, LockedMountFlags, MaskedProc, NestedUsernsRange,
        NoNewPrivs, OverlayNoXattr, OverlayReadOnly, ReadOnlyRoot, RuntimeDir, Seccomp, Selinux, StateDir, StateDirChown, StateDirXattr,
        SubidConfig, TempDir, UsernsClone0, UsernsExhausted, UsernsMax0, UsernsPodRuntime, Yama,
    };
    let rows: &[(&str, &[&str], &[Cause])] = &[
        ("container", &["unshare user namespace", "no space left"], &[UsernsMax0, UsernsExhausted]),
        ("container", &["create userns", "no space left"], &[UsernsMax0, UsernsExhausted]),
        ("container", &["unshare remaining namespaces", "no space left"], &[UsernsExhausted]),
        ("container", &["no space left"], &[UsernsMax0, UsernsExhausted]),
        ("container", &["mount_attr_idmap"], &[UsernsPodRuntime]),
        ("container", &["create userns", "operation not permitted"], &[Yama]),
        ("daemon", &["newuidmap", "exec", "not permitted"], &[CapsDropped]),
        ("daemon", &["uid_map failed", "not permitted"], &[NoNewPrivs, IdmapHelper, ImageUser, SubidConfig, NestedUsernsRange, Selinux]),
        ("daemon", &["newuidmap", "not found"], &[IdmapHelper]),
        ("daemon", &["no such file", "newuidmap"], &[IdmapHelper]),
        ("daemon", &["subuid"], &[ImageUser, SubidConfig]),
        ("daemon", &["exec /proc/self/exe", "not permitted"], &[Seccomp, Selinux, UsernsClone0]),
        ("daemon", &["exec /proc/self/exe", "no space left"], &[UsernsMax0, UsernsExhausted]),
        ("daemon", &["exec /proc/self/exe", "permission denied"], &[ApparmorProfile, Selinux]),
        ("daemon", &["share mount point", "permission denied"], &[ApparmorProfile, Selinux]),
        ("daemon", &["read-only file system"], &[ReadOnlyRoot, StateDir]),
        ("daemon", &["creating a state directory"], &[ImageUser, TempDir]),
        ("daemon", &["listen unix"], &[RuntimeDir]),
        // A database that can't be mapped.
        ("daemon", &["no such device"], &[StateDir]),
        ("daemon", &["permission denied"], &[ImageUser, StateDir, RuntimeDir]),
        ("daemon", &["no space left"], &[UsernsExhausted, DiskSpace]),
        ("run", &["devpts", "permission denied"], &[Selinux]),
        ("run", &["sethostname", "not permitted"], &[Seccomp]),
        ("run", &["session key", "not permitted"], &[Seccomp]),
        ("run", &["dst=/proc", "not permitted"], &[MaskedProc]),
        ("run", &["mounting \"proc\"", "not permitted"], &[MaskedProc]),
        ("run", &["chown", "not permitted"], &[StateDirChown]),
        ("run", &["ln:", "not permitted"], &[StateDir]),
        ("copy", &["symlink", "not permitted"], &[StateDir]),
        ("run", &["input/output error"], &[OverlayNoXattr]),
        ("run", &["setcap"], &[StateDirXattr]),
        ("run", &["setfattr"], &[OverlayNoXattr, StateDirXattr]),
        ("copy", &["lchown", "not permitted"], &[StateDirChown]),
        // In a directory of another owner.
        ("copy", &["permission denied"], &[StateDirChown]),
        ("unknown", &["lchown", "not permitted"], &[StateDirChown]),
        // A step whose layers another one waits for.
        ("copy", &["namespaces", "no space left"], &[UsernsExhausted]),
        ("copy", &["no space left"], &[DiskSpace]),
        ("copy", &["quota"], &[DiskSpace]),
        // overlayfs that could not make its work directory.
        ("copy", &["read-only file system"], &[DiskSpace, OverlayReadOnly]),
        ("unknown", &["read-only file system"], &[DiskSpace, OverlayReadOnly]),
        ("export", &["no space left"], &[DiskSpace]),
        // A context that does not fit belongs to no step of the build.
        ("unknown", &["namespaces", "no space left"], &[UsernsExhausted]),
        ("unknown", &["no space left"], &[DiskSpace]),
        ("unknown", &["quota"], &[DiskSpace]),
        ("run", &["/bin/sh", "permission denied"], &[LockedMountFlags]),
        ("run", &["namespaces", "no space left"], &[UsernsExhausted]),
        ("run", &["quota"], &[KeyQuota, DiskSpace]),
    ];
    let text = build.error.as_deref().unwrap_or_default().to_lowercase();
    let fits = |(stage, words, _): &&(&str, &[&str], &[Cause])| build.stage == Some(stage) && words.iter().all(|word| text.contains(word));
    rows.iter().find(fits).map_or(&[], |(_, _, causes)| *causes)
}
