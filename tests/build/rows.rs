//! One change each.

/// A file that is changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// The usage example of the page, `page.yaml`.
    Page,
    /// A Build with most of what there is, `build.yaml`.
    Build,
    /// A Build without a template, `steps.yaml`.
    Steps,
    /// `template.yaml`, with the Build of the page.
    Template,
}

/// A change, and the error of it.
pub(crate) struct Row {
    pub(crate) which: Which,
    /// Where it first occurs, this; nothing means the whole file.
    pub(crate) from: &'static str,
    /// becomes this.
    pub(crate) to: &'static str,
    pub(crate) says: &'static str,
}

const fn row(which: Which, from: &'static str, to: &'static str, says: &'static str) -> Row {
    Row { which, from, to, says }
}

use Which::{Build, Page, Steps, Template};

pub(crate) const ROWS: &[Row] = &[
    // The text.
    row(Page, "", "", "build.yaml: the file is empty"),
    row(Page, "", "# only a comment\n", "build.yaml: the file is empty"),
    row(Page, "", "just words\n", "build.yaml:1:1: expected an object, but it is a text"),
    row(Page, "", "- a\n- b\n", "build.yaml:1:1: expected an object, but it is a list"),
    row(Page, "", "{\"a\": \n", "build.yaml:1:1: not valid YAML: unclosed bracket '{'"),
    row(Page, "spec:\n", "spec:\n\t- x\n", "build.yaml:6:2: not valid YAML: tabs disallowed within this context (block indentation)"),
    row(Page, "metadata:\n", "metadata:\n  name: a\n", "build.yaml:5:3: the field `name` is given twice"),
    row(Page, "kind: Build\n", "kind: Build\nkind: Build\n", "build.yaml:3:1: the field `kind` is given twice"),
    row(
        Page,
        "      value: gcr.io/my-project/my-app\n",
        "      value: a\n---\napiVersion: build.knative.dev/v1alpha1\n",
        "build.yaml:16:1: a second YAML document begins here",
    ),
    row(Page, "      value: gcr.io", "      value: *image", "build.yaml:14:14: not valid YAML: alias references unknown anchor"),
    row(Page, "      value: gcr.io/my-project/my-app", "      value: \"gcr.io", "build.yaml:14:14: not valid YAML: unclosed quote"),
    row(
        Page,
        "",
        "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\n",
        "build.yaml:5:17: the YAML has too many values, or nests too deeply, with its aliases written out",
    ),
    row(
        Page,
        "",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "build.yaml:1:76: not valid YAML: unclosed bracket '['",
    ),
    // The head.
    row(Page, "apiVersion: build.knative.dev/v1alpha1\n", "", "build.yaml:1:1: the field `apiVersion` is missing"),
    row(
        Page,
        "build.knative.dev/v1alpha1",
        "build.knative.dev/v1",
        "build.yaml:1:13: apiVersion: expected build.knative.dev/v1alpha1, but it is `build.knative.dev/v1` (did you mean build.knative.dev/v1alpha1?)",
    ),
    row(
        Page,
        "build.knative.dev/v1alpha1",
        "tekton.dev/v1",
        "build.yaml:1:13: apiVersion: expected build.knative.dev/v1alpha1, but it is `tekton.dev/v1`",
    ),
    row(Page, "kind: Build\n", "", "build.yaml:1:1: the field `kind` is missing"),
    row(Page, "kind: Build\n", "kind: build\n", "build.yaml:2:7: kind: expected Build, but it is `build` (did you mean Build?)"),
    row(Page, "kind: Build\n", "kind: BuildTemplate\n", "build.yaml:2:7: kind: expected Build, but it is `BuildTemplate`"),
    row(Page, "kind: Build\n", "kind: 5\n", "build.yaml:2:7: kind: expected a text, but it is a number: put it in quotes"),
    row(Page, "metadata:\n  name: buildkit-build-my-repo\n", "", "build.yaml:1:1: the field `metadata` is missing"),
    row(Page, "  name: buildkit-build-my-repo\n", "  labels: {}\n", "build.yaml:4:3: metadata: the field `name` is missing"),
    row(
        Page,
        "buildkit-build-my-repo",
        "my.repo",
        "build.yaml:4:9: metadata.name: `my.repo` is not a name: at most 63 lower case letters, digits and `-`",
    ),
    row(
        Page,
        "buildkit-build-my-repo",
        "My-Repo",
        "build.yaml:4:9: metadata.name: `My-Repo` is not a name: at most 63 lower case letters, digits and `-`",
    ),
    row(
        Page,
        "buildkit-build-my-repo",
        "a123456789-123456789-123456789-123456789-123456789-123456789-1234",
        "build.yaml:4:9: metadata.name: `a123456789-123456789-123456789-123456789-123456789-123456789-1234` is not a name: at most 63 lower case letters, digits and `-`",
    ),
    row(Page, "buildkit-build-my-repo", "12345", "build.yaml:4:9: metadata.name: expected a text, but it is a number: put it in quotes"),
    row(
        Build,
        "namespace: builds",
        "namespace: Builds",
        "build.yaml:5:14: metadata.namespace: `Builds` is not a name: at most 63 lower case letters, digits and `-`",
    ),
    row(
        Build,
        "    team: a\n",
        "    team: 5\n",
        "build.yaml:7:11: metadata.labels.team: expected a text, but it is a number: put it in quotes",
    ),
    row(Build, "  labels:\n    team: a\n", "  labels: [a]\n", "build.yaml:6:11: metadata.labels: expected an object, but it is a list"),
    row(Build, "  labels:\n", "  lables:\n", "build.yaml:6:3: metadata: unknown field `lables` (did you mean labels?)"),
    row(Page, "spec:\n", "sepc:\n", "build.yaml:5:1: unknown field `sepc` (did you mean spec?)"),
    // The spec.
    row(Page, "spec:\n", "spec:\n  parallelism: 2\n", "build.yaml:6:3: spec: unknown field `parallelism`"),
    row(
        Build,
        "  serviceAccountName: builder\n",
        "  serviceAccount: builder\n",
        "build.yaml:9:3: spec: unknown field `serviceAccount` (did you mean serviceAccountName?)",
    ),
    row(Build, "timeout: 20m", "timeout: 20", "build.yaml:10:12: spec.timeout: expected a text, but it is a number: put it in quotes"),
    row(Build, "timeout: 20m", "timeout: \"20\"", "build.yaml:10:12: spec.timeout: expected a time such as 90s, 10m or 1h30m"),
    row(Build, "timeout: 20m", "timeout: 25h", "build.yaml:10:12: spec.timeout: a timeout is at most 24h"),
    row(Build, "timeout: 20m", "timeout: 0s", "build.yaml:10:12: spec.timeout: a timeout of 0 ends the build before it starts"),
    row(Build, "timeout: 20m", "timeout: -5m", "build.yaml:10:12: spec.timeout: expected a time such as 90s, 10m or 1h30m"),
    row(
        Build,
        "disk: ssd",
        "disk: true",
        "build.yaml:12:11: spec.nodeSelector.disk: expected a text, but it is a boolean: put it in quotes",
    ),
    row(
        Build,
        "  nodeSelector:\n    disk: ssd\n",
        "  nodeSelector: ssd\n",
        "build.yaml:11:17: spec.nodeSelector: expected an object, but it is a text",
    ),
    row(
        Build,
        "        nodeSelectorTerms:\n",
        "        terms:\n",
        "build.yaml:50:9: spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution: the field `nodeSelectorTerms` is missing",
    ),
    row(
        Build,
        "  timeout: 20m\n",
        "  Status: BuildCancelled\n",
        "build.yaml:10:11: spec.Status: the Build is cancelled: remove this field to run it",
    ),
    row(
        Build,
        "  timeout: 20m\n",
        "  status: BuildCanceled\n",
        "build.yaml:10:11: spec.status: expected BuildCancelled, but it is `BuildCanceled` (did you mean BuildCancelled?)",
    ),
    row(Page, "  template:\n", "  steps:\n  - image: a\n  template:\n", "build.yaml:13:5: spec: `steps` and `template` exclude each other"),
    row(Steps, "  steps:\n", "  stepz:\n", "build.yaml:10:3: spec: unknown field `stepz` (did you mean steps?)"),
    row(
        Page,
        "",
        "apiVersion: build.knative.dev/v1alpha1\nkind: Build\nmetadata: {name: a}\nspec: {}\n",
        "build.yaml:4:7: spec: a Build needs `steps` or `template`",
    ),
    // Sources.
    row(
        Build,
        "  sources:\n",
        "  source:\n    git: {url: \"https://git.example/a\", revision: v1}\n  sources:\n",
        "build.yaml:16:5: spec: `source` and `sources` exclude each other",
    ),
    row(Page, "      url: https://github.com/my-user/my-repo\n", "", "build.yaml:8:7: spec.source.git: the field `url` is missing"),
    row(Page, "      revision: master\n", "", "build.yaml:8:7: spec.source.git: the field `revision` is missing"),
    row(Page, "      revision: master\n", "      revision:\n", "build.yaml:8:7: spec.source.git: the field `revision` is missing"),
    row(
        Page,
        "      revision: master\n",
        "      revision: 1234567\n",
        "build.yaml:9:17: spec.source.git.revision: expected a text, but it is a number: put it in quotes",
    ),
    row(
        Page,
        "      revision: master\n",
        "      revision: --upload-pack=x\n",
        "build.yaml:9:17: spec.source.git.revision: it begins with a hyphen, or has a blank or a control character",
    ),
    row(
        Page,
        "      revision: master\n",
        "      branch: master\n      revision: master\n",
        "build.yaml:9:7: spec.source.git: unknown field `branch`",
    ),
    row(
        Page,
        "https://github.com/my-user/my-repo",
        "my-repo",
        "build.yaml:8:12: spec.source.git.url: expected a URL such as https://host/repository, ssh://git@host/repository or git@host:repository",
    ),
    row(
        Page,
        "https://github.com/my-user/my-repo",
        "\"ext::sh -c reboot\"",
        "build.yaml:8:12: spec.source.git.url: it begins with a hyphen, or has a blank or a control character",
    ),
    row(Page, "    git:\n", "    gti:\n", "build.yaml:7:5: spec.source: unknown field `gti` (did you mean git?)"),
    row(
        Page,
        "    git:\n",
        "    gcs: {type: Archive, location: \"gs://a/b\"}\n    git:\n",
        "build.yaml:7:10: spec.source.gcs: sources of kind `gcs` are not supported",
    ),
    row(
        Page,
        "    git:\n",
        "    custom: {image: a}\n    git:\n",
        "build.yaml:7:13: spec.source.custom: a source has either `git` or `custom`, not both",
    ),
    row(
        Steps,
        "    git:\n      url: https://git.example/a\n      revision: v1\n",
        "    name: a\n",
        "build.yaml:7:5: spec.source: a source needs `git` or `custom`",
    ),
    row(
        Build,
        "- name: lib\n",
        "- name: main\n",
        "build.yaml:19:11: spec.sources[1].name: the source `main` is given twice, first in line 14",
    ),
    row(
        Build,
        "- name: lib\n",
        "- name: Lib\n",
        "build.yaml:19:11: spec.sources[1].name: `Lib` is not a source's name: at most 41 lower case letters, digits and `-`",
    ),
    row(
        Build,
        "    targetPath: lib\n",
        "    subPath: lib\n",
        "build.yaml:23:14: spec.sources[1].subPath: a second `subPath`: steps see one folder as /workspace, so at most one source has it",
    ),
    row(
        Build,
        "    targetPath: lib\n",
        "",
        "build.yaml:19:5: spec.sources[1]: a second source without `targetPath`: both would go into the workspace itself",
    ),
    row(
        Build,
        "    targetPath: lib\n",
        "    targetPath: ../lib\n",
        "build.yaml:23:17: spec.sources[1].targetPath: `../lib` is not a path inside of the workspace: it begins with / or has `..`",
    ),
    row(
        Build,
        "    targetPath: lib\n",
        "    targetPath: /lib\n",
        "build.yaml:23:17: spec.sources[1].targetPath: `/lib` is not a path inside of the workspace: it begins with / or has `..`",
    ),
    row(
        Build,
        "    subPath: web\n",
        "    targetPath: lib/web\n",
        "build.yaml:23:17: spec.sources[1].targetPath: the targetPath `lib` overlaps with `lib/web`",
    ),
    row(
        Build,
        "    subPath: web\n",
        "    subPath: /web\n",
        "build.yaml:18:14: spec.sources[0].subPath: `/web` is not a path inside of the workspace: it begins with / or has `..`",
    ),
    row(
        Build,
        "    custom:\n",
        "    targetPath: c\n    custom:\n",
        "build.yaml:25:17: spec.sources[2].targetPath: a custom source has no `targetPath`: its container knows where to write",
    ),
    row(Build, "      image: r.example/fetch\n", "", "build.yaml:26:7: spec.sources[2].custom: a custom source needs an `image`"),
    row(
        Build,
        "      image: r.example/fetch\n",
        "      name: fetch\n      image: r.example/fetch\n",
        "build.yaml:26:13: spec.sources[2].custom.name: the container of a custom source has no name: the source has one",
    ),
    // Steps.
    row(Steps, "    image: r.example/test\n", "", "build.yaml:11:5: spec.steps[0]: a step needs an `image`"),
    row(Steps, "    image: r.example/test\n", "    image: \"\"\n", "build.yaml:12:12: spec.steps[0].image: a step needs an `image`"),
    row(
        Steps,
        "- name: build\n",
        "- name: test\n",
        "build.yaml:17:11: spec.steps[1].name: the step `test` is given twice, first in line 11",
    ),
    row(
        Steps,
        "- name: build\n",
        "- name: git-source-0\n",
        "build.yaml:17:11: spec.steps[1].name: the container `git-source-0` is given twice, first in line 7",
    ),
    row(
        Steps,
        "- name: build\n",
        "- name: Build It\n",
        "build.yaml:17:11: spec.steps[1].name: `Build It` is not a step's name: at most 52 lower case letters, digits and `-`",
    ),
    row(Steps, "args: [make, test]", "args: make test", "build.yaml:13:11: spec.steps[0].args: expected a list, but it is a text"),
    row(
        Steps,
        "args: [make, test]",
        "args: [make, 5]",
        "build.yaml:13:18: spec.steps[0].args[1]: expected a text, but it is a number: put it in quotes",
    ),
    row(
        Steps,
        "      value: b\n",
        "      value: 5\n",
        "build.yaml:16:14: spec.steps[0].env[0].value: expected a text, but it is a number: put it in quotes",
    ),
    row(Steps, "    - name: A\n      value: b\n", "    - value: b\n", "build.yaml:15:7: spec.steps[0].env[0]: the field `name` is missing"),
    row(Steps, "      mountPath: /data\n", "", "build.yaml:22:7: spec.steps[1].volumeMounts[0]: the field `mountPath` is missing"),
    row(Steps, "push=true", "push=yes", "build.yaml:20:29: spec.steps[1].args[2]: `yes` is not a boolean: push is true or false"),
    row(Steps, "name=r.example/a,", "name=,", "build.yaml:20:29: spec.steps[1].args[2]: an empty text is not the name of an image"),
    row(
        Steps,
        "    command: [buildctl]\n",
        "    command: [buildctl]\n    workingDir: /src\n",
        "build.yaml:20:17: spec.steps[1].workingDir: `/src` is outside of /workspace, where the sources are",
    ),
    row(
        Steps,
        "  volumes:\n  - name: data\n",
        "  volumes:\n  - name: workspace\n",
        "build.yaml:25:11: spec.volumes[0].name: the volume `workspace` is made for each build: choose another name",
    ),
    row(
        Steps,
        "    emptyDir: {}\n",
        "    emptyDir: {}\n  - name: data\n    emptyDir: {}\n",
        "build.yaml:27:11: spec.volumes[1].name: the volume `data` is given twice, first in line 25",
    ),
    row(Steps, "  - name: data\n    emptyDir: {}\n", "  - emptyDir: {}\n", "build.yaml:25:5: spec.volumes[0]: the field `name` is missing"),
    // The template and its arguments.
    row(
        Page,
        "    name: buildkit\n",
        "    name: buildkti\n",
        "build.yaml:11:11: spec.template.name: the Build wants BuildTemplate `buildkti`, but template.yaml is BuildTemplate `buildkit`",
    ),
    row(
        Page,
        "    name: buildkit\n",
        "    name: buildkit\n    kind: ClusterBuildTemplate\n",
        "build.yaml:11:11: spec.template.name: the Build wants ClusterBuildTemplate `buildkit`, but template.yaml is BuildTemplate `buildkit`",
    ),
    row(
        Page,
        "    name: buildkit\n",
        "    name: buildkit\n    kind: Template\n",
        "build.yaml:12:11: spec.template.kind: expected BuildTemplate or ClusterBuildTemplate, but it is `Template`",
    ),
    row(Page, "    name: buildkit\n", "", "build.yaml:11:5: spec.template: the field `name` is missing"),
    row(Page, "    arguments:\n", "    args:\n", "build.yaml:12:5: spec.template: unknown field `args`"),
    row(
        Page,
        "    arguments:\n    - name: IMAGE\n      value: gcr.io/my-project/my-app\n",
        "",
        "build.yaml:11:11: spec.template.arguments: the argument `IMAGE` is missing: template `buildkit` requires it",
    ),
    row(
        Page,
        "    - name: IMAGE\n",
        "    - name: IMAG\n",
        "build.yaml:13:13: spec.template.arguments[0].name: unknown parameter `IMAG` of template `buildkit` (did you mean IMAGE?)",
    ),
    row(
        Page,
        "    - name: IMAGE\n",
        "    - name: SOMETHING\n      value: a\n    - name: IMAGE\n",
        "build.yaml:13:13: spec.template.arguments[0].name: unknown parameter `SOMETHING` of template `buildkit`",
    ),
    row(
        Page,
        "    - name: IMAGE\n",
        "    - name: IMAGE\n      value: a\n    - name: IMAGE\n",
        "build.yaml:15:13: spec.template.arguments[1].name: the argument `IMAGE` is given twice, first in line 13",
    ),
    row(
        Page,
        "gcr.io/my-project/my-app",
        "gcr.io/My-App",
        "build.yaml:14:14: spec.template.arguments[0].value: IMAGE: `gcr.io/My-App` has upper case letters, which the name of an image has not",
    ),
    row(
        Page,
        "gcr.io/my-project/my-app",
        "\"\"",
        "build.yaml:14:14: spec.template.arguments[0].value: IMAGE: an empty text is not the name of an image",
    ),
    row(
        Page,
        "gcr.io/my-project/my-app",
        "5",
        "build.yaml:14:14: spec.template.arguments[0].value: expected a text, but it is a number: put it in quotes",
    ),
    row(
        Build,
        "\"false\"",
        "maybe",
        "build.yaml:35:14: spec.template.arguments[1].value: PUSH: `maybe` is not a boolean: push is true or false",
    ),
    row(
        Build,
        "\"false\"",
        "false",
        "build.yaml:35:14: spec.template.arguments[1].value: expected a text, but it is a boolean: put it in quotes",
    ),
    row(
        Build,
        "/workspace/web",
        "/src",
        "build.yaml:37:14: spec.template.arguments[2].value: DIRECTORY: `/src` is outside of /workspace, where the sources are",
    ),
    row(
        Build,
        "/workspace/web",
        "web",
        "build.yaml:37:14: spec.template.arguments[2].value: DIRECTORY: `web` is not an absolute path: write /workspace/web",
    ),
    row(
        Build,
        "/workspace/web",
        "/workspace/../src",
        "build.yaml:37:14: spec.template.arguments[2].value: DIRECTORY: `/workspace/../src` is outside of /workspace, where the sources are",
    ),
    row(
        Build,
        "name: LEVEL\n      value: debug",
        "name: BUILDKIT_DAEMON_ADDRESS\n      value: buildkitd",
        "build.yaml:39:14: spec.template.arguments[3].value: BUILDKIT_DAEMON_ADDRESS: `buildkitd` is not an address: write tcp://HOST:PORT",
    ),
    row(
        Build,
        "name: LEVEL\n      value: debug",
        "name: BUILDKIT_CLIENT_IMAGE\n      value: \"\"",
        "build.yaml:39:14: spec.template.arguments[3].value: BUILDKIT_CLIENT_IMAGE: a step needs an `image`",
    ),
    row(
        Build,
        "      value: http://proxy.example\n",
        "      value: 8080\n",
        "build.yaml:42:14: spec.template.env[0].value: expected a text, but it is a number: put it in quotes",
    ),
    row(
        Build,
        "  - name: data\n",
        "  - name: cache\n",
        "template.yaml:49:11: spec.volumes[0].name: the volume `cache` is given twice, first in build.yaml:44",
    ),
    row(
        Template,
        "kind: BuildTemplate",
        "kind: Task",
        "template.yaml:2:7: kind: expected BuildTemplate or ClusterBuildTemplate, but it is `Task`",
    ),
    row(
        Template,
        "  - name: DOCKERFILE\n",
        "  - name: IMAGE\n",
        "template.yaml:9:11: spec.parameters[1].name: the parameter `IMAGE` is given twice, first in line 7",
    ),
    row(
        Template,
        "    default: \"true\"\n",
        "    default: true\n",
        "template.yaml:14:14: spec.parameters[2].default: expected a text, but it is a boolean: put it in quotes",
    ),
    row(
        Template,
        "    default: \"true\"\n",
        "    defalt: \"true\"\n",
        "template.yaml:14:5: spec.parameters[2]: unknown field `defalt` (did you mean default?)",
    ),
    row(Template, "    image: ${BUILDKIT_CLIENT_IMAGE}\n", "", "template.yaml:25:5: spec.steps[0]: a step needs an `image`"),
    row(
        Template,
        "push=${PUSH}",
        "push=${DIRECTORY}",
        "template.yaml:41:7: spec.steps[0].command[12]: `/workspace` is not a boolean: push is true or false",
    ),
    row(
        Template,
        "  - name: cache\n    emptyDir",
        "  - name: home\n    emptyDir",
        "template.yaml:49:11: spec.volumes[0].name: the volume `home` is made for each build: choose another name",
    ),
    row(
        Template,
        "",
        "apiVersion: build.knative.dev/v1alpha1\nkind: BuildTemplate\nmetadata: {name: buildkit}\nspec: {parameters: []}\n",
        "template.yaml:4:7: spec: a template needs `steps`",
    ),
];

