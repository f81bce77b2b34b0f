//! What node-feature-discovery and node-problem-detector are told.

use super::Error;
use super::template::Templates;
use crate::node::{Key, Values};
use crate::profile::Profile;
use crate::report::LINE_BYTES;
use minijinja::context;
use serde_json::json;

/// A value that Kubernetes takes for a label.
const LABEL_VALUE: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

/// A NodeFeatureRule of node-feature-discovery: it makes labels of the features that an agent has written, where each has a value that the
/// agent may write.
///
/// # Errors
/// Says which template is wrong.
pub fn nfd_rule(prefix: &str) -> Result<String, Error> {
    let rule = |key: Key| {
        let (operator, values) = match key.row()?.values {
            Values::Words(words) => ("In", words.to_vec()),
            Values::Number => ("InRegexp", vec!["^[0-9]{1,10}$"]),
            Values::Like(_) => ("InRegexp", vec![LABEL_VALUE]),
        };
        let name = key.with(prefix);
        let template = format!("{{{{ range .local.feature }}}}{name}={{{{ .Value }}}}{{{{ end }}}}");
        // JSON is YAML: each text in quotes.
        Some(context! { name => key.name(), feature => json!(name).to_string(), operator, values => json!(values).to_string(), template })
    };
    let rules: Vec<_> = Key::ALL.into_iter().filter_map(rule).collect();
    Templates::new()?.manifest("neighbours/nfd-rule.yaml", &context! { rules })
}

/// How node-problem-detector runs this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpdOptions {
    /// Where the program is, as node-problem-detector sees it.
    pub path: String,
    /// The profile to check.
    pub profile: Profile,
    /// How often.
    pub seconds: u64,
}

/// The condition of node-problem-detector. Its conditions name problems: `True` is bad.
pub const NPD_CONDITION: &str = "RootlessBuildKitUnavailable";

/// How long one check may take there, and its probe: the rest is for reading.
const NPD_TIMEOUT: u64 = 30;
const NPD_DEADLINE: u64 = 10;

/// A configuration of node-problem-detector's monitor for custom plugins. The exit codes of `check` are the ones that it knows: 0 for no
/// problem, 1 for a problem, and others for what is unknown.
pub fn npd(options: &NpdOptions) -> String {
    let deadline = format!("{NPD_DEADLINE}s");
    let args = ["check", "--profile", options.profile.id(), "--format", "line", "--deadline", &deadline];
    let config = json!({
        "plugin": "custom",
        "pluginConfig": {
            "invoke_interval": format!("{}s", options.seconds),
            "timeout": format!("{NPD_TIMEOUT}s"),
            "max_output_length": LINE_BYTES,
            "concurrency": 1,
            "enable_message_change_based_condition_update": true,
            // Before the first check nobody knows.
            "skip_initial_status": true,
        },
        "source": "buildkit-preflight",
        "metricsReporting": true,
        "conditions": [
            {"type": NPD_CONDITION, "reason": "RootlessBuildKitWorks", "message": "rootless BuildKit works on this node"},
        ],
        "rules": [
            {"type": "permanent", "condition": NPD_CONDITION, "reason": "RootlessBuildKitFails", "path": options.path, "args": args},
        ],
    });
    format!("{config:#}\n")
}
