use super::args::asked;
use super::exit::{self, NOT_READY, READY};
use super::output::{self, Format};
use super::uses::{Use, Uses};
use super::{Error, values};
use crate::cause::ADVISED_LIMIT;
use crate::check::judge;
use crate::fact::{Facts, SysctlChange, Tunable};
use crate::gather;
use crate::profile::Profile;
use crate::read::{Named, PATIENCE, is_directory};
use crate::report::{ProfileReport, TuneResult, tune_plan_table, tune_result_table};
use crate::tune::plan::{LeftBecause, TuneOptions, TunePlan};
use crate::tune::{self, Audit, Watch, Writer};
use clap::Args;
use std::path::PathBuf;

/// Where the sysctls of this machine are.
const PROC_SYS: &str = "/proc/sys";

/// Say which sysctls keep rootless BuildKit from running, and with --apply set them
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight tune                      the plan for this machine
  buildkit-preflight tune --facts node.json    the plan for another machine
  sudo buildkit-preflight tune --apply         set until the next boot
  sudo buildkit-preflight tune --apply --persist
  sudo buildkit-preflight tune --forget

tune sets kernel.unprivileged_userns_clone to 1, and raises
user.max_{user,mnt,pid,uts,ipc,cgroup}_namespaces where they are too low for a
builder. It sets no other sysctl, and never lowers or restores a value. It needs
uid 0, and CAP_SYS_RESOURCE for user.*; no other privilege. It logs each change
to standard error as one line of JSON.", exit::TUNE))]
pub(super) struct Arguments {
    /// Print what would be set, and set nothing; this is the default
    #[arg(long)]
    plan: bool,
    /// Set what is too low
    #[arg(long)]
    apply: bool,
    /// Remove the file that --persist wrote; what is set stays so until the next boot
    #[arg(long)]
    forget: bool,
    /// Also write /etc/sysctl.d/60-buildkit-preflight.conf, which sets it again at each boot
    #[arg(long)]
    persist: bool,
    /// With --apply: keep running, and set again what is reset; after three resets in ten minutes leave that sysctl alone for an hour
    #[arg(long)]
    watch: bool,
    /// Set this sysctl only; may be repeated
    #[arg(long, value_name = "SYSCTL", value_parser = values::sysctl())]
    only: Vec<Tunable>,
    /// The builders that are to run; may be repeated [default: no-process-sandbox]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// The value to which a limit on namespaces is raised where it is too low
    #[arg(long, value_name = "N", default_value_t = ADVISED_LIMIT, value_parser = clap::value_parser!(u32).range(1024..=2_147_483_647))]
    max_user_namespaces: u32,
    /// Also raise sysctls that a sysctl.d file sets to 0, which is otherwise taken for policy
    #[arg(long)]
    override_policy: bool,
    /// With --apply: where /proc/sys can be written; in a container, where the node's /proc/sys/kernel and /proc/sys/user are mounted
    #[arg(long, value_name = "DIR", default_value = PROC_SYS)]
    sysctls: PathBuf,
    /// With --apply --watch: write what was done to this file, for an agent that publishes it
    #[arg(long, value_name = "FILE")]
    status: Option<PathBuf>,
    /// Plan for the node of this facts file (or report), `-` for standard input
    #[cfg(feature = "cli")]
    #[arg(long, value_name = "FILE")]
    facts: Option<String>,
    /// How to print the plan or the result
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// A plan, a change, changes for as long as it runs, or the end of what an earlier one left.
pub(super) const USES: Uses = &[&[
    Use { by: &[], takes: &["plan", "facts", "persist", "only", "profiles", "max_user_namespaces", "override_policy", "format"] },
    Use { by: &["apply"], takes: &["sysctls", "persist", "only", "profiles", "max_user_namespaces", "override_policy", "format"] },
    Use { by: &["apply", "watch"], takes: &["status", "sysctls", "persist", "only", "profiles", "max_user_namespaces", "override_policy"] },
    Use { by: &["forget"], takes: &[] },
]];

/// What is to be done. Only what was asked to change something has what can write.
#[derive(Debug)]
pub(super) enum Mode {
    Plan,
    Apply(Writer),
    Watch(Writer),
    Forget(Writer),
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let options = arguments.options();
    match arguments.mode() {
        Mode::Plan => plan(arguments, &options),
        Mode::Apply(writer) => apply(arguments, &options, &writer),
        Mode::Watch(writer) => {
            is_directory(Named::Sysctls, &arguments.sysctls, PATIENCE)?;
            let request = Watch { options, status: arguments.status.clone(), gather: gather_options(&[]) };
            tune::watch(&writer, &request, &arguments.audit()?)?;
            Ok(READY)
        }
        Mode::Forget(writer) => {
            let gone = tune::forget(&writer, &arguments.audit()?)?;
            output::print(if gone { "removed the file; sysctls keep their values until the next boot\n" } else { "no file to remove\n" })?;
            Ok(READY)
        }
    }
}

fn plan(arguments: &Arguments, options: &TuneOptions) -> Result<u8, Error> {
    let facts = arguments.facts(&options.profiles)?;
    let plan = TunePlan::new(&facts, options);
    arguments.format.print(&plan, |style| tune_plan_table(&plan, &facts, style))?;
    Ok(if plan.changes.is_empty() && plan.left.is_empty() { READY } else { NOT_READY })
}

fn apply(arguments: &Arguments, options: &TuneOptions, writer: &Writer) -> Result<u8, Error> {
    is_directory(Named::Sysctls, &arguments.sysctls, PATIENCE)?;
    let facts = arguments.gather(&options.profiles)?;
    let plan = TunePlan::new(&facts, options);
    tune::is_in_place(&facts)?;
    if let Some(left) = plan.left.iter().find(|left| left.reason == LeftBecause::Unreadable) {
        return Err(Error::Io(format!("nothing was changed, because {} cannot be judged: {}", left.sysctl, left.message)));
    }
    let kept = options.persist.then(|| tune::to_keep(&plan, &facts, options.limit));
    let audit = Audit::new(facts.node.known().cloned());
    let mut changes: Vec<SysctlChange> = Vec::new();
    let persisted = tune::apply(writer, &plan, kept.as_deref(), &audit, &mut changes)?;
    let after = arguments.gather(&options.profiles)?;
    let bare = after.on_bare_machine() == Some(true);
    let judged = options.profiles.iter().filter(|_| bare);
    let verdicts = judged.map(|profile| ProfileReport::new(judge(&after, *profile, None), &after)).collect();
    let result = TuneResult::new(&plan, changes, persisted.map(str::to_owned), verdicts);
    arguments.format.print(&result, |style| tune_result_table(&result, style))?;
    if let Some(change) = TunePlan::new(&after, options).changes.first() {
        return Err(Error::Io(format!("{} was set, but is {} again: another program writes it", change.sysctl, change.from)));
    }
    Ok(if plan.left.is_empty() { READY } else { NOT_READY })
}

impl Arguments {
    /// Nothing but --apply and --forget leads to what writes.
    pub(super) fn mode(&self) -> Mode {
        let writer = || Writer::new(self.sysctls.clone());
        match (self.apply, self.watch, self.forget) {
            (true, false, false) => Mode::Apply(writer()),
            (true, true, false) => Mode::Watch(writer()),
            (false, false, true) => Mode::Forget(writer()),
            _ => Mode::Plan,
        }
    }

    /// Who changes something, for the log of changes.
    fn audit(&self) -> Result<Audit, Error> {
        Ok(Audit::new(self.gather(&[])?.node.known().cloned()))
    }

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
        own_pod: gather::AsOwnPod::No,
        root: None,
        state_dir: None,
        snapshotter: None,
        asked: None,
        plans: profiles.iter().map(|profile| profile.plan()).collect(),
        trial_builds: false,
        all: false,
        deadline: PATIENCE,
        without: Vec::new(),
    }
}
