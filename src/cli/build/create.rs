//! What a build is made of: read here and in the cluster, and turned into a Job. Nothing is created.

use super::builder::Builder;
use super::progress::Progress;
use super::ready::Wanted;
use super::{Arguments, Format};
use crate::api::{Jobs, Server};
use crate::build::{self, Build, CredentialError, Invalid, JobOptions, Made, Plan, Template, TemplateKind, TemplateRef};
use crate::cli::named::{shown, text};
use crate::cli::{Error, output};
use crate::read::Named;
use crate::render;
use crate::text::json;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a build may take where nobody says it.
const TIMEOUT: Duration = Duration::from_secs(600);
/// The template that is known without a cluster.
const BUILT_IN: &str = "buildkit";

/// What is given here.
pub(super) enum Input {
    /// All that it needs.
    Planned(Box<Plan>),
    /// A Build whose template is in the cluster.
    Templated(Box<Build>),
}

impl Input {
    /// Reads what the arguments name. Nothing where a directory is built.
    pub(super) fn of(arguments: &Arguments) -> Result<Option<Self>, Error> {
        if let Some(path) = &arguments.file {
            return Input::of_file(path, arguments.template.as_deref()).map(Some);
        }
        let Some(url) = &arguments.git else { return Ok(None) };
        let git = build::GitBuild {
            url: url.clone(),
            revision: arguments.revision.clone().unwrap_or_else(|| "HEAD".into()),
            sub_path: arguments.sub_path.clone(),
            options: arguments.options(),
            secrets: arguments.secrets()?,
            tls: arguments.tls.clone(),
            client_image: arguments.client_image.clone().unwrap_or_else(render::client_image),
            service_account: arguments.service_account.clone(),
            timeout: arguments.timeout.unwrap_or(TIMEOUT).as_secs(),
        };
        Ok(Some(Input::Planned(Box::new(build::generated(&git)?))))
    }

    fn of_file(path: &str, template: Option<&str>) -> Result<Self, Error> {
        if (path, template) == ("-", Some("-")) {
            return Err(Error::BadInput { message: "--file and --template cannot both be standard input".into(), hint: None });
        }
        let build = build::read_build(shown(path), &text(Named::Build, path, build::LARGEST)?)?;
        let read = |path: &str| Ok::<_, Error>(build::read_template(shown(path), &text(Named::Template, path, build::LARGEST)?)?);
        let template = template.map(read).transpose()?;
        Ok(match (&template, build.template()) {
            (None, Some(_)) => Input::Templated(Box::new(build)),
            _ => Input::Planned(Box::new(build::plan(build, template.as_ref())?)),
        })
    }

    /// The namespace that it is for: that of the arguments, or its own.
    pub(super) fn namespace(&self, arguments: &Arguments) -> Result<Option<String>, Error> {
        let build = match self {
            Input::Planned(plan) => &plan.build,
            Input::Templated(build) => build,
        };
        match (&build.namespace, &arguments.namespace) {
            (Some(own), Some(asked)) if own.value != *asked => Err(Error::BadInput {
                message: format!("{}: the Build is for namespace {}, and --namespace is {asked}", own.spot, own.value),
                hint: Some("leave one of them out".into()),
            }),
            (Some(own), _) => Ok(Some(own.value.clone())),
            (None, asked) => Ok(asked.clone()),
        }
    }

    /// A plan of it, with the template of the cluster if it needs one.
    async fn plan(self, jobs: &Jobs, progress: &Progress) -> Result<Plan, Error> {
        let build = match self {
            Input::Planned(plan) => return Ok(*plan),
            Input::Templated(build) => build,
        };
        let template = match build.template() {
            Some(wanted) => Some(template(wanted, jobs, progress).await?),
            None => None,
        };
        Ok(build::plan(*build, template.as_ref())?)
    }

