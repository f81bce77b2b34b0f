//! A cell: what it is called, and what makes it differ from others.

use crate::support::oci::Caps;
use buildkit_preflight::profile::Profile;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One line of cells.json.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cell {
    pub(crate) id: String,
    /// The first numbers of the release: `6.12`.
    pub(crate) kernel: String,
    pub(crate) profile: Profile,
    /// What differs from the profile's baseline, in words; for people only.
    #[serde(default)]
    pub(crate) causes: Vec<String>,
    pub(crate) boot: Boot,
    pub(crate) settings: Settings,
    pub(crate) context: Context,
}

/// What only a boot can change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Boot {
    pub(crate) apparmor_on: bool,
    /// SELinux in its place, with Debian's policy.
    pub(crate) selinux_on: bool,
    /// The version of the cgroup hierarchy: 1 or 2.
    pub(crate) cgroup: u8,
    /// Cells with the same value share a boot with no others: what they do to the node can't be undone.
    pub(crate) own_boot: Value,
}

/// What is so on the node. All but `state` is the same for all its pods.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// By dotted names; numbers or text.
    pub(crate) sysctls: Map<String, Value>,
    pub(crate) state: State,
    /// Mount flags of the volume on the node: `nosuid,nodev`.
    pub(crate) state_flags: String,
    /// KiB that are left where the state dir lies; null for plenty.
    pub(crate) state_free: Option<u32>,
    /// Inodes that are left there; null for plenty.
    pub(crate) state_inodes: Option<u32>,
    /// `user:KiB:inodes` or `project:KiB:inodes`: a quota of the builder's user, or of the state dir; 0 for no bound.
    pub(crate) state_quota: Option<String>,
    pub(crate) state_owner: Owner,
    /// At least so many mounts more, on the node and in the container.
    pub(crate) mounts: u32,
    /// Whether the module is loaded, and so /dev/fuse can work.
    pub(crate) fuse_module: bool,
    /// The option of the node's /proc.
    pub(crate) hidepid: Option<Value>,
    /// Of the node's /.
    pub(crate) root_propagation: Propagation,
    /// AppArmor profiles loaded for this cell: Debian's by their path, ours of apparmor/node by their name.
    pub(crate) node_profiles: Vec<String>,
    /// What SELinux does with what its policy forbids.
    pub(crate) selinux_mode: Mode,
    /// Booleans of the policy that are on beside those that it has on: Debian's, and those of guest/selinux.cil.
    pub(crate) selinux_booleans: Vec<String>,
    /// `uid:number`: user namespaces that somebody holds already.
    pub(crate) hold_userns: Option<String>,
}

/// The container's security context.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    pub(crate) uid: u32,
    /// Null for the user's number.
    pub(crate) gid: Option<u32>,
    /// `fsGroup` of the pod: a group of the process, and of the volume as the kubelet gives it.
    pub(crate) fs_group: Option<u32>,
    /// `readOnlyRootFilesystem: true`.
    pub(crate) read_only_root: bool,
    /// Volumes beside that of the state dir, which everybody may write.
    pub(crate) empty_dirs: Vec<String>,
    /// Variables other than the image's.
    pub(crate) env: BTreeMap<String, String>,
    /// Files that lie over those of the image: path and text.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) seccomp: Seccomp,
    /// `unconfined`, `default` (containerd's), `buildkit-rootless` (ours, for nodes) or one in apparmor/.
    pub(crate) apparmor: String,
    /// The type of the process, where SELinux is on.
    pub(crate) selinux: String,
    pub(crate) no_new_privs: bool,
    pub(crate) caps: Caps,
    pub(crate) proc: Proc,
    /// The IDs in the pod's user namespace; null for the host's.
    pub(crate) map_size: Option<u32>,
    /// The range in /etc/subuid and /etc/subgid, `first:number`; null for the image's own.
    pub(crate) subuid: Option<String>,
    pub(crate) privileged: bool,
    pub(crate) process_sandbox: bool,
    /// Whether /dev/fuse is given to the container.
    pub(crate) fuse_device: bool,
    pub(crate) idmap_helper: Helper,
    /// Whether the volume keeps its flags inside. Recent runtimes drop some for pods in the host's user namespace.
    pub(crate) runtime_keeps_flags: bool,
}

/// What the state dir lies on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Ext4,
    /// Mounted with nouser_xattr.
    Ext4NoUserXattr,
    Xfs,
    /// Directories do not tell the types of their entries.
    XfsNoFtype,
    Btrfs,
    Tmpfs,
    /// No volume: the container's own root.
    Overlay,
    /// NFS 4.2 of the guest's own kernel, no_root_squash.
    Nfs,
    NfsRootSquash,
    /// A directory of the host.
    Virtiofs,
    /// A FUSE server that gives no file to another.
    FuseNoChown,
    /// A FUSE server without xattrs.
    FuseNoXattr,
    /// A FUSE server whose files can't be mapped for writing.
    FuseNoMmap,
    /// A FUSE server that takes no symbolic link.
    FuseNoSymlink,
    /// A FUSE server of user 1000's: overlayfs can be mounted there, but only read-only.
    FuseUser,
    /// A volume whose server fell silent.
    Hung,
}

