//! How operating systems keep their sysctls over a reboot.

/// How a system keeps its sysctls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// In files of sysctl.d(5).
    SysctlD,
    /// In settings of its own, out of which it makes the files of /etc.
    OwnSettings(&'static [Settings]),
    /// As an object of the cluster that manages the node; and what else to know of that.
    Object(Settings, &'static str),
    /// Not at all, since /etc is gone at each boot: what to do in its stead, with `SYSCTL` for the command that sets them.
    Forgets(&'static str),
    /// Nowhere that anybody could reach, who has no shell there either: what to do in its stead.
    NoShell(&'static str),
}

/// A command, or a line of a configuration, that sets some sysctls and keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From which version of the system on, major and minor.
    pub since: (u32, u32),
    /// With `SETTINGS` in the place of the sysctls.
    pub command: &'static str,
    /// One of them, with `NAME` and `VALUE`.
    pub each: &'static str,
    /// What stands between two.
    pub between: &'static str,
    /// The system's own switches: where a sysctl is 0 it is one of these that sets it.
    pub switches: &'static [Switch],
}

/// A switch of a system that sets a sysctl to 0 itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The sysctl.
    pub sysctl: &'static str,
    /// What to do, with `VALUE`.
    pub fix: &'static str,
}

/// Members of a JSON object.
const JSON: Settings = Settings { since: (0, 0), command: "", each: r#""NAME":"VALUE""#, between: ",", switches: &[] };

/// <https://bottlerocket.dev/en/os/latest/api/settings/kernel/>
pub(super) const BOTTLEROCKET: Keeps =
    Keeps::OwnSettings(&[Settings { command: r#"apiclient set -j '{"settings":{"kernel":{"sysctl":{SETTINGS}}}}'"#, ..JSON }]);

/// Its nodes have neither the control nor the admin container, and no settings that a user could give:
/// <https://docs.aws.amazon.com/eks/latest/userguide/automode-learn-instances.html>
pub(super) const EKS_AUTO: Keeps = Keeps::NoShell(
    "use another node group (AL2023, or Bottlerocket with settings.kernel.sysctl); or a DaemonSet that sets it: buildkit-preflight render agent --tune all",
);

/// <https://docs.siderolabs.com/talos/v1.14/reference/configuration/runtime/sysctlconfig>. The newest first.
pub(super) const TALOS: Keeps = Keeps::OwnSettings(&[
    Settings {
        since: (1, 14),
        command: r#"talosctl patch machineconfig --patch '{"apiVersion":"v1alpha1","kind":"SysctlConfig","params":{SETTINGS}}'"#,
        ..JSON
    },
    Settings { command: r#"talosctl patch machineconfig --patch '{"machine":{"sysctls":{SETTINGS}}}'"#, ..JSON },
]);

/// nixos/modules/security/misc.nix: where the option is false it sets the 0 without mkDefault, and another definition beside it is
/// refused as a conflict. What is no longer set keeps its value until the next boot.
pub(super) const NIXOS: Keeps = Keeps::OwnSettings(&[Settings {
    command: "SETTINGS in configuration.nix, then nixos-rebuild switch",
    each: r#"boot.kernel.sysctl."NAME" = lib.mkForce VALUE;"#,
    between: " ",
    switches: &[Switch {
        sysctl: "user.max_user_namespaces",
        fix: "security.allowUserNamespaces = true; in configuration.nix, then nixos-rebuild switch && sysctl -w user.max_user_namespaces=VALUE",
    }],
    ..JSON
}]);

/// <https://cloud.google.com/container-optimized-os/docs/concepts/disks-and-filesystem>
pub(super) const CONTAINER_OPTIMIZED: Keeps = Keeps::Forgets(
    "run `SYSCTL` in a start-up script, or let a DaemonSet set it (buildkit-preflight render agent --tune all): Container-Optimized OS discards changes of /etc at each boot",
);

/// <https://minikube.sigs.k8s.io/docs/handbook/persistent_volumes/>
pub(super) const MINIKUBE: Keeps = Keeps::Forgets(
    "run `minikube ssh -- sudo SYSCTL` at each start, or let a DaemonSet set it (buildkit-preflight render agent --tune all): the root of minikube's machine lies in memory",
);

/// A profile of the Node Tuning Operator, which needs no reboot:
/// <https://docs.redhat.com/en/documentation/openshift_container_platform/4.20/html/scalability_and_performance/using-node-tuning-operator>
pub(super) const OPENSHIFT: Keeps = Keeps::Object(
    Settings {
        command: r#"oc apply -f - <<< '{"apiVersion":"tuned.openshift.io/v1","kind":"Tuned","metadata":{"name":"buildkit-userns","namespace":"openshift-cluster-node-tuning-operator"},"spec":{"profile":[{"name":"buildkit-userns","data":"[main]\nsummary=User namespaces for builds\ninclude=openshift-node\n[sysctl]\nSETTINGS\n"}],"recommend":[{"match":[{"label":"node-role.kubernetes.io/worker"}],"priority":20,"profile":"buildkit-userns"}]}}'"#,
        each: "NAME=VALUE",
        between: r"\n",
        ..JSON
    },
    "a MachineConfig with a file in /etc/sysctl.d keeps it too, and reboots the pool; what is set by hand is drift, and lost with the pool's next node",
);

impl Settings {
    /// What sets these sysctls.
    pub fn text(&self, values: &[(&str, u64)]) -> String {
        let each = |(name, value): &(&str, u64)| self.each.replace("NAME", name).replace("VALUE", &value.to_string());
        let settings: Vec<_> = values.iter().map(each).collect();
        self.command.replace("SETTINGS", &settings.join(self.between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::DISTROS;

    #[test]
    fn settings_have_their_places_and_end_with_one_for_each_version() {
        let all = DISTROS.iter().flat_map(|distro| match &distro.keeps {
            Keeps::OwnSettings(versions) => {
                assert!(versions.is_sorted_by_key(|one| std::cmp::Reverse(one.since)), "{}", distro.name);
                assert_eq!(versions.last().map(|one| one.since), Some((0, 0)), "{}", distro.name);
                versions.to_vec()
            }
            Keeps::Object(settings, _) => vec![*settings],
            _ => Vec::new(),
        });
        for settings in all {
            assert_eq!(settings.command.matches("SETTINGS").count(), 1, "{settings:?}");
            assert!(settings.each.matches("NAME").count() == 1 && settings.each.matches("VALUE").count() == 1, "{settings:?}");
            // What stands in quotes for a shell is one JSON document, with two sysctls too.
            let text = settings.text(&[("a.b", 1), ("c.d", 2)]);
            assert!(text.contains("a.b") && text.contains("c.d"), "{text}");
            if let Some((_, json)) = text.split_once('\'') {
                serde_json::from_str::<serde_json::Value>(json.trim_end_matches('\'')).unwrap_or_else(|error| panic!("{error}: {text}"));
            }
        }
    }

    #[test]
    fn several_sysctls_stand_in_one_command() {
        let Keeps::OwnSettings([bottlerocket]) = BOTTLEROCKET else { panic!("one way") };
        let text = bottlerocket.text(&[("kernel.keys.maxkeys", 2000), ("kernel.keys.maxbytes", 140_000)]);
        let sysctls = r#"{"kernel.keys.maxkeys":"2000","kernel.keys.maxbytes":"140000"}"#;
        assert_eq!(text, format!(r#"apiclient set -j '{{"settings":{{"kernel":{{"sysctl":{sysctls}}}}}}}'"#));
    }
}
