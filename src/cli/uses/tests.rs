//! What each command takes and refuses, written down a second time: by what an argument needs and what stands against it.

use crate::cli::{Cli, Command, parse_by};
use clap::CommandFactory;
use std::collections::BTreeSet;

/// What is expected of a command.
struct Expected {
    path: &'static [&'static str],
    /// What it can't do without.
    always: &'static [&'static str],
    /// An argument, and what it needs.
    needs: &'static [(&'static str, &'static [&'static str])],
    /// An argument, and what it can't be used with.
    never: &'static [(&'static str, &'static [&'static str])],
}

const ALL: &[Expected] = &[
    Expected {
        path: &["check"],
        always: &[],
        needs: &[],
        never: &[
            ("facts", &["root", "prove", "without", "no-probe", "state-dir", "snapshotter", "deadline"]),
            ("root", &["prove", "without"]),
            ("no-probe", &["prove", "without"]),
            ("guard", &["facts", "root", "no-probe", "prove", "without"]),
        ],
    },
    Expected { path: &["check", "--cluster"], always: &[], needs: &[], never: &[] },
    Expected {
        path: &["check", "-f"],
        always: &["pod.yaml"],
        needs: &[("namespace", &["cluster"]), ("label-prefix", &["cluster"]), ("kubeconfig", &["cluster"]), ("context", &["cluster"])],
        never: &[],
    },
    Expected {
        path: &["facts"],
        always: &[],
        needs: &[],
        never: &[
            ("root", &["prove", "without", "profile", "process-sandbox", "list", "capture"]),
            ("no-probe", &["prove", "without", "profile", "process-sandbox", "list", "capture"]),
            ("list", &["capture", "prove", "without", "profile", "process-sandbox", "state-dir", "snapshotter", "deadline", "redact"]),
            ("capture", &["prove", "without", "profile", "process-sandbox", "state-dir", "snapshotter", "deadline", "redact"]),
        ],
    },
    Expected {
        path: &["agent"],
        always: &["--node=n"],
        needs: &[("context", &["kubeconfig"]), ("canary-patience", &["canaries"]), ("prover", &["shape"])],
        never: &[
            ("prover", &["state-dir", "prove"]),
            ("confined", &["shape"]),
            ("nfd-features", &["kubeconfig", "context", "canaries", "canary-patience", "allow-unconfined", "tuned"]),
        ],
    },
    Expected { path: &["explain"], always: &["build.log"], needs: &[], never: &[] },
    Expected {
        path: &["status"],
        always: &[],
        needs: &[],
        never: &[
            ("bundle", &["profile", "format", "fail-below", "watch", "serve"]),
            ("serve", &["profile", "format", "fail-below", "watch", "bundle"]),
        ],
    },
    Expected {
        path: &["status"],
        always: &["node1"],
        // What is for all nodes is refused beside one, whatever else is given.
        needs: &[("fail-below", &["no-node"]), ("watch", &["no-node"]), ("bundle", &["no-node"]), ("serve", &["no-node"])],
        never: &[],
    },
    Expected { path: &["cleanup"], always: &[], needs: &[], never: &[] },
    Expected {
        path: &["tune"],
        always: &[],
        needs: &[("watch", &["apply"]), ("status", &["apply", "watch"]), ("sysctls", &["apply"])],
        never: &[
            ("plan", &["apply", "forget", "watch", "status", "sysctls"]),
            ("facts", &["apply", "forget", "watch", "status", "sysctls"]),
            ("watch", &["format"]),
            (
                "forget",
                &["apply", "watch", "status", "sysctls", "persist", "only", "profile", "max-user-namespaces", "override-policy", "format"],
            ),
        ],
    },
    Expected {
        path: &["render", "agent"],
        always: &[],
        needs: &[("persist", &["tune"])],
        never: &[
            ("canary", &["no-canary"]),
            ("baseline", &["tune", "persist", "canary", "no-canary"]),
            ("publish", &["tune", "persist", "canary", "no-canary", "baseline", "seccomp-profile", "apparmor-profile"]),
        ],
    },
    Expected {
        path: &["render", "builder"],
        always: &[],
        needs: &[],
        never: &[("no-namespace", &["namespace"]), ("memory-storage", &["storage"]), ("no-guard", &["guard", "guard-image"])],
    },
    Expected { path: &["render", "template"], always: &[], needs: &[], never: &[] },
    Expected { path: &["render", "readiness-rule"], always: &[], needs: &[], never: &[] },
    Expected { path: &["render", "karpenter"], always: &["--node-class=a/B/c"], needs: &[], never: &[] },
    Expected { path: &["render", "cluster-autoscaler"], always: &[], needs: &[], never: &[] },
    Expected { path: &["render", "nfd-rule"], always: &[], needs: &[], never: &[] },
    Expected { path: &["render", "npd"], always: &[], needs: &[], never: &[] },
    Expected { path: &["render", "monitoring"], always: &[], needs: &[], never: &[("dashboard", &["namespace"])] },
    Expected { path: &["render", "confinement"], always: &["seccomp"], needs: &[], never: &[] },
    Expected { path: &["render", "values"], always: &["--for=buildx"], needs: &[], never: &[] },
    Expected {
        path: &["probe"],
        always: &[],
        needs: &[],
        // With --child nothing but what names two users at once is refused: see below.
        never: &[("rootful", &["become-uid", "under-rootlesskit"]), ("under-rootlesskit", &["become-uid"])],
    },
    Expected {
        path: &["build"],
        always: &["--image=a"],
        needs: &[
            ("revision", &["git"]),
            ("sub-path", &["git"]),
            ("client-image", &["git"]),
            ("service-account", &["git"]),
            ("git-image", &["git"]),
            ("accept-host-key", &["git"]),
            ("no-follow", &["git"]),
            ("keep", &["git"]),
        ],
        never: &[("template", &["image"]), ("file", &["image"]), ("dry-run", &["wait", "keep", "no-follow"]), ("no-follow", &["keep"])],
    },
    Expected {
        path: &["build"],
        always: &["--file=/nowhere"],
        needs: &[],
        never: &[
            ("git", &["file"]),
            ("image", &["file"]),
            ("dockerfile", &["file"]),
            ("build-arg", &["file"]),
            ("secret", &["file"]),
            ("target", &["file"]),
            ("platform", &["file"]),
            ("cache-from", &["file"]),
            ("cache-to", &["file"]),
            ("no-push", &["file"]),
            ("builder", &["file"]),
            ("tls", &["file"]),
            ("timeout", &["file"]),
            ("revision", &["file"]),
            ("sub-path", &["file"]),
            ("client-image", &["file"]),
            ("service-account", &["file"]),
            ("dry-run", &["wait", "keep", "no-follow"]),
            ("no-follow", &["keep"]),
        ],
    },
    Expected { path: &["prover"], always: &["--shape=userns", "--socket=/nowhere"], needs: &[], never: &[] },
    Expected { path: &["behave"], always: &["first"], needs: &[], never: &[] },
    Expected { path: &["install"], always: &["/nowhere"], needs: &[], never: &[] },
    Expected { path: &["verdicts"], always: &[], needs: &[], never: &[] },
    Expected { path: &["completion"], always: &["bash"], needs: &[], never: &[] },
    Expected { path: &["man"], always: &["/nowhere"], needs: &[], never: &[] },
];

