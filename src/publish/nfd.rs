//! What an agent says to node-feature-discovery: a file of features, for clusters in which no agent may write Nodes.

use crate::node::Key;
use std::collections::BTreeMap;

/// The name of the file below node-feature-discovery's directory `features.d`.
pub const FEATURES_FILE: &str = "buildkit-preflight";

/// The file's text. Each label is a feature of the same name, which no rule but ours makes a label of; after `until`, a time in RFC 3339,
/// node-feature-discovery passes over all of them.
pub fn features(labels: &BTreeMap<Key, String>, prefix: &str, until: &str) -> String {
    let head = format!("# For the NodeFeatureRule of `buildkit-preflight render nfd-rule`.\n# +expiry-time={until}\n");
    let line = |(key, value): (&Key, &String)| format!("# +no-label\n{}={value}\n", key.with(prefix));
    head + &labels.iter().map(line).collect::<String>()
}

/// The labels of such a file.
pub fn labels_of(text: &str, prefix: &str) -> BTreeMap<Key, String> {
    let of = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let key = Key::ALL.into_iter().find(|key| key.with(prefix) == name)?;
        key.row().is_some_and(|row| row.values.allow(value)).then(|| (key, value.to_owned()))
    };
    text.lines().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::DEFAULT_PREFIX;
    use crate::profile::Profile;

    #[test]
    fn what_was_written_is_read_again_and_nothing_else() {
        let labels = BTreeMap::from([(Key::Verdict(Profile::NoProcessSandbox), "ready".to_owned()), (Key::Kernel, "6.12".to_owned())]);
        let text = features(&labels, DEFAULT_PREFIX, "2026-01-01T02:30:00Z");
        let wanted = "# +expiry-time=2026-01-01T02:30:00Z\n# +no-label\nbuildkit-preflight.dev/no-process-sandbox=ready\n\
            # +no-label\nbuildkit-preflight.dev/kernel=6.12\n";
        assert!(text.ends_with(wanted), "{text}");
        assert_eq!(labels_of(&text, DEFAULT_PREFIX), labels);
        assert!(labels_of(&text, "example.org").is_empty());
        assert!(labels_of("buildkit-preflight.dev/procmount=perhaps\nbuildkit-preflight.dev/other=x\n", DEFAULT_PREFIX).is_empty());
    }
}
