//! The chart of a builder.

use super::parts::{Chart, DOMAIN, IMAGE_DIGEST, IMAGE_NAME, IMAGE_TAG, NAMESPACE, PROFILE_OF_NODE, PULL_POLICIES};
use super::rows::{Kind, Row};
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

const QUANTITY: &str = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$";
const NAME: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const BASE64: &str = r"^[A-Za-z0-9+/\r\n ]+=*[\r\n ]*$";
const PORTS: Kind = Kind::Integer(1, 65_535);

/// Its values. Those of andrcuns/buildkit-service have the same names.
const ROWS: &[Row] = &[
    Row {
        path: "profile",
        default: "\"\"",
        kind: Kind::OneOf(&["", "no-process-sandbox", "procmount", "baseline", "userns", "privileged", "rootful"]),
        about: "The way to run buildkitd. Empty: no-process-sandbox, or rootful where rootless is false",
    },
    Row {
        path: "rootless",
        default: "true",
        kind: Kind::Bool,
        about: "Whether buildkitd runs as a user without rights. It has no effect beside profile",
    },
    Row { path: "replicaCount", default: "1", kind: Kind::Integer(0, 10_000), about: "How many pods. Each has a cache of its own" },
    Row { path: "nameOverride", default: "\"\"", kind: Kind::Maybe(NAME), about: "Part of the objects' name, instead of the chart's" },
    Row { path: "fullnameOverride", default: "\"\"", kind: Kind::Maybe(NAME), about: "The objects' name, and that of the Service" },
    Row { path: "namespace.name", default: "\"\"", kind: Kind::Maybe(NAMESPACE), about: "Another namespace than that of the release" },
    Row { path: "namespace.create", default: "false", kind: Kind::Bool, about: "Make that namespace, with the label for Pod Security" },
    Row { path: "image.repository", default: "\"@REPOSITORY@\"", kind: Kind::Like(IMAGE_NAME), about: "The builder's image" },
    Row {
        path: "image.tag",
        default: "\"\"",
        kind: Kind::Maybe(IMAGE_TAG),
        about: "Its tag. Empty: the chart's version of BuildKit, in the variant for the profile",
    },
    Row { path: "image.digest", default: "\"\"", kind: Kind::Maybe(IMAGE_DIGEST), about: "Its digest, as sha256:..." },
    Row {
        path: "image.pullPolicy",
        default: "\"\"",
        kind: Kind::OneOf(PULL_POLICIES),
        about: "Its pull policy. Empty: that of Kubernetes",
    },
    Row { path: "imagePullSecrets", default: "[]", kind: Kind::Objects, about: "Secrets for the registry, as [{name: pull}]" },
    Row {
        path: "user.name",
        default: "\"user\"",
        kind: Kind::Like("^[a-z_][a-z0-9_-]{0,31}$"),
        about: "The user of a rootless image, whose home is /home/NAME",
    },
    Row { path: "user.uid", default: "1000", kind: Kind::Integer(1, 4_294_967_295), about: "Its ID" },
    Row { path: "user.gid", default: "null", kind: Kind::MaybeInteger(1, 4_294_967_295), about: "The ID of its group. Empty: its own ID" },
    Row {
        path: "ids",
        default: "65536",
        kind: Kind::Integer(2, 4_294_967_295),
        about: "With procmount and userns: how many IDs the pod's user namespace must have",
    },
    Row {
        path: "labelPrefix",
        default: "\"buildkit-preflight.dev\"",
        kind: Kind::Like(DOMAIN),
        about: "The prefix of the nodes' labels. It must be the agent's",
    },
    Row {
        path: "pool",
        default: "\"\"",
        kind: Kind::Maybe("^([a-z0-9.-]+/)?[A-Za-z0-9][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.-]*$"),
        about: "Send the pods to nodes with this label (KEY=VALUE), and only prefer those that are ready: for a pool that an autoscaler makes",
    },
    Row { path: "nodeSelector", default: "{}", kind: Kind::Map, about: "Further labels that a node must have" },
    Row { path: "tolerations", default: "[]", kind: Kind::Objects, about: "Taints that the pods tolerate" },
    Row {
        path: "affinity",
        default: "{}",
        kind: Kind::Object,
        about: "Further affinity. Each of its node terms gets the agent's label, too",
    },
    Row { path: "topologySpreadConstraints", default: "[]", kind: Kind::Objects, about: "How the pods are spread" },
    Row { path: "priorityClassName", default: "\"\"", kind: Kind::Text, about: "The pods' priority class" },
    Row { path: "serviceAccountName", default: "\"\"", kind: Kind::Text, about: "The pods' account. They have no token of it" },
    Row { path: "podAnnotations", default: "{}", kind: Kind::Map, about: "Annotations of the pods" },
    Row {
        path: "extraSelectorLabels",
        default: "{}",
        kind: Kind::Map,
        about: "Further labels of the pods, by which Service and policies select them",
    },
    Row { path: "resources", default: "{}", kind: Kind::Object, about: "Requests and limits. Empty: small requests, no limits" },
    Row {
        path: "buildkitVolume.type",
        default: "\"emptyDir\"",
        kind: Kind::OneOf(&["emptyDir", "pvc"]),
        about: "What the state, which is the build cache, is kept on. With pvc the pods are a StatefulSet's, each with a claim of its own",
    },
    Row {
        path: "buildkitVolume.emptyDir.medium",
        default: "\"\"",
        kind: Kind::OneOf(&["", "Memory"]),
        about: "Memory keeps the state in memory; layers are copied then, but with rootful",
    },
    Row {
        path: "buildkitVolume.emptyDir.sizeLimit",
        default: "\"\"",
        kind: Kind::Maybe(QUANTITY),
        about: "How large the state may become. In memory it is needed, and the pod requests as much",
    },
    Row {
        path: "buildkitVolume.pvc.existingClaim",
        default: "\"\"",
        kind: Kind::Text,
        about: "A claim that is there. It serves one pod, so replicaCount must be 1",
    },
    Row {
        path: "buildkitVolume.pvc.storageClassName",
        default: "\"\"",
        kind: Kind::Text,
        about: "The storage class of the claims. Empty: the cluster's default",
    },
    Row { path: "buildkitVolume.pvc.size", default: "\"10Gi\"", kind: Kind::Like(QUANTITY), about: "How large each claim is" },
    Row { path: "buildkitVolume.pvc.accessModes", default: "[\"ReadWriteOnce\"]", kind: Kind::Texts, about: "The claims' access modes" },
    Row {
        path: "snapshotter",
        default: "\"\"",
        kind: Kind::OneOf(&["", "overlayfs", "fuse-overlayfs", "native"]),
        about: "The snapshotter for buildkitd. Empty: the one that it chooses",
    },
    Row { path: "buildkitdToml", default: "\"\"", kind: Kind::Text, about: "A buildkitd.toml" },
    Row { path: "registryCA", default: "\"\"", kind: Kind::Text, about: "Certificates in PEM that buildkitd trusts for all registries" },
    Row { path: "caCerts.enabled", default: "false", kind: Kind::Bool, about: "Trust the certificates of caCerts.certs, too" },
    Row { path: "caCerts.certs", default: "{}", kind: Kind::Map, about: "Certificates in PEM, each as base64, by file name" },
    Row { path: "daemonArgs", default: "[]", kind: Kind::Texts, about: "Further arguments of buildkitd" },
    Row { path: "debugLog", default: "false", kind: Kind::Bool, about: "Let buildkitd log more" },
    Row { path: "env", default: "[]", kind: Kind::Objects, about: "Environment of buildkitd" },
    Row { path: "extraVolumes", default: "[]", kind: Kind::Objects, about: "Further volumes" },
    Row { path: "extraVolumeMounts", default: "[]", kind: Kind::Objects, about: "Further mounts of buildkitd" },
    Row { path: "initContainers", default: "[]", kind: Kind::Objects, about: "Further init containers, after the guard" },
    Row { path: "preStop", default: "true", kind: Kind::Bool, about: "A pod that has to end waits for its builds" },
    Row { path: "lifecycle", default: "{}", kind: Kind::Object, about: "Lifecycle hooks instead of that" },
    Row { path: "terminationGracePeriodSeconds", default: "900", kind: Kind::Integer(0, 86_400), about: "How long it waits at most" },
    Row {
        path: "readOnlyRootFilesystem",
        default: "false",
        kind: Kind::Bool,
        about: "Make the container's root read-only, with emptyDirs where buildkitd writes",
    },
    Row {
        path: "seccompProfile",
        default: "\"\"",
        kind: Kind::Maybe(PROFILE_OF_NODE),
        about: "With the profile baseline: a seccomp profile of the nodes, below the kubelet's directory",
    },
    Row {
        path: "appArmorProfile",
        default: "\"\"",
        kind: Kind::Maybe(PROFILE_OF_NODE),
        about: "With the profile baseline: an AppArmor profile of the nodes",
    },
    Row {
        path: "guard.enabled",
        default: "true",
        kind: Kind::Bool,
        about: "Before buildkitd starts, check in the pod itself whether builds can work there",
    },
    Row {
        path: "guard.image.repository",
        default: "\"buildkit-preflight\"",
        kind: Kind::Like(IMAGE_NAME),
        about: "The image with the guard's program, which is the agent's. No registry has the default",
    },
    Row { path: "guard.image.tag", default: "\"\"", kind: Kind::Maybe(IMAGE_TAG), about: "Its tag. Empty: the chart's version" },
    Row { path: "guard.image.digest", default: "\"\"", kind: Kind::Maybe(IMAGE_DIGEST), about: "Its digest" },
    Row { path: "guard.image.pullPolicy", default: "\"\"", kind: Kind::OneOf(PULL_POLICIES), about: "Its pull policy" },
    Row {
        path: "tls.enabled",
        default: "false",
        kind: Kind::Bool,
        about: "Let in only clients with a certificate. Without certificates in these values Helm makes them, and keeps them at an upgrade",
    },
    Row {
        path: "tls.existingSecret",
        default: "\"\"",
        kind: Kind::Text,
        about: "A Secret with the daemon's certificate: ca.crt, tls.crt, tls.key",
    },
    Row { path: "tls.cert", default: "\"\"", kind: Kind::Maybe(BASE64), about: "The daemon's certificate in PEM, as base64" },
    Row { path: "tls.certKey", default: "\"\"", kind: Kind::Maybe(BASE64), about: "Its key" },
    Row { path: "tls.certCA", default: "\"\"", kind: Kind::Maybe(BASE64), about: "The CA of both" },
    Row {
        path: "tls.clientCert",
        default: "\"\"",
        kind: Kind::Maybe(BASE64),
        about: "A client's certificate, for the Secret that clients copy and helm test uses",
    },
    Row { path: "tls.clientCertKey", default: "\"\"", kind: Kind::Maybe(BASE64), about: "Its key" },
    Row {
        path: "service.type",
        default: "\"ClusterIP\"",
        kind: Kind::OneOf(&["ClusterIP", "NodePort", "LoadBalancer"]),
        about: "The kind of Service",
    },
    Row { path: "service.port", default: "@PORT@", kind: PORTS, about: "Its port" },
    Row { path: "service.loadbalancerIp", default: "\"\"", kind: Kind::Text, about: "A fixed address of a load balancer" },
    Row { path: "service.annotations", default: "{}", kind: Kind::Map, about: "Annotations of the Service" },
    Row {
        path: "networkPolicy.enabled",
        default: "true",
        kind: Kind::Bool,
        about: "Let in only pods of the builder's namespace, or with TLS those of all namespaces",
    },
    Row {
        path: "pdb.minAvailable",
        default: "null",
        kind: Kind::MaybePods,
        about: "Pods that a drain leaves. Empty: a drain takes one at a time, and the only one too",
    },
    Row {
        path: "autoscaling.enabled",
        default: "false",
        kind: Kind::Bool,
        about: "Let a HorizontalPodAutoscaler choose the number of pods",
    },
    Row { path: "autoscaling.minReplicas", default: "1", kind: Kind::Integer(1, 10_000), about: "The fewest" },
    Row { path: "autoscaling.maxReplicas", default: "5", kind: Kind::Integer(1, 10_000), about: "The most" },
    Row {
        path: "autoscaling.targetCPUUtilizationPercentage",
        default: "80",
        kind: Kind::MaybeInteger(1, 10_000),
        about: "The CPU, in percent of the request, above which there are more",
    },
    Row {
        path: "autoscaling.targetMemoryUtilizationPercentage",
        default: "80",
        kind: Kind::MaybeInteger(1, 10_000),
        about: "The same of memory",
    },
];

/// The chart.
pub(super) const CHART: Chart = Chart {
    name: "buildkitd",
    rows: ROWS,
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
