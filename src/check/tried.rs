//! What was tried as a whole.

use super::row::{Check, Kind};
use crate::cause::Cause;

pub(super) const TRIAL: Check = Check {
    id: "trial-build",
    title: "real build",
    why: "With --prove build a builder's image is asked to build: what comes of it outranks the probe.",
    causes: &[Cause::BuildFailed],
    steps: &[],
    kind: Kind::Trial,
};

pub(super) const PROBE: Check = Check {
    id: "probe",
    title: "end of the probe",
    why: "A probe that was interrupted, or met a shortage of memory, processes or file descriptors, decides nothing.",
    causes: &[],
    steps: &[],
    kind: Kind::Probe,
};
