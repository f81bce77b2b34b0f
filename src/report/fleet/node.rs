//! One node in full.

use crate::cause::{Cause, Remedy, remedy};
use crate::fact::{API_VERSION, Facts};
use crate::fleet::status::{FleetNode, Head, State, Text, lasting};
use crate::node::{CONDITIONS, Key, View, manager};
use crate::profile::Profile;
use crate::report::text::{Page, Style};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to `status NODE`, for programs. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// Always `buildkit-preflight.dev/v1`.
    pub api_version: String,
    /// Always `NodeReport`.
    pub kind: String,
    /// What all of it rests on.
    #[serde(flatten)]
    pub head: Head,
    /// The node, as in a fleet's report.
    pub node: FleetNode,
    /// The snapshotter that a builder of the default profile would use.
    pub snapshotter: Option<String>,
    /// What removes the causes that are named, on this node's system.
    pub remedies: Vec<NodeRemedy>,
    /// Our labels, without their prefix.
    pub labels: Vec<NodeLabel>,
    /// Our conditions.
    pub conditions: Vec<NodeCondition>,
    /// Our events about the node, the newest first.
    pub events: Vec<NodeEvent>,
    /// Why events are not known; null where they are.
    pub events_unknown: Option<String>,
}

/// What removes a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRemedy {
    /// The cause.
    pub cause: Cause,
    /// Half a sentence.
    pub title: String,
    /// What removes it.
    #[serde(flatten)]
    pub remedy: Remedy,
}

/// A label of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeLabel {
    /// Its name below the prefix.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether one of our agents has written it.
    pub ours: bool,
}

/// A condition of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeCondition {
    /// `type` on the Node.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its status, where it is one of the three.
    pub status: Option<String>,
    /// Why, in one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// Since when it has been so.
    pub since: Option<String>,
    /// When it was last written.
    pub heartbeat: Option<String>,
    /// How long ago that was, in seconds.
    pub age_seconds: Option<i64>,
    /// Which of our agents has written it; null where none has.
    pub by: Option<String>,
}

/// An event of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeEvent {
    /// When it last happened.
    pub last_timestamp: Option<String>,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What, in one word.
    pub reason: String,
    /// What, for people.
    pub message: String,
    /// How often.
    pub count: i64,
}

