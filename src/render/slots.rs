//! The tools that have a place for settings of a builder, and what these can say.

use crate::profile::Profile;
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
pub(super) struct Row {
    tool: Tool,
    /// What is filled in.
    pub(super) template: &'static str,
    /// The profiles that its settings can say.
    says: &'static [Profile],
    /// What it lacks for the others.
    lacks: &'static str,
    /// How far to the right its template has a container's security context, where it says one.
    pub(super) indent: usize,
}

/// A container that is rootless and no more, or privileged and root.
const EITHER: &[Profile] = &[Profile::NoProcessSandbox, Profile::Rootful];

/// All that need no ConfigMap beside the pod.
const WITHOUT_FILES: &[Profile] = &[Profile::NoProcessSandbox, Profile::Userns, Profile::Baseline, Profile::Privileged, Profile::Rootful];

pub(super) const TOOLS: [Row; 8] = [
    Row {
        tool: Tool::BuildkitService,
        template: "tools/buildkit-service.yaml",
        says: EITHER,
        lacks: "the chart has no value for hostUsers or procMount, and its rootless container is Unconfined and never privileged",
        indent: 0,
    },
    Row {
        tool: Tool::BuildkitOperator,
        template: "tools/buildkit-operator.yaml",
        says: &[Profile::NoProcessSandbox, Profile::Userns, Profile::Rootful],
        lacks: "a BuildkitTemplate has no field for procMount, and its rootless container is Unconfined and never privileged",
        indent: 0,
    },
    Row {
        tool: Tool::Buildx,
        template: "tools/buildx.sh",
        says: EITHER,
        lacks: "the kubernetes driver has no option for hostUsers or procMount, and its rootless container is Unconfined and never privileged",
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
        lacks: "clusterBuildkit has no field for hostUsers or procMount, and its rootless container is Unconfined and never privileged",
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

    /// What is known of the tool, where it can run the profile.
    pub(super) fn slot(self, profile: Profile) -> Result<&'static Row, NoSlot> {
        let row = self.row();
        if row.says.contains(&profile) { Ok(row) } else { Err(NoSlot { tool: self, profile, lacks: row.lacks }) }
    }

    /// The profiles that its settings can say.
    #[must_use]
    pub fn profiles(self) -> &'static [Profile] {
        self.row().says
    }
}
