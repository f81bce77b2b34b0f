//! A real run: the pod is made, and builds.

use super::{around, manifest};
use crate::cluster::Cluster;
use crate::processes::{poll, wait};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Marks that the buildctl of the images prints (image/buildctl).
const ANSWERS: &str = "@daemon answers";
const BUILT: &str = "@built";

/// For a pod to start, to end, and for a build.
const SECONDS: u64 = 240;

/// What became of a builder.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// `works`, `fails`, or `refused` by the API server.
    pub(super) outcome: &'static str,
    /// `admission` (API server, scheduler or kubelet let no container start), `daemon` or `build`.
    pub(super) stage: &'static str,
    /// The words of whoever stopped it.
    pub(super) message: String,
    pub(super) seconds: f64,
}

/// Where it runs.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) node: &'a str,
    /// The namespace's level of Pod Security.
    pub(super) level: &'a str,
}

type Ended = (&'static str, &'static str, String);

fn failed(stage: &'static str, message: impl Into<String>) -> Ended {
    ("fails", stage, message.into())
}

/// Runs the pod of the one object that has one, with these others beside it. The namespace is asked before the pod is made.
pub(super) fn run(cluster: &Cluster, place: Place, objects: &[Value], builder: &str, ask: impl FnOnce(&str)) -> Run {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let namespace = format!("pods-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let start = Instant::now();
    make_namespace(cluster, &namespace, place.level);
    let object = objects.iter().find(|object| manifest::has_pod(object)).unwrap_or_else(|| panic!("no pod in {objects:?}"));
    let mut pod = manifest::pod(object, builder, &namespace, place.node);
    around::make(cluster, objects, &mut pod);
    ask(&namespace);
    let (outcome, stage, message) = Attempt { cluster, namespace: &namespace, builder, pod: &pod }.result();
    let ways = [format!("/api/v1/namespaces/{namespace}/pods/builder"), format!("/api/v1/namespaces/{namespace}")];
    for path in ways {
        cluster.request("DELETE", &path, None, "application/json", r#"{"gracePeriodSeconds": 0}"#);
    }
    Run { outcome, stage, message, seconds: start.elapsed().as_secs_f64() }
}

pub(super) fn make_namespace(cluster: &Cluster, name: &str, level: &str) {
    let labels = json!({"pod-security.kubernetes.io/enforce": level});
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    around::made(cluster, "/api/v1/namespaces", &object);
    wait("its service account", 60, || {
        match cluster.request("GET", &format!("/api/v1/namespaces/{name}/serviceaccounts/default"), None, "", "") {
            (200, _) => Ok(()),
            (status, answer) => Err(format!("{status} {answer}")),
        }
    });
}

struct Attempt<'a> {
    cluster: &'a Cluster,
    namespace: &'a str,
    builder: &'a str,
    pod: &'a Value,
}

impl Attempt<'_> {
    fn result(&self) -> Ended {
        let pods = format!("/api/v1/namespaces/{}/pods", self.namespace);
        let (status, answer) = around::post(self.cluster, &pods, self.pod);
        if status != 201 {
            return ("refused", "admission", answer["message"].as_str().unwrap_or_default().to_owned());
        }
        let container = self.container();
        let words = ["command", "args"].iter().flat_map(|field| container[*field].as_array().into_iter().flatten());
        let words: Vec<_> = words.filter_map(Value::as_str).collect();
        // Those that build by themselves are waited for, and a client comes to the others.
        if words.iter().any(|word| word.contains("buildctl")) {
            return self.ends();
        }
        let is_daemon = container["command"].is_null() || words.iter().any(|word| word.contains("buildkitd"));
        let client = if is_daemon { client(&words) } else { ["buildctl-daemonless.sh", "build"].map(str::to_owned).to_vec() };
        match self.starts() {
            Some(ended) => ended,
            None => self.builds(&client, is_daemon),
        }
    }

    fn container(&self) -> &Value {
        let all = self.pod["spec"]["containers"].as_array();
        all.into_iter().flatten().find(|container| container["name"] == self.builder).expect("the builder's container")
    }

    fn get(&self) -> Value {
        self.cluster.request("GET", &format!("/api/v1/namespaces/{}/pods/builder", self.namespace), None, "", "").1
    }

    /// Waits until the builder's container runs; else what became of it.
    fn starts(&self) -> Option<Ended> {
        poll(SECONDS, || {
            let pod = self.get();
            if let Some(ended) = self.not_started(&pod) {
                return Ok(Some(ended));
            }
            let state = self.state(&pod);
            if !state["state"]["running"].is_null() && state["restartCount"] == 0 {
                return Ok(None);
            }
            if is_over(&state) { Ok(Some(self.died(&state))) } else { Err(state.to_string()) }
        })
        .unwrap_or_else(|last| Some(failed("admission", format!("it never started: {}", self.events(&last)))))
    }

    /// Waits until the builder's container has ended, and reads what it printed.
    fn ends(&self) -> Ended {
        let ended = poll(SECONDS, || {
            let pod = self.get();
            if let Some(ended) = self.not_started(&pod) {
                return Ok(ended);
            }
            let state = self.state(&pod);
            if is_over(&state) { Ok(self.died(&state)) } else { Err(state.to_string()) }
        });
        ended.unwrap_or_else(|last| failed("admission", format!("it never ended: {}", self.events(&last))))
    }

    /// A client builds in the container: of the daemon there, or with a daemon of its own.
    fn builds(&self, client: &[String], of_daemon: bool) -> Ended {
        let words: Vec<_> = client.iter().map(String::as_str).collect();
        let arguments = [&["exec", "-n", self.namespace, "builder", "-c", self.builder, "--"], &words[..]].concat();
        let (Ok(said) | Err(said)) = self.cluster.kubectl(&arguments);
        if said.contains(ANSWERS) {
            return of_build(&said);
        }
        if !of_daemon || said.contains("no daemon answers") {
            return failed("daemon", telling(&said).unwrap_or_default());
        }
        // The container died under it, which the kubelet tells a moment later.
        let died = poll(SECONDS, || {
            let state = self.state(&self.get());
            if is_over(&state) { Ok(self.died(&state)) } else { Err(()) }
        });
        died.unwrap_or_else(|()| failed("daemon", said))
    }

    fn state(&self, pod: &Value) -> Value {
        let all = pod["status"]["containerStatuses"].as_array();
        all.into_iter().flatten().find(|container| container["name"] == self.builder).cloned().unwrap_or_default()
    }

    /// Why no container of the pod, or not the builder's, can start.
    fn not_started(&self, pod: &Value) -> Option<Ended> {
        let status = &pod["status"];
        let conditions = || status["conditions"].as_array().into_iter().flatten();
        let message = |of: &Value| of["message"].as_str().unwrap_or_default().to_owned();
        if status["phase"] == "Failed" && status["containerStatuses"].is_null() {
            return Some(failed("admission", message(status)));
        }
        // Other reasons pass: a claim is bound, a node is ready again.
        let no_node = format!("{} node(s) didn't match Pod's node affinity/selector", self.cluster.nodes.len());
        let unschedulable = conditions().find(|condition| condition["reason"] == "Unschedulable");
        if let Some(condition) = unschedulable.filter(|condition| message(condition).contains(&no_node)) {
            return Some(failed("admission", message(condition)));
        }
        let inits = || status["initContainerStatuses"].as_array().into_iter().flatten();
        if let Some(init) = inits().find(|init| is_over(init) && init["state"]["terminated"]["exitCode"] != 0) {
            return Some(failed("admission", format!("init container {}: {}", init["name"], init["state"])));
        }
        let waiting = &self.state(pod)["state"]["waiting"];
        let reason = waiting["reason"].as_str().unwrap_or_default();
        ["CreateContainerConfigError", "CreateContainerError", "ErrImageNeverPull", "InvalidImageName"]
            .contains(&reason)
            .then(|| failed("admission", message(waiting)))
    }

    /// What a container that ended has printed, and how far it had come.
    fn died(&self, state: &Value) -> Ended {
        let was = if state["state"]["terminated"].is_null() { "previous=true&" } else { "" };
        let log = format!("/api/v1/namespaces/{}/pods/builder/log?{was}container={}", self.namespace, self.builder);
        let log = self.cluster.api.request("GET", &log, None, "", "").map(|(_, log)| log).unwrap_or_default();
        if log.contains(ANSWERS) {
            return of_build(&log);
        }
        let terminated = if was.is_empty() { &state["state"]["terminated"] } else { &state["lastState"]["terminated"] };
        let message = terminated["message"].as_str().filter(|message| !message.is_empty());
        failed("daemon", telling(&log).or(message).map_or_else(|| terminated.to_string(), str::to_owned))
    }

    fn events(&self, last: &str) -> String {
        self.cluster.kubectl(&["get", "events", "-n", self.namespace, "-o", "custom-columns=M:.message"]).unwrap_or_default() + last
    }
}

