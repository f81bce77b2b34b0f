//! Facts of all kinds, and what is better than what.

use buildkit_preflight::fact::{
    BootArguments, CapSet, End, Errno, Fact, Facts, Helper, IdMap, IdRange, MapSource, MountFlags, Namespace, OsRelease, Probe, ProcFs,
    Release, Seccomp, SelinuxMode, Step, StepOutcome, StepResult, SubId, Sysctl,
};
use buildkit_preflight::profile::Profile;
use proptest::prelude::*;
use proptest::sample::select;

fn release(text: &str) -> Release {
    Release::try_from(text.to_owned()).expect("a release")
}

pub(crate) fn map(length: u32) -> IdMap {
    IdMap(vec![IdRange { inside: 0, outside: u32::from(length != u32::MAX) * 100_000, length }])
}

/// One of some values, or one of the ways not to know.
pub(crate) fn fact<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Fact<T>> {
    let mut all: Vec<_> = values.into_iter().map(Fact::Known).collect();
    all.extend([Fact::Absent, Fact::Denied("x: permission denied".into()), Fact::Failed("garbage".into())]);
    select(all)
}

/// A change of one fact: any value, and the best value.
pub(crate) type Change = (fn(&mut Facts, u8), fn(&mut Facts));

/// The facts for which it is clear what is better, each with bad to good values by number.
pub(crate) fn changes() -> Vec<Change> {
    vec![
        (|f, n| f.user_namespaces = pick(n, vec![false, true]), |f| f.user_namespaces = Fact::Known(true)),
        (
            |f, n| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, pick(n, vec![0, 1])),
            |f| f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(1)),
        ),
        (
            |f, n| f.sysctls.set(Sysctl::MaxUserNamespaces, pick(n, vec![0, 1, 3, 500, 63_359])),
            |f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(63_359)),
        ),
        (
            |f, n| f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, pick(n, vec![0, 1])),
            |f| f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(0)),
        ),
        (
            |f, n| f.process.seccomp = pick(n, vec![Seccomp::Strict, Seccomp::Filter, Seccomp::Disabled]),
            |f| f.process.seccomp = Fact::Known(Seccomp::Disabled),
        ),
        (|f, n| f.process.no_new_privs = pick(n, vec![true, false]), |f| f.process.no_new_privs = Fact::Known(false)),
        (|f, n| f.process.bounding_set = pick(n, vec![CapSet(0), CapSet(0xc0)]), |f| f.process.bounding_set = Fact::Known(CapSet(0xc0))),
        (
            |f, n| f.proc_fs = pick(n, vec![ProcFs { masks: vec!["/proc/kcore".into()], complete_elsewhere: false }, ProcFs::default()]),
            |f| f.proc_fs = Fact::Known(ProcFs::default()),
        ),
        (|f, n| f.newuidmap = pick(n, helpers()), |f| f.newuidmap = Fact::Known(helpers()[1].clone())),
        (|f, n| f.sub_ids.uids = pick(n, vec![vec![], vec![SubId::STOCK], fitting()]), |f| f.sub_ids.uids = Fact::Known(fitting())),
        (|f, n| f.sub_ids.gids = pick(n, vec![vec![], vec![SubId::STOCK], fitting()]), |f| f.sub_ids.gids = Fact::Known(fitting())),
        (|f, n| f.state_dir.free_bytes = pick(n, vec![0, 1 << 20, 1 << 40]), |f| f.state_dir.free_bytes = Fact::Known(1 << 40)),
        (
            |f, n| f.state_dir.flags = pick(n, vec![MountFlags { read_only: true, ..MountFlags::default() }, MountFlags::default()]),
            |f| f.state_dir.flags = Fact::Known(MountFlags::default()),
        ),
        (
            |f, n| f.kernel = pick(n, ["3.10.0-1160.el7.x86_64", "4.18", "5.10", "6.1", "6.12"].map(release).to_vec()),
            |f| f.kernel = Fact::Known(release("6.12")),
        ),
        (|f, n| f.boot_arguments = pick(n, vec![BootArguments::default(), booted()]), |f| f.boot_arguments = Fact::Known(booted())),
        (
            |f, n| f.selinux.mode = pick(n, vec![SelinuxMode::Enforcing, SelinuxMode::Permissive]),
            |f| f.selinux.mode = Fact::Known(SelinuxMode::Permissive),
        ),
    ]
}

