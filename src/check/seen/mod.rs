//! What the rows of the table see, by subject: a value for each thing that can be seen, with its text in `Display` alone.

pub mod confinement;
pub mod idmap;
pub mod own_pod;
pub mod pod;
pub mod storage;
pub mod userns;
