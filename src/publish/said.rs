use super::condition::Condition;
use super::event::Event;
use super::text::as_value;
use crate::check::Ready;
use crate::node::Key;
use crate::profile::Profile;
use std::collections::BTreeMap;

/// What one speaker has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) labels: BTreeMap<Key, String>,
    /// What the labels say of profiles, as values.
    pub(super) verdicts: BTreeMap<Profile, Ready>,
    pub(super) conditions: Vec<Condition>,
    /// What the default profile's condition should say besides.
    pub(super) note: String,
    /// Each with whether it came after the Node was last written.
    pub(super) events: Vec<(Event, bool)>,
}

impl Said {
    /// Says a label, where there is something that can stand in one.
    pub(super) fn label(&mut self, key: Key, value: Option<impl AsRef<str>>) {
        self.labels.extend(value.and_then(|value| as_value(value.as_ref())).map(|value| (key, value)));
    }

    /// Says the verdict of a profile.
    pub(super) fn verdict(&mut self, profile: Profile, ready: Ready) {
        self.verdicts.insert(profile, ready);
        self.label(Key::Verdict(profile), Some(ready.id()));
    }
}
