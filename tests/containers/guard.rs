//! `check --guard` in a builder's own pod, beside the builder: what the pod adds to its profile's shape.

use crate::pod::{Pod, State};
use crate::support::oci::Own;
use serde_json::Value;

const GUARD: Pod = Pod { guard: true, ..Pod::DEFAULT };

/// The builder does not work, and the guard says so: the decisive cause, and words of the fix.
fn stops(pod: &Pod, cause: &str, fix: &str) -> Value {
    let ran = pod.run();
    let profile = &ran.report["profiles"][0];
    let story = format!("\n{}\n{}\n{}", serde_json::to_string_pretty(profile).expect("JSON"), ran.last_words, ran.log);
    assert!(!ran.built, "the build fails{story}");
    assert_eq!((&profile["verdict"], &profile["causes"][0]), (&"not-ready".into(), &cause.into()), "{story}");
    assert_eq!((ran.exit_code, ran.left_behind.as_str()), (1, ""), "{story}");
    let words: Vec<_> = ran.last_words.lines().collect();
    let is_fix = |line: &&str| line.trim_start().starts_with("Fix: ") && line.contains(fix);
    assert!(words[1].starts_with(&format!("{cause}: ")) && words.get(2).is_some_and(is_fix), "{story}");
    assert!(ran.last_words.len() <= 4096, "{story}");
    profile.clone()
}

/// The builder works, and the guard lets it start.
fn starts(pod: &Pod) {
    let ran = pod.run();
    let story = format!("\n{}\n{}", serde_json::to_string_pretty(&ran.report["profiles"][0]).expect("JSON"), ran.log);
    assert!(ran.built, "the build works{story}");
    assert_eq!((&ran.report["profiles"][0]["verdict"], ran.exit_code), (&"ready".into(), 0), "{story}");
    assert_eq!((ran.left_behind.as_str(), ran.last_words.as_str()), ("", ""), "{story}");
}

#[test]
fn the_default_pod_starts() {
    starts(&GUARD);
}

#[test]
fn a_claim_without_fs_group_is_stopped() {
    stops(&Pod { state: State::Claim, ..GUARD }, "state-dir", "set fsGroup: 1000");
}

#[test]
fn a_volume_that_keeps_its_owners_is_stopped() {
    const CHOWN: &str =
        "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nRUN busybox id > /made && busybox chown 1:1 /made\n";
    let pod = Pod { files: &[("/context/Dockerfile", CHOWN)], ..GUARD };
    starts(&pod);
    stops(&Pod { state: State::KeepsOwners, ..pod }, "state-dir-chown", "mount an emptyDir on the state dir");
}

#[test]
fn a_user_that_the_image_does_not_know_is_stopped() {
    let fix = "set runAsUser: 1000 and runAsGroup: 1000";
    let profile = stops(&Pod { uid: 1001, ..GUARD }, "image-user", fix);
    assert_eq!(profile["causes"], serde_json::json!(["image-user"]), "what follows from it is not told beside it");
    let env: &[_] = &[("TMPDIR", "/tmp"), ("XDG_RUNTIME_DIR", "/tmp"), ("BUILDKIT_HOST", "unix:///tmp/buildkit/buildkitd.sock")];
    stops(&Pod { uid: 1001, own: Own { env, ..GUARD.own }, ..GUARD }, "image-user", fix);
    stops(&Pod { uid: 0, own: Own { rootless_image: true, ..GUARD.own }, ..GUARD }, "image-user", fix);
}

#[test]
fn another_user_that_the_image_knows_starts() {
    let env = &[("TMPDIR", "/tmp"), ("XDG_RUNTIME_DIR", "/tmp"), ("BUILDKIT_HOST", "unix:///tmp/buildkit/buildkitd.sock"), ("USER", "ann")];
    let files = &[
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1001:1001::/home/user:/bin/sh\n"),
        ("/etc/subuid", "ann:100000:65536\n"),
        ("/etc/subgid", "ann:100000:65536\n"),
    ];
    starts(&Pod { uid: 1001, own: Own { env, ..GUARD.own }, files, ..GUARD });
}

