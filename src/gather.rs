//! One look at a node: what can be read of it, then what can be tried on it.
//!
//! Everything that could hang (the state dir may be a network or FUSE mount whose server is
//! gone) is done in a thread or a child that nobody waits for beyond a deadline.

use crate::attempt::{BUILD_TIME, probe, trial};
use crate::fact::{Asked, Builder, Fact, Facts, OwnPod, Plan, Probe, Process, Snapshotter, StateDir, Step, SubId, Trial};
use crate::profile::BUILDER_UID;
use crate::read::{self, BadPath, Host, Mounts, Named, Programs};
use std::path::PathBuf;
use std::time::Duration;

/// What to look at, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A captured tree to read in place of this machine. Nothing is probed there.
    pub root: Option<PathBuf>,
    /// The state dir; `None` for where the builder's image has it.
    pub state_dir: Option<PathBuf>,
    /// The snapshotter that buildkitd is told to use; `None` where it chooses.
    pub snapshotter: Option<Snapshotter>,
    /// What this container's manifest asks for, for one who knows it.
    pub asked: Option<Asked>,
    /// Whether this place is looked at as a builder's own pod.
    pub own_pod: AsOwnPod,
    /// The probes to run.
    pub plans: Vec<Plan>,
    /// Whether to try a real build for each of them too, where the image has all that it takes.
    pub trial_builds: bool,
    /// Whether to read also what no verdict hangs on.
    pub all: bool,
    /// How long one probe may take, and how long a read that touches the state dir may.
    pub deadline: Duration,
    /// Steps that the probes leave out.
    pub without: Vec<Step>,
}

impl Default for Options {
    /// This place, as another pod or a machine: nothing is tried.
    fn default() -> Self {
        Options {
            root: None,
            state_dir: None,
            snapshotter: None,
            asked: None,
            own_pod: AsOwnPod::No,
            plans: Vec::new(),
            trial_builds: false,
            all: false,
            deadline: Duration::from_secs(10),
            without: Vec::new(),
        }
    }
}

/// Whether a place is looked at as the pod of a builder, with its user, its directories and its volumes: they say nothing of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOwnPod {
    /// It is another pod, or a machine.
    No,
    /// If its image has buildkitd, and is a rootless builder's or run by an ordinary user.
    IfBuilders,
    /// It is one.
    Yes,
}

/// Gathers all facts, then runs the probes.
///
/// # Errors
/// A tree or a state dir that was asked for by name and is not there, or a tree that does not answer. All else that can't be
/// read is a fact that says so.
pub fn gather(options: &Options) -> Result<Facts, BadPath> {
    let Some(root) = &options.root else { return look(options) };
    // Whose server may be gone, wherever in it.
    let asked = options.clone();
    let looked = read::bounded(options.deadline, move || look(&asked));
    looked.unwrap_or_else(|| Err(BadPath::silent(Named::Tree, root, options.deadline)))
}

fn look(options: &Options) -> Result<Facts, BadPath> {
    let host = Host::open(options.root.as_deref())?;
    let mounts = host.mounts();
    let process = read::process(&host, &mounts, options.asked, options.all);
    let bare = process.on_bare_machine() == Some(true);
    let nested = process.uid_map.known().map(|map| !map.is_initial());
    let Touched { mut state_dir, programs, own_pod } = touched(&host, &mounts, &process, options)?;
    state_dir.snapshotter = options.snapshotter;
    let builder = if own_pod.is_some() { 0 } else { BUILDER_UID };
    let sub_ids = read::sub_ids(&host, &process.uid, builder);
    let stat = read::stat(&host);
    let sysctls = read::sysctls(&host, nested);
    let kernel = read::kernel(&host);
    let mut facts = Facts {
        gathered_at: if host.is_live() { Fact::Known(read::now()) } else { Fact::Denied(read::CAPTURED.into()) },
        booted_at: read::boot_time(&stat),
        node: read::node_name(&host),
        os: read::os_release(&host, &mounts, bare),
        boot_arguments: read::boot_arguments(&host, &kernel, options.all),
        kernel_config: when(options.all, || read::kernel_config(&host, &kernel, bare)),
        kernel,
        user_namespaces: host.exists_below("/proc/self/ns/user", "/proc/self/ns"),
        security_modules: when(options.all, || read::security_modules(&host, &mounts)),
        selinux: read::selinux(&host, &mounts, &process, options.all),
        apparmor: read::apparmor(&host, &sysctls, bare),
        sysctls,
        user_namespaces_in_use: when(options.all, || read::user_namespaces(&host, bare)),
        keys: when(options.all, || read::keys(&host, &process.uid)),
        sysctl_files: read::sysctl_files(&host, &mounts, bare),
        proc_fs: read::proc_fs(&mounts),
        state_dir,
        dev_fuse: host.can_open("/dev/fuse"),
        dev_net_tun: when(options.all, || host.can_open("/dev/net/tun")),
        cgroup: read::cgroup(&host, &mounts, options.all),
        container: when(options.all, || read::container(&host, process.on_bare_machine())),
        tools: programs.tools,
        newuidmap: programs.newuidmap,
        newgidmap: programs.newgidmap,
        sub_ids,
        capacity: read::capacity(&host, &stat),
        own_pod,
        process,
        ..Facts::unknown()
    };
    if host.is_live() {
        facts.probes = options.plans.iter().filter_map(|plan| run(&facts, *plan, options)).collect();
        facts.trials = options.plans.iter().filter(|_| options.trial_builds).map(|plan| try_build(&facts, *plan, options)).collect();
        let failed: Vec<_> = facts.failed_steps().collect();
        read::sysctls_after(&host, &mut facts.sysctls, |step| failed.contains(&step));
    }
    Ok(facts)
}

