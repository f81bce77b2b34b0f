use crate::api::file::contents;
use kube::config::{Kubeconfig, KubeconfigError};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// How large a kubeconfig may be: one of a thousand clusters, with certificates in it, has 6 MB.
const MOST: usize = 16 * 1024 * 1024;

/// What files say, merged by kubectl's rules.
pub(super) struct Source {
    /// The files, for messages.
    pub(super) name: String,
    pub(super) config: Kubeconfig,
}

/// Reads the file that was asked for, else those of `KUBECONFIG`, else `~/.kube/config`. Of several, those that are missing are
/// left out, as kubectl does.
///
/// # Errors
/// What is wrong, with the file's name.
pub(super) fn read(asked: Option<&Path>) -> Result<Source, String> {
    if let Some(path) = asked {
        return Ok(Source { name: path.display().to_string(), config: one(path)? });
    }
    let listed: Vec<_> = std::env::var_os("KUBECONFIG").map(|list| split(&list)).unwrap_or_default();
    if listed.is_empty() {
        let home = std::env::home_dir()
            .filter(|home| !home.as_os_str().is_empty())
            .ok_or("no home directory; name a kubeconfig with --kubeconfig")?;
        let path = home.join(".kube/config");
        let config = one(&path).map_err(|why| format!("{why} (name a kubeconfig with --kubeconfig or KUBECONFIG)"))?;
        return Ok(Source { name: path.display().to_string(), config });
    }
    let there: Vec<_> = listed.iter().filter(|path| path.symlink_metadata().is_ok()).collect();
    let name = |paths: &[&PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":");
    if there.is_empty() {
        return Err(format!("KUBECONFIG names no file that exists: {}", name(&listed.iter().collect::<Vec<_>>())));
    }
    let mut config = Kubeconfig::default();
    for path in &there {
        config = config.merge(one(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(Source { name: name(&there), config })
}

fn split(list: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// One file. Paths in it are told from its directory.
fn one(path: &Path) -> Result<Kubeconfig, String> {
    parse(path, &contents(path, MOST)?)
}

/// What stands in a file.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Kubeconfig, String> {
    let wrong = |why: &str| format!("{}: {why}", path.display());
    let text = str::from_utf8(bytes).map_err(|_| wrong("a kubeconfig is text in UTF-8, and this is not"))?;
    let mut config = Kubeconfig::from_yaml(text.trim_start_matches('\u{feff}')).map_err(|error| wrong(&what_is_wrong(&error)))?;
    // As Go reads it: `kubectl config unset current-context` leaves an empty one, which another file may fill in.
    config.current_context = config.current_context.filter(|context| !context.is_empty());
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let absolute = |file: &mut Option<String>| {
        // A path that is no UTF-8 can't be told in YAML.
        if let Some(joined) =
            file.as_ref().filter(|file| !file.is_empty()).and_then(|file| directory.join(file).to_str().map(str::to_owned))
        {
            *file = Some(joined);
        }
    };
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        // One without a slash is looked for in PATH.
        if let Some(exec) = user.exec.as_mut().filter(|exec| exec.command.as_ref().is_some_and(|command| command.contains('/'))) {
            absolute(&mut exec.command);
        }
    }
    Ok(config)
}

/// Where in a file something is wrong, and what. No more than that, which is the first line: what stands there may be a secret.
fn what_is_wrong(error: &KubeconfigError) -> String {
    let text = match error {
        KubeconfigError::Parse(error) => error.to_string(),
        error => error.to_string(),
    };
    let line = text.lines().next().unwrap_or_default();
    format!("this is no kubeconfig: {}", line.strip_prefix("error: ").unwrap_or(line))
}
