use super::host::Host;
use super::mounts::{Mounts, root_propagation};
use super::status::Confinement;
use super::{BY_FACTS_ALONE, max_processes};
use crate::fact::{Asked, Errno, Fact, IdMap, Namespace, Process};

/// The inodes of the first namespaces (PROC_PID_INIT_INO, PROC_IPC_INIT_INO in include/linux/proc_ns.h).
const FIRST_NAMESPACES: [&str; 2] = ["pid:[4026531836]", "ipc:[4026531839]"];

/// Reads what the kernel allows this process, beside what was asked for.
pub(crate) fn gather(host: &Host, mounts: &Mounts, asked: Option<Asked>, all: bool) -> Process {
    let asked = |what: fn(Asked) -> bool| asked.map(what).map_or_else(Fact::default, Fact::Known);
    let status = host.read_below("/proc/self/status", "/proc/self").and_then(|text| Ok(Confinement::parse(&text)));
    // By hand: procfs has nothing for uid_map and gid_map.
    let id_map =
        |file: &str| host.read_below(file, "/proc/self").and_then(|text| IdMap::parse(&text).map_err(|why| format!("{file}: {why}")));
    // By hand: procfs' `namespaces` asks for the inode behind each link, and a captured tree has the links alone.
    let namespace = |kind: &str| {
        host.link_below(&format!("/proc/self/ns/{kind}"), "/proc/self").and_then(|link| match FIRST_NAMESPACES.contains(&link.as_str()) {
            true => Ok(Namespace::Initial),
            false => Ok(Namespace::Own),
        })
    };
    Process {
        uid: status.clone().and_then(|status| status.uid),
        pid_namespace: namespace("pid"),
        ipc_namespace: namespace("ipc"),
        uid_map: id_map("/proc/self/uid_map"),
        gid_map: id_map("/proc/self/gid_map"),
        seccomp: status.clone().and_then(|status| status.seccomp),
        no_new_privs: status.clone().and_then(|status| status.no_new_privs),
        bounding_set: status.and_then(|status| status.bounding_set),
        lsm_label: lsm_label(host),
        max_processes: if all { max_processes(host) } else { Fact::Denied(BY_FACTS_ALONE.into()) },
        root_propagation: root_propagation(mounts),
        asked_unconfined: asked(|asked| asked.unconfined),
        asked_user_namespace: asked(|asked| asked.user_namespace),
        asked_unmasked_proc: asked(|asked| asked.unmasked_proc),
    }
}

/// Where no security module answers, the kernel refuses the read itself with EINVAL. procfs has nothing for it.
fn lsm_label(host: &Host) -> Fact<String> {
    match host.read_below("/proc/self/attr/current", "/proc/self") {
        Fact::Failed(why) if why.errno == Some(Errno::EINVAL) => Fact::Absent,
        read => match read.and_then(|label| Ok(label.trim_matches(['\0', '\n', ' ']).to_owned())) {
            Fact::Known(label) if label.is_empty() => Fact::Absent,
            other => other,
        },
    }
}
