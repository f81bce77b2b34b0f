//! What stands beside an agent: the prover's socket, the file of `tune`, a service account.

use crate::oracle::Expect;
use crate::run::{Input, quoted};
use crate::server::{Answer, url};
use crate::world::{kubeconfig, world};

const AGENT: &str = "agent --node node1 --kubeconfig kubeconfig --listen 127.0.0.1:0 --evidence probed --state-dir state";

fn agent(what: &str, setup: &str, call: &str) -> Input {
    let expect = Expect { also: vec![143], codes: vec![0], ..Expect::of("agent") };
    let line = format!("{setup}exec timeout --preserve-status --kill-after 50 --signal TERM 3 \"$P\" {call}");
    let good = url(Answer { to: "nothing is asked so", ..Answer::default() });
    Input::new(format!("agent, {what}"), line, expect).file("kubeconfig", kubeconfig(&good))
}

/// Texts that others hand over.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let facts = world().facts.as_bytes();
    let mut texts: Vec<(&'static str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("null", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("an object", b"{}".to_vec()),
        ("NUL bytes", vec![0; 4096]),
        ("not UTF-8", b"{\"x\": \"\xff\"}".to_vec()),
        ("control characters", b"\x1b[2J\nFORGED: x\n".to_vec()),
        ("deep arrays", b"[".repeat(200_000)),
        ("facts that are cut", facts[..facts.len() / 2].to_vec()),
        ("facts twice", [facts, facts].concat()),
        ("facts", facts.to_vec()),
    ];
    texts.extend((1..8).map(|n| ("a part of facts", facts[..facts.len() * n / 8].to_vec())));
    texts
}

/// A prover that is none.
pub(crate) fn sockets() -> Vec<Input> {
    // Answers each who connects by a file, and then by what its argument says.
    let server = "import socket,sys,time\ns=socket.socket(socket.AF_UNIX); s.bind('prover.sock'); s.listen(9)\nt=open('text','rb').read()\nm=sys.argv[1]\nwhile True:\n  c,_=s.accept()\n  try:\n    c.sendall(t)\n    while m=='endless': c.sendall(b' '*65536)\n    if m=='silent': time.sleep(50)\n  except OSError: pass\n  c.close()\n";
    let call = format!("{} --shape userns --prover prover.sock", AGENT.replace(" --state-dir state", ""));
    let mut inputs = Vec::new();
    for (what, text) in texts() {
        for then in ["close", "silent", "endless"].iter().filter(|then| **then == "close" || text.len() < 10) {
            let setup = format!("timeout 8 python3 server.py {then} & ");
            let mut input =
                agent(&format!("a prover that says {what}, {then}"), &setup, &call).file("text", text.clone()).file("server.py", server);
            input.line = input.line.replace("exec timeout", "timeout") + "; code=$?; kill $!; wait; exit $code";
            input.expect.may_write = vec!["prover.sock"];
            inputs.push(input);
        }
    }
    for (what, setup) in [
        ("nothing", ""),
        ("a file", ": > prover.sock; "),
        ("a FIFO", "mkfifo prover.sock; "),
        ("a directory", "mkdir prover.sock; "),
        ("a dead socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"prover.sock\")'; "),
    ] {
        let mut input = agent(&format!("{what} as the prover's socket"), setup, &call);
        input.expect.may_write = vec!["prover.sock"];
        inputs.push(input);
    }
    inputs
}

/// Who connects to a prover, and where it is to listen.
pub(crate) fn provers() -> Vec<Input> {
    let mut inputs = Vec::new();
    let prover = "timeout --preserve-status --kill-after 50 --signal TERM 3 \"$P\" prover --shape userns --state-dir state --socket";
    for (what, client) in [
        ("who says nothing", "time.sleep(50)"),
        ("who goes at once", "c.close()"),
        ("who talks without end", "\nwhile True: c.sendall(b'x'*65536)"),
        ("who says garbage", "c.sendall(b'\\x1b[2J\\n\\0\\xff'); time.sleep(1)"),
        ("who reads a byte", "c.recv(1); c.close()"),
        ("who comes a hundred times", "\nfor i in range(100):\n  d=socket.socket(socket.AF_UNIX); d.connect('p.sock'); d.close()"),
    ] {
        let script = format!("import socket,time\nfor i in range(500):\n  try:\n    c=socket.socket(socket.AF_UNIX); c.connect('p.sock'); break\n  except OSError: time.sleep(0.01)\n{client}\n").replace("\n\n", "\n");
        let line = format!("timeout 8 python3 client.py 2> /dev/null & {prover} p.sock; code=$?; kill $! 2> /dev/null; wait; exit $code");
        let mut expect = Expect { also: vec![143], codes: vec![0], ..Expect::of("prover") };
        expect.may_write = vec!["p.sock"];
        inputs.push(Input::new(format!("prover, one {what}"), line, expect).file("client.py", script));
    }
    for (what, setup, path) in [
        ("a file", ": > f; ", "f"),
        ("a file with a text", "echo x > f; ", "f"),
        ("a FIFO", "mkfifo f; ", "f"),
        ("a directory", "mkdir f; ", "f"),
        ("a link to a file", "echo x > g; ln -s g f; ", "f"),
        ("a dangling link", "ln -s g f; ", "f"),
        ("/dev/null", "", "/dev/null"),
        ("no directory", "", "none/f"),
        ("an empty name", "", ""),
        ("a name that forges", "", "no\u{1b}[2J\nFORGED: x/y"),
        (
            "a name that is too long",
            "",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ),
    ] {
        let line = format!(
            "{setup}{prover} {}; code=$?; {} exit $code",
            quoted(path),
            if setup.is_empty() { "" } else { "test -e f || test -L f || exit 99;" }
        );
        let mut expect = Expect::of("prover").codes(&[2, 4]);
        expect.may_write = vec!["f", "g"];
        inputs.push(Input::new(format!("prover, {what} where it is to listen"), line, expect));
    }
    inputs
}

