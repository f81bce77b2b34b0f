use super::*;
use crate::fact::{Errno, Plan, Stage, Step, StepOutcome};

fn known(text: &str) -> Fact<String> {
    Fact::Known(text.to_owned())
}

fn directory(path: &str) -> Fact<Directory> {
    Fact::Known(Directory { path: path.into(), parent: Some("/home/alice".into()), owner: 1, group: 1, on_root: false, refused: None })
}

/// Facts of a node `acme-prod-7`, of its user alice.
fn named(detail: &str) -> Facts {
    let mut facts = Facts { node: known("acme-prod-7"), ..Facts::unknown() };
    facts.sub_ids.user = known("alice");
    facts.state_dir.path = known("/home/alice/buildkit");
    facts.own_pod = Some(OwnPod { user: known("alice"), home: directory("/home/alice"), ..OwnPod::default() });
    let plan = Plan { builder: crate::fact::Builder::Rootless, process_sandbox: false };
    let step = StepResult {
        step: Step::UidMap,
        outcome: StepOutcome::Failed,
        errno: Some(Errno::EPERM),
        detail: Some(detail.into()),
        filtered: None,
        micros: 0,
    };
    let end = TrialEnd::Failed { stage: Stage::Run, step: Some(step), error: "x".into(), behaviours: vec![] };
    facts.trials = vec![Trial { plan, end, snapshotter: None, millis: 0 }];
    facts
}

