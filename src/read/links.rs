//! Paths inside a captured tree, whose links were made for another root.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The kernel's own limit (MAXSYMLINKS in include/linux/namei.h).
const MOST_LINKS: usize = 40;

/// The path below `root` that a path leads to, with symbolic links followed as inside it: they must not lead out of it, whether
/// absolute or by `..`. Nothing need be there.
///
/// # Errors
/// Links that go in circles.
pub(super) fn below(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut todo: Vec<PathBuf> = vec![path.to_owned()];
    let mut done = PathBuf::new();
    let mut links = 0;
    while let Some(next) = todo.pop() {
        let mut parts = next.components();
        let Some(part) = parts.next() else { continue };
        todo.push(parts.as_path().to_path_buf());
        match part {
            Component::RootDir => done = PathBuf::new(),
            Component::ParentDir => {
                done.pop();
            }
            Component::Normal(name) => match std::fs::read_link(root.join(&done).join(name)) {
                Ok(_) if links == MOST_LINKS => return Err(nix::errno::Errno::ELOOP.into()),
                Ok(target) => {
                    links += 1;
                    todo.push(target);
                }
                Err(_) => done.push(name),
            },
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok(root.join(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::read::Host;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_a_captured_tree_stay_inside_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let outside = dir.path().join("secret");
        std::fs::write(&outside, "of the machine").expect("write");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).expect("mkdir");
        std::fs::create_dir_all(root.join("etc")).expect("mkdir");
        std::fs::write(root.join("usr/lib/os-release"), "ID=x").expect("write");
        let host = Host::new(Some(&root));
        for (n, target) in ["/usr/lib/os-release", "../../../../usr/lib/os-release"].iter().enumerate() {
            let link = format!("/etc/link{n}");
            symlink(target, root.join(&link[1..])).expect("symlink");
            assert_eq!(host.read_below(&link, "/"), Fact::Known("ID=x".into()));
        }
        symlink("loop", root.join("etc/loop")).expect("symlink");
        assert!(host.read_below("/etc/loop", "/").unreadable().is_some());
        assert!(host.read_below("/proc/sys/kernel/x", "/proc/sys/kernel").unreadable().is_some());
        // A chain of more links than are followed here must not be left to the kernel, which would leave the tree.
        for n in 0..=MOST_LINKS {
            symlink(format!("chain{}", n + 1), root.join(format!("etc/chain{n}"))).expect("symlink");
        }
        symlink(&outside, root.join(format!("etc/chain{}", MOST_LINKS + 1))).expect("symlink");
        for first in 0..MOST_LINKS + 2 {
            assert_eq!(host.read_below(&format!("/etc/chain{first}"), "/").known(), None, "from {first}");
        }
    }
}
