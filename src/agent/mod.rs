//! The agent: proves on its node, publishes, and watches for what could make the answer untrue.
//!
//! One task does one thing after the other: gather, judge, publish, wait. It wakes for a sysctl that changed, for the
//! heartbeat and for a write that has to be tried again; beside it runs a small HTTP server. What it knows of
//! the API is the answer to its own writes; it reads nothing and watches nothing.

mod clock;
mod health;
mod memory;
mod metrics;
mod server;

use crate::api::{self, Access, NodeWriter};
use crate::check::{Profile, Ready};
use crate::gather::{self, BadStateDir, Watched};
use crate::publish::{self, Accept, Desired, Key, Node};
use clock::{Backoff, jittered};
use health::Health;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// How often the sysctls are looked at: half of the 10 s within which a change has to be noticed.
const LOOK: Duration = Duration::from_secs(5);

/// How long to wait before the second look at a node that was ready and seems not to be: a label that goes ends
/// running builders with required affinity at the kubelet's next restart.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// How long a probe that is under way may keep the process from ending.
const LAST_PROBE: Duration = Duration::from_millis(1500);

/// How an agent is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Node to write to.
    pub node: String,
    /// By what right.
    pub access: Access,
    /// The prefix of the labels.
    pub prefix: String,
    /// Where to listen for health checks and metrics.
    pub listen: SocketAddr,
    /// About how often to prove again and to write.
    pub heartbeat: Duration,
    /// The least evidence for `ready`.
    pub accept: Accept,
    /// Publish without an admission policy that confines the account.
    pub allow_unconfined: bool,
    /// The state dir; `None` for where the builder's image has it.
    pub state_dir: Option<PathBuf>,
    /// How long a probe may take.
    pub deadline: Duration,
    /// Whether the container's manifest gives it a builder's security context.
    pub asked_unconfined: Option<bool>,
}

