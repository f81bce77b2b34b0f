//! What is tried, in processes of its own: a probe that does what a builder does, and on demand a real build.

pub(crate) mod behave;
mod ending;
mod leftovers;
pub mod probe;
pub(crate) mod trial;

/// How many times the time of a probe a build may take: it starts a daemon and writes an image.
pub const BUILD_TIME: u32 = 12;

/// Takes leave of processes that a probe left behind and this one inherited, as the first process of a container does.
/// To be called by one that has no other children.
pub fn reap() {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {}
}
