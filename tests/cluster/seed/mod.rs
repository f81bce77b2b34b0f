//! What Knative's BuildKit template offered, on this cluster: the daemon, the template, and builds by both.
//!
//! [`fixtures`] has what builds need around them: a git server, a registry that asks who pushes, and repositories. [`run`] has the
//! program's own command, and what is in the cluster before and after it.

mod fixtures;
mod git;
mod modules;
mod neighbours;
mod registry;
mod run;

use crate::run::Step;

pub(crate) use registry::PRIVATE;

/// What is done, in this order.
pub(crate) const STEPS: &[Step] = &[("git and the registries answer pods, and refuse those whom they do not know", fixtures::answer)];

/// What CI leaves out.
pub(crate) const MORE_STEPS: &[Step] = &[
    ("Tekton runs the Task in a restricted namespace, and its results are the digest and the image", neighbours::tekton_runs_the_task),
    ("Shipwright runs the strategy in a restricted namespace, and learns the digest", neighbours::shipwright_runs_the_strategy),
];