#[test]
fn another_group_than_the_users_is_stopped() {
    stops(&Pod { own: Own { gid: Some(0), ..GUARD.own }, ..GUARD }, "image-user", "set runAsGroup: 1000");
}

#[test]
fn another_group_that_the_image_gives_the_user_starts() {
    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nuser:x:1000:0::/home/user:/bin/sh\n";
    starts(&Pod { own: Own { gid: Some(0), ..GUARD.own }, files: &[("/etc/passwd", PASSWD)], ..GUARD });
}

#[test]
fn a_read_only_root_needs_its_volumes() {
    let read_only = Own { read_only_root: true, ..GUARD.own };
    let with = |empty_dirs| Pod { own: read_only.clone(), empty_dirs, ..GUARD };
    let (temp, tmp, run) = ("/home/user/.local/tmp", "/tmp", "/run/user/1000");
    stops(&with(&[]), "read-only-root", "mount an emptyDir on /home/user/.local/tmp, /tmp and /run/user/1000, or remove");
    stops(&with(&["/home/user/.local/tmp", "/run/user/1000"]), "read-only-root", &format!("mount an emptyDir on {tmp}, or"));
    stops(&with(&["/tmp", "/run/user/1000"]), "read-only-root", &format!("mount an emptyDir on {temp}, or"));
    stops(&with(&["/home/user/.local/tmp", "/tmp"]), "read-only-root", &format!("mount an emptyDir on {run}, or"));
    starts(&with(&["/home/user/.local/tmp", "/tmp", "/run/user/1000"]));
}

#[test]
fn a_directory_for_temporary_files_must_be_there() {
    stops(&Pod { own: Own { env: &[("TMPDIR", "/nowhere")], ..GUARD.own }, ..GUARD }, "temp-dir", "mount an emptyDir on /nowhere");
    starts(&Pod { own: Own { env: &[("TMPDIR", "/nowhere")], ..GUARD.own }, empty_dirs: &["/nowhere"], ..GUARD });
}

#[test]
fn the_runtime_directory_must_hold_sockets() {
    const MISSING: &[(&str, &str)] =
        &[("XDG_RUNTIME_DIR", "/run/user/2000"), ("BUILDKIT_HOST", "unix:///run/user/1000/buildkit/buildkitd.sock")];
    let pod = Pod { own: Own { env: MISSING, ..GUARD.own }, ..GUARD };
    // One of the two sockets lies there, whatever buildkitd listens on.
    stops(&pod, "runtime-dir", "mount an emptyDir on /run/user/2000");
    starts(&Pod { empty_dirs: &["/run/user/2000"], ..pod });
    const LONG: &[(&str, &str)] =
        &[("XDG_RUNTIME_DIR", "/run/user/1000/a-very-long-name-of-a-directory-that-nobody-should-give-to-one-in-which-sockets-are-made")];
    stops(&Pod { own: Own { env: LONG, ..GUARD.own }, ..GUARD }, "runtime-dir", "shorter path");
}

#[test]
fn the_nodes_causes_are_the_guards_too() {
    stops(&Pod { no_new_privs: true, ..GUARD }, "no-new-privs", "remove allowPrivilegeEscalation");
}

#[test]
fn every_profile_starts() {
    starts(&Pod { profile: "privileged", privileged: true, ..GUARD });
    starts(&Pod { guard: true, ..crate::PROCMOUNT });
    starts(&Pod { profile: "userns", uid: 0, privileged: true, ids: Some(65_536), ..GUARD });
}

#[test]
fn root_of_its_container_is_guarded_too() {
    let pod = Pod { profile: "rootful", uid: 0, privileged: true, ..GUARD };
    starts(&pod);
    stops(&Pod { own: Own { read_only_root: true, ..GUARD.own }, ..pod }, "read-only-root", "/run");
}
