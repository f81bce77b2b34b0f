//! Where builders can be scheduled, by what stands on all nodes.

mod placement;

pub use placement::{ADVICE, Fleet, Operator, PREFERENCE, Requirement, Standing, best, requirements};
