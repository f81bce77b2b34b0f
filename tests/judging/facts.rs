//! Facts of all kinds, and what is better than what.

use buildkit_preflight::fact::{
    BootArguments, CapSet, Directory, End, Errno, Fact, Facts, Helper, IdMap, IdRange, KubeVersion, MapSource, MountFlags, Namespace,
    OsRelease, OwnPod, Plan, Probe, ProcFs, Release, Runtime, Seccomp, SelinuxMode, Snapshotter, Step, StepOutcome, StepResult, SubId,
    Sysctl, UserEntry,
};
use buildkit_preflight::profile::Profile;
use proptest::prelude::*;
use proptest::sample::select;

fn release(text: &str) -> Release {
    Release::try_from(text.to_owned()).expect("a release")
}

pub(crate) fn map(length: u32) -> IdMap {
    IdMap(vec![IdRange { inside: 0, outside: u32::from(length != u32::MAX) * 131_072, length }])
}

/// All capabilities: by them and by the lack of a filter a privileged container is known.
pub(crate) const PRIVILEGED: CapSet = CapSet(0x1ff_ffff_ffff);

/// Sets a fact to one of its values by number.
type Set = Box<dyn Fn(&mut Facts, usize)>;
/// Sets a fact to its best value.
type Best = Box<dyn Fn(&mut Facts)>;

/// One fact that varies: which one, and how it is set to one of its values by number.
pub(crate) struct Varied {
    pub(crate) name: &'static str,
    set: Set,
    /// Sets it to the best, where it is clear which one that is.
    pub(crate) best: Option<Best>,
    /// Whether it also says what place this is, and so of whom a probe tells.
    pub(crate) is_of_place: bool,
}

impl Varied {
    /// Any of these values, absent, or not known.
    fn new<T: Clone + 'static>(name: &'static str, values: &[T], set: fn(&mut Facts, Fact<T>)) -> Self {
        let mut all: Vec<Fact<T>> = values.iter().cloned().map(Fact::Known).collect();
        all.extend([Fact::Absent, Fact::Denied("x: permission denied".into()), Fact::Failed("garbage".into())]);
        let set = Box::new(move |facts: &mut Facts, number: usize| set(facts, all[number % all.len()].clone()));
        Varied { name, set, best: None, is_of_place: false }
    }

    /// The same where the last value is the best.
    fn good<T: Clone + 'static>(name: &'static str, values: &[T], set: fn(&mut Facts, Fact<T>)) -> Self {
        let best = values.last().cloned().expect("a value");
        let good = Box::new(move |facts: &mut Facts| set(facts, Fact::Known(best.clone())));
        Varied { best: Some(good), ..Varied::new(name, values, set) }
    }

    fn of_place(self) -> Self {
        Varied { is_of_place: true, ..self }
    }

    /// A sysctl, of which the last value is the best.
    fn sysctl(sysctl: Sysctl, values: &'static [u64]) -> Self {
        let mut all: Vec<_> = values.iter().map(|value| Fact::Known(*value)).collect();
        all.extend([Fact::Absent, Fact::Denied("x: permission denied".into()), Fact::Failed("garbage".into())]);
        let best = Fact::Known(values[values.len() - 1]);
        Varied {
            name: sysctl.name(),
            set: Box::new(move |facts, number| facts.sysctls.set(sysctl, all[number % all.len()].clone())),
            best: Some(Box::new(move |facts| facts.sysctls.set(sysctl, best.clone()))),
            is_of_place: false,
        }
    }
}

