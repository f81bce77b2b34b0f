//! What a probe leaves to be removed, by itself or by the handler of a signal.

use crate::attempt::ending::ENDING;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Signals that would end a probe too, and that nobody sends for that: they wait until it has ended by itself.
pub(super) const WAITING: [Signal; 7] =
    [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGVTALRM, Signal::SIGPROF, Signal::SIGXCPU, Signal::SIGXFSZ];

/// Something in a directory that is to be removed. That directory is for its owner alone, so no link is put in the way to it.
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
    directory: File,
    contents: &'static [Entry],
}

static REMAINS: OnceLock<Remains> = OnceLock::new();
static CHILD: AtomicI32 = AtomicI32::new(0);

/// From here on [`ENDING`] signals, which the death of the parent sends too, remove a directory before they end this process and
/// its group. The directory stays open, and locked with it.
pub(super) fn remove_on_signal(path: &Path, directory: File, contents: &'static [Entry]) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    let _ = REMAINS.set(Remains { owner: nix::unistd::getpid(), path, directory, contents });
    let action = SigAction::new(SigHandler::Handler(remove_and_end), SaFlags::empty(), SigSet::all());
    for signal in ENDING {
        // SAFETY: the handler makes system calls alone, which are all safe in one (signal-safety(7)).
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// Removes what the handler would, before this process ends by itself; whether it is gone.
pub(super) fn remove() -> bool {
    let Some(remains) = REMAINS.get() else { return false };
    remove_contents(&remains.directory, remains.contents);
    // SAFETY: takes a C string that lives for ever.
    unsafe { libc::rmdir(remains.path.as_ptr()) == 0 }
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

/// Whether a process of the probe has something in the directory that it alone can remove: in memory that all of them share.
static HELD: OnceLock<&'static AtomicBool> = OnceLock::new();

/// So long the handler waits for that, in milliseconds: what is done meanwhile takes microseconds, or hangs.
const HOLD: u32 = 100;

/// Makes that memory. Without it, nobody waits.
pub(super) fn share() {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, of zeroes, which is a value for an AtomicBool; it is never given back.
    unsafe {
        let page = libc::mmap(std::ptr::null_mut(), size_of::<AtomicBool>(), access, flags, -1, 0);
        if page != libc::MAP_FAILED {
            let _ = HELD.set(&*page.cast());
        }
    }
}

/// Does what should not be interrupted: signals that would end this process wait, and so does the handler of the one that started it.
pub(super) fn hold<T>(work: impl FnOnce() -> T) -> T {
    let hold = |is| HELD.get().into_iter().for_each(|held| held.store(is, Ordering::SeqCst));
    let (mut before, signals) = (SigSet::empty(), ENDING.into_iter().chain(WAITING).collect::<SigSet>());
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), Some(&mut before));
    hold(true);
    let done = work();
    hold(false);
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    done
}

extern "C" fn remove_and_end(_: libc::c_int) {
    // A process that was forked has the handler too, but not the duty.
    // SAFETY: these calls take numbers and C strings that live for ever, and are safe in a signal handler.
    unsafe {
        if let Some(remains) = REMAINS.get().filter(|remains| remains.owner.as_raw() == libc::getpid()) {
            let child = CHILD.load(Ordering::Relaxed);
            if child > 0 {
                let pause = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                for _ in (0..HOLD).take_while(|_| HELD.get().is_some_and(|held| held.load(Ordering::SeqCst))) {
                    libc::nanosleep(&raw const pause, std::ptr::null_mut());
                }
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
