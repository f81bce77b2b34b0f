//! Directories that are what their path says: no symbolic link on the way.

use super::Error;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

/// Opens a directory by its absolute path, part by part.
pub(super) fn open_plain(path: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(Error::new(format!("{}: not an absolute path", path.display())));
    }
    let mut here = PathBuf::from("/");
    let mut directory = open("/", flags, Mode::empty()).map_err(|errno| Error::io("open", "/", errno))?;
    for part in parts {
        let Component::Normal(name) = part else {
            return Err(Error::new(format!("{}: a path with `..` is not allowed", path.display())));
        };
        here.push(name);
        directory = openat(&directory, name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ELOOP | Errno::ENOTDIR => Error::new(format!("{} is not a directory (symbolic links are not followed)", here.display())),
            errno => Error::io("open", here.display(), errno),
        })?;
    }
    Ok(directory)
}
