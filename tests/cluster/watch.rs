//! What changes on a node, from one moment on.

use crate::api::Api;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Between two attempts to reach the API server.
const PAUSE: Duration = Duration::from_millis(200);

/// The events of one node since the watch was made. It goes on by itself after the API server was away: each request names the
/// last version that was seen, and if the server knows that no more, an event of type LOOKED_UP has the node as it is then.
/// Ends when dropped.
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    events: Mutex<Vec<Value>>,
    stopped: AtomicBool,
}

impl Shared {
    fn add(&self, event: Value) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl Watch {
    pub(crate) fn new(api: Arc<Api>, node: &str) -> Self {
        let query = format!("/api/v1/nodes?fieldSelector=metadata.name={node}");
        let (mut version, _) = look_up(&api, &query).expect("the API server");
        let shared = Arc::new(Shared::default());
        let watch = Watch { shared: Arc::clone(&shared) };
        spawn(move || {
            while !shared.stopped.load(Ordering::Relaxed) {
                // The API server ends it after some seconds, so that a watch that nobody wants any more ends as well.
                let watch = format!("{query}&watch=1&allowWatchBookmarks=true&timeoutSeconds=10&resourceVersion={version}");
                let Ok(stream) = api.stream(&watch) else {
                    sleep(PAUSE);
                    continue;
                };
                for line in BufReader::new(stream).lines() {
                    // A line that was cut short comes again.
                    let Some(event) = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok()) else { break };
                    if event["type"] == "ERROR" {
                        // A new API server remembers nothing from before its start: what is there now is looked up.
                        if let Some((now, node)) = look_up(&api, &query) {
                            version = now;
                            shared.add(json!({"type": "LOOKED_UP", "object": node}));
                        }
                        break;
                    }
                    if let Some(seen) = event["object"]["metadata"]["resourceVersion"].as_str() {
                        version = seen.to_owned();
                    }
                    if event["type"] != "BOOKMARK" {
                        shared.add(event);
                    }
                }
            }
        });
        watch
    }

    /// What has been seen so far: each with `type` and `object`.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.shared.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The version of now, and the node.
fn look_up(api: &Api, path: &str) -> Option<(String, Value)> {
    let (_, now) = api.request("GET", path, None, "", "").ok()?;
    let mut now: Value = serde_json::from_str(&now).ok()?;
    let version = now["metadata"]["resourceVersion"].as_str()?.to_owned();
    Some((version, now["items"][0].take()))
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}
