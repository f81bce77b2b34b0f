//! The agent: proves on its node, publishes, and watches for what could make the answer untrue.
//!
//! One task does one thing after the other: gather, judge, publish, wait. It wakes for a sysctl that changed, for the
//! heartbeat and for a write that has to be tried again; beside it runs a small HTTP server. What it knows of
//! the API is the answer to its own writes; it reads nothing and watches nothing.
//!
//! Each profile has an agent in a pod of its shape. The default profile's runs on every node, and says of the
//! others, the canaries, what they can't say themselves: that none can run here, or that one does not answer.

mod canaries;
mod clock;
mod features;
mod health;
mod memory;
mod metrics;
mod prover;
mod publisher;
pub(crate) mod relay;
mod schedule;
mod server;
mod work;

pub use metrics::{METRICS, MetricRow};

use crate::api::{self, Access};
use crate::fact::Asked;
use crate::profile::Profile;
use crate::publish::Accept;
use crate::read::BadPath;
use health::Health;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// How long a probe that is under way may keep the process from ending.
const LAST_PROBE: Duration = Duration::from_millis(1500);

/// How an agent is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The Node to write to.
    pub node: String,
    /// The directory of node-feature-discovery to write to, in the place of the Node.
    pub features: Option<PathBuf>,
    /// By what right.
    pub access: Access,
    /// The prefix of the labels.
    pub prefix: String,
    /// Where to listen for health checks and metrics; `None` for [`PORT`] of every address.
    pub listen: Option<SocketAddr>,
    /// About how often to prove again and to write.
    pub heartbeat: Duration,
    /// The least evidence for `ready`.
    pub accept: Accept,
    /// Publish without an admission policy that confines the account.
    pub allow_unconfined: bool,
    /// The state dir; `None` for where the builder's image has it.
    pub state_dir: Option<PathBuf>,
    /// How long a probe may take, at most [`LONGEST_PROBE`].
    pub deadline: Duration,
    /// Whether to try a real build too, where the image has all that it takes.
    pub trial_builds: bool,
    /// Where `tune --watch` says what it did.
    pub tuned: PathBuf,
    /// The profile to prove.
    pub profile: Profile,
    /// What this container's manifest asks for, where its user says so.
    pub asked: Option<Asked>,
    /// The profiles whose canaries are deployed: those that the default profile's agent waits for.
    pub canaries: Vec<Profile>,
    /// How long to wait for a canary's first answer, and for one that is late.
    pub canary_patience: Duration,
    /// The socket of another container, which has the profile's shape and proves for this one.
    pub relay: Option<PathBuf>,
}

impl Options {
    /// Whether others than this agent write what it speaks of.
    fn shares_the_node(&self) -> bool {
        self.is_canary() || !self.canaries.is_empty()
    }

    fn is_canary(&self) -> bool {
        self.profile != Profile::NoProcessSandbox
    }
}

/// Where health checks and metrics are, unless another address is named.
pub const PORT: u16 = crate::profile::AGENT_PORT;

/// A longer one would look like an agent that hangs.
pub const LONGEST_PROBE: Duration = Duration::from_secs(60);

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
    StateDir(#[from] BadPath),
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
    // One thread more, while a probe runs.
    let runtime = api::runtime()?.max_blocking_threads(2).thread_keep_alive(Duration::from_millis(100)).build()?;
    let done = runtime.block_on(start(options));
    runtime.shutdown_timeout(LAST_PROBE);
    done
}

async fn start(options: Options) -> Result<(), Error> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let looking = options.deadline * (prover::LOOK_COSTS + if options.trial_builds { crate::attempt::BUILD_TIME } else { 0 });
    let health = Arc::new(Health::new(looking));
    let listener = server::bind(options.listen).await?;
    tokio::spawn(server::serve(listener, health.clone()));
    info!(node = options.node, heartbeat_seconds = options.heartbeat.as_secs(), version = env!("CARGO_PKG_VERSION"), "started");
    tokio::select! {
        result = work::work(options, health) => return result,
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("stopping; published labels and conditions stay");
    Ok(())
}
