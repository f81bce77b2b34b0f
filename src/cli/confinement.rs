use super::exit::{self, READY};
use super::values::OneOf;
use super::{Error, output};
use crate::render::Confinement;
use clap::Args;
use strum::VariantNames;

/// Print a profile of seccomp or AppArmor for the nodes, with which pods of baseline build where the runtime would confine them
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render confinement seccomp > seccomp.json
  buildkit-preflight render confinement apparmor > buildkit-rootless
  buildkit-preflight render confinement security-profiles-operator | kubectl apply -f -

seccomp: copy it to /var/lib/kubelet/seccomp/preflight/seccomp.json on each node.
apparmor: load it on each node with `apparmor_parser -r FILE`.
Then name them to `render agent --baseline` and `render builder --profile baseline`
with --seccomp-profile preflight/seccomp.json and --apparmor-profile buildkit-rootless.", exit::RENDERED))]
pub(super) struct Arguments {
    /// What to print
    #[arg(value_name = "FILE", value_parser = file())]
    file: Confinement,
}

fn file() -> OneOf<Confinement> {
    OneOf::new("unknown file", Confinement::VARIANTS.iter().copied(), |id| id.parse().ok())
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    output::print(&arguments.file.text())?;
    Ok(READY)
}
