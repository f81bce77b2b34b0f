//! The agent against an API server that misbehaves. What it does on a real one is in `tests/cluster`.

mod canary;
mod server;

use buildkit_preflight::node::Rule;
use serde_json::Value;
use server::{Answer, Kind, Server, refusal, tried_by};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const KEY: &str = "buildkit-preflight.dev/no-process-sandbox";

/// An agent of its own; ends with this.
struct Agent {
    child: Child,
    dir: TempDir,
    listens: SocketAddr,
}

impl Agent {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = |name: &str| dir.path().join(name);
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n\
             contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n",
            server.address
        );
        fs::write(file("kubeconfig"), kubeconfig).expect("write");
        fs::create_dir(file("state")).expect("mkdir");
        for path in [dir.path(), &file("state")] {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("chmod");
        }
        let listens = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("buildkit-preflight"));
        command
            .args(["agent", "--node", "node1", "--evidence", "probed", "--listen", &listens.to_string(), "--kubeconfig"])
            .arg(file("kubeconfig"));
        command.arg("--state-dir").arg(file("state")).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(file("log")).expect("a log"));
        Agent { child: command.spawn().expect("the agent"), dir, listens }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).expect("a log")
    }

    /// Waits for a state; each has a minute.
    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(self.child.try_wait().expect("wait").is_none(), "{what}: the agent ended:\n{}", self.log());
            assert!(Instant::now() < end, "{what}: not in a minute:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks the agent's own server: the status and the text.
    fn ask(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.listens).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let status = text.split(' ').nth(1)?.parse().ok()?;
        Some((status, text.split_once("\r\n\r\n")?.1.to_owned()))
    }

    fn is_ready(&self) -> bool {
        self.ask("/readyz").is_some_and(|(status, _)| status == 200)
    }

    /// SIGTERM, and the exit code.
    fn end(mut self) -> Option<i32> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("kill");
        self.child.wait().expect("wait").code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn applied(server: &Server) -> Vec<Value> {
    server.seen(Kind::Apply).into_iter().map(|seen| seen.body).collect()
}

fn condition(object: &Value) -> Value {
    let conditions = object["status"]["conditions"].as_array().expect("conditions");
    conditions.iter().find(|condition| condition["type"] == "RootlessBuildKit").cloned().unwrap_or_default()
}

