//! Root file systems of images, made of the tools and Debian's packages: no registry, no container engine.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `make tools` and `make cluster-tools` put what they build.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name);
    assert!(path.exists(), "{} is missing: run `make tools` or `make cluster-tools`", path.display());
    path
}

/// The binary under test: a static one, since the images have a libc of their own.
pub(crate) fn binary() -> PathBuf {
    built("STATIC_BINARY")
}

/// A static build that a variable of the environment names.
pub(crate) fn built(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names a static build: run the tests by make"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// /bin/busybox with all its applets.
pub(crate) fn busybox(root: &Path, debian: &Path) {
    let busybox = debian.join("bin/busybox");
    fs::copy(&busybox, root.join("bin/busybox")).expect("busybox-static");
    let applets = Command::new(&busybox).arg("--list").output().expect("busybox");
    for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).expect("symlink");
    }
}

/// busybox, and the user 1000 with a range of IDs.
///
/// Programs of Debian come from the tree at `debian`: `/`, or a place where packages were unpacked.
pub(crate) fn base(root: &Path, debian: &Path) {
    for dir in ["bin", "etc", "tmp", "proc", "sys", "dev", "usr/bin", "lib64", "root", "run", "home/user/.local/share/buildkit"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("chmod");
    busybox(root, debian);
    for (path, text) in [
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\n"),
        ("etc/subuid", "user:100000:65536\n"),
        ("etc/subgid", "user:100000:65536\n"),
        ("etc/hosts", ""),
        ("etc/resolv.conf", ""),
    ] {
        fs::write(root.join(path), text).expect("write");
    }
    // As published images have it: where it is no link, fusermount leaves a lock beside it.
    symlink("../proc/mounts", root.join("etc/mtab")).expect("symlink");
    for name in ["newuidmap", "newgidmap"] {
        install(&debian.join("usr/bin").join(name), root, name, debian);
    }
    give_to_user(root, &["home/user", "home/user/.local", "home/user/.local/share", "home/user/.local/share/buildkit"]);
}

/// An image laid out like moby/buildkit:rootless.
pub(crate) fn builder(root: &Path, debian: &Path) {
    base(root, debian);
    for dir in ["var/lib/buildkit", "home/user/.local/tmp", "run/user/1000/buildkit", "run/buildkit"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    for name in ["buildkitd", "buildctl", "rootlesskit"] {
        install(&tool(name), root, name, debian);
    }
    install(&tool("runc"), root, "buildkit-runc", debian);
    for (path, name) in
        [("usr/bin/fuse-overlayfs", "fuse-overlayfs"), ("usr/bin/fusermount3", "fusermount3"), ("usr/sbin/mount.fuse3", "mount.fuse3")]
    {
        install(&debian.join(path), root, name, debian);
    }
    give_to_user(root, &["home/user/.local/tmp", "run/user/1000", "run/user/1000/buildkit"]);
}

/// The file capabilities of the helpers. Last of all: a write to a file takes its capabilities away.
pub(crate) fn give_capabilities(root: &Path) {
    for (name, capability) in [("newuidmap", "cap_setuid=ep"), ("newgidmap", "cap_setgid=ep")] {
        let done = Command::new("setcap").arg(capability).arg(root.join("usr/bin").join(name)).status().expect("setcap");
        assert!(done.success(), "setcap {capability} {name}");
    }
}

/// Puts a program into the image with the libraries of the tree at `debian` that it is linked against, without a setuid bit.
pub(crate) fn install(program: &Path, root: &Path, name: &str, debian: &Path) {
    let copy = |from: &Path, to: PathBuf| {
        fs::create_dir_all(to.parent().expect("a parent")).expect("mkdir");
        fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
    };
    copy(program, root.join("usr/bin").join(name));
    for library in linked(program, debian) {
        let path = library.strip_prefix(debian).expect("a library of the tree");
        copy(&fs::canonicalize(&library).expect("a library"), root.join(path));
    }
}

/// The libraries that a program is linked against, its loader among them; none for a static one.
fn linked(program: &Path, debian: &Path) -> BTreeSet<PathBuf> {
    let loader = debian.join("lib64/ld-linux-x86-64.so.2");
    let output = if debian == Path::new("/") {
        Command::new("ldd").arg(program).output().expect("ldd")
    } else {
        let libraries = debian.join("usr/lib/x86_64-linux-gnu");
        Command::new(&loader)
            .args(["--inhibit-cache", "--library-path"])
            .arg(libraries)
            .arg("--list")
            .arg(program)
            .output()
            .expect("the loader")
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("not found"), "{} needs a library that is missing:\n{text}", program.display());
    let mut libraries: BTreeSet<_> =
        text.split_whitespace().map(Path::new).filter(|path| path.is_absolute() && path.starts_with(debian)).map(PathBuf::from).collect();
    if !libraries.is_empty() && debian != Path::new("/") {
        libraries.insert(loader);
    }
    libraries
}

fn give_to_user(root: &Path, dirs: &[&str]) {
    for dir in dirs {
        chown(root.join(dir), Some(1000), Some(1000)).expect("chown");
    }
}
