//! What can't be built: one clear error each, the documented exit code, and nothing left in the cluster.

use super::fixtures::{NAMESPACE, daemon};
use super::git::Git;
use super::page::{template, usage};
use super::run::{Output, build, command, file, leaving_nothing, objects};
use crate::cluster::{Cluster, REGISTRY};
use crate::fleet::is_ci;
use crate::images::BUILDER;
use std::io::Write;
use std::process::Stdio;

/// A change to the page's example, the exit code and what is said.
type Case = (&'static str, &'static str, i32, &'static str);

/// `@` stands for the image of clients.
const CHANGES: &[Case] = &[
    ("name: IMAGE", "name: IMAG", 2, "IMAG"),
    ("    arguments:\n    - name: IMAGE\n      value: 10.88.0.1:5000/refused\n", "", 2, "IMAGE"),
    ("name: buildkit\n", "name: nobody\n", 2, "there is no BuildTemplate builds/nobody in the cluster"),
    ("name: buildkit\n", "name: nobody\n    kind: ClusterBuildTemplate\n", 2, "there is no ClusterBuildTemplate nobody"),
    ("name: buildkit\n", "name: buildkit\n    kind: Template\n", 2, "kind"),
    ("revision: master", "revision: nobody", 1, "nobody"),
    ("revision: master", "revision: ''", 2, "revision"),
    ("  source:\n    git:", "  source:\n    gti:", 2, "gti"),
    ("kind: Build\n", "kind: Build\nkind: Build\n", 2, "kind"),
    ("kind: Build\n", "kind: BuildConfig\n", 2, "BuildConfig"),
    ("apiVersion: build.knative.dev/v1alpha1", "apiVersion: v1", 2, "apiVersion"),
    ("  template:", "  serviceAccountName: nobody\n  template:", 2, "there is no service account nobody"),
    ("  template:", "  timeout: 25h\n  template:", 2, "timeout"),
    ("  template:", "  timeout: soon\n  template:", 2, "timeout"),
    ("  template:", "  steps: [{image: a}]\n  template:", 2, "steps"),
    ("  template:", "  volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]\n  template:", 2, "volumes"),
    ("  template:", "  volumes: [{name: a, emptyDri: {}}]\n  template:", 2, "emptyDri"),
    ("  template:", "  nodeSelector: [a]\n  template:", 2, "nodeSelector"),
    ("spec:", "---\nspec:", 2, "document"),
    ("spec:", "a: &a [x, x]\nb: &b [*a, *a]\nspec: &c", 2, "error: "),
    ("http://10.88.0.1:8081/cgi-bin/git/app.git", "''", 2, "url"),
    ("http://10.88.0.1:8081/cgi-bin/git/app.git", "http://10.88.0.1:8081/cgi-bin/git/nobody.git", 1, "not found"),
    ("10.88.0.1:5000/refused", "10.88.0.1:5000/Refused", 2, "IMAGE"),
    ("10.88.0.1:5000/refused", "''", 2, "IMAGE"),
    ("10.88.0.1:5000/refused", "10.88.0.1:5001/refused", 1, "401"),
    ("10.88.0.1:5000/refused", "10.88.0.1:9/refused", 1, "connection refused"),
    ("10.88.0.1:5000/refused", "a\n    - name: PUSH\n      value: perhaps", 2, "PUSH"),
    ("10.88.0.1:5000/refused", "a\n    - name: DIRECTORY\n      value: /etc", 2, "DIRECTORY"),
    ("10.88.0.1:5000/refused", "a\n    - name: DIRECTORY\n      value: /workspace/../etc", 2, "DIRECTORY"),
    ("10.88.0.1:5000/refused", "a\n    - name: IMAGE\n      value: b", 2, "IMAGE"),
    ("10.88.0.1:5000/refused", "a\n    - name: DOCKERFILE\n      value: nobody", 1, "nobody"),
    ("name: buildkit-build-my-repo", "name: build.kit", 2, "metadata.name"),
    ("name: buildkit-build-my-repo", "nmae: build", 2, "metadata"),
];

/// Steps of Builds without a template.
const STEPS: &[(&str, i32, &str)] = &[
    ("[]", 2, "steps"),
    ("[{name: a}]", 2, "image"),
    ("[{name: a, image: '@'}, {name: a, image: '@'}]", 2, "name"),
    ("[{name: a, image: '@', comand: [a]}]", 2, "comand"),
    ("[{name: a, image: '@', securityContext: {privilegd: true}}]", 2, "privilegd"),
    ("[{name: a, image: '@', volumeMounts: [{name: nobody, mountPath: /x}]}]", 2, "nobody"),
    ("[{name: a, image: '@', command: [nobody]}]", 1, "nobody"),
    ("[{name: a, image: '@', command: [sh, -c, 'echo error: here; exit 3']}]", 1, "exited with code 3"),
    ("[{name: a, image: 'localhost/nobody:1'}]", 1, "localhost/nobody:1"),
    ("{name: a}", 2, "steps"),
];

/// Builds a text, where the daemon is.
fn refused(cluster: &Cluster, text: &str) -> Output {
    let path = file(cluster, "build.yaml", text).display().to_string();
    build(cluster, &["-n", NAMESPACE, "-f", &path])
}

fn is_one_error(built: &Output, code: i32, says: &str) {
    assert!(built.code == Some(code) && built.out.is_empty(), "{says}: {:?}\n{}\n{}", built.code, built.out, built.err);
    let last = built.err.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(built.err.contains(says), "{says}: {}", built.err);
    assert!(!last.is_empty() && !built.err.contains("panicked"), "{says}: {}", built.err);
    if code == 2 {
        assert_eq!(built.err.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{says}: {}", built.err);
        assert!(last.contains(says), "{says}: {}", built.err);
    }
}

pub(crate) fn each_is_one_error_and_leaves_nothing(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let before = objects(cluster, NAMESPACE);
    let text = usage(&Git::url("app"), &format!("{REGISTRY}/refused"));
    // What is found out by a build takes seconds: in CI two of each kind.
    let some = |code: i32, seen: &mut usize| {
        *seen += usize::from(code == 1);
        code == 2 || !is_ci() || *seen <= 2
    };
    let mut seen = 0;
    for (from, to, code, says) in CHANGES.iter().filter(|case| some(case.2, &mut seen)) {
        assert!(text.contains(from), "{from}");
        let built = refused(cluster, &text.replacen(from, to, 1));
        if *code == 2 && !says.starts_with("there is") {
            assert!(built.err.contains("build.yaml"), "{says}: {}", built.err);
        }
        is_one_error(&built, *code, says);
    }
    let mut seen = 0;
    for (steps, code, says) in STEPS.iter().filter(|case| some(case.1, &mut seen)) {
        let text = format!(
            "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {{name: steps}}\nspec:\n  steps: {}\n",
            steps.replace('@', BUILDER)
        );
        is_one_error(&refused(cluster, &text), *code, says);
    }
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: lacking, namespace: {NAMESPACE}}}, secrets: [{{name: nobody}}]}}"
    ));
    let lacking = text.replace("spec:\n", "spec:\n  serviceAccountName: lacking\n");
    is_one_error(&refused(cluster, &lacking), 2, "names the Secret nobody, which does not exist in namespace builds");
    cluster.delete(&["-n", NAMESPACE, "serviceaccount/lacking"]);
    assert_eq!(objects(cluster, NAMESPACE), before);
}

