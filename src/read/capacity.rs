use super::host::{CAPTURED, Host};
use crate::fact::{Capacity, Fact};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Asks for the node's memory and CPUs.
pub(crate) fn gather(host: &Host) -> Capacity {
    if !host.is_live() {
        return Capacity {
            cpus: Fact::Denied(CAPTURED.into()),
            memory_bytes: Fact::Denied(CAPTURED.into()),
            memory_available_bytes: Fact::Denied(CAPTURED.into()),
        };
    }
    let wanted = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()).with_cpu(CpuRefreshKind::nothing());
    let system = match System::new_with_specifics(wanted) {
        Ok(system) => system,
        Err(error) => {
            let failed = || Fact::Failed(format!("sysinfo: {error}").into());
            return Capacity { cpus: failed(), memory_bytes: failed(), memory_available_bytes: failed() };
        }
    };
    // sysinfo answers 0 where /proc does not tell; no machine has none of these.
    let positive = |value: u64, file: &str| match value {
        0 => Fact::Denied(format!("{file} does not tell").into()),
        value => Fact::Known(value),
    };
    Capacity {
        cpus: positive(system.cpus().len() as u64, "/proc/stat"),
        memory_bytes: positive(system.total_memory(), "/proc/meminfo"),
        memory_available_bytes: positive(system.available_memory(), "/proc/meminfo"),
    }
}
