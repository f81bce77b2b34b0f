//! The guest's disks: one with the node's programs and the images, one for a boot's cells and what they write.

use crate::cell::Cell;
use crate::debian::{self, Apt};
use crate::support::image::tool;
use crate::support::workbench;
use crate::{place, repository, spec};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The suite of the guest's user space: the oldest whose mount makes idmapped mounts, and whose AppArmor has the profile
/// of rootlesskit.
const SUITE: &str = "trixie";
/// Programs, and what they are linked against.
const PACKAGES: &[&str] = &[
    "apparmor",
    "busybox-static",
    "fuse-overlayfs",
    "fuse3",
    "mount",
    "uidmap",
    "util-linux",
    "libacl1",
    "libattr1",
    "libaudit1",
    "libblkid1",
    "libbsd0",
    "libc6",
    "libcap-ng0",
    "libcap2",
    "libcrypt1",
    "libeconf0",
    "libfuse3-4",
    "libgcc-s1",
    "liblzma5",
    "libmd0",
    "libmount1",
    "libpam0g",
    "libpcre2-8-0",
    "libseccomp2",
    "libselinux1",
    "libsmartcols1",
    "libsubid5",
    "libsystemd0",
    "libtinfo6",
    "libudev1",
    "libuuid1",
    "zlib1g",
];

/// Makes the root disk.
pub(crate) fn root() -> PathBuf {
    let packages = place().join("packages");
    if !packages.join("complete").exists() {
        let _ = fs::remove_dir_all(&packages);
        let wanted: Vec<_> = PACKAGES.iter().map(|name| format!("{name}/{SUITE}")).collect();
        Apt::get().download(&wanted, &packages.join(SUITE));
        fs::write(packages.join("complete"), "").expect("write");
    }
    let root = place().join("root");
    let _ = fs::remove_dir_all(&root);
    debian::unpack(&packages.join(SUITE), &root);
    node(&root);
    let images = root.join("img");
    fs::create_dir(&images).expect("mkdir");
    workbench::make(&images.join("builder"), &root);
    // In the agent's image the program stands in rootlesskit's place: AppArmor goes by that path.
    let copied = Command::new("cp").args(["-al"]).args([images.join("builder"), images.join("agent")]).status().expect("cp");
    assert!(copied.success(), "cp -al");
    let name = images.join("agent/usr/bin/rootlesskit");
    fs::remove_file(&name).expect("rm");
    fs::hard_link(images.join("agent/usr/bin/buildkit-preflight"), &name).expect("hard link");
    let disk = place().join("root.ext4");
    make(&root, &disk, "600M");
    disk
}

/// The node: Debian's programs, busybox for the rest, runc, the guest's scripts and profiles.
fn node(root: &Path) {
    for dir in ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/lib/systemd", "usr/lib/udev", "var/lib"] {
        let _ = fs::remove_dir_all(root.join(dir));
    }
    for dir in ["bin", "sbin", "lib", "lib64"] {
        if !root.join(dir).exists() {
            symlink(format!("usr/{dir}"), root.join(dir)).expect("symlink");
        }
    }
    for dir in ["proc", "sys", "dev", "run", "tmp", "disk", "modules", "guest", "etc/apparmor.d/local"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    let applets = Command::new(root.join("usr/bin/busybox")).arg("--list").output().expect("busybox");
    for applet in String::from_utf8_lossy(&applets.stdout).lines() {
        if !root.join("usr/bin").join(applet).exists() && !root.join("usr/sbin").join(applet).exists() {
            symlink("busybox", root.join("usr/bin").join(applet)).expect("symlink");
        }
    }
    let sh = root.join("usr/bin/sh");
    let _ = fs::remove_file(&sh);
    symlink("busybox", &sh).expect("symlink");
    for (path, text) in [
        ("etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\n"),
        ("etc/mtab", ""),
    ] {
        fs::write(root.join(path), text).expect("write");
    }
    for program in [tool("runc"), crate::support::image::binary()] {
        let target = root.join("usr/bin").join(program.file_name().expect("a name"));
        fs::copy(&program, &target).expect("copy");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let here = repository().join("tests/kernels");
    let done = Command::new("cp").arg("-r").args([here.join("guest"), here.join("apparmor"), root.join("guest")]).status().expect("cp");
    assert!(done.success(), "cp");
    let (scripts, guest) = (root.join("guest/guest"), root.join("guest"));
    for script in fs::read_dir(&scripts).expect("scripts").flatten() {
        let target = guest.join(script.file_name());
        fs::rename(script.path(), &target).expect("rename");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    // containerd's profile depends on what is in /etc/apparmor.d, so it is made in there.
    fs::copy(tool("profiles"), root.join("profiles")).expect("copy");
    let profile = Command::new("chroot").arg(root).args(["/profiles", "apparmor"]).output().expect("chroot");
    assert!(profile.status.success(), "containerd's AppArmor profile: {}", String::from_utf8_lossy(&profile.stderr));
    fs::write(guest.join("apparmor/containerd"), profile.stdout).expect("write");
    fs::remove_file(root.join("profiles")).expect("rm");
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
    let disk = dir.join("work.ext4");
    make(&tree, &disk, "3G");
    fs::remove_dir_all(&tree).expect("rm");
    disk
}

/// An ext4 file system with the files of `tree`, owners and capabilities included.
fn make(tree: &Path, disk: &Path, size: &str) {
    let _ = fs::remove_file(disk);
    let mut command = Command::new("mkfs.ext4");
    // Features that mkfs of a later Debian adds by itself are unknown to the oldest kernel.
    command.args(["-q", "-O", "^has_journal,^metadata_csum_seed,^orphan_file", "-E", "root_owner=0:0", "-d"]).arg(tree).arg(disk).arg(size);
    let output = command.stdout(Stdio::null()).output().expect("mkfs.ext4");
    assert!(output.status.success(), "mkfs.ext4 {}: {}", disk.display(), String::from_utf8_lossy(&output.stderr));
}

/// What a program makes of its standard input.
pub(crate) fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap_or_else(|error| panic!("{program}: {error}")).stdout
    })
}
