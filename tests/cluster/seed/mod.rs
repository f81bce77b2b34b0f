//! What Knative's BuildKit template offered, on this cluster: the daemon, the template, and builds by both.
//!
//! [`fixtures`] has what builds need around them: a git server, a registry that asks who pushes, and repositories. [`run`] has the
//! program's own command, and what is in the cluster before and after it.

mod builder;
mod credentials;
mod fixtures;
mod git;
mod guard;
mod interruptions;
mod local;
mod modules;
mod neighbours;
mod page;
mod parameters;
mod places;
mod ready;
mod refusals;
mod registry;
mod run;
mod sources;

use crate::fleet::is_ci;
use crate::run::Step;

pub(crate) use registry::PRIVATE;

/// All of some cases; in CI so many of the first.
fn cases<T>(all: impl IntoIterator<Item = T>, in_ci: usize) -> impl Iterator<Item = T> {
    all.into_iter().take(if is_ci() { in_ci } else { usize::MAX })
}

/// What is done, in this order.
pub(crate) const STEPS: &[Step] = &[
    ("a builder's first image is there within seconds", builder::the_first_image_is_there_within_seconds),
    ("only owners of a certificate build where it is asked for", builder::only_owners_of_a_certificate_build),
    ("a claim keeps the cache, and changes no image", builder::a_claim_keeps_the_cache_and_changes_no_image),
    ("the guard stops a pod that cannot build, and says why", guard::stops_what_cannot_work_and_says_why),
    ("git and the registries answer pods, and refuse those whom they do not know", fixtures::answer),
    ("the page's example builds and pushes, on node1", page::builds_literally),
    ("each parameter is obeyed, alone and with the others", parameters::each_away_from_its_default),
    ("options do the same without any YAML", parameters::options_do_the_same),
    ("branches, tags, commits and submodules are fetched", sources::any_revision),
    ("folders, several sources and custom ones are built", sources::any_source),
    ("steps and templates have their files, environment and volumes", sources::steps_and_templates),
    ("credentials of a service account open private repositories", credentials::of_git),
    ("what cannot be built is one error each, and leaves nothing", refusals::each_is_one_error_and_leaves_nothing),
    ("arguments and files are looked at before the cluster is", refusals::arguments_and_files_are_looked_at_first),
    ("without a ready node nothing is created, and each node says why", ready::without_a_ready_node_nothing_is_created),
    ("a ready node that is waited for is used", ready::one_that_is_waited_for_is_used),
    ("a directory is sent to the builder through the API server", local::a_directory_is_sent),
    ("what goes wrong with a directory is named", local::what_goes_wrong_is_named),
    ("a build that fails or takes too long says why", interruptions::one_that_fails_says_why),
    ("a signal at any moment leaves nothing behind", interruptions::a_signal_leaves_nothing),
];

/// What CI leaves out.
pub(crate) const MORE_STEPS: &[Step] = &[
    ("files reach the daemon", builder::files_reach_the_daemon),
    ("a roll-out lets builds end", builder::a_roll_out_lets_builds_end),
    ("credentials of a service account open private registries", credentials::of_registries),
    ("Tekton runs the Task in a restricted namespace, and its results are the digest and the image", neighbours::tekton_runs_the_task),
    ("a step of Tekton's that is its own builder goes where the label is, and builds", neighbours::a_step_that_is_its_own_builder_builds),
    ("Shipwright runs the strategy in a restricted namespace, and learns the digest", neighbours::shipwright_runs_the_strategy),
    ("a restricted namespace takes what is made here", places::a_restricted_namespace_takes_what_is_made_here),
    ("a certificate of the cluster opens a builder", places::a_certificate_of_the_cluster_opens_a_builder),
    ("a build that nobody follows goes on", places::one_that_nobody_follows_goes_on),
    ("a directory's connection that is cut is named", local::a_connection_that_is_cut_is_named),
    ("a directory's build that is interrupted ends in the builder too", local::one_that_is_interrupted_ends_in_the_builder_too),
    ("a builder that is killed in the middle of a build is named", interruptions::a_builder_that_is_killed_is_named),
    ("a node that is drained in the middle of a build is named", interruptions::a_node_that_is_drained_is_named),
    ("an API server that is away in the middle of a build is waited for", interruptions::an_api_server_that_is_away_is_waited_for),
];
