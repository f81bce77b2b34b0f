use super::manifest::{self, Captured, Manifest, Outcome};
use super::named::{BadPath, Named, look_at};
use super::{links, whole};
use crate::fact::{self, Fact, SYSCTLS, Why};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::cell::{OnceCell, RefCell};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why a captured tree can't tell something.
pub(crate) const CAPTURED: &str = "not recorded in a captured tree";

/// Ordinary files of /proc and /etc are far smaller; a mount table of 10,000 lines is about 1.5 MB.
const LARGEST_FILE: u64 = 16 << 20;

/// What the kernel tells of a sysctl is shorter than a page.
const LARGEST_SYSCTL: u64 = 64 << 10;

/// A directory of settings has some ten.
const MOST_FILES: usize = 4096;

/// What the first read of a file asks for. Most files are shorter.
const FIRST_READ: usize = 8192;

/// Files of /proc whose text the kernel makes as a whole (single_open in fs/seq_file.c, and the numbers of /proc/sys).
const MADE_AS_A_WHOLE: [&str; 4] = ["/proc/sys/", "/proc/self/status", "/proc/stat", "/proc/meminfo"];

/// Files of /proc whose lines are short, and what a page holds of them at least: the kernel gives as many lines as fit.
const OF_SHORT_LINES: [&str; 2] = ["/proc/self/uid_map", "/proc/self/gid_map"];
const FULL_PAGE: usize = 4096 - 128;

/// Whether more may come after a first read that gave less than was asked for.
fn may_go_on(path: &str, length: usize) -> bool {
    let whole = MADE_AS_A_WHOLE.iter().any(|whole| path.starts_with(whole)) || OF_SHORT_LINES.contains(&path) && length < FULL_PAGE;
    length > 0 && path.starts_with("/proc/") && !whole
}

/// What a tree without a manifest tells by not having it: that nothing sets sysctls, no module confines, and what the rows of
/// sysctls say. All else each machine has, or nobody can know whether it was looked at.
fn tells_by_absence(path: &str) -> bool {
    const FILES: [&str; 4] = ["/etc/os-release", "/usr/lib/os-release", "/proc/self/attr/current", "/dev/fuse"];
    let of_sysctl = || SYSCTLS.iter().any(|row| row.absence_tells && row.sysctl.path() == path);
    FILES.contains(&path) || path.contains("/sysctl") || of_sysctl()
}

/// What a manifest says was taken, and is not there.
fn lost(name: &str) -> String {
    format!("{name} was captured, and is not in this tree any more")
}

/// Whether an error says that nothing is there.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether nothing is there.
fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| is_absence(&error))
}

/// A system call that a signal may interrupt.
fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Where programs are looked for in a captured tree, which has no PATH.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The directories of a PATH, each once: where /bin is a link to /usr/bin, which comes before it, it says nothing new.
fn directories(path: &str, link: impl Fn(&str) -> Option<PathBuf>) -> Vec<String> {
    let mut directories: Vec<String> = Vec::new();
    for dir in path.split(':').filter(|dir| dir.starts_with('/')) {
        let twin = format!("/usr{dir}");
        let leads_to_twin = || link(dir).is_some_and(|target| Path::new("/").join(target) == Path::new(&twin));
        let known = |name: &str| directories.iter().any(|known| known == name);
        if !(known(dir) || known(&twin) && leads_to_twin()) {
            directories.push(dir.to_owned());
        }
    }
    directories
}

/// The files of a machine: this one, or a captured tree below a directory.
#[derive(Clone)]
pub(crate) struct Host {
    root: Option<PathBuf>,
    captured: Captured,
    /// Where programs are looked for, once that was asked.
    directories: OnceCell<Vec<String>>,
    /// The anchor that was seen last.
    anchor: RefCell<String>,
}

/// Why a captured tree does not have something.
enum NotTaken {
    /// Nobody looked at it.
    Untold(String),
    /// It could not be read where it was.
    Error(io::Error),
}

impl Host {
    /// The same as [`Host::new`], where a tree is there.
    ///
    /// # Errors
    /// No such directory, or one that nobody captured: every fact begins with /proc.
    pub(crate) fn open(root: Option<&Path>) -> Result<Self, BadPath> {
        let Some(tree) = root else { return Ok(Host::new(None)) };
        look_at(Named::Tree, tree)?;
        let host = Host::new(root);
        if host.is_unsaid() && is_missing(&tree.join("proc")) {
            return Err(BadPath::wrong(Named::Tree, tree, format!("it has neither proc nor {}", manifest::FILE)));
        }
        Ok(host)
    }

