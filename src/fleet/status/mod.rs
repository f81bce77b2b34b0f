//! How all nodes of a cluster stand: read one by one into rows of a few bytes, then put together. For `status`.

mod model;
mod row;
mod state;
mod sum;
mod word;

pub use model::{FleetCause, FleetNode, FleetPool, FleetProfile, FleetReport, Head, Standing, Unlock};
pub use state::{ByProfile, Counts, Silence, State};
pub use sum::NO_POOL;
pub use word::{Text, Words};
