//! The cgroup that holds those of all nodes: one below each hierarchy's root, or below the only one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const MOUNT: &str = "/sys/fs/cgroup";

/// The roots of all hierarchies: of each controller in version 1, else of the only one.
fn roots() -> Vec<PathBuf> {
    let mount = Path::new(MOUNT);
    if mount.join("cgroup.controllers").exists() {
        return vec![mount.to_path_buf()];
    }
    let entries = fs::read_dir(mount).expect("cgroups").flatten().map(|entry| entry.path());
    // The names of controllers that share a hierarchy are links to one directory.
    entries.filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists()).collect()
}

/// What there is below the roots.
pub(crate) fn names() -> Vec<String> {
    let entries = roots().into_iter().filter_map(|root| fs::read_dir(root).ok()).flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Makes the cgroup `name` with one for each node in it.
pub(crate) fn make(name: &str) {
    for root in roots() {
        let parent = root.join(name);
        let nodes: Vec<_> = crate::fleet::planned().iter().map(|node| parent.join(node.name)).collect();
        for cgroup in std::iter::once(&parent).chain(&nodes) {
            fs::create_dir_all(cgroup).expect("a cgroup");
            // Version 1: without CPUs and memory of its own a cgroup takes no process.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let (true, Ok(all)) = (cgroup.join("cpuset.memory_migrate").exists(), fs::read_to_string(root.join(file))) {
                    fs::write(cgroup.join(file), all).expect("a cpuset");
                }
            }
        }
        // Version 2: what a node is to limit must be passed on to it.
        for cgroup in [&root, &parent] {
            for controller in ["cpu", "cpuset", "memory", "pids", "io", "hugetlb"] {
                let _ = fs::write(cgroup.join("cgroup.subtree_control"), format!("+{controller}"));
            }
        }
    }
}

/// Removes the cgroup and all below it; names what is left.
pub(crate) fn remove(name: &str) -> Vec<String> {
    let left = roots().into_iter().filter_map(|root| {
        let cgroup = root.join(name);
        // One that has just lost its last process can be busy for a moment.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match remove_tree(&cgroup) {
                Ok(()) => return None,
                Err(error) if Instant::now() > deadline => return Some(format!("cgroup {}: {error}", cgroup.display())),
                Err(_) => sleep(Duration::from_millis(50)),
            }
        }
    });
    left.collect()
}

fn remove_tree(cgroup: &Path) -> io::Result<()> {
    if !cgroup.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(cgroup)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(cgroup)
}
