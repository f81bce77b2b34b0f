//! The schemas of the reports are generated from the types, and kept where people find them.

use buildkit_preflight::fleet::status::FleetReport;
use buildkit_preflight::report::{BuildResult, ClusterReport, Explanation, NodeReport, PodReport, Report};
use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use std::path::Path;

/// Holds a file against a schema, or writes it.
fn stands(file: &str, schema: &Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
    let mut schema = schema.clone();
    RecursiveTransform(open).transform(&mut schema);
    let schema = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        std::fs::write(&path, &schema).expect("write");
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == schema,
        "the types have changed: run `make schema` and look at what it changed in schema/{file}"
    );
}

/// Fields are added in later versions, beside the variant of an enum too, and those who hold an older schema take them.
fn open(schema: &mut Schema) {
    if schema.get("additionalProperties").is_some_and(|allowed| allowed == false) {
        schema.remove("additionalProperties");
    }
}

#[test]
fn the_schemas_are_those_of_the_types() {
    stands("report.json", &schemars::schema_for!(Report));
    stands("build-result.json", &schemars::schema_for!(BuildResult));
    stands("cluster-report.json", &schemars::schema_for!(ClusterReport));
    stands("fleet-report.json", &schemars::schema_for!(FleetReport));
    stands("node-report.json", &schemars::schema_for!(NodeReport));
    stands("explanation.json", &schemars::schema_for!(Explanation));
    stands("pod-report.json", &schemars::schema_for!(PodReport));
}
