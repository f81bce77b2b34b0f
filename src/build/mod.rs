//! Builds as Knative Build had them, turned into a Job: pure. Text and objects in, objects out.
//!
//! [`read_build`] and [`read_template`] read YAML and know where each value is. [`plan`] checks a Build with its template and
//! fills the template in. [`home`] makes files of a service account's secrets. [`job`] makes the Job of it all, and the Secret that
//! the Job owns. [`generated`] is a Build that nobody wrote down. While it runs, [`phase`] says what a pod is doing, and
//! [`Digests`] finds the image's digest in what buildctl prints.

mod buildctl;
mod credentials;
mod fields;
mod generated;
mod git;
mod image;
mod job;
mod model;
pub(crate) mod near;
mod needs;
mod plan;
mod progress;
mod read;
mod stages;
mod substitute;
mod time;
mod validate;

pub use crate::yaml::{Given, Invalid, LARGEST, Place, Spot};
pub use buildctl::{BuildOptions, Context, buildctl, secret_id};
pub use credentials::{CredentialError, Home, HomeFile, Secret, home, secret_names};
pub use generated::{GitBuild, generated};
pub use job::{JobOptions, Made, job};
pub use model::{Argument, Build, Container, Fetch, Parameter, Source, Template, TemplateKind, TemplateRef, Volume, Work};
pub use needs::{Need, NeedKind, needs};
pub use plan::{Plan, plan};
pub use progress::{Digests, Failure, Phase, Pushed, job_failure, phase, reported_digest};
pub use read::{read_build, read_template, template_of};
pub use stages::{Stage, StageKind};
