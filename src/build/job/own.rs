//! The containers that are not the user's: they fit the Pod Security Standard *restricted*.

use crate::build::credentials::{HOME, Home};
use crate::profile::BUILDER_UID;
use serde_json::{Value, json};

/// Where the files of credentials are mounted.
pub(super) const CREDENTIALS_DIRECTORY: &str = "/builder/credentials";

/// Where the secrets of a build itself are mounted.
pub(in crate::build) const SECRETS_DIRECTORY: &str = "/builder/secrets";

/// Where certificates for the builder are mounted.
pub(in crate::build) const TLS_DIRECTORY: &str = "/builder/tls";

/// Copies the files that its arguments name. A step may run as any user, whose git must take a workspace of ours.
const INITIALIZE: &str = include_str!("initialize.sh");

/// Fetches a revision of a repository into a folder: alone if the server gives it by its name, else out of all that there is.
const FETCH: &str = include_str!("fetch.sh");

/// What runs without any right, as the user of the client's image.
pub(in crate::build) fn restricted() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": BUILDER_UID,
        "runAsGroup": BUILDER_UID,
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// A container that runs a script of ours. What a user gave is only ever an argument of it.
fn script(image: &str, script: &str, arguments: &[&str]) -> Value {
    let command: Vec<_> = ["sh", "-c", script, "sh"].into_iter().chain(arguments.iter().copied()).collect();
    json!({
        "image": image,
        "command": command,
        "securityContext": restricted(),
    })
}

/// Puts the files of a home there.
pub(super) fn initializer(image: &str, home: &Home) -> Value {
    let paths: Vec<_> = home.files.iter().map(|file| file.path.as_str()).collect();
    let mut container = script(image, INITIALIZE, &paths);
    container["env"] = json!([{"name": "HOME", "value": HOME}, {"name": "CREDENTIALS", "value": CREDENTIALS_DIRECTORY}]);
    container
}

/// Fetches a source by git into a folder of the workspace. `folder` must be in the workspace afterwards.
pub(super) fn git(image: &str, url: &str, revision: &str, target: &str, folder: &str) -> Value {
    let mut container = script(image, FETCH, &[url, revision, target, folder]);
    // Nobody is there to type a password.
    container["env"] = json!([{"name": "HOME", "value": HOME}, {"name": "GIT_TERMINAL_PROMPT", "value": "0"}]);
    container
}