/// All facts that a verdict may hang on.
pub(crate) fn varied() -> Vec<Varied> {
    const LIMIT: &[u64] = &[0, 1, 3, 500, 63_359];
    let limits = [
        Sysctl::MaxUserNamespaces,
        Sysctl::MaxMntNamespaces,
        Sysctl::MaxPidNamespaces,
        Sysctl::MaxUtsNamespaces,
        Sysctl::MaxIpcNamespaces,
        Sysctl::MaxCgroupNamespaces,
    ];
    let mut all: Vec<_> = limits.into_iter().map(|limit| Varied::sysctl(limit, LIMIT)).collect();
    all.extend([
        Varied::sysctl(Sysctl::UnprivilegedUsernsClone, &[0, 1]),
        Varied::sysctl(Sysctl::ApparmorRestrictUnprivilegedUserns, &[1, 0]),
        Varied::sysctl(Sysctl::YamaPtraceScope, &[3, 2, 1, 0]),
        Varied::sysctl(Sysctl::UsernsMaxLevel, &[0, 1, 2, 33]),
        Varied::sysctl(Sysctl::KeysMaxkeys, &[0, 200, 100_000]),
        Varied::sysctl(Sysctl::KeysMaxbytes, &[0, 20_000, 10_000_000]),
        Varied::good("userNamespaces", &[false, true], |f, fact| f.user_namespaces = fact),
        Varied::good("kernel", &["3.10.0-1160.el7.x86_64", "4.18", "5.10", "6.1", "6.12"].map(release), |f, fact| f.kernel = fact),
        Varied::good("bootArguments", &["", "namespace.unpriv_enable=1"].map(BootArguments::parse), |f, fact| f.boot_arguments = fact),
        Varied::good("selinux.mode", &[SelinuxMode::Enforcing, SelinuxMode::Permissive], |f, fact| f.selinux.mode = fact),
        Varied::new("devNetTun", &[false, true], |f, fact| f.dev_net_tun = fact),
        Varied::new("os", &["ubuntu", "bottlerocket", "rhel"].map(os), |f, fact| f.os = fact),
    ]);
    all.extend(of_process());
    all.extend(of_storage());
    all.extend(of_ids());
    all.extend(of_node());
    all.extend(of_own_pod());
    all
}

fn os(id: &str) -> OsRelease {
    OsRelease { id: id.into(), ..OsRelease::default() }
}

/// An AppArmor profile is neither better nor worse than none: it confines, and on Ubuntu it is also what may lift a restriction.
fn of_process() -> Vec<Varied> {
    let labels = ["docker-default (enforce)", "mine (enforce)", "a:b:container_t:s0", "a:b:spc_t:s0", "unconfined"].map(str::to_owned);
    vec![
        Varied::new("process.uid", &[0, 1000], |f, fact| f.process.uid = fact),
        Varied::new("process.pidNamespace", &[Namespace::Initial, Namespace::Own], |f, fact| f.process.pid_namespace = fact),
        Varied::new("process.ipcNamespace", &[Namespace::Initial, Namespace::Own], |f, fact| f.process.ipc_namespace = fact),
        Varied::new("process.uidMap", &[map(u32::MAX), map(65_536)], |f, fact| {
            f.process.gid_map = fact.clone();
            f.process.uid_map = fact;
        }),
        Varied::good("process.seccomp", &[Seccomp::Strict, Seccomp::Filter, Seccomp::Disabled], |f, fact| f.process.seccomp = fact)
            .of_place(),
        Varied::good("process.noNewPrivs", &[true, false], |f, fact| f.process.no_new_privs = fact),
        Varied::good("process.boundingSet", &[CapSet(0), PRIVILEGED, CapSet(0xc0)], |f, fact| f.process.bounding_set = fact).of_place(),
        Varied::new("process.lsmLabel", &labels, |f, fact| f.process.lsm_label = fact),
        Varied::new("process.askedUnconfined", &[false, true], |f, fact| f.process.asked_unconfined = fact),
        Varied::new("process.askedUserNamespace", &[false, true], |f, fact| f.process.asked_user_namespace = fact),
        Varied::new("process.askedUnmaskedProc", &[false, true], |f, fact| f.process.asked_unmasked_proc = fact),
        Varied::good("procFs", &[ProcFs { masks: vec!["/proc/kcore".into()], complete_elsewhere: false }, ProcFs::default()], |f, fact| {
            f.proc_fs = fact
        }),
    ]
}

/// No file system is better than another: with a newer kernel BuildKit takes overlayfs on tmpfs, which is worse than none.
fn of_storage() -> Vec<Varied> {
    let flags = |read_only, noexec| MountFlags { read_only, noexec, ..MountFlags::default() };
    let flags = [flags(true, false), flags(false, true), flags(false, false)];
    vec![
        Varied::new("stateDir.path", &["/home/user/.local/share/buildkit".to_owned()], |f, fact| f.state_dir.path = fact),
        Varied::new("stateDir.fileSystem", &["ext4", "overlay", "tmpfs"].map(str::to_owned), |f, fact| f.state_dir.file_system = fact),
        Varied::new("stateDir.snapshotter", &[Snapshotter::Overlayfs, Snapshotter::Native], |f, fact| {
            f.state_dir.snapshotter = fact.known().copied()
        }),
        Varied::good("stateDir.flags", &flags, |f, fact| f.state_dir.flags = fact),
        Varied::good("stateDir.freeBytes", &[0, 1 << 20, 1 << 40], |f, fact| f.state_dir.free_bytes = fact),
        Varied::good("stateDir.freeInodes", &[0, 80, 1 << 20], |f, fact| f.state_dir.free_inodes = fact),
        Varied::new("devFuse", &[false, true], |f, fact| f.dev_fuse = fact),
    ]
}

