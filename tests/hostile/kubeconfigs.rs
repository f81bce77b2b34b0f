//! Kubeconfigs that are damaged, or name what hangs, lies or is not there.

use crate::oracle::Expect;
use crate::run::{Input, quoted};
use crate::server::{Answer, url};
use crate::world::kubeconfig;
use std::sync::LazyLock;

const CALLS: [(&str, &str); 4] = [
    ("cleanup", "exec \"$P\" cleanup --dry-run --kubeconfig kubeconfig"),
    ("check --cluster", "exec \"$P\" check --cluster --kubeconfig kubeconfig"),
    ("render builder", "KUBECONFIG=kubeconfig exec \"$P\" render builder --profile auto"),
    (
        "agent",
        "exec timeout --preserve-status --kill-after 50 --signal TERM 2 \"$P\" agent --node node1 --listen 127.0.0.1:0 --state-dir state --kubeconfig kubeconfig",
    ),
];

/// One that is right, for a server that answers well.
static GOOD: LazyLock<String> = LazyLock::new(|| kubeconfig(&url(Answer { to: "nothing is asked so", ..Answer::default() })));

fn input(n: usize, what: &str, text: impl Into<Vec<u8>>) -> Input {
    let (command, line) = CALLS[n % CALLS.len()];
    let expect = Expect { also: if command == "agent" { vec![143] } else { vec![] }, ..Expect::of(command) };
    Input::new(format!("{command}, kubeconfig: {what}"), line, expect).file("kubeconfig", text)
}

/// Cut off, and with another value in each line.
pub(crate) fn damaged() -> Vec<Input> {
    let text = GOOD.as_str();
    let mut inputs: Vec<_> =
        (0..text.len() / 3).map(|n| input(n, &format!("its first {} bytes", n * 3), &text.as_bytes()[..n * 3])).collect();
    let values = [
        "",
        "null",
        "5",
        "true",
        "[]",
        "{}",
        "[null]",
        "\"\\e[2J\\nFORGED: x\"",
        "~",
        "&a [*a]",
        "!!binary x",
        "\"\\0\"",
        "'",
        "|",
        "1e999",
        "!!js/function x",
    ];
    for line in text.lines() {
        let Some((key, _)) = line.split_once(':') else { continue };
        for (n, value) in values.iter().enumerate() {
            inputs.push(input(n + line.len(), &format!("{} is {value}", key.trim()), text.replacen(line, &format!("{key}: {value}"), 1)));
        }
        inputs.push(input(line.len(), &format!("without {}", key.trim()), text.replacen(&format!("{line}\n"), "", 1)));
        inputs.push(input(line.len(), &format!("twice {}", key.trim()), text.replacen(line, &format!("{line}\n{line}"), 1)));
    }
    inputs
}

