//! System calls that nix has no safe form of, each with the errno as its error.

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

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
pub(super) fn die_with_us(command: &mut Command, signal: Signal) -> &mut Command {
    // SAFETY: between fork and exec the closure makes one system call and touches no memory of others.
    unsafe { command.pre_exec(move || nix::sys::prctl::set_pdeathsig(signal).map_err(Into::into)) }
}

/// KEYCTL_JOIN_SESSION_KEYRING of include/uapi/linux/keyctl.h, for a keyring that goes with the process.
pub(super) fn join_session_keyring() -> nix::Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_int = 1;
    // SAFETY: a null name asks for a new keyring without a name; nothing is read or written.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) }).map(drop)
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

/// The same for keyctl(2): there is no such operation, which the kernel answers with EOPNOTSUPP.
pub(super) fn keyctl_is_filtered() -> bool {
    // SAFETY: the kernel refuses the operation before it looks at anything else.
    Errno::result(unsafe { libc::syscall(libc::SYS_keyctl, libc::c_int::MAX) }) != Err(Errno::EOPNOTSUPP)
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

/// The signals that end a probe before its time.
pub(super) const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

/// Something in a directory that is to be removed. Two levels are enough.
pub(super) struct Entry {
    pub(super) parent: Option<&'static CStr>,
    pub(super) name: &'static CStr,
    pub(super) is_directory: bool,
}

/// Removes what is in a directory, without following a link that somebody may have put there.
pub(super) fn remove_contents(directory: &impl AsRawFd, contents: &[Entry]) {
    let directory = directory.as_raw_fd();
    for Entry { parent, name, is_directory } in contents {
        let flags = if *is_directory { libc::AT_REMOVEDIR } else { 0 };
        let no_link = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_PATH;
        // SAFETY: these calls take numbers and C strings that live for ever, and are safe in a signal handler.
        unsafe {
            let below = parent.map_or(directory, |parent| libc::openat(directory, parent.as_ptr(), no_link));
            if below >= 0 {
                libc::unlinkat(below, name.as_ptr(), flags);
            }
            if below >= 0 && below != directory {
                libc::close(below);
            }
        }
    }
}

/// What the handler of a signal removes.
struct Remains {
    owner: Pid,
    path: CString,
    directory: OwnedFd,
    contents: &'static [Entry],
}

static REMAINS: OnceLock<Remains> = OnceLock::new();
static CHILD: AtomicI32 = AtomicI32::new(0);

/// From here on [`ENDING`] signals and the death of the parent remove a directory before they end this
/// process and its group.
pub(super) fn remove_on_signal(path: &Path, directory: OwnedFd, contents: &'static [Entry]) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    let _ = REMAINS.set(Remains { owner: nix::unistd::getpid(), path, directory, contents });
    let action = SigAction::new(SigHandler::Handler(remove_and_end), SaFlags::empty(), SigSet::all());
    for signal in ENDING {
        // SAFETY: the handler makes system calls alone, which are all safe in one (signal-safety(7)).
        let _ = unsafe { sigaction(signal, &action) };
    }
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGTERM);
}

/// A child that must be gone before anything can be removed.
pub(super) fn kill_on_signal(child: Pid) {
    CHILD.store(child.as_raw(), Ordering::Relaxed);
}

/// Waits for a child. Its number is forgotten before it can be another's.
pub(super) fn wait(child: Pid) -> nix::Result<WaitStatus> {
    kill_on_signal(child);
    let ended = waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
    kill_on_signal(Pid::from_raw(0));
    ended.and_then(|_| waitpid(child, None))
}

extern "C" fn remove_and_end(_: libc::c_int) {
    // A process that was forked has the handler too, but not the duty.
    // SAFETY: these calls take numbers and C strings that live for ever, and are safe in a signal handler.
    unsafe {
        if let Some(remains) = REMAINS.get().filter(|remains| remains.owner.as_raw() == libc::getpid()) {
            let child = CHILD.load(Ordering::Relaxed);
            if child > 0 {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, std::ptr::null_mut(), 0);
            }
            remove_contents(&remains.directory, remains.contents);
            libc::rmdir(remains.path.as_ptr());
            if libc::getpgrp() == libc::getpid() {
                libc::kill(0, libc::SIGKILL);
            }
        }
        libc::_exit(1);
    }
}

/// Lets this process wait for its children: a caller may have asked the kernel to forget them.
pub(crate) fn keep_children() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler is installed.
    let _ = unsafe { sigaction(Signal::SIGCHLD, &default) };
}
