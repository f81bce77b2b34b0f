//! What people build: the behaviours of src/behaviour as Dockerfiles, with a base image and a context.

use super::image;
use buildkit_preflight::behaviour::{Extent, again, beside, dockerfile};
use buildkit_preflight::profile::Profile;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Puts /context, which all builds take, and /behaviours, which has a Dockerfile and a script for each profile.
pub(crate) fn make(root: &Path, debian: &Path) {
    let (context, behaviours) = (root.join("context"), root.join("behaviours"));
    base(&context.join("base"), debian);
    files(&context.join("files"));
    // For Dockerfiles that bring nothing else.
    fs::copy(debian.join("bin/busybox"), context.join("busybox")).expect("busybox-static");
    fs::write(context.join(".dockerignore"), "files/ignored\n").expect("write");
    let strace = debian.join("usr/bin/strace");
    fs::create_dir(context.join("tools")).expect("mkdir");
    if strace.exists() {
        image::install(&strace, &context.join("tools"), "strace", debian);
    }
    fs::create_dir_all(behaviours.join("small")).expect("mkdir");
    fs::write(behaviours.join("small/Dockerfile"), "FROM scratch\nCOPY base/ /\nRUN id > /made\n").expect("write");
    fs::write(behaviours.join("beside.sh"), include_str!("behaviours/beside.sh")).expect("write");
    for profile in Profile::ALL {
        let write = |extension: &str, text: String| fs::write(behaviours.join(format!("{profile}.{extension}")), text).expect("write");
        write("short", dockerfile(profile, Extent::Short));
        write("long", dockerfile(profile, Extent::Long));
        write("again", again(profile, Extent::Long));
        write("beside", beside(profile));
    }
    key(&behaviours.join("key"));
}

/// busybox, and what sets attributes.
fn base(root: &Path, debian: &Path) {
    for dir in ["bin", "etc", "tmp", "srv", "usr/lib"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("chmod");
    image::busybox(root, debian);
    for program in ["usr/sbin/setcap", "usr/sbin/getcap", "usr/bin/setfattr", "usr/bin/getfattr"] {
        let path = debian.join(program);
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        image::install(&path, root, name, debian);
    }
    for (path, text) in [
        ("etc/passwd", "root::0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"),
        ("behaviours.sh", include_str!("behaviours/step.sh")),
    ] {
        fs::write(root.join(path), text).expect("write");
    }
}

/// Files of a context, an archive with owners among them.
fn files(dir: &Path) {
    fs::create_dir_all(dir).expect("mkdir");
    fs::write(dir.join("hello"), "hello\n").expect("write");
    fs::write(dir.join("ignored"), "ignored\n").expect("write");
    package(&dir.join("hello.deb"));
    let owned = tempfile::tempdir().expect("a directory");
    let archive = dir.join("owners.tar");
    for (name, owner, mode) in
        [("root", 0, 0o644), ("daemon", 1, 0o600), ("app", 1000, 0o640), ("setuid", 0, 0o4755), ("fifo", 1000, 0o600)]
    {
        let path = owned.path().join(name);
        if name == "fifo" {
            nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(mode)).expect("mkfifo");
        } else {
            fs::write(&path, name).expect("write");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        }
        let mut tar = Command::new("tar");
        tar.arg(format!("--owner={owner}")).arg(format!("--group={owner}")).arg("--numeric-owner").arg("--append").arg("--file");
        assert!(tar.arg(&archive).arg("-C").arg(owned.path()).arg(name).status().expect("tar").success(), "tar {name}");
    }
}

/// A package of Debian.
fn package(path: &Path) {
    let tree = tempfile::tempdir().expect("a directory");
    for (file, text) in [
        ("DEBIAN/control", "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: a greeting\n"),
        ("usr/share/hello/text", "hello\n"),
    ] {
        let path = tree.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(path, text).expect("write");
    }
    fs::set_permissions(tree.path().join("DEBIAN"), fs::Permissions::from_mode(0o755)).expect("chmod");
    let made =
        Command::new("dpkg-deb").args(["-Zgzip", "--root-owner-group", "--build"]).arg(tree.path()).arg(path).output().expect("dpkg-deb");
    assert!(made.status.success(), "dpkg-deb: {}", String::from_utf8_lossy(&made.stderr));
}

/// A key for the client's SSH agent.
fn key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("openssh-client").success(), "ssh-keygen");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("chmod");
}
