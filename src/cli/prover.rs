use super::exit::{self, READY};
use super::{Error, values};
use crate::gather::Options;
use crate::profile::Profile;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Prove for the agent of another container, which has the token that this one, being privileged, should not have
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight prover --shape userns --socket /run/buildkit-preflight/prover.sock
  buildkit-preflight agent --shape userns --prover /run/buildkit-preflight/prover.sock

In a cluster the canary of `buildkit-preflight render agent --canary userns` runs it. Who connects to the socket is answered
with facts that were gathered for it, and can ask for nothing. SIGTERM ends it.", exit::PROVER))]
pub(super) struct Arguments {
    /// The profile whose pod shape this container was given by its manifest
    #[arg(long, value_name = "PROFILE", value_parser = values::shape())]
    shape: Profile,
    /// Where to listen: a path in a directory that both containers share
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The directory where builds keep their state [default: where the builder's image has it]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// How long a probe may take, at most 60s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = values::agent_deadline())]
    deadline: Duration,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let options = Options {
        root: None,
        state_dir: arguments.state_dir.clone(),
        asked: Some(arguments.shape.asked()),
        plans: vec![arguments.shape.plan()],
        trial_builds: false,
        deadline: arguments.deadline,
        without: Vec::new(),
    };
    match crate::agent::relay::serve(&arguments.socket, &options) {
        Ok(()) => Ok(READY),
        Err(error) => Err(Error::Io(format!("could not listen at {}: {error}", arguments.socket.display()))),
    }
}
