//! Values that arguments take: one of some by its id, and times. Names are in [`super::names`].

use crate::agent::LONGEST_PROBE;
use crate::fact::{Snapshotter, Step, Tunable};
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
        let parse = move |id: &str| {
            find(id).ok_or_else(|| {
                let list = if id.contains(',') { ": no list is taken, so repeat the option for each" } else { "" };
                format!("{unknown}{list} (one of {})", ids.join(", "))
            })
        };
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

/// A profile that has a canary.
pub(super) fn canary() -> OneOf<Profile> {
    let ids = Profile::CANARIES.iter().map(|profile| profile.id());
    OneOf::new("not a profile that has a canary", ids, |id| id.parse().ok().filter(|profile| Profile::CANARIES.contains(profile)))
}

/// A step of the probe.
pub(super) fn step() -> OneOf<Step> {
    OneOf::new("unknown step", Step::ALL.iter().map(|step| step.id()), |id| id.parse().ok())
}

/// A snapshotter of buildkitd.
pub(super) fn snapshotter() -> OneOf<Snapshotter> {
    OneOf::new("unknown snapshotter", Snapshotter::ALL.iter().map(|snapshotter| snapshotter.id()), |id| id.parse().ok())
}

/// A sysctl that `tune` may set, also with slashes, as sysctl.d(5) has it.
pub(super) fn sysctl() -> OneOf<Tunable> {
    OneOf::new("not a sysctl that may be set", Tunable::all().map(|sysctl| sysctl.name()), |name| name.parse().ok())
}

/// A time with its unit, from a least to a most.
#[derive(Clone)]
pub(crate) struct Time {
    least: Duration,
    most: Duration,
    /// The bounds and an example, as they are written.
    range: &'static str,
}

impl TypedValueParser for Time {
    type Value = Duration;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Duration, clap::Error> {
        let Time { least, most, range } = self.clone();
        let parse = move |text: &str| match text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok()) {
            Some(time) if (least..=most).contains(&time) => Ok(time),
            None if is_number(text) => Err(format!("a time needs a unit: write {text}s")),
            _ => Err(format!("a time must be {range}")),
        };
        parse.parse_ref(command, argument, value)
    }
}

/// Whether a text is a short number without a unit.
fn is_number(text: &str) -> bool {
    text.len() <= 8 && text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|c| c.is_ascii_digit() || c == b'.')
}

/// How long a probe of `check` may take.
pub(crate) fn deadline() -> Time {
    Time { least: Duration::from_millis(1), most: Duration::from_secs(3600), range: "from 1ms to 1h, such as 500ms, 10s or 2m" }
}

/// How long a probe of the agent may take.
pub(crate) fn agent_deadline() -> Time {
    Time { least: Duration::from_millis(1), most: LONGEST_PROBE, range: "from 1ms to 60s, such as 500ms or 10s" }
}

/// How long a build may take, or be waited for.
#[cfg(feature = "cli")]
pub(crate) fn build_time() -> Time {
    Time { least: Duration::from_secs(1), most: Duration::from_secs(24 * 3600), range: "from 1s to 24h, such as 90s, 30m or 2h" }
}

/// How often the agent does something.
pub(crate) fn period() -> Time {
    Time { least: Duration::from_secs(1), most: Duration::from_secs(7 * 24 * 3600), range: "from 1s to 168h, such as 30s, 10m or 1h" }
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
        assert_eq!(listed(&canary()), Profile::CANARIES);
        assert_eq!(listed(&step()), Step::ALL);
        assert!(listed(&sysctl()).into_iter().eq(Tunable::all()));
        for other in ["no-process-sandbox", "", "auto"] {
            assert!(canary().parse_ref(&Command::new("x"), None, OsStr::new(other)).is_err(), "{other}");
        }
        let list = profile().parse_ref(&Command::new("x"), None, OsStr::new("procmount,userns")).expect_err("a list").to_string();
        assert!(list.contains("unknown profile: no list is taken, so repeat the option for each (one of "), "{list}");
        assert!(sysctl().parse_ref(&Command::new("x"), None, OsStr::new("user/max_user_namespaces")).is_ok());
    }
    #[test]
    fn a_time_has_a_unit_and_is_within_its_bounds() {
        let parse = |time: Time, text: &str| {
            time.parse_ref(&Command::new("x"), None, OsStr::new(text)).map_err(|error| error.to_string().lines().next().map(str::to_owned))
        };
        for (text, milliseconds) in [("10s", 10_000), ("500ms", 500), ("0.5s", 500), ("2m", 120_000), ("1h", 3_600_000), ("1m30s", 90_000)]
        {
            assert_eq!(parse(deadline(), text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(parse(period(), "168h"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse(agent_deadline(), "60s"), Ok(LONGEST_PROBE));
        for text in ["10", "0.5", "0"] {
            let error = parse(deadline(), text).expect_err("a bare number").unwrap_or_default();
            assert!(error.contains(&format!("write {text}s")), "{error}");
        }
        for text in ["", "soon", "-1s", "0s", "1h1s", "1e999", "inf", "nan", "99999999999999999999h", "10 parsecs", "P1Y"] {
            let error = parse(deadline(), text).expect_err("not a time").unwrap_or_default();
            assert!(error.contains("from 1ms to 1h") || error.contains("a value is required"), "{text}: {error}");
        }
        assert!(parse(period(), "500ms").is_err() && parse(period(), "169h").is_err() && parse(agent_deadline(), "61s").is_err());
    }
}
