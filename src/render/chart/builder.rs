//! The chart of a builder.

mod values;

use super::parts::Chart;
use super::translate::{Language, translate};
use crate::fact::{Builder, SubId};
use crate::node::Key;
use crate::profile::{Profile, Shape};
use crate::render::Error;
use crate::render::builder::{BuilderOptions, CERTIFICATES, CONFIG_DIR, PORT, stock_image, template_values};
use crate::render::shape::security_at;
use crate::render::sub_ids::LEAST_POD_IDS;
use serde_json::json;

/// What users choose. All else is the same in each builder.
const LANGUAGE: Language = Language {
    chosen: &[
        "name",
        "namespace",
        "profile",
        "image",
        "guard",
        "snapshotter",
        "replicas",
        "claim",
        "in_memory",
        "memory",
        "config",
        "toml",
        "registry_ca",
        "checksum",
        "tls",
        "daemon_secret",
        "client_secret",
        "ids",
        "sub_ids",
        "sub_uids",
        "sub_gids",
        "requirements",
        "pool",
        "proven",
        "privileged",
        "pod_security",
        "at_own_risk",
        "host_users",
        "process_sandbox",
        "security",
        "socket",
        "mounts",
        "scratch",
        "fs_group",
        "state_dir",
        "names_state_dir",
        "access_modes",
        "service_port",
        "grace",
    ],
    slots: &[
        ("end", "{{- end }}"),
        ("labels-4", "{{- with $.Values.extraSelectorLabels }}\n{{ toYaml . | indent 4 }}\n{{- end }}"),
        ("labels-6", "{{- with $.Values.extraSelectorLabels }}\n{{ toYaml . | indent 6 }}\n{{- end }}"),
        ("if-replicas", "{{- if not $.Values.autoscaling.enabled }}"),
        ("if-strategy", "{{- if $x.existing }}\n  # Two daemons can't share the claim.\n  strategy:\n    type: Recreate\n{{- else }}"),
        (
            "annotations",
            "{{- with $.Values.podAnnotations }}\n{{- if not $x.checksum }}\n      annotations:\n{{- end }}\n{{ toYaml . | indent 8 }}\n{{- end }}",
        ),
        ("if-affinity", "{{- if $x.affinity }}\n      affinity:\n{{ toYaml $x.affinity | indent 8 }}\n{{- else }}"),
        ("pod", "{{- include \"buildkitd.pod\" $ }}"),
        ("pull", "{{- with $.Values.image.pullPolicy }}\n          imagePullPolicy: {{ . }}\n{{- end }}"),
        ("guard-pull", "{{- with $.Values.guard.image.pullPolicy }}\n          imagePullPolicy: {{ . }}\n{{- end }}"),
        (
            "init-containers",
            "{{- with $.Values.initContainers }}\n{{- if not (or $x.guard $x.fs_group) }}\n      initContainers:\n{{- end }}\n{{ toYaml . | indent 8 }}\n{{- end }}",
        ),
        (
            "args",
            "{{- if $.Values.debugLog }}\n            - --debug\n{{- end }}\n{{- range $.Values.daemonArgs }}\n            - {{ . | toJson }}\n{{- end }}",
        ),
        (
            "env",
            "{{- with $.Values.env }}\n{{- if not $x.registry_ca }}\n          env:\n{{- end }}\n{{ toYaml . | indent 12 }}\n{{- end }}",
        ),
        (
            "if-lifecycle",
            "{{- if $.Values.lifecycle }}\n          lifecycle:\n{{ toYaml $.Values.lifecycle | indent 12 }}\n{{- else if $.Values.preStop }}",
        ),
        ("if-resources", "{{- if $.Values.resources }}\n          resources:\n{{ toYaml $.Values.resources | indent 12 }}\n{{- else }}"),
        ("mounts", "{{- with $.Values.extraVolumeMounts }}\n{{ toYaml . | indent 12 }}\n{{- end }}"),
        (
            "if-state",
            "{{- if $x.existing }}\n        - name: state\n          persistentVolumeClaim:\n            claimName: {{ $x.existing | toJson }}\n{{- else if $x.disk_limit }}\n        - name: state\n          emptyDir:\n            sizeLimit: {{ $x.disk_limit | toJson }}\n{{- else }}",
        ),
        ("volumes", "{{- with $.Values.extraVolumes }}\n{{ toYaml . | indent 8 }}\n{{- end }}"),
        ("service-annotations", "{{- with $.Values.service.annotations }}\n  annotations:\n{{ toYaml . | indent 4 }}\n{{- end }}"),
        (
            "service",
            "{{- if ne $.Values.service.type \"ClusterIP\" }}\n  type: {{ $.Values.service.type }}\n{{- end }}\n{{- with $.Values.service.loadbalancerIp }}\n  loadBalancerIP: {{ . | toJson }}\n{{- end }}",
        ),
        (
            "if-pdb",
            "{{- if not (kindIs \"invalid\" $.Values.pdb.minAvailable) }}\n  minAvailable: {{ $.Values.pdb.minAvailable }}\n{{- else }}",
        ),
        ("if-client", "{{- if $x.tls.client_certificate }}"),
    ],
};