impl NodeReport {
    /// Puts together what stands on a Node.
    pub fn new(head: Head, node: FleetNode, view: &View, now: Timestamp, events: Result<Vec<NodeEvent>, String>) -> Self {
        let (mut events, events_unknown) = match events {
            Ok(events) => (events, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        events.sort_by(|a, b| b.last_timestamp.cmp(&a.last_timestamp));
        let facts = Facts { os: view.os.clone(), ..Facts::unknown() };
        let mut causes: Vec<Cause> = Vec::new();
        for (_, standing) in node.profiles.iter() {
            let named = [&standing.cause, &standing.next].into_iter().flatten().filter_map(|word| word.parse::<Cause>().ok());
            causes.extend(named.filter(|_| standing.verdict == State::NotReady));
        }
        causes.sort_unstable();
        causes.dedup();
        let remedies =
            causes.into_iter().map(|cause| NodeRemedy { cause, title: cause.title().into(), remedy: remedy(cause, &facts, None) });
        let label = |(key, value): (&Key, &String)| NodeLabel {
            name: key.name().into(),
            value: value.clone(),
            ours: !view.stray_labels.contains(key),
        };
        let conditions = CONDITIONS.iter().filter_map(|row| {
            let stands = view.condition(row.kind)?;
            let at = stands.last_heartbeat_time.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
            Some(NodeCondition {
                kind: row.name.into(),
                status: stands.status.map(|status| status.to_string()),
                reason: stands.reason.clone(),
                message: stands.message.clone(),
                since: stands.last_transition_time.clone(),
                heartbeat: stands.last_heartbeat_time.clone(),
                age_seconds: at.map(|at| now.as_second().saturating_sub(at.as_second())),
                by: view.said.iter().find(|(_, kind)| *kind == row.kind).map(|(profile, _)| manager(*profile)),
            })
        });
        NodeReport {
            api_version: API_VERSION.into(),
            kind: "NodeReport".into(),
            snapshotter: view.label(Key::Snapshotter).map(str::to_owned),
            remedies: remedies.collect(),
            labels: view.ours.iter().map(label).collect(),
            conditions: conditions.collect(),
            head,
            node,
            events,
            events_unknown,
        }
    }
}

/// The report for a person.
pub fn node_table(report: &NodeReport, asked: &[Profile], style: Style) -> String {
    let (mut page, node) = (Page::new(style), &report.node);
    let parts = [&node.os, &node.kernel, &node.runtime, &node.kubelet].map(|part| part.to_string());
    let parts = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ");
    page.words(0, &format!("{} · {} · {parts}", node.name, node.pool));
    page.blank();
    let text = |text: &Option<Text>| text.as_deref().unwrap_or("-").to_owned();
    let head = ["PROFILE", "VERDICT", "CAUSE", "SINCE", "LAST WRITTEN"].map(str::to_owned);
    let row = |profile: &Profile| {
        let standing = node.profiles.get(*profile);
        let cause = standing.silent_because.map_or_else(|| text(&standing.cause), |because| because.id().into());
        [profile.id().to_owned(), standing.verdict.to_string(), cause, text(&standing.since), text(&standing.heartbeat)]
    };
    page.columns(&std::iter::once(head).chain(asked.iter().map(row)).collect::<Vec<_>>());
    for profile in asked {
        let standing = node.profiles.get(*profile);
        page.blank();
        page.words(0, &format!("{} is {}", profile.id(), standing.verdict));
        let silent = standing.silent_because.map(|because| node.silent_text.as_deref().unwrap_or_else(|| because.title()));
        for why in silent.into_iter().chain(standing.message.as_deref()) {
            page.words(9, &format!("  why    {why}"));
        }
        if let Some(fix) = standing.silent_because.and_then(|because| because.fix()) {
            page.words(9, &format!("  fix    {fix}"));
        }
        fix(&mut page, report, *profile);
    }
    if let Some(snapshotter) = &report.snapshotter {
        page.blank();
        page.words(0, &format!("snapshotter  {snapshotter}"));
    }
    written(&mut page, report);
    page.into_text()
}

fn fix(page: &mut Page, report: &NodeReport, profile: Profile) {
    let standing = report.node.profiles.get(profile);
    if standing.verdict != State::NotReady {
        return;
    }
    let known = |word: &Option<Text>| report.remedies.iter().find(|remedy| word.as_deref() == Some(remedy.cause.id()));
    let remedy = known(&standing.cause);
    if let Some(fix) = standing.fix.as_deref().or_else(|| remedy.map(|known| known.remedy.fix.as_str())) {
        page.command(&format!("  fix    {fix}"));
    }
    if let Some(known) = remedy {
        known.remedy.keep.iter().for_each(|keep| page.command(&format!("         to keep it: {keep}")));
        known.remedy.note.iter().for_each(|note| page.words(9, &format!("         {note}")));
    }
    if let Some(next) = known(&standing.next) {
        page.words(9, &format!("  then   {} ({})", next.title, next.cause));
        page.command(&format!("  fix    {}", next.remedy.fix));
    }
}

/// What stands there, and who has written it.
fn written(page: &mut Page, report: &NodeReport) {
    let by = |ours: bool| if ours { "one of our agents" } else { "none of our agents" }.to_owned();
    if !report.conditions.is_empty() {
        page.blank();
        let head = ["CONDITION", "STATUS", "REASON", "AGE", "WRITTEN BY"].map(str::to_owned);
        let row = |condition: &NodeCondition| {
            [
                condition.kind.clone(),
                condition.status.clone().unwrap_or_else(|| "-".into()),
                condition.reason.clone(),
                condition.age_seconds.map_or_else(|| "-".into(), lasting),
                condition.by.clone().unwrap_or_else(|| by(false)),
            ]
        };
        page.columns(&std::iter::once(head).chain(report.conditions.iter().map(row)).collect::<Vec<_>>());
    }
    if !report.labels.is_empty() {
        page.blank();
        let head = ["LABEL", "VALUE", "WRITTEN BY"].map(str::to_owned);
        let row = |label: &NodeLabel| [label.name.clone(), label.value.clone(), by(label.ours)];
        page.columns(&std::iter::once(head).chain(report.labels.iter().map(row)).collect::<Vec<_>>());
    }
    if let Some(why) = &report.events_unknown {
        page.blank();
        page.words(2, &format!("Events are unknown: {why}"));
    } else if !report.events.is_empty() {
        page.blank();
        let head = ["EVENT", "COUNT", "REASON", "MESSAGE"].map(str::to_owned);
        let row = |event: &NodeEvent| {
            let at = event.last_timestamp.clone().unwrap_or_else(|| "-".into());
            [at, event.count.to_string(), event.reason.clone(), event.message.clone()]
        };
        page.columns(&std::iter::once(head).chain(report.events.iter().map(row)).collect::<Vec<_>>());
    }
    if let Some(why) = &report.head.pods_unknown {
        page.blank();
        page.words(2, &format!("It is unknown what became of the agent's pod: {why}"));
    }
}
