use super::place::{EVERYWHERE, HOST_USER_NAMESPACE};
use super::{Fact, Place, Step};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use strum::VariantArray;

/// A sysctl that decides over unprivileged user namespaces. What is known of each stands in its row of [`SYSCTLS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
#[allow(missing_docs, reason = "the rows say what each is")]
pub enum Sysctl {
    UnprivilegedUsernsClone,
    MaxUserNamespaces,
    MaxMntNamespaces,
    MaxPidNamespaces,
    MaxUtsNamespaces,
    MaxIpcNamespaces,
    MaxCgroupNamespaces,
    ApparmorRestrictUnprivilegedUserns,
    YamaPtraceScope,
    UsernsMaxLevel,
    KeysMaxkeys,
    KeysMaxbytes,
}

/// To what `tune` may set a sysctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// A switch: to 1.
    Switch,
    /// A limit: to the number that was asked for.
    Limit,
}

/// What there is to know of one sysctl.
#[derive(Clone, Copy, Debug)]
pub struct SysctlRow {
    /// Which.
    pub sysctl: Sysctl,
    /// The name, as sysctl(8) writes it. With slashes for dots it is the path below /proc/sys.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// In which places it tells of the node.
    pub places: &'static [Place],
    /// Whether a verdict hangs on it, so that a change makes the agent prove again.
    pub watched: bool,
    /// To what it may be set; `None`: it is never written.
    pub tunable: Option<Raise>,
    /// The steps that run into it where it is a limit.
    pub limits: &'static [Step],
    /// Whether a captured tree without a manifest tells by not having it. Such trees hold two of these sysctls where the
    /// machine has them. A limit on namespaces each kernel has since Linux 4.9, and its absence only says that nobody took it.
    pub absence_tells: bool,
    /// Where only the failure of a step makes anybody ask for it, and so it is not read before.
    pub asked_after: Option<Step>,
    /// Where the rule is written down.
    pub source: &'static str,
}

const LIMIT: SysctlRow = SysctlRow {
    sysctl: Sysctl::MaxUserNamespaces,
    name: "",
    meaning: "",
    // A pod's user namespace has limits of its own, and the file shows those.
    places: HOST_USER_NAMESPACE,
    watched: true,
    tunable: Some(Raise::Limit),
    limits: &[],
    absence_tells: false,
    asked_after: None,
    source: "namespaces(7), kernel/ucount.c",
};

const SWITCH: SysctlRow = SysctlRow { places: EVERYWHERE, tunable: None, absence_tells: true, source: "", ..LIMIT };

