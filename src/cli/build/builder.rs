//! The builder's Service, and a pod behind it.

use super::progress::Progress;
use super::ready::Wanted;
use super::{Arguments, options};
use crate::api::{Behind, Server, Services};
use crate::cli::Error;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often a builder is looked for while one is waited for.
const PERIOD: Duration = Duration::from_secs(2);

/// A pod of the builder.
pub(super) struct Builder {
    pub(super) services: Services,
    pub(super) pod: String,
    pub(super) port: u16,
}

impl Builder {
    /// Looks for one that is ready, and waits for it if that is asked for.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn find(arguments: &Arguments, server: &Server, progress: &Progress) -> Result<Self, Error> {
        let search = Search::new(arguments, server)?;
        let found = search.ready(arguments, server, progress).await?;
        found.ok_or_else(|| Error::BadInput {
            message: format!("the Service {} has no port {} that leads to pods", search.title(), search.port),
            hint: Some(format!("`kubectl describe service -n {} {}` shows its ports", search.services.namespace(), search.name)),
        })
    }

    /// The same for a Job, which reaches the builder by itself. Who may not see Services finds out by the build.
    ///
    /// # Errors
    /// There is none.
    pub(super) async fn is_there(arguments: &Arguments, server: &Server, progress: &Progress) -> Result<(), Error> {
        let search = Search::new(arguments, server)?;
        match search.services.behind(&search.name, search.port).await {
            Err(error) if error.is_forbidden() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => search.ready(arguments, server, progress).await.map(|_| ()),
        }
    }

    /// Says so where a build failed because its builder is gone.
    pub(super) async fn explained(&self, error: Error) -> Error {
        match (error, self.services.is_ready(&self.pod).await) {
            (Error::Failed { message, .. }, Ok(false)) => Error::Failed {
                message: format!("{message}; the builder's pod {}/{} is gone, or not ready any more", self.services.namespace(), self.pod),
                hint: Some(format!("`kubectl get events -n {}` may say why", self.services.namespace())),
            },
            (Error::Failed { message, hint }, Err(error)) => Error::Failed { message: format!("{message}; {error}"), hint },
            (error, _) => error,
        }
    }
}

/// A Service that leads to builders.
struct Search {
    services: Services,
    name: String,
    port: u16,
}

impl Search {
    fn new(arguments: &Arguments, server: &Server) -> Result<Self, Error> {
        let (name, namespace, port) = options::service(&arguments.builder).map_err(|message| Error::BadInput { message, hint: None })?;
        let services = Services::new(server.clone(), namespace.or_else(|| arguments.namespace.clone()));
        Ok(Search { services, name, port })
    }

    fn title(&self) -> String {
        format!("{}/{}", self.services.namespace(), self.name)
    }

    /// A pod that is ready; none where it can't be told which pods it leads to.
    async fn ready(&self, arguments: &Arguments, server: &Server, progress: &Progress) -> Result<Option<Builder>, Error> {
        let begun = Instant::now();
        let mut has_told = false;
        loop {
            let pods = match self.services.behind(&self.name, self.port).await? {
                Behind::Pod { name, port } => return Ok(Some(Builder { services: self.services.clone(), pod: name, port })),
                Behind::NoPort => return Ok(None),
                Behind::NoService => {
                    return Err(Error::BadInput {
                        message: format!("there is no Service {} of a builder", self.title()),
                        hint: Some("`render builder` prints one; --namespace and --builder say where it is".into()),
                    });
                }
                Behind::NoneReady(pods) => pods,
            };
            if arguments.wait.is_none_or(|most| most.is_some_and(|most| begun.elapsed() >= most)) {
                // Where no node is ready, that is why.
                let (prefix, selector) = (&arguments.prefix.domain, &BTreeMap::new());
                Wanted { profile: arguments.profile, prefix, selector, wait: None }.find(server, progress).await?;
                let pods = if pods.is_empty() { "it has no pods".to_owned() } else { format!("its pods: {}", pods.join(", ")) };
                return Err(Error::NotReady {
                    message: format!("no pod of the Service {} is ready, so nothing was built", self.title()),
                    more: vec![pods],
                    hint: format!("`kubectl describe pods -n {}` shows why; --wait waits for one", self.services.namespace()),
                });
            }
            if !has_told {
                progress.note(&format!("no pod of the Service {} is ready: waiting for one", self.title()));
                has_told = true;
            }
            tokio::time::sleep(PERIOD / 2 + Duration::from_millis(fastrand::u64(..1000))).await;
        }
    }
}
