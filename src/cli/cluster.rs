use super::args::{Connection, LabelPrefix};
use super::{Error, block_on, exit, names};
use crate::admission::{Answer, judge};
use crate::api::{self, Nodes, Pods};
use crate::fleet::Fleet;
use crate::profile::Profile;
use crate::render::{BuilderOptions, builder_pod};
use crate::report::{ClusterProfile, ClusterReport};
use clap::Args;

/// What `check --cluster` takes beside.
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// Where the pods are tried
    #[arg(long, value_name = "NAME", default_value_t = BuilderOptions::default().namespace, value_parser = names::namespace)]
    namespace: String,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// All of them, for they mean nothing without --cluster.
pub(super) const ARGUMENTS: [&str; 4] = ["namespace", "domain", "kubeconfig", "context"];

/// Asks the cluster, by dry runs of the pods that `render builder` makes. Gives the exit code too.
pub(super) fn check(arguments: &ClusterArguments, profiles: &[Profile]) -> Result<(ClusterReport, u8), Error> {
    let report = block_on(ask(arguments, profiles))?;
    let code = exit::of(report.profiles.iter().map(|profile| profile.verdict));
    Ok((report, code))
}

async fn ask(arguments: &ClusterArguments, profiles: &[Profile]) -> Result<ClusterReport, Error> {
    let (namespace, prefix) = (&arguments.namespace, &arguments.prefix.domain);
    let client = arguments.connection.client().await?;
    let pods = Pods::new(client.clone());
    let kubernetes = pods.version().await?;
    let nodes = match Nodes::new(client, prefix.clone()).list().await {
        Ok(nodes) => Ok(nodes),
        Err(error) if error.is_forbidden() => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let mut answers = Vec::new();
    for &profile in profiles {
        let options = BuilderOptions { profile, namespace: namespace.clone(), prefix: prefix.clone(), ..BuilderOptions::default() };
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
