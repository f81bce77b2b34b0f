//! A probe under the real rootlesskit: its part is done by itself, the rest by our child under it.

use super::running::LAST_WORDS;
use super::{Request, start};
use crate::attempt::ending::Held;
use crate::attempt::leftovers::{is_numbered, make, remove_left, sweep};
use crate::explain::step_of;
use crate::fact::{End, Errno, MapSource, Probe, Step, StepOutcome, StepResult};
use crate::read::{bounded, relative_temp_dir, temporary};
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
    if let Some(path) = relative_temp_dir() {
        // "state dir must be absolute"
        let mut probe = request.probe(uid, rootlesskit);
        let detail = Some(format!("TMPDIR is {path}, which is not an absolute path"));
        probe.steps = vec![StepResult { outcome: StepOutcome::Failed, errno: Some(Errno::EINVAL), detail, ..worked(Step::TempDir) }];
        return probe;
    }
    let is_ours = |name: &str| is_numbered(name, PREFIX, SUFFIX);
    sweep(&temporary(), is_ours, false, remove_unlocked);
    let mut probe = request.probe(uid, rootlesskit);
    let mut command = Command::new(rootlesskit);
    // Where rootlesskit would make one, but our own, so that it can be removed if rootlesskit does not come to it.
    let name = |attempt| temporary().join(format!("{PREFIX}{}-{attempt}{SUFFIX}", std::process::id()));
    // rootlesskit locks it itself, so our lock ends here.
    let state = match make(name) {
        Ok(made) => made.path,
        // rootlesskit makes its own there, first of all.
        Err(errno) => {
            probe.steps = vec![StepResult { outcome: StepOutcome::Failed, errno: Some(Errno(errno as i32)), ..worked(Step::TempDir) }];
            return probe;
        }
    };
    command.arg("--state-dir").arg(&state).arg(own).args(request.arguments()).arg("--under-rootlesskit");
    let words = start(command, &mut probe, request.deadline);
    // rootlesskit removes it too, and then the name may be another's.
    let remove = |path: &Path| {
        let _ = std::fs::remove_dir(path);
        remove_unlocked(path);
    };
    bounded(LAST_WORDS, move || remove_left(&state, false, remove));
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

/// Removes a state dir in which rootlesskit has locked its file, and does not hold that lock any more.
fn remove_unlocked(state: &Path) {
    if std::fs::File::open(state.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok()) {
        let _ = std::fs::remove_dir_all(state);
    }
}

fn worked(step: Step) -> StepResult {
    StepResult { step, outcome: StepOutcome::Worked, errno: None, detail: None, filtered: None, micros: 0 }
}
