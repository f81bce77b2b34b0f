//! What arguments, environment and files of others can't make it do.

use crate::seen::Seen;

/// What must come of an attack.
enum Want {
    /// Bad usage: exit 2, nothing changed.
    Usage(&'static str),
    /// Exit 4, nothing changed, and standard error names this.
    Refused(&'static str),
    /// Exit 0: the switch is on, and nothing else is changed but our file.
    Applied,
    /// Refused or applied: what matters is that victims are as before.
    Harmless,
}
use Want::{Applied, Harmless, Refused, Usage};

const FILE: &str = "60-buildkit-preflight.conf";

/// By the names in guest/attacks.sh.
const ATTACKS: &[(&str, Want)] = &[
    ("core-pattern", Usage("kernel.core_pattern")),
    ("core-pattern-up", Usage("../../kernel/core_pattern")),
    ("core-pattern-across", Usage("user/../kernel/core_pattern")),
    ("core-pattern-slash", Usage("kernel/core_pattern")),
    ("zero", Usage("--max-user-namespaces")),
    ("too-much", Usage("--max-user-namespaces")),
    ("environment", Applied),
    ("sysctls-look-alike", Refused("/guest/tmp/fake")),
    ("sysctls-link", Refused("/guest/tmp/link")),
    ("sysctls-links-inside", Refused("/guest/tmp/half")),
    ("sysctls-dots", Refused("..")),
    ("sysctls-relative", Refused("proc/sys")),
    ("sysctls-file", Usage("/guest/tmp/fake/kernel/unprivileged_userns_clone")),
    ("sysctls-missing", Usage("/guest/tmp/nothing")),
    ("sysctls-bound", Applied),
    ("sysctls-file-over", Refused("unprivileged_userns_clone")),
    ("sysctls-sysctl-over", Refused("unprivileged_userns_clone")),
    ("sysctls-vm", Refused("/guest/tmp/bound/kernel")),
    ("sysctls-swapped", Refused("/guest/tmp/bound/kernel")),
    ("sysctls-half", Refused("/guest/tmp/bound/user")),
    ("file-link", Refused(FILE)),
    ("forget-link", Refused(FILE)),
    ("file-link-to-nothing", Refused(FILE)),
    ("file-fifo", Refused(FILE)),
    ("forget-fifo", Refused(FILE)),
    ("file-directory", Refused(FILE)),
    ("forget-directory", Refused(FILE)),
    ("file-hard-link", Refused(FILE)),
    ("forget-hard-link", Refused(FILE)),
    ("file-of-user", Refused(FILE)),
    ("forget-of-user", Refused(FILE)),
    ("file-without-header", Refused(FILE)),
    ("forget-without-header", Refused(FILE)),
    ("file-with-line", Refused(FILE)),
    ("forget-with-line", Refused(FILE)),
    ("directory-link", Refused("/etc/sysctl.d")),
    ("directory-missing", Harmless),
    ("directory-file", Refused("/etc/sysctl.d")),
    ("temporary-link", Refused(".60-buildkit-preflight.conf.new")),
    ("temporary-fifo", Harmless),
    ("temporary-directory", Harmless),
    ("temporary-hard-link", Harmless),
    ("temporary-stale", Applied),
];

pub(crate) fn judge(seen: &mut Seen) -> String {
    let done = seen.text("attacks").lines().count();
    seen.expect(done == ATTACKS.len(), || format!("{done} attacks were made, not {}", ATTACKS.len()));
    let mut refused = 0;
    for (name, want) in ATTACKS {
        let [before, after] = ["before", "after"].map(|end| seen.text(&format!("{name}.{end}")));
        let changed: Vec<_> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
        let gone: Vec<_> = before.lines().filter(|line| !after.lines().any(|new| new == *line)).collect();
        match want {
            Usage(names) | Refused(names) => {
                seen.ended(0, name, if matches!(want, Usage(_)) { "2" } else { "4" });
                let error = seen.text(&format!("{name}.err"));
                seen.expect(error.contains(names), || format!("{name}: does not name {names}: {}", error.trim()));
                seen.expect(!before.is_empty() && changed.is_empty() && gone.is_empty(), || format!("{name}: {gone:?} became {changed:?}"));
                refused += 1;
            }
            Applied => {
                seen.ended(0, name, "0");
                let switch = changed.contains(&"kernel/unprivileged_userns_clone=1");
                let rest: Vec<_> =
                    changed.iter().filter(|line| !line.starts_with("kernel/unprivileged_userns_clone=") && !ours(line)).collect();
                seen.expect(switch && rest.is_empty(), || format!("{name}: {gone:?} became {changed:?}"));
            }
            Harmless => {
                let victim = |line: &&&str| line.starts_with("/etc/victim") || line.starts_with("kernel/core_pattern");
                // A second name that goes away takes one from the count of links.
                let content = |line: &&str| line.split_whitespace().last().map(str::to_owned);
                let lost: Vec<_> =
                    gone.iter().filter(victim).filter(|line| !after.lines().any(|new| content(&new) == content(line))).collect();
                seen.expect(lost.is_empty(), || format!("{name}: {gone:?} became {changed:?}"));
            }
        }
    }
    format!("{refused} of {} attacks refused and named, none wrote elsewhere", ATTACKS.len())
}

/// Our file, and the directory that it is in.
fn ours(line: &str) -> bool {
    line.starts_with("/etc/sysctl.d/60-buildkit-preflight.conf ") || line.starts_with("/etc/sysctl.d ")
}
