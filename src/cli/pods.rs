use super::output::{self, Format};
use super::{Error, exit, named};
use crate::pod::{Judged, NoBuilder, judge, workloads};
use crate::read::Named;
use crate::report::{PodReport, pod_table};
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

Reads objects that have pods: of Kubernetes, Tekton and Shipwright, also several in one file and lists.
Asks no cluster. Ready says that nothing in the object stops builds. Whether a node lets
them work, its labels say, and `buildkit-preflight check` on it.", exit::PODS))]
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
}

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
    let judged = judge(&workloads, arguments.container.as_deref()).map_err(|none| no_builder(name, arguments, &none))?;
    let code = exit::of(judged.iter().map(|judged| judged.verdict));
    let format = match arguments.format {
        PodFormat::Patch => {
            print_patch(name, &judged)?;
            return Ok(code);
        }
        PodFormat::Table => Format::Table,
        PodFormat::Json => Format::Json,
        PodFormat::Yaml => Format::Yaml,
    };
    let report = PodReport::new(judged);
    format.print(&report, |style| pod_table(&report, &arguments.file, style))?;
    Ok(code)
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
fn print_patch(name: &str, judged: &[Judged]) -> Result<(), Error> {
    let patches: Vec<_> = judged.iter().filter_map(|judged| judged.patch.as_ref()).collect();
    match patches[..] {
        [] => {
            output::say("", &format!("nothing to change: no change of an object in {name} would make builds work that do not"));
            Ok(())
        }
        [patch] => Format::Yaml.print(patch, |_| String::new()),
        _ => {
            let names: Vec<_> = judged
                .iter()
                .filter(|judged| judged.patch.is_some())
                .map(|judged| format!("{} ({})", judged.object, judged.container))
                .collect();
            let message = format!("{name} has {} builders to change, and a patch is of one: {}", names.len(), names.join(", "));
            Err(Error::BadInput { message, hint: Some("choose one: `--container NAME`".into()) })
        }
    }
}
