use super::error::said;
use super::server::OBJECT;
use super::{Error, Server, of};
use k8s_openapi::api::core::v1;
use kube::api::{Api, GetParams, ListParams};
use kube::core::request::Error as Unsendable;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How long a connection to a pod may take to be made: by the API server and a kubelet.
const CONNECT: Duration = Duration::from_secs(15);

/// Services of a namespace, and the pods behind them.
#[derive(Clone)]
pub struct Services {
    server: Server,
    namespace: String,
}

/// What is behind a port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// There is no such Service.
    NoService,
    /// It has other ports, or leads to no pods by their labels.
    NoPort,
    /// None of its pods is ready; their names.
    NoneReady(Vec<String>),
    /// A pod that is ready, and its port.
    Pod {
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
}

impl Services {
    /// In this namespace, else in that of the kubeconfig's context.
    pub fn new(server: Server, namespace: Option<String>) -> Self {
        let namespace = namespace.unwrap_or_else(|| server.namespace().to_owned());
        Services { server, namespace }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Looks for a pod behind a Service's port.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn behind(&self, service: &str, port: u16) -> Result<Behind, Error> {
        let asked = of::<v1::Service>(Some(&self.namespace)).get(service, &GetParams::default())?;
        let service: Value = match self.server.request(asked).await {
            Err(Error::Refused { code: 404, .. }) => return Ok(Behind::NoService),
            answer => answer?,
        };
        let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty());
        let ports = service["spec"]["ports"].as_array();
        let target = ports.into_iter().flatten().find(|one| one["port"] == port).map(|one| one["targetPort"].clone());
        let (Some(selector), Some(target)) = (selector, target) else { return Ok(Behind::NoPort) };
        let labels: Vec<_> = selector.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
        let listed = of::<v1::Pod>(Some(&self.namespace)).list(&ListParams::default().labels(&labels.join(",")))?;
        let what = format!("GET {}", listed.uri().path());
        let list: Value = self.server.parse(what, &self.server.text(listed, OBJECT).await?)?;
        let pods: Vec<_> = list["items"].as_array().into_iter().flatten().collect();
        let mut ready: Vec<_> = pods.iter().filter(|pod| is_ready(pod)).collect();
        if ready.is_empty() {
            return Ok(Behind::NoneReady(pods.iter().map(|pod| name(pod)).collect()));
        }
        let pod = ready.swap_remove(fastrand::usize(..ready.len()));
        Ok(port_of(pod, &target, port).map_or(Behind::NoPort, |port| Behind::Pod { name: name(pod), port }))
    }

    /// Whether a pod is there and ready.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn is_ready(&self, pod: &str) -> Result<bool, Error> {
        let asked = of::<v1::Pod>(Some(&self.namespace)).get(pod, &GetParams::default())?;
        match self.server.request::<Value>(asked).await {
            Err(Error::Refused { code: 404, .. }) => Ok(false),
            answer => answer.map(|pod| is_ready(&pod)),
        }
    }

    /// Connects to a port of a pod, through the API server.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn connect(&self, pod: &str, port: u16) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, Error> {
        let what = format!("GET {}/{pod}/portforward", of::<v1::Pod>(Some(&self.namespace)).url_path);
        let pods: Api<v1::Pod> = Api::namespaced(self.server.client(), &self.namespace);
        let connected = tokio::time::timeout(CONNECT, pods.portforward(pod, &[port])).await;
        let silent = |_| Error::Silent { what: what.clone(), server: self.server.name(), seconds: CONNECT.as_secs() };
        let mut forwarder = connected.map_err(silent)?.map_err(|error| match error {
            kube::Error::Api(status) => Error::Refused { what: what.clone(), code: status.code, message: said(status.message) },
            error => self.server.unreachable(&what, error),
        })?;
        forwarder.take_stream(port).ok_or_else(|| Error::Unsendable(Unsendable::Validation(format!("no port {port}"))))
    }
}

fn name(pod: &Value) -> String {
    pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Whether a Service would send somebody to a pod.
fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

/// The port of a pod that a Service's `targetPort` means.
fn port_of(pod: &Value, target: &Value, port: u16) -> Option<u16> {
    let number = |value: &Value| value.as_u64().and_then(|number| u16::try_from(number).ok());
    let Some(name) = target.as_str() else { return number(target).or(Some(port)) };
    let containers = ["containers", "initContainers"].into_iter().filter_map(|field| pod["spec"][field].as_array()).flatten();
    let mut ports = containers.filter_map(|container| container["ports"].as_array()).flatten();
    ports.find(|one| one["name"] == name).and_then(|one| number(&one["containerPort"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_means_a_port_of_a_pod() {
        let pod = json!({"spec": {"containers": [{"ports": [{"name": "grpc", "containerPort": 99}]}, {}]}});
        for (target, port) in [(json!("grpc"), Some(99)), (json!(7), Some(7)), (json!("x"), None), (Value::Null, Some(1))] {
            assert_eq!(port_of(&pod, &target, 1), port, "{target}");
        }
    }

    #[test]
    fn a_pod_that_goes_is_not_ready() {
        let pod =
            |metadata: Value, status: &str| json!({"metadata": metadata, "status": {"conditions": [{"type": "Ready", "status": status}]}});
        assert!(is_ready(&pod(json!({}), "True")));
        assert!(!is_ready(&pod(json!({}), "False")) && !is_ready(&pod(json!({"deletionTimestamp": "x"}), "True")) && !is_ready(&json!({})));
    }
}
