//! `manifests/` is what `render` prints: `make manifests` writes it anew.

use buildkit_preflight::agent::{METRICS, MetricRow};
use buildkit_preflight::node::Rule;
use buildkit_preflight::render::{
    AGENT_KUSTOMIZATION, AgentOptions, BUILDER_KUSTOMIZATION, BuilderOptions, Client, ClientOptions, Confinement, MONITORING_KUSTOMIZATION,
    TUNE_OVERLAYS, agent, baseline_overlay, builder, charts, client, dashboard, monitoring, tune_overlay, userns_overlay,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Holds a directory against what is rendered, or writes it.
fn stands(directory: &str, files: &[(impl AsRef<Path>, String)]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(directory);
    for (name, text) in files {
        let path = dir.join(name.as_ref());
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&dir).expect("mkdir");
            fs::write(&path, text).expect("write");
        }
        let stands = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make manifests`", path.display()));
        assert!(stands == *text, "{} is not what `render` prints: run `make manifests`", path.display());
    }
    assert_eq!(fs::read_dir(&dir).expect("a directory").count(), files.len(), "nothing else lies in {directory}");
}

#[test]
fn the_manifests_of_the_agent_are_those_that_are_rendered() {
    let mut files = agent(&AgentOptions::default()).expect("manifests");
    files.push(("kustomization.yaml".into(), AGENT_KUSTOMIZATION.to_owned()));
    stands("agent", &files);
}

#[test]
fn the_policies_have_their_rules_in_the_order_that_the_agent_knows() {
    let files = agent(&AgentOptions::default()).expect("manifests");
    let (_, policy) = files.iter().find(|(name, _)| name == "policy.yaml").expect("the policies");
    let places: Vec<_> = Rule::ALL.into_iter().map(|rule| policy.find(&format!("      message: {}\n", rule.refusal()))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    // A policy, its binding, and what the binding refers to.
    for rule in [Rule::OwnNode, Rule::EventNames] {
        assert_eq!(policy.matches(&format!("ame: {}\n", rule.policy())).count(), 3, "{rule:?}");
    }
    // Conditions and events.
    let obeyed = r#""[\\p{Cc}\\x{200e}-\\x{200f}\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}]""#;
    assert_eq!(policy.matches(obeyed).count(), 2, "{policy}");
}

#[test]
fn the_manifests_of_the_builder_are_those_that_are_rendered() {
    let mut files = builder(&BuilderOptions::default()).expect("manifests").files;
    files.push(("kustomization.yaml", BUILDER_KUSTOMIZATION.to_owned()));
    stands("builder", &files);
}

#[test]
fn the_files_of_the_template_are_those_that_are_rendered() {
    // The namespace is the user's own.
    let daemon = builder(&BuilderOptions { namespace: None, ..BuilderOptions::default() }).expect("manifests").files;
    let daemon = daemon.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n");
    let client = |of: Client| (of.file(), client(of, &ClientOptions::default()).expect("a manifest"));
    let mut files = vec![("0-buildkitd.yaml", daemon)];
    files.extend([Client::Knative, Client::Tekton, Client::Shipwright].map(client));
    stands("template", &files);
}

#[test]
fn the_overlays_that_set_sysctls_are_those_that_are_rendered() {
    for (name, tune) in TUNE_OVERLAYS {
        stands(&format!("overlays/{name}"), &tune_overlay(tune).expect("manifests"));
    }
}

#[test]
fn what_monitors_the_agents_is_what_is_rendered_and_names_metrics_that_there_are() {
    let mut files = monitoring(&AgentOptions::default().namespace).expect("manifests");
    files.push(("kustomization.yaml", MONITORING_KUSTOMIZATION.to_owned()));
    files.push(("dashboard.json", dashboard()));
    stands("monitoring", &files);
    let named = |text: &str| -> BTreeSet<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("buildkit_preflight_"));
        words.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
    };
    let exposed: BTreeSet<_> = METRICS.iter().map(MetricRow::exposed).collect();
    for (file, text) in &files {
        assert!(named(text).is_subset(&exposed), "{file}: {:?}", named(text).difference(&exposed));
    }
    assert_eq!(named(&dashboard()), exposed, "each metric is shown");
}

#[test]
fn panels_fill_the_width_and_lie_on_no_other() {
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard()).expect("JSON");
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|of| panel["gridPos"][of].as_u64().expect("a number"));
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{panel} lies on another");
        }
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
    }
    assert_eq!(taken.len() % 24, 0, "no gaps");
}

#[test]
fn the_overlay_with_a_canary_of_userns_is_the_one_that_is_rendered() {
    stands("overlays/userns", &userns_overlay().expect("manifests"));
}

#[test]
fn the_agent_for_namespaces_that_enforce_baseline_is_the_one_that_is_rendered() {
    stands("overlays/baseline", &baseline_overlay().expect("manifests"));
}

#[test]
fn the_profiles_for_nodes_are_those_that_are_rendered() {
    stands(
        "confinement",
        &[Confinement::Seccomp, Confinement::Apparmor, Confinement::SecurityProfilesOperator].map(|of| (of.file(), of.text())),
    );
}

/// `make charts` writes them anew.
#[test]
fn the_charts_are_those_that_are_made_of_the_same_templates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts");
    for (name, text) in charts().expect("charts") {
        let path = root.join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().expect("a directory")).expect("mkdir");
            fs::write(&path, &text).expect("write");
        }
        let stands = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: run `make charts`", path.display()));
        assert!(stands == text, "{} is not what is made of the templates: run `make charts`", path.display());
    }
}
