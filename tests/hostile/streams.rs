//! Bad standard streams, environments, working directories and limits.

use crate::oracle::{Expect, Output};
use crate::run::Input;
use crate::world;

/// Calls that end by themselves, whatever is around them.
const CALLS: &[(&str, &str)] = &[
    ("check", "check --state-dir state"),
    ("check", "check --no-probe --format json"),
    ("check", "check --facts facts.json"),
    ("check", "check --facts -"),
    ("explain", "explain build.log"),
    ("explain", "explain userns-max0"),
    ("check", "check --cluster --kubeconfig kubeconfig"),
    ("check", "check --help"),
    ("facts", "facts --state-dir state"),
    ("facts", "facts --list"),
    ("tune", "tune --facts facts.json"),
    ("tune", "tune"),
    ("cleanup", "cleanup --dry-run --kubeconfig kubeconfig"),
    ("cleanup", "cleanup"),
    ("render agent", "render agent"),
    ("render builder", "render builder --profile auto"),
    ("probe", "probe --state-dir state"),
    ("agent", "agent --node a"),
    ("prover", "prover --shape userns --socket none/prover.sock"),
    ("check", "check --nonsense"),
];

/// Redirections, in shell; whether standard output and standard error are lost.
const STREAMS: &[(&str, bool, bool)] = &[
    ("<&-", false, false),
    ("</dev/zero", false, false),
    ("</dev/full", false, false),
    ("</", false, false),
    ("</proc/self/mem", false, false),
    ("0>x", false, false),
    (">&-", true, false),
    (">/dev/full", true, false),
    ("1</dev/null", true, false),
    ("1</", true, false),
    ("2>&-", false, true),
    ("2>/dev/full", false, true),
    ("2</dev/null", false, true),
    (">&- 2>&-", true, true),
    (">/dev/full 2>/dev/full", true, true),
    ("<&- >&- 2>&-", true, true),
];

fn call(n: usize, what: &str, line: String, output_lost: bool, stderr_lost: bool) -> Input {
    let (command, call) = CALLS[n];
    let mut expect = Expect::of(command);
    expect.output = match () {
        () if output_lost || call.contains("--help") => Output::Lost,
        () if call.contains("--format json") => Output::Report,
        () => Output::Text,
    };
    expect.stderr_is_lost = stderr_lost;
    expect.may_write = vec!["x"];
    // Where the answer goes nowhere, it must not look as if it had been given.
    if output_lost && !["cleanup", "agent", "prover"].contains(&command) && !call.contains("auto") && !call.contains("cluster") {
        expect.codes = if call.contains("nonsense") { vec![2] } else { vec![2, 4] };
    }
    world::with_files(Input::new(format!("{call} {what}"), line, expect))
}

pub(crate) fn streams() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (n, (_, arguments)) in CALLS.iter().enumerate() {
        for (redirection, stdout, stderr) in STREAMS {
            // Endless, and read to its end by who was asked to.
            inputs.push(call(n, redirection, format!("exec \"$P\" {} {redirection}", arguments), *stdout, *stderr));
        }
        let piped = |to: &str| format!("exec 3>&1; {{ \"$P\" {}; echo $? >&3; }} {to}", arguments);
        for to in ["| true", "2>&1 >/dev/null | true", "| head -c 1 >/dev/null", "2>&1 | head -c 1 > /dev/null"] {
            // The code that is seen is the reader's.
            inputs.push(call(n, to, piped(to), false, false));
        }
    }
    for input in &mut inputs {
        if input.line.contains("exec 3") {
            input.expect.codes = vec![];
            input.expect.output = Output::Lost;
        }
    }
    inputs
}