/// Whose the volume is: an emptyDir is anybody's, a fresh claim is root's.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Owner {
    Anybody,
    Root,
}

/// What is done with what the policy of SELinux forbids: refused, or only logged.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Enforcing,
    Permissive,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Propagation {
    Shared,
    Private,
    Slave,
    Unbindable,
}

/// Whose default filter.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Seccomp {
    Unconfined,
    /// containerd's.
    Default,
    Crio,
    /// Ours, for nodes.
    Shipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Proc {
    Masked,
    Unmasked,
    /// Mounted with hidepid=2: no process of another user can be seen.
    Hidepid,
}

/// How newuidmap and newgidmap get their privilege.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Helper {
    Filecaps,
    Setuid,
    /// Not at all.
    Nocaps,
    /// They are not there.
    Missing,
    /// They never end.
    Blocks,
}

impl Context {
    /// The label of the process.
    pub(crate) fn process_label(&self) -> String {
        format!("system_u:system_r:{}:{}", self.selinux, self.selinux_level())
    }

    /// The label of the container's files and of its volumes.
    pub(crate) fn file_label(&self) -> String {
        format!("system_u:object_r:container_file_t:{}", self.selinux_level())
    }

    /// A runtime gives each pod two categories of its own, and who asks for `spc_t` asks for none.
    fn selinux_level(&self) -> &'static str {
        if self.selinux == "spc_t" { "s0" } else { "s0:c100,c200" }
    }
}

/// What a profile's cells are where they say nothing else.
pub(crate) fn baseline(profile: Profile) -> Value {
    let pod_user_namespace = profile.has_pod_user_namespace();
    json!({
        "boot": {"apparmor_on": true, "selinux_on": false, "cgroup": 2, "own_boot": null},
        "settings": {
            "sysctls": {}, "state": "ext4", "state_flags": "", "state_free": null, "state_inodes": null, "state_quota": null,
            "state_owner": "anybody", "mounts": 0, "fuse_module": true, "hidepid": null, "root_propagation": "shared", "node_profiles": [],
            "selinux_mode": "enforcing", "selinux_booleans": [], "hold_userns": null,
        },
        "context": {
            "uid": profile.uid(), "gid": null, "fs_group": null, "read_only_root": false, "empty_dirs": [], "env": {}, "files": {},
            "seccomp": "unconfined",
            "apparmor": "unconfined",
            // That which runtimes give; to a privileged container they give none, and it gets this by the policy.
            "selinux": if profile.is_privileged() { "spc_t" } else { "container_t" },
            "no_new_privs": false,
            "caps": "default",
            "proc": if profile.plan().process_sandbox { "unmasked" } else { "masked" },
            "map_size": pod_user_namespace.then_some(65_536),
            // What is left of the pod's IDs beside the user's own, for those who need a range in there.
            "subuid": (pod_user_namespace && profile.uid() != 0).then_some("1001:64535"),
            "privileged": profile.is_privileged(),
            "process_sandbox": profile.plan().process_sandbox,
            "fuse_device": false,
            "idmap_helper": "filecaps",
            "runtime_keeps_flags": false,
        },
    })
}

impl Cell {
    /// Reads one cell; what it does not say is as in its profile's baseline.
    pub(crate) fn read(mut value: Value) -> Result<Self, String> {
        let id = value["id"].as_str().unwrap_or("a cell without an id").to_owned();
        let failed = |what: &str| format!("{id}: {what}");
        let profile: Profile = serde_json::from_value(value["profile"].clone()).map_err(|error| failed(&format!("profile: {error}")))?;
        let given = value.as_object_mut().ok_or_else(|| failed("not an object"))?;
        for (part, defaults) in baseline(profile).as_object().into_iter().flatten() {
            let part = given.entry(part).or_insert_with(|| json!({}));
            let part = part.as_object_mut().ok_or_else(|| failed("boot, settings and context are objects"))?;
            for (key, default) in defaults.as_object().into_iter().flatten() {
                part.entry(key).or_insert_with(|| default.clone());
            }
        }
        let cell: Cell = serde_path_to_error::deserialize(&value).map_err(|error| failed(&error.to_string()))?;
        cell.validate().map_err(|what| failed(&what))?;
        Ok(cell)
    }

    /// Whether a build here may wait for ever.
    pub(crate) fn hangs(&self) -> bool {
        self.settings.state == State::Hung || self.context.idmap_helper == Helper::Blocks
    }

