//! Two who don't agree: it tries three times, says who the other is likely to be, and leaves the value alone.

use crate::seen::Seen;
use serde_json::Value;

pub(crate) fn file(seen: &mut Seen) -> String {
    judge(seen, Some("99-other.conf"))
}

pub(crate) fn no_file(seen: &mut Seen) -> String {
    judge(seen, None)
}

fn judge(seen: &mut Seen, file: Option<&str>) -> String {
    let writes = seen.text("writes");
    let lines: Vec<_> = writes.lines().collect();
    let back = lines.iter().filter(|line| line.starts_with("back")).count();
    seen.expect(back == 3, || format!("set back {back} times, not 3: {writes:?}"));
    let end = lines.last().copied().unwrap_or_default();
    seen.expect(end.starts_with("stopped"), || format!("after it had stopped it went on: {writes:?}"));

    let status = seen.text("status");
    let status: Value = serde_json::from_str(&status).unwrap_or_default();
    let problem = &status["problem"];
    seen.expect(status["kind"] == "Tuned" && problem["reason"] == "TugOfWar", || format!("the status is {status}"));
    let error = seen.text("watch.err");
    let told = error.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| !line["problem"].is_null());
    seen.expect(told.is_some(), || format!("no problem on standard error: {}", error.trim()));
    let message = format!("{problem} {}", told.unwrap_or_default());
    if let Some(file) = file {
        let everywhere = [problem.to_string(), error.clone()].iter().all(|text| text.contains(file));
        seen.expect(everywhere, || format!("{file} is not named: {message}"));
    } else {
        seen.expect(!message.contains("sysctl.d/"), || format!("a file is named, and there is none: {message}"));
    }
    let values = seen.text("values");
    seen.expect(values.lines().count() > 20 && values.lines().all(|value| value == "5"), || format!("it was not left alone: {values:?}"));
    let exit = seen.text("watch.exit");
    seen.expect(exit.trim() == "0", || format!("SIGTERM ends it with {}", exit.trim()));
    let beside = seen.text("run");
    seen.expect(!beside.lines().any(|name| name.contains("status") && name != "status"), || format!("files beside the status: {beside}"));
    let time = |line: Option<&&str>| line.and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok()).unwrap_or_default();
    format!("set back 3 times in {:.0} s, then left at 5 for 12 s; SIGTERM: 0", time(lines.last()) - time(lines.first()))
}
