//! Lists of thousands of objects, each read and made small before the next one is: for `status`.

use super::server::{self, OBJECT};
use super::{Error, Server, of};
use crate::fleet::status::AgentPod;
use crate::node::{COMPONENT, Node};
use k8s_openapi::api::core::v1;
use kube::api::{GetParams, ListParams, LogParams};
use kube::core::request::Error as Unsendable;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// How many objects one request lists. A Node has some 20 kB, most of them names of images.
const PAGE: u32 = 250;
/// How many bytes such a page may have: six times what is usual.
const PAGE_BYTES: usize = 32 * 1024 * 1024;
/// How many pages are asked for: for twenty times the 5,000 nodes that Kubernetes is made for.
const PAGES: usize = 400;
/// How often a list is begun. The API server keeps what a list goes on with for five minutes, longer than [`PATIENCE`].
const BEGINNINGS: usize = 3;
/// How long a list may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// How much of a log is read, in bytes and lines.
const LOG_BYTES: i64 = 64 * 1024;
const LOG_LINES: i64 = 200;
/// How many events of one node, or of all, are read.
const EVENTS: u32 = 500;

/// What an agent's log says where its account is confined by no policy: the beginning of [`Error::Unconfined`].
const UNCONFINED: &str = "no admission policy confines this account";

/// Whether an agent's log says that it writes nothing, since no policy confines its account.
pub fn is_unconfined(log: &str) -> bool {
    log.contains(UNCONFINED)
}

/// What an administrator sees of the agents of a cluster.
#[derive(Clone)]
pub struct Agents {
    server: Server,
}

impl Agents {
    /// With the rights of this client.
    pub fn new(server: Server) -> Self {
        Agents { server }
    }

    /// What the kubeconfig calls the cluster.
    pub fn cluster(&self) -> Option<&str> {
        self.server.cluster()
    }

    /// The API server's version, and what time it has, in the words of its answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn version(&self) -> Result<(String, Option<String>), Error> {
        let asked = http::Request::get("/version").body(Vec::new()).map_err(Unsendable::BuildRequest)?;
        let server::Answer { status, headers, text } = self.server.exchange(asked, Duration::from_secs(10), OBJECT).await?;
        if !status.is_success() {
            return Err(Error::Refused {
                what: "GET /version".into(),
                code: status.as_u16(),
                message: super::error::said(server::reason(text)),
            });
        }
        let version: Value = self.server.parse("GET /version".into(), &text)?;
        let date = headers.get(http::header::DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
        Ok((version["gitVersion"].as_str().unwrap_or_default().to_owned(), date))
    }

