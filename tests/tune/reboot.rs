//! What is persisted is there after a boot, what is forgotten is not. The kernel's command line has the switch off.

use crate::seen::Seen;

pub(crate) fn judge(seen: &mut Seen) -> String {
    seen.node(0, "node", false);
    seen.ended(0, "tune", "0");
    let answer = seen.answer(0, "tune", "TuneResult");
    seen.expect(answer["persisted"] == "/etc/sysctl.d/60-buildkit-preflight.conf", || format!("persisted is {}", answer["persisted"]));
    let conf = seen.text("conf");
    seen.expect(conf.lines().any(|line| line.replace(' ', "") == "kernel.unprivileged_userns_clone=1"), || format!("the file is {conf:?}"));

    booted(seen, 1, "1");
    let log = seen.text_of(1, "sysctl.log");
    seen.expect(log.contains("60-buildkit-preflight.conf"), || format!("the boot did not read the file: {log}"));
    seen.node(1, "node", true);
    seen.ended(1, "tune", "0");
    let files = seen.text_of(1, "files");
    seen.expect(!files.contains("60-buildkit"), || format!("the file is still there: {files}"));

    booted(seen, 2, "0");
    seen.node(2, "node", false);
    format!("persisted: ready after a reboot, a build in {:.0} s; forgotten: not ready after the next", seen.seconds(1, "node"))
}

fn booted(seen: &mut Seen, boot: usize, switch: &str) {
    let line = format!("kernel/unprivileged_userns_clone={switch}");
    let booted = seen.text_of(boot, "booted");
    seen.expect(booted.lines().any(|found| found == line), || format!("boot {boot}: not {line}: {booted}"));
}
