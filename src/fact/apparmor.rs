use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a builder's image has rootlesskit. A profile attaches by the path of a program, in a container that is unconfined too.
pub const ROOTLESSKIT: &str = "/usr/bin/rootlesskit";

/// The files of profiles for it that are known by name: Ubuntu's own, one in AppArmor's older way, and that of our remedy.
pub const APPARMOR_FILES: [&str; 3] =
    ["/etc/apparmor.d/rootlesskit", "/etc/apparmor.d/usr.bin.rootlesskit", "/etc/apparmor.d/buildkit-rootlesskit"];

/// Default profiles that deny all mounts: containerd's, Docker's, CRI-O's and podman's.
pub const DENY_MOUNT: [&str; 4] = ["cri-containerd.apparmor.d", "docker-default", "crio-default", "containers-default"];

/// AppArmor's profiles for a builder's rootlesskit. Looked for only where the kernel restricts unconfined processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppArmor {
    /// The names of those that are loaded. Only root may read the list.
    #[serde(default)]
    pub loaded: Fact<Vec<String>>,
    /// The files of those that are there.
    #[serde(default)]
    pub files: Fact<Vec<String>>,
}

impl AppArmor {
    /// How the kernel marks a profile's mode in a label.
    pub(super) const MODES: [&str; 7] = ["enforce", "complain", "kill", "unconfined", "mixed", "prompt", "user"];

    /// Whether a name is that of a profile which systems or runtimes bring along, or stands for none.
    pub(super) fn is_known(name: &str) -> bool {
        matches!(name, "unconfined" | "kernel" | "runc" | "crun") || DENY_MOUNT.contains(&name) || AppArmor::is_for_rootlesskit(name)
    }

    fn is_for_rootlesskit(name: &str) -> bool {
        name == ROOTLESSKIT || APPARMOR_FILES.iter().any(|file| file.rsplit('/').next() == Some(name))
    }

    /// The profiles for rootlesskit among those of /sys/kernel/security/apparmor/profiles, one `name (mode)` a line. A profile is
    /// named after its file or its program.
    pub fn loaded_of(text: &str) -> Vec<String> {
        let names = text.lines().map(|line| line.rsplit_once(" (").map_or(line, |(name, _)| name));
        names.filter(|name| AppArmor::is_for_rootlesskit(name)).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_known_by_their_names() {
        let text = "snap.lxd.hook (enforce)\nrootlesskit (unconfined)\n/usr/bin/rootlesskit (enforce)\nbuildkit-rootlesskit (unconfined)\nrunc (unconfined)\n";
        assert_eq!(AppArmor::loaded_of(text), ["rootlesskit", "/usr/bin/rootlesskit", "buildkit-rootlesskit"]);
        assert!(AppArmor::loaded_of("").is_empty());
    }
}
