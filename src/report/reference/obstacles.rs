use super::markdown::{code, head, table};
use crate::admission::Obstacle;

/// What can stand between a builder's pod and the cluster.
pub(super) fn page() -> String {
    let about = "What `check --cluster` can find between a builder's pod and the cluster. The id stands in parentheses behind the verdict,\n\
        and in the report. [Checking a cluster](../cluster-check.md) says how it finds out.";
    let verdict = |obstacle: Obstacle| if obstacle.tells_nothing() { "unknown" } else { "not ready" };
    let rows = Obstacle::ALL.iter().map(|obstacle| [code(obstacle.id()), obstacle.title().to_owned(), verdict(*obstacle).to_owned()]);
    head("Obstacles at the API server", "src/admission/finding.rs", about) + &table(["obstacle", "what happens", "verdict"], rows)
}
