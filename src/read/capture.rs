//! `facts --capture`: copies what facts are read from into a directory, for `check --root` on another machine.

use super::host::Host;
use super::manifest::{FILE, Manifest, Outcome};
use super::sysctl_files;
use crate::fact::{Errno, Source, SysctlSetting, rows};
use crate::profile::BUILDER_UID;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{geteuid, symlinkat};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What stands in a captured tree for a program.
const STAND_IN: &str = "#!/bin/false\n# Stands for a program that was here when this tree was captured.\n";

/// The directories by which a reader knows that a file system was there, and with it that a file was not.
const ANCHORS: [&str; 4] = ["/proc/sys/kernel", "/proc/self", "/proc/self/ns", "/dev"];

/// Why nothing was captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The directory may hold what somebody wants.
    #[error("{0} exists and is not an empty directory")]
    NotEmpty(String),
    /// It could not be written.
    #[error("could not write {0}: {1}")]
    Io(String, io::Error),
}

/// Captures this machine, or this container, into a new or an empty directory. Of users only the builder's is taken.
///
/// # Errors
/// A directory that is not empty, and what can't be written.
pub fn capture(directory: &Path) -> Result<(), CaptureError> {
    let host = Host::new(None);
    let mut capture = Capture { tree: Tree::make(directory)?, manifest: Manifest::new(host.search_path()), user: User::read(&host), host };
    for anchor in ANCHORS.into_iter().filter(|anchor| Path::new(anchor).is_dir()) {
        capture.tree.directory(anchor)?;
    }
    for row in rows().filter(|row| row.captured) {
        capture.take(row.source)?;
    }
    let mut text = serde_json::to_string_pretty(&capture.manifest).map_err(|error| CaptureError::Io(FILE.into(), error.into()))?;
    text.push('\n');
    capture.tree.file(FILE, &text, false)
}

struct Capture {
    host: Host,
    tree: Tree,
    manifest: Manifest,
    user: User,
}

impl Capture {
    fn take(&mut self, source: Source) -> Result<(), CaptureError> {
        match source {
            Source::File(path) => self.file(path),
            Source::Sysctl(sysctl) => self.file(&sysctl.path()),
            Source::Link(path) => {
                let target = std::fs::read_link(path);
                self.note(path, target, |tree, target| tree.link(path, &target))
            }
            Source::Device(path) => {
                let opened = File::options().read(true).write(true).open(path);
                self.note(path, opened, |tree, _| tree.file(path, "", false))
            }
            Source::Program(name) | Source::Helper(name) => {
                let found =
                    self.host.find_program(name).known().map(|(path, _)| path.clone()).ok_or_else(|| io::ErrorKind::NotFound.into());
                self.note(name, found, |tree, path| tree.file(&path, STAND_IN, true))
            }
            Source::SysctlFiles => self.sysctl_files(),
            Source::FirstOf(sources) => sources.iter().try_for_each(|source| self.take(*source)),
            // These are of the moment, of another process, or of another machine.
            Source::Call(_) | Source::Environment(_) | Source::Option(_) | Source::BuildersImage => Ok(()),
            Source::Clock | Source::Shape | Source::NodeObject | Source::TuneStatus => Ok(()),
        }
    }

    fn sysctl_files(&mut self) -> Result<(), CaptureError> {
        for directory in sysctl_files::DIRECTORIES {
            let names = std::fs::read_dir(directory).map(|_| self.host.list(directory).unwrap_or_default());
            let files: Vec<_> =
                names.iter().flatten().filter(|name| name.ends_with(".conf")).map(|name| format!("{directory}/{name}")).collect();
            self.note(directory, names, |tree, _| tree.directory(directory).map(drop))?;
            for file in &files {
                self.file(file)?;
            }
        }
        self.file(sysctl_files::LAST)
    }

    fn file(&mut self, path: &str) -> Result<(), CaptureError> {
        if self.manifest.sources.contains_key(path) {
            return Ok(());
        }
        let text = self.host.read(path).map(|text| self.user.reduce(path, &text));
        self.note(path, text, |tree, text| tree.file(path, &text, false))
    }

    /// Writes down what came of a look, and what was seen.
    fn note<T>(
        &mut self,
        name: &str,
        seen: io::Result<T>,
        put: impl FnOnce(&Tree, T) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        let outcome = match seen {
            Ok(value) => {
                put(&self.tree, value)?;
                Outcome::Taken
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Outcome::Absent,
            Err(error) => Outcome::Failed(Errno(error.raw_os_error().unwrap_or(nix::errno::Errno::EIO as i32))),
        };
        self.manifest.sources.insert(name.to_owned(), outcome);
        Ok(())
    }
}

/// Who the builder would be here.
struct User {
    uid: u32,
    names: Vec<String>,
}

impl User {
    fn read(host: &Host) -> Self {
        let own = geteuid().as_raw();
        let uid = if own == 0 { BUILDER_UID } else { own };
        let passwd = host.read("/etc/passwd").unwrap_or_default();
        let names = passwd.lines().filter(|line| line.split(':').nth(2) == Some(uid.to_string().as_str()));
        let names = names.filter_map(|line| line.split(':').next()).map(str::to_owned);
        User { uid, names: names.chain(std::env::var("USER").ok().filter(|_| own != 0)).collect() }
    }

