//! The file that sets sysctls again at each boot.

use super::directory::open_plain;
use super::{Audit, Error, Writer};
use crate::fact::{SysctlSetting, Tunable};
use crate::read;
use crate::tune::plan::SYSCTL_FILE;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, fsync, geteuid, unlinkat};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// How our file begins: by this it is known again.
const HEADER: &str = "# Written by buildkit-preflight tune";
/// No file of ours is larger.
const LARGEST: u64 = 16 << 10;

/// Keeps settings, beside those that our file keeps already. Gives the file's path; `None` where there is nothing to keep.
pub(super) fn write(_: &Writer, settings: &[(Tunable, u64)], audit: &Audit) -> Result<Option<&'static str>, Error> {
    let place = Place::open()?;
    let old = place.read()?;
    let before = old.as_deref().map(settings_of).transpose()?.unwrap_or_default();
    let mut kept = before.clone();
    for (sysctl, value) in settings {
        let entry = kept.entry(*sysctl).or_default();
        *entry = (*entry).max(*value);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    if kept != before {
        let text = text_of(&kept);
        place.replace(&text)?;
        audit.changed(SYSCTL_FILE, &old.into(), &text.into());
    } else {
        // A run that was killed may have put it there and not stored it.
        place.sync()?;
    }
    Ok(Some(SYSCTL_FILE))
}

/// Removes our file. Whether there was one; what is set stays so until the next boot.
///
/// # Errors
/// A file of that name that is not ours, or one that can't be removed.
pub fn forget(_: &Writer, audit: &Audit) -> Result<bool, Error> {
    let place = Place::open()?;
    let Some(old) = place.read()? else {
        place.remove_new()?;
        return Ok(false);
    };
    settings_of(&old)?;
    place.remove_new()?;
    place.remove(place.name).map_err(|errno| Error::io("remove", SYSCTL_FILE, errno))?;
    place.sync()?;
    audit.changed(SYSCTL_FILE, &old.into(), &serde_json::Value::Null);
    Ok(true)
}

/// The directory of the file, open.
struct Place {
    directory: OwnedFd,
    name: &'static str,
    /// Where the file is made before it takes its name. It ends in no way that sysctl(8) reads.
    new: String,
}

impl Place {
    fn open() -> Result<Self, Error> {
        let (parent, name) = SYSCTL_FILE.rsplit_once('/').unwrap_or_default();
        let parent = Path::new(parent);
        let directory = open_plain(parent).map_err(|error| error.hint("nothing was changed; leave --persist out to write no file"))?;
        // In a container a link on the node has been followed already: the mount tells where to.
        let (_, place) = read::place(parent).map_err(Error::new)?;
        if Path::new(&place).file_name() != parent.file_name() {
            return Err(Error::new(format!("{} is {place} of the node and not sysctl.d: nothing was changed", parent.display())));
        }
        Ok(Place { directory, name, new: format!(".{name}.new") })
    }

    /// The file as it is; `None` where there is none. What is not plainly ours is refused.
    fn read(&self) -> Result<Option<String>, Error> {
        let stat = match self.stat(self.name) {
            Err(Errno::ENOENT) => return Ok(None),
            stat => stat.map_err(|errno| Error::io("examine", SYSCTL_FILE, errno))?,
        };
        is_plain(&stat).map_err(|what| foreign(&what))?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(&self.directory, self.name, flags, Mode::empty()).map_err(|errno| Error::io("open", SYSCTL_FILE, errno))?;
        let mut text = String::new();
        let read = File::from(file).take(LARGEST).read_to_string(&mut text);
        read.map_err(|error| Error::new(format!("could not read {SYSCTL_FILE}: {error}")))?;
        Ok(Some(text))
    }

    /// Puts a new file in the old one's place: one or the other is there at each moment, and after a power cut too.
    fn replace(&self, text: &str) -> Result<(), Error> {
        self.remove_new()?;
        let written = self.write_new(text).and_then(|()| {
            let renamed = renameat(&self.directory, self.new.as_str(), &self.directory, self.name);
            renamed.map_err(|errno| Error::io("replace", SYSCTL_FILE, errno))
        });
        if written.is_err() {
            // What can't be removed either, the next run removes.
            let _ = self.remove(&self.new);
        }
        written.and_then(|()| self.sync())
    }

