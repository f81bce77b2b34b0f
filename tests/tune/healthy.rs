//! Where nothing is to do, nothing is opened for writing.

use crate::seen::Seen;
use crate::sysctls;
use std::collections::BTreeSet;

/// With a real build, so that more than `tune` itself calls the node healthy.
pub(crate) fn judge(seen: &mut Seen) -> String {
    seen.node(0, "node", true);
    plain(seen)
}

/// Without one: CI sees nodes like this build in other tests.
pub(crate) fn plain(seen: &mut Seen) -> String {
    for (name, kind) in [("plan", "TunePlan"), ("apply", "TuneResult")] {
        seen.ended(0, name, "0");
        let answer = seen.answer(0, name, kind);
        let nothing = answer["changes"].as_array().is_some_and(Vec::is_empty);
        seen.expect(nothing, || format!("{name}: changes are {}", answer["changes"]));
    }
    let trace = seen.text("trace");
    let reads = trace.lines().filter(|line| line.contains("max_user_namespaces") || line.contains("unprivileged_userns_clone")).count();
    seen.expect(reads > 0, || "the trace shows no sysctl that is read".to_owned());
    let place = |line: &&str| ["/proc/sys", "sysctl.d", "_namespaces", "unprivileged_userns_clone"].iter().any(|part| line.contains(part));
    let writing = |line: &&str| ["O_WRONLY", "O_RDWR", "O_CREAT", "rename", "unlink", "creat("].iter().any(|part| line.contains(part));
    let writes: Vec<_> = trace.lines().filter(place).filter(writing).collect();
    seen.expect(writes.is_empty(), || format!("opened for writing: {writes:?}"));
    let [first, before, after] = ["sysctls.first", "sysctls.before", "sysctls.after"].map(|name| sysctls::read(seen, name));
    let restless = sysctls::differ(&first, &before);
    let changed: BTreeSet<_> = sysctls::differ(&before, &after).difference(&restless).cloned().collect();
    seen.expect(changed.is_empty(), || format!("changed {changed:?}"));
    let files = seen.text("files");
    seen.expect(files.lines().count() == 1, || format!("files in sysctl.d: {files}"));
    format!("plan and apply: exit 0; {reads} opens of sysctls, none for writing; {} sysctls as before", after.len())
}
