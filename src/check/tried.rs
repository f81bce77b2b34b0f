//! What was tried as a whole.

use super::answer::{Outcome, Verdict};
use super::row::{Check, Kind};
use crate::cause::Cause;

pub(super) const TRIAL: Check = Check {
    id: "trial-build",
    title: "real build",
    why: "With --prove build the programs of a builder's image run a real build. Its result outranks the probe, but for what it does not try: steps of two stages at the same time, and files in a directory of another user.",
    causes: &[Cause::BuildFailed],
    steps: &[],
    kind: Kind::Trial,
};

pub(super) const PROBE: Check = Check {
    id: "probe",
    title: "end of the probe",
    why: "A probe decides nothing if it was interrupted, or ran out of memory, processes or file descriptors.",
    causes: &[],
    steps: &[],
    kind: Kind::Probe,
};

impl Verdict {
    /// Whether a real build worked.
    pub fn has_built(&self) -> bool {
        self.findings.iter().any(|finding| finding.check == TRIAL.id && finding.outcome == Outcome::Pass)
    }
}
