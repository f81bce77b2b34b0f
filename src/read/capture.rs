//! `facts --capture`: copies what facts are read from into a directory, for `check --root` on another machine.

use super::bounded;
use super::container::ROOTLESS as PODMAN_ROOTLESS;
use super::host::Host;
use super::kernel_config::files as config_files;
use super::machine::kernel as read_kernel;
use super::manifest::{FILE, Manifest, Outcome};
use super::named::{BadPath, Named, PATIENCE};
use super::sysctl_files;
use crate::fact::{BootArguments, Errno, Source, SysctlSetting, kernel_options, rows};
use crate::profile::BUILDER_UID;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{geteuid, symlinkat};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What stands in a captured tree for a program.
const STAND_IN: &str = "#!/bin/false\n# Stands for a program that was here when this tree was captured.\n";

/// The directories by which a reader knows that a file system was there, and with it that a file was not.
const ANCHORS: [&str; 7] =
    ["/proc/sys/kernel", "/proc/self", "/proc/self/ns", "/dev", "/sys/kernel/security", "/sys/fs", "/sys/fs/selinux/class"];

/// Captures this machine, or this container, into a new or an empty directory. Of users only the builder's is taken. Nothing is
/// written before all is read.
///
/// # Errors
/// A directory that is not empty, what can't be written, and what does not answer.
pub fn capture(directory: &Path) -> Result<(), BadPath> {
    let looked_at = Arc::new(Mutex::new(String::new()));
    let (at, path) = (Arc::clone(&looked_at), directory.to_owned());
    let silent = |path: &Path| BadPath::silent(Named::Capture, path, PATIENCE);
    let Some(read) = bounded(PATIENCE, move || Capture::read(&at)) else {
        let at = looked_at.lock().map(|at| at.clone()).unwrap_or_default();
        return Err(silent(Path::new(&at)));
    };
    bounded(PATIENCE, move || read.write(&path)).unwrap_or_else(|| Err(silent(directory)))
}

/// Something that is to stand in the tree, by its path.
enum Item {
    Directory(String),
    File { path: String, text: String, is_program: bool },
    Link { path: String, target: PathBuf },
}

/// What was read.
struct Capture {
    host: Host,
    items: Vec<Item>,
    manifest: Manifest,
    user: User,
    /// What is being looked at.
    at: Arc<Mutex<String>>,
}

impl Capture {
    fn read(at: &Arc<Mutex<String>>) -> Self {
        let host = Host::new(None);
        let (manifest, user) = (Manifest::new(host.search_path()), User::read(&host));
        let mut capture = Capture { host, items: Vec::new(), manifest, user, at: Arc::clone(at) };
        let anchors = ANCHORS.into_iter().filter(|anchor| Path::new(anchor).is_dir());
        capture.items.extend(anchors.map(|anchor| Item::Directory(anchor.to_owned())));
        rows().filter(|row| row.captured).for_each(|row| capture.take(row.source));
        capture
    }

    /// The manifest is begun first and written last: a tree without its text is known for one that was not finished.
    fn write(&self, directory: &Path) -> Result<(), BadPath> {
        let tree = Tree::make(directory)?;
        let mut manifest = tree.new_file(FILE, false)?;
        for item in &self.items {
            match item {
                Item::Directory(path) => tree.directory(path).map(drop)?,
                Item::File { path, text, is_program } => {
                    let mut file = tree.new_file(path, *is_program)?;
                    file.write_all(text.as_bytes()).map_err(|error| tree.failed(path, &error))?;
                }
                Item::Link { path, target } => tree.link(path, target)?,
            }
        }
        let text = serde_json::to_string_pretty(&self.manifest).map_err(|error| tree.failed(FILE, &error.into()))?;
        manifest.write_all((text + "\n").as_bytes()).map_err(|error| tree.failed(FILE, &error))
    }

    fn take(&mut self, source: Source) {
        match source {
            Source::File(path) => self.file(path),
            Source::Sysctl(sysctl) => self.file(&sysctl.path()),
            Source::Link(path) => {
                self.look_at(path);
                let target = std::fs::read_link(path);
                self.note(path, target.map(|target| Item::Link { path: path.to_owned(), target }));
            }
            Source::Directory(path) => {
                self.look_at(path);
                self.note(path, std::fs::metadata(path).map(|_| Item::Directory(path.to_owned())));
            }
            Source::Device(path) => {
                self.look_at(path);
                let opened = File::options().read(true).write(true).open(path);
                self.note(path, opened.map(|_| Item::File { path: path.to_owned(), text: String::new(), is_program: false }));
            }
            Source::Program(name) | Source::Helper(name) => {
                self.look_at(&format!("{name} on the PATH"));
                let found = self.host.find_program(name).known().map(|(path, _)| path.clone());
                let item = |path| Item::File { path, text: STAND_IN.to_owned(), is_program: true };
                self.note(name, found.map(item).ok_or_else(|| io::ErrorKind::NotFound.into()));
            }
            Source::KernelConfig => {
                let release = read_kernel(&self.host).known().map(ToString::to_string);
                release.iter().flat_map(|release| config_files(release)).for_each(|file| self.file(&file));
            }
            Source::SysctlFiles => self.sysctl_files(),
            Source::FirstOf(sources) => sources.iter().for_each(|source| self.take(*source)),
            // These are of the moment, of another process, or of another machine.
            Source::Call(_) | Source::Environment(_) | Source::Option(_) | Source::BuildersImage => {}
            Source::Clock | Source::Shape | Source::NodeObject | Source::TuneStatus => {}
        }
    }

