//! `build`: a Build of Knative, a git repository or a directory becomes an image on a builder of the cluster.

mod builder;
mod create;
mod local;
mod options;
mod progress;
mod ready;
mod run;
mod scratch;
mod signals;

use super::args::{Connection, LabelPrefix};
use super::image::image;
use super::uses::{Use, Uses};
use super::{Error, block_on, exit, names, output, values};
use crate::profile::Profile;
use crate::report::{BuildResult, build_line};
use crate::text;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Build an image on a builder of the cluster: from a directory, from git, or from a Build of Knative
#[derive(Debug, Args)]
#[command(
    after_help = exit::help("Examples:
  buildkit-preflight build . --image registry.example/app:1
  buildkit-preflight build --git https://git.example/app.git --image registry.example/app:1
  buildkit-preflight build -f build.yaml
  buildkit-preflight build -f build.yaml --template template.yaml --dry-run

With --git and --file the build runs as a Job, on a node that is ready. The Job
is deleted at its end, and at Ctrl-C. With a directory, `buildctl` of the PATH
runs here and reaches the builder through the API server.", exit::BUILD),
    override_usage = "buildkit-preflight build [OPTIONS] --image <IMAGE> [DIR]
       buildkit-preflight build [OPTIONS] --image <IMAGE> --git <URL>
       buildkit-preflight build [OPTIONS] --file <FILE>"
)]
pub(super) struct Arguments {
    /// The directory that is built; it is sent to the builder, without what its .dockerignore names [default: .]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The repository that is built
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// A Build of build.knative.dev/v1alpha1, `-` for standard input
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
    /// The name of the image, and where it is pushed to
    #[arg(long, value_name = "IMAGE", value_parser = image, required_unless_present = "file")]
    image: Option<String>,
    /// The namespace of the builder and of the Job [default: that of the kubeconfig's context]
    #[arg(long, short, value_name = "NAME", value_parser = names::namespace)]
    namespace: Option<String>,
    /// How to print the result; the schema of the JSON is schema/build-result.json
    #[arg(long, short = 'o', value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print what would be created or run, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Where no node is ready: wait for one, for so long at most [default: for ever]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = values::build_time())]
    wait: Option<Option<Duration>>,
    /// Nodes must be ready for this way to run buildkitd
    #[arg(long, value_name = "PROFILE", default_value = "no-process-sandbox", value_parser = values::profile())]
    profile: Profile,

    /// The Dockerfile, below DIR or the repository
    #[arg(long, value_name = "FILE", default_value = "Dockerfile", help_heading = FOR_IMAGE)]
    dockerfile: String,
    /// A build argument; without a value it has that of the environment; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = options::build_arg, help_heading = FOR_IMAGE)]
    build_arg: Vec<(String, String)>,
    /// A secret of the build: `id=ID,src=FILE` or `id=ID,env=VARIABLE`; may be repeated
    #[arg(long, value_name = "SECRET", value_parser = options::secret, help_heading = FOR_IMAGE)]
    secret: Vec<options::SecretOption>,
    /// The stage of the Dockerfile that is built [default: the last]
    #[arg(long, value_name = "STAGE", help_heading = FOR_IMAGE)]
    target: Option<String>,
    /// A platform such as linux/arm64, or several with commas; may be repeated [default: the builder's]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = FOR_IMAGE)]
    platform: Vec<String>,
    /// A cache to read: an image, or `type=...` as buildctl has it; may be repeated
    #[arg(long, value_name = "CACHE", help_heading = FOR_IMAGE)]
    cache_from: Vec<String>,
    /// A cache to write, likewise; may be repeated
    #[arg(long, value_name = "CACHE", help_heading = FOR_IMAGE)]
    cache_to: Vec<String>,
    /// Build the image and do not push it
    #[arg(long, help_heading = FOR_IMAGE)]
    no_push: bool,
    /// The address of the builder's Service
    #[arg(long, value_name = "ADDRESS", default_value = "tcp://buildkitd:1234", value_parser = options::builder, help_heading = FOR_IMAGE)]
    builder: String,
    /// The Secret with `ca.crt`, `tls.crt` and `tls.key`, for a builder that asks for a certificate
    #[arg(long, value_name = "SECRET", value_parser = names::node, help_heading = FOR_IMAGE)]
    tls: Option<String>,
    /// How long it may take [default: 10m; for a directory as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = values::build_time(), help_heading = FOR_IMAGE)]
    timeout: Option<Duration>,