    /// Whether the pod has something of its own, beside its profile's shape.
    pub(crate) fn is_own_pod(&self) -> bool {
        let Context { uid, gid, fs_group, read_only_root, empty_dirs, env, files, .. } = &self.context;
        let other_user = *uid != self.profile.uid() || gid.is_some() || fs_group.is_some();
        other_user
            || self.settings.state_owner == Owner::Root
            || *read_only_root
            || !empty_dirs.is_empty()
            || !env.is_empty()
            || !files.is_empty()
    }

    /// What is written into shell scripts and file names must be plain.
    fn validate(&self) -> Result<(), String> {
        let plain = |text: &str, more: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
        let numbers = |text: &str| text.split_once(':').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u32>().is_ok());
        let settings = &self.settings;
        let checks = [
            (plain(&self.id, "-+._"), "an id is letters, digits and -+._".to_owned()),
            (plain(&self.kernel, "."), format!("kernel {}", self.kernel)),
            ([1, 2].contains(&self.boot.cgroup), format!("cgroup {}", self.boot.cgroup)),
            (settings.sysctls.keys().all(|key| plain(key, "-_.")), "the name of a sysctl".to_owned()),
            (settings.sysctls().iter().all(|(_, value)| plain(value, "-_. ")), "the value of a sysctl".to_owned()),
            (settings.state_flags().iter().all(|flag| plain(flag, "")), format!("state_flags {}", settings.state_flags)),
            (settings.state_free != Some(0), "state_free 0".to_owned()),
            (
                settings.state_free.is_none() || matches!(settings.state, State::Ext4 | State::Tmpfs | State::Overlay),
                "state_free on this state".to_owned(),
            ),
            (
                settings.state_inodes.is_none() || matches!(settings.state, State::Ext4 | State::Tmpfs),
                "state_inodes on this state".to_owned(),
            ),
            (
                settings.state_quota.is_none() || settings.state == State::Xfs && settings.quota().is_some(),
                "state_quota is user:KiB:inodes or project:KiB:inodes, of xfs".to_owned(),
            ),
            (self.context.empty_dirs.iter().chain(self.context.files.keys()).all(|path| plain(path, "/-_.")), "a path".to_owned()),
            (settings.mounts <= 32_768, "mounts: the kernel's limit on a namespace is 100000".to_owned()),
            (settings.state != State::Hung || settings.fuse_module, "a hung state dir without the module fuse".to_owned()),
            (settings.hidepid().is_none_or(|value| plain(&value, "")), "hidepid".to_owned()),
            (settings.hold_userns.as_deref().is_none_or(numbers), "hold_userns is uid:number".to_owned()),
            (self.context.subuid.as_deref().is_none_or(numbers), "subuid is first:number".to_owned()),
            (self.context.map_size != Some(0), "map_size 0".to_owned()),
            (plain(&self.context.apparmor, "-_."), format!("apparmor {}", self.context.apparmor)),
            (plain(&self.context.selinux, "_"), format!("selinux {}", self.context.selinux)),
            (settings.selinux_booleans.iter().all(|name| plain(name, "_")), "selinux_booleans".to_owned()),
            // The kernel runs one of the two.
            (!(self.boot.apparmor_on && self.boot.selinux_on), "selinux_on beside apparmor_on".to_owned()),
            (
                !self.boot.selinux_on || matches!(settings.state, State::Ext4 | State::Xfs | State::Btrfs | State::Tmpfs | State::Overlay),
                "selinux_on with this state, which takes no labels".to_owned(),
            ),
        ];
        match checks.into_iter().find(|(fine, _)| !fine) {
            Some((_, what)) => Err(format!("not understood: {what}")),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// Names and values, as they are written.
    pub(crate) fn sysctls(&self) -> Vec<(&str, String)> {
        self.sysctls.iter().map(|(key, value)| (key.as_str(), text(value))).collect()
    }

    /// A sysctl's value, where it is set to a number.
    pub(crate) fn number(&self, sysctl: &str) -> Option<u64> {
        self.sysctls.get(sysctl).and_then(|value| text(value).parse().ok())
    }

    pub(crate) fn state_flags(&self) -> Vec<&str> {
        self.state_flags.split(',').filter(|flag| !flag.is_empty()).collect()
    }

    /// Whose quota, its KiB and its inodes.
    pub(crate) fn quota(&self) -> Option<(&str, u32, u32)> {
        let parts: Vec<_> = self.state_quota.as_deref()?.split(':').collect();
        let [of @ ("user" | "project"), bytes, inodes] = parts[..] else { return None };
        Some((of, bytes.parse().ok()?, inodes.parse().ok()?))
    }

    pub(crate) fn hidepid(&self) -> Option<String> {
        self.hidepid.as_ref().map(text)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The word that stands for a value in cells.json.
pub(crate) fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}
