//! Runs one input in a directory of its own, and says what was seen.

use crate::oracle::{Expect, LONGEST_OUTPUT, Seen};
use crate::trace::{self, Shot};
use crate::{world, writes};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What takes longer is endless. The longest that the program may wait for others is a webhook's dry run, of each profile.
const LONGEST: Duration = Duration::from_secs(60);
/// How long processes may take to be gone after the program.
const GONE: Duration = Duration::from_secs(5);
/// No memory beyond this is given: a program that asks for more than it is allowed must not take the machine with it.
const ADDRESS_SPACE: u64 = 2 << 30;

/// A text and how often it stands there.
pub(crate) type Piece = (Vec<u8>, usize);

/// One thing that is tried: a line of shell, in a directory of its own, in which `$P` is the program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// For people.
    pub(crate) what: String,
    pub(crate) line: String,
    /// Files below its directory, made before: each of pieces that are repeated, so that a large one takes no memory here.
    /// (A process that is forked counts the memory of its parent as its own.)
    pub(crate) files: Vec<(String, Vec<Piece>)>,
    /// A tree of tests/hosts, to be copied to `tree`.
    pub(crate) tree: Option<&'static str>,
    /// A signal that is sent in the midst of it.
    pub(crate) shot: Option<Shot>,
    /// A line that is run after it, and must remove what a SIGKILL had to leave.
    pub(crate) then: Option<&'static str>,
    pub(crate) expect: Expect,
}

impl Input {
    pub(crate) fn new(what: impl Into<String>, line: impl Into<String>, expect: Expect) -> Self {
        Input { what: what.into(), line: line.into(), expect, ..Input::default() }
    }

    pub(crate) fn file(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.into(), vec![(text.into(), 1)]));
        self
    }

    pub(crate) fn pieces(mut self, path: impl Into<String>, pieces: Vec<Piece>) -> Self {
        self.files.push((path.into(), pieces));
        self
    }
}

/// A text as one word of shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Where inputs are run: the program, and the directory below which each has one.
pub(crate) struct Place {
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
}

impl Place {
    fn command(&self, dir: &Path, id: &str, line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(line).current_dir(dir).env_clear().process_group(0);
        command.env("P", &self.program).env("HOSTILE", id).env("HOME", dir.join("home")).env("TMPDIR", dir.join("tmp"));
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let limit = || {
            setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE)?;
            setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes system calls only.
        unsafe { command.pre_exec(limit) };
        command
    }

    /// What was seen of one input. Its directory stays.
    pub(crate) fn run(&self, id: &str, input: &Input) -> Seen {
        let dir = self.dir.join(id);
        let _ = fs::remove_dir_all(&dir);
        for inner in ["home", "tmp", "state"] {
            fs::create_dir_all(dir.join(inner)).expect("mkdir");
        }
        open_to_all(&dir);
        for (path, text) in input.tree.map(world::tree).unwrap_or_default() {
            write(&dir.join("tree").join(path), &[(text, 1)]);
        }
        for (path, pieces) in &input.files {
            write(&dir.join(path), pieces);
        }
        let before = below(&dir);
        let mut seen = self.once(&dir, id, &input.line, input.shot.as_ref());
        if let Some(then) = input.then {
            let after = self.once(&dir, id, then, None);
            seen.left_processes += after.left_processes;
        }
        if let Some(trace) = input.expect.writes {
            let trace = fs::read_to_string(dir.join(trace)).unwrap_or_default();
            assert!(trace.contains("openat("), "strace told nothing of {}", input.what);
            seen.writes = writes::outside(&trace, &dir.display().to_string());
        }
        let made: BTreeSet<_> =
            before.iter().filter(|path| !path.exists()).cloned().chain(below(&dir).difference(&before).cloned()).collect();
        let relative = |path: &PathBuf| path.strip_prefix(&dir).unwrap_or(path).display().to_string();
        seen.changed_files =
            made.iter().map(relative).filter(|path| !input.expect.may_write.iter().any(|may| path.starts_with(may))).collect();
        seen
    }

