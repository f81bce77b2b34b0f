//! Captured trees in which a file is damaged: `check --root`, `facts --root`. And the files of the machine itself, damaged the same way.

use crate::oracle::{Expect, FORGED, Output};
use crate::run::{Input, quoted};
use crate::world::tree;

const TREES: [&str; 3] = ["debian-12", "pod-procmount", "hardened-two-causes"];

/// Ways to damage the file `$f`, in shell.
const DAMAGES: &[(&str, &str)] = &[
    ("nothing in it", ": > \"$f\""),
    ("half of it", "head -c $(($(wc -c < \"$f\") / 2)) \"$f\" > x; cp x \"$f\""),
    ("one byte of it", "head -c 1 \"$f\" > x; cp x \"$f\""),
    ("NUL bytes", "head -c 4096 /dev/zero > \"$f\""),
    ("a BOM before it", "{ printf '\\357\\273\\277'; cat \"$f\"; } > x; cp x \"$f\""),
    ("not UTF-8", "printf '\\377\\376\\200 \\377=\\377:\\377\\n' >> \"$f\""),
    ("control characters", "printf 'a\\033[2J\\033]0;x\\007\\r\\nFORGED: x\\n\\302\\2331m\\342\\200\\256\\n' >> \"$f\""),
    ("values that forge", "sed -E 's/([=:] *).*/\\1\"\\x1b[2J\\x9b FORGED\\\\012FORGED: x\"/' \"$f\" > x; cp x \"$f\""),
    ("a line of 20 MB", "{ cat \"$f\"; head -c 20000000 /dev/zero | tr '\\0' a; } > x; cp x \"$f\""),
    ("500,000 lines", "yes \"$(head -n 1 \"$f\")\" | head -n 500000 | head -c 40000000 > x; cp x \"$f\""),
    ("large numbers", "sed -E 's/[0-9]+/99999999999999999999999999/g' \"$f\" > x; cp x \"$f\""),
    ("negative numbers", "sed -E 's/[0-9]+/-1/g' \"$f\" > x; cp x \"$f\""),
    ("not there", "rm -f \"$f\""),
    ("a directory", "rm -f \"$f\"; mkdir \"$f\""),
    ("a FIFO", "rm -f \"$f\"; mkfifo \"$f\""),
    ("a link to itself", "rm -f \"$f\"; ln -s \"$(basename \"$f\")\" \"$f\""),
    ("a link to /dev/zero", "rm -f \"$f\"; ln -s /dev/zero \"$f\""),
    ("not to be read", "chmod 0 \"$f\""),
];

pub(crate) fn damaged() -> Vec<Input> {
    let mut inputs = Vec::new();
    for (t, name) in TREES.iter().enumerate() {
        for (f, (path, _)) in tree(name).into_iter().enumerate() {
            for (d, (what, damage)) in DAMAGES.iter().enumerate() {
                // All commands with all damages would be thousands of large files.
                let (command, call, output) = match (t + f + d) % 3 {
                    0 => ("check", "check --root tree", Output::Text),
                    1 => ("check", "check --format json --profile procmount --profile no-process-sandbox --root tree", Output::Report),
                    _ => ("facts", "facts --root tree", Output::Json),
                };
                let line = format!("f={}; {damage}; rm -f x; exec \"$P\" {call}", quoted(&format!("tree/{path}")));
                let mut input = Input::new(format!("{call}, {name} {path}: {what}"), line, Expect::of(command).output(output));
                input.tree = Some(name);
                input.expect.may_write = vec!["tree"];
                inputs.push(input);
            }
        }
    }
    inputs
}

