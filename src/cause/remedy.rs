//! What removes a cause: for this operating system, as a sysctl, a setting or a change of the pod.
//! Plans only: nothing here changes anything.

use crate::fact::{DISTROS, Facts, Keeps, OsRelease, SYSCTLS, Settings, SysctlSetting, Tunable};
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

/// A sysctl that `tune` may set.
pub(crate) fn tunable(facts: &Facts, name: Tunable, value: u64) -> Remedy {
    sysctls(facts, &[(name.name(), value)])
}

/// What stands last in the files that are applied at boot, and so counts.
pub fn set_at_boot(facts: &Facts, name: Tunable) -> Option<&SysctlSetting> {
    facts.sysctl_files.known()?.iter().rfind(|setting| setting.sysctl == name)
}

/// A sysctl, in the way of the operating system.
pub(super) fn sysctl(facts: &Facts, name: &str, value: u64) -> Remedy {
    sysctls(facts, &[(name, value)])
}

/// Some sysctls that belong together.
pub(super) fn sysctls(facts: &Facts, values: &[(&str, u64)]) -> Remedy {
    let keeps = facts.os.known().map(Keeps::of);
    let set = format!("sysctl -w {}", joined(values, "=", " "));
    let (fix, keep, note) = match keeps.unwrap_or(Keeps::SysctlD) {
        Keeps::SysctlD => (set, Some(in_a_file(facts, values)), of_node_images(facts)),
        Keeps::OwnSettings(versions) => {
            let (fix, note) = own_settings(facts, versions, values);
            (fix, None, note)
        }
        Keeps::Object(settings, note) => (set, Some(settings.text(values)), Some(note.to_owned())),
        Keeps::Forgets(place) => {
            let keep = place.replace("SYSCTL", &set);
            (set, Some(keep), None)
        }
        Keeps::NoShell(instead) => (instead.to_owned(), None, None),
    };
    let tunable = !matches!(keeps, Some(Keeps::OwnSettings(_)));
    Remedy { fix, keep, note: if keeps.is_none() { Some(of_unknown_system()) } else { note }, tunable }
}

fn joined(values: &[(&str, u64)], is: &str, between: &str) -> String {
    values.iter().map(|(name, value)| format!("{name}{is}{value}")).collect::<Vec<_>>().join(between)
}

/// The system's own setting, in the way of its version. Where its own switch sets a 0, another setting contradicts that.
fn own_settings(facts: &Facts, versions: &[Settings], values: &[(&str, u64)]) -> (String, Option<String>) {
    let version = facts.os.known().map(OsRelease::version).unwrap_or_default();
    let Some(settings) = versions.iter().find(|settings| settings.since <= version) else { return (joined(values, "=", " "), None) };
    let text = settings.text(values);
    let is_zero = |name: &str| SYSCTLS.iter().any(|row| row.name == name && facts.sysctls.get(row.sysctl).known() == Some(&0));
    let switch = values.iter().find_map(|(name, value)| {
        let switch = settings.switches.iter().find(|switch| switch.sysctl == *name && is_zero(name))?;
        Some(switch.fix.replace("VALUE", &value.to_string()))
    });
    match switch {
        Some(switch) => (switch, Some(format!("if something else sets the 0: {text}"))),
        None => (text, None),
    }
}

/// The line in a file of sysctl.d(5). A file of /etc that sets less is the place to change; one of a package never is: in /usr,
/// which may be read-only, the next version of the package brings it back, so another file has to come after it.
fn in_a_file(facts: &Facts, values: &[(&str, u64)]) -> String {
    let lower = |(name, value): &(&str, u64)| {
        let setting = Tunable::all().find(|tunable| tunable.name() == *name).and_then(|tunable| set_at_boot(facts, tunable))?;
        setting.value.parse::<u64>().is_ok_and(|set| set < *value).then_some(setting)
    };
    let low = values.iter().find_map(lower);
    if let Some(SysctlSetting { file, sysctl, value }) = low.filter(|setting| setting.file.starts_with("/etc/")) {
        return format!("change {sysctl} in {}, which sets it to {value} at boot", quoted(file));
    }
    let file = after(low.map_or("", |setting| setting.file.rsplit('/').next().unwrap_or_default()));
    match values {
        [_] => format!("echo '{}' >> /etc/sysctl.d/{file}", joined(values, " = ", "")),
        _ => format!(r"printf '{}\n' >> /etc/sysctl.d/{file}", joined(values, " = ", r"\n")),
    }
}

/// The name of a file that is applied after another one. Of one name in two directories only the one in /etc is read, and all
/// else in the other lost.
fn after(other: &str) -> String {
    let usual = ["60-userns.conf", "99-userns.conf"].into_iter().find(|name| *name > other);
    // An underscore comes after the dot of `.conf`.
    usual.map_or_else(|| format!("{}_userns.conf", other.trim_end_matches(".conf")), str::to_owned)
}

/// Kernels of the images of cloud platforms, whose nodes are replaced rather than kept.
const KERNELS_OF_NODE_IMAGES: [&str; 8] = ["-aws", "-azure", "-gke", "-gcp", "-oracle", ".amzn", ".azl", ".cm2"];

fn of_node_images(facts: &Facts) -> Option<String> {
    let kernel = facts.kernel.known()?.to_string();
    KERNELS_OF_NODE_IMAGES.iter().any(|part| kernel.contains(part)).then(|| {
        "in a managed pool the next node image has neither: let a DaemonSet set it on each node (buildkit-preflight render agent --tune all)".to_owned()
    })
}

/// What to know where nobody can tell which system it is.
fn of_unknown_system() -> String {
    let mut own: Vec<_> = DISTROS.iter().filter(|distro| matches!(distro.keeps, Keeps::OwnSettings(_))).map(|distro| distro.name).collect();
    own.dedup();
    let (last, others) = own.split_last().unwrap_or((&"some systems", &[]));
    format!("on {} and {last} set the sysctl in the system's own settings", others.join(", "))
}
