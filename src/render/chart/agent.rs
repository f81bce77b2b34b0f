//! The chart of the agent.

use super::parts::{
    ANNOTATIONS_ROW, Chart, DOMAIN, IMAGE_DIGEST_ROW, IMAGE_NAME, IMAGE_TAG, NAMESPACE_MADE_ROW, NAMESPACE_ROW, PROFILE_OF_NODE,
    PULL_POLICY_ROW, PULL_SECRETS_ROW,
};
use super::rows::{Kind, Row};
use super::translate::{Language, translate};
use crate::profile::Profile;
use crate::render::Error;
use crate::render::agent::{AgentOptions, canary_values as canary_of, values};
use crate::render::shape::{prover, security_at};

/// What users choose in all files.
const CHOSEN: [&str; 6] = ["namespace", "prefix", "image", "baseline", "canaries", "tune"];

const LANGUAGE: Language =
    Language { chosen: &[CHOSEN[0], CHOSEN[1], CHOSEN[2], CHOSEN[3], CHOSEN[4], CHOSEN[5], "security"], slots: &SLOTS };

/// A canary's shape is its profile's.
const OF_CANARY: Language = Language { chosen: &[CHOSEN[0], CHOSEN[1], CHOSEN[2]], slots: &SLOTS };

/// What only Helm offers.
const SLOTS: [(&str, &str); 7] = [
    ("if-namespace", "{{- if $.Values.namespace.create }}"),
    ("end", "{{- end }}"),
    ("pull", "{{- with $.Values.image.pullPolicy }}\n          imagePullPolicy: {{ . }}\n{{- end }}"),
    ("annotations", "{{- include \"preflight.annotations\" (list $ POD_HAS_ANNOTATIONS) }}"),
    ("pod", "{{- include \"preflight.pod\" $ }}"),
    ("canary-nodes", "{{- with $.Values.nodeSelector }}\n      nodeSelector:\n{{ toYaml . | indent 8 }}\n{{- end }}"),
    ("node-selector", "{{- with $.Values.nodeSelector }}\n{{ toYaml . | indent 8 }}\n{{- end }}"),
];

/// Its values.
pub(super) const ROWS: &[Row] = &[
    Row {
        path: "image.repository",
        default: "\"buildkit-preflight\"",
        kind: Kind::Like(IMAGE_NAME),
        about: "The agent's image. No registry has the default: build it, and name yours",
    },
    Row { path: "image.tag", default: "\"\"", kind: Kind::Maybe(IMAGE_TAG), about: "Its tag. Empty: the version of the chart's program" },
    IMAGE_DIGEST_ROW,
    PULL_POLICY_ROW,
    PULL_SECRETS_ROW,
    Row {
        path: "labelPrefix",
        default: "\"buildkit-preflight.dev\"",
        kind: Kind::Like(DOMAIN),
        about: "The prefix of the labels that the agent publishes. To change it, uninstall first",
    },
    NAMESPACE_ROW,
    NAMESPACE_MADE_ROW,
    Row {
        path: "canaries",
        default: "[\"procmount\"]",
        kind: Kind::SomeOf(canaries),
        about: "The profiles that get a canary. Those of userns, privileged and rootful have a privileged container",
    },
    Row {
        path: "baseline",
        default: "false",
        kind: Kind::Bool,
        about: "For a namespace where Pod Security enforces baseline: no Unconfined, no host path, and a canary of baseline alone",
    },
    Row {
        path: "seccompProfile",
        default: "\"\"",
        kind: Kind::Maybe(PROFILE_OF_NODE),
        about: "A seccomp profile of the nodes for the canary of baseline, below the kubelet's directory",
    },
    Row {
        path: "appArmorProfile",
        default: "\"\"",
        kind: Kind::Maybe(PROFILE_OF_NODE),
        about: "An AppArmor profile of the nodes for the canary of baseline",
    },
    Row {
        path: "tune.sysctls",
        default: "\"\"",
        kind: Kind::OneOf(&["", "kernel", "all"]),
        about: "Add a container that sets sysctls which keep builders from running: kernel.unprivileged_userns_clone alone (kernel), or limits on namespaces too (all)",
    },
    Row {
        path: "tune.persist",
        default: "false",
        kind: Kind::Bool,
        about: "With tune.sysctls: write a file of /etc/sysctl.d on each node, too. Uninstalling leaves that file",
    },
    ANNOTATIONS_ROW,
    Row {
        path: "nodeSelector",
        default: "{}",
        kind: Kind::Map,
        about: "Only nodes with these labels get an agent. Others have no label, and no builder",
    },
    Row {
        path: "cleanup.enabled",
        default: "true",
        kind: Kind::Bool,
        about: "helm uninstall removes labels and conditions from the nodes. Its Job has an account of its own while it runs",
    },
];

