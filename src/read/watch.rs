use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

/// The sysctls that a verdict hangs on: when one changes, it has to be proven again. Boot and kernel can't change while a
/// process lives, and a new process proves anew.
const SYSCTLS: [&str; 9] = [
    "kernel/unprivileged_userns_clone",
    "kernel/apparmor_restrict_unprivileged_userns",
    "kernel/userns_max_level",
    "user/max_user_namespaces",
    "user/max_mnt_namespaces",
    "user/max_pid_namespaces",
    "user/max_uts_namespaces",
    "user/max_ipc_namespaces",
    "user/max_cgroup_namespaces",
];

/// What one of them holds: no more than a number.
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

/// The sysctls, held open: they are read every few seconds, and so that is one system call each. The kernel makes the text
/// anew for each read from the beginning. One that is absent stays so until the next boot.
#[derive(Debug)]
pub struct Watched([Result<File, ErrorKind>; SYSCTLS.len()]);

impl Watched {
    /// Opens them.
    pub fn open() -> Self {
        Watched(SYSCTLS.map(|name| File::open(format!("/proc/sys/{name}")).map_err(|error| error.kind())))
    }

    /// Reads them.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.0.each_ref().map(|file| {
            let mut text = [0; 24];
            match file {
                Ok(file) => file.read_at(&mut text, 0).map_or(Content::Unreadable, |_| Content::Text(text)),
                Err(ErrorKind::NotFound) => Content::Absent,
                Err(_) => Content::Unreadable,
            }
        }))
    }
}

/// The sysctls that evidence was got under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint([Content; SYSCTLS.len()]);

impl Fingerprint {
    /// What is different: `user/max_user_namespaces was 63359, is 0`.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let pairs = SYSCTLS.iter().zip(before.0.iter().zip(&self.0));
        pairs
            .filter(|(_, (was, is))| was != is)
            .map(|(name, (was, is))| format!("{name} was {}, is {}", was.describe(), is.describe()))
            .collect()
    }
}
