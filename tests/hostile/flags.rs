//! Every flag of every command: alone, in pairs and in triples, and with values that make no sense.

use crate::oracle::{Documented, Expect, Output};
use crate::run::{Input, quoted};
use crate::world;

/// What a command takes.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// What has to be given, beside all else.
    pub(crate) always: &'static str,
    /// Each with a value that is right, as words of shell.
    pub(crate) flags: &'static [&'static str],
    /// Of these no two go together, each list for itself.
    pub(crate) apart: &'static [&'static [&'static str]],
    /// The first goes with none of the others.
    pub(crate) against: &'static [(&'static str, &'static [&'static str])],
    /// The first needs one of the others.
    pub(crate) needs: &'static [(&'static str, &'static [&'static str])],
    /// What is refused whatever else is given: it belongs to another way of using the command.
    pub(crate) foreign: &'static [&'static str],
    /// What the help tells and nobody gives by hand.
    pub(crate) internal: &'static [&'static str],
    /// With one of these it runs until it is ended; "" for always.
    pub(crate) stays: &'static [&'static str],
    pub(crate) may_write: &'static [&'static str],
}

const BASE: Command = Command {
    name: "",
    always: "",
    flags: &[],
    apart: &[],
    against: &[],
    needs: &[],
    foreign: &[],
    internal: &[],
    stays: &[],
    may_write: &[],
};

/// How `facts` looks at a machine.
const FACTS: &[&str] =
    &["--root", "--prove", "--without", "--no-probe", "--state-dir", "--snapshotter", "--deadline", "--process-sandbox", "--profile"];
/// What `tune` takes that changes nothing, and what it takes to change something.
const OF_A_PLAN: &[&str] = &["--persist", "--only", "--profile", "--max-user-namespaces", "--override-policy", "--format"];

/// How `probe` becomes a builder's user.
const OF_A_USER: &[&str] = &["--become-uid", "--own-id-fallback", "--newuidmap", "--newgidmap"];