pub(crate) fn arguments_and_files_are_looked_at_first(cluster: &Cluster) {
    daemon(cluster);
    let url = Git::url("app");
    for (arguments, code, says) in [
        (&["--git", url.as_str()][..], 2, "--image"),
        (&["--git", &url, "--image", "A"], 2, "lower case"),
        (&["--git", &url, "--image", "a", "--sub-path", "../x"], 2, "--sub-path"),
        (&["--git", &url, "--image", "a", "--dockerfile", ""], 2, "--dockerfile"),
        (&["--git", &url, "--image", "a", "--secret", "id=a,env=NOBODY"], 2, "no variable NOBODY"),
        (&["--git", &url, "--image", "a", "--secret", "id=a,src=/nowhere"], 2, "/nowhere"),
        (&["--git", &url, "--image", "a", "--timeout", "1ms"], 2, "--timeout"),
        (&["--git", &url, "--image", "a", "--service-account", "nobody"], 2, "there is no service account nobody"),
        (&["--git", &url, "--image", "a", "--tls", "nobody"], 2, "Secret `nobody` does not exist"),
        (&["--git", &url, "--image", "a", "--builder", "tcp://nobody:1234"], 2, "there is no Service builds/nobody of a builder"),
        (&["--git", &url, "--image", "a", "--template", "x"], 2, "--template"),
        (&["-f", "/nowhere"], 2, "/nowhere"),
        (&["-f", "/"], 2, "a directory"),
        (&["-f", "x", "--git", &url], 2, "cannot be used"),
        (&["-f", "-", "--template", "-"], 2, "standard input"),
        (&["-f", "-"], 2, "standard input"),
        (&["--git", &url, "--image", "a", "--kubeconfig", "/nowhere"], 2, "/nowhere"),
        (&["--git", &url, "--image", "a", "--context", "nobody"], 4, "nobody"),
    ] {
        let built = leaving_nothing(cluster, || build(cluster, &[&["-n", NAMESPACE], arguments].concat()));
        assert!(
            built.code == Some(code) && built.err.contains(says) && built.out.is_empty(),
            "{arguments:?}: {:?} {}",
            built.code,
            built.err
        );
    }
    // From standard input, to another cluster's namespace than its own.
    let text = usage(&url, "a").replace("metadata:\n", "metadata:\n  namespace: elsewhere\n");
    let mut child =
        command(cluster, &["-n", NAMESPACE, "-f", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("write");
    let output = child.wait_with_output().expect("the program");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && err.contains("standard input:4:14: metadata.namespace") && err.contains("elsewhere"),
        "{err}"
    );
}
