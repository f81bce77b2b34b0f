use super::exit::{self, READY};
use super::{Error, values};
use crate::gather::{AsOwnPod, Options};
use crate::profile::Profile;
use crate::read::{Named, is_directory};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Prove for an agent in another container of the pod: this container is privileged and has no token
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight prover --shape userns --socket /run/p/prover.sock
  buildkit-preflight agent --node n --shape userns --prover /run/p/prover.sock

In a cluster, the canary of `buildkit-preflight render agent --canary userns`
runs the prover. A client that connects to the socket gets newly gathered facts,
and can ask for nothing else. SIGTERM ends the prover.", exit::PROVER))]
pub(super) struct Arguments {
    /// The profile to prove: this container's manifest must have the shape of its pod
    #[arg(long, value_name = "PROFILE", value_parser = values::profile())]
    shape: Profile,
    /// The socket to listen at, in a directory that both containers share
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The directory where builds keep their state [default: that of the builder's image, such as /home/user/.local/share/buildkit]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long a probe may take, at most 60s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::agent_deadline())]
    deadline: Duration,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if let Some(state_dir) = &arguments.state_dir {
        is_directory(Named::StateDir, state_dir, arguments.deadline)?;
    }
    let options = Options {
        root: None,
        state_dir: arguments.state_dir.clone(),
        snapshotter: None,
        asked: Some(arguments.shape.asked()),
        plans: vec![arguments.shape.plan()],
        own_pod: AsOwnPod::No,
        trial_builds: false,
        all: false,
        deadline: arguments.deadline,
        without: Vec::new(),
    };
    match crate::agent::relay::serve(&arguments.socket, &options) {
        Ok(()) => Ok(READY),
        Err(error) => Err(Error::Io(format!("could not listen at {}: {error}", arguments.socket.display()))),
    }
}
