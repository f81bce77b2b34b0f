//! Each builder on each kind of node, in namespaces of each level of Pod Security.

use super::attempt::{self, Place, Run};
use super::{all_canaries_have_spoken, at_once, check, check_in_cluster, images_are_loaded, manifest};
use crate::case::{Answer, Case, Judgement, Tally, cases};
use crate::cluster::Cluster;
use std::fs;

const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];

pub(super) fn each_level_on_each_kind_of_node(cluster: &Cluster) {
    images_are_loaded(cluster);
    all_canaries_have_spoken(cluster);
    let asked = cases().into_iter().filter(|case| case.measured).map(|case| (check(&case), case));
    let all: Vec<(Answer, Case)> = asked.filter(|(answer, _)| answer.report["builders"][0].is_object()).collect();
    let places = ["node1", "node2"].into_iter().flat_map(|node| LEVELS.map(|level| Place { node, level }));
    let runs: Vec<_> = places.flat_map(|place| all.iter().map(move |(answer, case)| (answer, case, place))).collect();
    let done = at_once(&runs, |(answer, case, place)| {
        let builder = answer.report["builders"][0]["container"].as_str().unwrap_or_default();
        let objects = manifest::objects(&fs::read_to_string(case.manifest()).expect("a manifest"));
        let mut on_cluster = None;
        let run =
            attempt::run(cluster, *place, &objects, builder, |namespace| on_cluster = Some(check_in_cluster(cluster, case, namespace)));
        println!("{:66}  {} ({}) {}", title(case, *place), run.outcome, run.stage, run.message);
        (run, on_cluster.expect("the namespace was asked"))
    });
    let (mut offline, mut on_cluster) = (Tally::default(), Tally::default());
    for ((answer, case, place), (run, in_cluster)) in runs.iter().zip(&done) {
        let title = title(case, *place);
        offline.count(&title, run.outcome, &of_object(answer, *place, run));
        on_cluster.count(&format!("{title} with --cluster"), run.outcome, &of_node(in_cluster, *place, run));
    }
    let is_right = on_cluster.close("levels with --cluster");
    assert!(offline.close("levels") && is_right, "a builder did not do what is said of it");
}

/// What is to be thought of what is said of an object, which knows neither its node nor its namespace.
fn of_object(answer: &Answer, place: Place, run: &Run) -> Judgement {
    let verdict = answer.verdict().map(|(verdict, _)| verdict);
    match (verdict, run.outcome) {
        // That a level refuses it, the cluster alone can tell.
        (Some(_), "refused") if run.message.contains("PodSecurity") => Judgement::Right,
        (Some("works"), "works") | (Some("fails"), "fails" | "refused") => Judgement::Right,
        // What a node must be like is said.
        (Some("works"), "fails") if place.node == "node2" && answer.findings("needs").any(|(cause, _)| cause == "seccomp") => {
            Judgement::Right
        }
        (Some("unknown"), _) => Judgement::Unknown,
        (verdict, outcome) => Judgement::Wrong(format!("{verdict:?}, and a real one {outcome}: {}", run.message)),
    }
}

/// What is to be thought of what the cluster says of the node on which it was run.
fn of_node(answer: &Answer, place: Place, run: &Run) -> Judgement {
    let cluster = &answer.report["builders"][0]["cluster"];
    let mut nodes = cluster["nodes"].as_array().into_iter().flatten();
    let node = nodes.find(|node| node["node"] == place.node).cloned().unwrap_or_default();
    let stops = answer.findings("stops").next().is_some() || cluster["pod"] == "refused";
    let is_open = answer.findings("unknown").next().is_some() || cluster["pod"] == "unknown";
    let says = match node["fit"].as_str() {
        _ if stops => "fails",
        _ if is_open => "unknown",
        Some("fits") => "works",
        Some("does-not-fit") => "fails",
        _ => "unknown",
    };
    match (says, run.outcome) {
        ("unknown", _) => Judgement::Unknown,
        ("works", "works") | ("fails", "fails" | "refused") => Judgement::Right,
        (says, outcome) => Judgement::Wrong(format!("it {says} ({node}), and a real one {outcome}: {}", run.message)),
    }
}

fn title(case: &Case, place: Place) -> String {
    format!("{} on {} in a {} namespace", case.name(), place.node, place.level)
}
