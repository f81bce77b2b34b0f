//! What the node has to offer to builds: its memory, by sysinfo, and its CPUs, from a text that is read anyway.

use super::host::{CAPTURED, Host};
use crate::fact::{Capacity, Fact};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Asks for the node's memory, and takes its CPUs from the text of /proc/stat.
pub(crate) fn gather(host: &Host, stat: &Fact<String>) -> Capacity {
    // sysinfo would read each CPU's files in /sys for a number that stands in /proc/stat.
    let cpus = stat.clone().and_then(|text| match cpus(&text) {
        0 => Err("/proc/stat has no line for a CPU".into()),
        cpus => Ok(cpus),
    });
    if !host.is_live() {
        let captured = || Fact::Denied(CAPTURED.into());
        return Capacity { cpus, memory_bytes: captured(), memory_available_bytes: captured() };
    }
    match System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram())) {
        Ok(system) => Capacity { cpus, memory_bytes: told(system.total_memory()), memory_available_bytes: told(system.available_memory()) },
        Err(error) => {
            let failed = || Fact::Failed(format!("sysinfo: {error}").into());
            Capacity { cpus, memory_bytes: failed(), memory_available_bytes: failed() }
        }
    }
}

/// sysinfo answers 0 where /proc does not tell; no machine has none.
fn told(bytes: u64) -> Fact<u64> {
    match bytes {
        0 => Fact::Denied("not in /proc/meminfo".into()),
        bytes => Fact::Known(bytes),
    }
}

/// The CPUs that are on line: a line each, after the one that sums them up.
fn cpus(stat: &str) -> u64 {
    let is_cpu = |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    stat.lines().filter(is_cpu).count() as u64
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
    fn memory_is_told_of_a_live_machine_alone() {
        let live = gather(&Host::new(None), &Fact::Absent);
        assert!(live.memory_bytes.known() > live.memory_available_bytes.known());
        let captured = gather(&Host::new(Some("/".as_ref())), &Fact::Denied(CAPTURED.into()));
        assert!(captured.cpus.unreadable().is_some() && captured.memory_bytes.unreadable().is_some());
    }
}
