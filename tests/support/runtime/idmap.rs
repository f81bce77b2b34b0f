//! An idmapped bind mount, as containerd makes of an image for a pod with a user namespace.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

/// `struct mount_attr` of include/uapi/linux/mount.h.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;
const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;

/// Shows `source` at `target` with its IDs moved by a map; files can be given to no other IDs than those of the map.
pub(crate) fn mount_by(source: &Path, target: &Path, map: &str) -> io::Result<()> {
    let namespace = user_namespace(map)?;
    let source = CString::new(source.as_os_str().as_encoded_bytes())?;
    let target = CString::new(target.as_os_str().as_encoded_bytes())?;
    let empty = c"".as_ptr();
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint;
    // SAFETY: the path is a C string that lives on; the descriptor that comes back is ours alone.
    let tree = unsafe {
        let fd = check(libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags))?;
        OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor"))
    };
    let attr = MountAttr {
        set: MOUNT_ATTR_IDMAP,
        clear: 0,
        propagation: 0,
        user_namespace: u64::try_from(namespace.as_raw_fd()).expect("a descriptor"),
    };
    // SAFETY: attr has the layout and the size that the kernel is told.
    unsafe {
        check(libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty,
            libc::AT_EMPTY_PATH,
            &raw const attr,
            size_of::<MountAttr>(),
        ))?;
        check(libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), empty, libc::AT_FDCWD, target.as_ptr(), MOVE_MOUNT_F_EMPTY_PATH))?;
    }
    Ok(())
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A user namespace with a map, held by a descriptor.
pub(crate) fn user_namespace(map: &str) -> io::Result<OwnedFd> {
    let mut holder = Command::new("unshare")
        .args(["--user", "sh", "-c", "echo made; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut made = [0; 5];
    io::Read::read_exact(holder.stdout.as_mut().expect("piped"), &mut made)?;
    for file in ["uid_map", "gid_map"] {
        std::fs::write(format!("/proc/{}/{file}", holder.id()), map)?;
    }
    let namespace = std::fs::File::open(format!("/proc/{}/ns/user", holder.id()))?;
    drop(holder.stdin.take());
    holder.wait()?;
    Ok(namespace.into())
}