    /// The Job of it, when a node is ready for it.
    pub(super) async fn made(self, arguments: &Arguments, server: &Server, jobs: &Jobs, progress: &Progress) -> Result<Made, Error> {
        let plan = self.plan(jobs, progress).await?;
        let secrets = secrets(jobs, plan.build.service_account()).await?;
        let home = build::home(&secrets, &plan.build.git_urls(), arguments.accept_host_key)?;
        home.notes.iter().for_each(|note| progress.note(&format!("note: {note}")));
        for need in build::needs(&plan) {
            if !jobs.has(need.kind, &need.name).await? {
                return Err(need.missing(jobs.namespace()).into());
            }
        }
        if !arguments.dry_run {
            let wanted = Wanted {
                profile: arguments.profile,
                prefix: &arguments.prefix.domain,
                selector: &plan.build.node_selector,
                wait: arguments.wait,
            };
            wanted.find(server, progress).await?;
            // A Build of Knative may use any builder, or none.
            if arguments.git.is_some() {
                Builder::is_there(arguments, server, progress).await?;
            }
        }
        let options = JobOptions {
            namespace: jobs.namespace().to_owned(),
            suffix: std::iter::repeat_with(|| fastrand::alphanumeric().to_ascii_lowercase()).take(5).collect(),
            profile: arguments.profile,
            prefix: arguments.prefix.domain.clone(),
            git_image: arguments.git_image.clone().unwrap_or_else(render::client_image),
        };
        Ok(build::job(&plan, &home, &options))
    }
}

/// The template that a Build names: the cluster's, or that of this program.
async fn template(wanted: &TemplateRef, jobs: &Jobs, progress: &Progress) -> Result<Template, Error> {
    let (name, kind) = (&wanted.name.value, wanted.kind);
    let of = match kind {
        TemplateKind::BuildTemplate => format!("BuildTemplate {}/{name}", jobs.namespace()),
        TemplateKind::ClusterBuildTemplate => format!("ClusterBuildTemplate {name}"),
    };
    match jobs.template(kind, name).await? {
        Some(object) => Ok(build::template_of(&of, &object)?),
        None if name == BUILT_IN && kind == TemplateKind::BuildTemplate => {
            progress.note("note: the cluster has no BuildTemplate buildkit; that of this program is used (`render template` prints it)");
            Ok(build::read_template("the template of this program", &render::build_template()?)?)
        }
        None => Err(Error::BadInput {
            message: format!("{}: there is no {of} in the cluster", wanted.name.spot),
            hint: Some("apply it, or give its file with --template".into()),
        }),
    }
}

/// The secrets of a service account.
async fn secrets(jobs: &Jobs, account: &str) -> Result<Vec<build::Secret>, Error> {
    let Some(object) = jobs.service_account(account).await? else {
        let message = format!("there is no service account {account} in namespace {}", jobs.namespace());
        return Err(Error::BadInput { message, hint: Some("`kubectl get serviceaccounts` lists those that there are".into()) });
    };
    let mut all = Vec::new();
    for name in build::secret_names(&object) {
        let secret = jobs.secret(&name).await?;
        let secret = secret.ok_or_else(|| Error::BadInput {
            message: format!(
                "the service account {account} names the Secret {name}, which does not exist in namespace {}",
                jobs.namespace()
            ),
            hint: Some("create it, or remove its name there".into()),
        })?;
        all.push(build::Secret::of(&secret)?);
    }
    Ok(all)
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Error::BadInput { message: invalid.to_string(), hint: invalid.hint }
    }
}

impl From<CredentialError> for Error {
    fn from(wrong: CredentialError) -> Self {
        Error::BadInput { message: wrong.to_string(), hint: wrong.hint }
    }
}

/// Prints what would be created, without what is secret.
pub(super) fn print(made: &Made, format: Format) -> Result<(), Error> {
    let mut objects = vec![made.job.clone()];
    objects.extend(made.secret("uid-of-the-job").map(redacted));
    let failed = |error: &dyn std::fmt::Display| Error::Io(format!("could not write the Job: {error}"));
    let list = || {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        Ok::<_, Error>(json(serde_json::to_string_pretty(&list).map_err(|error| failed(&error))? + "\n"))
    };
    let text = match format {
        Format::Json => list()?,
        Format::Text => {
            let documents = objects.iter().map(serde_saphyr::to_string).collect::<Result<Vec<_>, _>>();
            let yaml = documents.map_err(|error| failed(&error))?.join("---\n");
            // It leaves marks of direction as they are. JSON is YAML.
            if crate::text::is_harmless(&yaml) { yaml } else { list()? }
        }
    };
    output::print(&text)
}

/// A Secret whose values are left out.
fn redacted(mut secret: Value) -> Value {
    for field in ["data", "stringData"] {
        let values = secret[field].as_object_mut().into_iter().flatten();
        values.for_each(|(_, value)| *value = "REDACTED".into());
    }
    secret
}