    fn once(&self, dir: &Path, id: &str, line: &str, shot: Option<&Shot>) -> Seen {
        let output = |name: &str| (dir.with_extension(name), File::create(dir.with_extension(name)).expect("create"));
        let ((stdout, out), (stderr, err)) = (output("out"), output("err"));
        let mut command = self.command(dir, id, line);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let started = Instant::now();
        let end = match shot {
            Some(shot) => trace::follow(command, shot, LONGEST),
            None => wait(command),
        };
        let seconds = started.elapsed().as_secs_f64();
        let left_processes = left(id);
        let seen = Seen { end, seconds, left_processes, stdout: read(&stdout), stderr: read(&stderr), ..Seen::default() };
        for file in [stdout, stderr] {
            let _ = fs::remove_file(file);
        }
        seen
    }

    /// Writes down how an input can be tried by hand; where.
    pub(crate) fn keep(&self, id: &str, input: &Input) -> PathBuf {
        let dir = self.dir.join(id);
        let text = format!(
            "#!/bin/sh\n# {}\ncd {} || exit\nexec env -i P={} HOME=\"$PWD/home\" TMPDIR=\"$PWD/tmp\" PATH=\"$PATH\" sh -c {}\n",
            input.what.replace('\n', " "),
            dir.display(),
            self.program.display(),
            quoted(&input.line),
        );
        let again = dir.with_extension("sh");
        fs::write(&again, text).expect("write");
        again
    }

    /// Removes what an input left.
    pub(crate) fn clear(&self, id: &str) {
        let _ = fs::remove_dir_all(self.dir.join(id));
    }
}

fn write(path: &Path, pieces: &[Piece]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
    let mut file = BufWriter::new(File::create(path).expect("create"));
    for text in pieces.iter().flat_map(|(text, times)| std::iter::repeat_n(text, *times)) {
        file.write_all(text).expect("write");
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Endless,
    Code(i32),
    Signal(i32),
}

impl End {
    fn of(status: i32) -> Self {
        if libc::WIFSIGNALED(status) { End::Signal(libc::WTERMSIG(status)) } else { End::Code(libc::WEXITSTATUS(status)) }
    }
}

/// Waits for a command, or ends it; how it ended and the most memory that it had, in KiB.
fn wait(mut command: Command) -> (End, u64) {
    #[expect(clippy::zombie_processes, reason = "it is waited for by wait4(2), which tells what it used")]
    let child = command.spawn().expect("the shell starts");
    let pid = Pid::from_raw(child.id().cast_signed());
    // SAFETY: takes numbers; the descriptor that it gives is nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(i32::try_from(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0)).expect("a descriptor")) };
    let timeout = PollTimeout::try_from(LONGEST).expect("a time");
    let ended = poll(&mut [PollFd::new(std::os::fd::AsFd::as_fd(&pidfd), PollFlags::POLLIN)], timeout).expect("poll") > 0;
    if !ended {
        let _ = killpg(pid, Signal::SIGKILL);
    }
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both are written by the kernel, and all zeroes is a value of each.
    let usage = unsafe {
        libc::wait4(pid.as_raw(), &raw mut status, 0, usage.as_mut_ptr());
        usage.assume_init()
    };
    let end = if ended { End::of(status) } else { End::Endless };
    (end, usage.ru_maxrss.cast_unsigned())
}

pub(crate) fn end_of(status: i32) -> End {
    End::of(status)
}

/// How many processes of an input are there a while after its end. They are ended then.
fn left(id: &str) -> usize {
    let mark = format!("HOSTILE={id}\0");
    let until = Instant::now() + GONE;
    loop {
        let left: Vec<i32> = processes().filter(|pid| environment(*pid).windows(mark.len()).any(|part| part == mark.as_bytes())).collect();
        if left.is_empty() {
            return 0;
        }
        if Instant::now() > until {
            for pid in &left {
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
            return left.len();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn processes() -> impl Iterator<Item = i32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn environment(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()
}

/// The beginning of a file.
fn read(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST_OUTPUT as u64 + 1).read_to_end(&mut text)).expect("read");
    text
}

/// The builder that root imitates is another user.
fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for dir in [dir.to_owned(), dir.join("state"), dir.join("tmp")] {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("chmod");
    }
}

/// All that is below a directory.
fn below(dir: &Path) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
            all.insert(entry.path());
        }
    }
    all
}
