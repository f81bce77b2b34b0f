//! Builders that people have (tests/pods): a real run of each beside what `check -f` says of it.
//!
//! [`manifest`] makes a pod of any object, [`around`] what it refers to, [`attempt`] runs it. Several run at the same time.

mod around;
mod attempt;
mod buildx;
mod images;
mod levels;
mod manifest;

use crate::agent::{self, program};
use crate::canary::says;
use crate::case::{Answer, Case, Judgement, Tally, cases, judged};
use crate::cluster::Cluster;
use crate::fleet::is_ci;
use crate::image::tool;
use crate::run::{AGENT, Step};
use attempt::{Place, Run};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is done, in this order.
pub(crate) const STEPS: &[Step] = &[("each builder does what is said of it, and its patch mends it", each_does_what_is_said)];

/// What CI leaves out.
pub(crate) const MORE_STEPS: &[Step] = &[
    ("builders on ordinary and hardened nodes, at each level of Pod Security", levels::each_level_on_each_kind_of_node),
    ("buildx makes the builder of the command that is printed, and it is judged right", buildx::makes_the_builder_of_its_command),
];

/// How many run at the same time.
const AT_ONCE: usize = 3;
/// All profiles that canaries prove.
const CANARIES: [&str; 5] = ["procmount", "userns", "baseline", "privileged", "rootful"];
/// What CI runs: each stage and each way to start a daemon once.
const OF_CI: &str = include_str!("../../pods/ci.json");

/// What came of a case.
struct Row {
    case: Case,
    /// None where it can't be run here.
    run: Option<Run>,
    /// What is said without a cluster.
    offline: Judgement,
    /// What is said with one; agents prove its nodes.
    on_cluster: Option<Judgement>,
    /// The run of the patched object, where there is a patch that mends it.
    patched: Option<Result<Run, String>>,
}

fn each_does_what_is_said(cluster: &Cluster) {
    images_are_loaded(cluster);
    all_canaries_have_spoken(cluster);
    let chosen: Vec<String> = serde_json::from_str(OF_CI).expect("ci.json");
    let mut all = cases();
    all.retain(|case| !is_ci() || chosen.contains(&case.name()));
    assert!(!is_ci() || all.len() == chosen.len() || std::env::var_os("CASE").is_some(), "ci.json names a case that is not there");
    let rows = at_once(&all, |case| {
        let row = row(cluster, case);
        println!("{}", row.line());
        row
    });
    let (mut tally, mut on_cluster) = (Tally::default(), Tally::default());
    for row in &rows {
        let outcome = row.run.as_ref().map_or(row.case.outcome.as_str(), |run| run.outcome);
        if let Some(judgement) = &row.on_cluster {
            on_cluster.count(&format!("{} with --cluster", row.case.name()), outcome, judgement);
        }
        tally.count(&row.case.name(), outcome, &row.judgement());
    }
    let is_right = on_cluster.close("pods with --cluster");
    assert!(tally.close("pods") && is_right, "a builder did not do what is said of it");
}

/// The agent, and a canary of each profile that has one.
fn all_canaries_have_spoken(cluster: &Cluster) {
    let mut render = Command::new(program());
    render.args(["render", "agent", "--image", AGENT]);
    CANARIES.iter().for_each(|profile| _ = render.args(["--canary", profile]));
    let rendered = render.output().expect("the program starts");
    assert!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    cluster.apply(&String::from_utf8_lossy(&rendered.stdout));
    agent::deployed(cluster);
    CANARIES.iter().for_each(|profile| _ = says(cluster, "node1", profile, "ready", "Proven"));
    says(cluster, "node2", "baseline", "not-ready", "Seccomp");
}

/// Once, whichever step comes first.
fn images_are_loaded(cluster: &Cluster) {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| images::load(cluster));
}

/// Does something with each; results are in the order of the things.
fn at_once<T: Sync, R: Send>(things: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < things.len()));
        taken.map(|number| (number, act(&things[number]))).collect::<Vec<_>>()
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The node of a kind: the kubelet of a hardened one has `seccompDefault`.
fn node(case: &Case) -> &'static str {
    if case.node.starts_with("hardened") { "node2" } else { "node1" }
}

fn check(case: &Case) -> Answer {
    Answer::of(Command::new(program()), &[], &case.manifest())
}

fn check_in_cluster(cluster: &Cluster, case: &Case, namespace: &str) -> Answer {
    let mut command = Command::new(program());
    command.env("KUBECONFIG", cluster.kubeconfig());
    Answer::of(command, &["--cluster", "--namespace", namespace], &case.manifest())
}

/// A cluster's answer has more causes than an object's, so its verdict counts.
fn judged_in_cluster(outcome: &str, answer: &Answer) -> Judgement {
    match (answer.verdict().map(|(verdict, _)| verdict), outcome) {
        (Some("unknown"), _) => Judgement::Unknown,
        (Some("works"), "works") | (Some("fails"), "fails" | "refused") => Judgement::Right,
        (verdict, outcome) => Judgement::Wrong(format!("{}, and a real one {outcome}", verdict.unwrap_or("an error"))),
    }
}

