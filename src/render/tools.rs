//! Settings for other people's tools that run builders: charts, operators, CI runners. Each tool has its own place for them.

use super::Error;
use super::builder::{PORT, stock_image};
use super::shape::security_at;
use super::template::Templates;
use crate::fact::Builder;
use crate::node::{DEFAULT_PREFIX, Key};
use crate::profile::{Confinement, Profile};
use minijinja::context;
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

/// A tool that makes the pod of a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Tool {
    /// The Helm chart andrcuns/buildkit-service.
    BuildkitService,
    /// The operator seatgeek/buildkit-operator.
    BuildkitOperator,
    /// The kubernetes driver of docker buildx.
    Buildx,
    /// The executor kubernetes of GitLab Runner.
    GitlabRunner,
    /// TaskRuns of Tekton Pipelines.
    Tekton,
    /// Builds of Shipwright.
    Shipwright,
    /// The Helm chart gha-runner-scale-set of GitHub's actions-runner-controller.
    Arc,
    /// The provider kubernetes of Garden.
    Garden,
}

/// What is known of a tool.
struct Row {
    tool: Tool,
    /// What is filled in.
    template: &'static str,
    /// The profiles that its settings can say.
    says: &'static [Profile],
    /// What it lacks for the others.
    lacks: &'static str,
    /// How far to the right its template has a container's security context, where it says one.
    indent: usize,
}

/// A container that is rootless and no more, or privileged and root.
const EITHER: &[Profile] = &[Profile::NoProcessSandbox, Profile::Rootful];

/// All that need no ConfigMap beside the pod.
const WITHOUT_FILES: &[Profile] = &[Profile::NoProcessSandbox, Profile::Userns, Profile::Privileged, Profile::Rootful];

const TOOLS: [Row; 8] = [
    Row {
        tool: Tool::BuildkitService,
        template: "tools/buildkit-service.yaml",
        says: EITHER,
        lacks: "the chart has no value for hostUsers or procMount, and its rootless container is never privileged",
        indent: 0,
    },
    Row {
        tool: Tool::BuildkitOperator,
        template: "tools/buildkit-operator.yaml",
        says: &[Profile::NoProcessSandbox, Profile::Userns, Profile::Rootful],
        lacks: "a BuildkitTemplate has no field for procMount, and its rootless container is never privileged",
        indent: 0,
    },
    Row {
        tool: Tool::Buildx,
        template: "tools/buildx.sh",
        says: EITHER,
        lacks: "the kubernetes driver has no option for hostUsers or procMount, and its rootless container is never privileged",
        indent: 0,
    },
    Row {
        tool: Tool::GitlabRunner,
        template: "tools/gitlab-runner.toml",
        says: WITHOUT_FILES,
        lacks: "the profile needs a ConfigMap with ID ranges, which config.toml can't make",
        indent: 0,
    },
    Row {
        tool: Tool::Tekton,
        template: "tools/tekton.yaml",
        says: WITHOUT_FILES,
        lacks: "the profile needs a ConfigMap with ID ranges, which a TaskRun can't make",
        indent: 6,
    },
    Row {
        tool: Tool::Shipwright,
        template: "tools/shipwright.yaml",
        says: &[Profile::NoProcessSandbox],
        lacks: "a Build has no field for hostUsers or a security context, and the strategy buildkit of Shipwright is rootless",
        indent: 0,
    },
    Row {
        tool: Tool::Arc,
        template: "tools/arc.yaml",
        says: WITHOUT_FILES,
        lacks: "the profile needs a ConfigMap with ID ranges, which the chart can't make",
        indent: 8,
    },
    Row {
        tool: Tool::Garden,
        template: "tools/garden.yaml",
        says: EITHER,
        lacks: "clusterBuildkit has no field for hostUsers or procMount, and its rootless container is never privileged",
        indent: 0,
    },
];

const _: () = {
    let mut at = 0;
    while at < TOOLS.len() {
        assert!(TOOLS[at].tool as usize == at, "the rows stand in the order of the variants");
        at += 1;
    }
};

/// What a user may choose of a tool's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOptions {
    /// The way to run buildkitd.
    pub profile: Profile,
    /// The prefix of the nodes' labels.
    pub prefix: String,
}

impl Default for ToolOptions {
    fn default() -> Self {
        ToolOptions { profile: Profile::NoProcessSandbox, prefix: DEFAULT_PREFIX.into() }
    }
}

/// Why a tool can't run a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{tool} can't run the profile {profile}: {lacks}", tool = <&str>::from(self.tool))]
pub struct NoSlot {
    /// The tool.
    pub tool: Tool,
    /// The profile.
    pub profile: Profile,
    lacks: &'static str,
}

impl Tool {
    fn row(self) -> &'static Row {
        &TOOLS[self as usize]
    }

    /// The profiles that its settings can say.
    #[must_use]
    pub fn profiles(self) -> &'static [Profile] {
        self.row().says
    }
}

/// The settings that send a tool's builders to nodes where they work, as the tool reads them, with comments on what it lacks.
///
/// # Errors
/// Says what the tool lacks for the profile, or which template is wrong.
pub fn tool(tool: Tool, options: &ToolOptions) -> Result<String, Error> {
    let (row, profile) = (tool.row(), options.profile);
    if !row.says.contains(&profile) {
        return Err(NoSlot { tool, profile, lacks: row.lacks }.into());
    }
    let (shape, (key, value)) = (profile.shape(), Key::selector(profile));
    let rootless = profile.row().builder == Builder::Rootless;
    let values = context! {
        key => key.with(&options.prefix),
        value,
        profile => profile.id(),
        proven => profile.is_proven_by_a_pod(),
        rootless,
        image => stock_image(!rootless),
        host_users => shape.host_users,
        privileged => shape.privileged,
        unconfined => shape.seccomp == Some(Confinement::Unconfined) && shape.apparmor == Some(Confinement::Unconfined),
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