/// What keeps an agent from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No way to the API.
    #[error(transparent)]
    Api(#[from] api::Error),
    /// The address is taken, or not this machine's.
    #[error("could not listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No such directory.
    #[error(transparent)]
    StateDir(#[from] BadStateDir),
    /// The runtime or a signal handler.
    #[error("could not start: {0}")]
    Start(#[from] std::io::Error),
}

/// Runs an agent until SIGTERM or SIGINT. What it published stays.
///
/// # Errors
/// What keeps it from starting. Nothing that happens later ends it.
pub fn run(options: Options) -> Result<(), Error> {
    memory::keep_small();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // One thread more, while a probe runs.
    let runtime = builder.enable_io().enable_time().max_blocking_threads(2).thread_keep_alive(Duration::from_millis(100)).build()?;
    let done = runtime.block_on(start(options));
    runtime.shutdown_timeout(LAST_PROBE);
    done
}

async fn start(options: Options) -> Result<(), Error> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let health = Arc::new(Health::new());
    let bound = tokio::net::TcpListener::bind(options.listen).await;
    let listener = bound.map_err(|source| Error::Listen { address: options.listen, source })?;
    tokio::spawn(server::serve(listener, health.clone()));

    let client = api::connect(&options.access).await?;
    let writer = NodeWriter::new(client, options.node.clone(), options.prefix.clone(), Profile::NoProcessSandbox);
    info!(node = options.node, heartbeat_seconds = options.heartbeat.as_secs(), version = env!("CARGO_PKG_VERSION"), "started");
    let agent = Agent { options, writer, health, node: None };
    tokio::select! {
        result = agent.work() => return result,
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("ends; what was published stays");
    Ok(())
}

struct Agent {
    options: Options,
    writer: NodeWriter,
    health: Arc<Health>,
    /// The Node as the API server last answered it.
    node: Option<Node>,
}

impl Agent {
    async fn work(mut self) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let mut wanted: Option<Desired> = None;
        let watched = Watched::open();
        let mut fingerprint = watched.fingerprint();
        let mut next_heartbeat = Instant::now();
        let mut next_try = Instant::now();
        let mut unwritten = true;
        loop {
            self.health.alive();
            let now = Instant::now();
            let is = watched.fingerprint();
            let changes = is.changes_since(&fingerprint);
            if !changes.is_empty() {
                info!(changes = changes.join("; "), "what the evidence hangs on has changed");
                fingerprint = is;
                (wanted, unwritten) = (None, true);
            }
            if now >= next_heartbeat {
                next_heartbeat = now + jittered(self.options.heartbeat);
                (wanted, unwritten) = (None, true);
            }
            if unwritten && now >= next_try {
                let written = self.prove_and_publish(&mut wanted).await?;
                unwritten = !written;
                next_try = if written { backoff.reset() } else { Instant::now() + backoff.next() };
                memory::give_back();
            }
            let wake = [Some(Instant::now() + LOOK), Some(next_heartbeat), unwritten.then_some(next_try)].into_iter().flatten().min();
            tokio::time::sleep_until(wake.unwrap_or_else(Instant::now).into()).await;
        }
    }

    /// Proves, unless that was done since the last change, and writes. Tells whether what is true now stands on the Node.
    async fn prove_and_publish(&mut self, wanted: &mut Option<Desired>) -> Result<bool, Error> {
        let result = match self.read().await {
            Ok(()) => {
                if wanted.is_none() {
                    *wanted = Some(self.prove().await?);
                }
                match wanted.as_ref() {
                    Some(desired) => self.publish(desired).await,
                    None => Ok(()),
                }
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.health.published();
                // The answer may tell of a runtime that was replaced.
                let said = self.node.as_ref().map(Node::kubelet);
                if wanted.as_ref().is_some_and(|wanted| Some(&wanted.kubelet) != said.as_ref()) {
                    info!("the kubelet tells of another version or runtime");
                    *wanted = None;
                    return Ok(false);
                }
                Ok(true)
            }
            Err(error) => {
                self.health.failed(error.kind(), &error.to_string());
                warn!(error = %error, "could not publish; will try again");
                // The Node may be another one by now.
                if error.code() == Some(404) {
                    self.node = None;
                }
                Ok(false)
            }
        }
    }

    /// Asks what stands on the Node: once, since from then on each write's answer tells.
    async fn read(&mut self) -> Result<(), api::Error> {
        if self.node.is_none() {
            self.node = Some(self.writer.read().await?);
        }
        Ok(())
    }

    /// Gathers and judges. Before a `ready` is taken away the node gets a second chance.
    async fn prove(&self) -> Result<Desired, Error> {
        let first = self.look().await?;
        let node = self.node.clone().unwrap_or_default();
        let stands = node.label(&self.options.prefix, Key::Verdict(Profile::NoProcessSandbox)) == Some("ready");
        if !stands || first.published == Ready::Ready {
            return Ok(first);
        }
        warn!(saw = first.conditions[0].message, "seems not to be ready any more; looking again");
        tokio::time::sleep(SECOND_LOOK).await;
        self.look().await
    }

    async fn look(&self) -> Result<Desired, Error> {
        let node = self.node.clone().unwrap_or_default();
        let options = gather::Options {
            root: None,
            state_dir: self.options.state_dir.clone(),
            asked_unconfined: self.options.asked_unconfined,
            plans: vec![Profile::NoProcessSandbox.plan()],
            deadline: self.options.deadline,
        };
        let began = Instant::now();
        let gathered = tokio::task::spawn_blocking(move || gather::gather(&options)).await;
        let mut facts = gathered.map_err(std::io::Error::other)??;
        self.health.metrics.probe_took(began.elapsed());
        gather::reap();
        facts.kubelet = node.kubelet();
        if facts.os.known().is_none() {
            facts.os = node.os();
        }
        let desired = publish::desired(&facts, self.options.accept, &node, &self.options.prefix);
        for verdict in &desired.verdicts {
            self.health.metrics.verdict(verdict.profile, verdict.ready);
        }
        let condition = &desired.conditions[0];
        info!(
            status = %condition.status,
            reason = condition.reason,
            condition = condition.message,
            probe_milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "judged"
        );
        Ok(desired)
    }

    async fn publish(&mut self, desired: &Desired) -> Result<(), api::Error> {
        let before = self.node.clone().unwrap_or_default();
        if !self.options.allow_unconfined {
            // Before each write: a policy may have been deleted since the last one.
            self.writer.check_confinement().await?;
        }
        let now = clock::now();
        for condition in &desired.conditions {
            let Some(event) = publish::event(condition, &before) else { continue };
            // Before the condition that says the same: an agent that is killed in between tells it again,
            // under the same name, and it is one event all the same.
            match self.writer.tell(&event, &before.metadata.uid, &now).await {
                Ok(()) => info!(event = event.reason, text = event.message, "told"),
                Err(error @ api::Error::Refused { code: 400..=428 | 430..=499, .. }) => {
                    self.health.metrics.event_failed();
                    warn!(error = %error, "this event will not be told");
                }
                Err(error) => return Err(error),
            }
        }
        self.node = Some(self.writer.apply(desired, &before, &now).await?);
        info!(labels = desired.labels.len(), "published");
        Ok(())
    }
}
