//! What the node has to offer to builds. By hand, since procfs wants lines that gVisor leaves out, and for each number sysinfo
//! reads a file more, piece by piece.

use super::host::{CAPTURED, Host};
use crate::fact::{Capacity, Fact};

/// Reads the node's memory, and takes its CPUs from the text of /proc/stat.
pub(crate) fn gather(host: &Host, stat: &Fact<String>) -> Capacity {
    let meminfo = if host.is_live() { host.read_below("/proc/meminfo", "/proc") } else { Fact::Denied(CAPTURED.into()) };
    let memory = |name: &str| meminfo.clone().and_then(|text| bytes(&text, name).ok_or_else(|| format!("/proc/meminfo has no {name}")));
    let cpus = stat.clone().and_then(|text| match cpus(&text) {
        0 => Err("/proc/stat has no line for a CPU".into()),
        cpus => Ok(cpus),
    });
    Capacity { cpus, memory_bytes: memory("MemTotal"), memory_available_bytes: memory("MemAvailable") }
}

/// The CPUs that are on line: a line each, after the one that sums them up.
fn cpus(stat: &str) -> u64 {
    let is_cpu = |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    stat.lines().filter(is_cpu).count() as u64
}

/// A line of /proc/meminfo in bytes: what it calls kB are KiB.
fn bytes(meminfo: &str, name: &str) -> Option<u64> {
    let value = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cpu_has_a_line() {
        assert_eq!(cpus("cpu  165962 2421 42435\ncpu0 79812 1148\ncpu11 79812 1148\nintr 2794577 0\nctxt 4058986\n"), 2);
        let absent = gather(&Host::new(None), &Fact::Known("intr 1\n".into())).cpus;
        assert!(absent.unreadable().is_some(), "a text that does not tell");
    }

    #[test]
    fn memory_is_told_in_bytes() {
        let text = "MemTotal:       24684092 kB\nMemFree:        20348152 kB\nMemAvailable:   23059252 kB\nHugePages_Total:       0\n";
        assert_eq!(bytes(text, "MemTotal"), Some(24_684_092 * 1024));
        assert_eq!(bytes(text, "MemAvailable"), Some(23_059_252 * 1024));
        assert_eq!([bytes(text, "Mem"), bytes(text, "HugePages_Total"), bytes("MemTotal: x kB", "MemTotal")], [None; 3]);
        let live = gather(&Host::new(None), &Fact::Absent);
        assert!(live.memory_bytes.known() > live.memory_available_bytes.known());
        let captured = gather(&Host::new(Some("/".as_ref())), &Fact::Denied(CAPTURED.into()));
        assert!(captured.cpus.unreadable().is_some() && captured.memory_bytes.unreadable().is_some());
    }
}
