//! A few shapes, on each kind of node, in namespaces of each level of Pod Security.

use super::attempt::{self, Place};
use super::{at_once, check, images_are_loaded, manifest};
use crate::case::{Case, Judgement, Tally, own};
use crate::cluster::Cluster;
use std::fs;

/// What differs between nodes and levels: all fields Unconfined, none, root, root in a user namespace, a user there, all that
/// *restricted* asks for.
const SHAPES: [&str; 6] =
    ["agent-strict", "gitlab-job", "statefulset-privileged", "userns-rootful", "baseline-user-namespace", "restricted"];
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];

pub(super) fn each_level_on_each_kind_of_node(cluster: &Cluster) {
    images_are_loaded(cluster);
    let all = own();
    let shape = |name: &str| all.iter().find(|case| case.name() == name);
    let chosen: Vec<&Case> = SHAPES.iter().map(|name| shape(name).unwrap_or_else(|| panic!("no case {name}"))).collect();
    let places = ["node1", "node2"].into_iter().flat_map(|node| LEVELS.map(|level| Place { node, level }));
    let runs: Vec<_> = places.flat_map(|place| chosen.iter().map(move |case| (*case, place))).collect();
    let done = at_once(&runs, |(case, place)| {
        let answer = check(case);
        let builder = answer.report["builders"][0]["container"].as_str().unwrap_or_default().to_owned();
        let objects = manifest::objects(&fs::read_to_string(case.manifest()).expect("a manifest"));
        let run = attempt::run(cluster, *place, &objects, &builder);
        println!("{:66}  {} ({}) {}", title(case, *place), run.outcome, run.stage, run.message);
        (answer, run)
    });
    let mut tally = Tally::default();
    for ((case, place), (answer, run)) in runs.iter().zip(&done) {
        let verdict = answer.verdict().map(|(verdict, _)| verdict);
        let judgement = match (verdict, run.outcome) {
            // No object knows its namespace: that a level refuses it, the cluster alone can tell.
            (Some(_), "refused") if run.message.contains("PodSecurity") => Judgement::Right,
            (Some("works"), "works") | (Some("fails"), "fails" | "refused") => Judgement::Right,
            // What a node must be like is said.
            (Some("works"), "fails") if place.node == "node2" && answer.findings("needs").any(|(cause, _)| cause == "seccomp") => {
                Judgement::Right
            }
            (Some("unknown"), _) => Judgement::Unknown,
            (verdict, outcome) => Judgement::Wrong(format!("{verdict:?}, and a real one {outcome}: {}", run.message)),
        };
        tally.count(&title(case, *place), run.outcome, &judgement);
    }
    assert!(tally.close("levels"), "a builder did not do what is said of it");
}

fn title(case: &Case, place: Place) -> String {
    format!("{} on {} in a {} namespace", case.name(), place.node, place.level)
}
