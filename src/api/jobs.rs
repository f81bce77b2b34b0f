use super::lines::Lines;
use super::server::{OBJECT, Request};
use super::{Error, Server};
use crate::build::{NeedKind, TemplateKind};
use http::Method;
use kube::core::request::Error as Unsendable;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The longest line of a log that is passed on, in bytes.
const LOG_LINE: usize = 16 * 1024;
/// How long the API server keeps a watch open, in seconds: then it is begun anew, and a connection that is dead is noticed.
const WATCH_SECONDS: u32 = 45;
/// How long what is deleted may take to be gone: longer than the grace that a pod has.
const GONE: Duration = Duration::from_secs(60);
/// How often is looked whether it is.
const POLL: Duration = Duration::from_millis(250);
/// How long a pod that is deleted may take to end by itself, in seconds: a client of a builder has nothing to save.
const GRACE: u32 = 2;

/// What names have in them, and a path may.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Jobs of a namespace, and what belongs to them.
#[derive(Clone)]
pub struct Jobs {
    server: Server,
    namespace: String,
}

/// A list of objects, and the version from which on a watch tells what changes.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(default)]
    items: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListMetadata {
    resource_version: String,
}

impl Jobs {
    /// In this namespace, else in that of the kubeconfig's context.
    pub fn new(server: Server, namespace: Option<String>) -> Self {
        let namespace = namespace.unwrap_or_else(|| server.namespace().to_owned());
        Jobs { server, namespace }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A path below the namespace, of an API group, with the query.
    fn path(&self, api: &str, resource: &str, name: Option<&str>, query: &str) -> String {
        let name = name.map_or_else(String::new, |name| format!("/{}", utf8_percent_encode(name, NAME)));
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        format!("/{api}/namespaces/{}/{resource}{name}{query}", utf8_percent_encode(&self.namespace, NAME))
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, Error> {
        match self.server.request(asked(Method::GET, path, None)?).await {
            Err(Error::Refused { code: 404, .. }) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// A service account, if there is one of this name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn service_account(&self, name: &str) -> Result<Option<Value>, Error> {
        self.get(&self.path("api/v1", "serviceaccounts", Some(name), "")).await
    }

    /// A Secret, if there is one of this name.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn secret(&self, name: &str) -> Result<Option<Value>, Error> {
        self.get(&self.path("api/v1", "secrets", Some(name), "")).await
    }

    /// Whether an object is there that a pod would wait for. Who may not read it has it, for all that can be told.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn has(&self, kind: NeedKind, name: &str) -> Result<bool, Error> {
        let resource = match kind {
            NeedKind::Secret => "secrets",
            NeedKind::ConfigMap => "configmaps",
            NeedKind::Claim => "persistentvolumeclaims",
        };
        match self.get(&self.path("api/v1", resource, Some(name), "")).await {
            Err(error) if error.is_forbidden() => Ok(true),
            answer => Ok(answer?.is_some()),
        }
    }

    /// A template of Knative Build, if there is one of this name. A cluster that does not know templates has none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn template(&self, kind: TemplateKind, name: &str) -> Result<Option<Value>, Error> {
        const API: &str = "apis/build.knative.dev/v1alpha1";
        let path = match kind {
            TemplateKind::BuildTemplate => self.path(API, "buildtemplates", Some(name), ""),
            TemplateKind::ClusterBuildTemplate => format!("/{API}/clusterbuildtemplates/{}", utf8_percent_encode(name, NAME)),
        };
        self.get(&path).await
    }

    /// Makes a Job. Fields that the API server does not know are refused. Gives its UID.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(&self, job: &Value) -> Result<String, Error> {
        let made = self.make("apis/batch/v1", "jobs", job).await?;
        Ok(made["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }

    /// Makes a Secret, as strictly.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_secret(&self, secret: &Value) -> Result<(), Error> {
        self.make("api/v1", "secrets", secret).await.map(|_| ())
    }

    async fn make(&self, api: &str, resource: &str, object: &Value) -> Result<Value, Error> {
        const QUERY: &str = "fieldManager=buildkit-preflight&fieldValidation=Strict";
        self.server.request(asked(Method::POST, &self.path(api, resource, None, QUERY), Some(object))?).await
    }

    /// A Job, if it is there.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn job(&self, name: &str) -> Result<Option<Value>, Error> {
        self.get(&self.path("apis/batch/v1", "jobs", Some(name), "")).await
    }