/// The chart.
pub(super) const CHART: Chart = Chart {
    name: "buildkitd",
    rows: values::ROWS,
    texts: &[
        ("Chart.yaml", include_str!("builder/Chart.yaml")),
        ("README.md", include_str!("builder/README.md")),
        ("templates/NOTES.txt", include_str!("builder/NOTES.txt")),
        ("templates/_helpers.tpl", include_str!("builder/_helpers.tpl")),
        ("templates/_profiles.tpl", include_str!("builder/_profiles.tpl")),
        ("templates/_tls.tpl", include_str!("builder/_tls.tpl")),
        ("templates/hpa.yaml", include_str!("builder/hpa.yaml")),
        ("templates/tests/build.yaml", include_str!("builder/build.yaml")),
    ],
    templates,
    words,
};

/// What stands in its own files.
fn words() -> Vec<(&'static str, String)> {
    let (repository, tag) = stock_image(true).rsplit_once(':').unwrap_or_default();
    vec![
        ("@PROFILES@", serde_json::to_string_pretty(&profiles()).expect("JSON")),
        ("@REPOSITORY@", repository.to_owned()),
        ("@BUILDKIT@", tag.to_owned()),
        ("@PORT@", PORT.to_string()),
        ("@POD_IDS@", Key::PodIds.name().to_owned()),
        ("@LEAST_IDS@", LEAST_POD_IDS.to_string()),
        ("@STOCK_IDS@", (SubId::STOCK.start + SubId::STOCK.length).to_string()),
        ("@CONFIG_DIR@", CONFIG_DIR.to_owned()),
        ("@CERTIFICATES@", CERTIFICATES.to_owned()),
    ]
}

/// The table of profiles, as far as it decides what a manifest says.
fn profiles() -> serde_json::Value {
    let of = |profile: Profile| {
        let shape = profile.shape();
        let row = json!({
            "rootless": profile.row().builder == Builder::Rootless,
            "hostUsers": shape.host_users,
            "inUserNamespace": profile.is_in_user_namespace(),
            "nestedIds": profile.has_nested_ids(),
            "needsProof": profile.needs_proof(),
            "privileged": shape.privileged,
            "podSecurity": if profile.asked().unconfined { "privileged" } else { "baseline" },
            "processSandbox": shape.process_sandbox,
            "uid": shape.user,
            "gid": shape.group,
            "stateDir": shape.state.path,
            "runtimeDir": shape.runtime.path,
            "security": confinement(shape),
        });
        (profile.id().to_owned(), row)
    };
    serde_json::Value::Object(Profile::ALL.into_iter().map(of).collect())
}

/// A security context without the lines that say who the user is.
fn confinement(shape: &Shape) -> String {
    let text = security_at(0, shape, &[]);
    let lines = text.lines().skip(1).filter(|line| !line.starts_with("  runAs"));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Its templates, which are those of the manifests.
fn templates() -> Result<Vec<(String, String)>, Error> {
    let values = template_values(&BuilderOptions::default())?;
    let files = [
        ("builder/namespace.yaml", "$.Values.namespace.create"),
        ("builder/sub-ids.yaml", "$x.sub_ids"),
        ("builder/config.yaml", "$x.config"),
        ("builder/certificates.yaml", "$x.tls.made"),
        ("builder/buildkitd.yaml", "true"),
        ("builder/network-policy.yaml", "$.Values.networkPolicy.enabled"),
    ];
    let file = |(name, condition): (&'static str, &str)| {
        let text = translate(name, &LANGUAGE, &values)?;
        let text = if condition == "true" { text } else { format!("{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n") };
        let head = "{{- $x := dict \"Root\" $ }}{{- $_ := include \"buildkitd.values\" $x }}\n";
        Ok((name.trim_start_matches("builder/").to_owned(), head.to_owned() + &text))
    };
    files.into_iter().map(file).collect()
}
