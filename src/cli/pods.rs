use super::args::{Connection, LabelPrefix};
use super::output::{self, Format};
use super::uses::{Use, Uses};
use super::{Error, block_on, cluster, exit, named, names};
use crate::admission::{Answer, judge_builder};
use crate::api::{self, Pods};
use crate::check::Ready;
use crate::fleet::{RuntimeClass, fit};
use crate::node::{DEFAULT_PREFIX, View};
use crate::pod::{Builder, NoBuilder, builders, workloads};
use crate::read::Named;
use crate::report::{BuilderReport, InCluster, PodReport, pod_table};
use crate::text::quoted;
use crate::yaml::LARGEST;
use clap::{Args, ValueEnum};

/// Check builders that you have: what in their objects stops them on every node, and the change that removes it
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight check -f deployment.yaml
  helm template builder charts/buildkit | buildkit-preflight check -f -
  kubectl get deployment buildkitd -o yaml | buildkit-preflight check -f - --format json
  buildkit-preflight check -f pod.yaml --format patch > patch.yaml
  kubectl patch --local -f pod.yaml --patch-file patch.yaml -o yaml
  buildkit-preflight check -f deployment.yaml --cluster --namespace builds

Reads objects that have pods: of Kubernetes, Tekton and Shipwright, also several in one file and lists.
Ready says that nothing in the object stops builds. Whether a node lets them work, its
labels say, and `buildkit-preflight check` on it.

With --cluster the pod of each builder is dry-run, what comes back is judged, and each node
is listed. Ready says then that a node fits. It needs a kubeconfig that may `create` pods in
the namespace and `list` nodes. Nothing is stored in the cluster.", exit::PODS))]
pub(super) struct Arguments {
    /// The file with the objects, `-` for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// The container that runs buildkitd [default: each that does, by its image and command]
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// How to print the report; the schema of the JSON is schema/pod-report.json
    #[arg(long, short = 'o', value_enum, default_value_t = PodFormat::Table)]
    format: PodFormat,
    /// Ask a cluster what it makes of the pods, and where they fit
    #[arg(long)]
    cluster: bool,
    /// The namespace of objects that name none [default: that of the kubeconfig's context]
    #[arg(long, short = 'n', value_name = "NAME", value_parser = names::namespace)]
    namespace: Option<String>,
    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

/// Whether a cluster is asked.
pub(super) const USES: Uses =
    &[&[Use { by: &[], takes: &[] }, Use { by: &["cluster"], takes: &["namespace", "domain", "kubeconfig", "context"] }]];

/// How to print what is said of a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PodFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// The same as YAML
    Yaml,
    /// The changes that remove what stops builds, as a strategic merge patch for `kubectl patch --patch-file`
    Patch,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let name = named::shown(&arguments.file);
    let text = named::text(Named::Manifest, &arguments.file, LARGEST)?;
    let workloads = workloads(name, &text).map_err(|invalid| Error::BadInput { message: invalid.to_string(), hint: invalid.hint })?;
    let builders = builders(&workloads, arguments.container.as_deref()).map_err(|none| no_builder(name, arguments, &none))?;
    let report = match arguments.cluster {
        true => block_on(ask(arguments, &builders))?,
        false => PodReport::new(None, builders.iter().map(|builder| builder.judge().into()).collect()),
    };
    let code = exit::of(report.builders.iter().map(|builder| builder.judged.verdict));
    let format = match arguments.format {
        PodFormat::Patch => {
            print_patch(name, &report)?;
            return Ok(code);
        }
        PodFormat::Table => Format::Table,
        PodFormat::Json => Format::Json,
        PodFormat::Yaml => Format::Yaml,
    };
    format.print(&report, |style| pod_table(&report, &arguments.again(), style))?;
    Ok(code)
}

impl Arguments {
    /// The words that ask for the same again.
    fn again(&self) -> String {
        let mut words = vec![format!("-f {}", quoted(&self.file))];
        words.extend(self.cluster.then(|| "--cluster".to_owned()));
        words.extend(self.namespace.iter().map(|name| format!("--namespace {name}")));
        words.extend((self.prefix.domain != DEFAULT_PREFIX).then(|| format!("--label-prefix {}", self.prefix.domain)));
        words.extend(self.connection.words());
        words.join(" ")
    }
}