    pub(crate) fn new(root: Option<&Path>) -> Self {
        let root = root.map(Path::to_path_buf);
        let mut host = Host { root, captured: Captured::Unsaid, directories: OnceCell::new(), anchor: RefCell::default() };
        if !host.is_live() {
            host.captured = Captured::of(host.read(manifest::FILE));
        }
        host
    }

    /// Whether this is the running machine, where more than files can be asked.
    pub(crate) fn is_live(&self) -> bool {
        self.root.is_none()
    }

    /// Whether this is a captured tree that does not say what was looked at when it was made.
    pub(crate) fn is_unsaid(&self) -> bool {
        !self.is_live() && matches!(self.captured, Captured::Unsaid)
    }

    /// What the manifest of a captured tree says of a file or a program; `Ok` where it has to be looked at.
    fn taken(&self, name: &str) -> Result<(), NotTaken> {
        match &self.captured {
            Captured::Unsaid => Ok(()),
            Captured::Broken(why) => Err(NotTaken::Untold(why.clone())),
            Captured::Told(Manifest { sources, .. }) => match sources.get(name) {
                Some(Outcome::Taken) => Ok(()),
                Some(Outcome::Absent) => Err(NotTaken::Error(Errno::ENOENT.into())),
                Some(Outcome::Failed(errno)) => Err(NotTaken::Error(io::Error::from_raw_os_error(errno.0))),
                None => Err(NotTaken::Untold(format!("{name}: {CAPTURED}"))),
            },
        }
    }

    /// Looks at a file or a program, if it was taken. What a look at a tree meets is of the copy, and tells nothing of the machine.
    fn seen<T>(&self, name: &str, look: impl FnOnce() -> io::Result<T>) -> Result<T, NotTaken> {
        self.taken(name)?;
        look().map_err(|error| match &self.captured {
            Captured::Told(_) if is_absence(&error) => NotTaken::Untold(lost(name)),
            Captured::Unsaid if self.is_live() || is_absence(&error) => NotTaken::Error(error),
            _ => NotTaken::Untold(format!("{name}: {error}")),
        })
    }

    /// A fact of a file.
    fn look<T>(&self, path: &str, anchor: &str, look: impl FnOnce() -> io::Result<T>) -> Fact<T> {
        match self.seen(path, look) {
            Ok(value) => Fact::Known(value),
            Err(NotTaken::Untold(why)) => Fact::Denied(why.into()),
            Err(NotTaken::Error(error)) => self.explain(&error, path, anchor),
        }
    }

    /// The real path of a file, inside the root.
    ///
    /// # Errors
    /// Links in a captured tree that go in circles.
    pub(crate) fn locate(&self, path: &str) -> io::Result<PathBuf> {
        self.root.as_ref().map_or_else(|| Ok(PathBuf::from(path)), |root| links::below(root, Path::new(path)))
    }

    /// Reads a file whose absence is an answer only where `anchor` exists: without it, the file
    /// system that would tell is not mounted here.
    pub(crate) fn read_below(&self, path: &str, anchor: &str) -> Fact<String> {
        self.look(path, anchor, || self.read(path))
    }

    /// Whether a file exists, by the same rule.
    pub(crate) fn exists_below(&self, path: &str, anchor: &str) -> Fact<bool> {
        match self.look(path, anchor, || self.locate_link(path)?.symlink_metadata()) {
            Fact::Absent => Fact::Known(false),
            other => other.and_then(|meta| if meta.is_dir() { Err(format!("{path} is a directory here")) } else { Ok(true) }),
        }
    }

    /// Whether a directory exists, by the same rule.
    pub(crate) fn has_directory(&self, path: &str, anchor: &str) -> Fact<bool> {
        match self.look(path, anchor, || self.locate(path)?.metadata()) {
            Fact::Absent => Fact::Known(false),
            other => other.and_then(|meta| if meta.is_dir() { Ok(true) } else { Err(format!("{path} is not a directory here")) }),
        }
    }