fn pick<T>(n: u8, values: Vec<T>) -> Fact<T> {
    let count = values.len();
    match values.into_iter().nth(usize::from(n) % (count + 2)) {
        Some(value) => Fact::Known(value),
        None if usize::from(n) % (count + 2) == count => Fact::Denied("x: permission denied".into()),
        None => Fact::Failed("garbage".into()),
    }
}

/// As a kernel of EL7 has to be.
fn booted() -> BootArguments {
    BootArguments::parse("namespace.unpriv_enable=1")
}

fn helpers() -> Vec<Helper> {
    let helper = |file_capability| Helper { path: "/usr/bin/newuidmap".into(), setuid: false, file_capability, nosuid: false };
    vec![helper(false), helper(true)]
}

/// All IDs of a pod's user namespace but root's and the builder's own: enough for every profile.
fn fitting() -> Vec<SubId> {
    vec![SubId { start: 1, length: 999 }, SubId { start: 1001, length: 64_535 }]
}

/// A place, which is neither better nor worse than another: an AppArmor profile confines, and on
/// Ubuntu it is also what may lift a restriction.
fn place() -> impl Strategy<Value = Facts> {
    let namespace = fact(vec![Namespace::Initial, Namespace::Own]);
    let ids = fact(vec![map(u32::MAX), map(65_536)]);
    let os = fact(vec![
        OsRelease { id: "ubuntu".into(), ..OsRelease::default() },
        OsRelease { id: "bottlerocket".into(), ..OsRelease::default() },
    ]);
    // Not tmpfs: with a newer kernel BuildKit takes overlayfs there, which is worse than none.
    let file_system = fact(vec!["ext4".to_owned(), "overlay".to_owned()]);
    let uid = fact(vec![0u32, 1000]);
    let label = fact(["docker-default (enforce)", "mine (enforce)", "a:b:container_t:s0", "unconfined"].map(str::to_owned).to_vec());
    (namespace, ids, os, file_system, uid, label, any::<bool>(), any::<bool>()).prop_map(
        |(namespace, ids, os, file_system, uid, label, image, fuse)| {
            let mut facts = Facts::unknown();
            facts.process.pid_namespace = namespace;
            facts.process.uid_map = ids.clone();
            facts.process.gid_map = ids;
            facts.process.uid = uid;
            facts.process.lsm_label = label;
            facts.os = os;
            facts.state_dir.file_system = file_system;
            facts.dev_fuse = Fact::Known(fuse);
            facts.newgidmap = Fact::Known(helpers()[1].clone());
            facts.tools.rootlesskit = if image { Fact::Known("/usr/bin/rootlesskit".into()) } else { Fact::Absent };
            facts
        },
    )
}

pub(crate) fn any_facts() -> impl Strategy<Value = Facts> {
    (place(), prop::collection::vec(any::<u8>(), changes().len())).prop_map(|(mut facts, numbers)| {
        for (change, number) in changes().iter().zip(numbers) {
            change.0(&mut facts, number);
        }
        facts
    })
}

/// A probe that ends somehow, somewhere.
pub(crate) fn any_probe() -> impl Strategy<Value = Probe> {
    let errno = prop::option::of(select(vec![1, 2, 5, 13, 22, 28, 30, 38, 87, 999]).prop_map(Errno));
    let end = select(vec![
        End::Completed,
        End::TimedOut(Step::StateDir),
        End::Killed { signal: 9, step: Step::Overlay },
        End::Killed { signal: 31, step: Step::UserNamespace },
        End::NotRun("no file descriptors".into()),
    ]);
    let source = select(vec![None, Some(MapSource::Helpers), Some(MapSource::Root), Some(MapSource::OwnIdOnly)]);
    (select(Profile::ALL.to_vec()), 0..Step::ALL.len(), errno, end, source, any::<bool>(), prop::option::of(any::<bool>())).prop_map(
        |(profile, until, errno, end, map_source, falls_back, filtered)| {
            let plan = profile.plan();
            let result = |step, outcome, errno| StepResult { step, outcome, errno, detail: None, filtered, micros: 1 };
            let mut steps: Vec<_> = plan.steps().take(until).map(|step| result(step, StepOutcome::Worked, None)).collect();
            if let Some(step) = plan.steps().nth(until) {
                steps.push(result(step, if falls_back { StepOutcome::FellBack } else { StepOutcome::Failed }, errno));
            }
            Probe { plan, executable: "x".into(), uid: 1000, map_source, end, steps }
        },
    )
}
