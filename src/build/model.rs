//! Build, BuildTemplate and ClusterBuildTemplate of build.knative.dev/v1alpha1, as they were read.

use crate::yaml::{Given, Spot};
use serde_json::Value;
use std::collections::BTreeMap;

/// A Build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// `metadata.name`, or the beginning of a name from `metadata.generateName`, without its hyphen.
    pub name: Given<String>,
    /// `metadata.namespace`.
    pub namespace: Option<Given<String>>,
    /// `metadata.labels`, for its pod.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, for its pod.
    pub annotations: BTreeMap<String, String>,
    /// `spec.source` or `spec.sources`.
    pub sources: Vec<Source>,
    /// Its own steps, or a template.
    pub work: Work,
    /// `spec.serviceAccountName`; Kubernetes calls the usual one `default`.
    pub service_account: Option<Given<String>>,
    /// `spec.timeout` in seconds.
    pub timeout: u64,
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// `spec.affinity`, of Kubernetes.
    pub affinity: Option<Value>,
    /// `spec.volumes`.
    pub volumes: Vec<Volume>,
}

impl Build {
    /// The service account whose secrets are its credentials.
    pub fn service_account(&self) -> &str {
        self.service_account.as_ref().map_or("default", |name| &name.value)
    }

    /// The URLs that are fetched by git.
    pub fn git_urls(&self) -> Vec<&str> {
        let urls = self.sources.iter().filter_map(|source| match &source.fetch {
            Fetch::Git { url, .. } => Some(url.value.as_str()),
            Fetch::Custom(_) => None,
        });
        urls.collect()
    }

    /// The template that it names.
    pub fn template(&self) -> Option<&TemplateRef> {
        match &self.work {
            Work::Template(template) => Some(template),
            Work::Steps(_) => None,
        }
    }
}

/// What a Build does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// `spec.steps`.
    Steps(Vec<Container>),
    /// `spec.template`.
    Template(TemplateRef),
}

/// Something that is fetched into the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name among others.
    pub name: Option<Given<String>>,
    /// What is fetched, and how.
    pub fetch: Fetch,
    /// The folder of it that steps see as /workspace.
    pub sub_path: Option<Given<String>>,
    /// The folder of the workspace that it goes into.
    pub target_path: Option<Given<String>>,
    /// Where it is written.
    pub spot: Spot,
}

/// How a source is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// By git.
    Git {
        /// The repository.
        url: Given<String>,
        /// A branch, a tag, a commit or a ref.
        revision: Given<String>,
    },
    /// By a container of the user.
    Custom(Container),
}

/// A container as Kubernetes has it. The API server judges those of its fields that are not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// All of it.
    pub value: Value,
    /// Where it is written, and where those of its fields are that are looked at.
    pub spot: Spot,
    /// By the field's name.
    pub fields: BTreeMap<String, Spot>,
}

impl Container {
    /// Where a field is, else where the container is.
    pub(super) fn spot_of(&self, field: &str) -> &Spot {
        self.fields.get(field).unwrap_or(&self.spot)
    }

    /// A field that is a text.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.value.get(field).and_then(Value::as_str)
    }

    /// The same, or a text of a list: `args[2]`.
    pub(super) fn word(&self, field: &str) -> Option<&str> {
        match field.strip_suffix(']').and_then(|field| field.split_once('[')) {
            Some((list, index)) => self.value.get(list)?.get(index.parse::<usize>().ok()?)?.as_str(),
            None => self.text(field),
        }
    }
}

/// A volume as Kubernetes has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: Given<String>,
    /// All of it.
    pub value: Value,
}

/// Which template, filled in with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRef {
    /// Its name.
    pub name: Given<String>,
    /// Its kind.
    pub kind: TemplateKind,
    /// Values of its parameters.
    pub arguments: Vec<Argument>,
    /// Environment variables (EnvVar of Kubernetes) for all its steps, by their names.
    pub env: Vec<(String, Value)>,
}

/// An argument of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// The parameter.
    pub name: Given<String>,
    /// Its value.
    pub value: Given<String>,
}

/// The kinds of templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// Of a namespace.
    BuildTemplate,
    /// Of the cluster.
    ClusterBuildTemplate,
}

impl TemplateKind {
    /// Both.
    pub const ALL: [TemplateKind; 2] = [TemplateKind::BuildTemplate, TemplateKind::ClusterBuildTemplate];

    /// As Kubernetes calls it.
    pub fn id(self) -> &'static str {
        match self {
            TemplateKind::BuildTemplate => "BuildTemplate",
            TemplateKind::ClusterBuildTemplate => "ClusterBuildTemplate",
        }
    }
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its kind.
    pub kind: TemplateKind,
    /// `metadata.name`.
    pub name: Given<String>,
    /// `metadata.namespace`.
    pub namespace: Option<Given<String>>,
    /// What can be filled in.
    pub parameters: Vec<Parameter>,
    /// Its steps, with placeholders.
    pub steps: Vec<Container>,
    /// Its volumes, with placeholders.
    pub volumes: Vec<Volume>,
}

/// A parameter of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Given<String>,
    /// What it is if no argument says so; without one it is required.
    pub default: Option<String>,
}
