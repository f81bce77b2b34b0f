//! How a container starts buildkitd.

use serde_json::Value;

/// Who starts buildkitd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The image's entrypoint, with the container's `args`.
    Entrypoint,
    /// `buildctl-daemonless.sh`: for one build, through rootlesskit unless root calls it.
    Daemonless,
    /// `rootlesskit buildkitd`.
    Rootlesskit,
    /// `buildkitd` alone.
    Bare,
    /// Something else: people or programs call it later.
    Later,
}

/// How it starts, and with which words; for a daemon of one build, those of BUILDKITD_FLAGS.
pub(super) fn start(container: &Value) -> (Start, Vec<String>) {
    let words = |field: &str| container[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let command: Vec<_> = words("command").collect();
    let given: Vec<_> = words("args").collect();
    if command.is_empty() {
        // Words that are no flags replace nothing: the entrypoint gets them.
        return (Start::Entrypoint, split(&given));
    }
    let all = split(&[command, given].concat());
    let is_program = |word: &String, name: &str| word.rsplit('/').next() == Some(name);
    let has = |name: &str| all.iter().any(|word| is_program(word, name));
    let start = match () {
        () if has("buildctl-daemonless.sh") => Start::Daemonless,
        () if has("rootlesskit") && has("buildkitd") => Start::Rootlesskit,
        () if has("buildkitd") => Start::Bare,
        () => Start::Later,
    };
    if matches!(start, Start::Daemonless | Start::Later) {
        let of_environment = environment(container, "BUILDKITD_FLAGS").map(str::to_owned);
        return (start, split(&of_environment.into_iter().chain(all).collect::<Vec<_>>()));
    }
    (start, all)
}

/// The value of a variable that the container has.
pub(super) fn environment<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    container["env"].as_array()?.iter().rfind(|variable| variable["name"] == name)?["value"].as_str()
}

/// The words of scripts, too, without their quotes and assignments.
fn split(words: &[String]) -> Vec<String> {
    let words = words.iter().flat_map(|word| word.split([' ', '\n', '\t', '"', '\'', ';', '\\', '(', ')'])).filter(|word| !word.is_empty());
    let bare = |word: &str| word.strip_prefix("BUILDKITD_FLAGS=").unwrap_or(word).to_owned();
    words.map(bare).filter(|word| !word.is_empty()).collect()
}

/// The value of a flag, as `--flag value` or `--flag=value`; the last one counts.
pub(super) fn flag(words: &[String], name: &str) -> Option<String> {
    let at = words.iter().rposition(|word| word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))?;
    match words[at].split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => words.get(at + 1).cloned(),
    }
}

/// Whether a flag without a value is on.
pub(super) fn is_on(words: &[String], name: &str) -> bool {
    words.iter().any(|word| word == name || word.strip_prefix(name).is_some_and(|rest| rest == "=true" || rest == "=1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_starts_buildkitd_and_with_what() {
        let flag = "--oci-worker-no-process-sandbox";
        for (container, expected, sandbox) in [
            (json!({"args": [flag]}), Start::Entrypoint, false),
            (json!({"args": ["--oci-worker-no-process-sandbox=false"]}), Start::Entrypoint, true),
            (json!({"command": ["rootlesskit", "buildkitd", flag]}), Start::Rootlesskit, false),
            (json!({"command": ["sh", "-c"], "args": [format!("exec buildkitd {flag}")]}), Start::Bare, false),
            (json!({"command": ["buildctl-daemonless.sh"], "env": [{"name": "BUILDKITD_FLAGS", "value": flag}]}), Start::Daemonless, false),
            (
                json!({"command": ["sh", "-c", format!("BUILDKITD_FLAGS=\"{flag}\" \\\nbuildctl-daemonless.sh build")]}),
                Start::Daemonless,
                false,
            ),
            (json!({"command": ["sh", "-c", "sleep 5"], "env": [{"name": "BUILDKITD_FLAGS", "value": ""}]}), Start::Later, true),
        ] {
            let (start, words) = start(&container);
            assert_eq!((start, !is_on(&words, flag)), (expected, sandbox), "{container}");
        }
        let words = |text: &str| split(&[text.to_owned()]);
        assert_eq!(super::flag(&words("--root /a --root=/b"), "--root").as_deref(), Some("/b"));
        assert_eq!(super::flag(&words("--rootless"), "--root"), None);
    }
}
