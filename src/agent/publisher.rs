//! Puts what is true on the Node, and tells what has changed.

use super::health::Health;
use super::{Options, features};
use crate::api::{self, NodeWriter, Tried};
use crate::node::{Rule, View};
use crate::profile::Profile;
use crate::publish::{self, Desired, Event, Start};
use crate::read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

/// How often the same complaint is repeated.
const REMIND: Duration = Duration::from_secs(600);

/// How long the API server may take until a policy that was applied is in effect: some seconds.
const SETTLING: Duration = Duration::from_secs(30);

/// How often a write is tried again at once that others came before: the kubelet writes every few seconds at the most.
const TRIES: usize = 5;

pub(super) struct Publisher {
    options: Options,
    health: Arc<Health>,
    writer: Option<NodeWriter>,
    /// The Node as the API server last answered it.
    node: Option<View>,
    /// What is still to be told.
    events: Vec<Untold>,
    /// What `tune` did that was told or is to be; nothing before the first write.
    known: Option<Vec<Event>>,
    /// Which rule of the admission policies is tried next; none before all of them were.
    next_rule: Option<usize>,
    /// Those of which it was said that they could not be tried.
    untried: Vec<Rule>,
    complaint: Complaint,
    event_complaint: Complaint,
    /// When this process began.
    since: Instant,
}

/// An event that is to be told.
#[derive(Clone)]
struct Untold {
    event: Event,
    /// The uid of the Node that it is about.
    uid: String,
    /// How often the policy refused its times.
    refused: usize,
}

/// What was last said to be wrong, and when.
#[derive(Default)]
struct Complaint(Option<(String, Instant)>);

impl Complaint {
    /// Whether it is to be said: at once where it is another one, and then from time to time.
    fn is_due(&mut self, text: &str) -> bool {
        let told = self.0.as_ref().is_some_and(|(told, at)| *told == text && at.elapsed() < REMIND);
        if !told {
            self.0 = Some((text.to_owned(), Instant::now()));
        }
        !told
    }
}

impl Publisher {
    pub(super) fn new(options: Options, health: Arc<Health>, writer: Option<NodeWriter>) -> Self {
        Publisher {
            options,
            health,
            writer,
            node: None,
            events: Vec::new(),
            known: None,
            next_rule: None,
            untried: Vec::new(),
            complaint: Complaint::default(),
            event_complaint: Complaint::default(),
            since: Instant::now(),
        }
    }

    /// Makes a writer from the credentials as they are now.
    pub(super) async fn connect(options: &Options, health: &Health) -> Result<NodeWriter, api::Error> {
        let client = api::connect(&options.access).await?.counted(health.metrics.requests.clone());
        Ok(NodeWriter::new(client, options.node.clone(), options.prefix.clone(), options.profile))
    }

    /// The Node, where its state is known.
    pub(super) fn node(&self) -> Option<&View> {
        self.node.as_ref()
    }

