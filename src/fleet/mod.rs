//! Where builders can be scheduled, by what stands on all nodes.

mod fit;
mod matching;
mod obstacle;
mod placement;
mod pools;
mod runtime_class;
pub mod status;

pub use fit::{Fit, NodeFit, fit};
pub use obstacle::{Obstacle, obstacles};
pub use placement::{ADVICE, Fleet, Operator, PREFERENCE, Requirement, Standing, best, requirements};
pub use pools::{BarrenPool, IN_A_ROW};
pub use runtime_class::RuntimeClass;
