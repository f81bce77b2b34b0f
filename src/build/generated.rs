//! A Build that is made of options.

use super::buildctl::{BuildOptions, Context, buildctl};
use super::credentials::HOME;
use super::job::{SECRETS_DIRECTORY, TLS_DIRECTORY, restricted};
use super::model::{Build, Container, Fetch, Source, Volume, Work};
use super::plan::Plan;
use super::validate::{self, TLS};
use crate::yaml::{Given, Invalid, Spot};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is asked for on the command line.
#[derive(Clone, PartialEq, Eq)]
pub struct GitBuild {
    /// The repository.
    pub url: String,
    /// The branch, tag or commit; `HEAD` is what the repository itself takes.
    pub revision: String,
    /// A folder of it that is the context.
    pub sub_path: Option<String>,
    /// What is built.
    pub options: BuildOptions,
    /// Secrets of the build: IDs and contents.
    pub secrets: Vec<(String, Vec<u8>)>,
    /// The Secret with certificates for the builder: `ca.crt`, `tls.crt` and `tls.key`.
    pub tls: Option<String>,
    /// The image with buildctl.
    pub client_image: String,
    /// Whose secrets are used.
    pub service_account: Option<String>,
    /// How long it may take, in seconds.
    pub timeout: u64,
}

/// Runs buildctl, and leaves the digest where the pod's status shows it. A signal ends buildctl, which ends the build.
const RUN: &str = include_str!("generated/run.sh");

/// Where the kubelet takes a container's last words from.
const MESSAGE: &str = "/dev/termination-log";

/// Makes a plan of it. Errors name the option instead of a file.
///
/// # Errors
/// A value makes no sense.
pub fn generated(build: &GitBuild) -> Result<Plan, Invalid> {
    build.options.check()?;
    for (id, _) in &build.secrets {
        super::buildctl::secret_id(id)?;
    }
    let given = |option: &str, value: &str| Given { value: value.to_owned(), spot: Spot::option(option) };
    let fetch = Fetch::Git { url: given("--git", &build.url), revision: given("--revision", &build.revision) };
    let sub_path = build.sub_path.as_ref().map(|path| given("--sub-path", path));
    let source = Source { name: None, fetch, sub_path, target_path: None, spot: Spot::option("--git") };
    let step = step(build);
    let tls = build.tls.as_ref().map(|secret| Volume {
        name: given("--tls", TLS),
        value: json!({"name": TLS, "secret": {"secretName": secret, "defaultMode": 0o440}}),
    });
    let made = Build {
        name: given("--image", &name(&build.options.image)),
        namespace: None,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        sources: vec![source],
        work: Work::Steps(vec![step.clone()]),
        service_account: build.service_account.as_ref().map(|name| given("--service-account", name)),
        timeout: build.timeout,
        node_selector: BTreeMap::new(),
        affinity: None,
        volumes: Vec::new(),
    };
    validate::build(&made)?;
    Ok(Plan { build: made, steps: vec![step], volumes: tls.into_iter().collect(), files: build.secrets.clone(), token: false })
}

/// A name for the Build of an image: that of the image, without its registry and its tag.
fn name(image: &str) -> String {
    let (image, _) = image.split_once('@').unwrap_or((image, ""));
    let last = image.rsplit('/').next().unwrap_or_default();
    let (last, _) = last.split_once(':').unwrap_or((last, ""));
    let word: String = last.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' }).take(40).collect();
    format!("build-{}", word.trim_matches('-'))
}

/// The one step.
fn step(build: &GitBuild) -> Container {
    let file = |(id, _): &(String, Vec<u8>)| (id.clone(), format!("{SECRETS_DIRECTORY}/{id}"));
    let context = Context {
        directory: ".".into(),
        tls: build.tls.as_ref().map(|_| TLS_DIRECTORY.to_owned()),
        secrets: build.secrets.iter().map(file).collect(),
        metadata: format!("{HOME}/metadata.json"),
    };
    // What a user gave is an argument, and never part of the script.
    let mut command: Vec<_> = ["sh", "-c", RUN, "sh", context.metadata.as_str(), MESSAGE, "buildctl"].map(Value::from).to_vec();
    command.extend(buildctl(&build.options, &context).into_iter().map(Value::from));
    let mut value = json!({
        "name": "build-and-push",
        "image": build.client_image,
        "command": command,
        "securityContext": restricted(),
    });
    if build.tls.is_some() {
        value["volumeMounts"] = json!([{"name": TLS, "mountPath": TLS_DIRECTORY, "readOnly": true}]);
    }
    let fields = [("image", "--client-image"), ("name", "--image")];
    let fields = fields.into_iter().map(|(field, option)| (field.to_owned(), Spot::option(option))).collect();
    Container { value, spot: Spot::option("--git"), fields }
}

#[cfg(test)]
mod tests;
