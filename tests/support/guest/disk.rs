//! The guest's disks: one with the node's programs, and one for what a boot is given and writes.

use super::debian::{self, Apt};
use super::place;
use crate::support::image::tool;
use std::fs;
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

/// Makes a root disk by this name, with Debian's programs (`more` are packages beside [`PACKAGES`]), busybox for the rest, and
/// the guest's first scripts. `add` puts in its tree what a test needs beside them, `guest/main.sh` at least.
pub(crate) fn root(name: &str, more: &[&str], add: impl FnOnce(&Path)) -> PathBuf {
    let packages = place().join("packages");
    let root = place().join(name);
    let _ = fs::remove_dir_all(&root);
    for (part, wanted) in [(SUITE, PACKAGES), (name, more)] {
        fetch(wanted, &packages.join(part));
        debian::unpack(&packages.join(part), &root);
    }
    node(&root);
    add(&root);
    let disk = place().join(format!("{name}.ext4"));
    make(&root, &disk, "600M");
    disk
}

/// Has these packages in `dir`, and no others.
fn fetch(wanted: &[&str], dir: &Path) {
    let list = dir.join("list");
    let names = wanted.join("\n");
    if fs::read_to_string(&list).is_ok_and(|at_hand| at_hand == names) {
        return;
    }
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("mkdir");
    if !wanted.is_empty() {
        let wanted: Vec<_> = wanted.iter().map(|name| format!("{name}/{SUITE}")).collect();
        Apt::get().download(&wanted, dir);
    }
    fs::write(list, names).expect("write");
}

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
        ("guest/init", include_str!("init")),
        ("guest/node.sh", include_str!("node.sh")),
    ] {
        fs::write(root.join(path), text).expect("write");
    }
    fs::set_permissions(root.join("guest/init"), fs::Permissions::from_mode(0o755)).expect("chmod");
}

/// Puts a program of this machine, a static one or one that needs no more than [`PACKAGES`], on the guest's PATH.
pub(crate) fn add_program(root: &Path, program: &Path) {
    let target = root.join("usr/bin").join(program.file_name().expect("a name"));
    fs::copy(program, &target).expect("copy");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).expect("chmod");
}

/// containerd's AppArmor profile, loaded at the start. It depends on what is in /etc/apparmor.d, so it is made in there.
pub(crate) fn add_containerd_profile(root: &Path) {
    fs::copy(tool("profiles"), root.join("profiles")).expect("copy");
    let profile = Command::new("chroot").arg(root).args(["/profiles", "apparmor"]).output().expect("chroot");
    assert!(profile.status.success(), "containerd's AppArmor profile: {}", String::from_utf8_lossy(&profile.stderr));
    fs::create_dir_all(root.join("guest/apparmor")).expect("mkdir");
    fs::write(root.join("guest/apparmor/containerd"), profile.stdout).expect("write");
    fs::remove_file(root.join("profiles")).expect("rm");
}

/// A disk, an ext4 file system with the files of `tree`, owners and capabilities included.
pub(crate) fn make(tree: &Path, disk: &Path, size: &str) {
    let _ = fs::remove_file(disk);
    let mut command = Command::new("mkfs.ext4");
    // Features that mkfs of a later Debian adds by itself are unknown to the oldest kernel.
    command.args(["-q", "-O", "^has_journal,^metadata_csum_seed,^orphan_file", "-E", "root_owner=0:0", "-d"]).arg(tree).arg(disk).arg(size);
    let output = command.stdout(Stdio::null()).output().expect("mkfs.ext4");
    assert!(output.status.success(), "mkfs.ext4 {}: {}", disk.display(), String::from_utf8_lossy(&output.stderr));
}
