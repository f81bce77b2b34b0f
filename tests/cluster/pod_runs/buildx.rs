//! buildx itself makes the builders of the commands that `render values --for buildx` prints.

use super::attempt::make_namespace;
use super::images::stands_for;
use super::{all_canaries_have_spoken, images_are_loaded};
use crate::agent::program;
use crate::case::Answer;
use crate::cluster::Cluster;
use crate::image::tool;
use buildkit_preflight::node::{DEFAULT_PREFIX, Key};
use buildkit_preflight::profile::Profile;
use buildkit_preflight::render::Tool;
use serde_json::Value;
use std::fs;
use std::process::Command;

pub(super) fn makes_the_builder_of_its_command(cluster: &Cluster) {
    images_are_loaded(cluster);
    all_canaries_have_spoken(cluster);
    Tool::Buildx.profiles().iter().for_each(|profile| one(cluster, *profile));
}

fn one(cluster: &Cluster, profile: Profile) {
    let namespace = format!("buildx-{profile}");
    make_namespace(cluster, &namespace, "privileged");
    let dir = cluster.dir.join(&namespace);
    fs::create_dir_all(&dir).expect("mkdir");
    let buildx = |words: &[String]| {
        let output = Command::new(tool("buildx")).args(words).env("KUBECONFIG", cluster.kubeconfig()).env("HOME", &dir).output();
        let output = output.expect("buildx starts");
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let mut words = command(profile);
    let image = words.iter().find_map(|word| word.strip_prefix("image=")).expect("an image").to_owned();
    // The one that stands for it is on the nodes.
    let here = [format!("namespace={namespace}"), format!("image={}", stands_for(&image))];
    words.extend(here.into_iter().flat_map(|option| ["--driver-opt".to_owned(), option]));
    words.push("--bootstrap".into());
    buildx(&words);

    let made = cluster.get(&["deployments", "-n", &namespace]);
    let [deployment] = made["items"].as_array().map_or(&[][..], Vec::as_slice) else { panic!("one builder: {made:#}") };
    let (key, value) = Key::selector(profile);
    assert_eq!(deployment["spec"]["template"]["spec"]["nodeSelector"][key.with(DEFAULT_PREFIX)], Value::from(value), "{deployment:#}");
    // buildx has waited until it answers.
    assert_eq!(deployment["status"]["readyReplicas"], 1, "{deployment:#}");
    let manifest = dir.join("deployments.yaml");
    let text = cluster.kubectl(&["get", "deployments", "-n", &namespace, "-o", "yaml"]).expect("kubectl get");
    fs::write(&manifest, text.replace(stands_for(&image), &image)).expect("write");
    let mut check = Command::new(program());
    check.env("KUBECONFIG", cluster.kubeconfig());
    let answer = Answer::of(check, &["--cluster"], &manifest);
    assert_eq!(answer.verdict().map(|(verdict, _)| verdict), Some("works"), "{:#}{}", answer.report, answer.error);
    assert_eq!(answer.report["builders"][0]["profile"], Value::from(profile.id()), "{:#}", answer.report);
    buildx(&["rm".into(), profile.id().into()]);
    cluster.delete(&["namespace", &namespace]);
}

/// The words behind `docker buildx`.
fn command(profile: Profile) -> Vec<String> {
    let printed = Command::new(program()).args(["render", "values", "--for", "buildx", "--profile", profile.id()]).output();
    let printed = String::from_utf8(printed.expect("the program starts").stdout).expect("a text");
    let words = shlex::split(&printed.replace("\\\n", " ")).unwrap_or_else(|| panic!("a command of the shell: {printed}"));
    assert_eq!(words[..2], ["docker", "buildx"], "{printed}");
    words[2..].to_vec()
}
