//! Files of a home, made of the secrets of a service account by the annotations of Knative. Nothing that is secret goes into a message.

mod docker;
mod files;
mod git;
mod secret;
mod ssh;

use crate::build::git as url;
use secret::{BASIC_AUTH, DOCKER, GIT, SSH_AUTH};
use serde_json::Value;

pub(super) use files::HOME;
pub use files::{CredentialError, Home, HomeFile};
pub use secret::Secret;

/// The secrets that a ServiceAccount of the cluster names.
pub fn secret_names(service_account: &Value) -> Vec<String> {
    let secrets = service_account.get("secrets").and_then(Value::as_array).into_iter().flatten();
    secrets.filter_map(|secret| secret.get("name").and_then(Value::as_str)).map(str::to_owned).collect()
}

/// Makes a home of the secrets of a service account. `urls` are those that git will fetch: one over ssh needs the key of its host.
///
/// # Errors
/// A secret lacks something, or contradicts another.
pub fn home(secrets: &[Secret], urls: &[&str], accept_host_key: bool) -> Result<Home, CredentialError> {
    let logins = git::logins(secrets)?;
    let keys = ssh::keys(secrets, accept_host_key)?;
    let registries = docker::file(secrets)?;
    for remote in urls.iter().filter_map(|url| url::remote(url)).filter(|remote| remote.is_ssh) {
        if !keys.iter().any(|key| key.host == remote.host) {
            return Err(CredentialError {
                secret: None,
                message: format!("no secret of the service account has an SSH key for `{}`", remote.host),
                hint: Some(format!("annotate a secret of type {SSH_AUTH} with {GIT}0: {}", remote.host)),
            });
        }
    }
    let mut files = git::files(&logins, !keys.is_empty());
    files.extend(ssh::files(&keys));
    files.extend(registries);
    Ok(Home { files, notes: notes(secrets) })
}

/// Secrets of a type that is used by its annotations, without such an annotation.
fn notes(secrets: &[Secret]) -> Vec<String> {
    let has = |secret: &Secret, prefix| secret.annotated(prefix).next().is_some();
    let unused = secrets.iter().filter(|secret| match secret.kind.as_str() {
        BASIC_AUTH => !has(secret, GIT) && !has(secret, DOCKER),
        SSH_AUTH => !has(secret, GIT),
        _ => false,
    });
    let note = |secret: &Secret| {
        let name = &secret.name;
        format!("secret `{name}` is not used: it has no annotation such as {GIT}0 that names a host")
    };
    unused.map(note).collect()
}

#[cfg(test)]
mod tests;
