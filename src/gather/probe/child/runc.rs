//! What runc does for one RUN instruction.

use super::Probe;
use super::tell::{Outcome, Report, die_with_parent, is_refusal, leave, mounting, namespace, wait};
use crate::fact::{Builder, Step, StepOutcome};
use crate::gather::probe::sys;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::sethostname;
use std::path::Path;
use std::time::Instant;

impl Probe<'_> {
    /// runc, for one RUN instruction.
    pub(super) fn build_step(&self, own_id_only: bool) -> Outcome {
        die_with_parent();
        if self.task.plan.builder == Builder::Rootless {
            namespace(Step::StepMountNamespace, CloneFlags::CLONE_NEWNS)?;
        }
        namespace(Step::UtsNamespace, CloneFlags::CLONE_NEWUTS)?;
        namespace(Step::IpcNamespace, CloneFlags::CLONE_NEWIPC)?;
        if Path::new("/proc/self/ns/cgroup").exists() {
            namespace(Step::CgroupNamespace, CloneFlags::CLONE_NEWCGROUP)?;
        }
        if !self.task.plan.process_sandbox {
            return self.step_mounts(own_id_only);
        }
        let report = Report::new(Step::PidNamespace, Instant::now());
        let made = unshare(CloneFlags::CLONE_NEWPID).and_then(|()| sys::fork());
        match made {
            Ok(None) => {
                die_with_parent();
                report.worked(None);
                leave(self.step_mounts(own_id_only))
            }
            Ok(Some(init)) => {
                wait(init);
                Ok(())
            }
            Err(errno) => {
                let filtered = is_refusal(errno).then(|| sys::unshare_is_filtered(libc::CLONE_NEWPID));
                Err(report.filtered(filtered).failed(errno, None))
            }
        }
    }

    fn step_mounts(&self, own_id_only: bool) -> Outcome {
        let private = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let rbind = MsFlags::MS_BIND | MsFlags::MS_REC;
        if self.task.plan.process_sandbox {
            mounting(Step::Proc, Some("proc"), "step/proc", Some("proc"), private, None)?;
        } else {
            mounting(Step::Proc, Some("/proc"), "step/proc", None, rbind, None)?;
        }
        let dev = MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME;
        let tmpfs = Report::new(Step::Devpts, Instant::now());
        let made = mount(Some("tmpfs"), "step/dev", Some("tmpfs"), dev, Some("mode=755,size=65536k"));
        if let Err(errno) = made
            .and_then(|()| nix::unistd::mkdir("step/dev/pts", Mode::S_IRWXU))
            .and_then(|()| nix::unistd::mkdir("step/dev/mqueue", Mode::S_IRWXU))
        {
            return Err(tmpfs.filtered(is_refusal(errno).then(sys::mount_is_filtered)).failed(errno, Some("tmpfs".into())));
        }
        // Group 5 is tty; a map of the own ID alone does not have it.
        let devpts = if own_id_only { "newinstance,ptmxmode=0666,mode=0620" } else { "newinstance,ptmxmode=0666,mode=0620,gid=5" };
        mounting(Step::Devpts, Some("devpts"), "step/dev/pts", Some("devpts"), MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, Some(devpts))?;
        mounting(Step::Mqueue, Some("mqueue"), "step/dev/mqueue", Some("mqueue"), private, None)?;
        let sysfs = Report::new(Step::Sysfs, Instant::now());
        match mount(Some("sysfs"), "step/sys", Some("sysfs"), private | MsFlags::MS_RDONLY, None::<&str>) {
            Ok(()) => sysfs.worked(None),
            Err(errno) => {
                let bound = mount(Some("/sys"), "step/sys", None::<&str>, rbind, None::<&str>);
                let detail = bound.map_or_else(|errno| format!("nor a bind mount: {}", errno.desc()), |()| "a bind mount works".to_owned());
                sysfs.end(StepOutcome::FellBack, Some(errno), Some(detail));
            }
        }
        let report = Report::new(Step::Hostname, Instant::now());
        sethostname("buildkitsandbox").map_err(|errno| {
            let filtered = is_refusal(errno).then(sys::sethostname_is_filtered);
            report.clone().filtered(filtered).failed(errno, None)
        })?;
        report.worked(None);
        Ok(())
    }
}
