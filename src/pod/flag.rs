//! Words of a command that are changed where they stand.

use super::edit::Edit;
use super::start::Start;
use super::view::View;
use serde_json::Value;

/// A flag more for buildkitd, wherever its flags stand. None where a script sets them, which only people can change.
pub(super) fn with_flag(view: &View, flag: &str) -> Option<Edit> {
    let list = |field: &str| view.container()[field].as_array().cloned().unwrap_or_default();
    if matches!(view.start, Start::Daemonless | Start::Later) {
        let sets_flags = |word: &Value| word.as_str().is_some_and(|text| text.contains("BUILDKITD_FLAGS="));
        if list("command").iter().chain(&list("args")).any(sets_flags) {
            return None;
        }
        let before = view.variable("BUILDKITD_FLAGS").unwrap_or_default();
        return Some(Edit::Variable(view.number, "BUILDKITD_FLAGS", format!("{before} {flag}").trim().to_owned()));
    }
    let is_args = view.start == Start::Entrypoint || !list("args").is_empty();
    let (field, path): (&str, &'static [&'static str]) = if is_args { ("args", &["args"]) } else { ("command", &["command"]) };
    let mut words = list(field);
    let scripts = words.iter_mut().filter(|word| word.as_str().is_some_and(|text| text.contains(char::is_whitespace)));
    let changed = scripts.filter_map(|script| {
        let after = around_buildkitd(script.as_str()?, |program| format!("{program} {flag}"));
        let is_other = *script != after;
        *script = after.into();
        is_other.then_some(())
    });
    if changed.count() == 0 {
        words.push(flag.into());
    }
    Some(Edit::Container(view.number, path, words.into()))
}

/// A command that calls rootlesskit with buildkitd, in scripts too.
pub(super) fn through_rootlesskit(words: &[Value]) -> Vec<Value> {
    let texts = words.iter().filter_map(Value::as_str);
    let after = texts.flat_map(|text| {
        let is_program = text == "buildkitd" || text.ends_with("/buildkitd") && !text.contains(char::is_whitespace);
        let words = if is_program {
            vec!["rootlesskit".into(), text.to_owned()]
        } else {
            vec![around_buildkitd(text, |program| format!("rootlesskit {program}"))]
        };
        words.into_iter().map(Value::from)
    });
    after.collect()
}

/// A script with its calls of buildkitd written otherwise.
fn around_buildkitd(script: &str, call: impl Fn(&str) -> String) -> String {
    let words = script.split_inclusive(char::is_whitespace).map(|word| {
        let program = word.trim_end();
        let is_call = program == "buildkitd" || program.ends_with("/bin/buildkitd");
        if is_call { call(program) + &word[program.len()..] } else { word.to_owned() }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::workloads;
    use serde_json::json;

    fn flagged(container: &Value) -> Option<Edit> {
        let pod = json!({"kind": "Pod", "spec": {"containers": [container]}});
        let workload = workloads("f", &pod.to_string()).expect("a pod").remove(0);
        with_flag(&View::new(&workload, 0), "--f")
    }

    #[test]
    fn a_flag_goes_where_the_others_stand() {
        let args: &'static [&'static str] = &["args"];
        for (container, expected) in [
            (json!({}), Some(Edit::Container(0, args, json!(["--f"])))),
            (json!({"args": ["--a"]}), Some(Edit::Container(0, args, json!(["--a", "--f"])))),
            (
                json!({"command": ["rootlesskit", "buildkitd"]}),
                Some(Edit::Container(0, &["command"], json!(["rootlesskit", "buildkitd", "--f"]))),
            ),
            (json!({"command": ["rootlesskit", "buildkitd"], "args": ["--a"]}), Some(Edit::Container(0, args, json!(["--a", "--f"])))),
            (
                json!({"command": ["sh", "-c"], "args": ["mkdir /run/buildkitd && exec rootlesskit buildkitd --a"]}),
                Some(Edit::Container(0, args, json!(["mkdir /run/buildkitd && exec rootlesskit buildkitd --f --a"]))),
            ),
            (json!({"command": ["buildctl-daemonless.sh"]}), Some(Edit::Variable(0, "BUILDKITD_FLAGS", "--f".into()))),
            (json!({"command": ["sh", "-c", "BUILDKITD_FLAGS=--a buildctl-daemonless.sh"]}), None),
        ] {
            assert_eq!(flagged(&container), expected, "{container}");
        }
        let script = [json!("sh"), json!("-c"), json!("exec buildkitd\n")];
        assert_eq!(through_rootlesskit(&script), [json!("sh"), json!("-c"), json!("exec rootlesskit buildkitd\n")]);
        assert_eq!(
            through_rootlesskit(&[json!("/usr/bin/buildkitd"), json!("--a")]),
            [json!("rootlesskit"), json!("/usr/bin/buildkitd"), json!("--a")]
        );
    }
}
