//! The containers of the pod in their order, and its volumes.

use super::own::{self, CREDENTIALS_DIRECTORY, SECRETS_DIRECTORY};
use super::secret::Secrets;
use crate::build::credentials::{HOME as HOME_DIRECTORY, Home};
use crate::build::model::Fetch;
use crate::build::plan::Plan;
use crate::build::stages::{self, CREDENTIALS, Stage, StageKind};
use crate::build::validate::{FILES, HOME, SECRETS, WORKSPACE, WORKSPACE_DIRECTORY, parts};
use serde_json::{Value, json};

/// All of them. The last is the pod's main container, the others are its init containers.
pub(super) fn all(plan: &Plan, home: &Home, git_image: &str) -> (Vec<Stage>, Vec<Value>) {
    let build = &plan.build;
    let mut all: Vec<(StageKind, String, Value)> = Vec::new();
    let mut initializer = own::initializer(git_image, home);
    if !home.files.is_empty() {
        initializer["volumeMounts"] = json!([{"name": SECRETS, "mountPath": CREDENTIALS_DIRECTORY, "readOnly": true}]);
    }
    all.push((StageKind::Credentials, CREDENTIALS.into(), with_places(initializer, None)));
    let text = |given: &Option<crate::yaml::Given<String>>| given.as_ref().map_or_else(String::new, |given| given.value.clone());
    for (source, name) in build.sources.iter().zip(stages::source_names(&build.sources)) {
        let container = match &source.fetch {
            Fetch::Git { url, revision } => {
                own::git(git_image, &url.value, &revision.value, &text(&source.target_path), &text(&source.sub_path))
            }
            Fetch::Custom(container) => container.value.clone(),
        };
        all.push((StageKind::Source, name, with_places(container, None)));
    }
    let sub_path = build.sources.iter().find_map(|source| source.sub_path.as_ref()).map(|path| path.value.as_str());
    for (step, name) in plan.steps.iter().zip(stages::step_names(&plan.steps)) {
        all.push((StageKind::Step, name, with_places(step.value.clone(), sub_path)));
    }
    if let Some((_, _, last)) = all.last_mut().filter(|_| !plan.files.is_empty()) {
        push(last, "volumeMounts", json!({"name": FILES, "mountPath": SECRETS_DIRECTORY, "readOnly": true}));
    }
    all.into_iter().map(named).unzip()
}

/// A container with its name, and what it is.
fn named((kind, name, mut value): (StageKind, String, Value)) -> (Stage, Value) {
    let container = stages::container_name(&name);
    value["name"] = container.as_str().into();
    let image = value.get("image").and_then(Value::as_str).unwrap_or_default().to_owned();
    (Stage { container, name, image, kind }, value)
}

/// What each container gets that does not say otherwise: as Knative had it, a home, and a workspace that it starts in.
fn with_places(mut container: Value, sub_path: Option<&str>) -> Value {
    let mut workspace = json!({"name": WORKSPACE, "mountPath": WORKSPACE_DIRECTORY});
    if let Some(path) = sub_path {
        workspace["subPath"] = path.into();
    }
    for mount in [workspace, json!({"name": HOME, "mountPath": HOME_DIRECTORY})] {
        if !has(&container, "volumeMounts", "mountPath", |path| mount["mountPath"].as_str().is_some_and(|own| parts(own) == parts(path))) {
            push(&mut container, "volumeMounts", mount);
        }
    }
    if !has(&container, "env", "name", |name| name == "HOME") {
        let mut env = vec![json!({"name": "HOME", "value": HOME_DIRECTORY})];
        env.extend(container.get("env").and_then(Value::as_array).into_iter().flatten().cloned());
        container["env"] = env.into();
    }
    if container.get("workingDir").and_then(Value::as_str).is_none_or(str::is_empty) {
        container["workingDir"] = WORKSPACE_DIRECTORY.into();
    }
    // So that the reason of a failure is in the pod's status.
    if container.get("terminationMessagePolicy").is_none() {
        container["terminationMessagePolicy"] = "FallbackToLogsOnError".into();
    }
    container
}

/// Whether one of a list has such a field.
fn has(container: &Value, list: &str, field: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let mut list = container.get(list).and_then(Value::as_array).into_iter().flatten();
    list.any(|one| one.get(field).and_then(Value::as_str).is_some_and(&is_it))
}

fn push(container: &mut Value, list: &str, value: Value) {
    match container.get_mut(list).and_then(Value::as_array_mut) {
        Some(values) => values.push(value),
        None => container[list] = json!([value]),
    }
}

/// The pod's volumes.
pub(super) fn volumes(plan: &Plan, secret: &str, secrets: &Secrets) -> Vec<Value> {
    let empty = |name: &str| json!({"name": name, "emptyDir": {}});
    let of = |name: &str, items: Vec<Value>| {
        // The owner is root; the group is that of the pod's volumes.
        (!items.is_empty()).then(|| json!({"name": name, "secret": {"secretName": secret, "items": items, "defaultMode": 0o440}}))
    };
    let own = [empty(WORKSPACE), empty(HOME)].into_iter().chain(of(SECRETS, secrets.home_items())).chain(of(FILES, secrets.file_items()));
    own.chain(plan.volumes.iter().map(|volume| volume.value.clone())).collect()
}
