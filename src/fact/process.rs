use super::{Fact, IdMap, Propagation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the kernel allows this process, from /proc/self.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Effective user ID.
    #[serde(default)]
    pub uid: Fact<u32>,
    /// The PID namespace it lives in: the machine's first one, or a container's.
    #[serde(default)]
    pub pid_namespace: Fact<Namespace>,
    /// The IPC namespace it lives in: a pod with `hostPID: true` shares only the other one with the machine.
    #[serde(default)]
    pub ipc_namespace: Fact<Namespace>,
    /// The user IDs of its user namespace.
    #[serde(default)]
    pub uid_map: Fact<IdMap>,
    /// The group IDs of its user namespace.
    #[serde(default)]
    pub gid_map: Fact<IdMap>,
    /// Whether system calls are filtered. The filter itself can't be read; the probe finds out what it refuses.
    #[serde(default)]
    pub seccomp: Fact<Seccomp>,
    /// Whether exec can't gain privileges (`allowPrivilegeEscalation: false`).
    #[serde(default)]
    pub no_new_privs: Fact<bool>,
    /// The capabilities that exec can still gain.
    #[serde(default)]
    pub bounding_set: Fact<CapSet>,
    /// The label of AppArmor or SELinux. Absent where no such module is active.
    #[serde(default)]
    pub lsm_label: Fact<String>,
    /// How many processes and threads its user may have. Absent where there is no limit.
    #[serde(default)]
    pub max_processes: Fact<u64>,
    /// Where mounts below / go.
    #[serde(default)]
    pub root_propagation: Fact<Propagation>,
    /// Whether this container's manifest asks for a builder's security context: then a confinement that
    /// is met all the same is the node's, and a builder's pod would meet it too.
    #[serde(default)]
    pub asked_unconfined: Fact<bool>,
    /// Whether the pod's manifest asks for a user namespace of its own (`hostUsers: false`).
    #[serde(default)]
    pub asked_user_namespace: Fact<bool>,
    /// Whether this container's manifest asks for a /proc without masks (`procMount: Unmasked`).
    #[serde(default)]
    pub asked_unmasked_proc: Fact<bool>,
}

/// What the manifest of a pod asks for. Whether it got that, only its own process can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// seccomp and AppArmor Unconfined, or privileged.
    pub unconfined: bool,
    /// `hostUsers: false`.
    pub user_namespace: bool,
    /// `procMount: Unmasked`, or privileged.
    pub unmasked_proc: bool,
}

impl Process {
    /// The AppArmor profile that confines this process: `None` for none, for `unconfined`
    /// and for profiles in a mode that denies nothing. A SELinux label is no AppArmor profile.
    /// Of several that are stacked, `a//&:namespace:b (enforce)`, the first that confines.
    pub fn apparmor_profile(&self) -> Option<&str> {
        let label = self.lsm_label.known().filter(|_| self.selinux_type().is_none())?;
        // One mode for all, or one for each (aa_label_snxprint in security/apparmor/label.c).
        let of_all = mode(label).1;
        label.split("//&").map(mode).find_map(|(name, own)| {
            let bare = name.strip_prefix(':').and_then(|rest| rest.split_once(':')).map_or(name, |(_, name)| name.trim_start_matches("//"));
            let is_free = matches!(bare, "unconfined" | "kernel") || matches!(own.or(of_all), Some("unconfined" | "complain"));
            (!is_free).then_some(name)
        })
    }

    /// Whether it stands on the bare machine and not in a container.
    pub fn on_bare_machine(&self) -> Option<bool> {
        match (&self.pid_namespace, &self.ipc_namespace) {
            (Fact::Known(Namespace::Own), _) | (_, Fact::Known(Namespace::Own)) => Some(false),
            (Fact::Known(Namespace::Initial), Fact::Known(Namespace::Initial) | Fact::Absent) => Some(true),
            _ => None,
        }
    }

    /// Whether no AppArmor profile of any mode is on this process, as far as its label can be read.
    pub fn is_unconfined(&self) -> bool {
        !matches!(&self.lsm_label, Fact::Known(label) if label != "unconfined" && self.selinux_type().is_none())
    }

    /// The SELinux type of this process, the third part of its label. Names of AppArmor may have colons too: of its
    /// namespaces, and where somebody likes them; its label ends with a mode.
    pub fn selinux_type(&self) -> Option<&str> {
        let label = self.lsm_label.known()?;
        let is_apparmors = label.starts_with(':') || label.contains("//&") || mode(label).1.is_some();
        label.split(':').nth(2).filter(|_| !is_apparmors)
    }
}