/// The flags of all commands.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "check",
        flags: &[
            "--profile procmount",
            "--format json",
            "--facts facts.json",
            "--root tree",
            "--prove build",
            "--without hostname",
            "--no-probe",
            "--state-dir state",
            "--snapshotter native",
            "--deadline 10s",
            "--process-sandbox on",
            "--guard",
        ],
        against: &[
            ("--guard", &["--facts", "--root", "--no-probe", "--prove", "--without"]),
            ("--facts", &["--root", "--no-probe", "--prove", "--without", "--state-dir", "--snapshotter", "--deadline"]),
            ("--root", &["--prove", "--without"]),
            ("--no-probe", &["--prove", "--without"]),
        ],
        foreign: &["--namespace a", "--label-prefix example.org", "--kubeconfig kubeconfig", "--context c"],
        ..BASE
    },
    Command {
        name: "check --cluster",
        flags: &[
            "--profile userns",
            "--format json",
            "--namespace a",
            "--label-prefix example.org",
            "--kubeconfig kubeconfig",
            "--context c",
        ],
        foreign: &[
            "--facts facts.json",
            "--root tree",
            "--prove build",
            "--without hostname",
            "--no-probe",
            "--state-dir state",
            "--snapshotter native",
            "--deadline 10s",
            "--process-sandbox on",
        ],
        ..BASE
    },
    Command {
        name: "check -f",
        always: "pod.yaml",
        flags: &["--container buildkitd", "--format json"],
        foreign: &[
            "--facts facts.json",
            "--root tree",
            "--no-probe",
            "--profile userns",
            "--namespace a",
            "--kubeconfig kubeconfig",
            "--guard",
        ],
        ..BASE
    },
    Command {
        name: "facts",
        flags: &[
            "--root tree",
            "--prove build",
            "--without hostname",
            "--no-probe",
            "--state-dir state",
            "--snapshotter native",
            "--deadline 10s",
            "--process-sandbox off",
            "--profile userns",
            "--list",
            "--capture captured",
        ],
        against: &[
            ("--no-probe", &["--prove", "--without", "--profile", "--process-sandbox"]),
            ("--root", &["--prove", "--without", "--profile", "--process-sandbox"]),
            ("--list", FACTS),
            ("--capture", &["--list"]),
            ("--capture", FACTS),
        ],
        may_write: &["captured"],
        ..BASE
    },
    Command {
        name: "agent",
        always: "--node node1",
        flags: &[
            "--heartbeat 10s",
            "--listen 127.0.0.1:0",
            "--label-prefix example.org",
            "--shape userns",
            "--canaries procmount",
            "--canary-patience 1m",
            "--prover prover.sock",
            "--evidence probed",
            "--prove build",
            "--allow-unconfined",
            "--kubeconfig kubeconfig",
            "--context c",
            "--state-dir state",
            "--deadline 10s",
            "--tuned tuned.json",
            "--log-level debug",
        ],
        against: &[("--shape", &["--canaries"]), ("--prover", &["--state-dir", "--prove"])],
        needs: &[("--context", &["--kubeconfig"]), ("--prover", &["--shape"]), ("--canary-patience", &["--canaries"])],
        stays: &["--kubeconfig"],
        ..BASE
    },
    Command {
        name: "build",
        always: "--image registry.example/a:1",
        flags: &[
            "--git https://git.example/a.git",
            "--namespace a",
            "--format json",
            "--dry-run",
            "--wait",
            "--profile procmount",
            "--dockerfile other.Dockerfile",
            "--build-arg A=b",
            "--secret id=a,env=PATH",
            "--target a",
            "--platform linux/arm64",
            "--cache-from registry.example/cache:1",
            "--cache-to registry.example/cache:1",
            "--no-push",
            "--builder tcp://b:1",
            "--tls a",
            "--timeout 5s",
            "--revision a",
            "--sub-path a",
            "--client-image registry.example/a:1",
            "--service-account a",
            "--git-image registry.example/a:1",
            "--accept-host-key",
            "--no-follow",
            "--keep",
            "--label-prefix example.org",
            "--kubeconfig kubeconfig",
            "--context c",
        ],
        against: &[("--dry-run", &["--wait", "--keep", "--no-follow"]), ("--no-follow", &["--keep"])],
        needs: &[
            ("--revision", &["--git"]),
            ("--sub-path", &["--git"]),
            ("--client-image", &["--git"]),
            ("--service-account", &["--git"]),
            ("--git-image", &["--git"]),
            ("--accept-host-key", &["--git"]),
            ("--no-follow", &["--git"]),
            ("--keep", &["--git"]),
        ],
        foreign: &["--file build.yaml", "--template template.yaml"],
        ..BASE
    },
    Command {
        name: "cleanup",
        flags: &["--dry-run", "--label-prefix example.org", "--kubeconfig kubeconfig", "--context c", "node1"],
        ..BASE
    },
    Command {
        name: "tune",
        flags: &[
            "--plan",
            "--apply",
            "--forget",
            "--persist",
            "--watch",
            "--only user.max_user_namespaces",
            "--profile procmount",
            "--max-user-namespaces 2000",
            "--override-policy",
            "--sysctls /proc/sys",
            "--status status.json",
            "--facts facts.json",
            "--format json",
        ],
        against: &[
            ("--plan", &["--apply", "--forget"]),
            ("--facts", &["--apply", "--forget"]),
            ("--apply", &["--forget"]),
            ("--forget", OF_A_PLAN),
            ("--watch", &["--format"]),
        ],
        needs: &[("--watch", &["--apply"]), ("--sysctls", &["--apply"]), ("--status", &["--watch"])],
        stays: &["--watch"],
        may_write: &["status.json"],
        ..BASE
    },
    Command {
        name: "render agent",
        flags: &[
            "--namespace a",
            "--label-prefix example.org",
            "--image registry.example/a:1",
            "--tune kernel",
            "--canary userns",
            "--no-canary",
            "--persist",
        ],
        against: &[("--canary", &["--no-canary"])],
        needs: &[("--persist", &["--tune"])],
        ..BASE
    },
    Command {
        name: "render template",
        flags: &[
            "--for tekton",
            "--for shipwright",
            "--client-image registry.example/a:1",
            "--address tcp://b.ns:1234",
            "--tls certificates",
        ],
        apart: &[&["--for tekton", "--for shipwright"]],
        against: &[("--tls", &["--for"])],
        ..BASE
    },
    Command {
        name: "render values",
        always: "--for gitlab-runner",
        flags: &["--profile rootful", "--profile userns", "--label-prefix example.org"],
        apart: &[&["--profile rootful", "--profile userns"]],
        foreign: &["--profile procmount"],
        ..BASE
    },
    Command {
        name: "render builder",
        flags: &[
            "--profile auto",
            "--profile procmount",
            "--profile rootful",
            "--namespace a",
            "--name b",
            "--image registry.example/a:1",
            "--label-prefix example.org",
            "--replicas 2",
            "--ids 131072",
            "--user builder:2000",
            "--no-namespace",
            "--storage 20Gi,fast",
            "--memory-storage 4Gi",
            "--snapshotter native",
            "--config buildkitd.toml",
            "--registry-ca ca.pem",
            "--tls",
            "--guard",
            "--guard-image registry.example/a:1",
            "--no-guard",
            "--read-only-root",
            "--min-nodes 2",
            "--kubeconfig kubeconfig",
            "--context c",
        ],
        apart: &[&["--profile auto", "--profile procmount", "--profile rootful"]],
        against: &[
            ("--user", &["--profile rootful"]),
            ("--no-namespace", &["--namespace"]),
            ("--memory-storage", &["--storage"]),
            ("--no-guard", &["--guard-image", "--guard"]),
        ],
        needs: &[
            ("--ids", &["--profile auto", "--profile procmount"]),
            ("--min-nodes", &["--profile auto"]),
            ("--kubeconfig", &["--profile auto"]),
            ("--context", &["--profile auto"]),
        ],
        ..BASE
    },
    Command {
        name: "probe",
        always: "--state-dir state",
        flags: &[
            "--rootful",
            "--process-sandbox",
            "--become-uid 1000",
            "--own-id-fallback",
            "--needs-fuse-programs",
            "--newuidmap /usr/bin/newuidmap",
            "--newgidmap /usr/bin/newgidmap",
            "--under-rootlesskit",
            "--own-pod",
            "--snapshotter overlayfs",
            "--without overlay",
        ],
        against: &[
            ("--rootful", &["--needs-fuse-programs", "--under-rootlesskit"]),
            ("--rootful", OF_A_USER),
            ("--under-rootlesskit", OF_A_USER),
        ],
        internal: &["--child", "--sub-ids"],
        ..BASE
    },
    Command {
        name: "prover",
        always: "--shape userns --socket prover.sock",
        flags: &["--state-dir state", "--deadline 10s"],
        stays: &[""],
        may_write: &["prover.sock"],
        ..BASE
    },
];

