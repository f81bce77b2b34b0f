//! What the facts say to a suspicion: a log names several causes, and these tell which of them it is.

use super::row::{Judgement, Kind};
use super::{CHECKS, Case, Note};
use crate::cause::Cause;
use crate::fact::Step;

/// How the facts stand to a cause that is suspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They show it.
    Shown(Note),
    /// They can't tell.
    Open,
    /// They speak against it.
    Excluded,
}

/// Asks the rows that name the cause and look at the step, or those that name it where no step is known.
pub fn standing(case: &Case, cause: Cause, step: Option<Step>) -> Standing {
    let asked = CHECKS.iter().filter(|row| row.causes.contains(&cause) && step.is_none_or(|step| row.steps.contains(&step)));
    let judged = asked.filter_map(|row| match row.kind {
        Kind::Fact { judge, .. } => Some(judge(case)),
        _ => None,
    });
    let mut standing = None;
    for judgement in judged {
        match judgement {
            Judgement::Fail(found, note) | Judgement::Warn(found, note) if found == cause => return Standing::Shown(note),
            Judgement::Unknown(_) => standing = Some(Standing::Open),
            // Another cause by the same row: this one is not ruled out.
            Judgement::Fail(..) | Judgement::Warn(..) | Judgement::Pass | Judgement::NotApplicable => {
                standing = standing.or(Some(Standing::Excluded));
            }
        }
    }
    standing.unwrap_or(Standing::Open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::facts_of;
    use crate::fact::{Fact, Facts, Seccomp, Sysctl};
    use crate::profile::Profile;

    fn standing_of(change: &dyn Fn(&mut Facts), cause: Cause, step: Option<Step>) -> Standing {
        let facts = facts_of(change);
        standing(&Case::new(&facts, Profile::NoProcessSandbox, None), cause, step)
    }

    #[test]
    fn facts_show_a_suspicion_or_speak_against_it_or_leave_it_open() {
        let clone = |value: Fact<u64>| {
            let change = move |facts: &mut Facts| facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, value.clone());
            standing_of(&change, Cause::UsernsClone0, Some(Step::UserNamespace))
        };
        assert!(matches!(clone(Fact::Known(0)), Standing::Shown(_)));
        assert_eq!(clone(Fact::Absent), Standing::Excluded);
        assert_eq!(clone(Fact::Denied("no /proc".into())), Standing::Open);
        let filtered = |facts: &mut Facts| facts.process.seccomp = Fact::Known(Seccomp::Filter);
        assert_eq!(standing_of(&filtered, Cause::Seccomp, Some(Step::Hostname)), Standing::Open);
        // No row of facts looks at this step for that cause.
        assert_eq!(standing_of(&|_| {}, Cause::LockedMountFlags, Some(Step::ReadOnlyRemount)), Standing::Open);
        assert_eq!(standing_of(&|_| {}, Cause::Emulation, None), Standing::Open);
    }
}