#[test]
fn it_reads_tells_and_writes_in_this_order_and_then_rests() {
    let server = Server::start(|_, _| Answer::Properly);
    let mut agent = Agent::start(&server, &[]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    let says = server.node()["metadata"]["labels"][KEY].as_str().expect("a label").to_owned();
    let (status, metrics) = agent.ask("/metrics").expect("metrics");
    assert_eq!(status, 200);
    assert!(metrics.contains(&format!("verdict{{profile=\"no-process-sandbox\",verdict=\"{says}\"}} 1")), "{metrics}");
    assert!(metrics.contains("verdict{profile=\"rootful\",verdict=\"ready\"} 0"), "as the label says, which is never ready: {metrics}");
    assert!(metrics.contains("writes_total{result=\"success\"} 1"), "{metrics}");
    assert_eq!(agent.ask("/healthz").map(|(status, _)| status), Some(200));
    let counts = [Kind::Read, Kind::DryRun, Kind::Event, Kind::Apply].map(|kind| server.seen(kind).len());
    // Of another node it knows nothing here.
    assert_eq!(counts, [1, Rule::ALL.len() - 1, 1, 1]);
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn an_event_that_cant_be_told_does_not_hold_up_the_label() {
    let mut refused = 0;
    let server = Server::start(move |seen, _| match seen.kind {
        Kind::Event if refused < 3 => {
            refused += 1;
            Answer::With([429, 503, 403][refused - 1], refusal(429, "too many events"))
        }
        _ => Answer::Properly,
    });
    let mut agent = Agent::start(&server, &[]);
    agent.wait("the label", |_| server.node()["metadata"]["labels"].get(KEY).cloned());
    agent.wait("the event", |_| (!server.events().is_empty()).then_some(()));
    let names: Vec<_> = server.seen(Kind::Event).iter().map(|seen| seen.body["metadata"]["name"].clone()).collect();
    assert!(names.len() == 4 && names.iter().all(|name| *name == names[0]), "{names:?}");
    assert_eq!((server.events().len(), applied(&server).len()), (1, 1));
}

#[test]
fn an_event_that_is_refused_for_its_times_is_told_again_a_few_times() {
    for (refusals, is_told) in [(2, true), (usize::MAX, false)] {
        let mut events = 0;
        let server = Server::start(move |seen, _| match seen.kind {
            Kind::Event => {
                events += 1;
                if events <= refusals { Answer::With(422, refusal(422, Rule::EventTimes.refusal())) } else { Answer::Properly }
            }
            _ => Answer::Properly,
        });
        let mut agent = Agent::start(&server, &[]);
        let ends = if is_told { "event sent" } else { r#""is_final":true"# };
        agent.wait("it is told or given up", |agent| agent.log().contains(ends).then_some(()));
        assert_eq!(server.seen(Kind::Event).len(), if is_told { 3 } else { 6 }, "{}", agent.log());
        assert_eq!(server.events().len(), usize::from(is_told));
        assert_eq!(agent.log().matches("could not send an event").count(), if is_told { 1 } else { 2 }, "each complaint once");
    }
}

#[test]
fn a_heartbeat_proves_again_and_takes_back_what_a_human_wrote() {
    let server = Server::start(|seen, node| {
        if seen.kind == Kind::DryRun {
            // By hand, between two writes.
            node["metadata"]["labels"][KEY] = "by-hand".into();
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--heartbeat", "1s"]);
    agent.wait("four writes", |_| (applied(&server).len() >= 4).then_some(()));
    let writes = applied(&server);
    assert!(writes.iter().all(|write| write["metadata"]["labels"][KEY] == writes[0]["metadata"]["labels"][KEY]));
    let since: Vec<_> = writes.iter().map(|write| condition(write)["lastTransitionTime"].clone()).collect();
    assert!(since.iter().all(|time| *time == since[0]), "{since:?}");
    assert!(agent.log().matches("\"judged\"").count() >= 4, "proven each time");
    assert_eq!((server.seen(Kind::Read).len(), server.events().len()), (1, 1), "nothing is read again or told again");
}

#[test]
fn a_node_that_was_replaced_is_a_new_one() {
    let mut applies = 0;
    let server = Server::start(move |seen, node| {
        applies += usize::from(seen.kind == Kind::Apply);
        if seen.kind == Kind::Apply && applies == 2 {
            node["metadata"]["uid"] = "second".into();
            node["metadata"]["labels"] = serde_json::json!({});
            node["status"]["conditions"].as_array_mut().expect("conditions").truncate(1);
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--heartbeat", "1s"]);
    agent.wait("the new Node has a label", |_| {
        let node = server.node();
        (node["metadata"]["uid"] == "second" && node["metadata"]["labels"].get(KEY).is_some()).then_some(())
    });
    assert_eq!(server.events().len(), 2, "its first verdict is told");
}

#[test]
fn an_answer_that_is_lost_does_not_make_the_status_younger() {
    for is_cut in [true, false] {
        let mut applies = 0;
        let server = Server::start(move |seen, node| {
            applies += usize::from(seen.kind == Kind::Apply);
            if seen.kind == Kind::Read && applies == 1 {
                // Nothing but this write stands on the Node; it is a while ago.
                node["status"]["conditions"][1]["lastTransitionTime"] = "2026-01-01T00:00:00Z".into();
            }
            match seen.kind {
                Kind::Apply if applies == 1 && is_cut => Answer::CutAfter,
                Kind::Apply if applies == 1 => Answer::EndlessAfter,
                _ => Answer::Properly,
            }
        });
        let mut agent = Agent::start(&server, &[]);
        agent.wait("ready", |agent| agent.is_ready().then_some(()));
        assert_eq!(condition(&server.node())["lastTransitionTime"], "2026-01-01T00:00:00Z", "cut: {is_cut}");
        assert_eq!(server.events().len(), 1);
    }
}

#[test]
fn without_a_policy_it_writes_nothing_and_says_why() {
    let server = Server::start(|seen, node| match seen.kind {
        Kind::DryRun => Answer::With(200, node.to_string()),
        _ => Answer::Properly,
    });
    let mut agent = Agent::start(&server, &[]);
    agent.wait("it has tried three times", |_| (server.seen(Kind::DryRun).len() >= 3).then_some(()));
    let (status, why) = agent.ask("/readyz").expect("an answer");
    assert!(status == 503 && why.contains("no admission policy confines this account"), "{why}");
    // It may have been applied just now.
    let log = agent.log();
    let first = log.lines().find(|line| line.contains("no admission policy confines this account")).expect("it is logged");
    assert!(first.contains("waiting for the admission policy to take effect") && first.contains("INFO"), "{first}");
    assert_eq!((applied(&server).len(), server.events().len()), (0, 0));
    assert_eq!(agent.ask("/healthz").map(|(status, _)| status), Some(200), "no reason to start it anew");
    drop(agent);

    let server = Server::start(|_, _| Answer::Properly);
    let mut agent = Agent::start(&server, &["--allow-unconfined"]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    assert_eq!(server.seen(Kind::DryRun).len(), 0);
}

#[test]
fn a_rule_that_is_missing_is_named_and_nothing_is_written() {
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::OwnNode) {
        let server = Server::start(move |seen, node| match seen.kind {
            Kind::DryRun if tried_by(seen) == Some(rule) => Answer::With(200, node.to_string()),
            _ => Answer::Properly,
        });
        let mut agent = Agent::start(&server, &[]);
        let why = agent.wait("it says what is missing", |agent| agent.ask("/readyz").filter(|(_, why)| why.contains(rule.attack())));
        assert!(why.0 == 503 && why.1.contains(rule.policy()) && agent.log().contains(rule.attack()), "{why:?}");
        assert_eq!((applied(&server).len(), server.events().len()), (0, 0));
    }
}

#[test]
fn rules_are_tried_in_turn_at_each_write() {
    let server = Server::start(|_, _| Answer::Properly);
    let mut agent = Agent::start(&server, &["--heartbeat", "1s"]);
    agent.wait("four writes", |_| (applied(&server).len() >= 4).then_some(()));
    let tried = server.seen(Kind::DryRun);
    let at_start = Rule::ALL.len() - 1;
    let in_turn: Vec<_> = tried[at_start..].iter().take(2).map(tried_by).collect();
    assert_eq!(in_turn, [Some(Rule::Labels), Some(Rule::Rest)], "one at a time");
}

#[test]
fn what_others_put_under_our_names_is_gone_with_the_next_write() {
    const FOREIGN: &str = "buildkit-preflight.dev/pod-ids";
    let mut writes = 0;
    let server = Server::start(move |seen, node| {
        writes += usize::from(seen.kind == Kind::Apply);
        if seen.kind == Kind::DryRun && writes == 2 {
            // By hand, between two writes. Nobody of ours owns it.
            node["metadata"]["labels"][FOREIGN] = "by-hand".into();
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &["--heartbeat", "1s"]);
    agent.wait("it is taken off", |_| server.seen(Kind::Remove).into_iter().next());
    agent.wait("it is gone", |_| server.node()["metadata"]["labels"].get(FOREIGN).is_none().then_some(()));
    assert_eq!(server.seen(Kind::Remove)[0].body["metadata"]["labels"], serde_json::json!({FOREIGN: null}));
    let removals = server.seen(Kind::Remove).len();
    agent.wait("another write", |_| (applied(&server).len() >= 4).then_some(()));
    assert_eq!(server.seen(Kind::Remove).len(), removals, "and nothing is asked for where there is nothing to take off");
}

#[test]
fn what_nobody_proved_is_taken_off_before_the_first_probe() {
    let mut is_stamped = false;
    let server = Server::start(move |seen, node| {
        if seen.kind == Kind::Read && !std::mem::replace(&mut is_stamped, true) {
            // As a Node is born whose labels were copied from another one.
            node["metadata"]["labels"][KEY] = "ready".into();
        }
        Answer::Properly
    });
    let mut agent = Agent::start(&server, &[]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    let removed = server.seen(Kind::Remove);
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].body["metadata"]["labels"], serde_json::json!({KEY: null}));
    let log = agent.log();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text} in {log}"));
    assert!(at("took off the Node what others had put there") < at("\"judged\""), "{log}");
    assert!(!log.contains("seems to be no longer ready"), "{log}");
}

#[test]
fn it_comes_through_refusals_and_garbage_and_does_not_flood_its_log() {
    let mut requests = 0;
    let server = Server::start(move |_, _| {
        requests += 1;
        match requests {
            1 => Answer::With(401, refusal(401, "Unauthorized")),
            2..=5 => Answer::With(502, format!("<html>{}</html>", "x".repeat(1_000_000))),
            _ => Answer::Properly,
        }
    });
    let mut agent = Agent::start(&server, &[]);
    agent.wait("ready", |agent| agent.is_ready().then_some(()));
    let log = agent.log();
    assert!(log.len() < 10_000, "{} bytes", log.len());
    assert_eq!(log.matches("could not publish").count(), 2, "each complaint once: {log}");
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "JSON lines: {log}");
}

#[test]
fn sigterm_ends_it_while_a_request_hangs() {
    for hangs in [Kind::Read, Kind::DryRun, Kind::Event, Kind::Apply] {
        let server = Server::start(move |seen, _| if seen.kind == hangs { Answer::Never } else { Answer::Properly });
        let mut agent = Agent::start(&server, &[]);
        agent.wait("it hangs", |_| (!server.seen(hangs).is_empty()).then_some(()));
        let began = Instant::now();
        assert_eq!(agent.end(), Some(0), "{hangs:?}");
        // Far above the two seconds that it may take: this machine may be busy; a request is given up only after ten.
        assert!(began.elapsed() < Duration::from_secs(8), "{hangs:?}");
    }
}

#[test]
fn a_state_dir_that_goes_away_is_unknown_and_ends_nothing() {
    let server = Server::start(|_, _| Answer::Properly);
    let mut agent = Agent::start(&server, &["--heartbeat", "1s"]);
    agent.wait("a verdict", |_| server.node()["metadata"]["labels"].get(KEY).cloned());
    fs::remove_dir_all(agent.dir.path().join("state")).expect("rm");
    // Where `ready` stands, what can't be told is given a minute to pass.
    agent.wait("it looks again", |agent| {
        let unknown = server.node()["metadata"]["labels"][KEY] == "unknown";
        (unknown || agent.log().contains("seems to be no longer ready")).then_some(())
    });
    assert!(agent.log().contains("works here: state dir "), "the reason: {}", agent.log());
    assert!(agent.ask("/healthz").is_some_and(|(status, _)| status == 200));
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn one_who_asks_slowly_keeps_nobody_out() {
    let server = Server::start(|_, _| Answer::Properly);
    let mut agent = Agent::start(&server, &[]);
    agent.wait("alive", |agent| agent.ask("/healthz"));
    let slow: Vec<_> = (0..200).filter_map(|_| TcpStream::connect(agent.listens).ok()).collect();
    for mut stream in &slow {
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\n");
    }
    assert_eq!(agent.ask("/healthz").map(|(status, _)| status), Some(200));
}
