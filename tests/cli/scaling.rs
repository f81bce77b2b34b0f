//! `render readiness-rule`, `render karpenter`, `render cluster-autoscaler` and `render builder --pool`: what they print and refuse.

use crate::preflight;
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn a_pool_has_the_users_label_in_all_of_them() {
    let class = ["--node-class", "karpenter.example/Class/default"];
    for (what, more) in [("readiness-rule", &[][..]), ("karpenter", &class), ("cluster-autoscaler", &[])] {
        let done = preflight().args(["render", what, "--pool", "example.org/pool=ci"]).args(more).assert().code(0).stderr("");
        done.stdout(contains("example.org/pool").and(contains("ci")).and(contains("readiness.k8s.io/rootless-buildkit")));
    }
    let builder = preflight().args(["render", "builder", "--no-guard", "--pool", "example.org/pool=ci"]).assert().code(0);
    builder.stderr(contains("warning: --pool: what the agent says of a node is a preference only")).stdout(contains("values: [ci]"));
}

#[test]
fn what_cannot_be_a_pool_a_class_or_proven_is_refused() {
    let render = |arguments: &[&str]| preflight().arg("render").args(arguments).assert().code(2).stdout("");
    render(&["karpenter"]).stderr(contains("--node-class <CLASS>"));
    render(&["karpenter", "--node-class", "default"]).stderr(contains("a node class is written GROUP/KIND/NAME"));
    render(&["readiness-rule", "--profile", "root"]).stderr(contains("unknown profile"));
    for what in ["readiness-rule", "cluster-autoscaler", "builder"] {
        render(&[what, "--pool", "build"]).stderr(contains("a pool is written KEY=VALUE"));
        render(&[what, "--pool", "buildkit-preflight.dev/procmount=ready"]).stderr(contains("the agent writes this label"));
    }
    for what in [&["builder"][..], &["values", "--for", "buildx"]] {
        render(&[what, &["--label-prefix", "example.org", "--pool", "example.org/kernel=6.1"]].concat()).stderr(
            contains("error: --pool: the agent writes the label example.org/kernel").and(contains("hint: name a label of your own")),
        );
    }
}