    async fn writer(&mut self) -> Result<&NodeWriter, api::Error> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => Self::connect(&self.options, &self.health).await?,
        };
        Ok(self.writer.insert(writer))
    }

    /// Asks what stands on the Node, where that is not known: once, since from then on each write's answer tells.
    pub(super) async fn read(&mut self) -> Result<(), api::Error> {
        if self.node.is_none()
            && let Some(directory) = &self.options.features
        {
            self.node = Some(features::stands(directory, &self.options.prefix));
        }
        if self.node.is_none() {
            let read = self.writer().await?.read().await;
            self.node = Some(self.heard(read)?);
        }
        Ok(())
    }

    /// Takes off the Node what others have put there under our names, before anything is proven: what autoscalers and platforms copy
    /// from one node to the next is no proof, and pods would be sent here by it while the first probe is under way.
    pub(super) async fn withdraw_strays(&mut self) -> Result<(), api::Error> {
        if self.options.is_canary() || !self.node.as_ref().is_some_and(View::has_strays) {
            return Ok(());
        }
        if !self.options.allow_unconfined {
            let checked = self.check_confinement().await;
            self.heard(checked)?;
        }
        self.remove_strays().await
    }

    /// Forgets what stands on the Node, so that it is asked again.
    pub(super) fn forget(&mut self) {
        self.node = None;
    }

    /// What came of the pod of a canary that is silent.
    pub(super) async fn start_of(&mut self, profile: Profile) -> Start {
        match self.writer().await {
            Ok(writer) => writer.canary_pods().start(profile).await,
            Err(error) => Start::Unreadable(error.to_string()),
        }
    }

    /// Whether it is for this agent to speak of its profile: a canary that is not sent to the node any more has no say, and is
    /// about to be ended.
    pub(super) fn may_speak(&self) -> bool {
        let Some(node) = &self.node else { return true };
        !self.options.is_canary() || node.is_candidate(self.options.profile)
    }

    /// Writes labels and conditions. An event that can't be told now is told later: the label matters more.
    pub(super) async fn publish(&mut self, desired: &Desired) -> Result<(), api::Error> {
        self.read().await?;
        if !self.may_speak() {
            return Ok(());
        }
        if !self.options.allow_unconfined {
            let checked = self.check_confinement().await;
            self.heard(checked)?;
        }
        let mut before = self.node.clone().unwrap_or_default();
        let mut events: Vec<_> = desired.conditions.iter().filter_map(|condition| publish::event(condition, &before)).collect();
        let news = self.news(desired);
        self.keep(news, &before);
        if !desired.only_if_unchanged {
            // Before the condition that says the same: an agent that is killed in between tells it again, and the event that is
            // there tells that it was told. What may be refused is told when it is so.
            self.keep(std::mem::take(&mut events), &before);
        }
        self.tell().await;
        let mut applied = self.writer().await?.apply(desired, &before, &read::now()).await;
        for _ in 0..TRIES {
            if !desired.only_if_unchanged || applied.as_ref().err().and_then(api::Error::code) != Some(409) {
                break;
            }
            // Somebody has written, most often the kubelet: if nothing has changed that counts here, it is as true as before.
            let now = self.writer().await?.read().await?;
            if !now.says_the_same_to_agents(&before) {
                break;
            }
            before = now;
            applied = self.writer().await?.apply(desired, &before, &read::now()).await;
        }
        if applied.as_ref().is_err_and(api::Error::may_be_done) {
            // It may have been done all the same; what stands there now decides since when it is so. If it was not, the next
            // attempt has events of the same names.
            self.node = None;
            self.keep(std::mem::take(&mut events), &before);
        }
        self.node = Some(self.heard(applied)?);
        self.keep(events, &before);
        self.tell().await;
        self.remove_strays().await?;
        self.complaint = Complaint::default();
        self.health.published();
        info!(labels = desired.labels.len(), "published");
        Ok(())
    }

    /// Writes labels as features for node-feature-discovery. Conditions and events have no place there.
    pub(super) fn write_features(&mut self, directory: &Path, desired: &Desired) -> bool {
        let view = features::as_view(&desired.labels);
        match features::write(directory, &view, &self.options.prefix, self.options.heartbeat) {
            Ok(()) => {
                self.node = Some(view);
                self.complaint = Complaint::default();
                self.health.published();
                info!(features = desired.labels.len(), "published");
                true
            }
            Err(text) => {
                self.health.failed("file", &text);
                if self.complaint.is_due(&text) {
                    warn!(error = text, "could not publish; will retry");
                }
                false
            }
        }
    }

    /// Tries whether the account is confined: before the first write by all rules, then before each by one of them in turn, since a
    /// policy may have been edited or deleted since the last one.
    async fn check_confinement(&mut self) -> Result<(), api::Error> {
        let uid = self.node.as_ref().map(|node| node.uid.clone()).unwrap_or_default();
        let rules = match self.next_rule.take() {
            None => Rule::ALL.to_vec(),
            // The policy on events says nothing of the Node, which is about to be written.
            Some(next) if Rule::ALL[next].policy() != Rule::Labels.policy() => vec![Rule::Labels, Rule::ALL[next]],
            Some(next) => vec![Rule::ALL[next]],
        };
        for rule in &rules {
            let tried = self.writer().await?.try_rule(*rule, &uid, &read::now()).await?;
            if let Tried::NotTried(why) = tried
                && !self.untried.contains(rule)
            {
                info!(rule = rule.refusal(), why, "could not try whether the admission policy has this rule");
                self.untried.push(*rule);
            }
        }
        let last = rules.last().and_then(|last| Rule::ALL.iter().position(|rule| rule == last)).unwrap_or(0);
        self.next_rule = Some((last + 1) % Rule::ALL.len());
        Ok(())
    }

    /// Takes off what others have put on the Node under our names, where nobody here says anything of it. (A canary says little;
    /// the default profile's agent is everywhere.)
    async fn remove_strays(&mut self) -> Result<(), api::Error> {
        if self.options.is_canary() {
            return Ok(());
        }
        for tries in (0..TRIES).rev() {
            let Some(node) = self.node.clone() else { return Ok(()) };
            match self.writer().await?.remove_strays(&node).await {
                // The kubelet has written, say.
                Err(error) if error.code() == Some(409) && tries > 0 => self.node = Some(self.writer().await?.read().await?),
                removed => {
                    if let Some(node) = self.heard(removed)? {
                        warn!("took off the Node what others had put there under our names");
                        self.health.metrics.withdrew();
                        self.node = Some(node);
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Keeps events to be told, of each topic the latest.
    fn keep(&mut self, events: Vec<Event>, node: &View) {
        for event in events {
            self.events.retain(|known| known.event.topic != event.topic);
            self.events.push(Untold { event, uid: node.uid.clone(), refused: 0 });
        }
    }

    /// What `tune` did that nobody has told: this process, or, by the time of the last write, one before it.
    fn news(&mut self, desired: &Desired) -> Vec<Event> {
        let known = self.known.replace(desired.events.iter().map(|(event, _)| event.clone()).collect());
        let is_news = |(event, is_news): &&(Event, bool)| known.as_ref().map_or(*is_news, |known| !known.contains(event));
        desired.events.iter().filter(is_news).map(|(event, _)| event.clone()).collect()
    }

    /// Whether there is something left to tell.
    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Tells what is to be told, as far as the API server takes it.
    pub(super) async fn tell(&mut self) {
        while let Some(Untold { event, uid, refused }) = self.events.first().cloned() {
            let Ok(writer) = self.writer().await else { return };
            match writer.tell(&event, &uid, &read::now()).await {
                Ok(()) => {
                    info!(event = event.topic.reason(), text = event.message, "event sent");
                    self.event_complaint = Complaint::default();
                }
                Err(error) => {
                    self.health.metrics.event_failed();
                    // That an event changed a moment ago passes. A clock that is wrong, which is refused in the same words, stays.
                    let passes = refused < TRIES && error.is_refusal_of(Rule::EventTimes);
                    // What the API server understands and does not take, it will never take.
                    let is_final = !passes && matches!(error.code(), Some(400 | 404 | 422));
                    let text = error.to_string();
                    if is_final || self.event_complaint.is_due(&text) {
                        warn!(error = text, is_final, "could not send an event");
                    } else {
                        debug!(error = text, "still could not send an event");
                    }
                    if !is_final {
                        self.events[0].refused += usize::from(passes);
                        return;
                    }
                }
            }
            self.events.remove(0);
        }
    }

    /// Draws the conclusions from an answer that must hold for the next request.
    fn heard<T>(&mut self, answer: Result<T, api::Error>) -> Result<T, api::Error> {
        match answer.as_ref().err().and_then(api::Error::code) {
            // The Node is gone, or it is another one of the same name.
            Some(404 | 409) => self.node = None,
            // A token that has expired, or one that the clock made look fresh.
            Some(401) => self.writer = None,
            _ => {}
        }
        answer
    }

    /// Says once what is wrong, and then from time to time.
    pub(super) fn complain(&mut self, error: &api::Error) {
        let text = error.to_string();
        self.health.failed(error.kind(), &text);
        if matches!(error, api::Error::Unconfined { .. }) && self.since.elapsed() < SETTLING {
            info!(error = text, "waiting for the admission policy to take effect");
        } else if self.complaint.is_due(&text) {
            warn!(error = text, "could not publish; will retry");
        } else {
            debug!(error = text, "still could not publish");
        }
    }
}
