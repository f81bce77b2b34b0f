//! What is seen of the confinement around a builder.

use crate::fact::ProcFs;
use std::fmt;

/// A rule set of a security module that a process runs under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// A profile of AppArmor, by its name.
    AppArmor(String),
    /// A type of SELinux.
    Selinux(String),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::AppArmor(name) => write!(f, "AppArmor profile {name}"),
            Label::Selinux(kind) => write!(f, "SELinux type {kind}"),
        }
    }
}

/// What confines a builder, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// A seccomp filter refused what was tried.
    FilterAnswers {
        /// Whether it is a shell's, and not a pod's.
        on_bare_machine: bool,
    },
    /// Nobody has tried what a container gets that asks for nothing.
    OthersChoose,
    /// The same, and AppArmor is on.
    AppArmorIsOn,
    /// seccomp's strict mode.
    Strict,
    /// A seccomp filter, of which nobody knows what it refuses.
    Filtered,
    /// A label that refuses what a builder does.
    Confined(Label),
    /// A label of which nobody knows what it refuses.
    Labelled(Label),
    /// SELinux is active around a shell, so a pod has a label of its own.
    SelinuxAroundShell,
    /// The same on a system whose runtime labels each pod.
    PodsAreLabelled,
    /// Mounts that hide parts of /proc.
    Masked(ProcFs),
    /// Nothing tells what lies over /proc.
    NoMountTable,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::FilterAnswers { on_bare_machine } => {
                let place = if *on_bare_machine { "shell" } else { "pod" };
                write!(f, "the error comes from this {place}'s seccomp filter, not from the kernel")
            }
            Seen::OthersChoose => f.write_str("only a pod of this profile shows what confines a container that asks for nothing here"),
            Seen::AppArmorIsOn => f.write_str(
                "AppArmor is on, so the runtime probably confines a container that asks for nothing; only a pod of this profile shows it",
            ),
            Seen::Strict => f.write_str("seccomp is in strict mode, which allows little more than read and write"),
            Seen::Filtered => f.write_str("a seccomp filter is active; only a probe shows what the filter refuses"),
            Seen::Confined(label) => write!(f, "{label} confines this pod"),
            Seen::Labelled(label) => write!(f, "{label} is active; only a probe shows what it refuses"),
            Seen::PodsAreLabelled => f.write_str(
                "SELinux is active, and the runtime of this system labels each pod: only a pod shows what SELinux refuses there",
            ),
            Seen::SelinuxAroundShell => {
                f.write_str("SELinux is active: it refuses a pod labelled container_t mounts that it allows this shell")
            }
            Seen::Masked(proc) => f.write_str(&proc.describe()),
            Seen::NoMountTable => f.write_str("the mount table (/proc/self/mountinfo) is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;

    #[test]
    fn each_has_its_text() {
        let (apparmor, selinux) = (|| Label::AppArmor("mine".into()), || Label::Selinux("container_t".into()));
        let masks = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/scsi"].map(str::to_owned).into();
        texts(&[
            (Seen::FilterAnswers { on_bare_machine: true }, "the error comes from this shell's seccomp filter, not from the kernel"),
            (Seen::FilterAnswers { on_bare_machine: false }, "the error comes from this pod's seccomp filter, not from the kernel"),
            (Seen::OthersChoose, "only a pod of this profile shows what confines a container that asks for nothing here"),
            (
                Seen::AppArmorIsOn,
                "AppArmor is on, so the runtime probably confines a container that asks for nothing; only a pod of this profile shows it",
            ),
            (Seen::Strict, "seccomp is in strict mode, which allows little more than read and write"),
            (Seen::Filtered, "a seccomp filter is active; only a probe shows what the filter refuses"),
            (Seen::Confined(apparmor()), "AppArmor profile mine confines this pod"),
            (Seen::Confined(selinux()), "SELinux type container_t confines this pod"),
            (Seen::Labelled(apparmor()), "AppArmor profile mine is active; only a probe shows what it refuses"),
            (Seen::Labelled(selinux()), "SELinux type container_t is active; only a probe shows what it refuses"),
            (
                Seen::PodsAreLabelled,
                "SELinux is active, and the runtime of this system labels each pod: only a pod shows what SELinux refuses there",
            ),
            (Seen::SelinuxAroundShell, "SELinux is active: it refuses a pod labelled container_t mounts that it allows this shell"),
            (
                Seen::Masked(ProcFs { masks, complete_elsewhere: false }),
                "4 mounts hide parts of /proc (/proc/acpi, /proc/kcore, /proc/keys, ...)",
            ),
            (Seen::NoMountTable, "the mount table (/proc/self/mountinfo) is missing"),
        ]);
    }
}
