//! What runc does for one RUN instruction.

use super::Probe;
use super::tell::{Outcome, Report, die_with_parent, is_left_out, leave, mounting, namespace, wait};
use crate::attempt::probe::sys;
use crate::fact::{Builder, Plan, Step, StepOutcome};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, mkdir, pivot_root, sethostname};
use std::path::Path;
use std::time::Instant;

/// Namespaces that each step has besides that of its mounts, with their files in /proc/self/ns.
const OF_STEPS: [(Step, CloneFlags, &str); 3] = [
    (Step::UtsNamespace, CloneFlags::CLONE_NEWUTS, "uts"),
    (Step::IpcNamespace, CloneFlags::CLONE_NEWIPC, "ipc"),
    (Step::CgroupNamespace, CloneFlags::CLONE_NEWCGROUP, "cgroup"),
];

impl Probe<'_> {
    /// runc, for one RUN instruction.
    pub(super) fn build_step(&self, own_id_only: bool) -> Outcome {
        die_with_parent();
        if self.task.plan.builder == Builder::Rootless {
            namespace(Step::StepMountNamespace, CloneFlags::CLONE_NEWNS)?;
            // A build holds one more than its step.
            let more = Plan::STEPS_AT_ONCE + Plan::MOUNT_NAMESPACES_LATE;
            hold_and_make(Step::StepMountNamespace, CloneFlags::CLONE_NEWNS, "mnt", more)?;
        }
        for (step, flag, file) in OF_STEPS {
            if step == Step::CgroupNamespace && !has_cgroup_namespace() {
                continue;
            }
            namespace(step, flag)?;
            hold_and_make(step, flag, file, Plan::STEPS_AT_ONCE - 1)?;
        }
        if !self.task.plan.process_sandbox {
            return self.step_mounts(own_id_only);
        }
        if is_left_out(Step::PidNamespace) {
            return self.step_mounts(own_id_only);
        }
        let report = Report::new(Step::PidNamespace, Instant::now());
        let made = unshare(CloneFlags::CLONE_NEWPID).and_then(|()| sys::fork());
        match made {
            Ok(None) => {
                die_with_parent();
                report.worked(None);
                let second = || hold_and_make(Step::PidNamespace, CloneFlags::CLONE_NEWPID, "pid", Plan::STEPS_AT_ONCE - 1);
                leave(self.step_mounts(own_id_only).and_then(|()| second()))
            }
            Ok(Some(init)) => {
                wait(init);
                Ok(())
            }
            Err(errno) => Err(report.refused(errno, None, || sys::unshare_is_filtered(libc::CLONE_NEWPID))),
        }
    }

    fn step_mounts(&self, own_id_only: bool) -> Outcome {
        session_keyring()?;
        let private = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let rbind = MsFlags::MS_BIND | MsFlags::MS_REC;
        root()?;
        if self.task.plan.process_sandbox {
            mounting(Step::Proc, Some("proc"), "step/proc", Some("proc"), private, None)?;
        } else {
            mounting(Step::Proc, Some("/proc"), "step/proc", None, rbind, None)?;
        }
        self.devpts(own_id_only)?;
        mounting(Step::Mqueue, Some("mqueue"), "step/dev/mqueue", Some("mqueue"), private, None)?;
        sysfs(private, rbind);
        pivot()?;
        if is_left_out(Step::Hostname) {
            return Ok(());
        }
        let report = Report::new(Step::Hostname, Instant::now());
        sethostname("buildkitsandbox").map_err(|errno| report.clone().refused(errno, None, sys::sethostname_is_filtered))?;
        report.worked(None);
        Ok(())
    }

    /// devpts on /dev/pts.
    fn devpts(&self, own_id_only: bool) -> Outcome {
        if is_left_out(Step::Devpts) {
            return Ok(());
        }
        let report = Report::new(Step::Devpts, Instant::now());
        // Group 5 is tty; a map of the own ID alone does not have it.
        const OPTIONS: &str = "newinstance,ptmxmode=0666,mode=0620";
        let with_group = format!("{OPTIONS},gid=5");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        let devpts = |options: &str| mount(Some("devpts"), "step/dev/pts", Some("devpts"), flags, Some(options));
        let done = match devpts(if own_id_only { OPTIONS } else { &with_group }) {
            // The range here is short; a builder's image brings its own.
            Err(nix::errno::Errno::EINVAL) if self.task.own_id_fallback => devpts(OPTIONS),
            done => done,
        };
        done.map_err(|errno| report.clone().refused(errno, None, sys::mount_is_filtered))?;
        report.worked(None);
        Ok(())
    }
}

