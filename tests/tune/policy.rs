//! A 0 that somebody wrote into a file stays; where /etc is not kept no file is written.

use crate::seen::Seen;

/// What must come of a case, by the names in guest/policy.sh.
struct Case {
    name: &'static str,
    exit: &'static str,
    /// What is said somewhere, in lower case.
    words: &'static [&'static str],
    /// Lines that are there afterwards and were not before.
    set: &'static [&'static str],
}

const RAISED: &str = "user/max_user_namespaces=63359";
const FILE: &str = "/etc/sysctl.d/60-buildkit-preflight.conf ";

const fn case(name: &'static str, exit: &'static str, words: &'static [&'static str], set: &'static [&'static str]) -> Case {
    Case { name, exit, words, set }
}

const CASES: &[Case] = &[
    case("plan", "1", &["policy", "99-stig.conf"], &[]),
    case("apply", "1", &["policy", "/etc/sysctl.d/99-stig.conf"], &[]),
    // The switch is on already, and is kept.
    case(
        "persist",
        "1",
        &["policy", "/etc/sysctl.d/99-stig.conf"],
        &[FILE, "kept: #", "kept: #", "kept: kernel.unprivileged_userns_clone = 1"],
    ),
    case("override", "0", &["99-stig.conf"], &[RAISED]),
    case(
        "override-persist",
        "0",
        &["99-stig.conf", "next boot"],
        &[RAISED, FILE, "kept: #", "kept: #", "kept: kernel.unprivileged_userns_clone = 1", "kept: user.max_user_namespaces = 63359"],
    ),
    case("slashes", "1", &["policy", "99-stig.conf"], &[]),
    case("dash", "1", &["policy", "99-stig.conf"], &[]),
    case("comment", "0", &[], &[RAISED]),
    case("later-file", "0", &[], &[RAISED]),
    case("run", "1", &["policy", "/run/sysctl.d/99-y-run.conf"], &[]),
    case("directory", "1", &["policy", "99-stig.conf"], &[]),
    case("fifo", "1", &["policy", "99-stig.conf"], &[]),
    case("dangling", "1", &["policy", "99-stig.conf"], &[]),
    case("masked", "0", &[], &[RAISED]),
    case("sysctl-conf", "1", &["policy", "/etc/sysctl.conf"], &[]),
    case("one-of-two", "1", &["policy", "99-stig.conf"], &[RAISED]),
    case("bottlerocket", "4", &["bottlerocket", "apiclient"], &[]),
    case("talos", "4", &["talos", "talosctl"], &[]),
    case("nixos", "4", &["nixos", "boot.kernel.sysctl"], &[]),
];

pub(crate) fn judge(seen: &mut Seen) -> String {
    let done = seen.text("cases").lines().count();
    seen.expect(done == CASES.len(), || format!("{done} cases were run, not {}", CASES.len()));
    for Case { name, exit, words, set } in CASES {
        seen.ended(0, name, exit);
        let said = seen.said(0, name);
        for word in *words {
            let start = || said.chars().take(300).collect::<String>();
            seen.expect(said.to_lowercase().contains(word), || format!("{name}: no {word} in: {}", start()));
        }
        let [before, after] = ["before", "after"].map(|end| seen.text(&format!("{name}.{end}")));
        let new: Vec<_> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
        // The time of a directory is not compared, but its link count and mode are: a file more changes neither.
        let right = new.len() == set.len() && set.iter().all(|part| new.iter().any(|line| line.contains(part)));
        seen.expect(right && !before.is_empty(), || format!("{name}: set {new:?}, not {set:?}"));
    }
    let kept = CASES.iter().filter(|case| case.exit != "0").count();
    format!("{} cases: {kept} left as they were and named, the others set", CASES.len())
}
