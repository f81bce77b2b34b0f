//! How a node stands to a profile, for somebody who looks at all of them.

use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// What is known now of a profile on a node.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// Builders run there.
    Ready,
    /// They don't.
    NotReady,
    /// An agent looks, and can't tell.
    Unknown,
    /// No agent of ours vouches for anything there now.
    #[default]
    Silent,
}

impl State {
    /// All of them.
    pub const ALL: &'static [State] = <State as strum::VariantArray>::VARIANTS;

    /// As programs read it: `not-ready`.
    pub fn id(self) -> &'static str {
        self.into()
    }
}

/// As people read it: `not ready`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == State::NotReady { "not ready" } else { self.id() })
    }
}

/// Why no agent vouches for a node: what stands there, or where pods can be listed, what became of the agent's pod.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Silence {
    /// It has none of our labels, and it is not known why.
    NoLabels,
    /// The heartbeat is too old: nobody has written for too long.
    Stale,
    /// What stands there was put there by none of our agents.
    Stray,
    /// A label without its condition, or a condition without a time: it is not known how old it is.
    HalfWritten,
    /// The node does not run Linux, and no agent is sent there.
    NotLinux,
    /// No pod of the agent runs there.
    NoAgent,
    /// The pod of the agent does not start, or does not publish.
    AgentNotReady,
    /// The agent writes nothing, since no admission policy confines its account.
    NotConfined,
}

impl Silence {
    /// All of them.
    pub const ALL: &'static [Silence] = <Silence as strum::VariantArray>::VARIANTS;

    /// As programs read it: `no-agent`.
    pub fn id(self) -> &'static str {
        self.into()
    }

    /// Half a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Silence::NoLabels => "no agent has answered there",
            Silence::Stale => "the agent has not written for too long",
            Silence::Stray => "none of our agents has written what stands there",
            Silence::HalfWritten => "a label or a condition stands there without the other",
            Silence::NotLinux => "the node does not run Linux",
            Silence::NoAgent => "no pod of the agent is there",
            Silence::AgentNotReady => "the agent's pod is not ready",
            Silence::NotConfined => "no admission policy confines the agent, so it writes nothing",
        }
    }

    /// What to do.
    pub fn fix(self) -> Option<&'static str> {
        match self {
            Silence::NoLabels | Silence::NoAgent => {
                Some("let the agent's DaemonSet run there: look at its nodeSelector, its tolerations, and the node's taints")
            }
            Silence::Stale | Silence::AgentNotReady => Some("read the log and the events of the agent's pod on the node"),
            Silence::Stray => Some("`buildkit-preflight cleanup NODE`, or let the agent run there: it takes them off"),
            Silence::HalfWritten => Some("wait for the agent's next write, within about an hour, or restart its pod"),
            Silence::NotLinux => None,
            Silence::NotConfined => Some("apply the admission policy that `buildkit-preflight render agent` prints"),
        }
    }
}

/// How many nodes stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Builders run there.
    pub ready: usize,
    /// They don't.
    pub not_ready: usize,
    /// An agent can't tell.
    pub unknown: usize,
    /// Nobody vouches for anything.
    pub silent: usize,
}

impl Counts {
    /// One node more.
    pub fn add(&mut self, state: State) {
        *match state {
            State::Ready => &mut self.ready,
            State::NotReady => &mut self.not_ready,
            State::Unknown => &mut self.unknown,
            State::Silent => &mut self.silent,
        } += 1;
    }

    /// How many stand so.
    pub fn of(&self, state: State) -> usize {
        match state {
            State::Ready => self.ready,
            State::NotReady => self.not_ready,
            State::Unknown => self.unknown,
            State::Silent => self.silent,
        }
    }
}

/// Something for each profile. In JSON an object, by the profile's id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Profile, T>", into = "BTreeMap<Profile, T>")]
#[serde(bound(serialize = "T: Clone + Serialize", deserialize = "T: Default + Deserialize<'de>"))]
pub struct ByProfile<T>([T; Profile::ALL.len()]);

impl<T> ByProfile<T> {
    /// What a function gives for each.
    pub fn of(each: impl FnMut(Profile) -> T) -> Self {
        ByProfile(Profile::ALL.map(each))
    }

    /// That of one.
    pub fn get(&self, profile: Profile) -> &T {
        &self.0[profile as usize]
    }

    /// That of one, to change it.
    pub fn get_mut(&mut self, profile: Profile) -> &mut T {
        &mut self.0[profile as usize]
    }

    /// All, in the order of the profiles.
    pub fn iter(&self) -> impl Iterator<Item = (Profile, &T)> {
        Profile::ALL.into_iter().zip(&self.0)
    }
}

impl<T: Default> From<BTreeMap<Profile, T>> for ByProfile<T> {
    fn from(mut map: BTreeMap<Profile, T>) -> Self {
        ByProfile::of(|profile| map.remove(&profile).unwrap_or_default())
    }
}

impl<T> From<ByProfile<T>> for BTreeMap<Profile, T> {
    fn from(all: ByProfile<T>) -> Self {
        Profile::ALL.into_iter().zip(all.0).collect()
    }
}

impl<T: JsonSchema> JsonSchema for ByProfile<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ByProfile_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_its_own_and_an_id_in_json() {
        let mut all: ByProfile<Counts> = ByProfile::default();
        all.get_mut(Profile::ProcMount).add(State::NotReady);
        let json = serde_json::to_value(&all).expect("JSON");
        assert_eq!(json["procmount"]["notReady"], 1);
        assert_eq!(json["rootful"]["notReady"], 0);
        assert_eq!(serde_json::from_value::<ByProfile<Counts>>(json).expect("the same"), all);
    }

    #[test]
    fn words_are_those_of_labels() {
        assert_eq!(State::ALL.iter().map(|state| state.id()).collect::<Vec<_>>(), ["ready", "not-ready", "unknown", "silent"]);
        for silence in Silence::ALL {
            assert_eq!(serde_json::to_value(silence).expect("a word"), silence.id());
        }
    }
}
