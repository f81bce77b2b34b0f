use super::*;
use crate::build::{Home, JobOptions, job};
use crate::profile::Profile;

fn healthy() -> GitBuild {
    GitBuild {
        url: "https://git.example/a".into(),
        revision: "HEAD".into(),
        sub_path: Some("web".into()),
        options: BuildOptions {
            image: "r.example:5000/team/My.app:1".to_lowercase(),
            dockerfile: "Dockerfile".into(),
            build_args: vec![("A".into(), "'; reboot #".into())],
            target: None,
            platforms: vec!["linux/amd64".into()],
            cache_from: vec!["r.example/c".into()],
            cache_to: vec!["inline".into()],
            push: true,
            builder: "tcp://buildkitd:1234".into(),
        },
        secrets: vec![("npm".into(), b"hidden".to_vec())],
        tls: Some("buildkit-client-certs".into()),
        client_image: "client".into(),
        service_account: Some("builder".into()),
        timeout: 900,
    }
}

#[test]
fn one_step_builds_what_was_fetched() {
    let plan = generated(&healthy()).expect("a plan");
    let options = JobOptions {
        namespace: "ns".into(),
        suffix: "s".into(),
        profile: Profile::NoProcessSandbox,
        prefix: "p.example".into(),
        git_image: "git".into(),
    };
    let made = job(&plan, &Home::default(), &options);
    let pod = &made.job["spec"]["template"]["spec"];
    let step = &pod["containers"][0];
    assert_eq!(made.name, "build-my-app-s");
    assert_eq!((&pod["automountServiceAccountToken"], &pod["serviceAccountName"]), (&json!(false), &json!("builder")));
    assert_eq!(
        (&step["name"], &step["image"], &step["securityContext"]),
        (&json!("build-step-build-and-push"), &json!("client"), &restricted())
    );
    let mounts = json!([
        {"name": "buildkit-preflight-tls", "mountPath": "/builder/tls", "readOnly": true},
        {"name": "workspace", "mountPath": "/workspace", "subPath": "web"},
        {"name": "home", "mountPath": "/builder/home"},
        {"name": "buildkit-preflight-files", "mountPath": "/builder/secrets", "readOnly": true},
    ]);
    assert_eq!(step["volumeMounts"], mounts);
    let words: Vec<_> = step["command"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    assert_eq!([words[0], words[1], words[3], words[4]], ["sh", "-c", "sh", "/builder/home/metadata.json"]);
    assert_eq!([words[5], words[6]], ["/dev/termination-log", "buildctl"]);
    assert!(!words[2].contains("reboot") && words.contains(&"build-arg:A='; reboot #"), "{words:?}");
    assert!(words.contains(&"id=npm,src=/builder/secrets/npm") && words.contains(&"--tlscacert=/builder/tls/ca.crt"), "{words:?}");
    let secret = made.secret("u").expect("a secret");
    assert_eq!(secret["data"], json!({"file-0": "aGlkZGVu"}));
    assert!(!made.job.to_string().contains("hidden"));
    let sources = pod["volumes"].as_array().expect("volumes").iter().filter_map(|volume| volume["secret"]["secretName"].as_str());
    assert_eq!(sources.collect::<Vec<_>>(), ["build-my-app-s", "buildkit-client-certs"]);
}

#[test]
fn a_wrong_value_names_its_option() {
    type Change = fn(&mut GitBuild);
    let rows: [(Change, &str); 14] = [
        (
            |b| b.options.image = "r.example/App".into(),
            "--image: `r.example/App` has upper case letters, which the name of an image has not",
        ),
        (|b| b.options.image = String::new(), "--image: an empty text is not the name of an image"),
        (|b| b.options.builder = "buildkitd:1234".into(), "--builder: `buildkitd:1234` is not an address: write tcp://HOST:PORT"),
        (|b| b.options.dockerfile = String::new(), "--dockerfile: it is empty"),
        (|b| b.options.build_args[0].0 = "A B".into(), "--build-arg: `A B` is not the name of a build argument: write NAME=VALUE"),
        (|b| b.options.platforms[0] = "linux,amd64".into(), "--platform: `linux,amd64` is not a platform such as linux/arm64"),
        (|b| b.options.cache_from[0] = "A B".into(), "--cache-from: `A B` has upper case letters, which the name of an image has not"),
        (|b| b.options.cache_to[0] = String::new(), "--cache-to: an empty text is not the name of an image"),
        (|b| b.secrets[0].0 = "../x".into(), "--secret: `../x` is not an ID: it has letters, digits, `.`, `_` and `-`"),
        (
            |b| b.url = "my-repo".into(),
            "--git: expected a URL such as https://host/repository, ssh://git@host/repository or git@host:repository",
        ),
        (|b| b.url = "--upload-pack=x".into(), "--git: it begins with a hyphen, or has a blank or a control character"),
        (|b| b.revision = "-x".into(), "--revision: it begins with a hyphen, or has a blank or a control character"),
        (|b| b.revision = String::new(), "--revision: it is empty"),
        (
            |b| b.sub_path = Some("../etc".into()),
            "--sub-path: `../etc` is not a path inside of the workspace: it begins with / or has `..`",
        ),
    ];
    assert!(generated(&healthy()).is_ok());
    for (change, message) in rows {
        let mut build = healthy();
        change(&mut build);
        assert_eq!(generated(&build).err().map(|error| error.to_string()).as_deref(), Some(message));
    }
}

#[test]
fn a_build_is_named_after_its_image() {
    for (image, wanted) in [
        ("gcr.io/my-project/my-app", "build-my-app"),
        ("r.example:5000/a_b:1", "build-a-b"),
        ("a@sha256:0a", "build-a"),
        (&"a".repeat(90), &format!("build-{}", "a".repeat(40))),
    ] {
        assert_eq!(name(image), wanted);
    }
}