    /// Why no pod could be made for a Job: the message of the last event that says so.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn refusal(&self, job_uid: &str) -> Result<Option<String>, Error> {
        let query = format!("fieldSelector=involvedObject.uid%3D{job_uid}%2Creason%3DFailedCreate&limit=20");
        let list: List = self.server.request(asked(Method::GET, &self.path("api/v1", "events", None, &query), None)?).await?;
        Ok(list.items.last().and_then(|event| event["message"].as_str()).map(str::to_owned))
    }

    /// The pods of a Job, and the version from which on a watch goes.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pods(&self, job: &str) -> Result<(Vec<Value>, String), Error> {
        let list: List = self.server.request(asked(Method::GET, &self.path("api/v1", "pods", None, &of_job(job)), None)?).await?;
        Ok((list.items, list.metadata.resource_version))
    }

    /// Watches them from a version on: each line is an event.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn watch(&self, job: &str, version: &str) -> Result<Lines, Error> {
        let query =
            format!("{}&watch=1&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}", of_job(job), utf8_percent_encode(version, NAME));
        self.server.lines(asked(Method::GET, &self.path("api/v1", "pods", None, &query), None)?, OBJECT).await
    }

    /// What a container prints, until it ends. Each line begins with its time; `since` is such a time.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn log(&self, pod: &str, container: &str, since: Option<&str>) -> Result<Lines, Error> {
        let since = since.map_or_else(String::new, |since| format!("&sinceTime={}", utf8_percent_encode(since, NON_ALPHANUMERIC)));
        let query = format!("container={}&follow=true&timestamps=true{since}", utf8_percent_encode(container, NAME));
        let path = format!("{}/log?{query}", self.path("api/v1", "pods", Some(pod), ""));
        self.server.lines(asked(Method::GET, &path, None)?, LOG_LINE).await
    }

    /// Deletes a Job with all that belongs to it, and waits until it is gone. What is not there is no error.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Silent`] where it is not gone in time.
    pub async fn delete(&self, job: &str) -> Result<(), Error> {
        let deadline = Instant::now() + GONE;
        loop {
            match self.begin_deleting(job).await {
                Ok(true) => return Ok(()),
                Err(error) if !error.may_be_done() || Instant::now() > deadline => return Err(error),
                Ok(false) if Instant::now() > deadline => {
                    let what = format!("DELETE {}", self.path("apis/batch/v1", "jobs", Some(job), ""));
                    return Err(Error::Silent { what, server: self.server.name(), seconds: GONE.as_secs() });
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Asks for a Job to be deleted with all that belongs to it. Whether all of it was gone before.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn begin_deleting(&self, job: &str) -> Result<bool, Error> {
        // The Job goes last, when its pods and its Secret are gone.
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"});
        if self.remove(&self.path("apis/batch/v1", "jobs", Some(job), ""), &options).await? {
            return Ok(self.pods(job).await?.0.is_empty());
        }
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": GRACE});
        for pod in self.pods(job).await?.0 {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            if pod["metadata"]["deletionGracePeriodSeconds"].as_u64().is_none_or(|grace| grace > GRACE.into()) {
                // Without the right to delete pods the usual grace holds.
                match self.remove(&self.path("api/v1", "pods", Some(name), ""), &options).await {
                    Err(error) if !error.is_forbidden() => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(false)
    }

    /// Deletes one object. Whether it was gone before.
    async fn remove(&self, path: &str, options: &Value) -> Result<bool, Error> {
        match self.server.request::<Value>(asked(Method::DELETE, path, Some(options))?).await {
            Err(Error::Refused { code: 404, .. }) => Ok(true),
            Err(error) => Err(error),
            Ok(_) => Ok(false),
        }
    }
}

/// The pods of a Job, as a query.
fn of_job(job: &str) -> String {
    format!("labelSelector=batch.kubernetes.io%2Fjob-name%3D{}", utf8_percent_encode(job, NAME))
}

/// A request with a body of JSON, if there is one.
fn asked(method: Method, path: &str, body: Option<&Value>) -> Result<Request, Error> {
    let request = http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, "application/json");
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    Ok(request.body(body).map_err(Unsendable::BuildRequest)?)
}
