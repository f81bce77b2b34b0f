use super::args::LabelPrefix;
use super::exit::{self, READY};
use super::values::{OneOf, profile};
use super::{Error, names, output};
use crate::node::Pool;
use crate::profile::Profile;
use crate::render::{self, NoSlot, Tool, ToolOptions};
use clap::Args;
use strum::VariantNames;

/// Print the settings that send another tool's builders to nodes where they work: for charts, operators and CI runners
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render values --for buildkit-service > values.yaml
  buildkit-preflight render values --for buildx --profile rootful
  buildkit-preflight render values --for gitlab-runner

The comments say where the settings belong, and what the tool can't set. Not
every tool can run every profile; a tool that can't may be a client of the
builder that `render builder` prints.", exit::RENDERED))]
pub(super) struct Arguments {
    /// The tool whose settings are printed
    #[arg(long = "for", value_name = "TOOL", value_parser = tool())]
    tool: Tool,
    /// The way to run buildkitd
    #[arg(long, value_name = "PROFILE", default_value = Profile::NoProcessSandbox.id(), value_parser = profile())]
    profile: Profile,
    #[command(flatten)]
    prefix: LabelPrefix,
    /// Send the builders to the nodes with this label instead of those that are ready, for a pool that an autoscaler makes. The pool's
    /// taint keeps them off until a node is proven
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::pool)]
    pool: Option<Pool>,
}

fn tool() -> OneOf<Tool> {
    OneOf::new("unknown tool", Tool::VARIANTS.iter().copied(), |id| id.parse().ok())
}

/// What to do where a tool can't run a profile.
pub(super) fn instead(no: &NoSlot) -> String {
    let profiles: Vec<_> = no.tool.profiles().iter().map(|profile| profile.id()).collect();
    format!(
        "choose --profile {}, or make the tool a client of the builder that `render builder --profile {}` prints",
        profiles.join(" or "),
        no.profile
    )
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    arguments.prefix.is_not_of(arguments.pool.as_ref())?;
    let options = ToolOptions { profile: arguments.profile, prefix: arguments.prefix.domain.clone(), pool: arguments.pool.clone() };
    output::print(&render::tool(arguments.tool, &options)?)?;
    Ok(READY)
}