fn of_ids() -> Vec<Varied> {
    let ranges = [vec![], vec![SubId::STOCK], fitting()];
    vec![
        Varied::new("tools.rootlesskit", &["/usr/bin/rootlesskit".to_owned()], |f, fact| f.tools.rootlesskit = fact),
        Varied::new("tools.buildkitd", &["/usr/bin/buildkitd".to_owned()], |f, fact| f.tools.buildkitd = fact),
        Varied::new("tools.fuse-overlayfs", &["/usr/bin/fuse-overlayfs".to_owned()], |f, fact| f.tools.fuse_overlayfs = fact),
        Varied::good("newuidmap", &helpers(), |f, fact| f.newuidmap = fact),
        Varied::good("newgidmap", &helpers(), |f, fact| f.newgidmap = fact),
        Varied::new("subIds.user", &["user".to_owned()], |f, fact| f.sub_ids.user = fact),
        Varied::new("subIds.uid", &[1000], |f, fact| f.sub_ids.uid = fact),
        Varied::new("subIds.gid", &[1000], |f, fact| f.sub_ids.gid = fact),
        Varied::good("subIds.uids", &ranges, |f, fact| f.sub_ids.uids = fact),
        Varied::good("subIds.gids", &ranges, |f, fact| f.sub_ids.gids = fact),
    ]
}

fn helpers() -> [Helper; 3] {
    let helper = |file_capability, nosuid| Helper { path: "/usr/bin/newuidmap".into(), setuid: false, file_capability, nosuid };
    [helper(false, false), helper(true, true), helper(true, false)]
}

/// All IDs of a pod's user namespace but root's and the builder's own: enough for every profile.
fn fitting() -> Vec<SubId> {
    vec![SubId { start: 1, length: 999 }, SubId { start: 1001, length: 64_535 }]
}

/// A newer kubelet is not better: it tells of what its runtime lacks.
fn of_node() -> Vec<Varied> {
    let version = |text: &str| KubeVersion::try_from(text.to_owned()).expect("a version");
    let runtime = |text: &str| Runtime::try_from(text.to_owned()).expect("a runtime");
    let runtimes = ["docker://18.6.1", "containerd://1.4.13", "containerd://1.7.0", "containerd://2.1.4"].map(runtime);
    vec![
        Varied::new("kubelet.version", &["v1.24.0", "v1.29.0", "v1.31.0", "v1.36.3"].map(version), |f, fact| f.kubelet.version = fact),
        // Of one that is known it is also known that it was asked.
        Varied::new("kubelet.runtime", &runtimes, |f, fact| f.kubelet.runtime = fact),
        Varied::good("kubelet.podUserNamespaces", &[false, true], |f, fact| f.kubelet.pod_user_namespaces = fact),
        Varied::new("kubelet.inUserNamespace", &[false, true], |f, fact| f.kubelet.in_user_namespace = fact),
        Varied::new("nodeIds", &[65_536, 1 << 30], |f, fact| f.node_ids = fact),
    ]
}

/// Facts of a builder's own pod, where there is one.
fn of_own_pod() -> Vec<Varied> {
    let entry = |group| UserEntry { name: "user".into(), group, home: Some("/home/user".into()) };
    vec![
        Varied::new("ownPod", &[true, false], |f, fact| {
            let mut pod = OwnPod { group: Fact::Known(1000), user: Fact::Known("user".into()), ..OwnPod::default() };
            pod.user_entry = Fact::Known(UserEntry { name: "user".into(), group: 1000, home: None });
            f.own_pod = fact.known().copied().unwrap_or_default().then_some(pod);
        }),
        Varied::good("ownPod.userEntry", &[entry(0), entry(1000)], |f, fact| of_pod(f, |pod| pod.user_entry = fact)),
        Varied::good("ownPod.user", &["root", "user"].map(str::to_owned), |f, fact| of_pod(f, |pod| pod.user = fact)),
        Varied::good("ownPod.home", &directories("/home/user"), |f, fact| of_pod(f, |pod| pod.home = fact)),
        Varied::good("ownPod.tempDir", &directories("/home/user/.local/tmp"), |f, fact| of_pod(f, |pod| pod.temp_dir = fact)),
        Varied::good("ownPod.tmp", &directories("/tmp"), |f, fact| of_pod(f, |pod| pod.tmp = fact)),
        Varied::good("ownPod.runtimeDir", &directories("/run/user/1000/buildkit"), |f, fact| of_pod(f, |pod| pod.runtime_dir = fact)),
        Varied::good("ownPod.stateDir", &directories("/home/user/.local/share/buildkit"), |f, fact| of_pod(f, |pod| pod.state_dir = fact)),
    ]
}

