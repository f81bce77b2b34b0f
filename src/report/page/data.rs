//! The nodes as the page's script reads them: columns of numbers that point into one list of texts. Of 10,000 nodes most say the same.

use super::summary::{fix, why};
use crate::fleet::status::{FleetNode, FleetReport, Standing, State};
use crate::text::line;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// All that the script gets.
#[derive(Serialize)]
pub(super) struct Data {
    profiles: Vec<&'static str>,
    default: &'static str,
    /// Text 0 is empty.
    texts: Vec<String>,
    names: Vec<String>,
    columns: BTreeMap<&'static str, Vec<usize>>,
    /// For each profile, in their order.
    answers: Vec<Answers>,
    /// For each profile, by the cause.
    fixes: Vec<BTreeMap<String, String>>,
}

/// How the nodes stand to one profile.
#[derive(Serialize)]
struct Answers {
    verdict: Vec<u8>,
    cause: Vec<usize>,
    message: Vec<usize>,
    fix: Vec<usize>,
    since: Vec<usize>,
    heartbeat: Vec<usize>,
}

/// Texts, each once.
struct Texts<'a> {
    places: HashMap<Cow<'a, str>, usize>,
    texts: Vec<String>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        if text.is_empty() {
            return 0;
        }
        let text = line(text);
        if let Some(place) = self.places.get(&text) {
            return *place;
        }
        self.texts.push(text.clone().into_owned());
        self.places.insert(text, self.texts.len() - 1);
        self.texts.len() - 1
    }

    fn column<T>(&mut self, list: &'a [T], part: impl Fn(&'a T) -> Option<&'a str>) -> Vec<usize> {
        list.iter().map(|one| self.place(part(one).unwrap_or_default())).collect()
    }
}

/// One text of a node's.
type Part = fn(&FleetNode) -> Option<&str>;

impl Data {
    pub(super) fn of(report: &FleetReport) -> Self {
        let list = &report.list;
        let mut texts = Texts { places: HashMap::new(), texts: vec![String::new()] };
        let parts: [(&str, Part); 9] = [
            ("pool", |node| Some(&node.pool)),
            ("os", |node| Some(&node.os)),
            ("kernel", |node| Some(&node.kernel)),
            ("kubelet", |node| Some(&node.kubelet)),
            ("runtime", |node| Some(&node.runtime)),
            ("created", |node| node.created.as_deref()),
            ("kubeletReady", |node| node.kubelet_ready.as_deref()),
            ("cordoned", |node| node.cordoned.then_some("yes")),
            ("silence", |node| node.silent_text.as_deref()),
        ];
        let columns = parts.into_iter().map(|(name, part)| (name, texts.column(list, part))).collect();
        let answers = report.profiles.iter().map(|of| {
            let mut column = |part: fn(&Standing) -> Option<&str>| texts.column(list, |node| part(node.profiles.get(of.profile)));
            Answers {
                verdict: list.iter().map(|node| digit(node.profiles.get(of.profile).verdict)).collect(),
                cause: column(why),
                message: column(|standing| standing.message.as_deref()),
                fix: column(|standing| standing.fix.as_deref()),
                since: column(|standing| standing.since.as_deref()),
                heartbeat: column(|standing| standing.heartbeat.as_deref()),
            }
        });
        Data {
            answers: answers.collect(),
            profiles: report.profiles.iter().map(|of| of.profile.id()).collect(),
            default: report.default_profile().id(),
            names: list.iter().map(|node| line(&node.name).into_owned()).collect(),
            columns,
            fixes: report
                .profiles
                .iter()
                .map(|of| of.causes.iter().filter_map(|cause| Some((line(&cause.cause).into_owned(), fix(cause)?))).collect())
                .collect(),
            texts: texts.texts,
        }
    }
}

/// The place of a verdict in their order.
fn digit(state: State) -> u8 {
    match state {
        State::Ready => 0,
        State::NotReady => 1,
        State::Unknown => 2,
        State::Silent => 3,
    }
}