/// Asks the cluster, by a dry run of each builder's pod, and of one with the patch where there is one.
async fn ask(arguments: &Arguments, builders: &[Builder<'_>]) -> Result<PodReport, Error> {
    let client = arguments.connection.client().await?;
    let pods = Pods::new(client.clone());
    let kubernetes = pods.version().await?;
    let of_context = client.namespace().to_owned();
    let nodes = cluster::nodes(client, &arguments.prefix.domain).await?;
    let mut reports = Vec::new();
    for builder in builders {
        let of_object = builder.workload.namespace.as_deref().map(|name| of_object(builder, name)).transpose()?;
        let namespace = of_object.or_else(|| arguments.namespace.clone()).unwrap_or_else(|| of_context.clone());
        let sent = builder.workload.pod();
        let answer = pods.try_create(&namespace, &sent).await?;
        let Some(admission) = judge_builder(&answer, builder, &sent, &namespace, &kubernetes) else {
            let Answer::Refused { code, message } = answer else { continue };
            return Err(api::Error::refused_pod(&namespace, code, &message).into());
        };
        let (judged, spec, changed) = match &answer {
            Answer::Made { pod, .. } => (builder.judge_returned(pod), &pod["spec"], builder.mended(pod)),
            Answer::Refused { .. } => (builder.judge(), &sent["spec"], None),
        };
        let patch_taken = match changed {
            Some(workload) => Some(is_mended(&pods.try_create(&namespace, &workload.pod()).await?, &builder.of(&workload))),
            None => None,
        };
        let needs = judged.needs();
        let class = class_of(&pods, &answer).await;
        let fits = |nodes: &Vec<View>| nodes.iter().map(|node| fit(node, spec, class.as_ref(), judged.profile, &needs)).collect();
        let cluster = InCluster::new(namespace, admission, patch_taken, nodes.as_ref().map(fits).map_err(Clone::clone));
        reports.push(BuilderReport::in_cluster(judged, cluster));
    }
    Ok(PodReport::new(Some(kubernetes), reports))
}

/// The RuntimeClass of a pod that the API server took, so one that is there. Who may not read it still gets the rest of the report.
async fn class_of(pods: &Pods, answer: &Answer) -> Option<RuntimeClass> {
    let Answer::Made { pod, .. } = answer else { return None };
    let name = pod["spec"]["runtimeClassName"].as_str().filter(|name| !name.is_empty())?;
    // It becomes a part of a path.
    let handler = match names::is_dns_subdomain(name) {
        true => pods.runtime_handler(name).await.map_err(|error| error.to_string()),
        false => Err("its name is none that Kubernetes takes".to_owned()),
    };
    Some(RuntimeClass { name: name.to_owned(), handler })
}

/// Whether a builder works with its patch, as the API server answers.
fn is_mended(answer: &Answer, builder: &Builder) -> bool {
    match answer {
        Answer::Made { pod, .. } => builder.judge_returned(pod).verdict != Ready::NotReady,
        Answer::Refused { .. } => false,
    }
}

/// The namespace that an object names: it becomes a part of a path.
fn of_object(builder: &Builder, name: &str) -> Result<String, Error> {
    let wrong = |why| Error::BadInput { message: format!("{}: metadata.namespace: {why}", builder.workload.title()), hint: None };
    names::namespace(name).map_err(wrong)
}

fn no_builder(name: &str, arguments: &Arguments, none: &NoBuilder) -> Error {
    let seen = none.seen.join(", ");
    let (message, hint) = match &arguments.container {
        Some(container) => (format!("{name} has no container {container}: it has {seen}"), "name one of these containers".to_owned()),
        None => (
            format!("no container in {name} runs buildkitd, by its image and command: it has {seen}"),
            "name the container: `--container NAME`".to_owned(),
        ),
    };
    Error::BadInput { message, hint: Some(hint) }
}

/// One patch: it has no place for two objects.
fn print_patch(name: &str, report: &PodReport) -> Result<(), Error> {
    let builders = || report.builders.iter().map(|builder| &builder.judged);
    let changed: Vec<_> = builders().filter(|judged| judged.patch.is_some()).collect();
    match changed[..] {
        [] => {
            let is_stopped = builders().any(|judged| judged.verdict == Ready::NotReady);
            let why = match is_stopped {
                true => format!("no patch: what stops builds is not removed by a change of an object in {name}; the report says what does"),
                false => format!("nothing to change: nothing in {name} stops builds"),
            };
            output::say("", &why);
            Ok(())
        }
        [judged] => Format::Yaml.print(&judged.patch, |_| String::new()),
        _ => {
            let names: Vec<_> = changed.iter().map(|judged| format!("{} ({})", judged.object, judged.container)).collect();
            let message = format!("{name} has {} builders to change, and a patch is of one: {}", names.len(), names.join(", "));
            Err(Error::BadInput { message, hint: Some("choose one: `--container NAME`".into()) })
        }
    }
}
