//! What is seen of the ways to a new user namespace.

use crate::fact::{Sysctl, Why};
use std::fmt;

/// What stands in the way of namespaces, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// The kernel was built without user namespaces.
    NoUserNamespaces,
    /// A sysctl at 0, with which no ordinary user makes a user namespace.
    SwitchedOff(Sysctl),
    /// A limit on user namespaces that is too low for one pod with `hostUsers: false` on any kernel.
    TooFewForPod {
        /// The limit.
        limit: u64,
        /// How many such a pod needs at least.
        least: u64,
    },
    /// A limit on user namespaces that is enough for such a pod on some kernels.
    PerhapsTooFewForPod {
        /// The limit.
        limit: u64,
        /// How many such a pod needs at least.
        least: u64,
        /// How many are enough on every kernel.
        enough: u64,
    },
    /// A limit on user namespaces that is enough for a builder, but not for many.
    Low {
        /// The limit.
        limit: u64,
        /// From where on nobody has to count.
        usual: u64,
    },
    /// A limit on namespaces of some kind that is too low for a build.
    TooFewForBuild {
        /// Of which kind.
        sysctl: Sysctl,
        /// The limit.
        limit: u64,
        /// How many a builder and one of its steps hold at once.
        needed: u64,
    },
    /// A depth that user namespaces may have, which is too little.
    TooFewLevels {
        /// The depth.
        level: u64,
        /// How many levels a builder is in.
        needed: u64,
    },
    /// Boot arguments that a kernel of EL7 needs and did not get.
    BootedWithout(Vec<&'static str>),
    /// Nothing tells with which arguments such a kernel was booted.
    NoBootArguments,
    /// Ubuntu's restriction of unconfined processes, with the value of its sysctl.
    Restricted(u64),
    /// The same restriction, where a profile of AppArmor may grant what it takes.
    RestrictedUnlessGranted,
    /// A sysctl for it that is there but can't be read, beside a refusal that looks like it.
    LikelyRestricted(Why),
}

const LIMIT: Sysctl = Sysctl::MaxUserNamespaces;
const LEVELS: Sysctl = Sysctl::UsernsMaxLevel;
const RESTRICTION: Sysctl = Sysctl::ApparmorRestrictUnprivilegedUserns;

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoUserNamespaces => f.write_str("/proc/self/ns/user is missing: the kernel has no user namespaces"),
            Seen::SwitchedOff(sysctl) => write!(f, "{sysctl} is 0"),
            Seen::TooFewForPod { limit, least } => write!(f, "{LIMIT} is {limit}, but one pod with hostUsers: false needs {least}"),
            Seen::PerhapsTooFewForPod { limit, least, enough } => {
                write!(f, "{LIMIT} is {limit}, but one pod with hostUsers: false needs {least} to {enough}")
            }
            Seen::Low { limit, usual } => write!(f, "{LIMIT} is {limit}, which is low: {usual} or more is usual"),
            Seen::TooFewForBuild { sysctl, limit, needed } => write!(f, "{sysctl} is {limit}, but a build needs {needed}"),
            Seen::TooFewLevels { level: 0, .. } => write!(f, "{LEVELS} is 0"),
            Seen::TooFewLevels { level, needed } => write!(f, "{LEVELS} is {level}, but a builder needs {needed}"),
            Seen::BootedWithout(missing) => write!(f, "this kernel was booted without {}", missing.join(" and ")),
            Seen::NoBootArguments => f.write_str("/proc/cmdline is missing, which tells how EL7's kernel was booted"),
            Seen::Restricted(value) => write!(f, "{RESTRICTION} is {value}"),
            Seen::RestrictedUnlessGranted => {
                write!(f, "{RESTRICTION} is on; only a probe shows what this process's AppArmor profile allows")
            }
            Seen::LikelyRestricted(why) => write!(f, "probably {RESTRICTION}, which this kernel has ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;
    use crate::fact::Errno;

    #[test]
    fn each_has_its_text() {
        texts(&[
            (Seen::NoUserNamespaces, "/proc/self/ns/user is missing: the kernel has no user namespaces"),
            (Seen::SwitchedOff(Sysctl::UnprivilegedUsernsClone), "kernel.unprivileged_userns_clone is 0"),
            (Seen::SwitchedOff(Sysctl::MaxUserNamespaces), "user.max_user_namespaces is 0"),
            (Seen::TooFewForPod { limit: 1, least: 2 }, "user.max_user_namespaces is 1, but one pod with hostUsers: false needs 2"),
            (
                Seen::PerhapsTooFewForPod { limit: 3, least: 2, enough: 4 },
                "user.max_user_namespaces is 3, but one pod with hostUsers: false needs 2 to 4",
            ),
            (Seen::Low { limit: 7, usual: 1024 }, "user.max_user_namespaces is 7, which is low: 1024 or more is usual"),
            (
                Seen::TooFewForBuild { sysctl: Sysctl::MaxMntNamespaces, limit: 2, needed: 3 },
                "user.max_mnt_namespaces is 2, but a build needs 3",
            ),
            (Seen::TooFewLevels { level: 0, needed: 1 }, "kernel.userns_max_level is 0"),
            (Seen::TooFewLevels { level: 1, needed: 2 }, "kernel.userns_max_level is 1, but a builder needs 2"),
            (
                Seen::BootedWithout(vec!["user_namespace.enable=1", "namespace.unpriv_enable=1"]),
                "this kernel was booted without user_namespace.enable=1 and namespace.unpriv_enable=1",
            ),
            (Seen::NoBootArguments, "/proc/cmdline is missing, which tells how EL7's kernel was booted"),
            (Seen::Restricted(1), "kernel.apparmor_restrict_unprivileged_userns is 1"),
            (
                Seen::RestrictedUnlessGranted,
                "kernel.apparmor_restrict_unprivileged_userns is on; only a probe shows what this process's AppArmor profile allows",
            ),
            (
                Seen::LikelyRestricted(Why::error("/proc/sys/kernel/x", Errno::EACCES)),
                "probably kernel.apparmor_restrict_unprivileged_userns, which this kernel has (/proc/sys/kernel/x: permission denied)",
            ),
        ]);
    }
}
