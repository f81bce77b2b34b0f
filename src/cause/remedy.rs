//! What removes a cause: for this operating system, as a sysctl, a setting or a change of the pod.
//! Plans only: nothing here changes anything.

use super::{Ask, Cause};
use crate::fact::{DISTROS, Facts, Keeps, Step, SysctlSetting, Tunable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limit that BuildKit's documentation advises for user.max_user_namespaces.
pub const ADVISED_LIMIT: u32 = 63_359;

/// What removes a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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

/// What removes a cause on the node that the facts are of. `failed` is the step at which a build ended.
pub fn remedy(cause: Cause, facts: &Facts, failed: Option<Step>) -> Remedy {
    let row = cause.row();
    let asked_for_none = facts.process.asked_unconfined.known() == Some(&true);
    match row.forced.filter(|_| asked_for_none) {
        Some(what) => {
            Remedy::new(format!("use other nodes, or find what on this one {what}: the OCI runtime, the platform, or an admission webhook"))
        }
        None => (row.remedy)(&Ask { facts, failed }),
    }
}

/// A sysctl that `tune` may set. A file that sets it at boot is the place to change.
pub(crate) fn tunable(facts: &Facts, name: Tunable, value: u64) -> Remedy {
    let remedy = sysctl(facts, name.name(), value);
    let keep = match (&remedy.keep, set_at_boot(facts, name)) {
        (Some(_), Some(setting)) if setting.value.parse::<u64>().is_ok_and(|set| set < value) => {
            Some(format!("change it in {}, which sets it to {} at boot", setting.file, setting.value))
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
    format!("on {} and {last} through the system's own settings", others.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CAUSES;
    use crate::fact::{Fact, OsRelease};

    fn on(id: &str, cause: Cause) -> Remedy {
        let os = OsRelease { id: id.into(), ..OsRelease::default() };
        remedy(cause, &Facts { os: Fact::Known(os), ..Facts::unknown() }, None)
    }

    #[test]
    fn a_sysctl_is_set_in_the_way_of_the_system() {
        assert_eq!(on("debian", Cause::UsernsClone0).fix, "sysctl -w kernel.unprivileged_userns_clone=1");
        assert!(on("debian", Cause::UsernsClone0).tunable);
        for (id, word) in [("bottlerocket", "apiclient"), ("talos", "talosctl"), ("nixos", "configuration.nix")] {
            let remedy = on(id, Cause::UsernsMax0);
            assert!(remedy.fix.contains(word) && remedy.fix.contains("63359") && remedy.keep.is_none(), "{remedy:?}");
            assert!(!remedy.tunable, "{id} keeps its settings itself");
        }
        assert!(on("cos", Cause::UsernsMax0).keep.is_some_and(|keep| keep.contains("start-up")));
        let unknown = remedy(Cause::UsernsMax0, &Facts::unknown(), None);
        assert_eq!(unknown.note.as_deref(), Some("on Bottlerocket, Talos and NixOS through the system's own settings"));
    }

    #[test]
    fn a_confinement_that_nobody_asked_for_is_the_nodes() {
        let mut facts = Facts::unknown();
        facts.process.asked_unconfined = Fact::Known(true);
        let fix = |cause| remedy(cause, &facts, None).fix;
        assert!(fix(Cause::Seccomp).contains("adds a seccomp filter to pods whose seccompProfile is Unconfined"));
        assert!(fix(Cause::Selinux).contains("confines pods whose appArmorProfile is Unconfined"));
        assert!(fix(Cause::StateDir).contains("emptyDir"), "its volumes are the pod's own doing");
    }

    #[test]
    fn every_cause_has_a_remedy_of_one_line_on_every_system() {
        for row in CAUSES {
            for id in DISTROS.iter().map(|distro| distro.id).chain(["unheard-of"]) {
                let remedy = on(id, row.cause);
                for text in [Some(&remedy.fix), remedy.keep.as_ref(), remedy.note.as_ref()].into_iter().flatten() {
                    assert!(!text.is_empty() && !text.contains(['\n', '\t']) && text.trim() == text, "{}: {text}", row.cause);
                }
            }
        }
    }
}
