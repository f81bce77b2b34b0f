//! Builders that people have: which containers of an object run buildkitd, what each asks for, and what of that stops a
//! builder wherever it runs. Pure: text in, findings out.
//!
//! [`workloads`] reads objects of any kind that has pods, [`builders`] finds the builder's containers, and [`Builder::judge`] holds
//! one table of rules against each; [`Builder::judge_returned`] the same against the pod that an API server makes of it. What a rule
//! would change is a list of [`Edit`]s: applied, they make the object that is judged again.

mod edit;
mod flag;
mod image;
mod in_cluster;
mod judge;
mod manifest;
mod rules;
mod security;
mod start;
mod view;

pub use edit::Edit;
pub use image::Variant;
pub use judge::{Builder, Judged, NoBuilder, builders};
pub use manifest::{Kind, Workload, workloads};
pub use rules::{Finding, Weight};
pub(crate) use security::level_that_admits;