fn row(cluster: &Cluster, case: &Case) -> Row {
    let answer = check(case);
    let builder = answer.report["builders"][0]["container"].as_str().unwrap_or_default().to_owned();
    if !case.measured || builder.is_empty() {
        return Row { case: case.clone(), run: None, offline: judged(case, &case.outcome, &answer), on_cluster: None, patched: None };
    }
    let place = Place { node: node(case), level: &case.namespace_level };
    let objects = manifest::objects(&fs::read_to_string(case.manifest()).expect("a manifest"));
    let mut on_cluster = None;
    let run = attempt::run(cluster, place, &objects, &builder, |namespace| on_cluster = Some(check_in_cluster(cluster, case, namespace)));
    let on_cluster = on_cluster.map(|answer| judged_in_cluster(run.outcome, &answer));
    let offline = judged(case, run.outcome, &answer);
    let is_mended = run.outcome != "works" && answer.report["builders"][0]["patch"].is_object() && answer.is_mended();
    // What a level of Pod Security refuses of it, only the cluster can tell.
    let place = Place { level: "privileged", ..place };
    let patched =
        is_mended.then(|| patched(cluster, case, &objects).map(|objects| attempt::run(cluster, place, &objects, &builder, |_| ())));
    Row { case: case.clone(), run: Some(run), offline, on_cluster, patched }
}

/// The objects after `kubectl patch --local` with what `check -f --format patch` prints, as docs/pod-check.md says.
fn patched(cluster: &Cluster, case: &Case, objects: &[Value]) -> Result<Vec<Value>, String> {
    let printed = Command::new(program()).args(["check", "--format", "patch", "-f"]).arg(case.manifest()).output().expect("the program");
    let place = cluster.dir.join("patches").join(case.name());
    fs::create_dir_all(&place).expect("mkdir");
    let [patch, file] = ["patch.yaml", "object.json"].map(|name| place.join(name));
    fs::write(&patch, printed.stdout).expect("write");
    let mut after = Vec::new();
    for object in objects {
        if !manifest::has_pod(object) {
            after.push(object.clone());
            continue;
        }
        fs::write(&file, object.to_string()).expect("write");
        let is_known = object["apiVersion"].as_str().is_some_and(|version| ["v1", "apps/v1", "batch/v1"].contains(&version));
        let kind = if is_known { "strategic" } else { "merge" };
        let mut kubectl = Command::new(tool("kubectl"));
        kubectl.args(["patch", "--local", "--type", kind, "-o", "json", "-f"]).arg(&file).arg("--patch-file").arg(&patch);
        let output = kubectl.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &cluster.dir).output().expect("kubectl");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        after.push(serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?);
    }
    Ok(after)
}

impl Row {
    /// The worst of: the run is what was said, the program says the same, its patch mends.
    fn judgement(&self) -> Judgement {
        if let Some(run) = self.run.as_ref().filter(|run| run.outcome != self.case.outcome) {
            return Judgement::Wrong(format!(
                "a real one {} ({}): {}; case.json: {}",
                run.outcome, run.stage, run.message, self.case.outcome
            ));
        }
        match &self.patched {
            Some(Err(error)) => Judgement::Wrong(format!("its patch can't be applied: {error}")),
            Some(Ok(run)) if run.outcome != "works" => {
                Judgement::Wrong(format!("with its patch a real one {} ({}): {}", run.outcome, run.stage, run.message))
            }
            _ => self.offline.clone(),
        }
    }

    /// For people: what was said, what came of it, and whether the patch helped.
    fn line(&self) -> String {
        let shown = |run: &Run| {
            let stage = if run.stage.is_empty() { String::new() } else { format!(" ({})", run.stage) };
            format!("{}{stage}, {:.0} s", run.outcome, run.seconds)
        };
        let mut run = self.run.as_ref().map_or_else(|| "not run here".into(), shown);
        if self.run.as_ref().is_some_and(|run| !self.case.stage.is_empty() && run.stage != self.case.stage) {
            run += &format!(", not ({})", self.case.stage);
        }
        let word = |judgement: &Judgement| match judgement {
            Judgement::Right => "right",
            Judgement::Unknown => "unknown",
            Judgement::Wrong(_) => "wrong",
        };
        let (offline, on_cluster) = (word(&self.offline), self.on_cluster.as_ref().map_or("-", word));
        let patched = match &self.patched {
            None => String::new(),
            Some(Ok(run)) => format!("; patched: {}", shown(run)),
            Some(Err(_)) => "; patched: no".into(),
        };
        let message = self.run.as_ref().map(|run| run.message.as_str()).filter(|message| !message.is_empty());
        let message = message.map_or_else(String::new, |message| format!("\n            {message}"));
        format!("{:32}  {:24}  offline {offline}, with --cluster {on_cluster}{patched}{message}", self.case.name(), run)
    }
}
