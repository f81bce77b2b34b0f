//! The least that shows a cause, for the tests.

use crate::fact::{Directory, Errno, Fact, Facts, IdMap, IdRange, Step};
use crate::profile::Profile;

/// One change to a healthy builder's pod.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) profile: Profile,
    pub(crate) failed: Option<(Step, Option<Errno>)>,
    pub(crate) change: fn(&mut Facts),
    /// What a log says, of a cause that no fact shows.
    pub(crate) log: Option<&'static str>,
}

impl Example {
    /// Facts that show the cause.
    pub(crate) const fn facts(change: fn(&mut Facts)) -> Self {
        Example { profile: Profile::NoProcessSandbox, failed: None, change, log: None }
    }

    /// The same for a pod of the profile procmount.
    pub(crate) const fn procmount(change: fn(&mut Facts)) -> Self {
        Example { profile: Profile::ProcMount, failed: None, change, log: None }
    }

    /// A step that fails where the facts are as they should be.
    pub(crate) const fn step(step: Step, errno: Errno) -> Self {
        Example { profile: Profile::NoProcessSandbox, failed: Some((step, Some(errno))), change: |_| {}, log: None }
    }

    /// A step that fails, and nobody tells with which error.
    pub(crate) const fn step_without_error(step: Step) -> Self {
        Example { profile: Profile::NoProcessSandbox, failed: Some((step, None)), change: |_| {}, log: None }
    }

    /// A log, where no fact shows the cause.
    pub(crate) const fn log(text: &'static str) -> Self {
        Example { log: Some(text), ..Example::facts(|_| {}) }
    }

    /// The same with other facts.
    pub(crate) const fn with(self, change: fn(&mut Facts)) -> Self {
        Example { change, ..self }
    }
}

/// A text as a fact, parsed.
pub(crate) fn known<T: TryFrom<String, Error = String>>(text: &str) -> Fact<T> {
    T::try_from(text.to_owned()).map_or_else(|why| Fact::Failed(why.into()), Fact::Known)
}

/// Gives a pod a user namespace of 65,536 IDs.
pub(crate) fn pod_user_namespace(facts: &mut Facts) {
    let map = || Fact::Known(IdMap(vec![IdRange { inside: 0, outside: 1_048_576, length: 65_536 }]));
    (facts.process.uid_map, facts.process.gid_map) = (map(), map());
}

/// A directory on a volume that is refused.
pub(crate) fn directory(path: &str, errno: Errno) -> Directory {
    Directory { path: path.into(), parent: None, owner: 0, group: 0, on_root: false, refused: Some(errno) }
}
