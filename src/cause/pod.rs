//! Causes by which Kubernetes does not give a pod what it asks for.

#[cfg(test)]
use super::example::{Example, known};
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Level, Row};
#[cfg(test)]
use crate::fact::{Fact, Sysctl};
use crate::fact::{IDMAPPED_TMPFS, unmasking, with_user_namespaces};

pub(super) const ROWS: &[Row] = &[YAMA, USER_NAMESPACES, PROC_MOUNT];

const YAMA: Row = Row {
    cause: Cause::Yama,
    title: "Yama stops the runtime from giving volumes to pods with a user namespace",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/yama.md"),
    remedy: |_| {
        Remedy::new(
            "set kernel.yama.ptrace_scope to 2 or less in the file that sets it at boot, and reboot: a running kernel can't leave 3",
        )
    },
    #[cfg(test)]
    example: Example::procmount(|facts| facts.sysctls.set(Sysctl::YamaPtraceScope, Fact::Known(3))),
};

const USER_NAMESPACES: Row = Row {
    cause: Cause::UsernsPodRuntime,
    title: "pods get no user namespace here",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/userns-pod-runtime.md"),
    remedy: |_| {
        let runtimes = with_user_namespaces();
        Remedy::new(format!("use nodes with Linux {IDMAPPED_TMPFS}, {runtimes}, and runc 1.2 or crun 1.9, or newer versions"))
    },
    #[cfg(test)]
    example: Example::procmount(|facts| facts.kernel = known("5.10.0-33-amd64")),
};

const PROC_MOUNT: Row = Row {
    cause: Cause::ProcmountRuntime,
    title: "the container runtime ignores procMount: Unmasked",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/procmount-runtime.md"),
    remedy: |_| {
        let (unmasking, namespaces) = (unmasking(), with_user_namespaces());
        let other = format!("hostUsers: false, which such a pod sets too, needs {namespaces} or newer");
        Remedy::new(format!("use nodes whose runtime honours procMount: {unmasking}; {other}")).note(
            "if this version should honour procMount: look for disable_proc_mount in containerd's configuration, and check the OCI runtime",
        )
    },
    #[cfg(test)]
    example: Example::procmount(|facts| facts.kubelet.runtime = known("cri-o://1.33.1")),
};
