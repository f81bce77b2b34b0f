//! What each command takes and refuses, as this suite knows it.

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
const FACTS: &[&str] = &[
    "--root",
    "--prove",
    "--without",
    "--no-probe",
    "--state-dir",
    "--snapshotter",
    "--deadline",
    "--process-sandbox",
    "--profile",
    "--redact",
];
/// What `tune` takes that changes nothing, and what it takes to change something.
const OF_A_PLAN: &[&str] = &["--persist", "--only", "--profile", "--max-user-namespaces", "--override-policy", "--format"];

/// How `probe` becomes a builder's user.
const OF_A_USER: &[&str] = &["--become-uid", "--own-id-fallback", "--newuidmap", "--newgidmap"];

/// What prints a pod of baseline, by `render agent`.
const OF_BASELINE: &[&str] = &["--canary baseline", "--baseline"];

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
            "--redact",
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
        name: "explain",
        always: "build.log",
        flags: &["--facts facts.json", "--profile userns", "--process-sandbox on", "--format json"],
        foreign: &["--root tree", "--no-probe", "--cluster", "--namespace a", "--kubeconfig kubeconfig"],
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
        flags: &[
            "--container buildkitd",
            "--format json",
            "--cluster",
            "--namespace a",
            "--label-prefix example.org",
            "--kubeconfig kubeconfig",
            "--context c",
        ],
        needs: &[
            ("--namespace", &["--cluster"]),
            ("--label-prefix", &["--cluster"]),
            ("--kubeconfig", &["--cluster"]),
            ("--context", &["--cluster"]),
        ],
        foreign: &["--facts facts.json", "--root tree", "--no-probe", "--profile userns", "--guard"],
        ..BASE
    },
    Command {
        name: "status",
        flags: &[
            "--profile userns",
            "--format csv",
            "--watch",
            "--fail-below 90%",
            "--bundle bundle.tar.gz",
            "--serve 0",
            "--namespace a",
            "--group-by a/b",
            "--stale-after 2h",
            "--label-prefix example.org",
            "--kubeconfig kubeconfig",
            "--context c",
        ],
        against: &[
            ("--bundle", &["--profile", "--format", "--watch", "--fail-below", "--serve"]),
            ("--serve", &["--profile", "--format", "--watch", "--fail-below"]),
        ],
        foreign: &["--facts facts.json", "--root tree", "--no-probe", "--cluster", "--dry-run"],
        stays: &["--watch", "--serve"],
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
            "--redact",
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
            "--confined",
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
            "--nfd-features state",
        ],
        against: &[
            ("--shape", &["--canaries"]),
            ("--confined", &["--shape"]),
            ("--prover", &["--state-dir", "--prove"]),
            (
                "--nfd-features",
                &[
                    "--kubeconfig",
                    "--context",
                    "--canaries",
                    "--canary-patience",
                    "--allow-unconfined",
                    "--tuned",
                    "--shape userns",
                    "--prover",
                ],
            ),
        ],
        needs: &[("--context", &["--kubeconfig"]), ("--prover", &["--shape"]), ("--canary-patience", &["--canaries"])],
        stays: &["--kubeconfig", "--nfd-features"],
        may_write: &["state/"],
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
        name: "verdicts",
        flags: &["--selector a=b", "--wait 5s", "--label-prefix example.org", "--kubeconfig kubeconfig", "--context c"],
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
            "--canary baseline",
            "--no-canary",
            "--persist",
            "--baseline",
            "--publish nfd",
            "--seccomp-profile preflight/seccomp.json",
            "--apparmor-profile buildkit-rootless",
        ],
        against: &[
            ("--canary", &["--no-canary"]),
            ("--baseline", &["--tune", "--canary", "--no-canary"]),
            ("--publish", &["--tune", "--canary", "--no-canary", "--baseline", "--seccomp-profile", "--apparmor-profile"]),
        ],
        needs: &[("--persist", &["--tune"]), ("--seccomp-profile", OF_BASELINE), ("--apparmor-profile", OF_BASELINE)],
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
        flags: &["--profile rootful", "--profile userns", "--label-prefix example.org", "--pool example.org/pool=ci"],
        apart: &[&["--profile rootful", "--profile userns"]],
        foreign: &["--profile procmount"],
        ..BASE
    },
    Command { name: "completion", always: "bash", flags: &["--quiet", "--verbose"], apart: &[&["--quiet", "--verbose"]], ..BASE },
    Command { name: "man", always: "state", may_write: &["state/"], ..BASE },
    Command {
        name: "render readiness-rule",
        flags: &["--profile procmount", "--name b", "--pool example.org/pool=ci"],
        foreign: &["--profile root", "--pool buildkit-preflight.dev/procmount=ready"],
        ..BASE
    },
    Command {
        name: "render karpenter",
        always: "--node-class karpenter.example/Class/default",
        flags: &["--name b", "--max-nodes 2", "--pool example.org/pool=ci"],
        ..BASE
    },
    Command { name: "render nfd-rule", flags: &["--label-prefix example.org"], ..BASE },
    Command { name: "render npd", flags: &["--path /bin/p", "--profile procmount", "--interval 5m"], foreign: &["--path p"], ..BASE },
    Command { name: "render monitoring", flags: &["--namespace a", "--dashboard"], against: &[("--namespace", &["--dashboard"])], ..BASE },
    Command { name: "render cluster-autoscaler", flags: &["--pool example.org/pool=ci"], ..BASE },
    Command {
        name: "render builder",
        flags: &[
            "--profile auto",
            "--profile procmount",
            "--profile rootful",
            "--profile baseline",
            "--seccomp-profile preflight/seccomp.json",
            "--apparmor-profile buildkit-rootless",
            "--namespace a",
            "--name b",
            "--image registry.example/a:1",
            "--label-prefix example.org",
            "--replicas 2",
            "--pool example.org/pool=ci",
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
        apart: &[&["--profile auto", "--profile procmount", "--profile rootful", "--profile baseline"]],
        against: &[
            ("--user", &["--profile rootful"]),
            ("--no-namespace", &["--namespace"]),
            ("--memory-storage", &["--storage"]),
            ("--no-guard", &["--guard-image", "--guard"]),
        ],
        needs: &[
            ("--seccomp-profile", &["--profile auto", "--profile baseline"]),
            ("--apparmor-profile", &["--profile auto", "--profile baseline"]),
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
