use super::machine::boot_id;
use super::whole;
use crate::fact::{API_VERSION, Fact, Tuned};
use nix::fcntl::OFlag;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// No status of `tune` is larger.
const LARGEST: u64 = 64 << 10;

/// The file in which `tune --watch` says what it did, and whether it has changed.
///
/// Another container writes it, with other rights than this one has: it is read as data, and never followed as a link.
#[derive(Debug)]
pub struct TunedFile {
    path: PathBuf,
    seen: Option<(u64, i64, i64)>,
}

impl TunedFile {
    /// The file at a path, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        TunedFile { path, seen: None }
    }

    /// Whether it is another one than at the last [`TunedFile::read`].
    pub fn has_changed(&self) -> bool {
        self.stamp() != self.seen
    }

    /// What it says of this boot. Absent where there is no place for it, so that nobody tunes. In a new pod the agent comes
    /// first, and the volume of a pod outlives a boot, which sysctls do not: then `tune` has not told anything yet.
    pub fn read(&mut self) -> Fact<Tuned> {
        self.seen = self.stamp();
        let path = self.path.display();
        let file = match whole::reading(OFlag::O_NOFOLLOW).open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let has_place = self.path.parent().is_some_and(|parent| parent.is_dir());
                return if has_place { Fact::Denied(format!("{path}: not written yet").into()) } else { Fact::Absent };
            }
            Err(error) => return Fact::Failed(format!("{path}: {error}").into()),
            Ok(file) => file,
        };
        let text = match whole::ordinary(&file).and_then(|()| whole::whole(file, LARGEST)) {
            Err(error) => return Fact::Failed(format!("{path}: {error}").into()),
            Ok(text) => text,
        };
        match serde_json::from_slice::<Tuned>(&text) {
            Ok(tuned) if tuned.api_version != API_VERSION => {
                Fact::Failed(format!("{path} has apiVersion {:?}, but this version reads {API_VERSION:?}", tuned.api_version).into())
            }
            Ok(tuned) if tuned.boot_id == boot_id() => Fact::Known(tuned),
            Ok(_) => Fact::Denied(format!("{path}: not written since the boot").into()),
            Err(error) => Fact::Failed(format!("{path} is not a status file of tune: {error}").into()),
        }
    }

    fn stamp(&self) -> Option<(u64, i64, i64)> {
        let meta = self.path.symlink_metadata().ok()?;
        Some((meta.ino(), meta.mtime(), meta.mtime_nsec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tune_says_is_read_with_care() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("tuned.json");
        let mut file = TunedFile::new(path.clone());
        assert!(matches!(file.read(), Fact::Denied(_)), "it may come");
        assert!(!file.has_changed());
        assert_eq!(TunedFile::new(dir.path().join("none/tuned.json")).read(), Fact::Absent, "nobody tunes");
        let put = |text: &str| std::fs::write(&path, text).expect("write");
        let ours = Tuned::new(boot_id());
        put(&serde_json::to_string(&ours).expect("JSON"));
        assert!(file.has_changed());
        assert_eq!(file.read(), Fact::Known(ours));
        assert!(!file.has_changed());
        let text = serde_json::to_string(&Tuned::new(boot_id())).expect("JSON");
        put(&text.replacen('{', "{\"later\":{},", 1));
        assert!(file.read().known().is_some(), "fields of a later version are passed over");
        put(&text.replace("preflight.dev/v1", "preflight.dev/v2"));
        assert!(matches!(file.read(), Fact::Failed(_)), "a later major version is refused");
        put(&serde_json::to_string(&Tuned::new("another".into())).expect("JSON"));
        assert!(matches!(file.read(), Fact::Denied(_)), "of an earlier boot");
        for bad in ["", "{}", "{\"kind\":\"Tuned\"", &"x".repeat(100_000)] {
            put(bad);
            assert!(file.read().unreadable().is_some());
        }
        assert!(file.read().unreadable().is_some_and(|why| why.to_string().ends_with("larger than 64 KiB")));
        std::fs::remove_file(&path).expect("rm");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
        assert!(file.read().unreadable().is_some_and(|why| why.to_string().ends_with("a FIFO, not a file")));
        std::fs::remove_file(&path).expect("rm");
        std::os::unix::fs::symlink("/etc/passwd", &path).expect("symlink");
        assert!(file.read().unreadable().is_some_and(|why| !why.to_string().contains("no status")), "a link is not followed");
    }
}
