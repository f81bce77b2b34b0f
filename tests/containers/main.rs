//! `check` in a container, and a real rootless BuildKit build beside it in the same container: they
//! must agree in outcome and snapshotter, and the cause must be the one that was put there.
//!
//! Containers are made by runc from OCI configs like those of containerd's CRI plugin. Needs root and
//! the tools of tests/tools (`make tools`).

mod behaviours;
mod config;
mod guard;
mod nested;
mod pod;
#[path = "../support/runtime/mod.rs"]
mod runtime;
#[path = "../support/mod.rs"]
mod support;

use pod::{Pod, Proc, SeccompProfile, State};
use support::oci::{Caps, Own};

/// What is to come of a pod.
#[derive(Debug, PartialEq)]
enum Expected {
    /// The build works, with this snapshotter.
    Works(&'static str),
    /// It fails, and this is the first cause that `check` names.
    Fails(&'static str),
}
use Expected::{Fails, Works};

/// Runs a pod; holds verdict against build, and both against what is expected. Gives the report.
fn agree(pod: &Pod, evidence: &str, expected: &Expected) -> serde_json::Value {
    let ran = pod.run();
    let profile = &ran.report["profiles"][0];
    let (verdict, snapshotter) = (profile["verdict"].as_str(), profile["snapshotter"].as_str());
    let story = || format!("\n{}\n{}", serde_json::to_string_pretty(profile).expect("JSON"), ran.log);
    match expected {
        Works(with) => {
            assert!(ran.built, "the build works{}", story());
            assert_eq!(ran.snapshotter.as_deref(), Some(*with), "BuildKit's snapshotter{}", story());
            assert_eq!((verdict, snapshotter), (Some("ready"), Some(*with)), "{}", story());
            assert_eq!(ran.exit_code, 0);
        }
        Fails(cause) => {
            assert!(!ran.built, "the build fails{}", story());
            assert_eq!((verdict, profile["causes"][0].as_str()), (Some("not-ready"), Some(*cause)), "{}", story());
            assert_eq!(ran.exit_code, 1);
        }
    }
    assert_eq!(profile["evidence"], evidence, "{}", story());
    assert_eq!(ran.left_behind, "", "the probe leaves nothing behind{}", story());
    assert_eq!(
        (ran.trial == "built", ran.trial["failed"].is_object()),
        (ran.built, !ran.built),
        "the trial build: {:#}{}",
        ran.trial,
        story()
    );
    assert_eq!(ran.trial_left_behind, "", "the trial build leaves nothing behind{}", story());
    // The agent's image has this program in rootlesskit's place: its answer must be the same.
    let agent = Pod { agent_image: true, build: false, ..pod.clone() }.run();
    let agents = &agent.report["profiles"][0];
    for field in ["verdict", "evidence", "snapshotter", "causes"] {
        assert_eq!(agents[field], profile[field], "{field} in the agent's image{}\n{agents:#}", story());
    }
    assert_eq!(agent.left_behind, "", "in the agent's image");
    if profile["evidence"] != "predicted" && pod.uid != 0 {
        let executable = |report: &serde_json::Value| report["facts"]["probes"][0]["executable"].clone();
        assert_eq!((executable(&ran.report), executable(&agent.report)), ("/usr/bin/rootlesskit".into(), "/usr/bin/rootlesskit".into()));
    }
    profile.clone()
}

fn causes(profile: &serde_json::Value) -> Vec<&str> {
    profile["causes"].as_array().expect("a list").iter().filter_map(|cause| cause.as_str()).collect()
}

// The default profile.

#[test]
fn the_default_pod_works() {
    agree(&Pod::default(), "proven", &Works("overlayfs"));
}

#[test]
fn containerds_seccomp_default_fails() {
    agree(&Pod { seccomp: SeccompProfile::Containerd, ..Pod::default() }, "probed", &Fails("seccomp"));
}

#[test]
fn crios_seccomp_default_fails_at_run() {
    agree(&Pod { seccomp: SeccompProfile::Crio, caps: Caps::Crio, ..Pod::default() }, "probed", &Fails("seccomp"));
}

#[test]
fn containerds_seccomp_default_fails_at_run_with_sys_admin() {
    let pod = Pod { seccomp: SeccompProfile::Containerd, caps: Caps::AddSysAdmin, ..Pod::default() };
    let profile = agree(&pod, "probed", &Fails("seccomp"));
    assert!(profile["failed"].as_str().is_some_and(|failed| failed.starts_with("session keyring")), "{profile:#}");
}

#[test]
fn a_runtime_that_forbids_user_namespaces_fails() {
    agree(&Pod { seccomp: SeccompProfile::NoUserNamespaces, ..Pod::default() }, "probed", &Fails("seccomp"));
}

#[test]
fn no_new_privileges_fails() {
    agree(&Pod { no_new_privs: true, ..Pod::default() }, "probed", &Fails("no-new-privs"));
}

#[test]
fn all_capabilities_dropped_fails() {
    agree(&Pod { caps: Caps::DropAll, ..Pod::default() }, "probed", &Fails("caps-dropped"));
}

#[test]
fn all_capabilities_dropped_but_setuid_and_setgid_works() {
    agree(&Pod { caps: Caps::DropAllAddIds, ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn helpers_without_file_capabilities_fail() {
    agree(&Pod { helper_capabilities: false, ..Pod::default() }, "proven", &Fails("idmap-helper"));
}

#[test]
fn a_user_without_a_range_fails() {
    agree(&Pod { sub_ids: Some("other:100000:65536"), ..Pod::default() }, "proven", &Fails("subid-config"));
}

#[test]
fn a_process_sandbox_with_masked_proc_fails_at_run() {
    agree(&Pod { process_sandbox: Some(true), ..Pod::default() }, "probed", &Fails("masked-proc"));
}

#[test]
fn a_process_sandbox_with_unmasked_proc_works() {
    agree(&Pod { process_sandbox: Some(true), proc: Proc::Unmasked, ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn a_filter_behind_another_cause_is_named_too() {
    for seccomp in [SeccompProfile::Unconfined, SeccompProfile::Crio] {
        let filtered = matches!(seccomp, SeccompProfile::Crio);
        let pod = Pod { no_new_privs: true, caps: Caps::Crio, seccomp, agent_image: true, build: false, ..Pod::default() };
        let report = pod.run().report;
        let expected: &[&str] = if filtered { &["no-new-privs", "seccomp"] } else { &["no-new-privs"] };
        assert_eq!(causes(&report["profiles"][0]), expected, "{:#}", report["profiles"][0]);
    }
}

#[test]
fn with_two_causes_the_one_the_kernel_meets_first_comes_first() {
    let profile = agree(&Pod { no_new_privs: true, seccomp: SeccompProfile::Containerd, ..Pod::default() }, "probed", &Fails("seccomp"));
    assert_eq!(causes(&profile), ["seccomp", "no-new-privs"]);
    let profile = agree(&Pod { no_new_privs: true, caps: Caps::DropAll, ..Pod::default() }, "probed", &Fails("caps-dropped"));
    assert_eq!(causes(&profile), ["caps-dropped", "no-new-privs"]);
}

// The state dir.

#[test]
fn a_state_dir_on_the_containers_overlay_works_slowly() {
    agree(&Pod { state: State::Overlay, ..Pod::default() }, "proven", &Works("native"));
}

#[test]
fn a_state_dir_on_the_containers_overlay_works_with_fuse() {
    agree(&Pod { state: State::Overlay, dev_fuse: true, ..Pod::default() }, "proven", &Works("fuse-overlayfs"));
}

#[test]
fn a_state_dir_on_tmpfs_fails_with_overlayfs_and_works_with_native() {
    let pod = Pod { state: State::Tmpfs, ..Pod::default() };
    let ran = pod.run();
    assert!(ran.failed.contains(&"remove-directory".to_owned()), "{:?}\n{}", ran.failed, ran.log);
    agree(&pod, "proven", &Fails("overlay-no-xattr"));
    // As the fix says.
    agree(&Pod { own: Own { snapshotter: Some("native"), ..pod.own.clone() }, ..pod }, "proven", &Works("native"));
}

#[test]
fn a_state_dir_with_nosuid_and_nodev_works() {
    agree(&Pod { state_flags: &["nosuid", "nodev"], ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn a_state_dir_with_noexec_works_with_overlayfs() {
    agree(&Pod { state_flags: &["noexec"], ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn a_state_dir_with_noexec_fails_with_the_native_snapshotter() {
    agree(&Pod { state: State::OverlayVolume, state_flags: &["noexec"], ..Pod::default() }, "proven", &Fails("locked-mount-flags"));
}

#[test]
fn a_read_only_state_dir_fails() {
    agree(&Pod { state_flags: &["ro"], ..Pod::default() }, "probed", &Fails("state-dir"));
}

#[test]
fn a_full_state_dir_fails() {
    agree(&Pod { state: State::Full, ..Pod::default() }, "proven", &Fails("disk-space"));
}

// Pods with a user namespace.

const PROCMOUNT: Pod =
    Pod { profile: "procmount", proc: Proc::Unmasked, ids: Some(65_536), sub_ids: Some("user:1001:64535"), ..Pod::DEFAULT };

#[test]
fn procmount_works_with_a_range_that_fits() {
    agree(&PROCMOUNT, "proven", &Works("overlayfs"));
}

#[test]
fn procmount_fails_with_the_stock_range() {
    agree(&Pod { sub_ids: None, ..PROCMOUNT }, "proven", &Fails("nested-userns-range"));
}

#[test]
fn procmount_works_with_the_stock_range_and_196608_ids() {
    agree(&Pod { sub_ids: None, ids: Some(196_608), ..PROCMOUNT }, "proven", &Works("overlayfs"));
}

#[test]
fn procmount_fails_with_masked_proc() {
    agree(&Pod { proc: Proc::Masked, ..PROCMOUNT }, "probed", &Fails("masked-proc"));
}

#[test]
fn procmount_works_with_masked_proc_and_no_process_sandbox() {
    agree(&Pod { proc: Proc::Masked, process_sandbox: Some(false), ..PROCMOUNT }, "proven", &Works("overlayfs"));
}

#[test]
fn userns_works() {
    agree(&Pod { profile: "userns", uid: 0, privileged: true, ids: Some(65_536), ..Pod::default() }, "proven", &Works("overlayfs"));
}

// Privileged containers.

#[test]
fn privileged_works() {
    agree(&Pod { profile: "privileged", privileged: true, ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn rootful_works() {
    agree(&Pod { profile: "rootful", uid: 0, privileged: true, ..Pod::default() }, "proven", &Works("overlayfs"));
}

#[test]
fn privileged_profiles_are_not_judged_by_what_an_ordinary_pod_is_refused() {
    let ran = Pod { profile: "privileged", seccomp: SeccompProfile::Containerd, build: false, ..Pod::default() }.run();
    let profile = &ran.report["profiles"][0];
    assert_eq!((profile["verdict"].as_str(), profile["evidence"].as_str()), (Some("ready"), Some("predicted")), "{profile:#}");
}
