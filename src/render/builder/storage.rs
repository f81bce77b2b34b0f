//! What a builder's state lies on.

use super::quantity::Quantity;
use minijinja::{Value, context};

/// What a builder's state lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The node's disk: the state goes with the pod.
    Disk,
    /// The node's memory, up to a size: the state goes with the pod.
    Memory(Quantity),
    /// A claim of each pod's own: the state outlives the pod.
    Claim {
        /// How large it is.
        size: Quantity,
        /// The storage class, other than the cluster's default.
        class: Option<String>,
    },
}

/// What a builder asks for beside its state, in MiB.
const MEMORY: u64 = 256;

impl Storage {
    /// The claim, if it is one.
    pub(super) fn claim(&self) -> Option<Value> {
        let Storage::Claim { size, class } = self else { return None };
        Some(context! { size => size.to_string(), class })
    }

    /// How large it is in memory, if it lies there.
    pub(super) fn memory(&self) -> Option<String> {
        let Storage::Memory(size) = self else { return None };
        Some(size.to_string())
    }

    /// The memory that the container asks for: files in memory are the container's.
    pub(super) fn request(&self) -> String {
        match self {
            Storage::Memory(size) => format!("{}Mi", MEMORY.saturating_add(size.bytes().div_ceil(1 << 20))),
            Storage::Disk | Storage::Claim { .. } => format!("{MEMORY}Mi"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_memory_are_asked_for_too() {
        let request = |size: &str| Storage::Memory(size.parse().expect("a size")).request();
        assert_eq!([request("4Gi"), request("1.5Gi"), request("100M")], ["4352Mi", "1792Mi", "352Mi"]);
        assert_eq!(Storage::Disk.request(), "256Mi");
    }
}
