use super::{Error, NOT_READY, READY, UNKNOWN, access, block_on, names};
use crate::admission::{Answer, judge};
use crate::api::{self, Nodes, Pods};
use crate::check::Ready;
use crate::fleet::Fleet;
use crate::node::DEFAULT_PREFIX;
use crate::profile::Profile;
use crate::render::{BuilderOptions, builder_pod};
use crate::report::{ClusterProfile, ClusterReport};
use clap::Args;
use std::path::PathBuf;

/// What `check --cluster` takes beside.
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// With --cluster: another kubeconfig than $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", requires = "cluster")]
    kubeconfig: Option<PathBuf>,
    /// With --cluster: a context of it other than the current one
    #[arg(long, value_name = "NAME", requires = "cluster")]
    context: Option<String>,
    /// With --cluster: where the pods are tried [default: buildkit]
    #[arg(long, value_name = "NAME", requires = "cluster", value_parser = names::namespace)]
    namespace: Option<String>,
    /// With --cluster: the prefix of the nodes' labels
    #[arg(long, value_name = "DOMAIN", requires = "cluster", value_parser = names::prefix)]
    label_prefix: Option<String>,
}

/// Asks the cluster, by dry runs of the pods that `render builder` makes. Gives the exit code too.
pub(super) fn check(arguments: &ClusterArguments, profiles: &[Profile]) -> Result<(ClusterReport, u8), Error> {
    let report = block_on(ask(arguments, profiles))?;
    let any = |ready| report.profiles.iter().any(|profile| profile.verdict == ready);
    let code = if any(Ready::NotReady) {
        NOT_READY
    } else if any(Ready::Unknown) {
        UNKNOWN
    } else {
        READY
    };
    Ok((report, code))
}

async fn ask(arguments: &ClusterArguments, profiles: &[Profile]) -> Result<ClusterReport, Error> {
    let failed = |error: api::Error| Error::Io(error.to_string());
    let usual = BuilderOptions::default();
    let namespace = arguments.namespace.clone().unwrap_or(usual.namespace);
    let prefix = arguments.label_prefix.clone().unwrap_or_else(|| DEFAULT_PREFIX.into());
    let client = api::connect(&access(arguments.kubeconfig.clone(), arguments.context.clone(), false)).await.map_err(failed)?;
    let pods = Pods::new(client.clone());
    let kubernetes = pods.version().await.map_err(failed)?;
    let nodes = match Nodes::new(client, prefix.clone()).list().await {
        Ok(nodes) => Ok(nodes),
        Err(error) if error.is_forbidden() => Err(error.to_string()),
        Err(error) => return Err(failed(error)),
    };
    let mut answers = Vec::new();
    for &profile in profiles {
        let options = BuilderOptions { profile, namespace: namespace.clone(), prefix: prefix.clone(), ..BuilderOptions::default() };
        let pod = builder_pod(&options)?;
        let answer = pods.try_create(&namespace, &pod).await.map_err(failed)?;
        let Some(admission) = judge(&answer, &pod, &namespace, &kubernetes) else {
            let Answer::Refused { code, message } = answer else { continue };
            return Err(failed(api::Error::refused_pod(&namespace, code, &message)));
        };
        let fleet = nodes.as_ref().ok().map(|nodes| Fleet::new(nodes, profile, None));
        answers.push(ClusterProfile::new(profile, admission, fleet.as_ref()));
    }
    Ok(ClusterReport::new(kubernetes, namespace, nodes.map(|nodes| nodes.len()), answers))
}
