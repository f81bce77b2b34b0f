use super::args::{Connection, LabelPrefix, Prove};
use super::exit::{self, READY};
use super::uses::{Use, Uses};
use super::{Error, names, values};
use crate::agent;
use crate::fact::TUNED_FILE;
use crate::profile::Profile;
use crate::publish::Accept;
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Prove on this node what a builder needs, publish it on the Node object, and keep it true
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight agent --node $NODE_NAME
  buildkit-preflight agent --node node1 --kubeconfig agent.kubeconfig --heartbeat 10s --evidence probed

In a cluster the DaemonSet of `buildkit-preflight render agent` runs it. SIGTERM ends it; what it published stays
(`buildkit-preflight cleanup` takes it away). It logs to standard error, one JSON object a line.", exit::AGENT))]
pub(super) struct Arguments {
    /// The Node to write to
    #[arg(long, value_name = "NAME", env = "NODE_NAME", value_parser = names::node)]
    node: String,
    /// Prove and write again about this often, a quarter more or less: 30s, 1h
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = values::period())]
    heartbeat: Duration,
    /// Where to answer /healthz, /readyz and /metrics [default: port 8080 of all addresses]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// The profile whose pod shape this container was given by its manifest, and which it proves. What confines it all the same
    /// is the node's [default: no-process-sandbox, in no particular shape]
    #[arg(long, value_name = "PROFILE", value_parser = values::shape())]
    shape: Option<Profile>,
    /// The profiles whose canaries are deployed, by commas: of each the agent says what its canary can't say itself, that it
    /// can't run here or does not answer
    #[arg(long, value_name = "PROFILES", env = "CANARIES", value_delimiter = ',', value_parser = values::canary())]
    canaries: Vec<Profile>,
    /// How long a canary may take to answer, and be late, before its profile is said not to be ready
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = values::period())]
    canary_patience: Duration,
    /// Let the container that listens at this socket prove (`buildkit-preflight prover`), and publish that
    #[arg(long, value_name = "PATH")]
    prover: Option<PathBuf>,
    /// The least evidence on which `ready` is published
    #[arg(long, value_enum, default_value_t = Evidence::Proven)]
    evidence: Evidence,
    /// How to prove: by the system calls of a build, or by a real build as well, in an image that has rootlesskit, buildkitd and buildctl
    #[arg(long, value_enum, default_value_t = Prove::Syscalls)]
    prove: Prove,
    /// Publish even where no admission policy confines this account (Kubernetes before 1.30)
    #[arg(long)]
    allow_unconfined: bool,
    #[command(flatten)]
    connection: Connection,
    /// The directory where builds keep their state [default: where the builder's image has it]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long a probe may take, at most 60s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::agent_deadline())]
    deadline: Duration,
    /// Where `tune --watch --status` says what it did, to be published; the file need not exist
    #[arg(long, value_name = "FILE", default_value = TUNED_FILE)]
    tuned: PathBuf,
    /// What to log: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LevelFilter,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Evidence {
    /// The probe ran in the builder's pod shape
    Proven,
    /// It ran anywhere: for an agent outside of a pod
    Probed,
}

/// What the agent takes.
pub(super) const USES: Uses = &[
    &[Use { by: &[], takes: &[] }, Use { by: &["kubeconfig"], takes: &["context"] }],
    &[Use { by: &[], takes: &[] }, Use { by: &["canaries"], takes: &["canary_patience"] }],
    // The prover of the other container has its own state dir, and tries no real build.
    &[Use { by: &[], takes: &["shape", "state_dir", "prove"] }, Use { by: &["shape", "prover"], takes: &[] }],
];

pub(super) fn run(arguments: Arguments) -> Result<u8, Error> {
    // Libraries log their own view of what the agent logs in its own words.
    let ours = Targets::new().with_target("buildkit_preflight", arguments.log_level);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
    let options = agent::Options {
        node: arguments.node,
        access: arguments.connection.of_agent(),
        prefix: arguments.prefix.domain,
        listen: arguments.listen,
        heartbeat: arguments.heartbeat,
        accept: match arguments.evidence {
            Evidence::Proven => Accept::Proven,
            Evidence::Probed => Accept::Probed,
        },
        allow_unconfined: arguments.allow_unconfined,
        state_dir: arguments.state_dir,
        deadline: arguments.deadline,
        trial_builds: arguments.prove == Prove::Build,
        tuned: arguments.tuned,
        profile: arguments.shape.unwrap_or(Profile::NoProcessSandbox),
        in_shape: arguments.shape.is_some(),
        canaries: arguments.canaries,
        canary_patience: arguments.canary_patience,
        relay: arguments.prover,
    };
    if options.profile != Profile::NoProcessSandbox && !options.canaries.is_empty() {
        let hint = Some("leave one of --shape and --canaries out".to_owned());
        return Err(Error::BadInput { message: format!("--canaries: the canary of {} speaks of no other", options.profile), hint });
    }
    match agent::run(options) {
        Ok(()) => Ok(READY),
        Err(agent::Error::StateDir(bad)) => Err(bad.into()),
        Err(error) => Err(Error::Io(error.to_string())),
    }
}
