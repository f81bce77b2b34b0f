//! What is seen of the builder's own pod.

use crate::fact::{Directory, Errno};
use std::fmt;

/// What is wrong with the user of the process, or with a directory that it writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(strum::EnumCount))]
pub enum Seen {
    /// The image does not know the user.
    NoEntry {
        /// The user.
        uid: u32,
        /// The home directory, where it belongs to another.
        home: Option<Directory>,
    },
    /// The process runs with another group than that of its user.
    OtherGroup {
        /// The user.
        uid: u32,
        /// The user's group.
        should: u32,
        /// The process's group.
        group: u32,
    },
    /// Root, in an image that gives root no range.
    IsRoot {
        /// The home directory, where it belongs to another.
        home: Option<Directory>,
    },
    /// An ordinary user, where the builder is root of its container.
    NotRoot(u32),
    /// USER is none of an ordinary user, so that buildkitd takes root's places, which it can't write.
    RootsPlaces {
        /// What it is.
        user: Option<String>,
    },
    /// A directory belongs to another ordinary user.
    OthersDirectory {
        /// The user.
        uid: u32,
        /// The directory.
        directory: Directory,
    },
    /// Root, in a container without the privileges that a builder without rootlesskit needs.
    UnprivilegedRoot,
    /// Temporary files can't be made there.
    TempDir(Directory),
    /// Sockets can't be made there.
    RuntimeDir(Directory),
    /// The path of a socket there has too many bytes.
    TooLong(String),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::NoEntry { uid, home } => {
                write!(f, "the process runs as user {uid}, and /etc/passwd has no such user")?;
                belongs(home.as_ref(), f)
            }
            Seen::OtherGroup { uid, should, group } => write!(
                f,
                "the process runs as user {uid} with group {group}, but /etc/passwd gives that user group {should}: newuidmap and newgidmap refuse to work"
            ),
            Seen::IsRoot { home } => {
                f.write_str("the process runs as root, and /etc/subuid has no range for root")?;
                belongs(home.as_ref(), f)
            }
            Seen::NotRoot(uid) => write!(f, "the builder of this profile is root of its container, and the process runs as user {uid}"),
            Seen::RootsPlaces { user: None } => f.write_str("the variable USER is not set, so buildkitd takes the directories of root"),
            Seen::RootsPlaces { user: Some(user) } => write!(f, "the variable USER is {user}, so buildkitd takes the directories of root"),
            Seen::OthersDirectory { uid, directory } => {
                write!(f, "the process runs as user {uid}, and {} belongs to user {}", there(directory), directory.owner)
            }
            Seen::UnprivilegedRoot => f.write_str("buildkitd runs as root of a container without CAP_SYS_ADMIN, and without rootlesskit"),
            Seen::TempDir(directory) => refused("temporary files", directory, f),
            Seen::TooLong(path) => {
                write!(f, "the path {path} is too long for a socket: {} bytes at most", Directory::LONGEST_SOCKET - "/otel-grpc.sock".len())
            }
            Seen::RuntimeDir(directory) => refused("sockets", directory, f),
        }
    }
}

fn belongs(home: Option<&Directory>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    home.map_or(Ok(()), |home| write!(f, "; {} belongs to user {}", home.path, home.owner))
}

/// The directory, or the parent that was looked at in its place.
fn there(directory: &Directory) -> &str {
    directory.parent.as_ref().unwrap_or(&directory.path)
}

fn refused(what: &str, directory: &Directory, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let path = &directory.path;
    if directory.is_relative() {
        return write!(f, "{what} can't be made in {path}, which is not an absolute path");
    }
    let why = if directory.is_on_read_only_root() {
        "the root file system is read-only"
    } else {
        directory.refused.map_or("refused", Errno::text)
    };
    write!(f, "{what} can't be made in {path}: {why}")?;
    if directory.refused == Some(Errno::EACCES) {
        write!(f, " ({} belongs to user {})", there(directory), directory.owner)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::texts;

    #[test]
    fn each_has_its_text() {
        let directory = |path: &str| Directory {
            path: path.into(),
            parent: Some("/run/user".into()),
            owner: 1000,
            group: 1000,
            on_root: true,
            refused: Some(Errno::EACCES),
        };
        texts(&[
            (
                Seen::NoEntry { uid: 1001, home: Some(directory("/home/user")) },
                "the process runs as user 1001, and /etc/passwd has no such user; /home/user belongs to user 1000",
            ),
            (
                Seen::OtherGroup { uid: 1000, should: 1000, group: 0 },
                "the process runs as user 1000 with group 0, but /etc/passwd gives that user group 1000: newuidmap and newgidmap refuse to work",
            ),
            (Seen::IsRoot { home: None }, "the process runs as root, and /etc/subuid has no range for root"),
            (Seen::NotRoot(1000), "the builder of this profile is root of its container, and the process runs as user 1000"),
            (
                Seen::OthersDirectory { uid: 1001, directory: directory("/run/user/1000/buildkit") },
                "the process runs as user 1001, and /run/user belongs to user 1000",
            ),
            (Seen::TempDir(directory("/tmp")), "temporary files can't be made in /tmp: Permission denied (/run/user belongs to user 1000)"),
            (
                Seen::TempDir(Directory { refused: Some(Errno::EINVAL), ..directory("tmp") }),
                "temporary files can't be made in tmp, which is not an absolute path",
            ),
            (Seen::RootsPlaces { user: None }, "the variable USER is not set, so buildkitd takes the directories of root"),
            (Seen::RootsPlaces { user: Some("root".into()) }, "the variable USER is root, so buildkitd takes the directories of root"),
            (Seen::UnprivilegedRoot, "buildkitd runs as root of a container without CAP_SYS_ADMIN, and without rootlesskit"),
            (Seen::TooLong("/run/x".into()), "the path /run/x is too long for a socket: 89 bytes at most"),
            (
                Seen::RuntimeDir(Directory { refused: Some(Errno::EROFS), ..directory("/run/user/1000/buildkit") }),
                "sockets can't be made in /run/user/1000/buildkit: the root file system is read-only",
            ),
        ]);
    }
}
