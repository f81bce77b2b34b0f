//! All that each profile promises, done by builds as people write them.

use crate::PROCMOUNT;
use crate::pod::Pod;

/// Runs the long build and what goes beside it.
fn all_work(pod: &Pod) {
    let ran = Pod { whole: true, ..pod.clone() }.run();
    assert_eq!(ran.report["profiles"][0]["verdict"], "ready", "{}", ran.log);
    assert!(ran.failed.is_empty() && ran.built && ran.log.contains("@beside done"), "{:?}\n{}", ran.failed, ran.log);
}

#[test]
fn no_process_sandbox() {
    all_work(&Pod::default());
}

#[test]
fn procmount() {
    all_work(&PROCMOUNT);
}

#[test]
fn userns() {
    all_work(&Pod { profile: "userns", uid: 0, privileged: true, ids: Some(65_536), ..Pod::default() });
}

#[test]
fn privileged() {
    all_work(&Pod { profile: "privileged", privileged: true, ..Pod::default() });
}

#[test]
fn rootful() {
    all_work(&Pod { profile: "rootful", uid: 0, privileged: true, ..Pod::default() });
}