    /// The names of the files in a directory, of links to files too.
    ///
    /// # Errors
    /// Why it can't be read; where there is none `NotFound`.
    pub(super) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(self.locate(path)?)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type()?;
            let leads_to_directory = || self.locate(&format!("{path}/{name}")).is_ok_and(|path| path.is_dir());
            if kind.is_file() || kind.is_symlink() && !leads_to_directory() {
                names.push(name);
            }
            if names.len() > MOST_FILES {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {MOST_FILES} files")));
            }
        }
        Ok(names)
    }

    /// The names of the files in a directory; absent where there is no such directory.
    pub(crate) fn list(&self, path: &str) -> Fact<Vec<String>> {
        match self.seen(path, || self.names(path)) {
            Ok(names) => Fact::Known(names),
            Err(NotTaken::Untold(why)) => Fact::Denied(why.into()),
            Err(NotTaken::Error(error)) if error.kind() == io::ErrorKind::NotFound => Fact::Absent,
            Err(NotTaken::Error(error)) => Fact::Failed(format!("{path}: {error}").into()),
        }
    }

    /// The target of a symbolic link, by the same rule.
    pub(crate) fn link_below(&self, path: &str, anchor: &str) -> Fact<String> {
        self.look(path, anchor, || {
            let place = self.locate_link(path)?;
            match std::fs::read_link(&place) {
                Err(error) if !self.is_live() && error.raw_os_error() == Some(libc::EINVAL) => self.copied_link(path).ok_or(error),
                target => Ok(target?.to_string_lossy().into_owned()),
            }
        })
    }

    /// What a link to a namespace says where a copy made it a file with that text: `pid:[4026531836]`.
    fn copied_link(&self, path: &str) -> Option<String> {
        let text = self.read(path).ok()?;
        let text = text.trim_end();
        let (kind, number) = text.strip_suffix(']')?.split_once(":[")?;
        let is_link = path.ends_with(&format!("/{kind}")) && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_link.then(|| text.to_owned())
    }

    /// Whether a device can be opened for reading and writing.
    pub(crate) fn can_open(&self, path: &str) -> Fact<bool> {
        let opened = match self.taken(path) {
            Err(NotTaken::Untold(why)) => return Fact::Denied(why.into()),
            Err(NotTaken::Error(error)) => Err(error),
            Ok(()) if !self.is_live() => return self.exists_below(path, "/dev"),
            Ok(()) => File::options().read(true).write(true).open(path),
        };
        match opened {
            Ok(_) => Fact::Known(true),
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                // The device file without its driver: the module is not loaded.
                Some(Errno::ENODEV | Errno::ENXIO) => Fact::Known(false),
                _ => self.explain(&error, path, "/dev"),
            },
        }
    }

    /// Where programs are looked for.
    pub(super) fn search_path(&self) -> String {
        match (&self.root, &self.captured) {
            (None, _) => std::env::var("PATH").unwrap_or_else(|_| USUAL_PATH.into()),
            (_, Captured::Told(manifest)) => manifest.search.clone(),
            _ => USUAL_PATH.into(),
        }
    }

    /// A program on the PATH, and what its file is.
    pub(crate) fn find_program(&self, name: &str) -> Fact<(String, Metadata)> {
        match self.taken(name) {
            Ok(()) => {}
            Err(NotTaken::Untold(why)) => return Fact::Denied(why.into()),
            Err(NotTaken::Error(error)) if is_absence(&error) => return Fact::Absent,
            Err(NotTaken::Error(error)) => return Fact::Failed(format!("{name}: {error}").into()),
        }
        let link = |dir: &str| std::fs::read_link(dir).ok().filter(|_| self.is_live());
        let directories = self.directories.get_or_init(|| directories(&self.search_path(), link));
        let found = directories.iter().map(|dir| format!("{dir}/{name}")).find_map(|file| {
            let meta = self.locate(&file).ok()?.metadata().ok()?;
            (meta.is_file() && meta.mode() & 0o111 != 0).then_some((file, meta))
        });
        match (found, &self.captured) {
            (Some(found), _) => Fact::Known(found),
            (None, Captured::Told(_)) => Fact::Denied(lost(name).into()),
            (None, _) if self.is_live() => Fact::Absent,
            (None, _) => Fact::Denied(format!("{name}: {CAPTURED}").into()),
        }
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Those of open(2) and read(2).
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let of_proc = path.starts_with("/proc/");
        let inside = if self.is_live() { OFlag::empty() } else { OFlag::O_NOFOLLOW };
        let mut file = whole::reading(inside).open(self.locate(path)?)?;
        // One read for most files: /proc makes its text anew for each.
        let mut bytes = vec![0; FIRST_READ];
        let length = retried(|| file.read(&mut bytes))?;
        bytes.truncate(length);
        // A live file with a short text is one; what else lies in its place has none, or no end.
        if !self.is_live() || !of_proc && (length == 0 || length == FIRST_READ) {
            whole::ordinary(&file)?;
        }
        if length == FIRST_READ || may_go_on(path, length) {
            whole::extend(&mut bytes, file, if path.starts_with("/proc/sys/") { LARGEST_SYSCTL } else { LARGEST_FILE })?;
        }
        if bytes.is_empty() && of_proc && !self.is_live() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "empty, as that file never is: a copy lost what was in it"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// As `locate`, but a link at the end is not followed: those of /proc/self/ns lead nowhere.
    fn locate_link(&self, path: &str) -> io::Result<PathBuf> {
        match path.rsplit_once('/') {
            Some((dir, name)) if !self.is_live() => Ok(self.locate(dir)?.join(name)),
            _ => Ok(PathBuf::from(path)),
        }
    }

    /// Whether a directory is there and something in it.
    fn has_contents(&self, directory: &str) -> bool {
        self.locate(directory).and_then(std::fs::read_dir).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Whether what lies below an anchor can be told. An empty directory in a tree that does not say what was captured tells
    /// nothing: a copy may have lost what was in it, as it does with links that lead nowhere.
    fn is_there(&self, anchor: &str) -> bool {
        let is_there = || if self.is_unsaid() { self.has_contents(anchor) } else { self.locate(anchor).is_ok_and(|path| path.is_dir()) };
        let seen = *self.anchor.borrow() == anchor || is_there();
        if seen {
            anchor.clone_into(&mut self.anchor.borrow_mut());
        }
        seen
    }

    fn explain<T>(&self, error: &io::Error, path: &str, anchor: &str) -> Fact<T> {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::ENOTDIR) if self.is_unsaid() && !tells_by_absence(path) => {
                Fact::Denied(format!("{path}: {CAPTURED}").into())
            }
            Some(Errno::ENOENT | Errno::ENOTDIR) if self.is_there(anchor) => Fact::Absent,
            Some(Errno::ENOENT | Errno::ENOTDIR) if self.is_unsaid() => {
                Fact::Denied(format!("{anchor} does not exist or is empty, so whether {path} exists is not known").into())
            }
            Some(Errno::ENOENT | Errno::ENOTDIR) => {
                Fact::Denied(format!("{anchor} does not exist, so whether {path} exists is not known").into())
            }
            Some(errno @ (Errno::EACCES | Errno::EPERM)) => Fact::Denied(Why::error(path, fact::Errno(errno as i32))),
            Some(errno) => Fact::Failed(Why::error(path, fact::Errno(errno as i32))),
            None => Fact::Failed(format!("{path}: {error}").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_the_path_is_looked_at_once() {
        let merged = |dir: &str| Some(PathBuf::from(&dir[1..])).map(|name| Path::new("usr").join(name)).filter(|_| dir != "/usr/bin");
        assert_eq!(directories(USUAL_PATH, merged), ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]);
        assert_eq!(directories("/bin:/usr/bin:relative::/bin", merged), ["/bin", "/usr/bin"], "the first one is the one that is named");
        assert_eq!(directories("/usr/bin:/bin:/sbin", |_| None), ["/usr/bin", "/bin", "/sbin"]);
        assert_eq!(directories("/usr/bin:/bin", |_| Some("/busybox/bin".into())), ["/usr/bin", "/bin"]);
    }

    #[test]
    fn files_of_any_length_are_read_whole() {
        let dir = tempfile::tempdir().expect("temp dir");
        let host = Host::new(Some(dir.path()));
        for length in [0, 1, FIRST_READ - 1, FIRST_READ, FIRST_READ + 1, 5 * FIRST_READ] {
            std::fs::write(dir.path().join("file"), "x".repeat(length)).expect("write");
            assert_eq!(host.read_below("/file", "/").known().map(String::len), Some(length));
        }
        let pieces = ["/proc/self/mountinfo", "/proc/self/uid_map", "/proc/key-users"];
        assert!(pieces.into_iter().all(|path| may_go_on(path, 4090)) && may_go_on("/proc/self/mountinfo", 1));
        let whole = ["/proc/self/gid_map", "/proc/sys/user/max_mnt_namespaces", "/proc/self/status", "/etc/passwd"];
        assert!(!whole.into_iter().any(|path| may_go_on(path, 3000)) && !may_go_on("/proc/self/mountinfo", 0));
        let live = Host::new(None).read_below("/proc/self/mountinfo", "/proc/self");
        assert_eq!(
            live.known().map(|text| text.lines().count()),
            std::fs::read_to_string("/proc/self/mountinfo").ok().map(|text| text.lines().count())
        );
    }
}
