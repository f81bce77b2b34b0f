//! What can be read of a node: files below a root, which is this machine or a captured tree. Nothing is tried here.

mod apparmor;
mod bounded;
mod capacity;
mod capture;
mod cgroup;
mod container;
mod environment;
mod given;
mod host;
mod in_use;
mod kernel_config;
mod links;
mod machine;
mod manifest;
pub(crate) mod mounts;
mod named;
mod own_pod;
#[cfg(feature = "cli")]
mod pieces;
mod process;
mod security;
mod state_dir;
pub(crate) mod status;
mod sysctl;
mod sysctl_files;
#[cfg(test)]
mod testing;
mod tools;
mod tuned;
mod watch;
mod whole;

/// Why a fact is left out by whoever only judges: no verdict hangs on it.
pub(crate) const BY_FACTS_ALONE: &str = "read by the command facts alone";

pub(crate) use apparmor::gather as apparmor;
pub(crate) use bounded::bounded;
pub(crate) use capacity::gather as capacity;
pub(crate) use cgroup::gather as cgroup;
pub(crate) use container::gather as container;
pub(crate) use environment::{TMP, relative_temp_dir, runtime_dir, temporary};
pub(crate) use given::read_file;
pub(crate) use host::{CAPTURED, Host};
pub(crate) use in_use::{keys, max_processes, user_namespaces};
pub(crate) use kernel_config::gather as kernel_config;
pub(crate) use machine::{boot_arguments, boot_time, kernel, node_name, os_release, stat};
pub(crate) use mounts::{Mounts, proc_fs};
#[cfg(feature = "cli")]
pub(crate) use named::{file, is_file};
pub(crate) use named::{is_directory, look_at};
pub(crate) use own_pod::own_pod;
#[cfg(feature = "cli")]
pub(crate) use pieces::pieces;
pub(crate) use process::gather as process;
pub(crate) use security::{modules as security_modules, selinux};
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
