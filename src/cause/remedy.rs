//! What removes a cause: for this operating system, as a sysctl, a setting or a change of the pod.
//! Plans only: nothing here changes anything.

use crate::fact::{DISTROS, Facts, Keeps, SysctlSetting, Tunable};
use crate::text::quoted;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limit that BuildKit's documentation advises for user.max_user_namespaces.
pub const ADVISED_LIMIT: u32 = 63_359;

/// What removes a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// One line: a command to paste where there is one, else what to change.
    pub fix: String,
    /// How to keep it over a reboot, where the fix alone does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it is a sysctl that can be raised at run time, without privilege beyond CAP_SYS_RESOURCE.
    pub tunable: bool,
}

impl Remedy {
    pub(super) fn new(fix: impl Into<String>) -> Self {
        Remedy { fix: fix.into(), ..Remedy::default() }
    }

    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Remedy { note: Some(note.into()), ..self }
    }

    /// `tune` is not to set it.
    pub(super) fn by_hand(self) -> Self {
        Remedy { tunable: false, ..self }
    }
}

/// A sysctl that `tune` may set. A file that sets it at boot is the place to change.
pub(crate) fn tunable(facts: &Facts, name: Tunable, value: u64) -> Remedy {
    let remedy = sysctl(facts, name.name(), value);
    let keep = match (&remedy.keep, set_at_boot(facts, name)) {
        (Some(_), Some(setting)) if setting.value.parse::<u64>().is_ok_and(|set| set < value) => {
            Some(format!("change {name} in {}, which sets it to {} at boot", quoted(&setting.file), setting.value))
        }
        _ => remedy.keep,
    };
    Remedy { keep, ..remedy }
}

/// What stands last in the files that are applied at boot, and so counts.
pub fn set_at_boot(facts: &Facts, name: Tunable) -> Option<&SysctlSetting> {
    facts.sysctl_files.known()?.iter().rfind(|setting| setting.sysctl == name)
}

/// A sysctl, in the way of the operating system.
pub(super) fn sysctl(facts: &Facts, name: &str, value: u64) -> Remedy {
    let keeps = facts.os.known().map(Keeps::of);
    let set = format!("sysctl -w {name}={value}");
    let (fix, keep) = match keeps.unwrap_or(Keeps::SysctlD) {
        Keeps::SysctlD => (set, Some(format!("echo '{name} = {value}' >> /etc/sysctl.d/60-userns.conf"))),
        Keeps::OwnSettings(template) => (template.replace("NAME", name).replace("VALUE", &value.to_string()), None),
        Keeps::Forgets(place) => (set, Some(place.to_owned())),
    };
    let tunable = !keeps.is_some_and(Keeps::in_own_settings);
    Remedy { fix, keep, note: keeps.is_none().then(of_unknown_system), tunable }
}

/// What to know where nobody can tell which system it is.
fn of_unknown_system() -> String {
    let own: Vec<_> = DISTROS.iter().filter(|distro| distro.keeps.in_own_settings()).map(|distro| distro.name).collect();
    let (last, others) = own.split_last().unwrap_or((&"some systems", &[]));
    format!("on {} and {last} set the sysctl in the system's own settings", others.join(", "))
}
