//! What stands for a name: the same one wherever the name stands, so that a reader can follow.

use crate::fact::{AppArmor, Directory};
use std::collections::BTreeMap;

/// What kind of thing is named: the word of its placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Kind {
    Node,
    User,
    Path,
    Host,
    Address,
    Profile,
    Handler,
    Boot,
    Id,
    Value,
    Text,
}

/// Users whom images and systems bring along.
const USERS: [&str; 4] = ["root", "user", "nobody", "build"];

/// Directories of every system. What lies below is the system's too (`true`), or anybody's.
const DIRECTORIES: [(&str, bool); 40] = [
    ("/", false),
    ("/bin", true),
    ("/dev", true),
    ("/dev/mapper", false),
    ("/dev/shm", false),
    ("/etc", false),
    ("/etc/apparmor.d", false),
    ("/etc/sysctl.d", false),
    ("/home", false),
    ("/home/user", false),
    ("/home/user/.local/share/buildkit", false),
    ("/home/user/.local/tmp", false),
    ("/lib", true),
    ("/lib64", true),
    ("/media", false),
    ("/mnt", false),
    ("/opt", false),
    ("/proc", true),
    ("/root", false),
    ("/run", false),
    ("/run/buildkit", false),
    ("/run/sysctl.d", false),
    ("/run/user", false),
    ("/run/user/1000", false),
    ("/run/user/1000/buildkit", false),
    ("/sbin", true),
    ("/srv", false),
    ("/sys", true),
    ("/sys/fs/cgroup", false),
    ("/tmp", false),
    ("/usr", false),
    ("/usr/bin", true),
    ("/usr/lib", true),
    ("/usr/lib64", true),
    ("/usr/libexec", true),
    ("/usr/local/bin", true),
    ("/usr/sbin", true),
    ("/var/lib", false),
    ("/var/lib/buildkit", false),
    ("/var/tmp", false),
];

/// Files elsewhere that facts are read from, or that all builders run.
const FILES: [&str; 19] = [
    "/.dockerenv",
    "/etc/apparmor.d/buildkit-rootlesskit",
    "/etc/apparmor.d/rootlesskit",
    "/etc/apparmor.d/usr.bin.rootlesskit",
    "/etc/buildkit/buildkitd.toml",
    "/etc/group",
    "/etc/hosts",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/subgid",
    "/etc/subuid",
    "/etc/sysctl.conf",
    "/etc/sysctl.d/99-sysctl.conf",
    "/run/.containerenv",
    "/run/buildkit/buildkitd.sock",
    "/run/buildkit-preflight/tuned.json",
    "/run/systemd/container",
    "/run/user/1000/buildkit/buildkitd.sock",
];

/// Runtime handlers that runtimes and their manuals name so; the default one has no name.
const HANDLERS: [&str; 9] = ["", "crun", "gvisor", "kata", "kata-qemu", "nvidia", "runc", "runsc", "youki"];

/// The names that were met, each with what stands for it.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<(Kind, String), String>);

impl Names {
    /// What stands for a name.
    pub(super) fn of(&mut self, kind: Kind, name: &str) -> String {
        self.shaped(kind, name, |placeholder| placeholder.to_owned())
    }

    /// The same in a shape of the name's own.
    fn shaped(&mut self, kind: Kind, name: &str, shape: impl FnOnce(&str) -> String) -> String {
        if let Some(known) = self.0.get(&(kind, name.to_owned())) {
            return known.clone();
        }
        let number = self.0.keys().filter(|(other, _)| *other == kind).count() + 1;
        let shaped = shape(&format!("{kind}-{number}"));
        self.0.insert((kind, name.to_owned()), shaped.clone());
        shaped
    }

    /// A user's name, unless images have one of that name.
    pub(super) fn user(&mut self, name: &str) -> String {
        if USERS.contains(&name) { name.to_owned() } else { self.of(Kind::User, name) }
    }