/// What `tune --watch --status` wrote, or somebody in its place.
pub(crate) fn tuned() -> Vec<Input> {
    let status = br#"{"changes":[{"sysctl":"user.max_user_namespaces","from":"0","to":"63000"}],"left":[],"at":"2026-01-01T00:00:00Z"}"#;
    let call = format!("{AGENT} --tuned tuned.json");
    let mut inputs: Vec<_> =
        texts().into_iter().map(|(what, text)| agent(&format!("as tune's file {what}"), "", &call).file("tuned.json", text)).collect();
    inputs.extend((0..status.len() / 6).map(|n| agent("a part of tune's file", "", &call).file("tuned.json", &status[..n * 6])));
    for (what, setup) in [
        ("a directory", "mkdir tuned.json; "),
        ("a FIFO", "mkfifo tuned.json; "),
        ("/dev/zero", "ln -s /dev/zero tuned.json; "),
        ("a link to itself", "ln -s tuned.json tuned.json; "),
        ("200 MB", "head -c 200000000 /dev/zero > tuned.json; "),
    ] {
        let mut input = agent(&format!("as tune's file {what}"), setup, &call);
        input.expect.may_write = vec!["tuned.json"];
        inputs.push(input);
    }
    inputs
}

/// A pod's token and authority.
pub(crate) fn accounts() -> Vec<Input> {
    let place = "/var/run/secrets/kubernetes.io/serviceaccount";
    let mut inputs = Vec::new();
    for (what, setup) in [
        ("nothing", ""),
        ("empty files", "for f in token ca.crt namespace; do : > sa/$f; done"),
        ("a token with newlines", "printf 'a\\nb\\n' > sa/token"),
        ("a token that forges", "printf '\\033[2J\\nFORGED: x' > sa/token"),
        ("a token that is not UTF-8", "printf '\\377\\376' > sa/token"),
        ("a token of NUL bytes", "head -c 100 /dev/zero > sa/token"),
        ("a token of 100 MB", "head -c 100000000 /dev/zero | tr '\\0' a > sa/token"),
        ("a FIFO as token", "rm sa/token; mkfifo sa/token"),
        ("/dev/zero as token", "rm sa/token; ln -s /dev/zero sa/token"),
        ("a directory as token", "rm sa/token; mkdir sa/token"),
        ("a garbage authority", "printf '%s\\nx\\n' '-----BEGIN CERTIFICATE-----' > sa/ca.crt"),
        ("an authority that forges", "printf '\\033[2J\\nFORGED: x' > sa/ca.crt"),
        ("a FIFO as authority", "rm sa/ca.crt; mkfifo sa/ca.crt"),
        ("/dev/zero as authority", "rm sa/ca.crt; ln -s /dev/zero sa/ca.crt"),
        ("no authority", "rm sa/ca.crt"),
        ("a namespace that forges", "printf '\\033[2J\\nFORGED: x' > sa/namespace"),
        ("a FIFO as namespace", "rm sa/namespace; mkfifo sa/namespace"),
    ] {
        for host in ["127.0.0.1", "", "a b", "\u{1b}[2J", "::1"] {
            let run = format!(
                "mkdir -p {place}; mount --bind sa {place}; export KUBERNETES_SERVICE_HOST={} KUBERNETES_SERVICE_PORT=1; exec timeout --preserve-status --kill-after 50 --signal TERM 1 \"$P\" agent --node node1 --listen 127.0.0.1:0 --state-dir state",
                quoted(host)
            );
            let line = format!("{}; exec unshare --mount sh -c {}", if setup.is_empty() { ":" } else { setup }, quoted(&run));
            let expect = Expect { also: vec![143], may_write: vec!["sa"], ..Expect::of("agent") };
            inputs.push(
                Input::new(format!("agent of a pod, {what}, server {host:?}"), line, expect)
                    .file("sa/token", "abc")
                    .file("sa/ca.crt", "")
                    .file("sa/namespace", "a"),
            );
        }
    }
    inputs
}
