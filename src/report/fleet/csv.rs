//! A fleet as CSV (RFC 4180), a row for each node and profile. Spreadsheets take what begins with one of four signs for a formula, and
//! names, labels and messages are somebody else's: such a cell begins with an apostrophe.

use crate::fleet::status::{FleetReport, Text};
use crate::profile::Profile;
use crate::text::line;
use std::borrow::Cow;

const HEAD: [&str; 15] = [
    "node",
    "pool",
    "profile",
    "verdict",
    "cause",
    "fix",
    "message",
    "since",
    "heartbeat",
    "silentBecause",
    "silentText",
    "os",
    "kernel",
    "kubelet",
    "runtime",
];

/// All nodes, by name.
pub fn fleet_csv(report: &FleetReport, asked: &[Profile]) -> String {
    let mut text = HEAD.join(",") + "\n";
    for node in &report.list {
        for profile in asked {
            let standing = node.profiles.get(*profile);
            let some = |text: &Option<Text>| text.as_deref().unwrap_or_default().to_owned();
            let silent = node.silent_text.clone().filter(|_| standing.silent_because.is_some());
            let cells = [
                node.name.to_string(),
                node.pool.to_string(),
                profile.id().to_owned(),
                standing.verdict.id().to_owned(),
                some(&standing.cause),
                some(&standing.fix),
                some(&standing.message),
                some(&standing.since),
                some(&standing.heartbeat),
                standing.silent_because.map(|because| because.id().to_owned()).unwrap_or_default(),
                some(&silent),
                node.os.to_string(),
                node.kernel.to_string(),
                node.kubelet.to_string(),
                node.runtime.to_string(),
            ];
            text += &cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",");
            text.push('\n');
        }
    }
    text
}

/// A cell that is one cell to whoever reads it, and no formula.
fn cell(text: &str) -> Cow<'_, str> {
    let shown = line(text);
    let is_formula = shown.trim_start().starts_with(['=', '+', '-', '@']);
    let needs_quotes = is_formula || shown.contains([',', '"', ';', ' ']);
    if !needs_quotes {
        return shown;
    }
    let mark = if is_formula { "'" } else { "" };
    format!("\"{mark}{}\"", shown.replace('"', "\"\"")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_cell_and_no_formula() {
        for (text, shown) in [
            ("", ""),
            ("node-1", "node-1"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            ("-1", "\"'-1\""),
            (" +1", "\"' +1\""),
            ("a\r\n=b", "a\\r\\n=b"),
            ("\t=b", "\\t=b"),
        ] {
            assert_eq!(cell(text), shown);
        }
    }
}
