use super::*;
use crate::fleet::status::{FleetNode, Head, Rules, Silence, Words};
use crate::node::{CONDITIONS, Key, Node, View};
use crate::report::NodeEvent;
use crate::text::is_harmless;
use serde_json::{Value, json};

/// What somebody may write who wants a terminal, a spreadsheet, a shell or a reader to do something.
const HOSTILE: [&str; 16] = [
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "line\nbreak\r\u{2028}",
    "\u{202e}reversed\u{2066}",
    "<script>alert(1)</script>",
    "=HYPERLINK(\"http://x\")",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "`rm -rf /`$(x);",
    "\",\"",
    "\u{0}\u{9b}31m\u{7f}",
    "' OR 1=1",
    "%s%n{}{0}",
    "not ready",
    "\u{200b}\u{feff}\u{e0041}",
    "",
];

/// One of 5,000 Nodes, each with a trouble of its own, all by its number.
fn hostile(number: usize) -> Value {
    let word = |at: usize| HOSTILE[(number / 7 + at) % HOSTILE.len()];
    let long = "x\u{1b}".repeat(if number.is_multiple_of(101) { 3_000 } else { 0 });
    let manager = ["buildkit-preflight/no-process-sandbox", "buildkit-preflight/procmount", "kubectl", word(1)][number % 4];
    let labels: serde_json::Map<String, Value> = Key::ALL
        .iter()
        .enumerate()
        .filter(|(at, _)| !(number + at).is_multiple_of(3))
        .map(|(at, key)| {
            let value = ["ready", "not-ready", "unknown", word(2)][(number + at) % 4];
            (key.with(crate::node::DEFAULT_PREFIX), json!(value))
        })
        .chain([("karpenter.sh/nodepool".to_owned(), json!(word(3))), (word(4).to_owned(), json!(word(5)))])
        .collect();
    let fields: serde_json::Map<String, Value> = labels.keys().map(|key| (format!("f:{key}"), json!({}))).collect();
    let said = json!({"f:status": {}, "f:reason": {}, "f:message": {}, "f:lastHeartbeatTime": {}});
    let owned: serde_json::Map<String, Value> = CONDITIONS
        .iter()
        .map(|row| (format!("k:{{\"type\":\"{}\"}}", row.name), if number.is_multiple_of(7) { json!({}) } else { said.clone() }))
        .collect();
    let times = ["2026-06-01T11:59:00Z", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z", word(6), "-0001-01-01T00:00:00Z"];
    let conditions: Vec<Value> = CONDITIONS
        .iter()
        .enumerate()
        .filter(|(at, _)| !(number + at).is_multiple_of(11))
        .map(|(at, row)| {
            let mut condition = json!({
                "type": row.name,
                "status": (["True", "False", "Unknown", word(7)][(number + at) % 4]),
                "reason": if number.is_multiple_of(3) { "UsernsMax0" } else { word(8) },
                "message": format!("x. Fix: {}. The next problem after that: {} ({}).{long}", word(9), word(10), word(11)),
                "lastHeartbeatTime": (times[(number + at) % times.len()]),
            });
            if number.is_multiple_of(6) {
                condition["lastTransitionTime"] = json!(word(12));
            }
            if number.is_multiple_of(9) {
                condition.as_object_mut().expect("an object").remove("message");
            }
            condition
        })
        .collect();
    json!({
        "metadata": {
            "name": format!("{}{number}{long}", word(0)), "uid": word(1), "labels": labels,
            "managedFields": [{"manager": manager, "fieldsV1": {"f:metadata": {"f:labels": fields}, "f:status": {"f:conditions": owned}}}],
        },
        "status": {"conditions": conditions, "nodeInfo": {"osImage": word(13), "kernelVersion": word(14), "kubeletVersion": word(15)}},
    })
}

fn rules() -> Rules {
    Rules { now: "2026-06-01T12:00:00Z".parse().expect("a time"), ..Rules::default() }
}

fn fleet(nodes: usize) -> FleetReport {
    let (rules, mut words) = (rules(), Words::default());
    let read = |number| {
        let node: Node = serde_json::from_value(hostile(number)).expect("a Node");
        FleetNode::new(node, &rules, &mut words)
    };
    let list = (0..nodes).map(read).collect();
    let head = Head {
        kubernetes: HOSTILE[0].into(),
        cluster: Some(HOSTILE[1].into()),
        default_profile: "no-process-sandbox".into(),
        ..Head::default()
    };
    FleetReport::new(head, list)
}

#[test]
fn nothing_of_5000_hostile_nodes_reaches_a_terminal_raw() {
    let report = fleet(5_000);
    assert_eq!(report.nodes, 5_000);
    for profile in &report.profiles {
        let counts = profile.counts;
        assert_eq!(counts.ready + counts.not_ready + counts.unknown + counts.silent, 5_000, "{}", profile.profile);
    }
    let silences: std::collections::BTreeSet<_> = report.list.iter().filter_map(|node| node.silent_because).collect();
    for expected in [Silence::Stale, Silence::Stray, Silence::HalfWritten] {
        assert!(silences.contains(&expected), "{silences:?}");
    }
    let own = report.profile(Profile::NoProcessSandbox).expect("it").counts;
    assert!(own.ready > 0 && own.not_ready > 0, "some are as they say: {own:?}");
    let table = fleet_table(&report, &Profile::ALL, Style::default());
    let line = fleet_line(&report, &Profile::ALL);
    let csv = fleet_csv(&report, &Profile::ALL);
    for text in [&table, &line, &csv] {
        assert!(is_harmless(text));
    }
    assert!(table.lines().count() < 1_000, "a table that a person can read");
    assert_eq!(line.lines().count(), Profile::ALL.len());
    assert_eq!(csv.lines().count(), 1 + 5_000 * Profile::ALL.len(), "a row is a line");
    for row in csv.lines() {
        assert_no_formula(row);
    }
    let json = crate::text::json(serde_json::to_string(&report).expect("JSON"));
    assert!(is_harmless(&json));
    assert_eq!(serde_json::from_str::<FleetReport>(&json).expect("the same"), report);
}

/// Reads a row as RFC 4180 says.
fn assert_no_formula(row: &str) {
    let (mut cells, mut cell, mut is_quoted, mut chars) = (Vec::new(), String::new(), false, row.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    assert_eq!((cells.len(), is_quoted), (15, false), "{row}");
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row}");
}

#[test]
fn one_hostile_node_in_full_reaches_no_terminal_raw() {
    for number in 0..500 {
        let read = || serde_json::from_value::<Node>(hostile(number)).expect("a Node");
        let (row, view) = (FleetNode::new(read(), &rules(), &mut Words::default()), View::new(read(), crate::node::DEFAULT_PREFIX));
        let event = NodeEvent { message: HOSTILE[number % 16].into(), reason: HOSTILE[(number + 1) % 16].into(), ..NodeEvent::default() };
        let report = NodeReport::new(Head::default(), row, &view, rules().now, Ok(vec![event]));
        assert!(is_harmless(&node_table(&report, &Profile::ALL, Style::default())));
    }
}

#[test]
fn a_person_reads_pools_causes_and_what_one_change_unlocks() {
    let message = "rootless BuildKit does not work here: x (proven: y). Fix: sysctl -w user.max_user_namespaces=63359.";
    let standing = crate::fleet::status::Standing {
        verdict: crate::fleet::status::State::NotReady,
        cause: Some("userns-max0".into()),
        message: Some(message.into()),
        fix: Some("sysctl -w user.max_user_namespaces=63359".into()),
        ..Default::default()
    };
    let node = |name: &str| FleetNode {
        name: name.into(),
        pool: "karpenter.sh/nodepool=gpu".into(),
        profiles: crate::fleet::status::ByProfile::of(|_| standing.clone()),
        ..FleetNode::default()
    };
    let head = Head {
        kubernetes: "v1.36.3".into(),
        time: "2026-06-01T12:00:00Z".into(),
        default_profile: "no-process-sandbox".into(),
        ..Head::default()
    };
    let report = FleetReport::new(head, vec![node("a"), node("b")]);
    let asked = [Profile::NoProcessSandbox];
    let table = fleet_table(&report, &asked, Style::default());
    for part in [
        "Kubernetes v1.36.3 · 2 nodes · 2026-06-01T12:00:00Z\n",
        "no-process-sandbox  0      2          0        0\n",
        "karpenter.sh/nodepool=gpu  2      0      2          0        0       userns-max0\n",
        "userns-max0  not ready  2      gpu    ",
        "  up to 2 nodes more, pool karpenter.sh/nodepool=gpu (userns-max0)\n    sysctl -w user.max_user_namespaces=63359\n",
    ] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    assert_eq!(fleet_line(&report, &asked), "no-process-sandbox: 0 of 2 ready, 2 not ready; most often userns-max0\n");
}