/// A value that an argument takes.
fn sample(name: &str) -> &str {
    match name {
        "profile" | "shape" | "canary" | "canaries" => "procmount",
        "snapshotter" => "native",
        "only" => "user.max_user_namespaces",
        "max-user-namespaces" => "2000",
        "fail-below" => "90%",
        "group-by" => "topology.kubernetes.io/zone",
        "deadline" | "heartbeat" | "canary-patience" | "stale-after" => "5s",
        "process-sandbox" => "on",
        "format" => "json",
        "publish" => "nfd",
        "interval" => "5m",
        "prove" => "build",
        "without" => "hostname",
        "namespace" | "context" | "name" | "image" | "guard-image" => "a",
        "label-prefix" => "example.org",
        "tune" => "all",
        "wait" | "timeout" => "5s",
        "build-arg" => "a=b",
        "secret" => "id=a,src=/nowhere",
        "builder" | "address" => "tcp://b:1",
        "for" => "tekton",
        "pool" | "selector" => "a=b",
        "tls" | "service-account" | "client-image" | "git-image" => "a",
        "evidence" => "probed",
        "listen" | "serve" => "127.0.0.1:1",
        "log-level" => "debug",
        "replicas" | "min-nodes" | "max-nodes" | "become-uid" => "2",
        "seccomp-profile" | "apparmor-profile" => "a.json",
        "ids" => "70000",
        "user" => "user:1000",
        "storage" | "memory-storage" => "20Gi",
        "sub-ids" => r#"{"uids": "absent", "gids": "absent"}"#,
        _ => "/nowhere",
    }
}