/// Whether a flag with its value is the one that a rule names.
fn is(flag: &str, rule: &str) -> bool {
    flag == rule || flag.split(' ').next() == Some(rule)
}

impl Command {
    fn takes(&self, flags: &[&str]) -> bool {
        let has = |rule: &str| flags.iter().any(|flag| is(flag, rule));
        let none_twice = self.apart.iter().all(|apart| apart.iter().filter(|flag| has(flag)).count() < 2);
        none_twice
            && !flags.iter().any(|flag| self.foreign.contains(flag))
            && !self.against.iter().any(|(one, others)| has(one) && others.iter().any(|other| has(other)))
            && self.needs.iter().all(|(one, others)| !has(one) || others.iter().any(|other| has(other)))
    }

    /// What is taken, of one to `most` flags, or what is not.
    pub(crate) fn combinations(&self, most: usize, taken: bool) -> Vec<Vec<&'static str>> {
        let mut all: Vec<Vec<&'static str>> = vec![vec![]];
        for foreign in self.foreign {
            all.push(vec![foreign]);
            all.extend(self.flags.iter().filter(|_| most > 1).map(|one| vec![*one, *foreign]));
            all.extend(self.foreign.iter().filter(|other| most > 1 && *other != foreign).map(|other| vec![*other, *foreign]));
        }
        for (n, one) in self.flags.iter().enumerate() {
            all.push(vec![one]);
            for (m, two) in self.flags.iter().enumerate().skip(n + 1).filter(|_| most > 1) {
                all.push(vec![one, two]);
                all.extend(self.flags[m + 1..].iter().filter(|_| most > 2).map(|three| vec![*one, *two, *three]));
            }
        }
        all.retain(|flags| self.takes(flags) == taken);
        all
    }

    /// The line of a command that is ended if it stays.
    pub(crate) fn line(&self, wrapper: &str, flags: &[&str]) -> (String, bool) {
        let stays = self.stays.iter().any(|stays| stays.is_empty() || flags.iter().any(|flag| is(flag, stays)));
        let timeout = if stays { "timeout --preserve-status --kill-after 50 --signal TERM 0.3 " } else { "" };
        let line = format!("exec {timeout}{wrapper}\"$P\" {} {} {}", self.name, self.always, flags.join(" "));
        // Whatever else is wrong: nothing is set on this machine.
        let alone = |line| format!("exec unshare --mount sh -c {}", quoted(&format!("mount -o bind,ro /proc/sys /proc/sys; {line}")));
        (if self.name == "tune" { alone(line) } else { line }, stays)
    }

    fn input(&self, flags: &[&str], taken: bool) -> Input {
        let (line, stays) = self.line("", flags);
        let mut expect = Expect::of(self.name);
        if taken {
            expect.codes = vec![0, 1, 3, 4];
            expect.may_write = self.may_write.to_vec();
            // Ended before it could see to its end.
            expect.also = if stays { vec![143] } else { vec![] };
        } else {
            expect.codes = vec![2];
        }
        let report = self.name == "check" && flags.contains(&"--format json");
        expect.output = match self.name {
            "probe" => Output::JsonLines,
            _ if report => Output::Report,
            _ => Output::Text,
        };
        world::with_files(Input::new(format!("{} {}", self.name, flags.join(" ")), line, expect))
    }
}

