//! The conditions on the Node: one row for each. The admission policy lists the same ones; both come from here.

use crate::profile::Profile;
use std::fmt;

/// A condition of ours. They have no effect on scheduling: Kubernetes taints only by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(strum::VariantArray))]
pub enum ConditionType {
    /// Of the default profile.
    RootlessBuildKit,
    /// Of the profile `procmount`.
    ProcMount,
    /// Of the profile `userns`.
    Userns,
    /// Of the profile `baseline`.
    Baseline,
    /// Of the profile `privileged`.
    Privileged,
    /// Of the profile `rootful`.
    Rootful,
}

/// A row of the table of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionRow {
    /// Which condition.
    pub kind: ConditionType,
    /// `type` on the Node.
    pub name: &'static str,
    /// The profile whose verdict it tells.
    pub profile: Profile,
    /// What its message speaks of.
    pub subject: &'static str,
}

/// All conditions: one for each profile, in the order of both.
pub const CONDITIONS: &[ConditionRow] = &[
    ConditionRow {
        kind: ConditionType::RootlessBuildKit,
        name: "RootlessBuildKit",
        profile: Profile::NoProcessSandbox,
        subject: "rootless BuildKit",
    },
    ConditionRow {
        kind: ConditionType::ProcMount,
        name: "RootlessBuildKitProcMount",
        profile: Profile::ProcMount,
        subject: "rootless BuildKit with a process sandbox",
    },
    ConditionRow {
        kind: ConditionType::Userns,
        name: "RootlessBuildKitUserns",
        profile: Profile::Userns,
        subject: "BuildKit in a pod's user namespace",
    },
    ConditionRow {
        kind: ConditionType::Baseline,
        name: "RootlessBuildKitBaseline",
        profile: Profile::Baseline,
        subject: "rootless BuildKit in a pod that asks for no Unconfined",
    },
    ConditionRow {
        kind: ConditionType::Privileged,
        name: "RootlessBuildKitPrivileged",
        profile: Profile::Privileged,
        subject: "rootless BuildKit in a privileged container",
    },
    ConditionRow {
        kind: ConditionType::Rootful,
        name: "RootlessBuildKitRootful",
        profile: Profile::Rootful,
        subject: "BuildKit as root in a privileged container",
    },
];

impl ConditionType {
    /// All types, in the table's order.
    pub const ALL: [ConditionType; CONDITIONS.len()] = {
        let mut all = [ConditionType::RootlessBuildKit; CONDITIONS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = CONDITIONS[at].kind;
            at += 1;
        }
        all
    };

    /// That of the profile.
    pub fn of(profile: Profile) -> Self {
        CONDITIONS[profile as usize].kind
    }

    /// What is known of it.
    pub fn row(self) -> &'static ConditionRow {
        &CONDITIONS[self as usize]
    }

    /// The profile whose verdict it tells.
    pub fn profile(self) -> Profile {
        self.row().profile
    }

    /// What it speaks of.
    pub(crate) fn subject(self) -> &'static str {
        self.row().subject
    }

    /// `type` on the Node.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 3] = [Status::True, Status::False, Status::Unknown];
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
pub enum Status {
    /// A builder runs here.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn each_type_has_its_row_in_its_place() {
        assert_eq!(ConditionType::ALL, ConditionType::VARIANTS);
        for kind in ConditionType::ALL {
            assert_eq!((kind.row().kind, ConditionType::of(kind.profile())), (kind, kind));
        }
        assert_eq!(ConditionType::ALL.map(ConditionType::profile), Profile::ALL);
    }

    #[test]
    fn a_status_is_read_back() {
        for status in Status::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert_eq!("true".parse::<Status>().ok(), None);
    }
}
