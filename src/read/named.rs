//! Paths that a user named: what is wrong with them is the user's to mend, or nobody can tell.

use super::bounded;
use nix::unistd::{AccessFlags, access};
use std::io::{self, ErrorKind};
#[cfg(feature = "cli")]
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

/// What a user names a path for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Where builds keep their state.
    StateDir,
    /// Where node-feature-discovery reads features.
    Features,
    /// A captured tree.
    Tree,
    /// Where a tree is to be captured.
    Capture,
    /// A facts file.
    Facts,
    /// Where this program is to be copied.
    Install,
    /// Where sysctls can be written.
    Sysctls,
    /// A kubeconfig.
    Kubeconfig,
    /// What buildkitd is told.
    BuildkitConfig,
    /// Certificates of those who vouch for registries.
    RegistryCa,
    /// A Build of Knative.
    #[cfg(feature = "cli")]
    Build,
    /// A template of Knative.
    #[cfg(feature = "cli")]
    Template,
    /// Objects of Kubernetes.
    #[cfg(feature = "cli")]
    Manifest,
    /// The log of something that failed.
    #[cfg(feature = "cli")]
    Log,
    /// A secret of a build.
    #[cfg(feature = "cli")]
    BuildSecret,
    /// What is built.
    #[cfg(feature = "cli")]
    Context,
    /// Where manual pages go.
    #[cfg(feature = "cli")]
    Manual,
}

/// How long a path that a user named may take to answer: it may lie on a mount whose server is gone, or be a pipe.
pub const PATIENCE: Duration = Duration::from_secs(10);

impl Named {
    /// What a message calls it.
    fn title(self) -> &'static str {
        match self {
            Named::StateDir => "state dir ",
            Named::Features => "directory of features ",
            Named::Tree => "captured tree ",
            Named::Sysctls => "directory of sysctls ",
            Named::Capture | Named::Install | Named::Facts | Named::Kubeconfig | Named::BuildkitConfig | Named::RegistryCa => "",
            #[cfg(feature = "cli")]
            Named::Build | Named::Template | Named::Manifest | Named::Log | Named::Context | Named::Manual => "",
            #[cfg(feature = "cli")]
            Named::BuildSecret => "--secret ",
        }
    }

    /// What would do.
    pub fn hint(self) -> &'static str {
        match self {
            Named::StateDir => "name a directory that exists, on the disk that builds would use",
            Named::Features => "name the directory features.d of node-feature-discovery, which must exist",
            Named::Tree => "make one with `buildkit-preflight facts --capture DIR`, on the machine that is to be judged",
            Named::Capture => "name a directory that does not exist yet, below one that does",
            Named::Install => "name a directory that exists, on a volume that the other container mounts too",
            Named::Facts => "make one with `buildkit-preflight facts > node.json`",
            Named::Kubeconfig => "name an existing kubeconfig, or leave --kubeconfig out to use $KUBECONFIG or ~/.kube/config",
            Named::BuildkitConfig => {
                "name a file as buildkitd reads it: TOML, at most 500,000 bytes (docs.docker.com/build/buildkit/toml-configuration)"
            }
            Named::RegistryCa => "name a file of certificates in PEM, at most 500,000 bytes",
            #[cfg(feature = "cli")]
            Named::Build => "name a file with a Build of build.knative.dev/v1alpha1, or `-` for standard input",
            #[cfg(feature = "cli")]
            Named::Template => "name a file with a BuildTemplate or a ClusterBuildTemplate; `render template` prints one",
            #[cfg(feature = "cli")]
            Named::Manifest => "name a file with an object that has a pod, as `kubectl get -o yaml` prints it, or `-` for standard input",
            #[cfg(feature = "cli")]
            Named::Manual => "name a directory that exists, such as /usr/local/share/man/man1",
            #[cfg(feature = "cli")]
            Named::Log => "name the id of a cause (docs/reference/causes.md has them), a file with a log, or `-` for standard input",
            #[cfg(feature = "cli")]
            Named::BuildSecret => "name a file, as in `--secret id=token,src=token.txt`",
            #[cfg(feature = "cli")]
            Named::Context => "name a directory that has a Dockerfile",
            Named::Sysctls => "name the directory where the node's /proc/sys/kernel and /proc/sys/user are mounted",
        }
    }
}

