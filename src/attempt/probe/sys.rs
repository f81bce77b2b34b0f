//! System calls that nix has no safe form of, each with the errno as its error.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{ForkResult, Pid};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// A new process in a new user namespace, by clone(2) itself as rootlesskit (Go) does it: a
/// filter may treat unshare(2) otherwise. `None` is the child.
pub(super) fn clone_user_namespace() -> nix::Result<Option<Pid>> {
    raw_clone(libc::CLONE_NEWUSER | libc::SIGCHLD)
}

/// A new process. `None` is the child.
pub(super) fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: the probe has one thread, so the child may do all that its parent could.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => Ok(None),
    }
}

/// Has a program sent a signal with the death of this process, from its first instruction on. It also makes
/// the standard library fork and exec, which is 120 system calls less than glibc's posix_spawn.
pub(in crate::attempt) fn die_with_us(command: &mut Command, signal: Signal) -> &mut Command {
    let parent = nix::unistd::getpid();
    let ask = move || {
        nix::sys::prctl::set_pdeathsig(signal)?;
        // A parent that died in between sends nothing any more.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and touches no memory of others.
    unsafe { command.pre_exec(ask) }
}

/// fsetxattr(2), for an attribute that may be there or not.
pub(super) fn set_attribute(file: &File, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the kernel reads a C string, and as many bytes as there are.
    Errno::result(unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) }).map(drop)
}

/// How many inodes the quota of this process's user leaves on a file system, by quotactl_fd(2): no device is needed, and no privilege to
/// ask about oneself. `None` without such a quota. Errors: `ENOSYS` before Linux 5.14.
pub(super) fn inodes_by_quota(file: &File) -> nix::Result<Option<u64>> {
    let command = libc::Q_GETQUOTA << 8 | libc::USRQUOTA;
    let mut limits = std::mem::MaybeUninit::<libc::dqblk>::zeroed();
    // SAFETY: the kernel writes one `if_dqblk`, which libc calls dqblk, or nothing.
    let mut ask =
        |fd: i32| unsafe { Errno::result(libc::syscall(libc::SYS_quotactl_fd, fd, command, libc::geteuid(), limits.as_mut_ptr())) };
    match ask(file.as_raw_fd()) {
        Ok(_) => {}
        // Also the answer of a file system that has no quotas; of no descriptor a kernel says EBADF that has the call.
        Err(Errno::ENOSYS) if ask(-1) == Err(Errno::ENOSYS) => return Err(Errno::ENOSYS),
        Err(_) => return Ok(None),
    }
    // SAFETY: numbers, for which zero is a value.
    let limits = unsafe { limits.assume_init() };
    Ok(Some(limits.dqb_ihardlimit).filter(|limit| *limit > 0).map(|limit| limit.saturating_sub(limits.dqb_curinodes)))
}

/// Whether a file can be mapped into memory that others share.
pub(super) fn can_map(file: &File) -> nix::Result<()> {
    const LENGTH: usize = 4096;
    // SAFETY: a new mapping that nobody reads, and that is given back at once.
    unsafe {
        let map = libc::mmap(std::ptr::null_mut(), LENGTH, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        if map == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        libc::munmap(map, LENGTH);
    }
    Ok(())
}

/// KEYCTL_JOIN_SESSION_KEYRING of include/uapi/linux/keyctl.h, for a keyring that goes with the process. It is named as runc names
/// that of a build step: without a name the first one of a process does not count against the user's quota.
pub(super) fn join_session_keyring() -> nix::Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let name = format!("_ses.{now:025}\0");
    // SAFETY: the name ends with a NUL and outlives the call, which only reads it.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, name.as_ptr()) }).map(drop)
}

fn raw_clone(flags: libc::c_int) -> nix::Result<Option<Pid>> {
    // SAFETY: without CLONE_VM and with no stack given, the child goes on with a copy of
    // everything, as after fork(2); the probe has one thread, so no lock is held by another.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags), 0, 0, 0, 0) };
    match i32::try_from(Errno::result(pid)?) {
        Ok(0) => Ok(None),
        Ok(pid) => Ok(Some(Pid::from_raw(pid))),
        Err(_) => Err(Errno::EOVERFLOW),
    }
}

/// Whether a filter answers clone(CLONE_NEWUSER) before the kernel does. Together with CLONE_FS
/// the flag is refused by the kernel with EINVAL before it looks at anything else (copy_process
/// in kernel/fork.c); any other answer is a filter's.
pub(super) fn clone_is_filtered() -> bool {
    match raw_clone(libc::CLONE_NEWUSER | libc::CLONE_FS | libc::SIGCHLD) {
        Err(errno) => errno != Errno::EINVAL,
        // No kernel allows this; should one do so, there must not be a second builder.
        // SAFETY: ends this process at once.
        Ok(None) => unsafe { libc::_exit(0) },
        Ok(Some(_)) => false,
    }
}

/// The same for unshare(2): bit 0 is no flag, so the kernel answers EINVAL (check_unshare_flags).
pub(super) fn unshare_is_filtered(flag: libc::c_int) -> bool {
    // SAFETY: takes a number and changes nothing, since it can't succeed.
    Errno::result(unsafe { libc::unshare(flag | 1) }) != Err(Errno::EINVAL)
}

/// The same for mount(2): the kernel copies the strings first and answers EFAULT to a bad address.
pub(super) fn mount_is_filtered() -> bool {
    let nowhere = std::ptr::without_provenance::<libc::c_char>(1);
    // SAFETY: the kernel checks each address; nothing is mounted, since it can't succeed.
    Errno::result(unsafe { libc::mount(nowhere, nowhere, nowhere, 0, std::ptr::null()) }) != Err(Errno::EFAULT)
}

/// The same for keyctl(2): there is no such operation, which the kernel answers with EOPNOTSUPP, or with ENOSYS where it has
/// no keyrings, which a builder does without.
pub(super) fn keyctl_is_filtered() -> bool {
    // SAFETY: the kernel refuses the operation before it looks at anything else.
    let answer = Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, libc::c_int::MAX) });
    !matches!(answer, Err(Errno::EOPNOTSUPP | Errno::ENOSYS))
}

/// The same for pivot_root(2): the kernel answers EFAULT to a bad address.
pub(super) fn pivot_root_is_filtered() -> bool {
    let nowhere = std::ptr::without_provenance::<libc::c_char>(1);
    // SAFETY: the kernel checks each address; nothing is pivoted, since it can't succeed.
    Errno::result(unsafe { libc::syscall(libc::SYS_pivot_root, nowhere, nowhere) }) != Err(Errno::EFAULT)
}

/// The same for sethostname(2), in a UTS namespace of the caller's own: the length can't be right.
pub(super) fn sethostname_is_filtered() -> bool {
    // SAFETY: the kernel refuses the length before it reads.
    Errno::result(unsafe { libc::sethostname(std::ptr::null(), usize::MAX) }) != Err(Errno::EINVAL)
}

/// Lets this process wait for its children: a caller may have asked the kernel to forget them.
pub(crate) fn keep_children() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    let _ = unsafe { sigaction(Signal::SIGCHLD, &default) };
}
