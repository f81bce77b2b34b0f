use super::{Release, SYSCTLS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The arguments that a builder may come to feel, beside sysctls: EL7's switches, security modules, cgroups.
const FELT: [&str; 9] = [
    USER_NAMESPACES,
    UNPRIVILEGED,
    "apparmor",
    "lsm",
    "security",
    "selinux",
    "enforcing",
    "cgroup_no_v1",
    "systemd.unified_cgroup_hierarchy",
];

/// EL7's switch of user namespaces.
const USER_NAMESPACES: &str = "user_namespace.enable";

/// EL7's switch of mount namespaces in the user namespace of an ordinary user.
const UNPRIVILEGED: &str = "namespace.unpriv_enable";

/// The kernel of EL 7.4, the first with user namespaces that need no switch.
const EL7_4: u32 = 693;

/// Those of the kernel's boot arguments that a builder may come to feel, as they were written. The others tell of the machine alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BootArguments(Vec<String>);

impl BootArguments {
    /// Of the text of /proc/cmdline. What follows `--` is not the kernel's.
    pub fn parse(text: &str) -> Self {
        let mut quoted = false;
        let between = |c: char| {
            quoted ^= c == '"';
            c.is_whitespace() && !quoted
        };
        let arguments = text.trim().split(between).take_while(|argument| *argument != "--");
        BootArguments(arguments.filter(|argument| is_felt(argument)).map(str::to_owned).collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a switch was put on, by the last argument that names it.
    fn is_on(&self, switch: &str) -> bool {
        let last = self.0.iter().map(|argument| split(argument)).rfind(|(name, _)| name == switch);
        last.is_some_and(|(_, value)| value.is_none_or(|value| matches!(value, "1" | "y" | "Y" | "on")))
    }

    /// The arguments with which this kernel lets ordinary users make the namespaces that rootlesskit makes, and that are missing.
    /// Only those of EL7 need any.
    pub fn missing(&self, kernel: &Release) -> Vec<&'static str> {
        let needed: &[(&str, &str)] = match kernel.build_of_el7() {
            None => &[],
            Some(build) if build < EL7_4 => &[(USER_NAMESPACES, "user_namespace.enable=1"), (UNPRIVILEGED, "namespace.unpriv_enable=1")],
            Some(_) => &[(UNPRIVILEGED, "namespace.unpriv_enable=1")],
        };
        needed.iter().filter(|(switch, _)| !self.is_on(switch)).map(|(_, argument)| *argument).collect()
    }
}

/// Name and value. The kernel takes `-` and `_` in a name for the same, and quotes around all of it or around the value.
fn split(argument: &str) -> (String, Option<&str>) {
    let bare = argument.trim_matches('"');
    let (name, value) = bare.split_once('=').map_or((bare, None), |(name, value)| (name, Some(value.trim_matches('"'))));
    (name.replace('-', "_"), value)
}

fn is_felt(argument: &str) -> bool {
    let (name, _) = split(argument);
    let is_sysctl = |name: &str| SYSCTLS.iter().any(|row| row.name == name.replace('/', "."));
    FELT.contains(&name.as_str()) || name.strip_prefix("sysctl.").is_some_and(is_sysctl)
}

impl Release {
    /// The build of a kernel of RHEL 7 and its kin: 1160 of `3.10.0-1160.el7.x86_64`.
    pub fn build_of_el7(&self) -> Option<u32> {
        let rest = self.full().strip_prefix("3.10.0-").filter(|rest| rest.contains(".el7"))?;
        rest.split('.').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        BootArguments::parse(text).iter().map(str::to_owned).collect()
    }

    #[test]
    fn only_what_is_felt_is_kept() {
        let line = "BOOT_IMAGE=/vmlinuz-6.1 root=UUID=1-2 ro quiet apparmor=1 security=apparmor lsm=\"a b,c\" systemd.unified-cgroup-hierarchy=0 \
                    sysctl.user.max_user_namespaces=0 sysctl.kernel/unprivileged_userns_clone=1 sysctl.net.x=1 cgroup_no_v1=all -- selinux=0\n";
        let kept = [
            "apparmor=1",
            "security=apparmor",
            "lsm=\"a b,c\"",
            "systemd.unified-cgroup-hierarchy=0",
            "sysctl.user.max_user_namespaces=0",
            "sysctl.kernel/unprivileged_userns_clone=1",
            "cgroup_no_v1=all",
        ];
        assert_eq!(of(line), kept);
        assert_eq!(of(&kept.join(" ")), kept, "what was kept is kept again");
        assert!(of("").is_empty() && of("\"").is_empty() && of("ro \u{0} =x").is_empty());
    }

    #[test]
    fn what_a_kernel_of_el7_lacks() {
        let missing = |kernel: &str, line: &str| {
            let kernel = Release::try_from(kernel.to_owned()).expect("a release");
            BootArguments::parse(line).missing(&kernel)
        };
        const BOTH: [&str; 2] = ["user_namespace.enable=1", "namespace.unpriv_enable=1"];
        for (kernel, line, lacks) in [
            ("3.10.0-1160.el7.x86_64", "", &BOTH[1..]),
            ("3.10.0-957.1.3.el7.x86_64", "namespace.unpriv_enable=1", &[]),
            ("3.10.0-957.1.3.el7.x86_64", "namespace.unpriv-enable=y", &[]),
            ("3.10.0-957.1.3.el7.x86_64", "namespace.unpriv_enable", &[]),
            ("3.10.0-957.1.3.el7.x86_64", "namespace.unpriv_enable=1 namespace.unpriv_enable=0", &BOTH[1..]),
            ("3.10.0-514.el7.x86_64", "", &BOTH),
            ("3.10.0-514.el7.x86_64", "namespace.unpriv_enable=1", &BOTH[..1]),
            ("3.10.0-1160.rt56.1131.el7.x86_64", "", &BOTH[1..]),
            ("4.18.0-553.el8_10.x86_64", "", &[]),
            ("3.10.0-1160", "", &[]),
            ("6.1.0-1", "", &[]),
        ] {
            assert_eq!(missing(kernel, line), lacks, "{kernel} {line}");
        }
    }
}
