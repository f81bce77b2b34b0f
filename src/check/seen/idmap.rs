//! What is seen of the ways to map more than one's own ID.

use crate::fact::SubId;
use crate::text::counted;
use std::fmt;

/// Users or groups: each has a map, a file of ranges, a helper and a capability of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// User IDs.
    Users,
    /// Group IDs.
    Groups,
}

impl Ids {
    /// Both.
    pub const ALL: [Ids; 2] = [Ids::Users, Ids::Groups];

    /// What one is called.
    fn name(self) -> &'static str {
        match self {
            Ids::Users => "UID",
            Ids::Groups => "GID",
        }
    }

    /// The file with the ranges of subordinate IDs.
    fn file(self) -> &'static str {
        match self {
            Ids::Users => "/etc/subuid",
            Ids::Groups => "/etc/subgid",
        }
    }

    /// The program that maps them.
    fn helper(self) -> &'static str {
        match self {
            Ids::Users => "newuidmap",
            Ids::Groups => "newgidmap",
        }
    }

    /// The capability to map them.
    fn capability(self) -> &'static str {
        match self {
            Ids::Users => "SETUID",
            Ids::Groups => "SETGID",
        }
    }
}

/// What stands in the way of a map of many IDs, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// There is no file of ranges.
    NoFile(Ids),
    /// The file gives the user no range.
    NoRange {
        /// Of what.
        ids: Ids,
        /// The user's name, where it is known.
        user: Option<String>,
    },
    /// Two ranges share IDs.
    Overlapping {
        /// Of users or groups.
        ids: Ids,
        /// The one.
        first: SubId,
        /// The other.
        second: SubId,
    },
    /// The file gives fewer IDs than images are used to.
    FewIds {
        /// Of what.
        ids: Ids,
        /// The user's name, where it is known.
        user: Option<String>,
        /// How many.
        count: u64,
    },
    /// The bounding set is without the capabilities to map these.
    NoCapability(Vec<Ids>),
    /// Nothing tells the bounding set.
    NoStatus,
    /// A builder's exec gains nothing.
    NoNewPrivs,
    /// The exec of a shell on a bare machine gains nothing.
    NoNewPrivsOfShell,
    /// The helper is not there.
    NoHelper(Ids),
    /// The helper at this path has the setuid bit, which may not be enough without CAP_SYS_ADMIN.
    SetuidAlone(String),
    /// The helper at this path lies on a mount with nosuid.
    OnNosuid(String),
    /// The helper at this path has no privilege.
    Unprivileged(String),
    /// A range that the user namespace does not have.
    OutOfNamespace {
        /// Of what.
        ids: Ids,
        /// The range.
        range: SubId,
        /// How many IDs the namespace has.
        size: u64,
    },
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoFile(ids) => write!(f, "{} does not exist", ids.file()),
            Seen::NoRange { ids, user } => write!(f, "{} has no range for {}", ids.file(), name(user)),
            Seen::Overlapping { ids, first, second } => {
                write!(f, "{}: the ranges {first} and {second} share IDs, and the kernel takes no map with both", ids.file())
            }
            Seen::FewIds { ids, user, count } => {
                write!(
                    f,
                    "{} gives {} {}; an image with files of higher IDs can't be unpacked",
                    ids.file(),
                    name(user),
                    counted(*count, "ID")
                )
            }
            Seen::NoCapability(ids) => {
                let missing: Vec<_> = ids.iter().map(|ids| ids.capability()).collect();
                write!(f, "the capability bounding set lacks {}", missing.join(" and "))
            }
            Seen::NoStatus => f.write_str("/proc/self/status is missing"),
            Seen::NoNewPrivs => f.write_str("no_new_privs is set (allowPrivilegeEscalation: false)"),
            Seen::NoNewPrivsOfShell => {
                f.write_str("no_new_privs is set for this shell, so newuidmap gains no privileges here; a pod has a setting of its own")
            }
            Seen::NoHelper(ids) => write!(f, "{} is not on the PATH", ids.helper()),
            Seen::SetuidAlone(path) => write!(
                f,
                "{path} has the setuid bit instead of a file capability; only a probe shows whether this build of the program works without SYS_ADMIN"
            ),
            Seen::OnNosuid(path) => {
                write!(f, "{path} is on a mount with nosuid, where file capabilities and the setuid bit have no effect")
            }
            Seen::Unprivileged(path) => write!(f, "{path} has neither a file capability nor the setuid bit"),
            Seen::OutOfNamespace { ids, range, size } => {
                write!(f, "the sub-{} range {range} is not within the {size} IDs of this user namespace", ids.name())
            }
        }
    }
}

fn name(user: &Option<String>) -> &str {
    user.as_deref().unwrap_or("the user")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;

    #[test]
    fn each_has_its_text() {
        let path = || "/usr/bin/newuidmap".to_owned();
        texts(&[
            (Seen::NoFile(Ids::Groups), "/etc/subgid does not exist"),
            (Seen::NoRange { ids: Ids::Users, user: Some("ann".into()) }, "/etc/subuid has no range for ann"),
            (Seen::NoRange { ids: Ids::Groups, user: None }, "/etc/subgid has no range for the user"),
            (
                Seen::Overlapping { ids: Ids::Users, first: SubId::STOCK, second: SubId::STOCK },
                "/etc/subuid: the ranges 100000:65536 and 100000:65536 share IDs, and the kernel takes no map with both",
            ),
            (
                Seen::FewIds { ids: Ids::Users, user: Some("ann".into()), count: 1000 },
                "/etc/subuid gives ann 1000 IDs; an image with files of higher IDs can't be unpacked",
            ),
            (Seen::NoCapability(Ids::ALL.into()), "the capability bounding set lacks SETUID and SETGID"),
            (Seen::NoCapability(vec![Ids::Groups]), "the capability bounding set lacks SETGID"),
            (Seen::NoStatus, "/proc/self/status is missing"),
            (Seen::NoNewPrivs, "no_new_privs is set (allowPrivilegeEscalation: false)"),
            (
                Seen::NoNewPrivsOfShell,
                "no_new_privs is set for this shell, so newuidmap gains no privileges here; a pod has a setting of its own",
            ),
            (Seen::NoHelper(Ids::Users), "newuidmap is not on the PATH"),
            (Seen::NoHelper(Ids::Groups), "newgidmap is not on the PATH"),
            (
                Seen::SetuidAlone(path()),
                "/usr/bin/newuidmap has the setuid bit instead of a file capability; only a probe shows whether this build of the program works without SYS_ADMIN",
            ),
            (
                Seen::OnNosuid(path()),
                "/usr/bin/newuidmap is on a mount with nosuid, where file capabilities and the setuid bit have no effect",
            ),
            (Seen::Unprivileged(path()), "/usr/bin/newuidmap has neither a file capability nor the setuid bit"),
            (
                Seen::OutOfNamespace { ids: Ids::Users, range: SubId::STOCK, size: 65_536 },
                "the sub-UID range 100000:65536 is not within the 65536 IDs of this user namespace",
            ),
            (
                Seen::OutOfNamespace { ids: Ids::Groups, range: SubId::STOCK, size: 65_536 },
                "the sub-GID range 100000:65536 is not within the 65536 IDs of this user namespace",
            ),
        ]);
    }
}
