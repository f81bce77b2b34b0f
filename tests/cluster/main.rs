//! The agent on a real Kubernetes: API server, scheduler and controllers, and two nodes with a kubelet and a containerd
//! each, all of it processes of this machine, without a container engine and without a network.
//!
//! node1 is an ordinary node; the OCI runtime of node2 forbids user namespaces. The steps of [`STEPS`] run in order on
//! one cluster. With `SUITE=procmount` there are more nodes, whose runtimes behave in other ways, and the steps are those of
//! [`PROCMOUNT_STEPS`]; with `SUITE=seed` they are those of [`seed::STEPS`], with `SUITE=pods` those of [`pod_runs::STEPS`], with
//! `SUITE=scaling` those of [`SCALING_STEPS`], with `SUITE=charts` those of [`helm::STEPS`], with `SUITE=baseline` those of [`baseline::STEPS`]. `SET=ci` leaves some out, and
//! repeats less.
//! `STEP=text` runs those whose names contain the text, as a filter behind `cargo test ... --` does; `--list` and the rest is as
//! usual, too. `KEEP=1` leaves the cluster up after them (`STEP=none KEEP=1`: at once) until Enter or a signal.
//!
//! The program runs in three stages, see `outside` and `inside`. Needs root and `make cluster-tools`.

mod admission;
mod agent;
mod api;
mod baseline;
mod behaviours;
mod canary;
#[path = "../pods/case.rs"]
mod case;
mod certificates;
mod cgroups;
mod changes;
mod cleanup;
mod client;
mod cluster;
mod confinement;
mod control;
mod events;
mod fleet;
mod helm;
#[path = "../support/image.rs"]
mod image;
mod images;
mod inside;
mod karpenter;
mod nested;
mod node;
mod out_of_cluster;
mod outside;
#[path = "../support/people.rs"]
mod people;
mod pod_runs;
mod pods;
mod processes;
mod readiness;
mod rest;
mod run;
mod scheduling;
mod seed;
mod self_build;
mod smoke;
mod strays;
mod tools;
mod tune;
mod tune_confinement;
mod tuned;
mod watch;

use fleet::Suite;
use libtest_mimic::Trial;
use std::process::ExitCode;

/// What is done, in this order.
const STEPS: &[run::Step] = &[
    ("both nodes are ready", smoke::both_nodes_are_ready),
    ("a pod on each node reaches DNS, the API server, the registry and a Service", smoke::pods_reach_all),
    ("a pod's token names its node, and its requests are in the audit log", smoke::tokens_and_audit),
    ("nodes are remembered as they are before an agent came", cleanup::remember),
    ("the agent labels node1 ready and node2 not ready, and says why", agent::labels_and_explains),
    ("the agent's pod has the builder's shape", agent::has_the_builders_shape),
    ("the agents begin to rest", rest::begins),
    ("buildkitd runs on node1 and never on node2", scheduling::buildkitd_runs_only_on_node1),
    ("a builder without affinity dies on node2 of what the condition says", scheduling::a_builder_on_node2_dies_as_foretold),
    ("the project builds its own image on the builder that it scheduled", self_build::builds_its_own_image),
    ("the agent's account writes only what is ours", confinement::the_account_writes_only_what_is_ours),
    ("the agent's account tells only of its own node", events::the_account_tells_only_of_its_node),
    ("the agents have rested for three minutes", rest::costs_next_to_nothing),
    ("the agent is rolled to the image that was built, which proves node1", self_build::is_rolled_to_it),
    ("node2 with another runtime is ready, and back", changes::a_node_is_judged_anew),
    ("a ready node stays ready while agents come and go", changes::ready_stays_ready),
    ("an agent that is told to end leaves its label", changes::ends_at_once_and_leaves_the_label),
    ("an agent without its policy, or a rule of it, publishes nothing", confinement::without_its_policy_the_agent_is_silent),
    ("what is put under our names by hand goes with the next write", confinement::what_is_put_under_our_names_by_hand_goes),
    ("Pod Security's refusal of a builder is named, and its fix works", admission::pod_security_is_named_and_its_fix_works),
    ("a good namespace passes, and nothing is stored in it", admission::a_good_namespace_passes),
    ("quotas, limits, policies and webhooks that refuse or change a builder are named", admission::others_that_refuse_or_change_are_named),
    ("a missing namespace or right makes a builder's fate unknown", admission::what_cannot_be_told_is_unknown_and_says_why),
    ("each node is listed for a builder of somebody's", pods::each_node_is_listed_for_somebodys_builder),
    ("what becomes of somebody's builder on admission is judged", pods::what_becomes_of_somebodys_builder_is_judged),
    ("the API server takes each profile's builder", admission::each_profiles_builder_is_taken),
    ("a CI runner with its own builder goes where the label is, and builds", tools::a_runner_goes_where_the_label_is_and_builds),
    ("auto takes the best profile that nodes are ready for", admission::auto_takes_the_best_that_nodes_are_ready_for),
    (
        "a builder of the profile procmount maps all IDs of its pod but two, and builds",
        admission::procmount_maps_all_ids_but_two_and_builds,
    ),
    (
        "an API server 1.33 without pod user namespaces drops fields, and they are named",
        admission::an_old_api_server_drops_fields_and_they_are_named,
    ),
    (
        "a ready that nobody proved is withdrawn before the probe, and while the agent runs",
        strays::a_ready_that_nobody_proved_is_withdrawn_before_the_probe,
    ),
    ("a builder lands where the taint of the readiness rule is gone", readiness::a_builder_lands_where_the_taint_is_gone),
    (
        "a changed sysctl is noticed, and an API server that is away waited for",
        out_of_cluster::a_sysctl_is_noticed_and_an_outage_waited_for,
    ),
    ("the overlays with tune are what is rendered", tune::overlays_are_what_is_rendered),
    ("a pod with tune is admitted as listed, and with no more", tune::is_admitted_as_listed),
    ("tune sets nothing where there is nothing to set, and nothing is said to be wrong", tune::nothing_is_set_and_nothing_wrong),
    ("beside tune the agent can set nothing", tune_confinement::the_agent_sets_nothing),
    ("tune has no way to the API", tune_confinement::tune_has_no_way_to_the_api),
    ("tune is root without privilege", tune_confinement::tune_is_root_without_privilege),
    ("tune obeys its command line alone", tune_confinement::tune_obeys_its_command_line_alone),
    ("what tune set is told once", tuned::a_change_is_told_once),
    ("what tune could not set is told", tuned::a_problem_is_told),
    ("what is no status of tune is not told", tuned::what_is_no_status_is_not_told),
    ("a node that tune has set stays tuned until the overlay goes", tuned::a_node_is_tuned_until_the_overlay_goes),
    ("cleanup leaves the nodes as they were", cleanup::leaves_the_nodes_as_they_were),
];

