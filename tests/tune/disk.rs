//! The guest's disks: programs and scripts on one, pods and steps on the other.

use crate::containers;
use crate::guest::disk;
use crate::support::image::{binary, tool};
use crate::support::workbench;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests need beside the guest's own packages: the boot's sysctl, the tracer that makes system calls fail, and what builds
/// of people use.
const PACKAGES: &[&str] = &["procps", "libproc2-0", "strace", "libunwind8", "attr", "libcap2-bin"];

/// Makes the root disk.
pub(crate) fn root() -> PathBuf {
    disk::root("tune", PACKAGES, |root| {
        for program in [tool("runc"), binary()] {
            disk::add_program(root, &program);
        }
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tune/guest");
        let copied = Command::new("cp").arg("-rT").args([scripts, root.join("guest")]).status().expect("cp");
        assert!(copied.success(), "the guest's scripts");
        disk::add_containerd_profile(root);
        let image = root.join("img/builder");
        workbench::make(&image, root);
        // A runtime that has made a user namespace can't make them any more, nor on a root that is read-only.
        for path in ["guest/tmp", "img/builder/host/proc/sys/kernel", "img/builder/host/proc/sys/user"] {
            fs::create_dir_all(root.join(path)).expect("mkdir");
        }
    })
}

/// Makes a work disk. `boots` are the steps of each boot, `runs` is what RUNS stands for in them.
pub(crate) fn work(dir: &Path, boots: &[Vec<(&str, &str)>], runs: &str) -> PathBuf {
    let tree = dir.join("work");
    fs::create_dir_all(tree.join("configs")).expect("mkdir");
    for (name, config) in containers::configs() {
        fs::write(tree.join(format!("configs/{name}.json")), config.to_string()).expect("write");
    }
    for (number, steps) in boots.iter().enumerate() {
        let lines: String = steps.iter().map(|(name, step)| format!("{name} {step}\n")).collect();
        fs::write(tree.join(format!("steps.{number}")), lines.replace("RUNS", runs)).expect("write");
    }
    let work = dir.join("work.ext4");
    disk::make(&tree, &work, "2G");
    fs::remove_dir_all(&tree).expect("rm");
    work
}