    /// What is needed of a file: nobody else's name, and nothing that only this machine has to know.
    fn reduce(&self, path: &str, text: &str) -> String {
        let is_ours = |owner: &str| owner == self.uid.to_string() || self.names.iter().any(|name| name == owner);
        let line = |line: &str| -> Option<String> {
            let fields: Vec<_> = line.split(':').collect();
            match (path, &fields[..]) {
                ("/etc/passwd", [name, _, uid, gid, ..]) => (*uid == self.uid.to_string()).then(|| format!("{name}:x:{uid}:{gid}:::")),
                ("/etc/passwd", _) => None,
                ("/etc/subuid" | "/etc/subgid", [owner, _, _]) => is_ours(owner).then(|| line.to_owned()),
                // rootlesskit stops at such a line, whosever it is.
                ("/etc/subuid" | "/etc/subgid", _) if !line.trim().is_empty() && !line.trim().starts_with('#') => {
                    Some("not-a-range".into())
                }
                ("/etc/subuid" | "/etc/subgid", _) => None,
                // Sources and options of file systems name servers and users.
                ("/proc/self/mountinfo", _) => {
                    let (mount, file_system) = line.split_once(" - ")?;
                    Some(format!("{mount} - {} none rw", file_system.split(' ').next()?))
                }
                (path, _) if path.contains("sysctl") && path.ends_with(".conf") => {
                    SysctlSetting::parse_line(path, line).map(|_| line.to_owned())
                }
                _ => Some(line.to_owned()),
            }
        };
        text.lines().filter_map(line).map(|line| line + "\n").collect()
    }
}

/// A directory that is written to, and never outside of it: no link is followed, and no file written that was there.
struct Tree {
    root: OwnedFd,
    name: String,
}

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::S_IRWXU.union(Mode::S_IRGRP).union(Mode::S_IXGRP).union(Mode::S_IROTH).union(Mode::S_IXOTH);

impl Tree {
    fn make(directory: &Path) -> Result<Self, CaptureError> {
        let name = directory.display().to_string();
        let failed = |error: io::Error| CaptureError::Io(name.clone(), error);
        match std::fs::create_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_empty = directory.symlink_metadata().is_ok_and(|meta| meta.is_dir())
                    && std::fs::read_dir(directory).map_err(failed)?.next().is_none();
                if !is_empty {
                    return Err(CaptureError::NotEmpty(name));
                }
            }
            made => made.map_err(failed)?,
        }
        let root = openat(AT_FDCWD, directory, DIRECTORY, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Tree { root, name })
    }

    /// Makes a directory with those above it, and opens it.
    fn directory(&self, path: &str) -> Result<OwnedFd, CaptureError> {
        let failed = |errno: nix::errno::Errno| self.failed(path, errno.into());
        let mut here = self.root.try_clone().map_err(|error| self.failed(path, error))?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match mkdirat(&here, name, DIRECTORY_MODE) {
                Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            here = openat(&here, name, DIRECTORY, Mode::empty()).map_err(failed)?;
        }
        Ok(here)
    }

    fn file(&self, path: &str, text: &str, executable: bool) -> Result<(), CaptureError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = if executable { DIRECTORY_MODE } else { Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP | Mode::S_IROTH };
        let file = openat(self.directory(parent)?, name, flags, mode).map_err(|errno| self.failed(path, errno.into()))?;
        File::from(file).write_all(text.as_bytes()).map_err(|error| self.failed(path, error))
    }

    fn link(&self, path: &str, target: &Path) -> Result<(), CaptureError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        symlinkat(target, self.directory(parent)?, name).map_err(|errno| self.failed(path, errno.into()))
    }

    fn failed(&self, path: &str, error: io::Error) -> CaptureError {
        CaptureError::Io(format!("{}/{}", self.name, path.trim_start_matches('/')), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_builders_user_is_taken() {
        let user = User { uid: 1000, names: vec!["user".into()] };
        let passwd = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:100:A Name,,,:/home/user:/bin/zsh\nnonsense\n";
        assert_eq!(user.reduce("/etc/passwd", passwd), "user:x:1000:100:::\n");
        let ranges = "# c\nother:1:2\nuser:100000:65536\n1000:7:8\nbroken\n\n";
        assert_eq!(user.reduce("/etc/subuid", ranges), "user:100000:65536\n1000:7:8\nnot-a-range\n");
        let mounts = "1 0 8:1 / / rw shared:1 - cifs //server/share rw,username=me\n";
        assert_eq!(user.reduce("/proc/self/mountinfo", mounts), "1 0 8:1 / / rw shared:1 - cifs none rw\n");
        let settings = "kernel.core_pattern = |/x\nuser.max_user_namespaces = 0\n";
        assert_eq!(user.reduce("/etc/sysctl.d/9.conf", settings), "user.max_user_namespaces = 0\n");
    }

    #[test]
    fn nothing_is_written_outside_or_over_what_is_there() {
        let dir = tempfile::tempdir().expect("temp dir");
        let full = dir.path().join("full");
        std::fs::create_dir(&full).expect("mkdir");
        std::fs::write(full.join("x"), "").expect("write");
        let link = dir.path().join("link");
        let outside = dir.path().join("outside");
        std::fs::create_dir(&outside).expect("mkdir");
        std::os::unix::fs::symlink(&outside, &link).expect("symlink");
        for refused in [&full, &full.join("x"), &link] {
            assert!(matches!(capture(refused), Err(CaptureError::NotEmpty(_))), "{}", refused.display());
        }
        assert!(matches!(capture(&dir.path().join("none/below")), Err(CaptureError::Io(..))));
        let tree = Tree::make(&dir.path().join("new")).expect("a tree");
        std::os::unix::fs::symlink(&outside, dir.path().join("new/etc")).expect("symlink");
        std::os::unix::fs::symlink(outside.join("y"), dir.path().join("new/y")).expect("symlink");
        assert!(tree.file("/etc/passwd", "", false).is_err() && tree.file("/y", "", false).is_err());
        assert_eq!(std::fs::read_dir(&outside).expect("readable").count(), 0);
    }
}
