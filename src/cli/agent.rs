use super::args::{Connection, LabelPrefix, Prove};
use super::exit::{self, READY};
use super::output::{Log, log_level};
use super::uses::{Use, Uses};
use super::{Error, names, values};
use crate::agent;
use crate::fact::TUNED_FILE;
use crate::profile::Profile;
use crate::publish::Accept;
use crate::read::{Named, is_directory};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Prove what rootless BuildKit needs on this node, publish the result on the Node, and keep it up to date
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight agent --node $NODE_NAME
  buildkit-preflight agent --node node1 --kubeconfig FILE --evidence probed

In a cluster, the DaemonSet of `buildkit-preflight render agent` runs the agent.
SIGTERM ends it. What it published stays until `buildkit-preflight cleanup`.
It logs to standard error, one JSON object per line.", exit::AGENT))]
pub(super) struct Arguments {
    /// The Node to publish on
    #[arg(long, value_name = "NAME", env = "NODE_NAME", value_parser = names::node)]
    node: String,
    /// How often to prove and publish again; varied by up to a quarter
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = values::period())]
    heartbeat: Duration,
    /// The address of /healthz, /readyz and /metrics [default: port 8080 of all addresses]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// The profile to prove: this container's manifest must have the shape of its pod [default: no-process-sandbox, in no
    /// particular shape]
    #[arg(long, value_name = "PROFILE", value_parser = values::profile())]
    shape: Option<Profile>,
    /// This container's manifest has no Unconfined, as where Pod Security enforces baseline: publish unknown for no-process-sandbox
    /// where what refuses the probe may be this container's own confinement
    #[arg(long)]
    confined: bool,
    /// Comma-separated profiles whose canaries are deployed; the agent reports for a canary that cannot run or does not answer
    #[arg(long, value_name = "PROFILES", env = "CANARIES", value_delimiter = ',', value_parser = values::canary())]
    canaries: Vec<Profile>,
    /// How long to wait for a canary's first report, or a late one, before publishing unknown or not-ready for its profile
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = values::period())]
    canary_patience: Duration,
    /// Publish what the container that listens at this socket proves (`buildkit-preflight prover`)
    #[arg(long, value_name = "PATH")]
    prover: Option<PathBuf>,
    /// The least evidence with which `ready` is published
    #[arg(long, value_enum, default_value_t = Evidence::Proven)]
    evidence: Evidence,
    /// How to prove: with the system calls of a build, or also with a real build, which needs rootlesskit, buildkitd and buildctl
    #[arg(long, value_enum, default_value_t = Prove::Syscalls)]
    prove: Prove,
    /// Publish even if no admission policy confines this account (Kubernetes before 1.30)
    #[arg(long)]
    allow_unconfined: bool,
    /// Publish as features for node-feature-discovery, in a file in this directory, in the place of labels on the Node: the agent then
    /// needs no access to the Kubernetes API
    #[arg(long, value_name = "DIR")]
    nfd_features: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    /// The directory where builds keep their state [default: that of the builder's image, such as /home/user/.local/share/buildkit]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long a probe may take, at most 60s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::agent_deadline())]
    deadline: Duration,
    /// The file in which `tune --watch --status` reports changes, which the agent publishes; need not exist
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
    /// The probe ran anywhere, for an agent outside of a pod
    Probed,
}

/// What the agent takes.
pub(super) const USES: Uses = &[
    &[Use { by: &[], takes: &[] }, Use { by: &["kubeconfig"], takes: &["context"] }],
    &[Use { by: &[], takes: &[] }, Use { by: &["canaries"], takes: &["canary_patience"] }],
    // No API server is asked there, and what canaries say stands on the Node.
    &[
        Use { by: &[], takes: &["kubeconfig", "context", "canaries", "canary_patience", "allow_unconfined", "tuned"] },
        Use { by: &["nfd_features"], takes: &[] },
    ],
    &[Use { by: &[], takes: &["shape"] }, Use { by: &["confined"], takes: &[] }],
    // The prover of the other container has its own state dir, and tries no real build.
    &[Use { by: &[], takes: &["shape", "state_dir", "prove"] }, Use { by: &["shape", "prover"], takes: &[] }],
];

pub(super) fn run(arguments: Arguments) -> Result<u8, Error> {
    // Libraries log their own view of what the agent logs in its own words.
    let ours = Targets::new().with_target("buildkit_preflight", log_level(arguments.log_level));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_writer(Log);
    // Where standard error takes nothing, there is nobody to tell that.
    let lines = lines.log_internal_errors(false);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
    let options = agent::Options {
        node: arguments.node,
        features: arguments.nfd_features,
        access: arguments.connection.of_agent()?,
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
        asked: if arguments.confined { Some(Profile::Baseline.asked()) } else { arguments.shape.map(Profile::asked) },
        canaries: arguments.canaries,
        canary_patience: arguments.canary_patience,
        relay: arguments.prover,
    };
    if options.profile != Profile::NoProcessSandbox && options.features.is_some() {
        let hint = Some("leave one of the two out: canaries publish on the Node".to_owned());
        return Err(Error::BadInput { message: format!("--nfd-features cannot be used with --shape {}", options.profile), hint });
    }
    if options.profile != Profile::NoProcessSandbox && !options.canaries.is_empty() {
        let hint = Some("leave one of the two out".to_owned());
        return Err(Error::BadInput {
            message: format!("--canaries cannot be used with --shape {}: a canary reports for its own profile only", options.profile),
            hint,
        });
    }
    if let Some(state_dir) = &options.state_dir {
        is_directory(Named::StateDir, state_dir, options.deadline)?;
    }
    if let Some(directory) = &options.features {
        is_directory(Named::Features, directory, options.deadline)?;
    }
    match agent::run(options) {
        Ok(()) => Ok(READY),
        Err(agent::Error::StateDir(bad)) => Err(bad.into()),
        Err(error) => Err(Error::Io(error.to_string())),
    }
}
