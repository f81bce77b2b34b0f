//! Logins for registries.

use super::files::{CredentialError, HomeFile};
use super::secret::{BASIC_AUTH, DOCKER, Secret};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// Docker Hub, as its clients look it up.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Docker Hub by names that no client looks up.
const NOT_DOCKER_HUB: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

/// Types of secrets that hold a whole file: the key, and where in the file the logins are. Logins of a later row count more.
const FILES: [(&str, &str, Option<&str>); 2] =
    [("kubernetes.io/dockercfg", ".dockercfg", None), ("kubernetes.io/dockerconfigjson", ".dockerconfigjson", Some("auths"))];

/// The file with all logins, if there are any.
pub(super) fn file(secrets: &[Secret]) -> Result<Option<HomeFile>, CredentialError> {
    let mut auths = Map::new();
    for (kind, key, field) in FILES {
        for secret in secrets.iter().filter(|secret| secret.kind == kind) {
            auths.extend(logins(secret, key, field)?);
        }
    }
    auths.extend(users(secrets)?);
    let file = || HomeFile::new(".docker/config.json", json!({ "auths": auths }).to_string());
    Ok((!auths.is_empty()).then(file))
}

/// The logins of a file.
fn logins(secret: &Secret, key: &str, field: Option<&str>) -> Result<Map<String, Value>, CredentialError> {
    // What serde_json says of a file may quote it.
    let wrong = |what: &str| secret.wrong(format!("its key `{key}` {what}"));
    let file: Value = serde_json::from_slice(secret.need(key)?).map_err(|_| wrong("is not valid JSON"))?;
    let logins = match field {
        Some(field) => file.get(field).ok_or_else(|| wrong(&format!("has no `{field}`")))?,
        None => &file,
    };
    let logins = logins.as_object().filter(|logins| logins.values().all(Value::is_object));
    logins.cloned().ok_or_else(|| wrong("does not map registries to logins"))
}

/// The logins of users with passwords, each registry once.
fn users(secrets: &[Secret]) -> Result<Map<String, Value>, CredentialError> {
    let mut users = Map::new();
    for secret in secrets.iter().filter(|secret| secret.kind == BASIC_AUTH) {
        for (key, registry) in secret.annotated(DOCKER) {
            let bare = registry.split_once("://").map_or(registry, |(_, rest)| rest).trim_end_matches('/');
            if NOT_DOCKER_HUB.contains(&bare) {
                return Err(secret.wrong(format!("Docker Hub is annotated as {DOCKER_HUB}, not as `{registry}`")));
            }
            if bare.is_empty() || registry.contains(|c: char| c.is_control() || c.is_whitespace() || c == '@') {
                return Err(secret.wrong(format!("its annotation {key} is not a registry such as https://gcr.io, without a user")));
            }
            let (user, password) = (secret.line("username")?, secret.line("password")?);
            if user.contains(':') {
                return Err(secret.wrong("its key `username` has a colon, which HTTP basic authentication does not allow"));
            }
            let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
            if users.insert(registry.to_owned(), json!({ "auth": auth })).is_some() {
                return Err(secret.wrong(format!("`{registry}` is annotated twice, so it is not known which login counts")));
            }
        }
    }
    Ok(users)
}
