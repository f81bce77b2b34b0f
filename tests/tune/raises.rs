//! What is low is raised, by a pod that may do no more than that; nothing else in /proc/sys is another afterwards.

use crate::seen::{Seen, plain};
use crate::sysctls;
use serde_json::Value;
use std::collections::BTreeSet;

const CLONE: (&str, &str, &str) = ("kernel.unprivileged_userns_clone", "0", "1");
const MAX: (&str, &str, &str) = ("user.max_user_namespaces", "0", "63359");
const MNT: (&str, &str, &str) = ("user.max_mnt_namespaces", "2", "63359");

pub(crate) fn clone(seen: &mut Seen) -> String {
    judge(seen, &[CLONE])
}

pub(crate) fn max(seen: &mut Seen) -> String {
    judge(seen, &[MAX])
}

pub(crate) fn both(seen: &mut Seen) -> String {
    judge(seen, &[CLONE, MAX])
}

pub(crate) fn mnt(seen: &mut Seen) -> String {
    judge(seen, &[MNT])
}

/// With a limit that is no kernel's default, and enough.
pub(crate) fn enough(seen: &mut Seen) -> String {
    judge(seen, &[CLONE])
}

fn judge(seen: &mut Seen, wanted: &[(&str, &str, &str)]) -> String {
    seen.node(0, "before", false);
    seen.ended(0, "tune", "0");
    let answer = seen.answer(0, "tune", "TuneResult");
    let said: BTreeSet<_> = answer["changes"].as_array().into_iter().flatten().map(|change| tuple(change, "sysctl")).collect();
    let wanted: BTreeSet<_> = wanted.iter().map(|(name, from, to)| (*name).to_owned() + " " + from + " " + to).collect();
    seen.expect(said == wanted, || format!("says that it changed {said:?}, not {wanted:?}"));
    audited(seen, "tune", &wanted);

    let [low, before, after] = ["sysctls.low", "sysctls.before", "sysctls.after"].map(|name| sysctls::read(seen, name));
    let restless = sysctls::differ(&low, &before);
    let changed: BTreeSet<_> = sysctls::differ(&before, &after).difference(&restless).cloned().collect();
    let changed: BTreeSet<_> = changed
        .iter()
        .map(|path| {
            let value = |all: &sysctls::Sysctls| all.get(path).map(|value| value.trim().to_owned()).unwrap_or_default();
            format!("{} {} {}", path.replace('/', "."), value(&before), value(&after))
        })
        .collect();
    seen.expect(changed == wanted, || format!("changed {changed:?}, not {wanted:?}"));
    seen.node(0, "after", true);
    format!(
        "{}; {} other sysctls as before ({} restless); no build before, a build in {:.0} s after",
        wanted.iter().cloned().collect::<Vec<_>>().join(", "),
        before.len() - changed.len() - restless.len(),
        restless.len(),
        seen.seconds(0, "after")
    )
}

fn tuple(change: &Value, name: &str) -> String {
    [name, "from", "to"].map(|key| plain(&change[key])).join(" ")
}

/// Each change is a line on standard error that says who made it, and when.
fn audited(seen: &mut Seen, name: &str, wanted: &BTreeSet<String>) {
    let text = seen.text(&format!("{name}.err"));
    let lines: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|line: &Value| line["what"] != Value::Null).collect();
    let said: BTreeSet<_> = lines.iter().map(|line| tuple(line, "what")).collect();
    seen.expect(said == *wanted && lines.len() == wanted.len(), || format!("its log says {said:?}, not {wanted:?}"));
    for line in &lines {
        let who = ["uid", "pid", "program", "arguments"].iter().all(|key| !line["who"][key].is_null());
        seen.expect(who && !line["when"].is_null() && !line["bootId"].is_null(), || format!("its log lacks who or when: {line}"));
    }
}
