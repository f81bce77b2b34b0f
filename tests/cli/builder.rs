//! `render builder`: what it refuses, and what it says beside the manifests.

use crate::preflight;
use buildkit_preflight::profile::Profile;
use predicates::prelude::*;
use predicates::str::contains;

#[test]
fn a_builder_that_cannot_be_is_refused_with_a_hint() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder"]).args(arguments).assert();
    let profiles: Vec<_> = Profile::ALL.iter().map(|profile| profile.id()).collect();
    let unknown = format!("unknown profile (one of {}, auto)", profiles.join(", "));
    for (arguments, message) in [
        (&["--profile", "sandbox"][..], unknown.as_str()),
        (&["--profile", "procmount", "--user", "build:70000"], "no user or group 70000: it has 65536 IDs"),
        (&["--profile", "procmount", "--ids", "1500", "--user", "build:1700"], "no user or group 1700: it has 1500 IDs"),
        (&["--profile", "procmount", "--ids", "900", "--user", "build:500"], "900 IDs leave the builder 899"),
        (&["--profile", "rootful", "--ids", "131072"], "has no user namespace"),
        (&["--profile", "userns", "--user", "build:2000"], "runs as root"),
        (&["--profile", "procmount", "--seccomp-profile", "a.json"], "are for pods of baseline"),
        (&["--profile", "baseline", "--seccomp-profile", "/a.json"], "does not begin with `/`"),
        (&["--profile", "baseline", "--apparmor-profile", "../a"], "a profile has letters"),
        (&["--min-nodes", "1"], "without --profile auto"),
        (&["--namespace", "kube-system"], "namespace of its own"),
        (&["--name", "1a"], "not a name for a Service"),
        (&["--user", "root:0"], "not root"),
        (&["--profile", "procmount", "--ids", "0"], "0 is not in 2.."),
        (&["--replicas", "10001"], "--replicas"),
        (&["--storage", "20"], "a size is a number with a unit"),
        (&["--storage", "20Gi,Fast"], "a storage class has lower case letters"),
        (&["--memory-storage", "20GB"], "a size is a number with a unit"),
        (&["--storage", "20Gi", "--memory-storage", "4Gi"], "cannot be used with"),
        (&["--namespace", "a", "--no-namespace"], "cannot be used with"),
        (&["--guard", "--no-guard"], "cannot be used with"),
        (&["--guard-image", "r.example/p:1", "--no-guard"], "cannot be used with"),
        (&["--guard-image", "a b"], "an image is written as"),
        (&["--config", "/nowhere"], "/nowhere: No such file"),
        (&["--registry-ca", "/"], "/: a directory, not a file"),
    ] {
        render(arguments).code(2).stdout("").stderr(contains(message));
    }
    render(&["--profile", "auto", "--kubeconfig", "/nowhere"]).code(2).stdout("").stderr(contains("/nowhere"));
    render(&["--profile", "procmount", "--ids", "900", "--user", "build:500"]).stderr(contains("hint: --user names"));
}

#[test]
fn a_builder_is_printed_with_its_warning_apart() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder", "--no-guard", "--tls"]).args(arguments).assert().code(0);
    let until = "tls: the certificates are valid until ";
    let no_warning = || predicates::str::starts_with(until).and(predicates::function::function(|said: &str| said.lines().count() == 1));
    render(&[]).stderr(no_warning()).stdout(contains("kind: Deployment").and(contains("kind: NetworkPolicy")));
    render(&["--profile", "procmount"])
        .stdout(contains("user:1:999\n    user:1001:64535\n"))
        .stderr(contains("warning: build steps have the IDs 0 to 65534, nobody (65534) among them"));
    let secret = contains("can have a Secret only on Linux 6.3");
    render(&["--profile", "procmount", "--ids", "131072"]).stderr(secret.clone()).stdout(contains("values: [\"131071\"]"));
    render(&["--profile", "procmount", "--ids", "196608"]).stderr(secret).stdout(contains("ConfigMap").not());
    render(&["--profile", "procmount", "--user", "build:2000:100"])
        .stdout(contains("build:2001:63535").and(contains("build:101:65435")).and(contains("/home/build/.local/share/buildkit")));
}

