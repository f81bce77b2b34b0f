//! Settings for other people's tools that run builders: charts, operators, CI runners. Each tool has its own place for them.

use super::Error;
use super::builder::{PORT, stock_image};
use super::shape::security_at;
use super::slots::Tool;
use super::template::Templates;
use crate::fact::Builder;
use crate::node::{DEFAULT_PREFIX, Key, Pool};
use crate::profile::{Confinement, Profile};
use minijinja::context;

/// What a user may choose of a tool's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOptions {
    /// The way to run buildkitd.
    pub profile: Profile,
    /// The prefix of the nodes' labels.
    pub prefix: String,
    /// The pool to which its pods go, where an autoscaler makes the nodes; none: nodes by the agent's label.
    pub pool: Option<Pool>,
}

impl Default for ToolOptions {
    fn default() -> Self {
        ToolOptions { profile: Profile::NoProcessSandbox, prefix: DEFAULT_PREFIX.into(), pool: None }
    }
}

/// The settings that send a tool's builders to nodes where they work, as the tool reads them, with comments on what it lacks.
///
/// # Errors
/// Says what the tool lacks for the profile, or which template is wrong.
pub fn tool(tool: Tool, options: &ToolOptions) -> Result<String, Error> {
    let (row, profile) = (tool.slot(options.profile)?, options.profile);
    let shape = profile.shape();
    let (key, value) = options.pool.as_ref().map_or_else(
        || {
            let (key, value) = Key::selector(profile);
            (key.with(&options.prefix), value)
        },
        |pool| (pool.key.clone(), pool.value.as_str()),
    );
    let rootless = profile.row().builder == Builder::Rootless;
    let values = context! {
        key,
        value,
        pool => options.pool.is_some(),
        profile => profile.id(),
        proven => profile.needs_proof(),
        rootless,
        image => stock_image(!rootless),
        host_users => shape.host_users,
        privileged => shape.privileged,
        unconfined => shape.seccomp == Some(Confinement::Unconfined) && shape.apparmor == Some(Confinement::Unconfined),
        asks_for_nothing => !profile.asked().unconfined,
        process_sandbox => shape.process_sandbox,
        user => shape.user,
        group => shape.group,
        security => security_at(row.indent, shape, &[]),
        state_dir => shape.state.path.as_ref(),
        socket => format!("unix://{}/buildkitd.sock", shape.runtime.path),
        port => PORT,
    };
    Templates::new()?.fill(row.template, &values)
}

#[cfg(test)]
mod tests;
