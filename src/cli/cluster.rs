use super::args::{Connection, LabelPrefix, asked};
use super::output::Format;
use super::{Error, block_on, exit, names, values};
use crate::admission::{Answer, judge};
use crate::api::{self, Nodes, Pods, Server};
use crate::fleet::Fleet;
use crate::node::View;
use crate::profile::Profile;
use crate::render::{BUILDER_NAMESPACE, BuilderOptions, builder_pod};
use crate::report::{ClusterProfile, ClusterReport, cluster_table};
use clap::Args;

/// Check a cluster instead of this machine: dry-run the pods that `render builder` prints, and count the nodes that are ready for them
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight check --cluster
  buildkit-preflight check --cluster --namespace builds --profile procmount

Needs a kubeconfig that may `create` pods in the namespace and `list` nodes. Nothing is stored in the cluster.", exit::CLUSTER))]
pub(super) struct Arguments {
    /// A way to run buildkitd; may be repeated [default: all]
    #[arg(long = "profile", value_name = "PROFILE", value_parser = values::profile())]
    profiles: Vec<Profile>,
    /// How to print the report; the schema of the JSON is schema/cluster-report.json
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The namespace in which the pods are tried
    #[arg(long, short = 'n', value_name = "NAME", default_value = BUILDER_NAMESPACE, value_parser = names::namespace)]
    namespace: String,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// Asks the cluster, by dry runs of the pods that `render builder` makes.
pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let profiles = if arguments.profiles.is_empty() { Profile::ALL.to_vec() } else { asked(&arguments.profiles) };
    let report = block_on(ask(arguments, &profiles))?;
    arguments.format.print(&report, |style| cluster_table(&report, style))?;
    Ok(exit::of(report.profiles.iter().map(|profile| profile.verdict)))
}

async fn ask(arguments: &Arguments, profiles: &[Profile]) -> Result<ClusterReport, Error> {
    let (namespace, prefix) = (&arguments.namespace, &arguments.prefix.domain);
    let client = arguments.connection.client().await?;
    let pods = Pods::new(client.clone());
    let kubernetes = pods.version().await?;
    let nodes = nodes(client, prefix).await?;
    let mut answers = Vec::new();
    for &profile in profiles {
        let options = BuilderOptions { profile, namespace: Some(namespace.clone()), prefix: prefix.clone(), ..BuilderOptions::default() };
        let pod = builder_pod(&options)?;
        let answer = pods.try_create(namespace, &pod).await?;
        let Some(admission) = judge(&answer, &pod, namespace, &kubernetes) else {
            let Answer::Refused { code, message } = answer else { continue };
            return Err(api::Error::refused_pod(namespace, code, &message).into());
        };
        let fleet = nodes.as_ref().ok().map(|nodes| Fleet::new(nodes, profile, None));
        answers.push(ClusterProfile::new(profile, admission, fleet.as_ref()));
    }
    Ok(ClusterReport::new(kubernetes, namespace.clone(), nodes.map(|nodes| nodes.len()), answers))
}

/// All nodes, or why they can't be listed: the right to is one that many have not.
pub(super) async fn nodes(client: Server, prefix: &str) -> Result<Result<Vec<View>, String>, Error> {
    match Nodes::new(client, prefix.to_owned()).list().await {
        Ok(nodes) => Ok(Ok(nodes)),
        Err(error) if error.is_forbidden() => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