/// Variables, in shell, before the call.
const ENVIRONMENTS: &[&str] = &[
    "env -u HOME",
    "env HOME=",
    "env HOME=/nonexistent",
    "env HOME=/dev/null",
    "env -u PATH",
    "env PATH=",
    "env PATH=/nonexistent:.:tmp",
    "env -u TMPDIR",
    "env TMPDIR=/nonexistent",
    "env TMPDIR=/dev/null",
    "env TERM=",
    "env TERM=dumb",
    "env TERM=\"$(printf '\\033[2J')\"",
    "env NO_COLOR=",
    "env NO_COLOR=1 CLICOLOR_FORCE=1",
    "env CLICOLOR_FORCE=1 NO_COLOR=1 CLICOLOR=0",
    "env COLUMNS=0",
    "env COLUMNS=-1 LINES=99999999999999999999",
    "env COLUMNS=1",
    "env KUBECONFIG=",
    "env KUBECONFIG=/nonexistent",
    "env KUBECONFIG=/dev/zero",
    "env KUBECONFIG=:::",
    "env KUBECONFIG=\"$(printf '\\033[2J\\nFORGED: x')\"",
    "env KUBECONFIG=kubeconfig:kubeconfig:/nonexistent",
    "env HTTPS_PROXY=nonsense",
    "env HTTPS_PROXY=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 http_proxy=::",
    "env HTTPS_PROXY=\"$(printf 'http://\\033[2J\\nFORGED: x')\"",
    "env HTTPS_PROXY=socks5://127.0.0.1:1 ALL_PROXY=socks9://x NO_PROXY=*",
    "env NO_PROXY=\"$(printf '\\377,[::,*,')\" HTTPS_PROXY=http://a:b@127.0.0.1:1",
    "env RUST_BACKTRACE=full RUST_LOG=trace",
    "env RUST_LOG=\"$(printf '\\033=,=,[')\" RUST_BACKTRACE=nonsense RUST_MIN_STACK=1",
    "env RUST_MIN_STACK=99999999999999999999",
    "env LANG=de_DE.UTF-8 LC_ALL=nonsense",
    "env LC_ALL=C LANG=",
    "env NODE_NAME=\"$(printf '\\033[2J\\nFORGED: x')\" CANARIES=nonsense",
    "env KUBERNETES_SERVICE_HOST=a KUBERNETES_SERVICE_PORT=b",
    "env KUBERNETES_SERVICE_HOST=\"$(printf '\\033[2J\\nFORGED: x')\" KUBERNETES_SERVICE_PORT=99999",
    "env XDG_DATA_HOME=/dev/null XDG_RUNTIME_DIR=/nonexistent",
    "env XDG_DATA_HOME=\"$(printf '\\033[2J\\nFORGED: x')\"",
    "env TZ=nonsense SSL_CERT_FILE=/nonexistent SSL_CERT_DIR=/dev/null",
    "env SSL_CERT_FILE=/dev/zero",
    "env -u TZ MALLOC_ARENA_MAX=x GLIBC_TUNABLES=x LD_LIBRARY_PATH=/nonexistent",
    "env X=\"$(head -c 100000 /dev/zero | tr '\\0' a)\"",
    "env -i HOSTILE=\"$HOSTILE\"",
    "umask 777;",
    "umask 0;",
    "rmdir tmp; cd tmp 2> x || cd home;",
    "mkdir gone; cd gone; rmdir ../gone;",
    "cd /;",
    "cd /proc/self;",
];

pub(crate) fn environments() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (n, (_, arguments)) in CALLS.iter().enumerate() {
        for environment in ENVIRONMENTS {
            let line = match environment.strip_suffix(';') {
                Some(_) => format!("{environment} exec \"$P\" {arguments} < /dev/null"),
                None => format!("exec {environment} \"$P\" {arguments} < /dev/null"),
            };
            let mut input = call(n, environment, line, false, false);
            input.expect.may_write.extend(["gone", "tmp"].iter().filter(|dir| environment.contains(**dir)));
            inputs.push(input);
        }
    }
    inputs
}

/// Limits on what a process may have, as options of prlimit(1).
pub(crate) fn limits() -> Vec<Input> {
    let files = (3..24).chain([32, 64]).map(|n| format!("--nofile={n}"));
    let memory = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 128].iter().map(|mib| format!("--as={}", mib << 20));
    let sizes = [0, 1, 4096, 65536].iter().map(|bytes| format!("--fsize={bytes}"));
    let stacks = [16, 64, 128, 256, 1024].iter().map(|kib| format!("--stack={}", kib << 10));
    let others = [
        "--nproc=1",
        "--nproc=2",
        "--nproc=5",
        "--memlock=0",
        "--msgqueue=0",
        "--sigpending=0",
        "--locks=0",
        "--rtprio=0",
        "--data=1048576",
        "--data=16777216",
        "--nofile=3 --fsize=0",
    ];
    let all = files.chain(memory).chain(sizes).chain(stacks).chain(others.map(str::to_owned));
    let mut inputs = Vec::new();
    for limit in all {
        // What even the loader refuses is no business of the program.
        let tight = limit == "--nofile=3" || limit.starts_with("--as") || limit.starts_with("--stack") || limit.starts_with("--data");
        for (n, (_, arguments)) in CALLS.iter().enumerate() {
            let mut input = call(n, &limit, format!("exec prlimit {limit} \"$P\" {arguments} < /dev/null"), false, false);
            if tight {
                input.expect.also = vec![127, 126, 1];
                input.expect.tight = true;
            }
            if limit.contains("fsize") {
                // The answer goes to a file here.
                input.line =
                    format!("exec 3>&1; {{ prlimit {limit} \"$P\" {arguments} < /dev/null 2>&1 1>&4 4>&- | cat >&2; }} 4>&1 | cat >&3");
                input.expect.codes = vec![];
                input.expect.output = Output::Lost;
            }
            inputs.push(input);
        }
    }
    inputs
}