    /// A path: as it is where every system has it; else with the closest directory that every system has. One that is relative stays
    /// so, and one that is too long for a socket.
    pub(super) fn path(&mut self, path: &str) -> String {
        if path.is_empty() || FILES.contains(&path) || path.split('/').all(|part| part.is_empty()) {
            return path.to_owned();
        }
        let holds =
            |directory: &str| path.strip_prefix(directory).is_some_and(|rest| directory == "/" || rest.is_empty() || rest.starts_with('/'));
        let (directory, is_systems) = match DIRECTORIES.iter().rev().filter(|row| holds(row.0)).max_by_key(|row| row.0.len()) {
            // Nobody knows where `..` leads.
            Some(_) if path.split('/').any(|part| part == "..") => ("/", false),
            Some(row) => *row,
            None => ("", false),
        };
        if is_systems || path == directory {
            return path.to_owned();
        }
        let is_too_long = Directory::is_too_long_for_sockets(path);
        self.shaped(Kind::Path, path, |placeholder| {
            let between = if directory.is_empty() || directory == "/" { "" } else { "/" };
            let name = if directory.ends_with("sysctl.d") { setting(path, placeholder) } else { placeholder.to_owned() };
            let shown = format!("{directory}{between}{name}");
            if is_too_long { format!("{shown:-<0$}", path.len()) } else { shown }
        })
    }

    /// A label of AppArmor or SELinux, with the same meaning.
    pub(super) fn label(&mut self, label: &str, is_selinuxs: bool) -> String {
        if is_selinuxs {
            // User, role and type as policies name them; whoever writes one for a container names it after that.
            let part = |(number, part): (usize, &str)| {
                let is_policys = number > 2
                    || part.is_empty()
                    || [("_u", 0), ("_r", 1), ("_t", 2)].iter().any(|(end, at)| *at == number && part.ends_with(end));
                if is_policys { part.to_owned() } else { self.of(Kind::Profile, part) }
            };
            return label.split(':').enumerate().map(part).collect::<Vec<_>>().join(":");
        }
        label.split("//&").map(|part| self.stacked(part)).collect::<Vec<_>>().join("//&")
    }

    /// One of the profiles that are stacked: `:namespace:name (mode)`.
    fn stacked(&mut self, part: &str) -> String {
        let (whole, mode) = part.rsplit_once(" (").filter(|(_, mode)| mode.ends_with(')')).unwrap_or((part, ""));
        let (namespace, name) = match whole.strip_prefix(':').map(|rest| rest.split_once(':').unwrap_or(("", rest))) {
            Some((namespace, name)) if whole.len() == namespace.len() + name.len() + 2 => (Some(namespace), name),
            Some((_, name)) => (Some(""), name),
            None => (None, whole),
        };
        let mut shown = match namespace {
            Some("") if !whole.starts_with("::") => ":".to_owned(),
            Some("") => "::".to_owned(),
            Some(namespace) => format!(":{}:", self.of(Kind::Profile, namespace)),
            None => String::new(),
        };
        shown += &name.split("//").map(|name| self.profile(name)).collect::<Vec<_>>().join("//");
        match mode.strip_suffix(')') {
            Some(mode) if AppArmor::MODES.contains(&mode) => format!("{shown} ({mode})"),
            Some(mode) => format!("{shown} ({})", self.of(Kind::Text, mode)),
            None => shown,
        }
    }

    /// A profile of AppArmor, unless runtimes and systems have one of that name.
    pub(super) fn profile(&mut self, name: &str) -> String {
        if name.is_empty() || AppArmor::is_known(name) { name.to_owned() } else { self.of(Kind::Profile, name) }
    }

    /// A runtime handler, unless its name is known everywhere.
    pub(super) fn handler(&mut self, name: &str) -> String {
        if HANDLERS.contains(&name) { name.to_owned() } else { self.of(Kind::Handler, name) }
    }

    /// The names that texts may repeat as words, the longest first.
    pub(super) fn words(&self) -> Vec<(String, String)> {
        let mut words: Vec<_> = self.0.iter().map(|((_, name), stand_in)| (name.clone(), stand_in.clone())).collect();
        words.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        words
    }

    /// Whether something stands for a name already.
    pub(super) fn is_placeholder(&self, word: &str) -> bool {
        self.0.values().any(|placeholder| placeholder == word)
    }
}

/// The name of a file of sysctl.d(5): its number says when it is applied.
fn setting(path: &str, placeholder: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let number: String = name.chars().take_while(char::is_ascii_digit).take(4).collect();
    let dash = if number.is_empty() { "" } else { "-" };
    let end = if name.ends_with(".conf") { ".conf" } else { "" };
    format!("{number}{dash}{placeholder}{end}")
}
