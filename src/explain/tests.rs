//! What the messages of the table come to.

use super::signature::SIGNATURES;
use super::{Scan, explain};
use crate::cause::{Cause, Mark};
use crate::fact::Facts;
use crate::profile::Profile;

/// What a log says without any fact.
fn causes(log: &str, profile: Profile) -> Vec<Cause> {
    let mut scan = Scan::new();
    scan.feed(log.as_bytes());
    let mut facts = Facts::unknown();
    facts.process.asked_user_namespace = crate::fact::Fact::Known(profile.has_pod_user_namespace());
    explain(&scan.finish(), &facts, profile, None).iter().map(|explained| explained.cause).collect()
}

#[test]
fn each_message_can_be_found() {
    for signature in SIGNATURES {
        let error = signature.errnos.first().map_or("", |errno| errno.text());
        let line = format!("{}: {error}", signature.says.join(" "));
        let mut scan = Scan::new();
        scan.feed(line.to_uppercase().as_bytes());
        let log = scan.finish();
        let found = log.hits.first().map(|hit| hit.signature.says);
        assert_eq!(found, Some(signature.says), "{line}: an earlier row takes it");
        assert!(signature.says.iter().all(|word| *word == word.to_lowercase() && !word.is_empty()), "{line}");
    }
}

#[test]
fn what_a_text_shows_is_explained_by_its_cause() {
    let mut silent = Vec::new();
    // The last one is what is left where no message is known.
    for cause in Cause::ALL.iter().filter(|cause| **cause != Cause::BuildFailed) {
        let about = cause.row().about;
        let shows = about.split("## How it shows").nth(1).and_then(|rest| rest.split("## ").next()).expect("each text has that part");
        let logs: Vec<_> = shows.split("```").skip(1).step_by(2).collect();
        assert!(!logs.is_empty(), "{cause} shows no message");
        let named = logs.iter().any(|log| causes(log.split_once('\n').expect("a line").1, Profile::Userns).contains(cause));
        if !named {
            silent.push((cause.id(), logs));
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn a_cause_that_no_fact_shows_is_told_by_its_words() {
    for row in Cause::ALL.iter().map(|cause| cause.row()).filter(|row| row.is(Mark::OfTexts)) {
        let log = row.example.log.expect("a log");
        assert_eq!(causes(log, Profile::NoProcessSandbox).first(), Some(&row.cause), "{log}");
    }
}

#[test]
fn the_profile_tells_in_what_namespace_it_was() {
    let log = "newuidmap 14 [0 1000 1 1 100000 65536] failed: newuidmap: write to uid_map failed: Operation not permitted";
    assert_eq!(causes(log, Profile::ProcMount)[0], Cause::NestedUsernsRange);
    let refused = "can't set `spec.hostUsers: false`, runtime does not support user namespaces";
    assert_eq!(causes(refused, Profile::ProcMount)[0], Cause::UsernsPodRuntime);
    let full = "failed to create userns for \"/x\" id-mapping: no space left on device";
    assert_eq!(causes(full, Profile::Userns)[0], Cause::UsernsMax0);
}

#[test]
fn what_a_builder_says_where_all_is_well_speaks_of_nothing() {
    let log = r#"
time="2026-11-30T12:00:00Z" level=info msg="auto snapshotter: using overlayfs"
time="2026-11-30T12:00:00Z" level=warning msg="NoProcessSandbox is enabled. Note that NoProcessSandbox allows build containers to kill (and potentially ptrace) an arbitrary process in the BuildKit host namespace."
time="2026-11-30T12:00:00Z" level=info msg="found worker \"abc\", labels=map[org.mobyproject.buildkit.worker.executor:oci], platforms=[linux/amd64 linux/386]"
time="2026-11-30T12:00:00Z" level=warning msg="skipping containerd worker, as \"/run/containerd/containerd.sock\" does not exist"
time="2026-11-30T12:00:00Z" level=info msg="running server on /run/user/1000/buildkit/buildkitd.sock"
#7 [2/3] RUN apk add --no-cache fuse-overlayfs shadow-uidmap
#7 0.512 (1/4) Installing shadow-uidmap (4.17.3-r0)
#7 DONE 1.2s
"#;
    assert_eq!(causes(log, Profile::NoProcessSandbox), []);
}