/// A profile's name and mode: `name (enforce)`.
fn mode(label: &str) -> (&str, Option<&str>) {
    match label.rsplit_once(" (").and_then(|(name, mode)| Some((name, mode.strip_suffix(')')?))) {
        Some((name, mode)) => (name, Some(mode)),
        None => (label, None),
    }
}

/// Whether a namespace is the machine's first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// The one that the kernel made at boot.
    Initial,
    /// One made later, as a container runtime does.
    Own,
}

/// `Seccomp:` of /proc/PID/status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Seccomp {
    /// No system call is refused (0).
    Disabled,
    /// read, write and exit alone (1).
    Strict,
    /// A filter decides (2).
    Filter,
}

/// A set of capabilities, written as the kernel writes it: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct CapSet(pub u64);

impl CapSet {
    /// CAP_SETGID of include/uapi/linux/capability.h.
    pub const SETGID: u32 = 6;
    /// CAP_SETUID.
    pub const SETUID: u32 = 7;
    /// CAP_SYS_ADMIN.
    pub const SYS_ADMIN: u32 = 21;

    /// Whether the capability with this number is in the set.
    pub fn has(self, capability: u32) -> bool {
        self.0 >> capability & 1 == 1
    }
}

impl fmt::Display for CapSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<CapSet> for String {
    fn from(set: CapSet) -> String {
        set.to_string()
    }
}

impl TryFrom<String> for CapSet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match u64::from_str_radix(&text, 16) {
            Ok(bits) if text.len() <= 16 => Ok(CapSet(bits)),
            _ => Err(format!("{text:?} is not a capability set in hexadecimal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_who_confines() {
        for (label, apparmor, selinux) in [
            ("unconfined", None, None),
            ("kernel", None, None),
            ("cri-containerd.apparmor.d (enforce)", Some("cri-containerd.apparmor.d"), None),
            ("rootlesskit (unconfined)", None, None),
            ("mine (complain)", None, None),
            ("system_u:system_r:container_t:s0:c1,c2", None, Some("container_t")),
            ("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", None, Some("unconfined_t")),
            ("lxc-101_</var/lib/lxc>//&:lxc-101_<-var-lib-lxc>:unconfined (enforce)", Some("lxc-101_</var/lib/lxc>"), None),
            ("unconfined//&:lxc-1_<-var-lib-lxc>:docker-default (enforce)", Some(":lxc-1_<-var-lib-lxc>:docker-default"), None),
            (":lxc-1_<-var-lib-lxc>://mine (enforce)", Some(":lxc-1_<-var-lib-lxc>://mine"), None),
            (":lxc-1:unconfined", None, None),
            ("a (complain)//&b (enforce)", Some("b"), None),
            ("a//&b (complain)", None, None),
            ("a//&b (mixed)", Some("a"), None),
            ("snap.lxd:with:colons (enforce)", Some("snap.lxd:with:colons"), None),
        ] {
            let process = Process { lsm_label: Fact::Known(label.into()), ..Process::default() };
            assert_eq!((process.apparmor_profile(), process.selinux_type()), (apparmor, selinux), "{label}");
        }
    }

    #[test]
    fn capability_sets_are_hexadecimal() {
        let set = CapSet::try_from("00000000a80425fb".to_owned()).expect("valid");
        assert!(set.has(CapSet::SETUID) && set.has(CapSet::SETGID) && !set.has(CapSet::SYS_ADMIN));
        assert_eq!(String::from(set), "00000000a80425fb");
        assert!(CapSet::try_from("xyz".to_owned()).is_err());
    }

    #[test]
    fn a_machine_is_told_by_both_namespaces() {
        let at = |pid: Fact<Namespace>, ipc: Fact<Namespace>| {
            Process { pid_namespace: pid, ipc_namespace: ipc, ..Process::default() }.on_bare_machine()
        };
        let (own, first, unread) = (|| Fact::Known(Namespace::Own), || Fact::Known(Namespace::Initial), Fact::default);
        assert_eq!(at(first(), first()), Some(true));
        assert_eq!((at(own(), unread()), at(unread(), own()), at(first(), own())), (Some(false), Some(false), Some(false)));
        assert_eq!((at(first(), unread()), at(unread(), first())), (None, None), "a pod with hostPID, or with hostIPC");
    }
}
