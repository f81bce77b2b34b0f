//! `--profile auto`.

use super::Arguments;
use crate::api::Nodes;
use crate::cli::{Error, output};
use crate::fleet::{ADVICE, best};
use crate::profile::Profile;
use crate::render::LEAST_POD_IDS;

/// Takes the best profile for which enough nodes are ready, and says why on standard error.
pub(super) async fn choose(arguments: &Arguments) -> Result<Profile, Error> {
    let nodes = Nodes::new(arguments.connection.client().await?, arguments.prefix.domain.clone()).list().await?;
    let ids = arguments.ids.filter(|ids| *ids > LEAST_POD_IDS);
    let least = arguments.min_nodes.unwrap_or(1);
    let (best, fleets) = best(&nodes, ids, least as usize);
    let lines = fleets.iter().map(|fleet| format!("{:<18}  {fleet}", fleet.profile.id()));
    match best {
        Some(profile) => {
            let better: Vec<_> = lines.zip(&fleets).take_while(|(_, fleet)| fleet.profile != profile).map(|(line, _)| line).collect();
            let taken = fleets.iter().find(|fleet| fleet.profile == profile).map(ToString::to_string).unwrap_or_default();
            output::note("auto: ", &format!("{profile}: {taken}"));
            if !better.is_empty() {
                let nodes = if least == 1 { "node" } else { "nodes" };
                output::note("", &format!("better profiles with fewer than {least} ready {nodes}:"));
                better.iter().for_each(|line| output::note("  ", line));
            }
            if fleets.iter().any(|fleet| fleet.profile == profile && fleet.ready().count() < least as usize) {
                output::note("warning: ", &format!("no pod has proven {profile}, and its container is privileged: a build may still fail"));
            }
            Ok(profile)
        }
        None => Err(Error::NotReady {
            message: format!(
                "no profile has {} ready, so nothing is printed",
                if least == 1 { "a node that is".to_owned() } else { format!("{least} nodes that are") }
            ),
            more: lines.collect(),
            hint: ADVICE.into(),
        }),
    }
}
