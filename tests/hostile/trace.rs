//! A signal at one step of a program: before or after a system call, whichever of its processes makes it.

use crate::run::{End, end_of};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// Which signal, and at which stop of the program: each system call has two.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) signal: Signal,
    pub(crate) at: usize,
}

/// Runs a line of shell that execs the program, and sends the program the signal. How it ended.
pub(crate) fn follow(mut command: Command, shot: &Shot, longest: Duration) -> (End, u64) {
    let traced = || ptrace::traceme().map_err(Into::into);
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(traced) };
    #[expect(clippy::zombie_processes, reason = "it is waited for below, with all that it starts")]
    let child = command.spawn().expect("the shell starts");
    let main = Pid::from_raw(child.id().cast_signed());
    let until = Instant::now() + longest;
    let (mut end, mut execs, mut stops, mut late) = (None, 0, 0, false);
    loop {
        let mut status = 0;
        // SAFETY: the status is written by the kernel. Only this thread's own tracees are waited for.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD | libc::WNOHANG) };
        if pid == 0 {
            if Instant::now() > until && !late {
                late = true;
                let _ = kill(Pid::from_raw(-main.as_raw()), Signal::SIGKILL);
                let _ = kill(main, Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        if pid < 0 {
            return (if late { End::Endless } else { end.unwrap_or_default() }, 0);
        }
        if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
            if pid == main.as_raw() {
                end = Some(end_of(status));
            }
            continue;
        }
        let (stopped, pid) = (libc::WSTOPSIG(status), Pid::from_raw(pid));
        let mut deliver = 0;
        match (stopped, status >> 16) {
            // The first stop of the shell, by its own exec.
            (libc::SIGTRAP, 0) if pid == main && execs == 0 => {
                execs = 1;
                let wanted = Options::PTRACE_O_TRACESYSGOOD
                    | Options::PTRACE_O_TRACEEXEC
                    | Options::PTRACE_O_TRACEFORK
                    | Options::PTRACE_O_TRACEVFORK
                    | Options::PTRACE_O_TRACECLONE;
                ptrace::setoptions(pid, wanted).expect("ptrace");
            }
            (libc::SIGTRAP, libc::PTRACE_EVENT_EXEC) if pid == main => execs += 1,
            (libc::SIGTRAP, 1..) => {}
            (signal, _) if signal == libc::SIGTRAP | 0x80 => {
                stops += usize::from(execs > 1);
                if execs > 1 && stops == shot.at {
                    let _ = kill(main, shot.signal);
                }
            }
            // A new tracee stops once.
            (libc::SIGSTOP, _) => {}
            (signal, _) => deliver = signal,
        }
        // SAFETY: takes numbers. A tracee that is gone by now is no error here.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, pid.as_raw(), 0, libc::c_long::from(deliver)) };
    }
}