fn detail(text: &str) -> String {
    match named(text).redacted().trials.remove(0).end {
        TrialEnd::Failed { step: Some(StepResult { detail: Some(detail), .. }), .. } => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_name_has_one_placeholder_wherever_it_stands() {
    let facts = named("newuidmap: alice of acme-prod-7 can't write /home/alice/buildkit, nor alice2 /home/alice/x").redacted();
    assert_eq!((facts.node.known(), facts.sub_ids.user.known()), (Some(&"node-1".to_owned()), Some(&"user-1".to_owned())));
    let pod = facts.own_pod.as_ref().expect("a pod");
    let home = pod.home.known().expect("a home");
    assert_eq!((home.path.as_str(), home.parent.as_deref()), ("/home/path-2", Some("/home/path-2")));
    assert_eq!(facts.state_dir.path, known("/home/path-1"));
    let shown = detail("newuidmap: alice of acme-prod-7 can't write /home/alice/buildkit, nor /home/alice/x");
    assert_eq!(shown, "newuidmap: user-1 of node-1 can't write /home/path-1, nor /home/path-3");
}

#[test]
fn a_handler_that_is_known_everywhere_keeps_its_name() {
    let mut facts = named("x");
    let handlers = ["", "runc", "acme-sandbox"].map(|name| RuntimeHandler { name: name.into(), ..RuntimeHandler::default() });
    facts.kubelet.runtime_handlers = Fact::Known(handlers.to_vec());
    let redacted = facts.redacted().kubelet.runtime_handlers;
    let names: Vec<_> = redacted.known().into_iter().flatten().map(|handler| handler.name.as_str()).collect();
    assert_eq!(names, ["", "runc", "handler-1"]);
}

#[test]
fn texts_keep_what_they_mean() {
    for same in [
        "[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: operation not permitted",
        "error mounting \"proc\" to rootfs at \"/proc\": mount proc:/proc (via /proc/self/fd/6), flags: 0xe: operation not permitted",
        "newuidmap 25 [0 1000 1 1 100000 65536] failed: newuidmap: write to uid_map failed: Operation not permitted\n: exit status 1",
        "no subuid ranges found for user 1000 (\"user\")",
        "user.max_user_namespaces is 99, at 12:30:45 by util.go:12",
        "Cannot determine your user name.",
    ] {
        assert_eq!(detail(same), same);
    }
    for (text, shown) in [
        ("no subuid ranges found for user 1000 (\"bob\")", "no subuid ranges found for user 1000 (\"text-1\")"),
        ("dial tcp 10.1.2.3:443: from 02:42:ac:11:00:02 to fe80::1/64", "dial tcp address-1:443: from address-2 to address-3"),
        ("lookup registry.acme.internal on 10.0.0.10:53", "lookup host-1 on address-1:53"),
        ("push https://bob:pw@r.acme.com/a: denied", "push https://host-1: denied"),
        ("the label acme.com/team=secret is not a number", "the label path-3=value-1 is not a number"),
        ("the label buildkit-preflight.dev/node-ids=secret is", "the label buildkit-preflight.dev/node-ids=value-1 is"),
        ("level=error msg=\"can't open /srv/acme/x\"", "level=error msg=\"can't open /srv/path-3\""),
        ("container 0f3a9c77b1de12 of pod 6f1c1f0e-7d5e-4c6b-9b1a-2f1d0c9b8a7e", "container id-1 of pod id-2"),
        ("open /home/bob/bin/newuidmap: denied", "open /home/path-3: denied (newuidmap)"),
        ("../../alice", "path-3"),
        ("/usr/bin/../../home/bob", "/path-3"),
    ] {
        assert_eq!(detail(text), shown);
    }
}

#[test]
fn reasons_quote_nothing() {
    let mut facts = named("");
    facts.sub_ids.uids = Fact::Failed("\"carol smith:1\" is not user:start:length".into());
    facts.os = Fact::Denied(Why::error("/etc/os-release", Errno::EACCES));
    let redacted = facts.clone().redacted();
    assert_eq!(redacted.sub_ids.uids, Fact::Failed("\"text-1\" is not user:start:length".into()));
    assert_eq!(redacted.os, facts.os);
}

#[test]
fn labels_of_security_modules_keep_their_sense() {
    for (label, shown) in [
        ("unconfined", "unconfined"),
        ("docker-default (enforce)", "docker-default (enforce)"),
        ("acme (complain)", "profile-1 (complain)"),
        ("acme", "profile-1"),
        ("docker-default//acme (enforce)", "docker-default//profile-1 (enforce)"),
        ("lxc-101_</srv/acme>//&:lxc-101_<-srv-acme>:unconfined (enforce)", "profile-1//&:profile-2:unconfined (enforce)"),
        (":acme://mine (enforce)", ":profile-1://profile-2 (enforce)"),
        (":acme (enforce)", ":profile-1 (enforce)"),
        ("system_u:system_r:container_t:s0:c1,c2", "system_u:system_r:container_t:s0:c1,c2"),
        ("system_u:system_r:acme.process:s0", "system_u:system_r:profile-1:s0"),
    ] {
        let mut facts = Facts::unknown();
        facts.process.lsm_label = known(label);
        let redacted = facts.clone().redacted().process;
        assert_eq!(redacted.lsm_label, known(shown));
        assert_eq!(redacted.selinux_type().is_some(), facts.process.selinux_type().is_some());
        assert_eq!(redacted.apparmor_profile().is_some(), facts.process.apparmor_profile().is_some());
    }
}

#[test]
fn paths_keep_what_the_judge_sees_of_them() {
    let mut names = Names::default();
    for same in
        ["", "/", "/proc/self/exe", "/usr/bin/rootlesskit", "/home/user/.local/share/buildkit", "/run/user/1000/buildkit", "/etc/subuid"]
    {
        assert_eq!(names.path(same), same);
    }
    assert_eq!(names.path("/etc/sysctl.d/99-acme.conf"), "/etc/sysctl.d/99-path-1.conf");
    assert_eq!(
        (names.path("acme"), names.path("/var/lib/acme/x"), names.path("/acme")),
        ("path-2".into(), "/var/lib/path-3".into(), "/path-4".into())
    );
    let long = format!("/data/{}", "x".repeat(100));
    assert!(names.path(&long).starts_with("/path-5---") && Directory::is_too_long_for_sockets(&names.path(&long)));
}