/// What Knative took, and is taken.
pub(crate) const TAKEN: &[(Which, &str, &str)] = &[
    (Page, "revision: master", "revision: refs/pull/1/head"),
    (Page, "revision: master", "revision: \"1234567\""),
    (Page, "https://github.com/my-user/my-repo", "git@github.com:my-user/my-repo.git"),
    (Page, "  name: buildkit-build-my-repo\n", "  generateName: my-repo-\n"),
    (Page, "spec:\n", "status: {builder: Cluster}\nspec:\n  generation: 1\n"),
    (Page, "metadata:\n", "metadata:\n  uid: a\n  resourceVersion: \"5\"\n  creationTimestamp: null\n"),
    (Page, "    git:\n", "    targetPath: src\n    git:\n"),
    (Page, "    - name: IMAGE\n", "    - name: LEVEL\n      value: debug\n    - name: IMAGE\n"),
    (Page, "    - name: IMAGE\n", "    - name: DOCKERFILE\n      value: ./Dockerfile\n    - name: IMAGE\n"),
    (Page, "    - name: IMAGE\n", "    - name: PUSH\n      value: \"False\"\n    - name: IMAGE\n"),
    (Build, "timeout: 20m", "timeout: 24h"),
    (Build, "timeout: 20m", "timeout: 1h0.5m"),
    (Build, "    subPath: web\n", "    subPath: ./web/\n"),
    (Build, "    kind: BuildTemplate\n", "    kind:\n"),
    (Steps, "- name: test\n    image", "- image"),
    (Steps, "    args: [make, test]\n", "    args: [make, \"${IMAGE}\"]\n    resources: {limits: {memory: 1Gi}}\n"),
    (Steps, "  source:\n    git:\n      url: https://git.example/a\n      revision: v1\n", ""),
    (Template, "    default: \"Dockerfile\"\n", "    default: \"\"\n"),
];
