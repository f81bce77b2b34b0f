//! The cluster's processes, each with a log file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a state is looked at that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// Waits until `look` gives a value; its errors say what is there instead. Fails after so many seconds with `what` was
/// waited for and the last of these errors.
pub(crate) fn wait<T>(what: &str, seconds: u64, look: impl FnMut() -> Result<T, String>) -> T {
    poll(seconds, look).unwrap_or_else(|state| panic!("{what}: not within {seconds} s; last seen: {state}"))
}

/// The same for what may never come: after so many seconds the last error.
pub(crate) fn poll<T, E>(seconds: u64, mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Err(state) if Instant::now() > deadline => return Err(state),
            Err(_) => sleep(POLL),
            found => return found,
        }
    }
}

struct Process {
    program: PathBuf,
    arguments: Vec<OsString>,
    child: Option<Child>,
}

/// All processes by name.
pub(crate) struct Processes {
    logs: PathBuf,
    all: Mutex<BTreeMap<String, Process>>,
}

impl Processes {
    pub(crate) fn new(logs: PathBuf) -> Self {
        fs::create_dir_all(&logs).expect("mkdir");
        Processes { logs, all: Mutex::default() }
    }

    /// Starts a program, with output to a log file named as the process is.
    pub(crate) fn start<A: Into<OsString>>(&self, name: &str, program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = A>) {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.lock().insert(name.to_owned(), Process { program: program.into(), arguments, child: None });
        self.restart(name);
    }

    /// Starts one again that was stopped, with the same arguments; its log goes on.
    pub(crate) fn restart(&self, name: &str) {
        let mut all = self.lock();
        let process = all.get_mut(name).unwrap_or_else(|| panic!("no process is called {name}"));
        assert!(process.child.is_none(), "{name} runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.log(name)).expect("a log file");
        let mut command = Command::new(&process.program);
        command.args(&process.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log file")).stderr(log);
        process.child = Some(command.spawn().unwrap_or_else(|error| panic!("{}: {error}", process.program.display())));
    }

    /// Kills one, as a crash would.
    pub(crate) fn stop(&self, name: &str) {
        let child = self.lock().get_mut(name).and_then(|process| process.child.take());
        let mut child = child.unwrap_or_else(|| panic!("{name} does not run"));
        child.kill().expect("kill");
        child.wait().expect("wait");
    }

    /// Waits until the process is ready for use, or fails with the end of its log.
    pub(crate) fn ready<T>(&self, name: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
        wait(&format!("{name} is ready"), 180, || {
            let ended = self.lock().get_mut(name).and_then(|process| process.child.as_mut()?.try_wait().ok()?);
            match (ended, look()) {
                (None, Err(state)) => Err(format!("{state}\n{}", self.tail(name))),
                (Some(status), _) => panic!("{name} ended with {status}:\n{}", self.tail(name)),
                (None, ready) => ready,
            }
        })
    }

    /// The last lines of a process's log.
    pub(crate) fn tail(&self, name: &str) -> String {
        let text = fs::read(self.log(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(30)..];
        format!("--- {name}, end of its log ---\n{}", tail.join("\n"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Process>> {
        self.all.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
