//! What is around a process, and hardly decides whether it can build: it explains other facts, and is of use in reports.

use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control groups, as this process's mount table shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cgroup {
    /// Which hierarchies are mounted. Absent where none is.
    #[serde(default)]
    pub version: Fact<CgroupVersion>,
    /// Whether this process may make groups below its own: what is mounted read-only nobody changes.
    #[serde(default)]
    pub writable: Fact<bool>,
}

/// The hierarchies of control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CgroupVersion {
    /// One for each controller.
    #[serde(rename = "1")]
    One,
    /// One for all.
    #[serde(rename = "2")]
    Two,
    /// Those of version 1, and one of version 2 beside them.
    #[serde(rename = "hybrid")]
    Hybrid,
}

/// Where the mounts below a mount point go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    /// To and from its peers.
    Shared,
    /// From its master to it.
    Slave,
    /// Nowhere.
    Private,
    /// Nowhere, and it can't be bound elsewhere.
    Unbindable,
}

/// What made the container that this process is in, as its marks tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// A kubelet: it is a pod's.
    Kubernetes,
    /// LXC, LXD or Incus.
    Lxc,
    /// Docker.
    Docker,
    /// Podman, by root.
    Podman,
    /// Podman, by an ordinary user.
    RootlessPodman,
    /// systemd-nspawn.
    SystemdNspawn,
    /// Windows' own virtual machine.
    Wsl,
    /// Something else.
    Other,
}

impl Container {
    /// Of what a container's first process is told in the variable `container`, as systemd has it.
    pub fn named(word: &str) -> Self {
        match word.trim() {
            "lxc" | "lxc-libvirt" => Container::Lxc,
            "docker" => Container::Docker,
            "podman" => Container::Podman,
            "systemd-nspawn" => Container::SystemdNspawn,
            "wsl" => Container::Wsl,
            _ => Container::Other,
        }
    }
}

/// How many keys a user has, and how many it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyUse {
    /// How many count.
    pub keys: u64,
    /// How many may.
    pub max_keys: u64,
    /// The bytes that count.
    pub bytes: u64,
    /// How many may.
    pub max_bytes: u64,
}

impl KeyUse {
    /// Of one user, in the text of /proc/key-users; none where that user has no keys.
    ///
    /// # Errors
    /// A line that is not what the kernel writes.
    pub fn parse(text: &str, uid: u32) -> Result<Option<Self>, String> {
        let own = |line: &&str| line.split(':').next().is_some_and(|user| user.trim() == uid.to_string());
        let Some(line) = text.lines().find(own) else { return Ok(None) };
        let pair = |field: Option<&str>| field?.split_once('/').and_then(|(is, may)| Some((is.parse().ok()?, may.parse().ok()?)));
        // Of all keys the first two fields tell; what counts stands in the last two.
        let mut fields = line.split(':').nth(1).unwrap_or_default().split_whitespace().skip(2);
        match (pair(fields.next()), pair(fields.next())) {
            (Some((keys, max_keys)), Some((bytes, max_bytes))) => Ok(Some(KeyUse { keys, max_keys, bytes, max_bytes })),
            _ => Err(format!("/proc/key-users: {line:?} is not a line of keys")),
        }
    }
}

/// The options of a kernel that a builder may come to feel.
const OPTIONS: [&str; 8] = [
    "CONFIG_USER_NS",
    "CONFIG_USER_NS_UNPRIVILEGED",
    "CONFIG_OVERLAY_FS",
    "CONFIG_FUSE_FS",
    "CONFIG_TMPFS_XATTR",
    "CONFIG_SECURITY_APPARMOR",
    "CONFIG_SECURITY_SELINUX",
    "CONFIG_TUN",
];

/// Those of the lines of a kernel's configuration that a builder may come to feel, as `CONFIG_USER_NS=y`; `=n` for what is not set.
pub fn kernel_options(text: &str) -> Vec<String> {
    let off = |line: &str| line.strip_prefix("# ")?.strip_suffix(" is not set").map(|name| format!("{name}=n"));
    let lines = text.lines().map(|line| off(line).unwrap_or_else(|| line.to_owned()));
    lines.filter(|line| line.split_once('=').is_some_and(|(name, _)| OPTIONS.contains(&name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_user_are_those_that_count() {
        let text = "    0:   147 146/146 101/1000000 1820/25000000\n 1000:     3 3/3 2/200 140/20000\n   10: broken\n";
        let root = KeyUse { keys: 101, max_keys: 1_000_000, bytes: 1820, max_bytes: 25_000_000 };
        assert_eq!(KeyUse::parse(text, 0), Ok(Some(root)));
        assert_eq!(KeyUse::parse(text, 1000).map(|found| found.map(|keys| keys.bytes)), Ok(Some(140)));
        assert_eq!(KeyUse::parse(text, 7), Ok(None));
        assert!(KeyUse::parse(text, 10).is_err());
    }

    #[test]
    fn options_are_written_with_what_they_are() {
        let text =
            "#\n# Automatically generated\nCONFIG_USER_NS=y\n# CONFIG_USER_NS_UNPRIVILEGED is not set\nCONFIG_OVERLAY_FS=m\nCONFIG_X=y\n";
        let kept = ["CONFIG_USER_NS=y", "CONFIG_USER_NS_UNPRIVILEGED=n", "CONFIG_OVERLAY_FS=m"];
        assert_eq!(kernel_options(text), kept);
        assert_eq!(kernel_options(&kept.join("\n")), kept, "what was kept is kept again");
    }

    #[test]
    fn containers_are_known_by_the_word_that_systemd_has() {
        assert_eq!(Container::named("lxc\n"), Container::Lxc);
        assert_eq!(Container::named("oci"), Container::Other);
    }
}