    /// The branch, tag or commit [default: that of the repository]
    #[arg(long, value_name = "REVISION", help_heading = FOR_GIT)]
    revision: Option<String>,
    /// A folder of the repository that is built alone
    #[arg(long, value_name = "FOLDER", help_heading = FOR_GIT)]
    sub_path: Option<String>,
    /// The image with buildctl [default: the builder's]
    #[arg(long, value_name = "IMAGE", value_parser = image, help_heading = FOR_GIT)]
    client_image: Option<String>,
    /// The service account whose secrets are used for git and registries [default: default]
    #[arg(long, value_name = "NAME", value_parser = names::node, help_heading = FOR_GIT)]
    service_account: Option<String>,

    /// The BuildTemplate or ClusterBuildTemplate that it names [default: that of the cluster]
    #[arg(long, value_name = "FILE", help_heading = FOR_FILE)]
    template: Option<String>,

    /// The image with git and ssh that fetches sources [default: the builder's]
    #[arg(long, value_name = "IMAGE", value_parser = image, help_heading = FOR_JOB)]
    git_image: Option<String>,
    /// Take the key that a git server shows over ssh, where no secret has its `known_hosts`
    #[arg(long, help_heading = FOR_JOB)]
    accept_host_key: bool,
    /// Create the Job, and do not wait for it
    #[arg(long, help_heading = FOR_JOB)]
    no_follow: bool,
    /// Leave the Job at its end; the cluster deletes it an hour later
    #[arg(long, help_heading = FOR_JOB)]
    keep: bool,

    #[command(flatten)]
    prefix: LabelPrefix,
    #[command(flatten)]
    connection: Connection,
}

const FOR_IMAGE: &str = "With a directory or --git";
const FOR_GIT: &str = "With --git";
const FOR_FILE: &str = "With --file";
const FOR_JOB: &str = "With --git or --file";

/// What is built.
pub(super) const USES: Uses = &[
    &[
        Use {
            by: &[],
            takes: &[
                "dir",
                "image",
                "dockerfile",
                "build_arg",
                "secret",
                "target",
                "platform",
                "cache_from",
                "cache_to",
                "no_push",
                "builder",
                "tls",
                "timeout",
            ],
        },
        Use { by: &["file"], takes: &["template", "git_image", "accept_host_key", "no_follow", "keep"] },
        Use {
            by: &["git"],
            takes: &[
                "image",
                "dockerfile",
                "build_arg",
                "secret",
                "target",
                "platform",
                "cache_from",
                "cache_to",
                "no_push",
                "builder",
                "tls",
                "timeout",
                "revision",
                "sub_path",
                "client_image",
                "service_account",
                "git_image",
                "accept_host_key",
                "no_follow",
                "keep",
            ],
        },
    ],
    // A Job that nobody follows is left anyway, and one that is only printed is not created.
    &[Use { by: &[], takes: &["keep", "wait"] }, Use { by: &["no_follow"], takes: &["wait"] }, Use { by: &["dry_run"], takes: &[] }],
];

/// How to print what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    output::is_open()?;
    match create::Input::of(arguments)? {
        Some(input) => block_on(run::run(arguments, input)),
        None => block_on(local::run(arguments)),
    }
}

impl Arguments {
    /// Prints what came of it.
    fn print(&self, result: &BuildResult) -> Result<(), Error> {
        output::print(&match self.format {
            Format::Text => build_line(result),
            Format::Json => {
                let json = serde_json::to_string_pretty(result);
                text::json(json.map_err(|error| Error::Io(format!("could not write the result: {error}")))? + "\n")
            }
        })
    }
}
