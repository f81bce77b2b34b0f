//! A root file system laid out like moby/buildkit:rootless, made of the tools and Debian's packages.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The image, made once for all tests.
pub(crate) static IMAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = PLACE.join("image");
    make(&root);
    root
});

/// Where images and containers lie: every user can enter it, as the root of a pod's user namespace must, which
/// the checkout's own directory need not allow.
pub(crate) static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = PathBuf::from(format!("/var/tmp/buildkit-preflight-tests-{}", std::process::id()));
    fs::create_dir(&place).expect("mkdir");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("chmod");
    // SAFETY: the function takes nothing, returns, and stays where it is.
    unsafe { libc::atexit(remove_place) };
    place
});

extern "C" fn remove_place() {
    let _ = fs::remove_dir_all(&*PLACE);
}

/// Where `make tools` puts what it builds.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name);
    assert!(path.exists(), "{} is missing: run `make tools`", path.display());
    path
}

/// The binary under test: a static one, since the image has a libc of its own.
fn binary() -> PathBuf {
    let path = std::env::var_os("STATIC_BINARY").map(PathBuf::from).expect("STATIC_BINARY names a static build: run `make test`");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn make(root: &Path) {
    for dir in ["bin", "etc", "tmp", "proc", "sys", "dev", "usr/bin", "lib64", "root", "var/lib/buildkit", "context"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    for dir in ["home/user/.local/tmp", "home/user/.local/share/buildkit", "run/user/1000/buildkit", "run/buildkit"] {
        fs::create_dir_all(root.join(dir)).expect("mkdir");
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("chmod");

    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static");
    let applets = Command::new("/bin/busybox").arg("--list").output().expect("busybox");
    for applet in String::from_utf8_lossy(&applets.stdout).lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).expect("symlink");
    }
    for name in ["buildkitd", "buildctl", "rootlesskit"] {
        install(&tool(name), root, name);
    }
    install(&tool("runc"), root, "buildkit-runc");
    install(&binary(), root, "buildkit-preflight");
    for (path, name) in [
        ("/usr/bin/newuidmap", "newuidmap"),
        ("/usr/bin/newgidmap", "newgidmap"),
        ("/usr/bin/fuse-overlayfs", "fuse-overlayfs"),
        ("/usr/bin/fusermount3", "fusermount3"),
        ("/usr/sbin/mount.fuse3", "mount.fuse3"),
    ] {
        install(Path::new(path), root, name);
    }
    // Last: a write to the file would take its capabilities away.
    for (name, capability) in [("newuidmap", "cap_setuid=ep"), ("newgidmap", "cap_setgid=ep")] {
        let done = Command::new("setcap").arg(capability).arg(root.join("usr/bin").join(name)).status().expect("setcap");
        assert!(done.success(), "setcap {capability} {name}");
    }

    let files = [
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"),
        ("etc/group", "root:x:0:\nuser:x:1000:\n"),
        ("etc/subuid", "user:100000:65536\n"),
        ("etc/subgid", "user:100000:65536\n"),
        ("etc/hosts", ""),
        ("etc/resolv.conf", ""),
        ("context/Dockerfile", "FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\nRUN busybox id > /made\n"),
    ];
    for (path, text) in files {
        fs::write(root.join(path), text).expect("write");
    }
    fs::copy("/bin/busybox", root.join("context/busybox")).expect("copy");
    for dir in [
        "home/user",
        "home/user/.local",
        "home/user/.local/tmp",
        "home/user/.local/share",
        "home/user/.local/share/buildkit",
        "run/user/1000",
        "run/user/1000/buildkit",
    ] {
        chown(root.join(dir), Some(1000), Some(1000)).expect("chown");
    }
    fs::write(root.join("run.sh"), include_str!("run.sh")).expect("write");
}

/// Puts a program into the image with the libraries it is linked against, without a setuid bit.
fn install(program: &Path, root: &Path, name: &str) {
    let copy = |from: &Path, to: PathBuf| {
        fs::create_dir_all(to.parent().expect("a parent")).expect("mkdir");
        fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("chmod");
    };
    copy(program, root.join("usr/bin").join(name));
    let linked = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&linked.stdout).into_owned();
    let libraries: BTreeSet<_> = text.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':')).collect();
    for library in libraries {
        copy(&fs::canonicalize(library).expect("a library"), root.join(&library[1..]));
    }
}
