//! What several tests need.

pub(crate) mod image;
pub(crate) mod oci;
pub(crate) mod people;
pub(crate) mod workbench;
