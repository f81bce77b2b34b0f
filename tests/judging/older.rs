//! Reports of older versions get the answers that they got then.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Versions of which some answers are unknown today. The first knew one limit on namespaces. The probe of both made no changes through
/// overlayfs, and was taken to speak for pods from any user namespace.
const LOOKED_AT_LESS: [&str; 2] = ["2026-11-22-", "2026-11-29-probed-"];

fn reports() -> Vec<PathBuf> {
    let older = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judging/older");
    let mut reports: Vec<_> = std::fs::read_dir(older).expect("reports").flatten().map(|entry| entry.path()).collect();
    reports.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    reports.sort();
    reports
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a report")).expect("JSON")
}

/// `check --facts` of a file, for the profiles of a report.
fn check(file: &Path, report: &Value) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buildkit-preflight"));
    command.args(["check", "--format", "json", "--facts"]).arg(file);
    for profile in report["profiles"].as_array().expect("profiles") {
        command.args(["--profile", profile["profile"].as_str().expect("a name")]);
    }
    command.output().expect("the binary runs")
}

/// What a report answers for each profile.
fn answers(report: &Value) -> Vec<(&Value, &Value, &Value)> {
    report["profiles"]
        .as_array()
        .expect("profiles")
        .iter()
        .map(|answer| (&answer["profile"], &answer["verdict"], &answer["causes"]))
        .collect()
}

#[test]
fn reports_of_older_versions_get_their_answers_again() {
    let (mut count, mut less) = (0, 0);
    for path in reports() {
        let before = json(&path);
        let output = check(&path, &before);
        let now: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}: {output:?}", path.display()));
        assert!(output.stderr.is_empty(), "{}: {output:?}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        for (before, now) in answers(&before).into_iter().zip(answers(&now)) {
            let looked_at_less =
                before.1 != "unknown" && now.1 == "unknown" && LOOKED_AT_LESS.iter().any(|version| name.starts_with(version));
            assert!(before == now || looked_at_less && before.0 == now.0, "{name}: {before:?} has become {now:?}");
            less += usize::from(looked_at_less);
            count += 1;
        }
    }
    assert!(count >= 100 && less * 5 < count, "{count} answers, {less} of them are unknown now");
}

/// Facts alone are taken as a report is, and fields of later versions are passed over.
#[test]
fn an_older_file_with_later_fields_gets_the_same_answer() {
    let dir = tempfile::tempdir().expect("temp dir");
    for path in reports() {
        let report = json(&path);
        let written = |name: &str, value: &Value| {
            let file = dir.path().join(name);
            std::fs::write(&file, value.to_string()).expect("write");
            file
        };
        let whole = check(&path, &report).stdout;
        let facts = check(&written("facts.json", &report["facts"]), &report);
        assert!(facts.stdout == whole && facts.stderr.is_empty(), "{}", path.display());
        let mut later = report.clone();
        later["facts"]["process"]["later"] = serde_json::json!({ "known": [1] });
        later["facts"]["sysctls"]["user.later"] = serde_json::json!({ "other": 1 });
        later["later"] = serde_json::json!(7);
        let later = check(&written("later.json", &later), &report);
        let note = String::from_utf8_lossy(&later.stderr);
        assert!(later.stdout == whole && note.starts_with("note: ") && note.contains("process.later"), "{}: {note}", path.display());
    }
}

#[test]
fn a_newer_major_version_is_refused_with_one_error() {
    let dir = tempfile::tempdir().expect("temp dir");
    let report = json(&reports()[0]);
    for place in ["", "/facts"] {
        let mut newer = report.clone();
        newer.pointer_mut(place).expect("it is there")["apiVersion"] = "buildkit-preflight.dev/v2".into();
        let file = dir.path().join("newer.json");
        std::fs::write(&file, newer.to_string()).expect("write");
        let output = check(&file, &report);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{error}");
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
        assert!(error.contains("buildkit-preflight.dev/v2\"") && error.contains("reads \"buildkit-preflight.dev/v1\""), "{error}");
    }
}