/// The names of all arguments of a command.
fn arguments(expected: &Expected) -> Vec<(String, bool)> {
    let mut command = &mut Cli::command();
    for name in expected.path {
        command = command.find_subcommand_mut(name).expect("a command");
    }
    let given = |name: &str| expected.always.iter().any(|always| always.starts_with(&format!("--{name}=")));
    let named = command.get_arguments().filter_map(|argument| {
        let name = argument.get_long().filter(|name| *name != "help" && !given(name))?;
        Some((name.to_owned(), argument.get_action().takes_values()))
    });
    named.collect()
}

/// A command line with some arguments.
fn try_parse(command: &mut clap::Command, expected: &Expected, chosen: &[&(String, bool)]) -> Result<Cli, clap::Error> {
    let argument = |(name, takes): &&(String, bool)| if *takes { format!("--{name}={}", sample(name)) } else { format!("--{name}") };
    let fixed = ["buildkit-preflight"].iter().chain(expected.path).chain(expected.always).map(|word| (*word).to_owned());
    parse_by(command, fixed.chain(chosen.iter().map(argument)).map(Into::into).collect())
}

/// Each of them alone, in pairs and in triples.
fn combinations<T>(of: &[T]) -> Vec<Vec<&T>> {
    let mut all = Vec::new();
    for (n, first) in of.iter().enumerate() {
        all.push(vec![first]);
        for (m, second) in of.iter().enumerate().skip(n + 1) {
            all.push(vec![first, second]);
            all.extend(of[m + 1..].iter().map(|third| vec![first, second, third]));
        }
    }
    all
}

#[test]
fn every_combination_is_taken_or_refused_as_written_down() {
    let (mut taken, mut refused) = (0, 0);
    for expected in ALL {
        let mut command = Cli::command();
        for chosen in combinations(&arguments(expected)) {
            let always = |name: &str| expected.always.iter().any(|always| always.starts_with(&format!("--{name}=")));
            let has = |name: &str| always(name) || chosen.iter().any(|(given, _)| given == name);
            let by_hand = expected.path != ["probe"] || has("child");
            let lacks = expected.needs.iter().any(|(name, needed)| has(name) && !needed.iter().all(|needed| has(needed)));
            let against = expected.never.iter().any(|(name, others)| has(name) && others.iter().any(|other| has(other)));
            let result = try_parse(&mut command, expected, &chosen);
            let line = format!("{} {chosen:?}: {result:?}", expected.path.join(" "));
            if by_hand || lacks || against {
                assert_eq!(result.is_err(), lacks || against, "{line}");
            }
            match result {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert_eq!(error.exit_code(), 2, "{line}");
                    refused += 1;
                }
            }
        }
    }
    assert!(taken > 1000 && refused > 700, "{taken} taken, {refused} refused");
}

