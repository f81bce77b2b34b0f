//! What a guard leaves for `kubectl describe pod`.

use super::{FindingReport, ProfileReport};
use crate::cause::Cause;
use crate::check::Outcome;
use crate::text::{line, shortened};

/// So many bytes of a termination message are kept (MaxContainerTerminationMessageLength in k8s.io/kubernetes/pkg/kubelet/container).
const LARGEST: usize = 4096;

/// Each cause with what was seen and what to do, the decisive one first.
pub fn guard_message(report: &ProfileReport) -> String {
    let parts = report.causes.iter().map(|cause| of_cause(*cause, report));
    let head = format!("This pod does not work as a builder of the profile {}.", report.profile);
    shortened(std::iter::once(head).chain(parts).collect::<Vec<_>>().join("\n"), LARGEST)
}

fn of_cause(cause: Cause, report: &ProfileReport) -> String {
    let mut named = report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail && finding.cause == Some(cause));
    // A fact says more than the step that it explains, and needs no title.
    let is_fact = |finding: &&FindingReport| finding.message.as_ref().is_some_and(|note| !note.is_step());
    let (fact, step) = (named.clone().find(is_fact), named.next());
    let finding = fact.or(step);
    let seen = match (fact, finding.and_then(|finding| finding.message.as_ref())) {
        (Some(_), Some(note)) => note.to_string(),
        (None, Some(note)) => format!("{}: {note}", cause.title()),
        (_, None) => cause.title().to_owned(),
    };
    let remedy = finding.and_then(|finding| finding.remedy.as_ref());
    let mut text = format!("{cause}: {}", line(&seen));
    // One line each, with nothing behind it: it may be a command to paste.
    if let Some(remedy) = remedy {
        text += &format!("\n  Fix: {}", line(&remedy.fix));
        for (word, more) in [("To keep it", &remedy.keep), ("Note", &remedy.note)] {
            text.extend(more.as_ref().map(|more| format!("\n  {word}: {}", line(more))));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::judge;
    use crate::check::testing::{facts_of, with_probe};
    use crate::fact::{CapSet, Errno, Fact, Facts, Step, Sysctl};
    use crate::profile::Profile;

    fn message(facts: &Facts) -> String {
        guard_message(&ProfileReport::new(judge(facts, Profile::NoProcessSandbox, None), facts))
    }

    #[test]
    fn each_cause_has_a_line_and_its_fix() {
        let facts = facts_of(&|facts| {
            facts.process.no_new_privs = Fact::Known(true);
            facts.process.bounding_set = Fact::Known(CapSet(0));
        });
        insta::assert_snapshot!(message(&with_probe(facts, Some((Step::UidMap, Errno::EPERM)))), @r"
        This pod does not work as a builder of the profile no-process-sandbox.
        caps-dropped: the capability bounding set lacks SETUID and SETGID
          Fix: set securityContext.capabilities to {drop: [ALL], add: [SETUID, SETGID]}
        no-new-privs: no_new_privs is set (allowPrivilegeEscalation: false)
          Fix: remove allowPrivilegeEscalation: false from the container's securityContext
        ");
    }

    #[test]
    fn what_else_is_to_be_known_follows_the_fix() {
        let facts = facts_of(&|facts| {
            facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0));
            facts.newuidmap = Fact::Absent;
        });
        insta::assert_snapshot!(message(&with_probe(facts, Some((Step::UserNamespace, Errno::EPERM)))), @r"
        This pod does not work as a builder of the profile no-process-sandbox.
        userns-clone0: kernel.unprivileged_userns_clone is 0
          Fix: sysctl -w kernel.unprivileged_userns_clone=1
          To keep it: echo 'kernel.unprivileged_userns_clone = 1' >> /etc/sysctl.d/60-userns.conf
          Note: on Bottlerocket, Talos and NixOS set the sysctl in the system's own settings
        idmap-helper: newuidmap is not on the PATH
          Fix: in the image: setcap cap_setuid=ep /usr/bin/newuidmap && setcap cap_setgid=ep /usr/bin/newgidmap
          Note: COPY from a local context loses file capabilities: set the capabilities with RUN in the final stage
        ");
    }

    #[test]
    fn a_message_has_no_more_than_the_kubelet_keeps_and_nothing_that_acts_on_a_terminal() {
        let facts = facts_of(&|facts| {
            facts.process.lsm_label = Fact::Known(format!("{}\u{1b}[31m (enforce)", "x".repeat(9000)));
        });
        let text = message(&with_probe(facts, Some((Step::UserNamespace, Errno::EACCES))));
        assert!(text.len() <= LARGEST && !text.contains('\u{1b}'), "{text}");
    }
}
