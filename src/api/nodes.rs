use super::{Error, Ours, of, request};
use crate::node::{Node, View};
use k8s_openapi::api::core::v1;
use kube::Client;
use kube::api::{GetParams, ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How many nodes one request lists.
const PAGE: u32 = 500;

/// All nodes, with an administrator's rights.
pub struct Nodes {
    client: Client,
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
    pub fn new(client: Client, prefix: String) -> Self {
        Nodes { client, prefix }
    }

    /// Lists them, page by page.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list(&self) -> Result<Vec<View>, Error> {
        let mut nodes = Vec::new();
        let mut next = String::new();
        loop {
            let mut these = ListParams::default().limit(PAGE);
            these.continue_token = Some(next.clone()).filter(|next| !next.is_empty());
            match request::<Page>(&self.client, of::<v1::Node>(None).list(&these)?).await {
                Ok(page) => {
                    nodes.extend(page.items.into_iter().map(|node| View::new(node, &self.prefix)));
                    next = page.metadata.next;
                }
                // The list has become too old to go on with: all anew.
                Err(Error::Refused { code: 410, .. }) if !next.is_empty() => {
                    nodes.clear();
                    next.clear();
                    continue;
                }
                Err(error) => return Err(error),
            }
            if next.is_empty() {
                return Ok(nodes);
            }
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get(&self, name: &str) -> Result<View, Error> {
        let node: Node = request(&self.client, of::<v1::Node>(None).get(name, &GetParams::default())?).await?;
        Ok(View::new(node, &self.prefix))
    }

    /// Takes ours off a Node, all in one request.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn remove(&self, name: &str, ours: &Ours) -> Result<(), Error> {
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(ours.removal()));
        let _: IgnoredAny = request(&self.client, of::<v1::Node>(None).patch_subresource("status", name, &parameters, &patch)?).await?;
        Ok(())
    }
}
