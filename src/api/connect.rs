use super::Error;
use super::in_pod::InPod;
use kube::{Client, Config};
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

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

/// Makes a client. Nothing is sent yet, except where a kubeconfig asks for a command that gives a token.
///
/// # Errors
/// Credentials that can't be read.
pub async fn connect(access: &Access) -> Result<Client, Error> {
    match access {
        Access::Pod => in_pod().map_err(|error| {
            let elsewhere = if cfg!(feature = "cli") { " (outside of a pod, name a kubeconfig with --kubeconfig)" } else { "" };
            Error::NoAccess(format!("the pod's service account: {error}{elsewhere}"))
        }),
        #[cfg(feature = "cli")]
        Access::Kubeconfig { path, context } => by_kubeconfig(path.as_deref(), context.clone()).await,
    }
}

fn in_pod() -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut config = Config::incluster()?;
    config.connect_timeout = Some(CONNECT);
    let namespace = config.default_namespace.clone();
    Ok(Client::new(InPod::new(config)?, namespace))
}

#[cfg(feature = "cli")]
async fn by_kubeconfig(path: Option<&std::path::Path>, context: Option<String>) -> Result<Client, Error> {
    use kube::config::{KubeConfigOptions, Kubeconfig};
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let (name, read) = match path {
        Some(path) => (path.display().to_string(), Kubeconfig::read_from(path)),
        None => ("the default kubeconfig (name one with --kubeconfig or KUBECONFIG)".to_owned(), Kubeconfig::read()),
    };
    let unusable = |error: &dyn std::fmt::Display| Error::NoAccess(format!("{name}: {error}"));
    let kubeconfig = read.map_err(|error| unusable(&error))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
    config.connect_timeout = Some(CONNECT);
    // Whoever asks decides when to ask again: an agent by its own clock, a person by hand.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| Error::NoAccess(error.to_string()))
}