fn canaries() -> Vec<&'static str> {
    Profile::CANARIES.iter().map(|profile| profile.id()).collect()
}

/// The chart.
pub(super) const CHART: Chart = Chart {
    name: "buildkit-preflight",
    rows: ROWS,
    texts: &[
        ("Chart.yaml", include_str!("agent/Chart.yaml")),
        ("README.md", include_str!("agent/README.md")),
        ("templates/NOTES.txt", include_str!("agent/NOTES.txt")),
        ("templates/_helpers.tpl", include_str!("agent/_helpers.tpl")),
        ("templates/cleanup.yaml", include_str!("agent/cleanup.yaml")),
        ("templates/tests/verdicts.yaml", include_str!("agent/verdicts.yaml")),
    ],
    templates,
    words,
};

/// What stands in its own files.
fn words() -> Vec<(&'static str, String)> {
    let security = |profile| security_at(0, &prover(profile), &[]);
    vec![
        ("@SECURITY@", security(Profile::NoProcessSandbox)),
        ("@SECURITY_BASELINE@", security(Profile::Baseline)),
        ("@DEFAULT_PROFILE@", Profile::NoProcessSandbox.id().to_owned()),
    ]
}

/// Its templates, which are those of the manifests.
fn templates() -> Result<Vec<(String, String)>, Error> {
    let values = values(&AgentOptions::default());
    let head = "{{- $x := dict \"Root\" $ }}{{- $_ := include \"preflight.values\" $x }}\n";
    let file =
        |name: &'static str| Ok((name.trim_start_matches("agent/").to_owned(), head.to_owned() + &translate(name, &LANGUAGE, &values)?));
    let files = ["agent/namespace.yaml", "agent/rbac.yaml", "agent/policy.yaml", "agent/daemonset.yaml"];
    let mut files = files.into_iter().map(file).collect::<Result<Vec<_>, Error>>()?;
    for (_, text) in &mut files {
        *text = text.replace("POD_HAS_ANNOTATIONS", "$x.tune");
    }
    for profile in Profile::CANARIES {
        let is_baseline = profile == Profile::Baseline;
        let language = if is_baseline { Language { chosen: LANGUAGE.chosen, slots: &SLOTS } } else { OF_CANARY };
        let text = translate("agent/canary.yaml", &language, &canary_values(profile)?)?;
        let more = if is_baseline { "{{- $_ := set $x \"security\" (include \"preflight.baseline\" $ | indent 10) }}\n" } else { "" };
        let has_annotations = if profile.is_privileged() { "true" } else { "false" };
        let text = format!("{head}{more}{{{{- if has \"{profile}\" $x.canaries }}}}\n{text}{{{{- end }}}}\n");
        files.push((format!("canary-{profile}.yaml"), text.replace("POD_HAS_ANNOTATIONS", has_annotations)));
    }
    Ok(files)
}

fn canary_values(profile: Profile) -> Result<minijinja::Value, Error> {
    let options = AgentOptions { baseline: profile == Profile::Baseline, ..AgentOptions::default() };
    canary_of(values(&options), &options, profile)
}
