use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::json;

/// What must never be seen in a message.
const HIDDEN: &str = "s3cr3t";

fn object(name: &str, kind: &str, annotations: Value, data: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<_, _> = data.iter().map(|(key, text)| ((*key).to_owned(), BASE64_STANDARD.encode(text).into())).collect();
    json!({"metadata": {"name": name, "annotations": annotations}, "type": kind, "data": data})
}

fn login(annotations: Value) -> Value {
    object("login", "kubernetes.io/basic-auth", annotations, &[("username", "bob"), ("password", HIDDEN)])
}

fn key(annotations: Value) -> Value {
    let data = [("ssh-privatekey", "-----BEGIN KEY-----\ns3cr3t\n-----END KEY-----"), ("known_hosts", "example.org ssh-ed25519 AAAA")];
    object("deploy", "kubernetes.io/ssh-auth", annotations, &data)
}

fn made(objects: &[Value], urls: &[&str], accept: bool) -> Result<Home, CredentialError> {
    let secrets: Vec<_> = objects.iter().map(Secret::of).collect::<Result<_, _>>()?;
    home(&secrets, urls, accept)
}

fn files(objects: &[Value], urls: &[&str], accept: bool) -> Vec<(String, String)> {
    let home = made(objects, urls, accept).unwrap_or_else(|error| panic!("{error}"));
    home.files.into_iter().map(|file| (file.path, String::from_utf8(file.content).expect("text"))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_login_of_git_is_for_the_hosts_of_its_annotations() {
    let annotations =
        json!({"build.knative.dev/git-1": "https://github.com", "build.knative.dev/git-0": "https://gitlab.com/group", "other": "x"});
    let mut secret = login(annotations);
    secret["data"]["username"] = BASE64_STANDARD.encode("bob\"@x").into();
    let config = "[credential]\n\thelper = store\n[credential \"https://github.com\"]\n\tusername = \"bob\\\"@x\"\n\
        [credential \"https://gitlab.com/group\"]\n\tusername = \"bob\\\"@x\"\n";
    let credentials = "https://bob%22%40x:s3cr3t@github.com\nhttps://bob%22%40x:s3cr3t@gitlab.com/group\n";
    assert_eq!(files(&[secret], &["https://github.com/a/b"], false), pairs(&[(".gitconfig", config), (".git-credentials", credentials)]));
}

#[test]
fn a_key_of_ssh_is_for_the_hosts_of_its_annotations() {
    let secret = key(json!({"build.knative.dev/git-0": "example.org:2222"}));
    let config = "Host example.org\n    HostName example.org\n    Port 2222\n    IdentityFile /builder/home/.ssh/id_deploy\n    IdentitiesOnly yes\n\
        Host *\n    BatchMode yes\n    StrictHostKeyChecking yes\n    UserKnownHostsFile /builder/home/.ssh/known_hosts\n";
    let wanted = pairs(&[
        (".gitconfig", "[core]\n\tsshCommand = ssh -F /builder/home/.ssh/config\n"),
        (".ssh/id_deploy", "-----BEGIN KEY-----\ns3cr3t\n-----END KEY-----\n"),
        (".ssh/config", config),
        (".ssh/known_hosts", "example.org ssh-ed25519 AAAA\n"),
    ]);
    for url in ["git@example.org:a/b", "ssh://git@example.org:2222/a/b", "https://example.org/a"] {
        assert_eq!(files(std::slice::from_ref(&secret), &[url], false), wanted, "{url}");
    }
    let mut unknown = secret;
    unknown["data"].as_object_mut().expect("data").remove("known_hosts");
    let found = files(&[unknown], &["git@example.org:a/b"], true);
    assert!(found[2].1.contains("IdentitiesOnly yes\n    StrictHostKeyChecking accept-new\nHost *\n"), "{}", found[2].1);
    assert!(found[2].1.contains("StrictHostKeyChecking yes"), "other hosts stay strict");
}

#[test]
fn logins_of_registries_have_an_order() {
    let old = object(
        "old",
        "kubernetes.io/dockercfg",
        json!({}),
        &[(".dockercfg", r#"{"a":{"auth":"old"},"b":{"auth":"old"},"c":{"auth":"old"}}"#)],
    );
    let new = object(
        "new",
        "kubernetes.io/dockerconfigjson",
        json!({}),
        &[(".dockerconfigjson", r#"{"auths":{"b":{"auth":"new"},"c":{"auth":"new"}}}"#)],
    );
    let user = login(json!({"build.knative.dev/docker-0": "c", "build.knative.dev/docker-1": "https://index.docker.io/v1/"}));
    let found = files(&[user, new, old], &[], false);
    assert_eq!(found.len(), 1);
    let auth = BASE64_STANDARD.encode("bob:s3cr3t");
    let wanted =
        json!({"auths": {"a": {"auth": "old"}, "b": {"auth": "new"}, "c": {"auth": auth}, "https://index.docker.io/v1/": {"auth": auth}}});
    assert_eq!((found[0].0.as_str(), serde_json::from_str::<Value>(&found[0].1).expect("JSON")), (".docker/config.json", wanted));
}

#[test]
fn other_secrets_have_no_effect_and_those_without_annotation_are_named() {
    let token = object("token", "kubernetes.io/service-account-token", json!({"build.knative.dev/git-0": "x"}), &[("token", HIDDEN)]);
    let home = made(&[token, login(json!({"tekton.dev/git-0": "https://github.com"}))], &[], false).expect("a home");
    assert!(home.files.is_empty());
    assert_eq!(home.notes, ["secret `login` is not used: it has no annotation such as build.knative.dev/git-0 that names a host"]);
    let account = json!({"secrets": [{"name": "a"}, {}, {"name": "b"}], "imagePullSecrets": [{"name": "c"}]});
    assert_eq!(secret_names(&account), ["a", "b"]);
    assert!(secret_names(&json!({})).is_empty());
}

#[test]
fn what_is_wrong_is_said_without_what_is_secret() {
    let git = |value: &str| json!({ "build.knative.dev/git-0": value });
    let docker = |value: &str| json!({ "build.knative.dev/docker-0": value });
    let without = |mut secret: Value, name: &str| {
        secret["data"].as_object_mut().expect("data").remove(name);
        secret
    };
    let with = |mut secret: Value, name: &str, text: &str| {
        secret["data"][name] = BASE64_STANDARD.encode(text).into();
        secret
    };
    let config = |text: &str| object("pull", "kubernetes.io/dockerconfigjson", json!({}), &[(".dockerconfigjson", text)]);
    let mut raw = login(git("https://a.example"));
    raw["data"]["password"] = "s3cr3t?".into();
    let rows: Vec<(Vec<Value>, &str)> = vec![
        (
            vec![login(git("github.com"))],
            "secret `login`: its annotation build.knative.dev/git-0 is not a URL such as https://github.com, without a user",
        ),
        (vec![login(git("ssh://github.com"))], "its annotation build.knative.dev/git-0 is not a URL such as https://github.com"),
        (vec![login(git("https://a\nb"))], "is not a URL"),
        (vec![login(git("https://bob:s3cr3t@a.example"))], "is not a URL"),
        (vec![login(docker("https://bob:s3cr3t@a.example"))], "is not a registry"),
        (
            vec![login(git("https://a.example")), login(git("https://a.example"))],
            "secret `login`: `https://a.example` is annotated twice, so it is not known which login counts",
        ),
        (
            vec![without(login(git("https://a.example")), "username")],
            "secret `login`: a secret of type kubernetes.io/basic-auth needs the key `username`",
        ),
        (
            vec![without(login(docker("gcr.io")), "password")],
            "secret `login`: a secret of type kubernetes.io/basic-auth needs the key `password`",
        ),
        (
            vec![with(login(git("https://a.example")), "password", "s3cr3t\n")],
            "secret `login`: its key `password` is not one line of text: it may end with a line feed",
        ),
        (
            vec![with(login(docker("gcr.io")), "username", "a:b")],
            "secret `login`: its key `username` has a colon, which HTTP basic authentication does not allow",
        ),
        (vec![raw], "secret `login`: its key `password` is not in base64"),
        (
            vec![login(docker("index.docker.io"))],
            "secret `login`: Docker Hub is annotated as https://index.docker.io/v1/, not as `index.docker.io`",
        ),
        (
            vec![login(docker("https://docker.io/"))],
            "secret `login`: Docker Hub is annotated as https://index.docker.io/v1/, not as `https://docker.io/`",
        ),
        (
            vec![login(docker("a b"))],
            "secret `login`: its annotation build.knative.dev/docker-0 is not a registry such as https://gcr.io, without a user",
        ),
        (vec![login(docker("a")), login(docker("a"))], "secret `login`: `a` is annotated twice, so it is not known which login counts"),
        (
            vec![key(git("https://a.example"))],
            "secret `deploy`: its annotation build.knative.dev/git-0 is not HOST or HOST:PORT, such as github.com",
        ),
        (vec![key(git("-oProxyCommand=x"))], "is not HOST or HOST:PORT"),
        (vec![key(git("a.example:0"))], "is not HOST or HOST:PORT"),
        (
            vec![key(git("a.example")), key(git("a.example:22"))],
            "secret `deploy`: `a.example` is annotated twice, so it is not known which key counts",
        ),
        (
            vec![without(key(git("a.example")), "known_hosts")],
            "secret `deploy`: it has no `known_hosts`, so nothing proves that `a.example` is the right host",
        ),
        (
            vec![without(key(git("a.example")), "ssh-privatekey")],
            "secret `deploy`: a secret of type kubernetes.io/ssh-auth needs the key `ssh-privatekey`",
        ),
        (vec![key(git("a.example"))], "no secret of the service account has an SSH key for `example.org`"),
        (vec![config("{s3cr3t")], "secret `pull`: its key `.dockerconfigjson` is not valid JSON"),
        (vec![config("{\"auth\": \"s3cr3t\"}")], "secret `pull`: its key `.dockerconfigjson` has no `auths`"),
        (vec![config("{\"auths\": {\"a\": \"s3cr3t\"}}")], "secret `pull`: its key `.dockerconfigjson` does not map registries to logins"),
        (vec![config("")], "secret `pull`: a secret of type kubernetes.io/dockerconfigjson needs the key `.dockerconfigjson`"),
        (
            vec![object("pull", "kubernetes.io/dockercfg", json!({}), &[(".dockercfg", "[]")])],
            "secret `pull`: its key `.dockercfg` does not map registries to logins",
        ),
        (vec![json!({})], "a secret has no name"),
    ];
    for (objects, message) in rows {
        let error = made(&objects, &["git@example.org:a/b"], false).err().unwrap_or_else(|| panic!("{message}"));
        assert!(error.to_string().ends_with(message) || error.to_string().contains(message), "{error}, not {message}");
        assert!(!format!("{error} {error:?}").contains(HIDDEN), "{error:?}");
    }
    let secret = Secret::of(&login(git("https://a.example"))).expect("a secret");
    assert!(!format!("{secret:?}").contains(HIDDEN));
}

proptest! {
    #[test]
    fn whatever_is_annotated_makes_one_line_of_each_file(value in "\\PC*|(?s).{0,20}|https?://[a-z./@\"\\\\ -]{0,20}", user in "(?s).{0,9}", password in "(?s).{0,9}") {
        let annotations = json!({"build.knative.dev/git-0": value, "build.knative.dev/docker-0": "r.example"});
        let secret = object("a", "kubernetes.io/basic-auth", annotations, &[("username", &user), ("password", &password)]);
        if let Ok(home) = made(&[secret], &[], true) {
            let text = |name: &str| home.files.iter().find(|file| file.path == name).map(|file| String::from_utf8_lossy(&file.content).into_owned());
            prop_assert_eq!(text(".git-credentials").map(|text| text.lines().count()), Some(1));
            prop_assert_eq!(text(".gitconfig").map(|text| text.lines().count()), Some(4));
        }
    }
}
