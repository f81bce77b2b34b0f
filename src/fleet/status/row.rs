//! A Node, as a row of the list.

use super::model::{FleetNode, Standing};
use super::rules::Rules;
use super::sum::{NO_CANDIDATE, NO_POOL, UNASKED};
use super::word::{Text, Words, kebab};
use super::{silence, state::ByProfile, state::Silence, state::State};
use crate::cause::{Cause, remedy};
use crate::check::Ready;
use crate::fact::Facts;
use crate::node::{ConditionType, Key, MESSAGE_BYTES, Node, StandingCondition, View};
use crate::profile::Profile;
use crate::publish::{fix_in, next_in};
use crate::text::shortened;

impl FleetNode {
    /// Reads a Node. All that is kept of it is here.
    pub fn new(node: Node, rules: &Rules, words: &mut Words) -> Self {
        let pool = rules.pool(&node).map_or_else(|| NO_POOL.to_owned(), |pool| pool.to_string());
        let machine = node.machine();
        let mut row = FleetNode {
            pool: words.of(&bounded(&pool)),
            os: words.of(&bounded(machine.os)),
            kernel: words.of(&bounded(machine.kernel)),
            kubelet: words.of(&bounded(machine.kubelet)),
            runtime: words.of(&bounded(machine.runtime)),
            kubelet_ready: words.of_some(machine.ready.map(bounded).as_deref()),
            ..FleetNode::default()
        };
        let view = View::new(node, &rules.prefix);
        row.name = bounded(&view.name).as_str().into();
        row.created = words.of_some(view.created.as_deref());
        row.cordoned = view.scheduling.is_cordoned;
        let own = standing(&view, Profile::NoProcessSandbox, None, rules, words);
        row.profiles = ByProfile::of(|profile| match profile {
            Profile::NoProcessSandbox => own.clone(),
            other => standing(&view, other, Some(&own), rules, words),
        });
        row.silent_because = own.silent_because;
        row.silent_text = own.silent_because.map(|because| words.of(&silence::text(because, &view, rules.now)));
        row
    }
}

/// What others may make as long as they like.
fn bounded(text: &str) -> String {
    shortened(text, MESSAGE_BYTES)
}

/// How a node stands to a profile. `own` is how it stands to the default one, whose agent speaks where no canary does.
fn standing(view: &View, profile: Profile, own: Option<&Standing>, rules: &Rules, words: &mut Words) -> Standing {
    let label = view.label(Key::Verdict(profile));
    let mut standing = Standing { label: label.map(|label| words.of(&bounded(label))), ..Standing::default() };
    if let Some(because) = silence::of(view, profile, rules) {
        standing.silent_because = Some(because);
        let condition = view.condition(ConditionType::of(profile)).filter(|_| because == Silence::Stale);
        if let Some(condition) = condition {
            say(&mut standing, view, condition, words);
        }
        return standing;
    }
    match (view.condition(ConditionType::of(profile)), own) {
        (Some(condition), _) => {
            say(&mut standing, view, condition, words);
            standing.verdict = state(view.verdict(profile));
        }
        // Nothing but the agent's own word stands there, or none.
        (None, Some(own)) if own.verdict == State::Silent => standing.silent_because = own.silent_because,
        (None, own) => {
            standing.verdict = state(view.verdict(profile));
            standing.heartbeat = own.and_then(|own| own.heartbeat.clone());
            let word = if view.is_candidate(profile) || !profile.needs_proof() { UNASKED } else { NO_CANDIDATE };
            standing.cause = (standing.verdict == State::Unknown).then(|| words.of(word));
        }
    }
    standing
}

fn state(verdict: Option<Ready>) -> State {
    match verdict {
        Some(Ready::Ready) => State::Ready,
        Some(Ready::NotReady) => State::NotReady,
        Some(Ready::Unknown) | None => State::Unknown,
    }
}

/// What a condition of ours says.
fn say(standing: &mut Standing, view: &View, condition: &StandingCondition, words: &mut Words) {
    let message = bounded(&condition.message);
    let is_ready = standing.label.as_deref() == Some(Ready::Ready.id());
    let id = kebab(&condition.reason);
    let cause: Option<Cause> = id.parse().ok();
    let is_word = id.len() <= crate::node::REASON_BYTES && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !id.is_empty();
    standing.cause = (!is_ready && is_word).then(|| words.of(&id));
    standing.fix = match (fix_in(&message), cause) {
        _ if is_ready => None,
        (Some(fix), _) => Some(words.of(fix)),
        (None, Some(cause)) => Some(words.of(&remedy(cause, &Facts { os: view.os.clone(), ..Facts::unknown() }, None).fix)),
        (None, None) => None,
    };
    standing.next = next_in(&message).map(|next| words.of(next.id()));
    standing.message = words.of_some(Some(&message));
    standing.since = words.of_some(condition.last_transition_time.as_deref().map(bounded).as_deref());
    standing.heartbeat = condition.last_heartbeat_time.as_deref().map(|time| Text::from(bounded(time)));
}

#[cfg(test)]
mod tests;
