//! Arguments that several commands take.

use super::values::{deadline, snapshotter, step};
use super::{Error, names};
use crate::api::Access;
use crate::fact::{Facts, Plan, Snapshotter, Step};
use crate::gather::{self, AsOwnPod, Options};
use crate::node::DEFAULT_PREFIX;
#[cfg(feature = "cli")]
use crate::node::Pool;
use crate::profile::Profile;
#[cfg(feature = "cli")]
use crate::read::{Named, PATIENCE, is_file};
#[cfg(feature = "cli")]
use crate::render::Localhost;
#[cfg(feature = "cli")]
use crate::text::quoted;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// What is of use to tests of this program alone.
pub(super) const FOR_TESTS: &str = "For tests of this program";

/// Where facts come from.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Read a captured tree instead of this machine; nothing is probed
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How to prove: with the system calls of a build, or also with a real build, which needs rootlesskit, buildkitd and buildctl
    #[arg(long, value_enum, default_value_t = Prove::Syscalls)]
    prove: Prove,
    /// Leave this step of the probe out and continue as if it had worked; may be repeated
    #[arg(long, value_name = "STEP", value_parser = step(), hide_possible_values = true, help_heading = FOR_TESTS)]
    without: Vec<Step>,
    /// Read only: start no child process and prove nothing
    #[arg(long)]
    no_probe: bool,
    /// The directory where BuildKit would keep its state [default: that of the builder's image, such as /home/user/.local/share/buildkit]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The snapshotter in buildkitd's command line (--oci-worker-snapshotter) [default: the one that it would choose]
    #[arg(long, value_name = "NAME", value_parser = snapshotter())]
    snapshotter: Option<Snapshotter>,
    /// How long a probe may take, and how long to wait for a state dir that does not answer
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = deadline())]
    deadline: Duration,
    /// Judge a builder with (on) or without (off) a PID namespace for each build step [default: the profile's way]
    #[arg(long, value_name = "on|off", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub(super) process_sandbox: Option<bool>,
}

/// How a verdict is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Prove {
    /// The system calls of a build; takes milliseconds
    Syscalls,
    /// Also a real build that does all that the profile promises (docs/behaviours.md); takes seconds, and its result outranks the other
    Build,
}

impl Sources {
    /// Gathers the facts that some profiles need for a verdict.
    pub(super) fn gather(&self, profiles: &[Profile], own_pod: AsOwnPod) -> Result<Facts, Error> {
        Ok(gather::gather(&self.options(profiles, own_pod))?)
    }

    /// Gathers these, and all other facts.
    pub(super) fn gather_all(&self, profiles: &[Profile], own_pod: AsOwnPod) -> Result<Facts, Error> {
        Ok(gather::gather(&Options { all: true, ..self.options(profiles, own_pod) })?)
    }

    fn options(&self, profiles: &[Profile], own_pod: AsOwnPod) -> Options {
        let mut plans: Vec<Plan> = Vec::new();
        for profile in profiles.iter().filter(|_| !self.no_probe) {
            let mut plan = profile.plan();
            plan.process_sandbox = self.process_sandbox.unwrap_or(plan.process_sandbox);
            if !plans.contains(&plan) {
                plans.push(plan);
            }
        }
        // A builder that may not ask for Unconfined: what confines the guard in its pod, nobody asked for.
        let confined = profiles.iter().find(|profile| own_pod == AsOwnPod::Yes && !profile.asked().unconfined);
        Options {
            root: self.root.clone(),
            state_dir: self.state_dir.clone(),
            snapshotter: self.snapshotter,
            asked: confined.map(|profile| profile.asked()),
            own_pod,
            plans,
            trial_builds: self.prove == Prove::Build,
            all: false,
            deadline: self.deadline,
            without: self.without.clone(),
        }
    }
}

/// Profiles of seccomp and AppArmor that lie on the nodes.
#[cfg(feature = "cli")]
#[derive(Debug, Args)]
pub(super) struct LocalhostArguments {
    /// For pods of baseline: a seccomp profile on the nodes, below the directory seccomp of the kubelet
    #[arg(long, value_name = "FILE", value_parser = super::names::localhost_profile)]
    seccomp_profile: Option<String>,
    /// For pods of baseline: an AppArmor profile that is loaded on the nodes
    #[arg(long, value_name = "NAME", value_parser = super::names::localhost_profile)]
    apparmor_profile: Option<String>,
}

#[cfg(feature = "cli")]
impl LocalhostArguments {
    /// Them, where a pod of baseline is printed.
    pub(super) fn of(&self, has_baseline: bool) -> Result<Localhost, Error> {
        let named = Localhost { seccomp: self.seccomp_profile.clone(), apparmor: self.apparmor_profile.clone() };
        if named.is_empty() || has_baseline {
            return Ok(named);
        }
        let message = "--seccomp-profile and --apparmor-profile are for pods of baseline, and none is printed".to_owned();
        let hint = "leave them out, or choose baseline: other profiles run Unconfined or privileged".to_owned();
        Err(Error::BadInput { message, hint: Some(hint) })
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

    /// The words that say it.
    #[cfg(feature = "cli")]
    pub(super) fn words(&self) -> Vec<String> {
        let file = self.kubeconfig.iter().map(|path| format!("--kubeconfig {}", quoted(&path.to_string_lossy())));
        file.chain(self.context.iter().map(|name| format!("--context {}", quoted(name)))).collect()
    }

    /// The way of an agent: its pod's, unless a kubeconfig is named.
    pub(super) fn of_agent(self) -> Result<Access, Error> {
        #[cfg(feature = "cli")]
        if self.kubeconfig.is_some() {
            self.is_there()?;
            return Ok(Access::Kubeconfig { path: self.kubeconfig, context: self.context });
        }
        Ok(Access::Pod)
    }

    /// A file that was named must be there. What else is wrong with it, its reader says.
    #[cfg(feature = "cli")]
    fn is_there(&self) -> Result<(), Error> {
        let Some(path) = &self.kubeconfig else { return Ok(()) };
        Ok(is_file(Named::Kubeconfig, path, PATIENCE)?)
    }

    /// A client with an administrator's kubeconfig, or of a pod's account: the image's program reads no kubeconfig.
    pub(super) async fn client(&self) -> Result<crate::api::Server, Error> {
        #[cfg(feature = "cli")]
        self.is_there()?;
        #[cfg(feature = "cli")]
        let access = Access::Kubeconfig { path: self.kubeconfig.clone(), context: self.context.clone() };
        #[cfg(not(feature = "cli"))]
        let access = Access::Pod;
        Ok(crate::api::connect(&access).await?)
    }
}

/// The prefix of the labels.
#[derive(Debug, Args)]
pub(super) struct LabelPrefix {
    /// The prefix of the nodes' labels; it must be the one that `render agent` was given
    #[arg(long = "label-prefix", value_name = "DOMAIN", default_value = DEFAULT_PREFIX, value_parser = names::prefix)]
    pub(super) domain: String,
}

#[cfg(feature = "cli")]
impl LabelPrefix {
    /// A pool is known by a label that its nodes have from the first second on, which none of the agents' is.
    pub(super) fn is_not_of(&self, pool: Option<&Pool>) -> Result<(), Error> {
        match pool.filter(|pool| pool.is_written_by_agents(&self.domain)) {
            Some(pool) => Err(Error::BadInput {
                message: format!("--pool: the agent writes the label {}, so it can't name a pool", pool.key),
                hint: Some("name a label of your own, such as buildkit-preflight.dev/pool=build".into()),
            }),
            None => Ok(()),
        }
    }
}