/// Whether a container has ended at least once.
fn is_over(state: &Value) -> bool {
    !state["state"]["terminated"].is_null() || !state["lastState"]["terminated"].is_null()
}

/// The line that tells why a daemon ended: buildkitd prints where it was behind its error, and rootlesskit that it ended.
fn telling(log: &str) -> Option<&str> {
    let lines = || log.lines().filter(|line| !line.trim().is_empty());
    let of_daemon = lines().find(|line| line.starts_with("buildkitd: "));
    of_daemon.or_else(|| lines().find(|line| line.contains("error:"))).or_else(|| lines().next_back())
}

/// The first words that tell why a build failed: those of the step, else of buildctl.
fn of_build(said: &str) -> Ended {
    if said.lines().any(|line| line == BUILT) {
        return ("works", "", String::new());
    }
    let error = said.lines().rfind(|line| line.starts_with("error:")).unwrap_or_default();
    let of_step = said.lines().filter(|line| line.starts_with('#') && !line.contains("DONE") && !line.contains("CACHED"));
    let words = of_step.filter_map(|line| line.split_once(' ')?.1.split_once(' ')).filter(|(time, _)| time.parse::<f64>().is_ok());
    let last = words.map(|(_, words)| words).next_back().unwrap_or_default();
    failed("build", [last, error].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join("; "))
}

/// The command of a client of a daemon with these words: its addresses, and the usual ones; its certificates for itself.
fn client(words: &[&str]) -> Vec<String> {
    let text = words.join(" ");
    let text: Vec<_> = text.split([' ', '=', '"', '\'', '\n', ';']).collect();
    let given = text.iter().filter(|word| word.starts_with("unix://") || word.starts_with("tcp://")).copied();
    let usual = ["unix:///run/user/1000/buildkit/buildkitd.sock", "unix:///run/buildkit/buildkitd.sock"];
    let option = |name: &str| text.windows(2).find(|pair| pair[0] == name).map(|pair| format!("{name} {}", pair[1]));
    let options: Vec<_> = ["--tlscacert", "--tlscert", "--tlskey"].iter().filter_map(|name| option(name)).collect();
    let addresses = given.map(|address| address.replace("0.0.0.0", "127.0.0.1")).chain(usual.map(str::to_owned));
    ["sh".to_owned(), "/test/client.sh".to_owned(), options.join(" ")].into_iter().chain(addresses).collect()
}