/// A fact that no verdict hangs on.
fn when<T>(is_asked: bool, read: impl FnOnce() -> Fact<T>) -> Fact<T> {
    if is_asked { read() } else { Fact::Denied(read::BY_FACTS_ALONE.into()) }
}

/// Runs one probe, if this process can take the builder's place at all.
fn run(facts: &Facts, plan: Plan, options: &Options) -> Option<Probe> {
    let uid = *facts.process.uid.known()?;
    if options.asked.is_some_and(|asked| asked.user_namespace) && facts.in_user_namespace() == Some(false) {
        // Not the pod that was asked for: a trial would say nothing of that one, and root would be the machine's.
        return None;
    }
    let become_uid = match plan.builder {
        // A namespace that does not have that user (`unshare -r`): its root is an ordinary user outside, and tries as that.
        Builder::Rootless if uid == 0 && facts.own_pod.is_none() => has_user(facts, BUILDER_UID).then_some(BUILDER_UID),
        // Only root can do what a rootful builder does.
        Builder::Rootful if uid != 0 => return None,
        _ => None,
    };
    let state_dir = PathBuf::from(facts.state_dir.path.known()?);
    let request = probe::Request {
        plan,
        state_dir,
        become_uid,
        in_builder_image: facts.in_builder_image() == Some(true),
        own_pod: facts.own_pod.is_some(),
        snapshotter: facts.state_dir.snapshotter,
        needs_fuse_programs: facts.tools.buildkitd.known().is_some(),
        sub_ids: facts.sub_ids.clone(),
        helpers: [&facts.newuidmap, &facts.newgidmap].map(|helper| helper.known().map(|helper| helper.path.clone())),
        deadline: options.deadline,
        without: options.without.clone(),
    };
    Some(probe::run(&request, uid))
}

/// Tries one real build, or says why it was not tried.
fn try_build(facts: &Facts, plan: Plan, options: &Options) -> Trial {
    match facts.process.uid.known() {
        Some(uid) => trial::run(plan, *uid, &facts.tools, &facts.state_dir, options.deadline * BUILD_TIME),
        None => trial::not_run(plan, "it is not known which user this is"),
    }
}

fn has_user(facts: &Facts, uid: u32) -> bool {
    facts.process.uid_map.known().is_none_or(|map| map.contains(&SubId { start: uid.into(), length: 1 }))
}

/// What can be known only by touching directories that anybody may have mounted, and whose server may be gone.
struct Touched {
    state_dir: StateDir,
    programs: Programs,
    own_pod: Option<OwnPod>,
}

fn touched(host: &Host, mounts: &Mounts, process: &Process, options: &Options) -> Result<Touched, BadPath> {
    let (asked, own_pod) = (options.state_dir.clone(), options.own_pod);
    let rootless = !options.plans.iter().any(|plan| plan.builder == Builder::Rootful);
    let (host, mounts, process) = (host.clone(), mounts.clone(), process.clone());
    let look = move || {
        let programs = Programs::find(&host, &mounts);
        let is_own = host.is_live() && own_pod.holds(&process, &programs);
        let under_rootlesskit = is_own && rootless && programs.tools.rootlesskit.known().is_some();
        let state_dir = read::state_dir(&host, &mounts, asked.as_deref(), &process, under_rootlesskit)?;
        let wanted = asked.unwrap_or_else(|| read::wanted_state_dir(under_rootlesskit));
        let own_pod = is_own.then(|| read::own_pod(&host, &mounts, &process.uid, &wanted));
        Ok(Touched { state_dir, programs, own_pod })
    };
    read::bounded(options.deadline, look).unwrap_or_else(|| {
        let state_dir = read::unanswered(options.state_dir.as_deref(), options.deadline);
        let own_pod = (options.own_pod == AsOwnPod::Yes).then(OwnPod::default);
        Ok(Touched { state_dir, programs: Programs::default(), own_pod })
    })
}

impl AsOwnPod {
    /// Whether this process is in a builder's place.
    fn holds(self, process: &Process, programs: &Programs) -> bool {
        // Root of the rootless image is no builder's user, and a builder's pod all the same.
        let is_users = process.uid.known().is_some_and(|uid| *uid != 0) || programs.tools.rootlesskit.known().is_some();
        match self {
            AsOwnPod::No => false,
            AsOwnPod::IfBuilders => process.on_bare_machine() == Some(false) && is_users && programs.tools.buildkitd.known().is_some(),
            AsOwnPod::Yes => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::rows;
    use serde_json::Value;

    #[test]
    fn what_only_informs_is_read_where_it_is_asked_for() {
        let options = |all: bool| Options { all, ..Options::default() };
        let looked = |all: bool| serde_json::to_value(gather(&options(all)).expect("facts")).expect("JSON");
        let why = |facts: &Value, id: &str| {
            let fact = match id.strip_prefix("sysctls.") {
                Some(sysctl) => &facts["sysctls"][sysctl],
                None => id.split('.').fold(facts, |value, key| &value[key]),
            };
            fact["denied"]["what"].as_str().unwrap_or_default().to_owned()
        };
        let (some, all) = (looked(false), looked(true));
        for row in rows() {
            let id = row.id();
            assert_ne!(why(&all, &id), read::BY_FACTS_ALONE, "{id}");
            if row.informs {
                let left_out = why(&some, &id) == read::BY_FACTS_ALONE;
                // What the mount table tells costs nothing; SELinux is left out as a whole.
                assert!(left_out || id == "cgroup.writable" || id.starts_with("selinux."), "{id}: {}", why(&some, &id));
            } else {
                assert_ne!(why(&some, &id), read::BY_FACTS_ALONE, "{id}");
            }
        }
    }
}
