//! Keyrings that a user has already.

use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// KEYCTL_JOIN_SESSION_KEYRING of include/uapi/linux/keyctl.h.
const JOIN: libc::c_long = 1;

/// Processes with a session keyring each; they end with this.
pub(crate) struct Held(Vec<Child>);

impl Held {
    /// Keyrings of one user, with names as long as runc's for a pod; fewer where its quota ends before.
    pub(crate) fn new(number: u32, uid: u32) -> Self {
        let mut held = Held(Vec::new());
        for key in 0..number {
            let name = CString::new(format!("_ses.{key:064x}")).expect("no NUL");
            let mut command = Command::new("sleep");
            command.arg("infinity").stdin(Stdio::null()).uid(uid).gid(uid);
            // SAFETY: two system calls, one on a string that lives in the closure.
            unsafe {
                command.pre_exec(move || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                });
                command.pre_exec(move || match libc::syscall(libc::SYS_keyctl, JOIN, name.as_ptr()) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                });
            }
            // Back from exec, it has its keyring.
            match command.spawn() {
                Ok(child) => held.0.push(child),
                Err(error) if error.raw_os_error() == Some(libc::EDQUOT) => break,
                Err(error) => panic!("a process with a keyring: {error}"),
            }
        }
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
