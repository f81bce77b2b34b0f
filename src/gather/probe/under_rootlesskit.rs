//! A probe under the real rootlesskit: its part is done by itself, the rest by our child under it.

use super::running::LAST_WORDS;
use super::{Request, start};
use crate::fact::{End, Errno, MapSource, Probe, Step, StepOutcome, StepResult};
use crate::gather::{host, state_dir};
use std::path::Path;
use std::process::Command;

/// What rootlesskit does, in its order.
const STEPS: [Step; 6] = [Step::UserNamespace, Step::MountNamespace, Step::SubIdRange, Step::UidMap, Step::GidMap, Step::PrivateRoot];

/// Words of rootlesskit's messages, and the step that they speak of. Their order matters: a message
/// about newuidmap also names the file it could not execute.
const MESSAGES: [(&str, Step); 6] = [
    ("newuidmap ", Step::UidMap),
    ("newgidmap ", Step::GidMap),
    ("subuid", Step::SubIdRange),
    ("subgid", Step::SubIdRange),
    ("failed to share mount point", Step::PrivateRoot),
    ("failed to start the child", Step::UserNamespace),
];

/// Runs the probe under rootlesskit. If it fails where rootlesskit itself is at work, the same step is
/// done without it too: where that fails likewise, its own answer says more.
pub(super) fn run(request: &Request, uid: u32, rootlesskit: &Path, own: &Path) -> Probe {
    let mut probe = request.probe(uid, rootlesskit);
    let mut command = Command::new(rootlesskit);
    // Where rootlesskit would make one, but known, so that it can be removed if rootlesskit does not come to it.
    let state = state_dir::temporary().join(format!("buildkit-preflight-{}-rootlesskit", std::process::id()));
    command.arg("--state-dir").arg(&state).arg(own).args(request.arguments()).arg("--under-rootlesskit");
    let words = start(command, &mut probe, request.deadline);
    host::bounded(LAST_WORDS, move || std::fs::remove_dir_all(state));
    if !probe.steps.is_empty() {
        let done = STEPS.map(|step| result(step, StepOutcome::Worked, None, None));
        probe.steps.splice(..0, done);
        probe.map_source = Some(MapSource::Helpers);
        return probe;
    }
    let Some(failed) = failure(&words).filter(|_| matches!(probe.end, End::NotRun(_))) else { return probe };
    let mut direct = request.probe(uid, own);
    let mut command = Command::new(own);
    command.args(request.arguments());
    start(command, &mut direct, request.deadline);
    if direct.failed().is_some_and(|direct| direct.step == failed.step) {
        return Probe { executable: probe.executable, ..direct };
    }
    probe.steps = STEPS.iter().take_while(|step| **step < failed.step).map(|step| result(*step, StepOutcome::Worked, None, None)).collect();
    probe.steps.push(failed);
    probe.end = End::Completed;
    probe
}

/// The step that rootlesskit's messages speak of. Parent and child both complain, in no certain
/// order; the one that says no more than that the other has ended is passed over.
fn failure(words: &str) -> Option<StepResult> {
    let errors = words.lines().filter(|line| line.contains("error"));
    let spoken_of = |message: &str| MESSAGES.iter().find(|row| message.contains(row.0)).map(|row| row.1);
    let (message, step) = errors.filter_map(|message| Some((message, spoken_of(message)?))).next()?;
    Some(result(step, StepOutcome::Failed, Errno::in_text(message), Some(host::shorten(message))))
}

fn result(step: Step, outcome: StepOutcome, errno: Option<Errno>, detail: Option<String>) -> StepResult {
    StepResult { step, outcome, errno, detail, filtered: None, micros: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rootlesskits_messages_name_the_step_and_the_error() {
        for (message, step, errno) in [
            (
                "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted",
                Step::UserNamespace,
                Some(Errno::EPERM),
            ),
            (
                "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: no space left on device",
                Step::UserNamespace,
                Some(Errno::ENOSPC),
            ),
            (
                "[rootlesskit:parent] error: failed to setup UID/GID map: newuidmap 25 [0 1000 1 1 100000 65536] failed: newuidmap: write to uid_map failed: Operation not permitted\n: exit status 1",
                Step::UidMap,
                Some(Errno::EPERM),
            ),
            (
                "[rootlesskit:parent] error: failed to setup UID/GID map: failed to compute uid/gid map: no subuid ranges found for user 1000 (\"user\")",
                Step::SubIdRange,
                None,
            ),
            ("[rootlesskit:child ] error: failed to share mount point: /: permission denied", Step::PrivateRoot, Some(Errno::EACCES)),
        ] {
            let found = failure(message).expect("a step");
            assert_eq!((found.step, found.errno), (step, errno), "{message}");
        }
        let both = "[rootlesskit:child ] error: failed to share mount point: /: permission denied\n[rootlesskit:parent] error: child exited: exit status 1\n";
        assert_eq!(failure(both).map(|failed| failed.step), Some(Step::PrivateRoot));
        assert!(failure("[rootlesskit:child ] error: EOF").is_none());
        assert!(failure("time=now level=warning msg=x").is_none());
    }
}
