use super::{Fact, Sysctls};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A sysctl that `tune` may set. These and no others are ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Tunable {
    /// The switch of Debian's and others' patch.
    #[serde(rename = "kernel.unprivileged_userns_clone")]
    UnprivilegedUsernsClone,
    /// How many user namespaces a user may have.
    #[serde(rename = "user.max_user_namespaces")]
    MaxUserNamespaces,
    /// The same for mount namespaces.
    #[serde(rename = "user.max_mnt_namespaces")]
    MaxMntNamespaces,
    /// The same for PID namespaces.
    #[serde(rename = "user.max_pid_namespaces")]
    MaxPidNamespaces,
    /// The same for UTS namespaces.
    #[serde(rename = "user.max_uts_namespaces")]
    MaxUtsNamespaces,
    /// The same for IPC namespaces.
    #[serde(rename = "user.max_ipc_namespaces")]
    MaxIpcNamespaces,
    /// The same for cgroup namespaces.
    #[serde(rename = "user.max_cgroup_namespaces")]
    MaxCgroupNamespaces,
}

impl Tunable {
    /// All of them, in the order in which a builder comes to them.
    pub const ALL: [Tunable; 7] = [
        Tunable::UnprivilegedUsernsClone,
        Tunable::MaxUserNamespaces,
        Tunable::MaxMntNamespaces,
        Tunable::MaxPidNamespaces,
        Tunable::MaxUtsNamespaces,
        Tunable::MaxIpcNamespaces,
        Tunable::MaxCgroupNamespaces,
    ];

    /// The name, as sysctl(8) writes it.
    pub fn name(self) -> &'static str {
        match self {
            Tunable::UnprivilegedUsernsClone => "kernel.unprivileged_userns_clone",
            Tunable::MaxUserNamespaces => "user.max_user_namespaces",
            Tunable::MaxMntNamespaces => "user.max_mnt_namespaces",
            Tunable::MaxPidNamespaces => "user.max_pid_namespaces",
            Tunable::MaxUtsNamespaces => "user.max_uts_namespaces",
            Tunable::MaxIpcNamespaces => "user.max_ipc_namespaces",
            Tunable::MaxCgroupNamespaces => "user.max_cgroup_namespaces",
        }
    }

    /// The directory below /proc/sys, and the file in it.
    pub fn path(self) -> (&'static str, &'static str) {
        self.name().split_once('.').unwrap_or_else(|| (self.name(), ""))
    }

    /// What was read of it.
    pub fn of(self, sysctls: &Sysctls) -> &Fact<u64> {
        match self {
            Tunable::UnprivilegedUsernsClone => &sysctls.unprivileged_userns_clone,
            Tunable::MaxUserNamespaces => &sysctls.max_user_namespaces,
            Tunable::MaxMntNamespaces => &sysctls.max_mnt_namespaces,
            Tunable::MaxPidNamespaces => &sysctls.max_pid_namespaces,
            Tunable::MaxUtsNamespaces => &sysctls.max_uts_namespaces,
            Tunable::MaxIpcNamespaces => &sysctls.max_ipc_namespaces,
            Tunable::MaxCgroupNamespaces => &sysctls.max_cgroup_namespaces,
        }
    }

    /// Where it stands among the facts.
    pub fn of_mut(self, sysctls: &mut Sysctls) -> &mut Fact<u64> {
        match self {
            Tunable::UnprivilegedUsernsClone => &mut sysctls.unprivileged_userns_clone,
            Tunable::MaxUserNamespaces => &mut sysctls.max_user_namespaces,
            Tunable::MaxMntNamespaces => &mut sysctls.max_mnt_namespaces,
            Tunable::MaxPidNamespaces => &mut sysctls.max_pid_namespaces,
            Tunable::MaxUtsNamespaces => &mut sysctls.max_uts_namespaces,
            Tunable::MaxIpcNamespaces => &mut sysctls.max_ipc_namespaces,
            Tunable::MaxCgroupNamespaces => &mut sysctls.max_cgroup_namespaces,
        }
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
        let name = text.replace('/', ".");
        Tunable::ALL.into_iter().find(|tunable| tunable.name() == name).ok_or_else(|| {
            let names: Vec<_> = Tunable::ALL.iter().map(|tunable| tunable.name()).collect();
            format!("not a sysctl that may be set; these may: {}", names.join(", "))
        })
    }
}

/// One line of a file of sysctl.d(5), for a [`Tunable`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
        let setting = |line: &str| {
            let line = line.trim().trim_start_matches('-').trim_start();
            let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
            Some(SysctlSetting { file: file.into(), sysctl: key.trim().parse().ok()?, value: value.trim().into() })
        };
        text.lines().filter_map(setting).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_facts_belong_together() {
        let mut sysctls = Sysctls::default();
        for (value, tunable) in (1..).zip(Tunable::ALL) {
            *tunable.of_mut(&mut sysctls) = Fact::Known(value);
            assert_eq!(tunable.name().parse(), Ok(tunable));
            assert_eq!(serde_json::to_value(tunable).expect("JSON"), tunable.name());
        }
        for (value, tunable) in (1..).zip(Tunable::ALL) {
            assert_eq!(tunable.of(&sysctls), &Fact::Known(value));
            assert_eq!(serde_json::to_value(&sysctls).expect("JSON")[tunable.name()]["known"], value);
        }
        for other in ["kernel.core_pattern", "user/../kernel/core_pattern", "", "user.max_user_namespaces ", "User.max_user_namespaces"] {
            assert!(other.parse::<Tunable>().is_err(), "{other}");
        }
    }

    #[test]
    fn settings_are_read_as_the_manual_says() {
        let text = "# user.max_user_namespaces = 1\n;x\nuser.max_user_namespaces=0\n -user/max_user_namespaces = 7 \nkernel.panic = 1\nuser.max_user_namespaces\n";
        let values: Vec<_> = SysctlSetting::parse("f", text).into_iter().map(|setting| setting.value).collect();
        assert_eq!(values, ["0", "7"]);
    }
}