/// A path that a user named and that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{}{path}: {why}", .named.title())]
pub struct BadPath {
    /// What for.
    pub named: Named,
    /// Whether the name is at fault: nothing is there, or something of another kind. Else reading went wrong.
    pub is_users: bool,
    path: String,
    why: String,
}

impl BadPath {
    /// The name is at fault.
    pub(crate) fn wrong(named: Named, path: &Path, why: impl Into<String>) -> Self {
        BadPath { named, is_users: true, path: path.display().to_string(), why: why.into() }
    }

    /// What a look at it met.
    pub(crate) fn error(named: Named, path: &Path, error: &io::Error) -> Self {
        BadPath { is_users: is_users(error), ..BadPath::wrong(named, path, error.to_string()) }
    }

    /// Something could not be written there.
    pub(crate) fn unwritten(named: Named, path: &Path, error: &io::Error) -> Self {
        BadPath { is_users: false, ..BadPath::wrong(named, path, format!("could not be written: {error}")) }
    }

    /// It, or what lies below it, did not answer.
    pub(crate) fn silent(named: Named, path: &Path, waited: Duration) -> Self {
        BadPath { is_users: false, ..BadPath::wrong(named, path, format!("waited {} s and got no answer", waited.as_secs_f32())) }
    }
}

/// Whether an error says that nothing is there by this name, or something of another kind than it should be.
fn is_users(error: &io::Error) -> bool {
    use nix::errno::Errno;
    // A socket can't be opened; a name can be too long, go in circles, or have a NUL in it.
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ENXIO | Errno::ENODEV | Errno::ENAMETOOLONG | Errno::ELOOP)
    ) || errno.is_none() && matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge | ErrorKind::InvalidData)
}

/// Reads a file that was named, within a time.
///
/// # Errors
/// Nothing that is a file there, one that is larger than `largest`, can't be read or does not answer.
#[cfg(feature = "cli")]
pub(crate) fn file(named: Named, path: &Path, largest: u64, limit: Duration) -> Result<Vec<u8>, BadPath> {
    let there = path.to_owned();
    match bounded(limit, move || super::read_file(&there, largest, limit)) {
        None => Err(BadPath::silent(named, path, limit)),
        Some(read) => read.map_err(|error| match error.kind() {
            ErrorKind::TimedOut => BadPath::silent(named, path, limit),
            _ => BadPath::error(named, path, &error),
        }),
    }
}

/// Whether a directory is there that was named, and can be looked into. One that does not answer within `limit` is for others to tell.
///
/// # Errors
/// What is there in its place, or why that can't be seen.
pub(crate) fn is_directory(named: Named, path: &Path, limit: Duration) -> Result<(), BadPath> {
    let there = path.to_owned();
    bounded(limit, move || look_at(named, &there)).unwrap_or(Ok(()))
}

/// Whether something is there that can be read as a file: a pipe of the shell is one too. Otherwise as [`is_directory`].
///
/// # Errors
/// What is there in its place.
#[cfg(feature = "cli")]
pub(crate) fn is_file(named: Named, path: &Path, limit: Duration) -> Result<(), BadPath> {
    let there = path.to_owned();
    let looked = bounded(limit, move || there.metadata());
    match looked {
        Some(Err(error)) if is_users(&error) => Err(BadPath::error(named, path, &error)),
        Some(Ok(meta)) if meta.is_dir() => Err(BadPath::wrong(named, path, "a directory, not a file")),
        Some(Ok(meta)) if !meta.is_file() && !meta.file_type().is_fifo() => {
            Err(BadPath::wrong(named, path, "a socket or a device, not a file"))
        }
        _ => Ok(()),
    }
}

/// As [`is_directory`], and it may hang.
///
/// # Errors
/// As there.
pub(crate) fn look_at(named: Named, path: &Path) -> Result<(), BadPath> {
    match path.metadata() {
        Err(error) => Err(BadPath::error(named, path, &error)),
        Ok(meta) if !meta.is_dir() => Err(BadPath::wrong(named, path, "not a directory")),
        Ok(_) => access(path, AccessFlags::X_OK).map_err(|errno| BadPath::error(named, path, &errno.into())),
    }
}