/// The root of a build step is a mount, else it can't be pivoted into. Here it is a tmpfs too, as runc mounts
/// one on /dev: so all that is made in it goes with it.
fn root() -> Outcome {
    let report = Report::new(Step::Devpts, Instant::now());
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME;
    let mounted = mount(Some("tmpfs"), "step", Some("tmpfs"), flags, Some("mode=755,size=65536k"));
    let directories = ["step/proc", "step/sys", "step/dev", "step/dev/pts", "step/dev/mqueue"];
    mounted
        .and_then(|()| directories.iter().try_for_each(|directory| mkdir(*directory, Mode::S_IRWXU)))
        .map_err(|errno| report.refused(errno, Some("tmpfs".into()), sys::mount_is_filtered))
}

/// BuildKit gives a step a cgroup namespace on cgroup v2 alone: with the hierarchies of v1 runc may fail (moby/buildkit#4108).
fn has_cgroup_namespace() -> bool {
    let absent = |path: &str| Path::new(path).try_exists().is_ok_and(|exists| !exists);
    !absent("/proc/self/ns/cgroup") && !absent("/sys/fs/cgroup/cgroup.subtree_control")
}

/// Tells the steps that a filter would refuse to a build that ends before it comes to them: the keyring (containerd's
/// default), the host name (CRI-O's). A namespace that can't be had says nothing.
pub(super) fn tell_filters_ahead() {
    let started = Instant::now();
    let tell = |step| {
        Report::new(step, started).refused(nix::errno::Errno::EPERM, Some("tried ahead of its turn".into()), || true);
    };
    if sys::keyctl_is_filtered() && !is_left_out(Step::SessionKeyring) {
        tell(Step::SessionKeyring);
    }
    if unshare(CloneFlags::CLONE_NEWUTS).is_ok() && sys::sethostname_is_filtered() && !is_left_out(Step::Hostname) {
        tell(Step::Hostname);
    }
}

/// Makes so many namespaces more while all before are held: steps of two stages run at the same time, and the limits count each.
fn hold_and_make(step: Step, flag: CloneFlags, file: &str, more: usize) -> Outcome {
    if is_left_out(step) {
        return Ok(());
    }
    let mut held = Vec::with_capacity(more);
    for _ in 0..more {
        // An open file keeps the one that this process leaves.
        held.push(std::fs::File::open(format!("/proc/self/ns/{file}")));
        let report = Report::new(step, Instant::now());
        let detail = || Some("one for a second step at the same time".into());
        unshare(flag).map_err(|errno| report.clone().refused(errno, detail(), || sys::unshare_is_filtered(flag.bits())))?;
    }
    Ok(())
}

/// /sys, which BuildKit leaves out where it is rootless: nothing hangs on it.
fn sysfs(private: MsFlags, rbind: MsFlags) {
    if is_left_out(Step::Sysfs) {
        return;
    }
    let report = Report::new(Step::Sysfs, Instant::now());
    match mount(Some("sysfs"), "step/sys", Some("sysfs"), private | MsFlags::MS_RDONLY, None::<&str>) {
        Ok(()) => report.worked(None),
        Err(errno) => {
            let bound = mount(Some("/sys"), "step/sys", None::<&str>, rbind, None::<&str>);
            let detail = bound.map_or_else(|errno| format!("nor a bind mount: {}", errno.desc()), |()| "a bind mount works".to_owned());
            report.end(StepOutcome::FellBack, Some(errno), Some(detail));
        }
    }
}

/// runc gives each container a keyring of its own; it does without where the kernel has none.
fn session_keyring() -> Outcome {
    if is_left_out(Step::SessionKeyring) {
        return Ok(());
    }
    let report = Report::new(Step::SessionKeyring, Instant::now());
    match sys::join_session_keyring() {
        Ok(()) => report.worked(None),
        Err(nix::errno::Errno::ENOSYS) => report.worked(Some("the kernel has no keyrings".into())),
        Err(errno) => return Err(report.refused(errno, None, sys::keyctl_is_filtered)),
    }
    Ok(())
}

fn pivot() -> Outcome {
    if is_left_out(Step::PivotRoot) {
        return Ok(());
    }
    let report = Report::new(Step::PivotRoot, Instant::now());
    match chdir("step").and_then(|()| pivot_root(".", ".")) {
        Ok(()) => {
            let _ = umount2(".", MntFlags::MNT_DETACH);
            report.worked(None);
        }
        // The kernel's first root (initramfs) can't be pivoted away from. A container never has that one.
        Err(nix::errno::Errno::EINVAL) => report.end(StepOutcome::FellBack, Some(nix::errno::Errno::EINVAL), None),
        Err(errno) => return Err(report.refused(errno, None, sys::pivot_root_is_filtered)),
    }
    Ok(())
}
