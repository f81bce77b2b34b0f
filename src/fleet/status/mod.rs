//! How all nodes of a cluster stand: read one by one into rows of a few bytes, then put together. For `status`.

mod model;
pub mod outline;
mod pods;
mod redact;
mod row;
mod rules;
mod silence;
mod state;
mod sum;
mod word;

pub use model::{FleetCause, FleetNode, FleetPool, FleetProfile, FleetReport, Head, Standing, Unlock};
pub use pods::{AgentPod, explain_silence};
pub use rules::{Rules, STALE_AFTER};
pub use silence::lasting;
pub use state::{ByProfile, Counts, Silence, State};
pub use sum::{NO_CANDIDATE, NO_POOL, UNASKED};
pub use word::{Text, Words};
