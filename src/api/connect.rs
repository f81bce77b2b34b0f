use super::in_pod::{InPod, SERVICE_ACCOUNT, server};
use super::{Error, Server};
use crate::text::plain;
use std::path::Path;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest reason, in characters: what stands in a kubeconfig may be of any length.
const REASON: usize = 800;

/// By what right to talk to the API server.
#[derive(Clone, Debug)]
pub enum Access {
    /// The pod's own service account.
    Pod,
    /// A kubeconfig: this file, else `KUBECONFIG`, else `~/.kube/config`.
    #[cfg(feature = "cli")]
    Kubeconfig {
        /// The file.
        path: Option<std::path::PathBuf>,
        /// A context in it other than the current one.
        context: Option<String>,
    },
}

/// Makes a client. Nothing is sent yet; but where a kubeconfig names a command that gives credentials, the command is run.
///
/// # Errors
/// [`Error::NoAccess`]: what is wrong, with the name of the file and the field.
pub async fn connect(access: &Access) -> Result<Server, Error> {
    let connected = match access {
        Access::Pod => in_pod().map_err(|error| {
            let elsewhere = if cfg!(feature = "cli") { " (outside of a pod, name a kubeconfig with --kubeconfig)" } else { "" };
            format!("the pod's service account: {error}{elsewhere}")
        }),
        #[cfg(feature = "cli")]
        Access::Kubeconfig { path, context } => super::kubeconfig::connect(path.as_deref(), context.as_deref(), CONNECT).await,
    };
    connected.map_err(|why| Error::NoAccess(plain(&why, REASON)))
}

fn in_pod() -> Result<Server, String> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let url = server(variable)?;
    let directory = Path::new(SERVICE_ACCOUNT);
    let namespace = super::file::contents(&directory.join("namespace"), super::file::CREDENTIAL)?;
    let namespace = String::from_utf8_lossy(&namespace).trim().to_owned();
    let name = format!("{url} (of the pod's service account)");
    let client = kube::Client::new(InPod::new(url, directory, CONNECT)?, namespace);
    Ok(Server::new(client, name))
}