/// Each combination of flags: taken, or refused with nothing done.
pub(crate) fn taken() -> Vec<Input> {
    COMMANDS.iter().flat_map(|command| command.combinations(3, true).into_iter().map(|flags| command.input(&flags, true))).collect()
}

pub(crate) fn refused() -> Vec<Input> {
    COMMANDS.iter().flat_map(|command| command.combinations(3, false).into_iter().map(|flags| command.input(&flags, false))).collect()
}

/// Values that are right for no flag but for one that names a path, as words of shell.
fn nonsense() -> Vec<String> {
    let texts = [
        "",
        " ",
        "-1",
        "--",
        "nan",
        "1e400",
        "99999999999999999999",
        "\u{1b}[31mred",
        "a\nFORGED: line\nerror: x",
        "\u{9b}31m",
        "\u{202e}abc",
        "'\"`$(id)",
        "../../etc/passwd",
        "%s%n",
        "a,b",
        "é\u{300}",
        "\u{7f}\u{8}",
    ];
    let mut words: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    words.push("\"$(printf '\\377\\376')\"".into());
    words.push("\"$(head -c 100000 /dev/zero | tr '\\0' a)\"".into());
    words
}

/// Each flag that has a value, with nonsense.
pub(crate) fn values() -> Vec<Input> {
    let mut inputs = Vec::new();
    for command in COMMANDS {
        for flag in command.flags {
            let (name, value) = match flag.split_once(' ') {
                Some((name, value)) => (name, value),
                None if flag.starts_with("--") => continue,
                None => ("", *flag),
            };
            let with: Vec<_> =
                command.needs.iter().filter(|(one, _)| is(flag, one)).map(|(_, others)| *others.last().expect("one")).collect();
            let with: Vec<_> = with.iter().filter_map(|needed| command.flags.iter().find(|flag| is(flag, needed)).copied()).collect();
            for word in nonsense() {
                let flag = if name.is_empty() { word.clone() } else { format!("{name}={word}") };
                let (line, _) = command.line("", &[&with[..], &[flag.as_str()]].concat());
                let line = line.replacen("exec ", "exec timeout --preserve-status --kill-after 50 --signal TERM 5 ", 1);
                let mut expect = Expect { also: vec![143], may_write: command.may_write.to_vec(), ..Expect::of(command.name) };
                // Names of files may be anything.
                let path = world::FILES.contains(&value)
                    || value.starts_with('/')
                    || name == "--capture"
                    || name == "--status"
                    || name == "--prover"
                    || name == "--tuned";
                // Some of the nonsense is a name.
                let names = ["--namespace", "--name", "--image", "--guard-image", "--client-image", "--log-level", "--context", ""];
                let named = names.contains(&name) || command.name == "build" || (command.name, name) == ("render template", "--tls");
                expect.codes = if path || named { vec![] } else { vec![2] };
                expect.may_write.extend(if name == "--capture" { &[""][..] } else { &[] });
                inputs.push(world::with_files(Input::new(format!("{} {name} with nonsense", command.name), line, expect)));
            }
        }
    }
    inputs
}

/// Flags that a help tells and the table does not, or the other way round.
pub(crate) fn unknown(helps: &Documented) -> Vec<String> {
    let mut unknown = Vec::new();
    for command in COMMANDS {
        let known = |name: &str| {
            command.flags.iter().any(|flag| is(flag, name))
                || command.always.contains(name)
                || command.foreign.iter().any(|flag| is(flag, name))
                || command.internal.contains(&name)
                || name == "--help"
        };
        let told = &helps.flags[command.name];
        unknown.extend(
            told.iter()
                .filter(|name| !known(name))
                .map(|name| format!("{} {name}: not in the table of tests/hostile/flags.rs", command.name)),
        );
        let named = command.flags.iter().filter_map(|flag| flag.split(' ').next()).filter(|name| name.starts_with("--"));
        unknown.extend(
            named.filter(|name| !told.iter().any(|told| told == name)).map(|name| format!("{} {name}: not in its help", command.name)),
        );
    }
    unknown
}
