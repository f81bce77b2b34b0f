//! One sysctl, open for writing.

use super::Error;
use super::directory::open_plain;
use crate::fact::Tunable;
use crate::read;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(super) struct Sysctl {
    file: File,
    path: PathBuf,
}

impl Sysctl {
    /// Opens it below `root`, which is /proc/sys, or where its directories are mounted in a container.
    pub(super) fn open(root: &Path, which: Tunable) -> Result<Self, Error> {
        let (parent, name) = which.path();
        let directory = root.join(parent);
        let path = directory.join(name);
        let opened = open_plain(&directory).map_err(|error| {
            error.hint(format!("in a container, mount the node's /proc/sys/{parent} there; on the node itself, leave --sysctls out"))
        })?;
        let (file_system, place) = read::place(&directory).map_err(Error::new)?;
        if file_system != "proc" || place != format!("/sys/{parent}") {
            let is = if file_system == "proc" { format!("/proc{place}") } else { format!("a directory on {file_system}") };
            let message = format!("{} is not /proc/sys/{parent} but {is}: nothing was changed", directory.display());
            return Err(Error::new(message).hint("mount the node's own directory there"));
        }
        let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&opened, name, flags, Mode::empty()).map_err(|errno| explain(&path, parent, errno))?;
        // Something else may be mounted over the file, another sysctl even.
        if mount_of(&file)? != mount_of(&opened)? {
            return Err(Error::new(format!("{} is not that sysctl: another file is mounted over it; nothing was changed", path.display())));
        }
        Ok(Sysctl { file: file.into(), path })
    }

    /// Raises it. Gives the value before; `None` where it is as high by now.
    pub(super) fn raise(&self, to: u64) -> Result<Option<u64>, Error> {
        let from = self.read()?;
        if from >= to {
            return Ok(None);
        }
        let failed = |why: String| Error::new(format!("could not write {to} to {}: {why}", self.path.display()));
        let text = format!("{to}\n");
        match self.file.write_at(text.as_bytes(), 0) {
            Ok(written) if written == text.len() => {}
            Ok(_) => return Err(failed("only a part was written".into())),
            Err(error) => return Err(failed(error.to_string())),
        }
        match self.read()? {
            now if now == to => Ok(Some(from)),
            now => Err(failed(format!("its value is {now} afterwards, so another process writes it too"))),
        }
    }

    fn read(&self) -> Result<u64, Error> {
        let mut text = [0; 24];
        let path = self.path.display();
        let length = self.file.read_at(&mut text, 0).map_err(|error| Error::new(format!("could not read {path}: {error}")))?;
        let text = String::from_utf8_lossy(&text[..length]);
        text.trim().parse().map_err(|_| Error::new(format!("{path} holds {:?}, which is not a number", text.trim())))
    }
}

/// On which mount an open file is, by the kernel's number.
fn mount_of(file: &OwnedFd) -> Result<String, Error> {
    let info = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
    let text = std::fs::read_to_string(&info).map_err(|error| Error::new(format!("could not read {info}: {error}")))?;
    let mount = text.lines().find_map(|line| line.strip_prefix("mnt_id:")).map(|id| id.trim().to_owned());
    mount.ok_or_else(|| Error::new(format!("{info} has no mnt_id")))
}

fn explain(path: &Path, parent: &str, errno: Errno) -> Error {
    let error = Error::io("open for writing", path.display(), errno);
    match errno {
        Errno::EACCES if parent == "user" => error.hint(
            "only root with CAP_SYS_RESOURCE may set limits on namespaces: add SYS_RESOURCE to the container's capabilities; nothing was changed",
        ),
        Errno::EACCES | Errno::EPERM => error.hint("only root may set sysctls: run this as uid 0; nothing was changed"),
        Errno::EROFS => error.hint(format!("mounted read-only: mount the node's /proc/sys/{parent} for writing; nothing was changed")),
        _ => error,
    }
}
