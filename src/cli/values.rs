//! Values that arguments take: one of some by its id, and times. Names are in [`super::names`].

use crate::agent::LONGEST_PROBE;
use crate::fact::{Step, Tunable};
use crate::profile::Profile;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};
use std::ffi::OsStr;
use std::time::Duration;

/// One of some values by its id. Help and completions list the ids, and so does the refusal of another.
#[derive(Clone)]
pub(super) struct OneOf<T> {
    unknown: &'static str,
    ids: Vec<&'static str>,
    find: fn(&str) -> Option<T>,
}

impl<T> OneOf<T> {
    /// `find` knows each of the ids; `unknown` is what another one is called.
    pub(super) fn new(unknown: &'static str, ids: impl IntoIterator<Item = &'static str>, find: fn(&str) -> Option<T>) -> Self {
        OneOf { unknown, ids: ids.into_iter().collect(), find }
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let OneOf { unknown, ids, find } = self.clone();
        let parse = move |id: &str| find(id).ok_or_else(|| format!("{unknown} (one of {})", ids.join(", ")));
        parse.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.ids.iter().map(PossibleValue::new)))
    }
}

pub(super) const UNKNOWN_PROFILE: &str = "unknown profile";

/// Any profile.
pub(super) fn profile() -> OneOf<Profile> {
    OneOf::new(UNKNOWN_PROFILE, Profile::ALL.iter().map(|profile| profile.id()), |id| id.parse().ok())
}

/// A profile that a pod can prove.
pub(super) fn shape() -> OneOf<Profile> {
    let ids = Profile::ALL.iter().filter(|profile| profile.is_proven_by_a_pod()).map(|profile| profile.id());
    OneOf::new("not a profile that a pod proves", ids, |id| id.parse().ok().filter(|profile: &Profile| profile.is_proven_by_a_pod()))
}

/// A profile that has a canary.
pub(super) fn canary() -> OneOf<Profile> {
    let ids = Profile::CANARIES.iter().map(|profile| profile.id());
    OneOf::new("not a profile that has a canary", ids, |id| id.parse().ok().filter(|profile| Profile::CANARIES.contains(profile)))
}

/// A step of the probe.
pub(super) fn step() -> OneOf<Step> {
    OneOf::new("unknown step", Step::ALL.iter().map(|step| step.id()), |id| id.parse().ok())
}

/// A sysctl that `tune` may set, also with slashes, as sysctl.d(5) has it.
pub(super) fn sysctl() -> OneOf<Tunable> {
    OneOf::new("not a sysctl that may be set", Tunable::all().map(|sysctl| sysctl.name()), |name| name.parse().ok())
}

/// A number of seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.001 to 3600".into()),
    }
}

/// How many seconds a probe of the agent's may take.
pub(super) fn deadline(text: &str) -> Result<Duration, String> {
    seconds(text).ok().filter(|time| *time <= LONGEST_PROBE).ok_or_else(|| "a number of seconds from 0.001 to 60".into())
}

/// A time with its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    match parsed {
        Some(time) if (Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600)).contains(&time) => Ok(time),
        _ => Err("a time from 1s to 168h, such as 30s, 10m or 1h".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses each of the ids that are listed; the values.
    fn listed<T: Clone + Send + Sync + 'static>(one: &OneOf<T>) -> Vec<T> {
        one.ids.iter().map(|id| one.parse_ref(&Command::new("x"), None, OsStr::new(id)).expect("a listed value")).collect()
    }

    #[test]
    fn what_is_listed_is_taken_and_nothing_else() {
        assert_eq!(listed(&profile()), Profile::ALL);
        assert_eq!(listed(&shape()), [Profile::NoProcessSandbox, Profile::ProcMount, Profile::Userns]);
        assert_eq!(listed(&canary()), Profile::CANARIES);
        assert_eq!(listed(&step()), Step::ALL);
        assert!(listed(&sysctl()).into_iter().eq(Tunable::all()));
        for other in ["privileged", "rootful", "no-process-sandbox", "", "auto"] {
            assert!(canary().parse_ref(&Command::new("x"), None, OsStr::new(other)).is_err(), "{other}");
        }
        assert!(shape().parse_ref(&Command::new("x"), None, OsStr::new("rootful")).is_err());
        assert!(sysctl().parse_ref(&Command::new("x"), None, OsStr::new("user/max_user_namespaces")).is_ok());
    }
}
