use super::{Raise, SYSCTLS, Step, Sysctl};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A sysctl that `tune` may set. These and no others are ever written: one is made only of a row that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tunable(Sysctl);

impl Tunable {
    /// The switch of Debian's and others' patch.
    pub const UNPRIVILEGED_USERNS_CLONE: Tunable = Tunable::named(Sysctl::UnprivilegedUsernsClone);
    /// How many user namespaces a user may have.
    pub const MAX_USER_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxUserNamespaces);
    /// The same for mount namespaces.
    pub const MAX_MNT_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxMntNamespaces);
    /// The same for PID namespaces.
    pub const MAX_PID_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxPidNamespaces);
    /// The same for UTS namespaces.
    pub const MAX_UTS_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxUtsNamespaces);
    /// The same for IPC namespaces.
    pub const MAX_IPC_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxIpcNamespaces);
    /// The same for cgroup namespaces.
    pub const MAX_CGROUP_NAMESPACES: Tunable = Tunable::named(Sysctl::MaxCgroupNamespaces);

    /// One of the constants above. They are worked out by the compiler, which refuses a row that may not be written.
    const fn named(sysctl: Sysctl) -> Self {
        assert!(sysctl.row().tunable.is_some(), "not a sysctl that may be set");
        Tunable(sysctl)
    }

    /// All of them, in the order in which a builder comes to them.
    pub fn all() -> impl Iterator<Item = Tunable> {
        SYSCTLS.iter().filter_map(|row| row.sysctl.tunable())
    }

    /// The name, as sysctl(8) writes it.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The directory below /proc/sys, and the file in it.
    pub fn path(self) -> (&'static str, &'static str) {
        self.name().split_once('.').unwrap_or_else(|| (self.name(), ""))
    }

    /// To what it may be set, with this number for a limit.
    pub fn target(self, limit: u32) -> u64 {
        match self.0.row().tunable {
            Some(Raise::Switch) => 1,
            Some(Raise::Limit) | None => limit.into(),
        }
    }

    /// The limit that a step runs into.
    pub fn limit_of(step: Step) -> Option<Tunable> {
        Tunable::all().find(|tunable| tunable.0.row().limits.contains(&step))
    }
}

impl Sysctl {
    /// Itself, if it may be set.
    pub fn tunable(self) -> Option<Tunable> {
        self.row().tunable.map(|_| Tunable(self))
    }
}

impl From<Tunable> for Sysctl {
    fn from(tunable: Tunable) -> Sysctl {
        tunable.0
    }
}

impl From<Tunable> for String {
    fn from(tunable: Tunable) -> String {
        tunable.name().into()
    }
}

impl TryFrom<String> for Tunable {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Tunable::all().find(|tunable| tunable.name() == name).ok_or_else(|| {
            let names: Vec<_> = Tunable::all().map(Tunable::name).collect();
            format!("not a sysctl that may be set; these may: {}", names.join(", "))
        })
    }
}

impl fmt::Display for Tunable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tunable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // As sysctl.d(5) allows, the parts may also be divided by slashes.
        text.replace('/', ".").try_into()
    }
}

impl JsonSchema for Tunable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tunable".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = Tunable::all().map(Tunable::name).collect();
        json_schema!({
            "description": "A sysctl that `tune` may set. These and no others are ever written.",
            "type": "string",
            "enum": names,
        })
    }
}

/// One line of a file of sysctl.d(5), for a [`Tunable`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SysctlSetting {
    /// The file.
    pub file: String,
    /// What it sets.
    pub sysctl: Tunable,
    /// To what; as it stands there.
    pub value: String,
}

impl SysctlSetting {
    /// The lines of a file that set a [`Tunable`]. `-key = value` (errors do not matter) is a setting too.
    pub fn parse(file: &str, text: &str) -> Vec<Self> {
        text.lines().filter_map(|line| Self::parse_line(file, line)).collect()
    }

    /// One line of it.
    pub fn parse_line(file: &str, line: &str) -> Option<Self> {
        let line = line.trim().trim_start_matches('-').trim_start();
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
        Some(SysctlSetting { file: file.into(), sysctl: key.trim().parse().ok()?, value: value.trim().into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_say_so_may_be_set() {
        for tunable in Tunable::all() {
            assert_eq!(tunable.name().parse(), Ok(tunable));
            assert_eq!(serde_json::to_value(tunable).expect("JSON"), tunable.name());
        }
        assert!(serde_json::from_str::<Tunable>("\"kernel.yama.ptrace_scope\"").is_err());
        for other in ["kernel.core_pattern", "user/../kernel/core_pattern", "", "user.max_user_namespaces ", "User.max_user_namespaces"] {
            assert!(other.parse::<Tunable>().is_err(), "{other}");
        }
    }

    #[test]
    fn a_step_runs_into_the_limit_of_its_kind() {
        assert_eq!(Tunable::limit_of(Step::StepMountNamespace), Some(Tunable::MAX_MNT_NAMESPACES));
        assert_eq!(Tunable::limit_of(Step::UserNamespace), Some(Tunable::MAX_USER_NAMESPACES));
        assert_eq!(Tunable::limit_of(Step::Overlay), None);
        assert_eq!((Tunable::MAX_USER_NAMESPACES.target(7), Tunable::UNPRIVILEGED_USERNS_CLONE.target(7)), (7, 1));
    }

    #[test]
    fn settings_are_read_as_the_manual_says() {
        let text = "# user.max_user_namespaces = 1\n;x\nuser.max_user_namespaces=0\n -user/max_user_namespaces = 7 \nkernel.panic = 1\nuser.max_user_namespaces\n";
        let values: Vec<_> = SysctlSetting::parse("f", text).into_iter().map(|setting| setting.value).collect();
        assert_eq!(values, ["0", "7"]);
    }
}