/// Whole texts, and what stands in the fields that say where and by what right.
pub(crate) fn fields() -> Vec<Input> {
    let good = GOOD.as_str();
    let server = good.lines().find(|line| line.contains("server:")).expect("a server");
    let token = "    token: abc";
    let esc = "\"\\e[2J\\nFORGED: x\"";
    let mut texts: Vec<(String, Vec<u8>)> = vec![
        ("nothing".into(), vec![]),
        ("JSON".into(), b"{\"clusters\": []}".to_vec()),
        ("NUL bytes".into(), vec![0; 1000]),
        ("not UTF-8".into(), [b"\xff\xfe", good.as_bytes()].concat()),
        ("a BOM before it".into(), [b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("control characters".into(), b"\x1b[2J: \x07\nFORGED: x\n".to_vec()),
        ("two documents".into(), format!("{good}---\n{good}").into_bytes()),
        ("deep".into(), b"[".repeat(100_000)),
        ("deep maps".into(), (0..3000).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>().into_bytes()),
        (
            "aliases of aliases".into(),
            ["a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()]
                .into_iter()
                .chain(('b'..'j').map(|c| {
                    let p = char::from_u32(c as u32 - 1).unwrap_or('a');
                    format!("{c}: &{c} [{}]\n", format!("*{p},").repeat(9).trim_end_matches(','))
                }))
                .collect::<String>()
                .into_bytes(),
        ),
        ("10,000 contexts".into(), format!("{good}{}", "# x\n".repeat(10_000)).into_bytes()),
        ("no current context".into(), good.replace("current-context: c\n", "").into_bytes()),
        ("another context".into(), good.replace("current-context: c", &format!("current-context: {esc}")).into_bytes()),
        ("another cluster".into(), good.replace("cluster: k", &format!("cluster: {esc}")).into_bytes()),
        ("another user".into(), good.replace("user: u", &format!("user: {esc}")).into_bytes()),
    ];
    for value in [
        "127.0.0.1:1",
        "localhost",
        "ftp://127.0.0.1:1",
        "http://",
        "https://",
        "http:///x",
        "http://[::",
        "http://a b",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:1/%zz",
        "unix:///x",
        "http://a@b:c@127.0.0.1:1",
        "http://127.0.0.1:1?x#y",
        "http://no-such-host.invalid",
        "https://127.0.0.1:1",
        "//127.0.0.1",
        esc,
        "\"http://\\e[2J\"",
        "\"http://a\\nFORGED: x\"",
        "\" http://127.0.0.1:1\\n\"",
    ] {
        texts.push((format!("server {value}"), good.replace(server, &format!("    server: {value}")).into_bytes()));
    }
    let many = "a".repeat(100_000);
    for value in [
        "token: \"abc\\n\"",
        "token: \"a\\nb\"",
        "token: \"\\0\"",
        "token: \"\\e[2J\"",
        "token: é",
        "token: ''",
        &format!("token: {many}"),
        "tokenFile: none",
        "tokenFile: ''",
        "tokenFile: .",
        "tokenFile: fifo",
        "tokenFile: /dev/zero",
        "tokenFile: newline",
        "tokenFile: binary",
        &format!("tokenFile: {esc}"),
        "username: a",
        "username: a\n    password: \"b\\n\"",
        "username: \"\\e:\"\n    password: \"\\0\"",
        "client-certificate: none\n    client-key: none",
        "client-certificate-data: '!'\n    client-key-data: '!'",
        "client-certificate-data: eA==\n    client-key-data: eA==",
        "client-certificate: /dev/zero\n    client-key: /dev/zero",
        "client-certificate: fifo\n    client-key: fifo",
        "as: \"a\\nb\"",
        "as: x\n    as-groups: [1, null]",
        "auth-provider:\n      name: gcp",
        "auth-provider:\n      name: oidc\n      config: {idp-issuer-url: http://127.0.0.1:1, refresh-token: x, client-id: y}",
        "auth-provider: 5",
    ] {
        texts.push((value.chars().take(60).collect(), good.replace(token, &format!("    {value}")).into_bytes()));
    }
    for value in [
        "certificate-authority: none",
        "certificate-authority: fifo",
        "certificate-authority: /dev/zero",
        "certificate-authority: .",
        "certificate-authority-data: '!'",
        "certificate-authority-data: eA==",
        "insecure-skip-tls-verify: maybe",
        "insecure-skip-tls-verify: true",
        "tls-server-name: \"a\\nb\"",
        "proxy-url: nonsense",
        "proxy-url: http://127.0.0.1:1",
        "proxy-url: socks5://127.0.0.1:1",
        "proxy-url: 'http://a b'",
        "proxy-url: ''",
        &format!("proxy-url: {esc}"),
        "disable-compression: 5",
        "extensions: [1]",
    ] {
        texts.push((value.to_owned(), good.replace(server, &format!("{server}\n    {value}")).into_bytes()));
        texts.push((
            format!("{value} with https"),
            good.replace(server, &format!("    server: https://127.0.0.1:1\n    {value}")).into_bytes(),
        ));
    }
    let mut inputs = Vec::new();
    for (what, text) in texts {
        for call in 0..CALLS.len() {
            let mut input = input(call, &what, text.clone()).file("newline", "abc\n").file("binary", [0xff, 0, 0x1b]);
            if what.contains("fifo") {
                input.line = format!("mkfifo fifo; {}", input.line);
                input.expect.may_write = vec!["fifo"];
            }
            inputs.push(input);
        }
    }
    inputs
}

/// Commands that are to give a token.
pub(crate) fn plugins() -> Vec<Input> {
    let credential = |token: &str| {
        format!(
            "echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {{\"token\": \"{token}\"}}}}'"
        )
    };
    let plugins: Vec<(&str, String)> = vec![
        ("is right", credential("abc")),
        ("says nothing", "true".into()),
        ("fails", "exit 3".into()),
        ("fails with words", "printf '\\033[2J\\nFORGED: x\\nerror: y' >&2; exit 1".into()),
        ("says garbage", "printf '\\033[2J\\nFORGED: x'".into()),
        ("says NUL bytes", "head -c 100000 /dev/zero".into()),
        ("never ends", "sleep 100".into()),
        ("says without end", "yes '{'".into()),
        ("complains without end", "yes x >&2".into()),
        ("leaves a child that holds its pipe", format!("{}; sleep 100 &", credential("abc"))),
        ("ignores signals", "trap '' TERM INT HUP; sleep 100; sleep 100".into()),
        ("reads the terminal", "read x; echo $x".into()),
        ("dies", "kill -SEGV $$".into()),
        ("gives a token with a newline", credential("abc\\n")),
        ("gives a token of control characters", credential("\\u001b[2J\\u0000")),
        ("gives an empty token", credential("")),
        ("gives a number", credential("x").replace("\"x\"", "5")),
        ("gives no status", "echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\"}'".into()),
        ("gives another version", credential("abc").replace("/v1", "/v9")),
        ("gives another kind", credential("abc").replace("ExecCredential", "Pod")),
        (
            "gives one that has ended",
            credential("abc").replace("\"status\": {", "\"status\": {\"expirationTimestamp\": \"1999-01-01T00:00:00Z\", "),
        ),
        ("gives a time that is none", credential("abc").replace("\"status\": {", "\"status\": {\"expirationTimestamp\": \"x\", ")),
        (
            "gives garbage certificates",
            credential("abc").replace("\"status\": {", "\"status\": {\"clientCertificateData\": \"x\", \"clientKeyData\": \"y\", "),
        ),
        ("gives 20 MB", format!("head -c 20000000 /dev/zero | tr '\\0' ' '; {}", credential("abc"))),
    ];
    let exec = |command: &str, rest: &str| {
        GOOD.replace(
            "    token: abc",
            &format!(
                "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Never\n      command: {command}{rest}"
            ),
        )
    };
    let mut inputs = Vec::new();
    for (what, script) in plugins {
        for call in 0..CALLS.len() {
            let text = exec("sh", "\n      args: [plugin.sh]");
            inputs.push(input(call, &format!("a plugin that {what}"), text).file("plugin.sh", script.as_str()));
        }
    }
    for (n, (command, rest)) in [
        ("none", ""),
        ("''", ""),
        ("/dev/null", ""),
        (".", ""),
        ("\"\\e[2J\\nFORGED: x\"", ""),
        ("5", ""),
        ("sh", "\n      args: 5"),
        ("sh", "\n      args: [plugin.sh]\n      env: [{name: \"\\0\", value: x}]"),
        ("sh", "\n      args: [\"\\0\"]"),
        ("true", "\n      installHint: \"\\e[2J\\nFORGED: x\""),
    ]
    .into_iter()
    .enumerate()
    {
        inputs.push(input(n, &format!("a plugin {command} {}", rest.trim()), exec(command, rest)));
        inputs.push(input(n + 1, &format!("a plugin {command} {}", rest.trim()), exec(command, rest)));
    }
    inputs
}

/// Kubeconfigs that are no files.
pub(crate) fn places() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (what, setup, path) in [
        ("nothing", "", "none"),
        ("a directory", "", "state"),
        ("a FIFO", "mkfifo kubeconfig;", "kubeconfig"),
        ("/dev/zero", "", "/dev/zero"),
        ("a link to itself", "ln -s kubeconfig kubeconfig;", "kubeconfig"),
        ("empty", "", ""),
        ("a name that forges", "", "\u{1b}[2J\nFORGED: x"),
        ("200 MB", "head -c 200000000 /dev/zero | tr '\\0' ' ' > kubeconfig;", "kubeconfig"),
    ] {
        for (command, line) in CALLS {
            let line = format!(
                "{setup} {}",
                line.replace("=kubeconfig", &format!("={}", quoted(path)))
                    .replace("--kubeconfig kubeconfig", &format!("--kubeconfig={}", quoted(path)))
            );
            let mut expect = Expect::of(command).codes(&[2, 4]);
            expect.may_write = vec!["kubeconfig"];
            inputs.push(Input::new(format!("{command}, kubeconfig: {what}"), line, expect));
        }
    }
    inputs
}
