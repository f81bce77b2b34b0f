//! What the messages of rootlesskit, runc and BuildKit speak of.

use crate::fact::{Errno, HELPERS, NO_USER_NAME, Step, StepOutcome, StepResult};
use crate::text::shorten;

/// Words of a message, and the step that they speak of. Their order matters: a message about newuidmap also names the file
/// it could not execute, and one about a mount in a build step also the namespace that it is in.
const MESSAGES: [(&str, Step); 17] = [
    ("creating a state directory", Step::TempDir),
    ("directory under /tmp", Step::TempDir),
    ("newuidmap ", Step::UidMap),
    ("newgidmap ", Step::GidMap),
    ("subuid", Step::SubIdRange),
    ("subgid", Step::SubIdRange),
    ("failed to share mount point", Step::PrivateRoot),
    ("failed to start the child", Step::UserNamespace),
    ("sethostname", Step::Hostname),
    ("error mounting \"proc\"", Step::Proc),
    ("mount proc:/proc", Step::Proc),
    ("error mounting \"devpts\"", Step::Devpts),
    ("error mounting \"mqueue\"", Step::Mqueue),
    ("session keyring", Step::SessionKeyring),
    ("failed to unshare remaining namespaces", Step::StepMountNamespace),
    ("pivot_root", Step::PivotRoot),
    ("unable to start container process: exec:", Step::Execute),
];

/// Whether these are a helper's words, and not the kernel's: Ubuntu's restriction does not stop newuidmap.
pub(super) fn is_helpers_own(step: &StepResult) -> bool {
    step.detail.as_ref().is_some_and(|words| HELPERS.iter().any(|name| words.contains(name)))
}

/// Whether newuidmap does not know whom it works for.
pub(super) fn says_no_user(step: &StepResult) -> bool {
    step.detail.as_ref().is_some_and(|words| words.contains(NO_USER_NAME))
}

/// The step that failed, by the messages. Parent and child of rootlesskit both complain, in no certain order; one that
/// says no more than that the other has ended is passed over.
pub(crate) fn step_of(words: &str) -> Option<StepResult> {
    let errors = words.lines().filter(|line| line.to_lowercase().contains("error"));
    let spoken_of = |message: &str| MESSAGES.iter().find(|row| message.contains(row.0)).map(|row| row.1);
    let (message, step) = errors.filter_map(|message| Some((message, spoken_of(message)?))).next()?;
    let detail = Some(shorten(message));
    Some(StepResult { step, outcome: StepOutcome::Failed, errno: Errno::in_text(message), detail, filtered: None, micros: 0 })
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
            let found = step_of(message).expect("a step");
            assert_eq!((found.step, found.errno), (step, errno), "{message}");
        }
        let both = "[rootlesskit:child ] error: failed to share mount point: /: permission denied\n[rootlesskit:parent] error: child exited: exit status 1\n";
        assert_eq!(step_of(both).map(|failed| failed.step), Some(Step::PrivateRoot));
        for (message, step) in [
            (
                "#6 0.1 runc run failed: unable to start container process: error during container init: error mounting \"proc\" to rootfs at \"/proc\": mount proc:/proc (via /proc/self/fd/6), flags: 0xe: operation not permitted",
                Step::Proc,
            ),
            (
                "ERROR: process \"/program\" did not complete: unable to start container process: error during container init: sethostname: operation not permitted",
                Step::Hostname,
            ),
            ("ERROR: runc run failed: unable to start container process: exec: \"/bin/sh\": permission denied", Step::Execute),
        ] {
            assert_eq!(step_of(&format!("ERROR: {message}")).map(|found| found.step), Some(step), "{message}");
        }
        assert!(step_of("[rootlesskit:child ] error: EOF").is_none());
        assert!(step_of("time=now level=warning msg=x").is_none());
    }
}
