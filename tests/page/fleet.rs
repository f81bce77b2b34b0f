//! Fleets of any size, of which no two nodes say quite the same.

use buildkit_preflight::fleet::status::{FleetNode, FleetReport, Head, Silence, Standing, State};
use buildkit_preflight::profile::Profile;

const POOLS: [&str; 5] = [
    "karpenter.sh/nodepool=general",
    "karpenter.sh/nodepool=gpu",
    "eks.amazonaws.com/nodegroup=ci",
    "cloud.google.com/gke-nodepool=spot",
    "no pool",
];
const SYSTEMS: [(&str, &str); 4] = [
    ("Bottlerocket OS 1.45.0 (aws-k8s-1.33)", "6.12.46"),
    ("Ubuntu 24.04.3 LTS", "6.8.0-1031-aws"),
    ("Debian GNU/Linux 12 (bookworm)", "6.1.0-56-cloud-amd64"),
    ("Talos (v1.11.1)", "6.12.45-talos"),
];
const CAUSES: [(&str, &str, &str); 4] = [
    (
        "userns-max0",
        "new user namespace failed with ENOSPC (proven), user.max_user_namespaces is 0",
        "sysctl -w user.max_user_namespaces=63359",
    ),
    (
        "userns-apparmor-restrict",
        "uid map failed with EPERM (proven), AppArmor restricts user namespaces",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("disk-space", "the state dir has too little space", "free space, or give the node a larger disk"),
    ("build-failed", "the trial build failed for a reason that is not known", "read the log of the agent"),
];

pub(crate) fn head() -> Head {
    Head {
        kubernetes: "v1.33.5".into(),
        cluster: Some("prod-eu".into()),
        time: "2026-11-30T22:40:00Z".into(),
        group_by: vec!["karpenter.sh/nodepool".into(), "eks.amazonaws.com/nodegroup".into(), "cloud.google.com/gke-nodepool".into()],
        default_profile: "no-process-sandbox".into(),
        stale_after_seconds: 5400,
        namespace: Some("buildkit-preflight".into()),
        pods_unknown: None,
    }
}

/// So many nodes: six of ten are ready, two silent or unknown.
pub(crate) fn fleet(nodes: usize) -> FleetReport {
    FleetReport::new(head(), (0..nodes).map(node).collect())
}

fn node(number: usize) -> FleetNode {
    // As evenly as names of a cloud are.
    let mixed = number.wrapping_mul(2_654_435_761) % 1_000_003;
    let (os, kernel) = SYSTEMS[mixed % SYSTEMS.len()];
    let is_silent = mixed % 20 == 7;
    let mut node = FleetNode {
        name: format!("ip-10-{}-{}-{}.eu-central-1.compute.internal", number / 62_500, number / 250 % 250, number % 250).as_str().into(),
        pool: POOLS[mixed / 7 % POOLS.len()].into(),
        os: os.into(),
        kernel: kernel.into(),
        kubelet: "v1.33.5".into(),
        runtime: "containerd://2.1.4".into(),
        created: Some(format!("2026-11-{:02}T{:02}:{:02}:{:02}Z", mixed % 29 + 1, mixed % 24, mixed % 60, mixed / 60 % 60).as_str().into()),
        kubelet_ready: Some("True".into()),
        silent_because: is_silent.then_some(Silence::NoAgent),
        silent_text: is_silent.then(|| "no pod of the agent is there".into()),
        ..FleetNode::default()
    };
    for (at, profile) in Profile::ALL.into_iter().enumerate() {
        *node.profiles.get_mut(profile) = standing(mixed + at * 13, at > 3, is_silent);
    }
    node
}

fn standing(mixed: usize, is_silent: bool, has_no_agent: bool) -> Standing {
    let time = |back: usize| Some(format!("2026-11-30T{:02}:{:02}:{:02}Z", 21 - back % 20, mixed % 60, mixed / 60 % 60).as_str().into());
    let (cause, message, fix) = CAUSES[mixed % CAUSES.len()];
    let heard = Standing { since: time(mixed), heartbeat: time(0), ..Standing::default() };
    match mixed % 10 {
        _ if has_no_agent => Standing { silent_because: Some(Silence::NoAgent), ..Standing::default() },
        _ if is_silent => Standing { silent_because: Some(Silence::NoLabels), ..Standing::default() },
        0..=5 => Standing {
            verdict: State::Ready,
            message: Some("rootless BuildKit works here (proven by a probe; snapshotter overlayfs)".into()),
            ..heard
        },
        6 => Standing {
            verdict: State::Unknown,
            cause: Some("not-proven".into()),
            message: Some("the facts look good, but no probe completed".into()),
            ..heard
        },
        _ => Standing {
            verdict: State::NotReady,
            cause: Some(cause.into()),
            message: Some(format!("rootless BuildKit cannot run here: {message}; pid {mixed}. {fix}").as_str().into()),
            fix: Some(fix.into()),
            next: (mixed % 30 == 8).then(|| "userns-exhausted".into()),
            ..heard
        },
    }
}
