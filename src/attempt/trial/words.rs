//! Why a build failed, in its own words.

use crate::attempt::behave::{BETWEEN, HEAD};
use crate::behaviour::{Behaviour, find};
use crate::explain::step_of;
use crate::fact::{Errno, Stage, Step, StepOutcome, StepResult, TrialEnd};
use crate::text::shorten;
use std::path::Path;

/// What a log says of a failure. `runtime` is the directory of the sockets.
pub(super) fn failed(stage: Stage, log: &str, runtime: &Path) -> TrialEnd {
    match behaviours(log).as_slice() {
        [] => {
            let step = step_of(log).or_else(|| of_runtime(log, runtime));
            let spoken = step.as_ref().and_then(|step| step.detail.clone());
            TrialEnd::Failed { stage, step, error: spoken.unwrap_or_else(|| last_words(log)), behaviours: Vec::new() }
        }
        failed => of_behaviours(stage, failed),
    }
}

/// Some behaviours did not work, each with what was said of it: the first of them that a step of the probe stands for counts.
pub(super) fn of_behaviours(stage: Stage, failed: &[(&Behaviour, String)]) -> TrialEnd {
    let step = failed.iter().find_map(|(behaviour, said)| {
        let errno = Errno::in_text(said);
        let (step, detail) = (behaviour.step(errno)?, Some(shorten(said)));
        Some(StepResult { step, outcome: StepOutcome::Failed, errno, detail, filtered: None, micros: 0 })
    });
    let first = failed.first().map(|(behaviour, said)| format!("{}: {said}", behaviour.id)).unwrap_or_default();
    let others: Vec<_> = failed.iter().skip(1).map(|(behaviour, _)| behaviour.id).collect();
    let others = if others.is_empty() { String::new() } else { format!(" (also: {})", others.join(", ")) };
    let behaviours = failed.iter().map(|(behaviour, _)| behaviour.id.to_owned()).collect();
    TrialEnd::Failed { stage, step, error: shorten(&first) + &others, behaviours }
}

/// `#9 0.042 behaviour ID failed: what: ERRNO, text`, each once: BuildKit repeats the last lines of a step that failed.
fn behaviours(log: &str) -> Vec<(&'static Behaviour, String)> {
    let mut failed: Vec<(&Behaviour, String)> = Vec::new();
    for (behaviour, said) in log.lines().filter_map(said) {
        if !failed.iter().any(|(known, _)| known.id == behaviour.id) {
            failed.push((behaviour, said.to_owned()));
        }
    }
    failed
}

fn said(line: &str) -> Option<(&'static Behaviour, &str)> {
    let (id, said) = line.split_once(HEAD)?.1.split_once(BETWEEN)?;
    Some((find(id)?, said))
}

/// buildkitd names the directory in which it can't make its sockets.
fn of_runtime(log: &str, runtime: &Path) -> Option<StepResult> {
    let directory = runtime.to_str()?;
    let line = log.lines().rev().find(|line| line.contains(directory) && Errno::in_text(line).is_some())?;
    let (errno, detail) = (Errno::in_text(line), Some(shorten(line)));
    Some(StepResult { step: Step::RuntimeDir, outcome: StepOutcome::Failed, errno, detail, filtered: None, micros: 0 })
}

/// What the step that failed printed last (BuildKit repeats it between two rules, without its number); else the last error.
fn last_words(log: &str) -> String {
    let mut lines = log.lines().skip_while(|line| !line.starts_with(" > "));
    let printed = lines.by_ref().skip(1).take_while(|line| *line != RULE).filter(|line| !line.trim().is_empty());
    let printed = printed.last().map(without_time);
    let error = || log.lines().rev().find(|line| line.contains("error:") || line.contains("ERROR"));
    shorten(printed.or_else(error).or_else(|| log.lines().last()).unwrap_or("it ended without a message").trim())
}

/// `0.103 words`, as BuildKit repeats a line.
fn without_time(line: &str) -> &str {
    line.split_once(' ').filter(|(time, _)| time.parse::<f64>().is_ok()).map_or(line, |(_, words)| words)
}

/// What BuildKit prints above and below the last lines of a step.
const RULE: &str = "------";

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = (Option<(Step, Option<Errno>)>, String, Vec<String>);

    fn parts(log: &str) -> Parts {
        match failed(Stage::Run, log, Path::new("/run/user/1000/buildkit")) {
            TrialEnd::Failed { step, error, behaviours, .. } => (step.map(|step| (step.step, step.errno)), error, behaviours),
            end => panic!("{end:?}"),
        }
    }

    #[test]
    fn what_a_step_printed_last_is_the_reason() {
        let log = "#7 [2/3] RUN [\"/program\"]\n#7 0.103 runc run failed: unable to get cgroup freezer state: permission denied\n\
            #7 ERROR: process \"/program\" did not complete successfully: exit code: 1\n------\n > [2/3] RUN [\"/program\"]:\n\
            0.103 runc run failed: unable to get cgroup freezer state: permission denied\n------\nDockerfile:3\n\
            error: failed to solve: process \"/program\" did not complete successfully: exit code: 1\n";
        assert_eq!(parts(log), (None, "runc run failed: unable to get cgroup freezer state: permission denied".into(), vec![]));
    }

    #[test]
    fn a_step_that_printed_nothing_leaves_the_last_error() {
        let (step, error, _) = parts("------\n > importing cache:\n------\nerror: failed to solve: no route to host\n");
        assert_eq!((step, error.as_str()), (None, "error: failed to solve: no route to host"));
        assert_eq!(parts("").1, "it ended without a message");
    }

    #[test]
    fn behaviours_that_failed_are_named_once_and_the_first_that_the_probe_knows_decides() {
        let log = "#8 0.1 behaviour long-names failed: make a name of 240 bytes: ENAMETOOLONG, File name too long\n\
            #8 0.1 behaviour remove-directory failed: remove a directory of a lower layer: EIO, Input/output error\n\
            0.1 behaviour remove-directory failed: remove a directory of a lower layer: EIO, Input/output error\n";
        let (step, error, behaviours) = parts(log);
        assert_eq!(step, Some((Step::OverlayChange, Some(Errno::EIO))));
        assert_eq!(error, "long-names: make a name of 240 bytes: ENAMETOOLONG, File name too long (also: remove-directory)");
        assert_eq!(behaviours, ["long-names", "remove-directory"]);
    }

    #[test]
    fn a_directory_for_sockets_that_can_not_be_used_is_the_runtime_dir() {
        let (step, error, _) = parts("buildkitd: could not listen: mkdir /run/user/1000/buildkit: permission denied\n");
        assert_eq!(step, Some((Step::RuntimeDir, Some(Errno::EACCES))));
        assert!(error.contains("mkdir /run/user/1000"), "{error}");
    }
}
