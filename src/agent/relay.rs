//! Proofs for another container: one that has the shape to prove, and no token, answers one that has the token.
//!
//! Whoever connects to the socket is answered with facts that were gathered for it, as JSON, and says nothing itself: there is
//! nothing that it could ask for.

use crate::attempt::reap;
use crate::fact::Facts;
use crate::gather::{Options, gather};
use crate::read::whole;
use crate::text::{plain, shortened};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::geteuid;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Facts are some tens of kilobytes; a mount table that is full of masks is larger.
const LARGEST: u64 = 8 << 20;

/// The longest reason why an answer can't be read that is passed on.
const LONGEST: usize = 200;

/// How long one who asked may take to read.
const READING: Duration = Duration::from_secs(5);

/// The containers of a pod start one after the other.
const STARTING: Duration = Duration::from_millis(100);

/// Answers all who connect to the socket, one after the other, until SIGTERM or SIGINT.
///
/// # Errors
/// A socket that can't be made.
pub(crate) fn serve(socket: &Path, options: &Options) -> io::Result<()> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    // As a container's first process it would not be ended by a signal that nobody asks for.
    signals.thread_block()?;
    let ended = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    make_way(socket)?;
    let listener = UnixListener::bind(socket)?;
    listener.set_nonblocking(true)?;
    // The other container has another user.
    fs::set_permissions(socket, Permissions::from_mode(0o666))?;
    loop {
        let mut waits = [PollFd::new(listener.as_fd(), PollFlags::POLLIN), PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) if waits[1].any() == Some(true) => return Ok(()),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        if let Ok((stream, _)) = listener.accept() {
            // One who does not read, or is gone, has no answer.
            let _ = answer(stream, options);
            reap();
        }
    }
}

/// Removes the socket that an earlier run of this container left, and nothing else: a file, a FIFO, another user's socket and one
/// at which somebody listens stay.
fn make_way(socket: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(socket) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        there => there?,
    };
    if !there.file_type().is_socket() || there.uid() != geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the path exists and is not a socket of this user; nothing was removed"));
    }
    if UnixStream::connect(socket).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on this socket; nothing was removed"));
    }
    fs::remove_file(socket)
}

fn answer(stream: UnixStream, options: &Options) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let facts = gather(options).map_err(io::Error::other)?;
    Until { stream, deadline: Instant::now() + READING }.write_all(serde_json::to_string(&facts)?.as_bytes())
}

/// A stream whose other side may take until then for all that is read or written.
struct Until {
    stream: UnixStream,
    deadline: Instant,
}

impl Until {
    /// What is left of the time, which a time-out must not be without.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

/// What the system calls a try that would wait, where it has waited.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl Read for Until {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Asks for facts at a socket; that it is there may take as long as an answer.
///
/// # Errors
/// Why there is no answer.
pub(crate) fn ask(socket: &Path, patience: Duration) -> Result<Facts, String> {
    let deadline = Instant::now() + patience;
    let why = |error: io::Error| format!("{}: {error}", socket.display());
    let stream = loop {
        match UnixStream::connect(socket) {
            Err(error)
                if Instant::now() < deadline && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
            {
                sleep(STARTING);
            }
            connected => break connected.map_err(why)?,
        }
    };
    let text = whole(Until { stream, deadline }, LARGEST).map_err(why)?;
    // The reason may quote the answer, which has neither bounds nor manners.
    serde_json::from_slice(&text).map_err(|error| {
        let (bytes, why) = (text.len(), shortened(plain(&error.to_string(), LONGEST), LONGEST));
        format!("{}: its answer of {bytes} bytes is not what is known of a node: {why}", socket.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use std::thread::spawn;

    fn options() -> Options {
        Options {
            root: None,
            state_dir: None,
            snapshotter: None,
            asked: Some(crate::fact::Asked { unconfined: true, user_namespace: true, unmasked_proc: true }),
            own_pod: crate::gather::AsOwnPod::No,
            plans: Vec::new(),
            trial_builds: false,
            all: false,
            deadline: Duration::from_secs(10),
            without: Vec::new(),
        }
    }

    #[test]
    fn whoever_connects_is_answered_with_facts() {
        let dir = tempfile::tempdir().expect("temp dir");
        let socket = dir.path().join("socket");
        let served = socket.clone();
        // It is asked before it is there.
        let asked = spawn({
            let socket = socket.clone();
            move || ask(&socket, Duration::from_secs(20))
        });
        spawn(move || serve(&served, &options()));
        let facts = asked.join().expect("no panic").expect("facts");
        assert_eq!(facts.process.asked_user_namespace, Fact::Known(true));
        assert!(ask(&socket, Duration::from_secs(20)).is_ok(), "and again");
        assert_eq!(fs::metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o666);
    }

    #[test]
    fn only_a_dead_socket_of_its_own_is_replaced() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "x").expect("a file");
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        std::os::unix::fs::symlink(path("file"), path("link")).expect("a link");
        let living = UnixListener::bind(path("living")).expect("a socket");
        for name in ["file", "fifo", "link", "living"] {
            let refused = make_way(&path(name)).expect_err(name);
            assert!(refused.to_string().contains("nothing was removed") && path(name).symlink_metadata().is_ok(), "{name}: {refused}");
        }
        drop(living);
        make_way(&path("living")).expect("a dead one is removed");
        assert!(path("living").symlink_metadata().is_err());
        make_way(&path("none")).expect("nothing stands there");
    }

    #[test]
    fn an_answer_that_trickles_is_waited_for_no_longer_than_one_that_never_comes() {
        let dir = tempfile::tempdir().expect("temp dir");
        let socket = dir.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let trickling = spawn(move || {
            let (mut stream, _) = listener.accept().expect("one who asks");
            // It ends only where the other side has hung up.
            while stream.write_all(b" ").is_ok() {
                sleep(Duration::from_millis(1));
            }
        });
        let why = ask(&socket, Duration::from_millis(100)).expect_err("no facts");
        assert!(why.contains("timed out"), "{why}");
        trickling.join().expect("no panic");
    }

    #[test]
    fn what_is_no_answer_is_said() {
        let dir = tempfile::tempdir().expect("temp dir");
        let socket = dir.path().join("socket");
        assert!(ask(&socket, Duration::ZERO).is_err_and(|why| why.contains("socket")));
        let listener = UnixListener::bind(&socket).expect("a socket");
        let good = serde_json::to_value(Facts::unknown()).expect("JSON");
        // An unknown word is quoted by whoever reads JSON, and so is a wrong type.
        let nasty = format!("\u{1b}[2J\n{}", "x".repeat(100_000));
        let mut wrong = good.clone();
        wrong["kernel"] = serde_json::json!({"state": nasty, "value": nasty});
        let more = format!("{good} {nasty}");
        let answers = [String::new(), "{}".into(), "garbage".into(), more, format!("{:?}", nasty), wrong.to_string()];
        let number = answers.len();
        let other = spawn(move || {
            for answer in answers {
                listener.accept().expect("one who asks").0.write_all(answer.as_bytes()).expect("write");
            }
        });
        for _ in 0..number {
            let why = ask(&socket, Duration::from_secs(20)).expect_err("no facts");
            assert!(why.len() < 500 && !why.contains(char::is_control), "{} bytes: {}", why.len(), why.escape_debug());
        }
        other.join().expect("no panic");
    }
}