#[test]
fn a_builder_of_baseline_asks_for_no_unconfined_and_for_the_profiles_that_are_named() {
    let render = |arguments: &[&str]| preflight().args(["render", "builder", "--profile", "baseline"]).args(arguments).assert().code(0);
    let plain = || contains("pod-security.kubernetes.io/enforce: baseline").and(contains("type: Unconfined").not());
    render(&[]).stdout(plain().and(contains("type: Localhost").not()));
    render(&["--seccomp-profile", "preflight/seccomp.json", "--apparmor-profile", "buildkit-rootless"])
        .stdout(plain().and(contains("localhostProfile: preflight/seccomp.json")).and(contains("localhostProfile: buildkit-rootless")));
    let agent = |arguments: &[&str]| preflight().args(["render", "agent"]).args(arguments).assert();
    agent(&["--baseline"])
        .code(0)
        .stdout(contains("- --confined").and(contains("canary-baseline")).and(contains("canary-procmount").not()));
    agent(&["--seccomp-profile", "a.json"]).code(2).stdout("").stderr(contains("are for pods of baseline"));
    agent(&["--canary", "baseline", "--seccomp-profile", "a.json"]).code(0).stdout(contains("localhostProfile: a.json"));
    for other in [&["--tune", "all"][..], &["--canary", "userns"], &["--no-canary"]] {
        agent(&[&["--baseline"], other].concat()).code(2).stdout("").stderr(contains("cannot be used with --baseline"));
    }
}

#[test]
fn who_leaves_a_builder_open_or_its_guard_without_an_image_is_told() {
    let said = |arguments: &[&str]| {
        let done = preflight().args(["render", "builder"]).args(arguments).assert().code(0);
        String::from_utf8_lossy(&done.get_output().stderr).into_owned()
    };
    let (open, image, risk) = (
        "warning: without --tls, every client that reaches the builder's port can build",
        "warning: no --guard-image: ",
        "at your own risk",
    );
    let words = |text: &str| [open, image, risk].map(|word| text.contains(word));
    assert_eq!(words(&said(&[])), [true, true, false]);
    assert_eq!(words(&said(&["--guard-image", "r.example/p:1"])), [true, false, false]);
    assert_eq!(words(&said(&["--tls", "--no-guard"])), [false, false, false]);
    assert_eq!(words(&said(&["--tls", "--guard", "--profile", "rootful"])), [false, true, true]);
    let help = preflight().args(["render", "builder", "--help"]).assert().code(0);
    help.stdout(contains(concat!(":", env!("CARGO_PKG_VERSION"), ", which no registry has")));
}

#[test]
fn files_for_buildkitd_are_read_and_refused_with_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        path.display().to_string()
    };
    let render = |flag: &str, path: &str| preflight().args(["render", "builder", flag, path]).assert();
    let good = file("good.toml", b"[worker.oci]\n  gc = true\n");
    render("--config", &good).code(0).stdout(contains("  buildkitd.toml: |\n    [worker.oci]\n      gc = true\n"));
    let large = vec![b'#'; 500_001];
    for (flag, bytes, why) in [
        ("--config", &b"gc = \n"[..], "it is not TOML: line 1, column 6"),
        ("--config", b" \n", "it is empty"),
        ("--config", b"a = '\xff'\n", "it is not text in UTF-8"),
        ("--config", &large, "larger than"),
        ("--config", b"[grpc]\naddress = []\n", "the manifest decides `grpc.address`"),
        ("--registry-ca", b"hello\n", "it has no certificate in PEM"),
        ("--registry-ca", b"", "it is empty"),
    ] {
        let path = file("bad", bytes);
        render(flag, &path).code(2).stdout("").stderr(contains(why).and(contains(&path)).and(contains("hint: ")));
    }
}

#[test]
fn an_image_that_was_not_named_is_said() {
    let render = |arguments: &[&str]| preflight().args(["render", "agent"]).args(arguments).assert().code(0);
    let said = render(&[]).stdout(contains("image: buildkit-preflight:"));
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.starts_with("warning: no --image: ") && said.contains(env!("CARGO_PKG_VERSION")) && said.lines().count() == 1, "{said}");
    render(&["--image", "r.example/p:1"]).stderr("").stdout(contains("image: r.example/p:1"));
    preflight().args(["render", "agent", "--help"]).assert().code(0).stdout(contains(concat!(
        ":",
        env!("CARGO_PKG_VERSION"),
        ", which no registry has"
    )));
}