    /// All nodes, each as what `read` makes of it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn nodes<R>(&self, read: impl FnMut(Node) -> R) -> Result<Vec<R>, Error> {
        self.all::<v1::Node, Node, R>(None, &ListParams::default(), read).await
    }

    /// One node.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn node(&self, name: &str) -> Result<Value, Error> {
        self.server.request(of::<v1::Node>(None).get(name, &GetParams::default())?).await
    }

    /// The agent's pods of a namespace, on one node or on all; without the canaries'.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn pods(&self, namespace: &str, node: Option<&str>) -> Result<Vec<AgentPod>, Error> {
        let mut these = ListParams::default().labels(&format!("app.kubernetes.io/name={COMPONENT},app.kubernetes.io/component=agent"));
        these.field_selector = node.map(|node| format!("spec.nodeName={node}"));
        self.all::<v1::Pod, AgentPod, AgentPod>(Some(namespace), &these, |pod| pod).await
    }

    /// The pods of agents and canaries of a namespace, as what `read` makes of each.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn all_pods<R>(&self, namespace: &str, read: impl FnMut(Value) -> R) -> Result<Vec<R>, Error> {
        let these = ListParams::default().labels(&format!("app.kubernetes.io/name={COMPONENT}"));
        self.all::<v1::Pod, Value, R>(Some(namespace), &these, read).await
    }

    /// The last lines of a pod's log.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn log(&self, namespace: &str, pod: &str) -> Result<String, Error> {
        let these = LogParams { tail_lines: Some(LOG_LINES), limit_bytes: Some(LOG_BYTES), ..LogParams::default() };
        self.server.text(of::<v1::Pod>(Some(namespace)).logs(pod, &these)?, OBJECT).await
    }

    /// Our events about a node, or about all.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn events(&self, node: Option<&str>) -> Result<Vec<Value>, Error> {
        let name = node.map(|node| format!(",involvedObject.name={node}")).unwrap_or_default();
        let these = ListParams::default().limit(EVENTS).fields(&format!("involvedObject.kind=Node,source={COMPONENT}{name}"));
        let asked = of::<v1::Event>(Some(super::node_writer::EVENTS_NAMESPACE)).list(&these)?;
        #[derive(Deserialize)]
        struct List {
            items: Vec<Value>,
        }
        let list: List = self.server.request(asked).await?;
        Ok(list.items)
    }

    async fn all<K, T, R>(&self, namespace: Option<&str>, these: &ListParams, mut read: impl FnMut(T) -> R) -> Result<Vec<R>, Error>
    where
        K: kube::Resource<DynamicType = ()>,
        T: DeserializeOwned,
    {
        let what = format!("GET {}", of::<K>(namespace).url_path);
        let listed = tokio::time::timeout(PATIENCE, self.pages::<K, T, R>(namespace, these, &what, &mut read)).await;
        listed.unwrap_or_else(|_| Err(Error::Silent { what, server: self.server.name(), seconds: PATIENCE.as_secs() }))
    }

    async fn pages<K, T, R>(
        &self,
        namespace: Option<&str>,
        these: &ListParams,
        what: &str,
        read: &mut impl FnMut(T) -> R,
    ) -> Result<Vec<R>, Error>
    where
        K: kube::Resource<DynamicType = ()>,
        T: DeserializeOwned,
    {
        let (mut rows, mut next, mut begun) = (Vec::new(), String::new(), 1);
        for _ in 0..PAGES {
            let mut these = these.clone().limit(PAGE);
            these.continue_token = Some(next.clone()).filter(|next| !next.is_empty());
            match self.server.text(of::<K>(namespace).list(&these)?, PAGE_BYTES).await {
                Ok(text) => {
                    let mut page = serde_json::Deserializer::from_str(&text);
                    let read = Page { rows: &mut rows, read: &mut *read, of: PhantomData }.deserialize(&mut page);
                    next = read.map_err(|error| Error::Garbled {
                        what: what.to_owned(),
                        server: self.server.name(),
                        why: super::error::said(error.to_string()),
                    })?;
                }
                // The list has become too old to go on with: all anew.
                Err(Error::Refused { code: 410, .. }) if !next.is_empty() && begun < BEGINNINGS => {
                    (rows, next, begun) = (Vec::new(), String::new(), begun + 1);
                    continue;
                }
                Err(error) => return Err(error),
            }
            if next.is_empty() {
                return Ok(rows);
            }
        }
        let bound = format!("it has more than {PAGES} pages of {PAGE} objects");
        Err(Error::Endless { what: what.to_owned(), server: self.server.name(), bound })
    }
}

/// A page of a list: gives the token with which it goes on.
struct Page<'a, T, R, F> {
    rows: &'a mut Vec<R>,
    read: &'a mut F,
    of: PhantomData<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "continue")]
    next: String,
}

impl<'de, T: DeserializeOwned, R, F: FnMut(T) -> R> DeserializeSeed<'de> for Page<'_, T, R, F> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned, R, F: FnMut(T) -> R> Visitor<'de> for Page<'_, T, R, F> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<String, A::Error> {
        let (mut next, mut has_items) = (String::new(), false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => next = map.next_value::<Metadata>()?.next,
                "items" => {
                    map.next_value_seed(Items { rows: &mut *self.rows, read: &mut *self.read, of: PhantomData })?;
                    has_items = true;
                }
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        if has_items { Ok(next) } else { Err(serde::de::Error::missing_field("items")) }
    }
}

struct Items<'a, T, R, F> {
    rows: &'a mut Vec<R>,
    read: &'a mut F,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, R, F: FnMut(T) -> R> DeserializeSeed<'de> for Items<'_, T, R, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned, R, F: FnMut(T) -> R> Visitor<'de> for Items<'_, T, R, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<T>()? {
            self.rows.push((self.read)(item));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_item_by_item() {
        let read = |text: &str| {
            let (mut rows, mut sum) = (Vec::new(), |number: u32| number * 2);
            let page = Page { rows: &mut rows, read: &mut sum, of: PhantomData };
            let next = page.deserialize(&mut serde_json::Deserializer::from_str(text));
            next.map(|next| (next, rows)).map_err(|error| error.to_string())
        };
        let page = r#"{"kind": "List", "items": [1, 2], "metadata": {"continue": "x", "resourceVersion": "1"}}"#;
        assert_eq!(read(page), Ok(("x".to_owned(), vec![2, 4])));
        assert_eq!(read(r#"{"items": []}"#), Ok((String::new(), vec![])));
        for wrong in ["{}", "[]", r#"{"items": ["a"]}"#, r#"{"items": [1"#, "<html>"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_agent_that_nothing_confines_is_known_by_its_log() {
        let error = Error::Unconfined { what: "a patch of another node", policy: "p" };
        assert!(is_unconfined(&format!("{{\"level\":\"WARN\",\"error\":\"{error}\"}}")) && !is_unconfined("published"));
    }
}
