use super::args::asked;
use super::exit::{self, NOT_READY, READY};
use super::output::{self, Format};
use super::{Error, values};
use crate::cause::ADVISED_LIMIT;
use crate::check::judge;
use crate::fact::{Facts, SysctlChange, Tunable};
use crate::gather;
use crate::profile::Profile;
use crate::read::{Named, is_directory};
use crate::report::{ProfileReport, TuneResult, tune_plan_table, tune_result_table};
use crate::tune::plan::{LeftBecause, TuneOptions, TunePlan};
use crate::tune::{self, Audit, Watch};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the sysctls of this machine are.
const PROC_SYS: &str = "/proc/sys";

/// How long a probe may take, and a directory that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Say which sysctls keep a builder from running, and set them where it is told to
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight tune                      what would be set, from what to what, and why
  sudo buildkit-preflight tune --apply         until the next boot
  sudo buildkit-preflight tune --apply --persist
  sudo buildkit-preflight tune --forget
  buildkit-preflight tune --facts node.json    the same for a node whose `facts` were sent

It may set kernel.unprivileged_userns_clone to 1, and raise user.max_{user,mnt,pid,uts,ipc,cgroup}_namespaces where they
are too low for a builder: nothing else, and nothing is ever lowered or set back. It needs uid 0, and CAP_SYS_RESOURCE for
user.*; no other privilege. Each change is one line of JSON on standard error.", exit::TUNE))]
pub(super) struct Arguments {
    /// Print what would be done, and do nothing; this is the default
    // clap asks for what an argument needs only where nothing that is given stands against that: so these are named here too.
    #[arg(long, conflicts_with_all = ["apply", "forget", "watch", "status"])]
    plan: bool,
    /// Set what is too low
    #[arg(long, conflicts_with = "forget")]
    apply: bool,
    /// Remove the file that --persist wrote; what is set stays so until the next boot
    #[arg(long, conflicts_with_all = ["persist", "watch", "only", "profiles", "override_policy", "max_user_namespaces", "sysctls", "status"])]
    forget: bool,
    /// Also write /etc/sysctl.d/60-buildkit-preflight.conf, which sets it again at each boot
    #[arg(long)]
    persist: bool,
    /// Go on, and set again what somebody sets back; after three times in ten minutes leave it for an hour
    #[arg(long, requires = "apply")]
    watch: bool,
    /// Set no other sysctl than this one; may be repeated
    #[arg(long, value_name = "SYSCTL", value_parser = values::sysctl())]
    only: Vec<Tunable>,
    /// The builders that are to run; may be repeated [default: no-process-sandbox]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// To what a limit on namespaces is raised where it is too low
    #[arg(long, value_name = "N", default_value_t = ADVISED_LIMIT, value_parser = clap::value_parser!(u32).range(1024..=2_147_483_647))]
    max_user_namespaces: u32,
    /// Set what a file of sysctl.d sets to 0, too: somebody wanted it so
    #[arg(long)]
    override_policy: bool,
    /// Where /proc/sys can be written: in a container, where the node's /proc/sys/kernel and /proc/sys/user are mounted
    #[arg(long, value_name = "DIR", default_value = PROC_SYS)]
    sysctls: PathBuf,
    /// Say in this file what was done, for an agent that publishes it
    #[arg(long, value_name = "FILE", requires = "watch")]
    status: Option<PathBuf>,
    /// Plan for the node of this facts file (or report), `-` for standard input
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["apply", "forget", "watch", "status"])]
    facts: Option<String>,
    /// How to print the plan or the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let options = arguments.options();
    if arguments.sysctls != Path::new(PROC_SYS) {
        is_directory(Named::Sysctls, &arguments.sysctls, PATIENCE)?;
    }
    if arguments.forget {
        let facts = arguments.gather(&[])?;
        let gone = tune::forget(&Audit::new(facts.node.known().cloned()))?;
        output::print(if gone { "removed; what is set stays so until the next boot\n" } else { "there is nothing to remove\n" })?;
        return Ok(READY);
    }
    // Nothing but --apply leads to what writes.
    if arguments.apply && arguments.watch {
        let request = Watch { options, root: arguments.sysctls.clone(), status: arguments.status.clone(), gather: gather_options(&[]) };
        let facts = arguments.gather(&[])?;
        tune::watch(&request, &Audit::new(facts.node.known().cloned()))?;
        return Ok(READY);
    }
    let facts = arguments.facts(&options.profiles)?;
    let plan = TunePlan::new(&facts, &options);
    if !arguments.apply {
        arguments.format.print(&plan, |_| tune_plan_table(&plan, &facts))?;
        return Ok(if plan.changes.is_empty() && plan.left.is_empty() { READY } else { NOT_READY });
    }
    apply(arguments, &options, &facts, &plan)
}

fn apply(arguments: &Arguments, options: &TuneOptions, facts: &Facts, plan: &TunePlan) -> Result<u8, Error> {
    tune::is_in_place(facts)?;
    if let Some(left) = plan.left.iter().find(|left| left.reason == LeftBecause::Unreadable) {
        return Err(Error::Io(format!("nothing was changed, since {} can't be judged: {}", left.sysctl, left.message)));
    }
    let kept = options.persist.then(|| tune::to_keep(plan, facts, options.limit));
    let audit = Audit::new(facts.node.known().cloned());
    let mut changes: Vec<SysctlChange> = Vec::new();
    let persisted = tune::apply(plan, kept.as_deref(), &arguments.sysctls, &audit, &mut changes)?;
    let after = arguments.gather(&options.profiles)?;
    let bare = after.on_bare_machine() == Some(true);
    let judged = options.profiles.iter().filter(|_| bare);
    let verdicts = judged.map(|profile| ProfileReport::new(judge(&after, *profile, None), &after)).collect();
    let result = TuneResult::new(plan, changes, persisted.map(str::to_owned), verdicts);
    arguments.format.print(&result, |_| tune_result_table(&result))?;
    if let Some(change) = TunePlan::new(&after, options).changes.first() {
        return Err(Error::Io(format!("{} was set, and is {} again by now: somebody else writes it", change.sysctl, change.from)));
    }
    Ok(if plan.left.is_empty() { READY } else { NOT_READY })
}

impl Arguments {
    fn options(&self) -> TuneOptions {
        TuneOptions {
            profiles: asked(&self.profiles),
            only: if self.only.is_empty() { Tunable::all().collect() } else { self.only.clone() },
            limit: self.max_user_namespaces,
            override_policy: self.override_policy,
            persist: self.persist,
        }
    }

    /// The facts to plan by: those that were given, or this machine's.
    fn facts(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        #[cfg(feature = "cli")]
        if let Some(path) = &self.facts {
            return super::input::read_facts(path);
        }
        self.gather(profiles)
    }

    /// Looks at the node. What is refused in a container that sets sysctls says nothing of a builder, so only a bare
    /// machine is probed.
    fn gather(&self, profiles: &[Profile]) -> Result<Facts, Error> {
        let facts = gather::gather(&gather_options(&[]))?;
        match facts.on_bare_machine() {
            Some(true) if !profiles.is_empty() => Ok(gather::gather(&gather_options(profiles))?),
            _ => Ok(facts),
        }
    }
}

fn gather_options(profiles: &[Profile]) -> gather::Options {
    gather::Options {
        root: None,
        state_dir: None,
        asked: None,
        plans: profiles.iter().map(|profile| profile.plan()).collect(),
        trial_builds: false,
        deadline: PATIENCE,
        without: Vec::new(),
    }
}
