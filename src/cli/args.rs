//! Arguments that several commands take.

use super::values::{deadline, step};
use super::{Error, names};
use crate::api::Access;
use crate::fact::{Facts, Plan, Step};
use crate::gather::{self, Options};
use crate::node::DEFAULT_PREFIX;
use crate::profile::Profile;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// What is of use to tests of this program alone.
pub(super) const FOR_TESTS: &str = "For tests of this program";

/// Where facts come from.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Read a captured tree in place of this machine; nothing is probed
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How to prove: by the system calls of a build, or by a real build as well, in an image that has rootlesskit, buildkitd and buildctl
    #[arg(long, value_enum, default_value_t = Prove::Syscalls)]
    prove: Prove,
    /// Leave this step of the probe out and continue as if it had worked; may be repeated
    #[arg(long, value_name = "STEP", value_parser = step(), hide_possible_values = true, help_heading = FOR_TESTS)]
    without: Vec<Step>,
    /// Judge by what can be read alone, and start no child process
    #[arg(long)]
    no_probe: bool,
    /// The directory that BuildKit would keep its state in [default: where the builder's image has it]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long a probe may take, and a state dir that does not answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = deadline())]
    deadline: Duration,
    /// Judge a builder with (on) or without (off) a PID namespace for each build step [default: the profile's way]
    #[arg(long, value_name = "on|off", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub(super) process_sandbox: Option<bool>,
}

/// How a verdict is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Prove {
    /// What a build asks the kernel for, in some milliseconds
    Syscalls,
    /// A real build of an image from scratch, with one RUN step, in some seconds; it outranks the other
    Build,
}

impl Sources {
    /// Gathers the facts that some profiles need.
    pub(super) fn gather(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        if let Some(root) = &self.root {
            let hint = Some("a captured tree is a directory with proc, etc and so on below it".to_owned());
            let bad = |message| Error::BadInput { message, hint };
            match root.metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(bad(format!("{} is not a directory", root.display()))),
                Err(error) => return Err(bad(format!("{}: {error}", root.display()))),
            }
        }
        let mut plans: Vec<Plan> = Vec::new();
        for profile in profiles.iter().filter(|_| !self.no_probe) {
            let mut plan = profile.plan();
            plan.process_sandbox = self.process_sandbox.unwrap_or(plan.process_sandbox);
            if !plans.contains(&plan) {
                plans.push(plan);
            }
        }
        let options = Options {
            root: self.root.clone(),
            state_dir: self.state_dir.clone(),
            asked: None,
            plans,
            trial_builds: self.prove == Prove::Build,
            deadline: self.deadline,
            without: self.without.clone(),
        };
        Ok(gather::gather(&options)?)
    }
}

/// The profiles asked about, without repetition.
pub(super) fn asked(profiles: &[Profile]) -> Vec<Profile> {
    let mut asked: Vec<Profile> = Vec::new();
    for profile in profiles {
        if !asked.contains(profile) {
            asked.push(*profile);
        }
    }
    if asked.is_empty() { vec![Profile::NoProcessSandbox] } else { asked }
}

/// By what way to talk to the API server.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// A kubeconfig [default: $KUBECONFIG or ~/.kube/config]
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig other than the current one
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl Connection {
    /// Whether any of it was given.
    #[cfg(feature = "cli")]
    pub(super) fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// The way of an agent: its pod's, unless a kubeconfig is named.
    pub(super) fn of_agent(self) -> Access {
        #[cfg(feature = "cli")]
        if self.kubeconfig.is_some() {
            return Access::Kubeconfig { path: self.kubeconfig, context: self.context };
        }
        Access::Pod
    }

    /// A client with an administrator's kubeconfig.
    #[cfg(feature = "cli")]
    pub(super) async fn client(&self) -> Result<kube::Client, Error> {
        let access = Access::Kubeconfig { path: self.kubeconfig.clone(), context: self.context.clone() };
        Ok(crate::api::connect(&access).await?)
    }
}

/// The prefix of the labels.
#[derive(Debug, Args)]
pub(super) struct LabelPrefix {
    /// The prefix of the nodes' labels; the agent's admission policy must know the same (see `render agent`)
    #[arg(long = "label-prefix", value_name = "DOMAIN", default_value = DEFAULT_PREFIX, value_parser = names::prefix)]
    pub(super) domain: String,
}
