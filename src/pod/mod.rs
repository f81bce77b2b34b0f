//! Builders that people have: which containers of an object run buildkitd, what each asks for, and what of that stops a
//! builder wherever it runs. Pure: text in, findings out.
//!
//! [`workloads`] reads objects of any kind that has pods. [`judge`] finds the builder's containers and holds one table of rules
//! against each. What a rule would change is a list of [`Edit`]s: applied, they make the object that [`judge`] judges again.

mod edit;
mod flag;
mod image;
mod judge;
mod manifest;
mod rules;
mod start;
mod view;

pub use edit::Edit;
pub use image::Variant;
pub use judge::{Judged, NoBuilder, judge};
pub use manifest::{Kind, Workload, workloads};
pub use rules::{Finding, Weight};