    fn sysctl_files(&mut self) {
        for directory in sysctl_files::DIRECTORIES {
            self.look_at(directory);
            let names = self.host.names(directory);
            let files: Vec<_> =
                names.iter().flatten().filter(|name| name.ends_with(".conf")).map(|name| format!("{directory}/{name}")).collect();
            self.note(directory, names.map(|_| Item::Directory(directory.to_owned())));
            files.iter().for_each(|file| self.file(file));
        }
        self.file(sysctl_files::LAST);
    }

    fn file(&mut self, path: &str) {
        if self.manifest.sources.contains_key(path) {
            return;
        }
        self.look_at(path);
        let text = self.host.read(path).map(|text| self.user.reduce(path, &text));
        self.note(path, text.map(|text| Item::File { path: path.to_owned(), text, is_program: false }));
    }

    fn look_at(&self, what: &str) {
        if let Ok(mut at) = self.at.lock() {
            what.clone_into(&mut at);
        }
    }

    /// Writes down what came of a look, and what was seen.
    fn note(&mut self, name: &str, seen: io::Result<Item>) {
        let outcome = match seen {
            Ok(item) => {
                self.items.push(item);
                Outcome::Taken
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Outcome::Absent,
            Err(error) => Outcome::Failed(Errno(error.raw_os_error().unwrap_or(nix::errno::Errno::EIO as i32))),
        };
        self.manifest.sources.insert(name.to_owned(), outcome);
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
                ("/run/.containerenv", _) => (line.trim() == PODMAN_ROOTLESS).then(|| line.to_owned()),
                // The others name disks, servers and users.
                ("/proc/cmdline", _) => Some(BootArguments::parse(line).iter().collect::<Vec<_>>().join(" ")),
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
        if path.contains("/config") {
            return kernel_options(text).into_iter().map(|line| line + "\n").collect();
        }
        text.lines().filter_map(line).map(|line| line + "\n").collect()
    }
}

/// A directory that is written to, and never outside of it: no link is followed, and no file written that was there.
struct Tree {
    root: OwnedFd,
    name: PathBuf,
}

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const DIRECTORY_MODE: Mode = Mode::S_IRWXU.union(Mode::S_IRGRP).union(Mode::S_IXGRP).union(Mode::S_IROTH).union(Mode::S_IXOTH);

impl Tree {
    fn make(directory: &Path) -> Result<Self, BadPath> {
        let name = directory.to_owned();
        let failed = |error: io::Error| BadPath::error(Named::Capture, directory, &error);
        match std::fs::create_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_empty = directory.symlink_metadata().is_ok_and(|meta| meta.is_dir())
                    && std::fs::read_dir(directory).map_err(failed)?.next().is_none();
                if !is_empty {
                    return Err(BadPath::wrong(Named::Capture, directory, "exists and is not an empty directory"));
                }
            }
            made => made.map_err(failed)?,
        }
        let root = openat(AT_FDCWD, directory, DIRECTORY, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Tree { root, name })
    }

    /// Makes a directory with those above it, and opens it.
    fn directory(&self, path: &str) -> Result<OwnedFd, BadPath> {
        let failed = |errno: nix::errno::Errno| self.failed(path, &errno.into());
        let mut here = self.root.try_clone().map_err(|error| self.failed(path, &error))?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            match mkdirat(&here, name, DIRECTORY_MODE) {
                Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
                Err(errno) => return Err(failed(errno)),
            }
            here = openat(&here, name, DIRECTORY, Mode::empty()).map_err(failed)?;
        }
        Ok(here)
    }

    fn new_file(&self, path: &str, is_program: bool) -> Result<File, BadPath> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = if is_program { DIRECTORY_MODE } else { Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP | Mode::S_IROTH };
        openat(self.directory(parent)?, name, flags, mode).map(File::from).map_err(|errno| self.failed(path, &errno.into()))
    }

    fn link(&self, path: &str, target: &Path) -> Result<(), BadPath> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        symlinkat(target, self.directory(parent)?, name).map_err(|errno| self.failed(path, &errno.into()))
    }

    fn failed(&self, path: &str, error: &io::Error) -> BadPath {
        BadPath::unwritten(Named::Capture, &self.name.join(path.trim_start_matches('/')), error)
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
        assert_eq!(user.reduce("/proc/cmdline", "root=UUID=1 apparmor=0 ip=10.0.0.1 lsm=a\n"), "apparmor=0 lsm=a\n");
        assert_eq!(user.reduce("/run/.containerenv", "name=\"x\"\nrootless=1\n"), "rootless=1\n");
        assert_eq!(user.reduce("/boot/config-6.1", "CONFIG_X=y\n# CONFIG_TUN is not set\n"), "CONFIG_TUN=n\n");
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
            assert!(capture(refused).is_err_and(|bad| bad.is_users), "{}", refused.display());
        }
        assert!(capture(&dir.path().join("none/below")).is_err_and(|bad| bad.is_users), "there is nothing to make it in");
        let tree = Tree::make(&dir.path().join("new")).expect("a tree");
        std::os::unix::fs::symlink(&outside, dir.path().join("new/etc")).expect("symlink");
        std::os::unix::fs::symlink(outside.join("y"), dir.path().join("new/y")).expect("symlink");
        assert!(tree.new_file("/etc/passwd", false).is_err() && tree.new_file("/y", false).is_err());
        assert_eq!(std::fs::read_dir(&outside).expect("readable").count(), 0);
    }
}
