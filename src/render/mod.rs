//! Manifests as text: pure.
//!
//! `manifests/agent` is what [`agent`] gives by default, and `manifests/builder` what [`builder`] gives: the policy, the
//! account's name, the label prefix, the shapes of pods and the code have one source, and can't disagree.

mod agent;
mod builder;
mod chart;
mod clients;
mod confinement;
mod error;
mod image;
mod localhost;
mod monitoring;
mod neighbours;
mod scaling;
mod shape;
mod slots;
mod sub_ids;
mod template;
mod tools;

pub use agent::{AGENT_KUSTOMIZATION, AgentOptions, TUNE_OVERLAYS, Tune, agent, baseline_overlay, tune_overlay, userns_overlay};
pub use builder::{
    BUILDER_KUSTOMIZATION, BUILDER_NAME, BUILDER_NAMESPACE, BadQuantity, Builder, BuilderOptions, Config, ImageUser, Pair, Quantity,
    ROOTLESS_IMAGE, Storage, Tls, builder, builder_pod, secrets, server_names,
};
pub use chart::charts;
pub use clients::{Client, ClientOptions, build_template, client, client_image};
pub use confinement::Confinement;
pub use error::Error;
pub use localhost::Localhost;
pub use monitoring::{MONITORING_KUSTOMIZATION, dashboard, monitoring};
pub use neighbours::{NPD_CONDITION, NpdOptions, nfd_rule, npd};
pub use scaling::{NodeClass, cluster_autoscaler, karpenter, readiness_rule};
pub use slots::{NoSlot, Tool};
pub use sub_ids::{LEAST_POD_IDS, NoRange};
pub use tools::{ToolOptions, tool};

/// What users name stands in every place of the manifests as they named it.
#[cfg(test)]
mod tests {
    use super::template::objects;
    use super::{AgentOptions, BuilderOptions, Tune, agent, builder};
    use crate::profile::Profile;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Names that some reader of YAML takes for something else than a text.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec![
                "123",
                "0",
                "1e3",
                "0x1f",
                "0b1",
                "0o7",
                "1-1",
                "2001-01-01",
                "true",
                "false",
                "null",
                "yes",
                "no",
                "on",
                "off",
                "y",
                "n"
            ])
            .prop_map(str::to_owned),
            "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?",
        ]
    }

    /// The same for images.
    fn image() -> impl Strategy<Value = String> {
        prop_oneof![
            prop::sample::select(vec!["1.5", "123", "null", "yes", "1_0", "0x1f", "1:20", "10.0.0.1:5000/a", "a:1", "[fd00::1]:5000/a"])
                .prop_map(str::to_owned),
            "([a-z0-9]{1,5}[.:/])?[a-z0-9]{1,5}(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,9})?",
        ]
    }

    /// All texts of that field, in all objects.
    fn field(value: &Value, name: &str, found: &mut Vec<Value>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| field(value, name, found)),
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| if key == name { found.push(value.clone()) } else { field(value, name, found) })
            }
            _ => {}
        }
    }

    fn check(text: &str, namespace: &str, image: &str, images: usize) -> Result<(), TestCaseError> {
        let objects = objects("a manifest", text).expect("YAML");
        let mut namespaces = Vec::new();
        let mut found = Vec::new();
        for object in &objects {
            field(object, "namespace", &mut namespaces);
            field(object, "image", &mut found);
            if object["kind"] == "Namespace" {
                namespaces.push(object["metadata"]["name"].clone());
            }
        }
        // Events about nodes live there.
        namespaces.retain(|found| found != "default");
        prop_assert!(namespaces.len() > 3 && namespaces.iter().all(|found| found == namespace), "{:?}", namespaces);
        prop_assert!(found.iter().filter(|found| *found == image).count() >= images, "{:?}", found);
        // Version 1.1 of YAML has more words; a reader of that sees quotes.
        let words = ["yes", "no", "on", "off", "y", "n"];
        if words.contains(&namespace) {
            let quoted = format!("namespace: \"{namespace}\"");
            let plain = format!("namespace: {namespace}\n");
            prop_assert!(text.contains(&quoted) && !text.contains(&plain));
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn of_a_builder(namespace in name(), name in "[a-z]([a-z0-9-]{0,9}[a-z0-9])?|yes|null|true|on|n", image in image()) {
            let options = BuilderOptions { profile: Profile::ProcMount, namespace: Some(namespace.clone()), name: name.clone(), image: Some(image.clone()), ..BuilderOptions::default() };
            let built = builder(&options).expect("manifests");
            let text = built.files.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>().join("---\n");
            check(&text, &namespace, &image, 1)?;
            let mut labels = Vec::new();
            for object in objects("a manifest", &text).expect("YAML") {
                field(&object, "app.kubernetes.io/name", &mut labels);
                let own = object["metadata"]["name"].clone();
                prop_assert!([name.clone(), format!("{name}-sub-ids"), namespace.clone()].iter().any(|name| own == *name), "{:?}", own);
            }
            prop_assert!(labels.len() > 3 && labels.iter().all(|label| *label == name), "{:?}", labels);
        }

        #[test]
        fn of_an_agent(namespace in name(), image in image()) {
            let tune = Some(Tune { limits: true, persist: true });
            let options = AgentOptions { namespace: namespace.clone(), image: image.clone(), tune, canaries: Profile::CANARIES.to_vec(), ..AgentOptions::default() };
            let text = agent(&options).expect("manifests").into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("---\n");
            check(&text, &namespace, &image, 4)?;
            let account = format!("system:serviceaccount:{namespace}:agent");
            prop_assert!(text.contains(&account));
        }
    }
}
