use super::{Errno, Fact};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was seen of the pod that a builder runs in, by a process in the builder's place: its image, its user, its volumes.
/// Nothing of it is the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnPod {
    /// Effective group ID of the process.
    #[serde(default)]
    pub group: Fact<u32>,
    /// What /etc/passwd says of the user of the process; absent where it has no such user.
    #[serde(default)]
    pub user_entry: Fact<UserEntry>,
    /// The variable USER, by which buildkitd tells an ordinary user's places from root's.
    #[serde(default)]
    pub user: Fact<String>,
    /// The user's home directory: HOME.
    #[serde(default)]
    pub home: Fact<Directory>,
    /// Where rootlesskit and buildkitd make temporary directories: TMPDIR, else /tmp.
    #[serde(default)]
    pub temp_dir: Fact<Directory>,
    /// /tmp, where rootlesskit makes a directory too, whatever TMPDIR says.
    #[serde(default)]
    pub tmp: Fact<Directory>,
    /// Where buildkitd makes its sockets: `buildkit` in XDG_RUNTIME_DIR, else /run/buildkit.
    #[serde(default)]
    pub runtime_dir: Fact<Directory>,
    /// The state dir.
    #[serde(default)]
    pub state_dir: Fact<Directory>,
}

/// A line of /etc/passwd, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntry {
    /// The user's name.
    pub name: String,
    /// The user's group.
    pub group: u32,
    /// The user's home directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
}

/// A directory that a builder writes to, or the closest parent that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// The directory that the builder uses.
    pub path: String,
    /// The closest parent that exists, where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The user that this directory, or that parent, belongs to.
    pub owner: u32,
    /// The group that it belongs to.
    pub group: u32,
    /// Whether it lies on the container's root file system, and not on a volume.
    pub on_root: bool,
    /// Why the user of the process can't write there, by access(2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Errno>,
}

impl Directory {
    /// How long the path of a socket of buildkitd may be (CreateUnixSocket in containerd's pkg/sys); the kernel would take 107 bytes.
    pub const LONGEST_SOCKET: usize = 104;

    /// Whether a socket of buildkitd can't be made there since its path would be too long.
    pub fn is_too_long(&self) -> bool {
        Directory::is_too_long_for_sockets(&self.path)
    }

    /// The same of a directory by its path alone.
    pub fn is_too_long_for_sockets(path: &str) -> bool {
        path.len() + "/otel-grpc.sock".len() > Directory::LONGEST_SOCKET
    }

    /// Whether its name is no absolute path, which rootlesskit refuses.
    pub fn is_relative(&self) -> bool {
        !self.path.starts_with('/')
    }

    /// Whether it is refused since it belongs to another ordinary user.
    pub fn is_of_another(&self, uid: u32) -> bool {
        self.refused == Some(Errno::EACCES) && self.owner != uid && self.owner != 0
    }

    /// Whether it can't be written because the root file system is read-only.
    pub fn is_on_read_only_root(&self) -> bool {
        self.on_root && self.refused == Some(Errno::EROFS)
    }
}

impl OwnPod {
    /// The variable that says where temporary directories are made.
    pub const TEMP_DIR: &str = "TMPDIR";
    /// The variable that says where sockets are made.
    pub const RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";

    /// Whether buildkitd takes root's places, since USER does not say that this is an ordinary user (isRootlessConfig in cmd/buildkitd).
    pub fn takes_roots_places(&self) -> bool {
        self.user == Fact::Absent || self.user.known().is_some_and(|user| user == "root")
    }

    /// The home directory that /etc/passwd gives the user, where HOME is another.
    pub fn other_home(&self) -> Option<&str> {
        let home = self.user_entry.known()?.home.as_deref()?;
        let is_other = match &self.home {
            Fact::Known(directory) => directory.path != home,
            Fact::Absent => true,
            _ => false,
        };
        is_other.then_some(home)
    }

    /// The directories that a rootless builder writes to, in the order in which it comes to them.
    pub fn written(&self) -> impl Iterator<Item = &Directory> {
        let tmp = (self.tmp != self.temp_dir).then_some(&self.tmp);
        [Some(&self.temp_dir), tmp, Some(&self.state_dir), Some(&self.runtime_dir)].into_iter().flatten().filter_map(Fact::known)
    }
}
