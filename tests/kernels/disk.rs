//! The guest's disks: what a root disk has for cells, and a boot's cells.

use crate::cell::Cell;
use crate::guest::disk;
use crate::support::image::{binary, tool};
use crate::support::workbench;
use crate::{repository, selinux, spec};
use buildkit_preflight::render::Confinement;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What builds do to files; what makes and fills volumes (guest/volume.sh), and what it is linked against.
const PACKAGES: [&str; 14] = [
    "attr",
    "libcap2-bin",
    "bindfs",
    "btrfs-progs",
    "e2fsprogs",
    "xfsprogs",
    "libcom-err2",
    "libedit2",
    "libext2fs2t64",
    "libfuse2t64",
    "libinih1",
    "liblzo2-2",
    "liburcu8t64",
    "libzstd1",
];

/// Makes the root disk: runc and this program, the guest's scripts and AppArmor profiles, and the images.
pub(crate) fn root() -> PathBuf {
    disk::root("root", &[&PACKAGES[..], &selinux::PACKAGES].concat(), |root| {
        for program in [tool("runc"), binary()] {
            disk::add_program(root, &program);
        }
        let here = repository().join("tests/kernels");
        copy("-rT", &here.join("guest"), &root.join("guest"));
        copy("-r", &here.join("apparmor"), &root.join("guest"));
        selinux::add(root);
        disk::add_containerd_profile(root);
        fs::write(root.join("guest/apparmor/buildkit-rootless"), Confinement::Apparmor.text()).expect("write");
        profiles_without(root);
        images(root);
    })
}

fn copy(how: &str, from: &Path, to: &Path) {
    let done = Command::new("cp").arg(how).args([from, to]).status().expect("cp");
    assert!(done.success(), "cp {how} {} {}", from.display(), to.display());
}

/// Profiles that forget one thing that a builder does, as those written by hand can: `bk-userns` with a denial more.
fn profiles_without(root: &Path) {
    let profiles = root.join("guest/apparmor");
    let whole = fs::read_to_string(profiles.join("bk-userns")).expect("bk-userns");
    for (name, denied) in [
        ("bk-no-propagation", "mount options=(make-rprivate) -> /"),
        ("bk-no-remount", "remount"),
        ("bk-no-devpts", "mount fstype=devpts"),
        ("bk-no-mqueue", "mount fstype=mqueue"),
        ("bk-no-pivot-root", "pivot_root"),
    ] {
        let profile = whole.replace("bk-userns", name).replace("  file,\n", &format!("  file,\n  deny {denied},\n"));
        fs::write(profiles.join(name), profile).expect("write");
    }
}

/// In the agent's image the program stands in rootlesskit's place: AppArmor goes by that path. No buildkitd is there, by which
/// `check` would take the container for a builder's own pod.
fn images(root: &Path) {
    let images = root.join("img");
    fs::create_dir(&images).expect("mkdir");
    workbench::make(&images.join("builder"), root);
    copy("-al", &images.join("builder"), &images.join("agent"));
    let name = images.join("agent/usr/bin/rootlesskit");
    for program in [&name, &images.join("agent/usr/bin/buildkitd")] {
        fs::remove_file(program).expect("rm");
    }
    fs::hard_link(images.join("agent/usr/bin/buildkit-preflight"), &name).expect("hard link");
}

/// The work disk of a boot: its cells, in order.
pub(crate) fn work(dir: &Path, cells: &[&Cell]) -> PathBuf {
    let tree = dir.join("work");
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("run")).expect("mkdir");
    for cell in cells {
        spec::write(cell, &tree.join("cells").join(&cell.id));
    }
    fs::write(tree.join("order"), cells.iter().map(|cell| format!("{}\n", cell.id)).collect::<String>()).expect("write");
    let work = dir.join("work.ext4");
    disk::make(&tree, &work, "3G");
    fs::remove_dir_all(&tree).expect("rm");
    work
}
