//! Profiles of seccomp and AppArmor for the nodes: with them a pod that may not ask for Unconfined builds where the runtime's own would
//! stop it.

use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

/// What allows just what a rootless builder needs. Each call that it allows beside containerd's own is one without which a build fails
/// (measured by leaving out one after the other).
const SECCOMP: &str = include_str!("confinement/seccomp.json");
const APPARMOR: &str = include_str!("confinement/apparmor");

/// A file for the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Confinement {
    /// A profile of seccomp, for the directory `seccomp` of the kubelet.
    Seccomp,
    /// A profile of AppArmor, for `apparmor_parser`.
    Apparmor,
    /// An object of security-profiles-operator, which puts the profile of seccomp on all nodes.
    SecurityProfilesOperator,
}

impl Confinement {
    /// The name of the file.
    pub fn file(self) -> &'static str {
        match self {
            Confinement::Seccomp => "seccomp.json",
            Confinement::Apparmor => "apparmor",
            Confinement::SecurityProfilesOperator => "security-profiles-operator.yaml",
        }
    }

    /// The file.
    pub fn text(self) -> String {
        match self {
            Confinement::Seccomp => SECCOMP.to_owned(),
            Confinement::Apparmor => APPARMOR.to_owned(),
            Confinement::SecurityProfilesOperator => object(),
        }
    }
}

/// JSON is YAML too.
fn object() -> String {
    let spec: String = SECCOMP.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "# For security-profiles-operator, which writes it on each node. Pods name it: --seccomp-profile operator/buildkit-rootless.json
# An older operator has it in a namespace, and that between: kubectl get seccompprofile buildkit-rootless -o wide shows the path.
# The operator's AppArmorProfile has no rules for mounts and user namespaces: load the profile of AppArmor in another way.
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: buildkit-rootless
spec:
{spec}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::BTreeSet;
    use strum::IntoEnumIterator;

    fn profile() -> Value {
        serde_json::from_str(SECCOMP).expect("JSON")
    }

    /// The calls that are allowed, whatever their arguments.
    fn allowed() -> BTreeSet<String> {
        let rules = profile()["syscalls"].as_array().cloned().expect("rules");
        let plain = rules.into_iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW" && rule["args"].is_null());
        plain
            .flat_map(|rule| rule["names"].as_array().cloned().expect("names"))
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    #[test]
    fn what_a_builder_needs_is_allowed_and_what_reaches_the_node_is_not() {
        let allowed = allowed();
        for name in ["clone", "keyctl", "mount", "pivot_root", "sethostname", "setns", "umount2", "unshare", "execve", "openat"] {
            assert!(allowed.contains(name), "{name}");
        }
        for name in
            ["bpf", "perf_event_open", "init_module", "kexec_load", "open_by_handle_at", "reboot", "swapon", "syslog", "userfaultfd"]
        {
            assert!(!allowed.contains(name), "{name}");
        }
        assert_eq!(profile()["defaultAction"], "SCMP_ACT_ERRNO");
    }

    #[test]
    fn the_operators_object_has_the_very_profile() {
        let object: Value = serde_saphyr::from_str(&object()).expect("YAML");
        assert_eq!((&object["spec"], &object["kind"]), (&profile(), &json!("SeccompProfile")));
    }

    #[test]
    fn each_file_has_its_name() {
        let files: BTreeSet<_> = Confinement::iter().map(Confinement::file).collect();
        assert_eq!(files.len(), Confinement::VARIANTS.len());
        assert!(Confinement::iter().all(|file| file.text().ends_with('\n')));
    }
}