fn of_pod(facts: &mut Facts, set: impl FnOnce(&mut OwnPod)) {
    if let Some(pod) = &mut facts.own_pod {
        set(pod);
    }
}

fn directories(path: &str) -> [Directory; 5] {
    let directory = |owner, on_root, refused| Directory { path: path.into(), parent: None, owner, group: owner, on_root, refused };
    let long = Directory { path: format!("/{}", "x".repeat(100)), ..directory(1000, false, None) };
    [
        long,
        directory(1000, true, Some(Errno::EROFS)),
        directory(0, false, Some(Errno::EACCES)),
        directory(1001, false, Some(Errno::EACCES)),
        directory(1000, false, None),
    ]
}

/// Facts in which each may be anything.
pub(crate) fn any_facts() -> impl Strategy<Value = Box<Facts>> {
    let all = varied();
    prop::collection::vec(any::<u8>(), all.len()).prop_map(move |numbers| {
        let mut facts = Box::new(Facts::unknown());
        for (varied, number) in all.iter().zip(numbers) {
            (varied.set)(&mut facts, number.into());
        }
        // Whoever is in a user namespace has a kernel that knows them.
        if facts.in_user_namespace() == Some(true) {
            facts.user_namespaces = Fact::Known(true);
        }
        // Only a pod's own process sees it.
        let is_initial = facts.process.pid_namespace == Fact::Known(Namespace::Initial);
        facts.own_pod = facts.own_pod.filter(|_| !is_initial);
        facts
    })
}

/// A probe that ends somehow, somewhere.
/// The steps after whose failure a builder goes on in another way.
const FALL_BACK: [Step; 7] = [Step::SubIdRange, Step::UidMap, Step::GidMap, Step::Overlay, Step::Fuse, Step::Sysfs, Step::PivotRoot];

pub(crate) fn any_probe() -> impl Strategy<Value = Probe> {
    let errno = prop::option::of(select(vec![1, 2, 5, 13, 22, 28, 30, 38, 87, 999]).prop_map(Errno));
    let end = select(vec![
        End::Completed,
        End::Completed,
        End::Completed,
        End::TimedOut(Step::StateDir),
        End::Killed { signal: 9, step: Step::Overlay },
        End::Killed { signal: 31, step: Step::UserNamespace },
        End::NotRun("no file descriptors".into()),
    ]);
    let source = select(vec![None, Some(MapSource::Helpers), Some(MapSource::Root), Some(MapSource::OwnIdOnly)]);
    (select(Profile::ALL.to_vec()), 0..=Step::ALL.len(), errno, end, source, any::<bool>(), prop::option::of(any::<bool>())).prop_map(
        |(profile, until, errno, end, map_source, falls_back, filtered)| {
            let mut probe = whole(profile.plan());
            let next = probe.steps.get(until).map(|result| result.step);
            probe.steps.truncate(until);
            if let Some(step) = next {
                let outcome = if falls_back && FALL_BACK.contains(&step) { StepOutcome::FellBack } else { StepOutcome::Failed };
                probe.steps.push(StepResult { errno, filtered, ..result(step, outcome) });
            }
            Probe { end, map_source, ..probe }
        },
    )
}

fn result(step: Step, outcome: StepOutcome) -> StepResult {
    StepResult { step, outcome, errno: None, detail: None, filtered: None, micros: 1 }
}

/// A probe that did all.
pub(crate) fn whole(plan: Plan) -> Probe {
    let steps = plan.steps().map(|step| result(step, StepOutcome::Worked)).collect();
    Probe { plan, executable: "x".into(), uid: 1000, map_source: Some(MapSource::Helpers), end: End::Completed, steps }
}
