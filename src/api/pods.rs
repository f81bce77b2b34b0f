use super::error::said;
use super::server::{self, OBJECT, reason};
use super::{Error, Server, of};
use crate::admission::Answer;
use http::StatusCode;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::node::v1::RuntimeClass;
use kube::api::{GetParams, PostParams};
use kube::core::request::Error as Unsendable;
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How long a dry run may take: each webhook on its way may take ten seconds (its default), and be asked twice.
const DRY_RUN: Duration = Duration::from_secs(45);

/// What a cluster makes of pods, as dry runs: nothing is ever stored.
pub struct Pods {
    server: Server,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

#[derive(Deserialize)]
struct Class {
    handler: String,
}

impl Pods {
    /// With the rights of this client.
    pub fn new(server: Server) -> Self {
        Pods { server }
    }

    /// The API server's version: `v1.36.3`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn version(&self) -> Result<String, Error> {
        let asked = http::Request::get("/version").body(Vec::new()).map_err(Unsendable::BuildRequest)?;
        let version: Version = self.server.request(asked).await?;
        Ok(version.git_version)
    }

    /// The runtime handler that a RuntimeClass stands for.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn runtime_handler(&self, class: &str) -> Result<String, Error> {
        let class: Class = self.server.request(of::<RuntimeClass>(None).get(class, &GetParams::default())?).await?;
        Ok(class.handler)
    }

    /// Tries to make a pod, as a dry run. A refusal is an answer too; who made it is another's question.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn try_create(&self, namespace: &str, pod: &Value) -> Result<Answer, Error> {
        let parameters = PostParams { dry_run: true, field_manager: Some("buildkit-preflight".into()) };
        let mut asked = of::<v1::Pod>(Some(namespace)).create(&parameters, pod.to_string().into_bytes())?;
        // What the API server does not know it drops and warns of; the default of an old server says nothing.
        let uri = format!("{}&fieldValidation=Warn", asked.uri());
        *asked.uri_mut() = uri.parse().map_err(|error: http::uri::InvalidUri| Unsendable::BuildRequest(error.into()))?;
        let what = format!("POST {}", asked.uri().path());
        let server::Answer { status, headers, text } = self.server.exchange(asked, DRY_RUN, OBJECT).await?;
        if status.is_success() {
            let pod = self.server.parse(what, &text)?;
            let warnings = headers.get_all(http::header::WARNING).iter().filter_map(|value| warning(value.to_str().ok()?)).collect();
            return Ok(Answer::Made { pod, warnings });
        }
        Ok(Answer::Refused { code: status.as_u16(), message: reason(text) })
    }
}

impl Error {
    /// The same refusal as an error, where it was none of the pod.
    pub fn refused_pod(namespace: &str, code: u16, message: &str) -> Self {
        let what = format!("POST {}", of::<v1::Pod>(Some(namespace)).url_path);
        Error::Refused { what, code, message: said(message) }
    }

    /// Whether it is a refusal for lack of a right.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(StatusCode::FORBIDDEN.as_u16())
    }
}

/// The text of a warning: `299 - "text"` with `\` before quotes (RFC 7234, 5.5).
fn warning(header: &str) -> Option<String> {
    let text = header.strip_prefix("299 ")?.split_once('"')?.1.rsplit_once('"')?.0;
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_the_text_in_quotes() {
        for (header, text) in [
            (r#"299 - "unknown field \"spec.x\"""#, Some(r#"unknown field "spec.x""#)),
            (r#"299 - "a \\ b""#, Some(r"a \ b")),
            ("110 - \"stale\"", None),
            ("299 - x", None),
            ("", None),
        ] {
            assert_eq!(warning(header).as_deref(), text, "{header}");
        }
    }
}