/// Directories that are no trees, and trees in which directories are damaged.
pub(crate) fn places() -> Vec<Input> {
    let setups = [
        ("nothing", "", "none"),
        ("a file", ": > file; ", "file"),
        ("empty", "mkdir d; ", "d"),
        ("a FIFO", "mkfifo fifo; ", "fifo"),
        ("a link to itself", "ln -s loop loop; ", "loop"),
        ("a name that forges", "", "\"$(printf '\\033[2J\\nFORGED: x')\""),
        ("a name that is not UTF-8", "", "\"$(printf '\\377\\376')\""),
        ("a name that is too long", "", "\"$(head -c 5000 /dev/zero | tr '\\0' a)\""),
        ("an empty name", "", "''"),
        ("/dev/null", "", "/dev/null"),
        ("/proc", "", "/proc"),
        ("/sys", "", "/sys"),
        ("without proc", "rm -r tree/proc; ", "tree"),
        ("without proc/self", "rm -r tree/proc/self; ", "tree"),
        ("with an empty proc/self/ns", "rm -f tree/proc/self/ns/*; ", "tree"),
        ("without proc/self/ns", "rm -rf tree/proc/self/ns; ", "tree"),
        ("with a file as proc", "rm -r tree/proc; : > tree/proc; ", "tree"),
        ("with a link to / as proc", "rm -r tree/proc; ln -s / tree/proc; ", "tree"),
        ("with a garbage manifest", "printf '{\\033' > tree/captured.json; ", "tree"),
        ("with an empty manifest", "echo '{}' > tree/captured.json; ", "tree"),
        ("with a manifest of lists", "echo '[[[[' > tree/captured.json; ", "tree"),
        ("with a large manifest", "head -c 30000000 /dev/zero > tree/captured.json; ", "tree"),
        ("with a FIFO as manifest", "mkfifo tree/captured.json; ", "tree"),
        ("with 20,000 sysctl files", "mkdir -p tree/etc/sysctl.d; (cd tree/etc/sysctl.d; seq -f %g.conf 20000 | xargs touch); ", "tree"),
        (
            "with a sysctl file that forges",
            "mkdir -p tree/etc/sysctl.d; printf 'user.max_user_namespaces = 0\\nkernel.unprivileged_userns_clone=0\\033[2J' > \"tree/etc/sysctl.d/$(printf 'a\\033[2J\\nFORGED: x').conf\"; ",
            "tree",
        ),
        (
            "with a sysctl file to be pasted",
            "mkdir -p tree/etc/sysctl.d; echo user.max_user_namespaces = 0 > \"tree/etc/sysctl.d/a; rm -rf b.conf\"; echo 0 > tree/proc/sys/user/max_user_namespaces; ",
            "tree",
        ),
        ("with a FIFO as sysctl file", "mkdir -p tree/etc/sysctl.d; mkfifo tree/etc/sysctl.d/a.conf; ", "tree"),
    ];
    let mut inputs = Vec::new();
    for (what, setup, path) in setups {
        for (command, call) in
            [("check", "check --root"), ("facts", "facts --root"), ("check", "check --profile procmount --format yaml --root")]
        {
            let output = if command == "facts" {
                Output::Json
            } else if call.contains("yaml") {
                Output::Yaml
            } else {
                Output::Text
            };
            let line = format!("{setup}exec \"$P\" {call} {path}");
            let mut input = Input::new(format!("{call} {what}"), line, Expect::of(command).output(output));
            input.tree = Some(TREES[0]);
            input.expect.may_write = vec!["tree", "file", "d", "fifo", "loop"];
            // Nothing there says that a builder would run, or that none does.
            if what == "without proc" {
                input.expect.codes = vec![2];
            } else if what.contains("proc/self") {
                input.expect.codes = if command == "facts" { vec![0] } else { vec![3] };
            }
            inputs.push(input);
        }
    }
    inputs
}

/// What can be mounted over a file; those of /proc come from the kernel, or from a daemon that writes what the kernel would.
fn fits(file: &str, damage: &str) -> bool {
    let none = ["not there", "a link to itself"].contains(&damage);
    let endless = file.starts_with("/proc") && ["a FIFO", "a link to /dev/zero", "a line of 20 MB", "500,000 lines"].contains(&damage);
    !(none || endless)
}

/// Files of this machine that `check` reads, damaged in a mount namespace.
pub(crate) fn live() -> Vec<Input> {
    let mut inputs = Vec::new();
    for file in [
        "/etc/os-release",
        "/etc/subuid",
        "/etc/subgid",
        "/etc/passwd",
        "/etc/sysctl.conf",
        "/proc/self/mountinfo",
        "/proc/sys/user/max_user_namespaces",
        "/proc/meminfo",
        "/proc/stat",
        "/proc/cpuinfo",
    ] {
        for (n, (what, damage)) in DAMAGES.iter().enumerate().filter(|(_, (what, _))| fits(file, what)) {
            let (call, output) = if n % 2 == 0 {
                ("check --state-dir state", Output::Text)
            } else {
                ("check --format json --state-dir state", Output::Report)
            };
            let mounted = format!("touch {file} 2> x; mount --bind f {file} 2> x; rm -f x; exec \"$P\" {call}");
            let line = format!(
                "f=f; cat {file} > f 2> x; {damage}; rm -f x; test -p f || test -L f || chmod a+r f; exec unshare --mount sh -c {}",
                quoted(&mounted)
            );
            let mut input = Input::new(format!("{call}, {file}: {what}"), line, Expect::of("check").output(output));
            input.expect.may_write = vec!["f"];
            inputs.push(input);
        }
    }
    assert!(DAMAGES.iter().any(|(_, damage)| damage.contains(FORGED)));
    inputs
}
