//! What must be seen before `ready` is published.

use crate::check::{Evidence, Ready, Verdict};

/// The least evidence on which `ready` is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// The probe ran in the builder's pod shape: what the contract says.
    Proven,
    /// It ran anywhere: for an agent that stands outside of a pod.
    Probed,
}

impl Accept {
    /// What is published of a verdict: a `ready` that nobody has seen is not one.
    pub fn of(self, verdict: &Verdict) -> Ready {
        match (verdict.ready(), verdict.evidence, self) {
            (Ready::Ready, Evidence::Predicted, _) | (Ready::Ready, Evidence::Probed, Accept::Proven) => Ready::Unknown,
            (ready, ..) => ready,
        }
    }
}
