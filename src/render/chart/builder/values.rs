//! The values of a builder's chart.

use crate::fact::Snapshotter;
use crate::profile::Profile;
use crate::render::chart::parts::{
    ANNOTATIONS_ROW, DOMAIN, IMAGE_DIGEST, IMAGE_DIGEST_ROW, IMAGE_NAME, IMAGE_TAG, NAMESPACE_MADE_ROW, NAMESPACE_ROW, PROFILE_OF_NODE,
    PULL_POLICIES, PULL_POLICY_ROW, PULL_SECRETS_ROW,
};
use crate::render::chart::rows::{Kind, Row};

const QUANTITY: &str = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)?$";
const NAME: &str = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const BASE64: &str = r"^[A-Za-z0-9+/\r\n ]+=*[\r\n ]*$";
const PORTS: Kind = Kind::Integer(1, 65_535);

/// They are in the order of the file. Those of andrcuns/buildkit-service have the same names.
pub(super) const ROWS: &[Row] = &[
    Row {
        path: "profile",
        default: "\"\"",
        kind: Kind::MaybeOneOf(profiles),
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
    NAMESPACE_ROW,
    NAMESPACE_MADE_ROW,
    Row { path: "image.repository", default: "\"@REPOSITORY@\"", kind: Kind::Like(IMAGE_NAME), about: "The builder's image" },
    Row {
        path: "image.tag",
        default: "\"\"",
        kind: Kind::Maybe(IMAGE_TAG),
        about: "Its tag. Empty: the chart's version of BuildKit, in the variant for the profile",
    },
    IMAGE_DIGEST_ROW,
    PULL_POLICY_ROW,
    PULL_SECRETS_ROW,
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
    ANNOTATIONS_ROW,
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
        kind: Kind::MaybeOneOf(snapshotters),
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

fn profiles() -> Vec<&'static str> {
    Profile::ALL.iter().map(|profile| profile.id()).collect()
}

fn snapshotters() -> Vec<&'static str> {
    Snapshotter::ALL.iter().map(|snapshotter| snapshotter.id()).collect()
}
