//! What kubectl takes.

use crate::server::{Server, whole};
use crate::{cleanup, is_refused, kubeconfig, preflight, written};
use predicates::str::contains;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// An API server that keeps the heads of requests.
fn listening() -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let server = Server::api(move |head, stream| {
        seen.lock().expect("heads").push(head.to_lowercase());
        let _ = stream.write_all(whole(200, r#"{"items": []}"#).as_bytes());
    });
    (server, heads)
}

#[test]
fn what_kubectl_takes_is_taken() {
    let (server, heads) = listening();
    let address = server.address;
    let plugin = |more: &str| {
        format!(
            "exec:\n  apiVersion: client.authentication.k8s.io/v1beta1\n  command: ./plugin\n  args: [a]\n  env: [{{name: TOKEN, value: from-plugin}}]\n{more}"
        )
    };
    let with_info = plugin("  provideClusterInfo: true\n");
    for (of_cluster, of_user, shown) in [
        (format!("server: {address}"), "token: t", "authorization: bearer t\r\n"),
        (format!("server: http://{address}/"), "token: t", "get /api/v1/nodes"),
        (format!("server: http://{address}/k8s/clusters/c-1"), "", "get /k8s/clusters/c-1/api/v1/nodes"),
        (format!("server: {address}"), "tokenFile: token", "authorization: bearer from-file\r\n"),
        (format!("server: {address}"), "token: t\ntokenFile: token", "authorization: bearer from-file\r\n"),
        (format!("server: {address}"), "token: t\ntokenFile: /nowhere", "authorization: bearer t\r\n"),
        (format!("server: {address}"), "username: a\npassword: b", "authorization: basic ytpi\r\n"),
        (format!("server: {address}"), "as: a\nas-groups: [b, c]", "impersonate-group: c\r\n"),
        (format!("server: {address}"), "as: a\nas-user-extra: {d/e: [f]}", "impersonate-extra-d%2fe: f\r\n"),
        (format!("server: {address}"), "auth-provider: {name: oidc, config: {id-token: t}}", "authorization: bearer t\r\n"),
        (format!("server: {address}"), plugin("").as_str(), "authorization: bearer from-plugin\r\n"),
        (format!("server: {address}"), with_info.as_str(), "authorization: bearer from-plugin\r\n"),
        (format!("server: {address}\ncertificate-authority: ''"), "token: ''", "get /api/v1/nodes"),
    ] {
        let dir = written(&kubeconfig(&of_cluster, of_user));
        std::fs::write(dir.path().join("token"), "from-file\n").expect("write");
        let script = "#!/bin/sh\ncase \"$KUBERNETES_EXEC_INFO\" in *ExecCredential*) ;; *) exit 3;; esac\n\
            echo '{\"apiVersion\": \"client.authentication.k8s.io/v1beta1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"'$TOKEN'\"}}'\n";
        std::fs::write(dir.path().join("plugin"), script).expect("write");
        std::fs::set_permissions(dir.path().join("plugin"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
        heads.lock().expect("heads").clear();
        cleanup(&dir.path().join("config")).code(0).stdout("").stderr("");
        let heads = heads.lock().expect("heads").clone();
        assert!(heads.len() == 1 && heads[0].contains(shown), "{of_cluster} {of_user} wants {shown}: {heads:?}");
    }
}

#[test]
fn kubeconfig_names_files_that_are_merged() {
    let (server, _) = listening();
    let whole = kubeconfig(&format!("server: {}", server.address), "token: t");
    let (contexts, rest) = whole.split_once("clusters:").expect("two parts");
    let (one, two) = (written(contexts), written(&format!("clusters:{rest}")));
    let path = |dir: &tempfile::TempDir| dir.path().join("config").display().to_string();
    let list = format!("/nowhere::{}:{}", path(&one), path(&two));
    preflight(&["cleanup"]).env("KUBECONFIG", &list).assert().code(0);
    is_refused(
        preflight(&["cleanup"]).env("KUBECONFIG", "/nowhere:/nothing").assert(),
        "KUBECONFIG names no file that exists: /nowhere:/nothing",
    );
    is_refused(preflight(&["cleanup"]).env("KUBECONFIG", "/").assert(), "/: ");
    // An empty list is as good as no list.
    let home = tempfile::tempdir().expect("temp dir");
    for list in ["", ":"] {
        is_refused(preflight(&["cleanup"]).env("KUBECONFIG", list).env("HOME", home.path()).assert(), "/.kube/config: No such file");
    }
    std::fs::create_dir(home.path().join(".kube")).expect("mkdir");
    std::fs::write(home.path().join(".kube/config"), &whole).expect("write");
    preflight(&["cleanup"]).env("KUBECONFIG", "").env("HOME", home.path()).assert().code(0);
    preflight(&["cleanup", "--context", "y"])
        .env("HOME", home.path())
        .assert()
        .code(4)
        .stderr(contains("there is no context \"y\": the kubeconfig has x"));
}

#[test]
fn a_file_without_contexts_is_said_to_be_no_kubeconfig() {
    let dir = written("{kind: Facts}");
    is_refused(cleanup(&dir.path().join("config")), "it has no contexts, so it is empty or not a kubeconfig");
}

#[test]
fn whoever_removes_something_is_told_of_agents_that_still_run() {
    let node = r#"{"metadata": {"name": "node1", "uid": "u", "labels": {"buildkit-preflight.dev/no-process-sandbox": "ready"}}}"#;
    let server = Server::api(move |head, stream| {
        let answer = if head.starts_with("GET") { format!("{{\"items\": [{node}]}}") } else { node.to_owned() };
        let _ = stream.write_all(whole(200, &answer).as_bytes());
    });
    let dir = written(&kubeconfig(&format!("server: {}", server.address), "token: t"));
    let path = dir.path().join("config");
    cleanup(&path).code(0).stdout(contains("node1: removed")).stderr(contains("note: an agent that still runs writes again"));
    preflight(&["cleanup", "--dry-run", "--kubeconfig"]).arg(&path).assert().code(0).stdout(contains("would remove")).stderr("");
}

#[test]
fn who_wants_to_see_requests_sees_no_secret() {
    let api = Server::empty();
    let dir = written(&kubeconfig(&format!("server: http://{}", api.address), "token: hidden-token"));
    let run = preflight(&["cleanup", "-v", "--kubeconfig"]).arg(dir.path().join("config")).assert().code(0);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("GET /api/v1/nodes of http://") && said.contains(": 200 in "), "{said}");
    assert!(!said.contains("hidden-token") && !said.contains('\u{1b}'), "{said}");
    preflight(&["cleanup", "--kubeconfig"]).arg(dir.path().join("config")).assert().code(0).stderr("");
}