/// Those of them that CI leaves out: most of their time is spent waiting.
const LONG_STEPS: &[&str] = &[
    "the agents begin to rest",
    "the agents have rested for three minutes",
    "tune sets nothing where there is nothing to set, and nothing is said to be wrong",
    "what is no status of tune is not told",
];

/// The same on the nodes of the suite `procmount`.
const PROCMOUNT_STEPS: &[run::Step] = &[
    ("each node has its answer and its reason", canary::each_node_has_its_answer_and_its_reason),
    ("the privileged container of a canary has no token", canary::the_privileged_container_has_no_token),
    ("build steps of procmount see none of the others, and push", nested::steps_of_procmount_see_none_of_the_others),
    ("a builder of userns builds where its canary was", nested::a_builder_of_userns_builds_where_its_canary_was),
    ("a runtime that has become worse is noticed", canary::a_downgrade_is_noticed),
    ("a builder that needs more IDs waits for a node that gives them", nested::one_that_needs_more_ids_waits_for_a_node_that_gives_them),
    ("restarts of agent and canaries undo nothing", canary::restarts_undo_nothing),
];

/// Those that CI leaves out.
const MORE_PROCMOUNT_STEPS: &[run::Step] = &[
    ("each profile keeps its promises of builds", behaviours::each_profile_keeps_its_promises),
    ("a canary whose image is missing proves nothing", canary::a_canary_whose_image_is_missing_proves_nothing),
    ("a canary that is taken away leaves no word", canary::a_canary_that_is_taken_away_leaves_no_word),
];

/// With Karpenter, whose cloud makes Nodes without machines.
const SCALING_STEPS: &[run::Step] = &[
    ("a pool grows by one node, whose builder waits for the proof, and shrinks to none", karpenter::grows_by_one_and_shrinks_to_none),
    ("a pool that cannot build gets one node and no more", karpenter::a_pool_that_cannot_build_gets_one_node),
    ("a ready that Karpenter stamps is withdrawn", karpenter::what_it_stamps_is_withdrawn),
];

fn trials() -> Vec<Trial> {
    let (steps, more) = match Suite::chosen() {
        Suite::Agent => (STEPS, &[][..]),
        Suite::Procmount => (PROCMOUNT_STEPS, MORE_PROCMOUNT_STEPS),
        Suite::Seed => (seed::STEPS, seed::MORE_STEPS),
        Suite::Baseline => (baseline::STEPS, &[][..]),
        Suite::Scaling => (SCALING_STEPS, &[][..]),
        Suite::Charts => (helm::STEPS, &[][..]),
        Suite::Pods => (pod_runs::STEPS, pod_runs::MORE_STEPS),
    };
    assert!(LONG_STEPS.iter().all(|name| STEPS.iter().any(|(step, _)| step == name)), "a step that is not there");
    let is_long = |step: &Trial| LONG_STEPS.contains(&step.name()) || more.iter().any(|(name, _)| *name == step.name());
    let skipped = |step: Trial| {
        let is_skipped = fleet::is_ci() && is_long(&step);
        step.with_ignored_flag(is_skipped)
    };
    run::trials(steps).chain(run::trials(more)).map(skipped).collect()
}

fn main() -> ExitCode {
    let (arguments, trials) = (run::arguments(), trials());
    match std::env::var(inside::STAGE).as_deref() {
        Ok("init") => inside::init(),
        Ok(_) => run::main(&arguments, trials),
        Err(_) if arguments.list => libtest_mimic::run(&arguments, trials).exit_code(),
        // A filter that leaves nothing to run must not look as if all had passed.
        Err(_) if !run::keep() && trials.iter().all(|step| arguments.is_filtered_out(step) || arguments.is_ignored(step)) => {
            eprintln!("cluster: no step is left to run");
            ExitCode::from(2)
        }
        Err(_) => outside::main(),
    }
}
