//! Steps that call buildctl, whose wrong values are known before a pod starts.

use super::csv;
use crate::build::image;
use crate::build::model::Container;
use crate::build::validate::{WORKSPACE_DIRECTORY as WORKSPACE, is_below, parts};
use serde_json::Value;

/// A value that can't work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::build) struct Fault {
    /// The field of the container.
    pub(in crate::build) field: String,
    /// The value, without what stands around it.
    pub(in crate::build) value: String,
    /// What is wrong.
    pub(in crate::build) message: String,
}

/// What can't work of a step; of one that does not call buildctl, nothing is known.
pub(in crate::build) fn check(step: &Container) -> Result<(), Fault> {
    let words = words(&step.value);
    if !words.first().is_some_and(|(_, word)| is_buildctl(word)) {
        return Ok(());
    }
    directory(step)?;
    for (index, (field, word)) in words.iter().enumerate() {
        let (option, value) = match word.split_once('=').filter(|_| word.starts_with("--")) {
            Some((option, value)) => (option, Some((field, value))),
            None => (*word, words.get(index + 1).map(|(field, word)| (field, *word))),
        };
        let Some((field, value)) = value else { continue };
        let fault = match option {
            "--output" | "-o" => output(value),
            "--addr" => address(value),
            _ => None,
        };
        if let Some((value, message)) = fault {
            return Err(Fault { field: field.clone(), value, message });
        }
    }
    Ok(())
}

fn is_buildctl(word: &str) -> bool {
    ["buildctl", "buildctl-daemonless.sh"].contains(&word.rsplit('/').next().unwrap_or_default())
}

/// Command and arguments with the fields that they are.
fn words(step: &Value) -> Vec<(String, &str)> {
    let list = |name: &'static str| {
        let words = step.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        words.enumerate().map(move |(index, word)| (format!("{name}[{index}]"), word))
    };
    list("command").chain(list("args")).collect()
}

/// A directory that is not there is made, empty, by the kubelet: buildctl would send nothing.
fn directory(step: &Container) -> Result<(), Fault> {
    let Some(path) = step.text("workingDir").filter(|path| !path.is_empty()) else { return Ok(()) };
    let mounts = step.value.get("volumeMounts").and_then(Value::as_array).into_iter().flatten();
    let mut places = mounts.filter_map(|mount| mount.get("mountPath").and_then(Value::as_str)).chain([WORKSPACE]);
    let message = if !path.starts_with('/') {
        format!("`{path}` is not an absolute path: write {WORKSPACE}/{path}")
    } else if parts(path).is_none() || !places.any(|place| is_below(path, place)) {
        format!("`{path}` is outside of {WORKSPACE}, where the sources are")
    } else {
        return Ok(());
    };
    Err(Fault { field: "workingDir".into(), value: path.to_owned(), message })
}

/// A value within, and what is wrong with it.
pub(super) type Wrong = (String, String);

fn output(value: &str) -> Option<Wrong> {
    let Some(fields) = csv::fields(value) else {
        return Some((value.into(), format!("`{value}` has a quote that does not end")));
    };
    fields.iter().find_map(|field| match field.split_once('=') {
        Some(("push", push)) if !is_boolean(push) => {
            Some((push.into(), format!("{} is not a boolean: push is true or false", shown(push))))
        }
        Some(("name", name)) => image::fault(name).map(|fault| (name.into(), format!("{} {fault}", shown(name)))),
        Some(_) => None,
        // `--output DIR` is a directory.
        None if fields.len() == 1 => None,
        None => Some((field.clone(), format!("`{field}` in an output is not written key=value"))),
    })
}

/// A value in a message.
pub(super) fn shown(value: &str) -> String {
    if value.is_empty() { "an empty text".into() } else { format!("`{value}`") }
}

/// As Go reads it.
fn is_boolean(text: &str) -> bool {
    ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"].contains(&text)
}

pub(super) fn address(value: &str) -> Option<Wrong> {
    let is_address = value.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    (!is_address).then(|| (value.into(), format!("{} is not an address: write tcp://HOST:PORT", shown(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Spot;
    use serde_json::json;

    fn step(value: Value) -> Container {
        Container { value, spot: Spot { file: "f".into(), place: None, path: String::new() }, fields: Default::default() }
    }

    fn healthy() -> Value {
        json!({
            "image": "a", "workingDir": "/workspace/a",
            "command": ["buildctl", "--addr=tcp://buildkitd:1234", "build", "--output", "type=image,name=r.example/a,push=true"],
        })
    }

    #[test]
    fn a_step_that_can_work_is_left_alone() {
        assert_eq!(check(&step(healthy())), Ok(()));
        for other in [
            json!({"image": "a", "command": ["make", "--output", "push=maybe"], "workingDir": "/src"}),
            json!({"image": "a", "args": ["buildctl"]}),
            json!({"image": "a", "command": ["/usr/bin/buildctl", "build", "-o", "out"]}),
            json!({"image": "a", "command": ["buildctl", "build", "-o"]}),
            json!({"image": "a", "command": ["buildctl"], "workingDir": "/src/a", "volumeMounts": [{"name": "s", "mountPath": "/src"}]}),
        ] {
            assert_eq!(check(&step(other.clone())), Ok(()), "{other}");
        }
    }

    #[test]
    fn what_cannot_work_is_found() {
        for (pointer, value, field, found, message) in [
            ("/command/4", "type=image,name=a,push=maybe", "command[4]", "maybe", "`maybe` is not a boolean: push is true or false"),
            ("/command/4", "type=image,name=a,push=", "command[4]", "", "an empty text is not a boolean: push is true or false"),
            ("/command/4", "type=image,name=,push=true", "command[4]", "", "an empty text is not the name of an image"),
            ("/command/4", "type=image,name=a,b,push=true", "command[4]", "b", "`b` in an output is not written key=value"),
            ("/command/4", "type=image,\"name=a", "command[4]", "type=image,\"name=a", ""),
            ("/command/1", "--addr=buildkitd", "command[1]", "buildkitd", "`buildkitd` is not an address: write tcp://HOST:PORT"),
            ("/command/1", "--addr=", "command[1]", "", "an empty text is not an address: write tcp://HOST:PORT"),
            ("/workingDir", "/src", "workingDir", "/src", "`/src` is outside of /workspace, where the sources are"),
            ("/workingDir", "/workspace/../src", "workingDir", "/workspace/../src", ""),
            ("/workingDir", "app", "workingDir", "app", "`app` is not an absolute path: write /workspace/app"),
        ] {
            let mut wrong = healthy();
            *wrong.pointer_mut(pointer).expect(pointer) = value.into();
            let fault = check(&step(wrong)).expect_err(value);
            assert_eq!((fault.field.as_str(), fault.value.as_str()), (field, found), "{value}");
            assert!(message.is_empty() && !fault.message.is_empty() || fault.message == message, "{value}: {}", fault.message);
        }
    }
}
