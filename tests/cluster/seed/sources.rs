//! Where Builds take what they build: revisions, submodules, folders, several sources, and containers of their own; and steps of
//! their own, with and without a template.

use super::cases;
use super::fixtures::{daemon, fixtures};
use super::git::Git;
use super::page::{template, usage};
use super::registry::digest;
use super::run::{Output, build_text, leaving_nothing};
use crate::cluster::{Cluster, REGISTRY};
use crate::images::BUILDER;

/// A Build with this source, by the template `buildkit`.
fn of(source: &str, image: &str) -> String {
    format!(
        "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {{name: app}}
spec:
{source}
  template: {{name: buildkit, arguments: [{{name: IMAGE, value: '{image}'}}]}}
"
    )
}

fn pushes(cluster: &Cluster, image: &str, says: &str, built: Output) {
    let built = built.done();
    assert!(digest(cluster, image).is_some_and(|digest| built.out.contains(&digest)), "{}", built.out);
    assert!(built.err.contains(says), "{says}: {}", built.err);
}

pub(crate) fn any_revision(cluster: &Cluster) {
    let first = daemon(cluster).first.as_str();
    template(cluster);
    let revisions =
        [(first, "built of first"), ("feature", "built of feature"), ("v1", "built of first"), ("refs/heads/feature", "built of feature")];
    for (number, (revision, says)) in cases(revisions, 1).enumerate() {
        let image = format!("{REGISTRY}/revision:{number}");
        let text = usage(&Git::url("app"), &image).replace("revision: master", &format!("revision: {revision}"));
        pushes(cluster, &image, says, leaving_nothing(cluster, || build_text(cluster, &text, &[])));
    }
    let image = format!("{REGISTRY}/submodule:1");
    pushes(cluster, &image, "built of master", build_text(cluster, &usage(&Git::url("with-submodule"), &image), &[]));
}

pub(crate) fn any_source(cluster: &Cluster) {
    daemon(cluster);
    template(cluster);
    let url = Git::url("app");
    let folder = format!("  source: {{git: {{url: '{url}', revision: master}}, subPath: sub}}");
    // The second lies in the first one's tree, where its Dockerfile is the one that counts.
    let two = format!(
        "  sources:
  - {{name: main, git: {{url: '{url}', revision: v1}}}}
  - {{name: other, git: {{url: '{url}', revision: feature}}, targetPath: deep/other}}"
    );
    let custom = format!(
        "  source:
    custom:
      image: {BUILDER}
      command: [sh, -c, 'cp /bin/busybox . && echo custom > message && printf \"FROM scratch\\nCOPY busybox message /\\nRUN [\\\"/busybox\\\", \\\"cat\\\", \\\"/message\\\"]\\n\" > Dockerfile']"
    );
    for (number, (source, says)) in cases([(two, "built of first"), (custom, "custom"), (folder, "built of sub")], 2).enumerate() {
        let image = format!("{REGISTRY}/source:{number}");
        pushes(cluster, &image, says, leaving_nothing(cluster, || build_text(cluster, &of(&source, &image), &[])));
    }
}

/// Steps see the sources, the home, what a template's environment and volumes give them, and each other's files.
pub(crate) fn steps_and_templates(cluster: &Cluster) {
    fixtures(cluster);
    daemon(cluster);
    template(cluster);
    let url = Git::url("app");
    let steps = format!(
        "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {{name: steps, labels: {{team: a}}}}
spec:
  source: {{git: {{url: '{url}', revision: master}}}}
  steps:
  - name: look
    image: {BUILDER}
    command: [sh, -c, 'test $(pwd) = /workspace && test $HOME = /builder/home && cat message && git log --oneline && echo passed > made']
  - image: {BUILDER}
    command: [sh, -c]
    args: ['cat made']
    workingDir: /workspace
"
    );
    let built = leaving_nothing(cluster, || build_text(cluster, &steps, &[])).done();
    assert!(built.out.starts_with("done in ") && built.err.contains("\nmaster\n") && built.err.contains("\npassed\n"), "{}", built.err);

    cluster.apply(&format!(
        "apiVersion: build.knative.dev/v1alpha1
kind: ClusterBuildTemplate
metadata: {{name: greeting}}
spec:
  parameters: [{{name: WHO}}, {{name: HOW, default: hello}}, {{name: MAP}}]
  steps:
  - name: greet
    image: {BUILDER}
    command: [sh, -c, 'echo \"$FIRST ${{HOW}} ${{WHO}} $(cat /config/word)\"']
    env: [{{name: FIRST, value: template}}]
    volumeMounts: [{{name: config, mountPath: /config}}]
  volumes:
  - {{name: config, configMap: {{name: '${{MAP}}'}}}}
"
    ));
    cluster.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: words, namespace: builds}, data: {word: again}}");
    let of_cluster = "apiVersion: build.knative.dev/v1alpha1
kind: Build
metadata: {name: greeting}
spec:
  template:
    name: greeting
    kind: ClusterBuildTemplate
    arguments: [{name: WHO, value: world}, {name: MAP, value: words}]
    env: [{name: FIRST, value: build}]
";
    let built = leaving_nothing(cluster, || build_text(cluster, of_cluster, &[])).done();
    assert!(built.err.contains("\nbuild hello world again\n"), "{}", built.err);
}