    fn write_new(&self, text: &str) -> Result<(), Error> {
        let path = self.new_path();
        let failed = |doing: &str, error: &std::io::Error| Error::new(format!("could not {doing} {}: {error}", path.display()));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR | Mode::S_IRGRP | Mode::S_IROTH;
        let file = openat(&self.directory, self.new.as_str(), flags, mode).map_err(|errno| {
            let error = Error::io("create", path.display(), errno);
            if errno == Errno::EROFS { error.hint("mount the node's /etc/sysctl.d for writing, or leave --persist out") } else { error }
        })?;
        let mut file = File::from(file);
        file.write_all(text.as_bytes()).map_err(|error| failed("write", &error))?;
        file.sync_all().map_err(|error| failed("sync", &error))
    }

    /// Removes what a run left that was killed; a link or another's file is no such thing.
    fn remove_new(&self) -> Result<(), Error> {
        let path = self.new_path();
        let stat = match self.stat(&self.new) {
            Err(Errno::ENOENT) => return Ok(()),
            stat => stat.map_err(|errno| Error::io("examine", path.display(), errno))?,
        };
        let named =
            |what: String| Error::new(format!("{} {what}: nothing was changed", path.display())).hint("examine the file, and remove it");
        is_plain(&stat).map_err(named)?;
        self.remove(&self.new).map_err(|errno| Error::io("remove", path.display(), errno))
    }

    fn remove(&self, name: &str) -> nix::Result<()> {
        unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir)
    }

    fn new_path(&self) -> PathBuf {
        Path::new(SYSCTL_FILE).with_file_name(&self.new)
    }

    fn stat(&self, name: &str) -> nix::Result<FileStat> {
        fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    fn sync(&self) -> Result<(), Error> {
        fsync(&self.directory).map_err(|errno| Error::io("sync the directory of", SYSCTL_FILE, errno))
    }
}

/// Whether a file is such as we make: an ordinary one, of this user, under one name. Else what it is.
fn is_plain(stat: &FileStat) -> Result<(), String> {
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    match kind {
        SFlag::S_IFLNK => Err("is a symbolic link, which is not followed".into()),
        SFlag::S_IFREG if stat.st_uid != geteuid().as_raw() => Err(format!("belongs to uid {}", stat.st_uid)),
        SFlag::S_IFREG if stat.st_nlink != 1 => Err("has another name too (a hard link)".into()),
        SFlag::S_IFREG => Ok(()),
        _ => Err("is not a regular file".into()),
    }
}

fn foreign(what: &str) -> Error {
    Error::new(format!("{SYSCTL_FILE} {what}: nothing was changed")).hint("examine the file, and move it away if it is not needed")
}

/// The settings of a file of ours.
fn settings_of(text: &str) -> Result<BTreeMap<Tunable, u64>, Error> {
    if !text.starts_with(HEADER) {
        return Err(foreign("was not written by this program: its header is missing"));
    }
    let mut settings = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let parsed = SysctlSetting::parse(SYSCTL_FILE, line).pop();
        let Some((sysctl, Ok(value))) = parsed.map(|setting| (setting.sysctl, setting.value.parse())) else {
            let start: String = line.chars().take(80).collect();
            return Err(foreign(&format!("has a line that this program did not write, {start:?}")));
        };
        settings.insert(sysctl, value);
    }
    Ok(settings)
}

fn text_of(settings: &BTreeMap<Tunable, u64>) -> String {
    let lines: String = settings.iter().map(|(sysctl, value)| format!("{sysctl} = {value}\n")).collect();
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{HEADER} ({version}), so that rootless BuildKit works here.\n\
         # `buildkit-preflight tune --forget` removes it. A file with other lines is left unchanged.\n{lines}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let settings = BTreeMap::from([(Tunable::UNPRIVILEGED_USERNS_CLONE, 1), (Tunable::MAX_USER_NAMESPACES, 63_359)]);
        assert_eq!(settings_of(&text_of(&settings)), Ok(settings));
    }

    #[test]
    fn a_file_that_is_not_plainly_ours_is_refused() {
        let ours = text_of(&BTreeMap::from([(Tunable::MAX_USER_NAMESPACES, 63_359)]));
        for (text, word) in [
            ("user.max_user_namespaces = 1\n".to_owned(), "header"),
            (String::new(), "header"),
            (format!("{ours}kernel.core_pattern = |/bin/sh\n"), "core_pattern"),
            (format!("{ours}user.max_user_namespaces = -1\n"), "-1"),
        ] {
            let refused = settings_of(&text).expect_err(&text);
            assert!(refused.message.contains(word) && refused.message.contains("nothing was changed"), "{refused:?}");
        }
    }
}
