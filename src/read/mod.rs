//! What can be read of a node: files below a root, which is this machine or a captured tree. Nothing is tried here.

mod apparmor;
mod bounded;
mod capacity;
mod capture;
mod environment;
mod given;
mod host;
mod links;
mod machine;
mod manifest;
pub(crate) mod mounts;
mod named;
mod own_pod;
mod process;
mod state_dir;
pub(crate) mod status;
mod sysctl;
mod sysctl_files;
mod tools;
mod tuned;
mod watch;
mod whole;

pub(crate) use apparmor::gather as apparmor;
pub(crate) use bounded::bounded;
pub(crate) use capacity::gather as capacity;
pub(crate) use environment::{TMP, relative_temp_dir, runtime_dir, temporary};
pub(crate) use given::read_file;
pub(crate) use host::{CAPTURED, Host};
pub(crate) use machine::{boot_time, kernel, node_name, os_release, stat};
pub(crate) use mounts::{Mounts, proc_fs};
#[cfg(feature = "cli")]
pub(crate) use named::{file, is_file};
pub(crate) use named::{is_directory, look_at};
pub(crate) use own_pod::own_pod;
pub(crate) use process::gather as process;
pub(crate) use state_dir::{gather as state_dir, unanswered, wanted as wanted_state_dir};
pub(crate) use sysctl::{sysctls, sysctls_after};
pub(crate) use sysctl_files::gather as sysctl_files;
pub(crate) use tools::{Programs, sub_ids};
pub(crate) use whole::whole;

pub use capture::capture;
pub use machine::{boot_id, booted_at, now};
pub use mounts::place;
pub use named::{BadPath, Named, PATIENCE};
pub use tuned::TunedFile;
pub use watch::{Fingerprint, Watched};
