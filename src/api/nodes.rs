use super::{Error, Ours, Server, of};
use crate::node::{Node, View};
use k8s_openapi::api::core::v1;
use kube::api::{GetParams, ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many nodes one request lists.
const PAGE: u32 = 500;
/// How many bytes such a page may have. A Node has some 20 kB, most of them names of images: six times what is usual.
const PAGE_BYTES: usize = 64 * 1024 * 1024;
/// How many pages are asked for: for twenty times the 5,000 nodes that Kubernetes is made for.
const PAGES: usize = 200;
/// How many bytes all pages may have: 100 kB for each of 5,000 nodes.
const LIST_BYTES: usize = 512 * 1024 * 1024;
/// How often a list is begun. The API server keeps what a list goes on with for five minutes, longer than [`PATIENCE`].
const BEGINNINGS: usize = 3;
/// How long a list may take: the pages of 5,000 nodes take seconds.
const PATIENCE: Duration = Duration::from_secs(120);
const WHAT: &str = "GET /api/v1/nodes";

/// All nodes, with an administrator's rights.
pub struct Nodes {
    server: Server,
    prefix: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMetadata,
    items: Vec<Node>,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default, rename = "continue")]
    next: String,
}

impl Nodes {
    /// All nodes that this client can see; our labels there have the prefix.
    pub fn new(server: Server, prefix: String) -> Self {
        Nodes { server, prefix }
    }

    /// Lists them, page by page.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Endless`] where pages follow each other beyond all bounds.
    pub async fn list(&self) -> Result<Vec<View>, Error> {
        self.list_where(&BTreeMap::new()).await
    }

    /// Lists those that have all these labels.
    ///
    /// # Errors
    /// See [`Nodes::list`].
    pub async fn list_where(&self, labels: &BTreeMap<String, String>) -> Result<Vec<View>, Error> {
        let selector = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
        let listed = tokio::time::timeout(PATIENCE, self.pages(&selector)).await;
        let silent = || Error::Silent { what: WHAT.into(), server: self.server.name(), seconds: PATIENCE.as_secs() };
        listed.unwrap_or_else(|_| Err(silent()))
    }

    async fn pages(&self, selector: &str) -> Result<Vec<View>, Error> {
        let endless = |bound: String| Error::Endless { what: WHAT.into(), server: self.server.name(), bound };
        let (mut nodes, mut next, mut bytes, mut begun) = (Vec::new(), String::new(), 0, 1);
        for _ in 0..PAGES {
            let mut these = ListParams::default().limit(PAGE);
            these.label_selector = Some(selector.to_owned()).filter(|selector| !selector.is_empty());
            these.continue_token = Some(next.clone()).filter(|next| !next.is_empty());
            match self.server.text(of::<v1::Node>(None).list(&these)?, PAGE_BYTES).await {
                Ok(text) => {
                    bytes += text.len();
                    let page: Page = self.server.parse(WHAT.into(), &text)?;
                    nodes.extend(page.items.into_iter().map(|node| View::new(node, &self.prefix)));
                    next = page.metadata.next;
                }
                // The list has become too old to go on with: all anew.
                Err(Error::Refused { code: 410, .. }) if !next.is_empty() && begun < BEGINNINGS => {
                    (nodes, next, begun) = (Vec::new(), String::new(), begun + 1);
                    continue;
                }
                Err(error) => return Err(error),
            }
            if next.is_empty() {
                return Ok(nodes);
            }
            if bytes > LIST_BYTES {
                return Err(endless(format!("its pages have more than {} MiB", LIST_BYTES / (1024 * 1024))));
            }
        }
        Err(endless(format!("it has more than {PAGES} pages of {PAGE} nodes")))
    }

    /// Reads one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get(&self, name: &str) -> Result<View, Error> {
        let node: Node = self.server.request(of::<v1::Node>(None).get(name, &GetParams::default())?).await?;
        Ok(View::new(node, &self.prefix))
    }

    /// Takes ours off a Node, all in one request.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove(&self, name: &str, ours: &Ours) -> Result<(), Error> {
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(ours.removal()));
        let _: IgnoredAny = self.server.request(of::<v1::Node>(None).patch_subresource("status", name, &parameters, &patch)?).await?;
        Ok(())
    }
}
