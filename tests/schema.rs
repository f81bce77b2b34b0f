//! The schema of the report is generated from the types, and kept where people find it.

use buildkit_preflight::report::Report;
use std::path::Path;

#[test]
fn the_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Report)).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        std::fs::write(&path, &schema).expect("write");
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == schema,
        "the types have changed: run `make schema` and look at what it changed"
    );
}
