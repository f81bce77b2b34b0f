//! A probe under the real rootlesskit: its part is done by itself, the rest by our child under it.

use super::running::LAST_WORDS;
use super::{Request, start};
use crate::attempt::ending::Held;
use crate::attempt::leftovers::{is_numbered, sweep};
use crate::check::step_of;
use crate::fact::{End, MapSource, Probe, Step, StepOutcome, StepResult};
use crate::read::{bounded, temporary};
use std::path::Path;
use std::process::Command;

/// What its state dir is called, around this process's number.
const PREFIX: &str = "buildkit-preflight-";
const SUFFIX: &str = "-rootlesskit";

/// What rootlesskit does, in its order.
const STEPS: [Step; 6] = [Step::UserNamespace, Step::MountNamespace, Step::SubIdRange, Step::UidMap, Step::GidMap, Step::PrivateRoot];

/// Runs the probe under rootlesskit. If it fails where rootlesskit itself is at work, the same step is
/// done without it too: where that fails likewise, its own answer says more.
pub(super) fn run(request: &Request, uid: u32, rootlesskit: &Path, own: &Path) -> Probe {
    let _held = Held::new();
    // rootlesskit locks a file in it.
    let is_ours = |name: &str| is_numbered(name, PREFIX, SUFFIX);
    sweep(&temporary(), is_ours, "lock", false, |path| drop(std::fs::remove_dir_all(path)));
    let mut probe = request.probe(uid, rootlesskit);
    let mut command = Command::new(rootlesskit);
    // Where rootlesskit would make one, but known, so that it can be removed if rootlesskit does not come to it.
    let state = temporary().join(format!("{PREFIX}{}{SUFFIX}", std::process::id()));
    command.arg("--state-dir").arg(&state).arg(own).args(request.arguments()).arg("--under-rootlesskit");
    let words = start(command, &mut probe, request.deadline);
    bounded(LAST_WORDS, move || std::fs::remove_dir_all(state));
    if !probe.steps.is_empty() {
        let done = STEPS.map(worked);
        probe.steps.splice(..0, done);
        probe.map_source = Some(MapSource::Helpers);
        return probe;
    }
    let Some(failed) = step_of(&words).filter(|_| matches!(probe.end, End::NotRun(_))) else { return probe };
    let mut direct = request.probe(uid, own);
    let mut command = Command::new(own);
    command.args(request.arguments());
    start(command, &mut direct, request.deadline);
    if direct.failed().is_some_and(|direct| direct.step == failed.step) {
        return Probe { executable: probe.executable, ..direct };
    }
    probe.steps = STEPS.iter().take_while(|step| **step < failed.step).map(|step| worked(*step)).collect();
    probe.steps.push(failed);
    probe.end = End::Completed;
    probe
}

fn worked(step: Step) -> StepResult {
    StepResult { step, outcome: StepOutcome::Worked, errno: None, detail: None, filtered: None, micros: 0 }
}
