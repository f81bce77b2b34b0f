use super::host::Host;
use crate::fact::{Asked, CapSet, Errno, Fact, IdMap, Namespace, Process, Seccomp};

/// The inodes of the first namespaces (PROC_PID_INIT_INO, PROC_IPC_INIT_INO in include/linux/proc_ns.h).
const FIRST_NAMESPACES: [&str; 2] = ["pid:[4026531836]", "ipc:[4026531839]"];

/// Reads what the kernel allows this process, beside what was asked for.
pub(crate) fn gather(host: &Host, asked: Option<Asked>) -> Process {
    let asked = |what: fn(Asked) -> bool| asked.map(what).map_or_else(Fact::default, Fact::Known);
    let status = host.read_below("/proc/self/status", "/proc/self");
    let field = |name: &str| -> Fact<String> {
        status.clone().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned()).ok_or_else(|| format!("/proc/self/status has no line {name}"))
        })
    };
    let id_map =
        |file: &str| host.read_below(file, "/proc/self").and_then(|text| IdMap::parse(&text).map_err(|why| format!("{file}: {why}")));
    let namespace = |kind: &str| {
        host.link_below(&format!("/proc/self/ns/{kind}"), "/proc/self").and_then(|link| match FIRST_NAMESPACES.contains(&link.as_str()) {
            true => Ok(Namespace::Initial),
            false => Ok(Namespace::Own),
        })
    };
    Process {
        uid: field("Uid").and_then(|ids| {
            let effective = ids.split_whitespace().nth(1).and_then(|id| id.parse().ok());
            effective.ok_or_else(|| format!("/proc/self/status: Uid is {ids:?}"))
        }),
        pid_namespace: namespace("pid"),
        ipc_namespace: namespace("ipc"),
        uid_map: id_map("/proc/self/uid_map"),
        gid_map: id_map("/proc/self/gid_map"),
        seccomp: field("Seccomp").and_then(|mode| match mode.as_str() {
            "0" => Ok(Seccomp::Disabled),
            "1" => Ok(Seccomp::Strict),
            "2" => Ok(Seccomp::Filter),
            other => Err(format!("/proc/self/status: Seccomp is {other:?}")),
        }),
        no_new_privs: field("NoNewPrivs").and_then(|bit| match bit.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            other => Err(format!("/proc/self/status: NoNewPrivs is {other:?}")),
        }),
        bounding_set: field("CapBnd").and_then(CapSet::try_from),
        lsm_label: lsm_label(host),
        asked_unconfined: asked(|asked| asked.unconfined),
        asked_user_namespace: asked(|asked| asked.user_namespace),
        asked_unmasked_proc: asked(|asked| asked.unmasked_proc),
    }
}

/// Where no security module answers, the kernel refuses the read itself with EINVAL.
fn lsm_label(host: &Host) -> Fact<String> {
    match host.read_below("/proc/self/attr/current", "/proc/self") {
        Fact::Failed(why) if why.errno == Some(Errno::EINVAL) => Fact::Absent,
        read => match read.and_then(|label| Ok(label.trim_matches(['\0', '\n', ' ']).to_owned())) {
            Fact::Known(label) if label.is_empty() => Fact::Absent,
            other => other,
        },
    }
}
