use crate::fact::{SYSCTLS, Sysctl};
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a sysctl holds: no more than a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Text([u8; 24]),
    Absent,
    Unreadable,
}

impl Content {
    fn describe(&self) -> String {
        match self {
            Content::Text(text) => String::from_utf8_lossy(text).trim_matches(['\0', '\n', ' ']).to_owned(),
            Content::Absent => "absent".into(),
            Content::Unreadable => "unreadable".into(),
        }
    }
}

/// The sysctls that a verdict hangs on, held open: they are read every few seconds, and so that is one system call each.
/// The kernel makes the text anew for each read from the beginning. One that is absent stays so until the next boot. Boot
/// and kernel can't change while a process lives, and a new process proves anew.
#[derive(Debug)]
pub struct Watched(Vec<(Sysctl, Result<File, ErrorKind>)>);

impl Watched {
    /// Opens them.
    pub fn open() -> Self {
        Self::open_below(Path::new("/"))
    }

    fn open_below(root: &Path) -> Self {
        let open = |sysctl: Sysctl| File::open(root.join(&sysctl.path()[1..])).map_err(|error| error.kind());
        Watched(SYSCTLS.iter().filter(|row| row.watched).map(|row| (row.sysctl, open(row.sysctl))).collect())
    }

    /// Reads them.
    pub fn fingerprint(&self) -> Fingerprint {
        let read = |(sysctl, file): &(Sysctl, Result<File, ErrorKind>)| {
            let mut text = [0; 24];
            let content = match file {
                Ok(file) => file.read_at(&mut text, 0).map_or(Content::Unreadable, |_| Content::Text(text)),
                Err(ErrorKind::NotFound) => Content::Absent,
                Err(_) => Content::Unreadable,
            };
            (*sysctl, content)
        };
        Fingerprint(self.0.iter().map(read).collect())
    }
}

/// The sysctls that evidence was got under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(Vec<(Sysctl, Content)>);

impl Fingerprint {
    /// What is different: `user/max_user_namespaces was 63359, is 0`.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let pairs = before.0.iter().zip(&self.0);
        pairs
            .filter(|(was, is)| was != is)
            .map(|((sysctl, was), (_, is))| format!("{} was {}, is {}", sysctl.name().replace('.', "/"), was.describe(), is.describe()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_each_watched_sysctl_is_noticed() {
        let root = tempfile::tempdir().expect("temp dir");
        let put = |sysctl: Sysctl, text: &str| {
            let path = root.path().join(&sysctl.path()[1..]);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            std::fs::write(path, text).expect("write");
        };
        SYSCTLS.iter().for_each(|row| put(row.sysctl, "1\n"));
        let watched = Watched::open_below(root.path());
        for row in SYSCTLS.iter().filter(|row| row.watched) {
            let before = watched.fingerprint();
            put(row.sysctl, "0\n");
            let changes = watched.fingerprint().changes_since(&before);
            assert_eq!(changes, [format!("{} was 1, is 0", row.name.replace('.', "/"))]);
        }
        assert!(watched.0.iter().any(|(sysctl, _)| *sysctl == Sysctl::YamaPtraceScope), "Yama decides over pods with a user namespace");
        std::fs::remove_dir_all(root.path().join("proc/sys/kernel")).expect("rm");
        let gone = Watched::open_below(root.path()).fingerprint().changes_since(&watched.fingerprint());
        assert!(gone.contains(&"kernel/yama/ptrace_scope was 0, is absent".to_owned()), "{gone:?}");
    }
}
