//! `manifests/agent` is what `render agent` prints: `make manifests` writes it anew.

use buildkit_preflight::render::{AGENT_KUSTOMIZATION, AgentOptions, agent};
use std::fs;
use std::path::Path;

#[test]
fn the_manifests_of_the_agent_are_those_that_are_rendered() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/agent");
    let mut files = agent(&AgentOptions::default());
    files.push(("kustomization.yaml", AGENT_KUSTOMIZATION.to_owned()));
    for (name, text) in &files {
        let path = dir.join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, text).expect("write");
        }
        let stands = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make manifests`", path.display()));
        assert!(stands == *text, "{} is not what `render agent` prints: run `make manifests`", path.display());
    }
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), files.len(), "nothing else lies there");
}
