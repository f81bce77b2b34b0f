//! What is true of the node now: gathered, judged, and looked at again before a `ready` is taken away.

use super::health::Health;
use super::schedule::passes_after;
use super::{Error, Options};
use crate::attempt;
use crate::check::Ready;
use crate::fact::{Fact, Facts, Kubelet};
use crate::gather;
use crate::node::{Observation, View};
use crate::publish::{self, Canaries, Desired, Verdicts};
use crate::read::{BadPath, Fingerprint, TunedFile, Watched};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Pauses before further looks at a node that was ready and seems not to be: a label that goes ends running builders with
/// required affinity at the kubelet's next restart. A refusal that is seen twice in a row is believed; what can't be told
/// (no memory, a disk that does not answer) is given a minute to pass.
const PAUSES: [Duration; 5] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(25)];

/// How often one look is begun anew.
const LOOKS: u32 = 5;

/// What one look came to.
#[derive(Clone)]
pub(super) struct Judged {
    /// What should stand on the Node.
    pub(super) desired: Desired,
    /// What the agent's own profile came to, as it is published.
    pub(super) published: Ready,
    /// What the kubelet said when this was judged.
    pub(super) kubelet: Kubelet,
    verdicts: Verdicts,
}

impl Judged {
    fn new(seen: &Observation, options: &Options, node: &View, canaries: &Canaries) -> Self {
        let verdicts = Verdicts::of(seen, options.profile);
        let desired = if options.is_canary() {
            publish::proof(seen, &verdicts, options.accept)
        } else {
            publish::desired(seen, &verdicts, node, options.accept, canaries)
        };
        Judged { published: options.accept.of(&verdicts.own), kubelet: seen.facts().kubelet.clone(), desired, verdicts }
    }

    /// How long to wait before another look, if what was seen may pass by itself.
    pub(super) fn passes_after(&self) -> Option<Duration> {
        passes_after(self.published, self.verdicts.own.decisive())
    }
}

pub(super) struct Prover {
    watched: Watched,
    tuned: TunedFile,
    /// What the last look was done under.
    under: Option<Fingerprint>,
    looks: u64,
}

impl Prover {
    pub(super) fn new(options: &Options) -> Self {
        Prover { watched: Watched::open(), tuned: TunedFile::new(options.tuned.clone()), under: None, looks: 0 }
    }

    /// Whether something has changed that the last look hangs on. Each change is told once.
    pub(super) fn take_changes(&mut self) -> bool {
        let is = self.watched.fingerprint();
        let changes = self.under.as_ref().map(|under| is.changes_since(under)).unwrap_or_default();
        if !changes.is_empty() {
            info!(changes = changes.join("; "), "a sysctl has changed");
            self.under = Some(is);
        }
        !changes.is_empty() || self.tuned.has_changed()
    }

    /// Gathers and judges, with second looks where `ready` stands on the Node.
    pub(super) async fn prove(
        &mut self,
        options: &Options,
        health: &Arc<Health>,
        node: &View,
        canaries: &Canaries,
    ) -> Result<Judged, Error> {
        let mut judged = self.look(options, health, node, canaries).await?;
        let stands = node.is_proven(options.profile);
        let mut refused = u32::from(judged.published == Ready::NotReady);
        for pause in PAUSES {
            if !stands || judged.published == Ready::Ready || refused == 2 {
                break;
            }
            warn!(saw = judged.desired.conditions[0].message, "the node seems to be no longer ready; will check again");
            tokio::time::sleep(pause).await;
            judged = self.look(options, health, node, canaries).await?;
            refused = if judged.published == Ready::NotReady { refused + 1 } else { 0 };
        }
        Ok(judged)
    }

    /// One look, repeated where a sysctl changed meanwhile: then nobody knows under which value it was done. Where two
    /// fight over a sysctl the last look must do.
    async fn look(&mut self, options: &Options, health: &Arc<Health>, node: &View, canaries: &Canaries) -> Result<Judged, Error> {
        let mut left = LOOKS;
        loop {
            health.alive();
            left -= 1;
            self.under = Some(self.watched.fingerprint());
            let tuned = self.tuned.read();
            if let Fact::Failed(why) = &tuned {
                warn!(%why, "the status of tune can't be read");
            }
            let began = Instant::now();
            let mut facts = self.gather(options).await?;
            health.metrics.probe_took(began.elapsed());
            attempt::reap();
            if self.take_changes() && left > 0 {
                continue;
            }
            if !options.is_canary() {
                facts.tuned = tuned;
            }
            let seen = Observation::new(facts, node);
            let judged = Judged::new(&seen, options, node, canaries);
            health.metrics.verdicts(&judged.desired.verdicts);
            health.metrics.causes(&judged.desired.verdicts, &judged.verdicts);
            health.metrics.tuned(&seen.facts().tuned);
            let condition = &judged.desired.conditions[0];
            info!(
                status = %condition.status,
                reason = condition.reason,
                condition = condition.message,
                probe_milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                "judged"
            );
            return Ok(judged);
        }
    }

    async fn gather(&mut self, options: &Options) -> Result<Facts, Error> {
        let plan = gather::Options {
            root: None,
            state_dir: options.state_dir.clone(),
            snapshotter: None,
            asked: options.asked,
            own_pod: gather::AsOwnPod::No,
            plans: vec![options.profile.plan()],
            trial_builds: options.trial_builds,
            all: false,
            deadline: options.deadline,
            without: Vec::new(),
        };
        self.looks += 1;
        if let Some(socket) = options.relay.clone() {
            let patience = options.deadline * LOOK_COSTS;
            let asked = tokio::task::spawn_blocking(move || super::relay::ask(&socket, patience)).await.map_err(std::io::Error::other)?;
            return Ok(asked.unwrap_or_else(|why| without_an_answer(&why)));
        }
        let gathered = tokio::task::spawn_blocking(move || gather::gather(&plan)).await.map_err(std::io::Error::other)?;
        match gathered {
            // A directory that was there at the start.
            Err(gone) if self.looks > 1 => Ok(without_state_dir(&gone)),
            gathered => Ok(gathered?),
        }
    }
}

/// How many deadlines a look may take: what touches the state dir, the probe, and what they leave to be ended.
pub(super) const LOOK_COSTS: u32 = 3;

/// Nobody can tell anything where the container that proves does not answer.
fn without_an_answer(why: &str) -> Facts {
    let mut facts = Facts::unknown();
    facts.user_namespaces = Fact::Denied(format!("the prover's container has not answered: {why}").into());
    facts
}

/// Nobody can tell anything where builds would have no place.
fn without_state_dir(gone: &BadPath) -> Facts {
    let mut facts = Facts::unknown();
    let why = gone.to_string();
    // The first question that is not answered is the one that the condition names.
    facts.user_namespaces = Fact::Denied(why.clone().into());
    facts.state_dir.path = Fact::Denied(why.into());
    facts
}