/// All sysctls, in the order in which a builder meets them: facts, watch list, captures and `tune` come from here.
pub const SYSCTLS: [SysctlRow; Sysctl::VARIANTS.len()] = [
    SysctlRow {
        sysctl: Sysctl::UnprivilegedUsernsClone,
        name: "kernel.unprivileged_userns_clone",
        meaning: "A kernel patch of Debian and others: at 0 only a process with CAP_SYS_ADMIN can create user namespaces. Absent: the kernel has no such switch.",
        tunable: Some(Raise::Switch),
        source: "debian/patches/debian/add-sysctl-to-disallow-unprivileged-CLONE_NEWUSER-by-default.patch",
        ..SWITCH
    },
    SysctlRow {
        sysctl: Sysctl::MaxUserNamespaces,
        name: "user.max_user_namespaces",
        meaning: "How many user namespaces a user may have (Linux 4.9).",
        limits: &[Step::UserNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::MaxMntNamespaces,
        name: "user.max_mnt_namespaces",
        meaning: "The same for mount namespaces.",
        limits: &[Step::MountNamespace, Step::StepMountNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::MaxPidNamespaces,
        name: "user.max_pid_namespaces",
        meaning: "The same for PID namespaces.",
        limits: &[Step::PidNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::MaxUtsNamespaces,
        name: "user.max_uts_namespaces",
        meaning: "The same for UTS namespaces.",
        limits: &[Step::UtsNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::MaxIpcNamespaces,
        name: "user.max_ipc_namespaces",
        meaning: "The same for IPC namespaces.",
        limits: &[Step::IpcNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::MaxCgroupNamespaces,
        name: "user.max_cgroup_namespaces",
        meaning: "The same for cgroup namespaces.",
        limits: &[Step::CgroupNamespace],
        ..LIMIT
    },
    SysctlRow {
        sysctl: Sysctl::ApparmorRestrictUnprivilegedUserns,
        name: "kernel.apparmor_restrict_unprivileged_userns",
        meaning: "Ubuntu's kernel patch, from 23.10: at 1 an unconfined process has no capabilities in a new user namespace.",
        source: "https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces",
        ..SWITCH
    },
    SysctlRow {
        sysctl: Sysctl::YamaPtraceScope,
        name: "kernel.yama.ptrace_scope",
        meaning: "Yama: at 3 no process may attach to another, so the runtime can't give volumes to pods with a user namespace.",
        absence_tells: false,
        source: "Documentation/admin-guide/LSM/Yama.rst",
        ..SWITCH
    },
    SysctlRow {
        sysctl: Sysctl::UsernsMaxLevel,
        name: "kernel.userns_max_level",
        meaning: "Alibaba Cloud Linux: how deep user namespaces may be nested; 0 switches user namespaces off. Absent elsewhere.",
        absence_tells: false,
        source: "Alibaba Cloud Linux 2 and 3, default 33",
        ..SWITCH
    },
    SysctlRow {
        sysctl: Sysctl::KeysMaxkeys,
        name: "kernel.keys.maxkeys",
        meaning: "How many keys a user other than root may have. Each container of the user and each build step has a keyring.",
        ..KEYS
    },
    SysctlRow {
        sysctl: Sysctl::KeysMaxbytes,
        name: "kernel.keys.maxbytes",
        meaning: "How many bytes these keys may take. A pod's keyring takes 70.",
        ..KEYS
    },
];

const KEYS: SysctlRow = SysctlRow {
    watched: false,
    absence_tells: false,
    asked_after: Some(Step::SessionKeyring),
    source: "keyrings(7), security/keys/key.c",
    ..SWITCH
};

impl Sysctl {
    /// What is known of it.
    pub const fn row(self) -> &'static SysctlRow {
        &SYSCTLS[self as usize]
    }

    /// The name, as sysctl(8) writes it.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Its file.
    pub fn path(self) -> String {
        format!("/proc/sys/{}", self.name().replace('.', "/"))
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What was read of each sysctl. In JSON an object by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctls([Fact<u64>; SYSCTLS.len()]);

impl Sysctls {
    /// Reads each one.
    pub fn read(mut read: impl FnMut(&'static SysctlRow) -> Fact<u64>) -> Self {
        Sysctls(SYSCTLS.each_ref().map(|row| read(row.sysctl.row())))
    }

    /// What was read of one.
    pub fn get(&self, sysctl: impl Into<Sysctl>) -> &Fact<u64> {
        &self.0[sysctl.into() as usize]
    }

    /// A value that the kernel can hold: each is an int, and the limits end there (ucount.c).
    ///
    /// # Errors
    /// What is larger.
    pub fn in_range(sysctl: Sysctl, value: u64) -> Result<u64, String> {
        if i32::try_from(value).is_ok() { Ok(value) } else { Err(format!("{sysctl} is {value}, which no kernel holds")) }
    }

    /// All of them, to be changed.
    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = &mut Fact<u64>> {
        self.0.iter_mut()
    }

    /// Puts another fact in its place.
    pub fn set(&mut self, sysctl: impl Into<Sysctl>, fact: Fact<u64>) {
        self.0[sysctl.into() as usize] = fact;
    }
}

impl Default for Sysctls {
    fn default() -> Self {
        Sysctls::read(|_| Fact::default())
    }
}

impl Serialize for Sysctls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(SYSCTLS.iter().map(|row| (row.name, self.get(row.sysctl))))
    }
}

impl<'de> Deserialize<'de> for Sysctls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByName;
        impl<'de> Visitor<'de> for ByName {
            type Value = Sysctls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of sysctls")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sysctls, A::Error> {
                let mut sysctls = Sysctls::default();
                while let Some(name) = map.next_key::<String>()? {
                    match SYSCTLS.iter().find(|row| row.name == name) {
                        Some(row) => sysctls.set(row.sysctl, map.next_value()?),
                        // A later version knows more of them.
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(sysctls)
            }
        }
        deserializer.deserialize_map(ByName)
    }
}

impl JsonSchema for Sysctls {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sysctls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut property = |row: &SysctlRow| {
            let mut schema = generator.subschema_for::<Fact<u64>>();
            schema.insert("description".into(), row.meaning.into());
            (row.name.to_owned(), serde_json::Value::from(schema))
        };
        let properties: serde_json::Map<_, _> = SYSCTLS.iter().map(&mut property).collect();
        json_schema!({
            "description": "The sysctls that decide over unprivileged user namespaces, by their own names.",
            "type": "object",
            "properties": properties,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sysctl_has_its_row() {
        for (sysctl, row) in Sysctl::VARIANTS.iter().zip(&SYSCTLS) {
            assert_eq!(row.sysctl, *sysctl, "the rows stand in the order of the variants");
            assert!(!row.meaning.is_empty() && !row.source.is_empty() && row.name.contains('.'), "{sysctl}");
            assert_eq!(SYSCTLS.iter().filter(|other| other.name == row.name).count(), 1, "{sysctl}");
            assert!(row.limits.is_empty() || row.tunable == Some(Raise::Limit), "{sysctl}");
        }
    }

    #[test]
    fn facts_are_written_by_name_and_read_again() {
        let mut sysctls = Sysctls::default();
        for (value, row) in (1..).zip(&SYSCTLS) {
            sysctls.set(row.sysctl, Fact::Known(value));
        }
        let json = serde_json::to_value(&sysctls).expect("JSON");
        for (value, row) in (1..).zip(&SYSCTLS) {
            assert_eq!(json[row.name]["known"], value);
        }
        assert_eq!(serde_json::from_value::<Sysctls>(json).expect("the same"), sysctls);
        let later = r#"{"kernel.later":{"other":[1]},"user.max_user_namespaces":{"known":7}}"#;
        assert_eq!(serde_json::from_str::<Sysctls>(later).expect("lenient").get(Sysctl::MaxUserNamespaces), &Fact::Known(7));
    }
}