#[test]
fn every_command_is_tried() {
    fn leaves(command: &clap::Command, path: &[String], all: &mut BTreeSet<Vec<String>>) {
        for below in command.get_subcommands() {
            let path = [path, &[below.get_name().to_owned()]].concat();
            if !below.has_subcommands() || below.get_name() == "check" {
                all.insert(path.clone());
            }
            leaves(below, &path, all);
        }
    }
    let mut all = BTreeSet::new();
    leaves(&Cli::command(), &[], &mut all);
    let tried = ALL.iter().map(|expected| expected.path.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(all, tried.collect());
}

/// The words of an argument that stand in a table of [`super::of`] are arguments.
#[test]
fn a_table_names_arguments_that_there_are() {
    for expected in ALL {
        let mut command = &mut Cli::command();
        for name in expected.path {
            command = command.find_subcommand_mut(name).expect("a command");
        }
        let ids: BTreeSet<_> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        for id in super::of(expected.path).iter().flat_map(|table| table.iter()).flat_map(|way| way.by.iter().chain(way.takes)) {
            assert!(ids.contains(id), "{} {id}", expected.path.join(" "));
        }
    }
}

#[test]
fn nothing_can_write_unless_it_was_asked_to() {
    use crate::cli::tune::Mode;
    let tune = ALL.iter().find(|expected| expected.path == ["tune"]).expect("a row");
    let (mut command, mut modes) = (Cli::command(), BTreeSet::new());
    for chosen in combinations(&arguments(tune)) {
        let Ok(Cli { command: Command::Tune(arguments), .. }) = try_parse(&mut command, tune, &chosen) else { continue };
        let has = |name: &str| chosen.iter().any(|(given, _)| given == name);
        let mode = arguments.mode();
        let fits = match &mode {
            Mode::Plan => !has("apply") && !has("forget"),
            Mode::Apply(_) => has("apply") && !has("watch"),
            Mode::Watch(_) => has("apply") && has("watch"),
            Mode::Forget(_) => has("forget"),
        };
        assert!(fits, "{chosen:?}: {mode:?}");
        modes.insert(format!("{mode:?}"));
    }
    assert_eq!(modes.len(), 4 + 2, "each way, two of them with another directory: {modes:?}");
}

#[test]
fn the_flag_of_a_mode_may_stand_anywhere_and_has_arguments_of_its_own() {
    let parse = |line: Vec<_>| parse_by(&mut Cli::command(), line);
    let parsed =
        |line: &str| parse(line.split(' ').map(Into::into).collect()).map(|cli| format!("{cli:?}")).map_err(|error| error.to_string());
    let wanted = parsed("x check --cluster --namespace builds --format json").expect("taken");
    for line in ["x check --namespace builds --cluster --format json", "x check --format json --namespace builds --cluster"] {
        assert_eq!(parsed(line).as_ref(), Ok(&wanted), "{line}");
    }
    let quiet = parsed("x check --cluster --quiet").expect("taken");
    for line in ["x -q check --cluster", "x --quiet check --cluster", "x check -q --cluster"] {
        assert_eq!(parsed(line).as_ref(), Ok(&quiet), "{line}");
    }
    let wanted = parsed("x check -f pod.yaml --cluster -n builds").expect("taken");
    for line in ["x check --cluster -f pod.yaml -n builds", "x check --cluster --namespace builds -f pod.yaml"] {
        assert_eq!(parsed(line).as_ref(), Ok(&wanted), "{line}");
    }
    for (line, named) in [
        ("x -q -v facts", "--verbose"),
        ("x check -f pod.yaml -n builds", "--namespace"),
        ("x check -f pod.yaml --cluster --profile userns", "--profile"),
        ("x check --namespace builds", "--namespace"),
        ("x check --kubeconfig k --facts f", "--kubeconfig"),
        ("x check --facts f --cluster", "--facts"),
        ("x check --deadline 5s --cluster", "--deadline"),
        ("x check --cluster --cluster", "--cluster"),
        ("x check --cluster=yes", "--cluster"),
        ("x check -- --cluster", "--cluster"),
        ("x facts --cluster", "--cluster"),
    ] {
        assert!(parsed(line).expect_err(line).contains(named), "{line}");
    }
}
