//! Files that somebody hands in.

use super::whole::{ordinary, reading, whole};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Reads an ordinary file, or a pipe that a shell made of a command (`<(ssh node ...)`).
///
/// # Errors
/// Those of open(2) and read(2); `InvalidInput` for something else, `FileTooLarge`, and `TimedOut` for a pipe whose writer does not
/// come to its end within `limit`.
pub(crate) fn read_file(path: &Path, largest: u64, limit: Duration) -> io::Result<Vec<u8>> {
    let file = reading(OFlag::empty()).open(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => io::Error::new(ErrorKind::InvalidInput, "a socket or a device, not a file"),
        _ => error,
    })?;
    if file.metadata()?.file_type().is_fifo() {
        return whole(Writers { pipe: file, end: Instant::now() + limit, has_told: false }, largest);
    }
    ordinary(&file)?;
    whole(file, largest)
}

/// A pipe with writers that may take their time, but not for ever.
struct Writers {
    pipe: File,
    end: Instant,
    has_told: bool,
}

impl Read for Writers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.read(buffer) {
                Ok(0) if !self.has_told => {
                    return Err(io::Error::new(ErrorKind::InvalidInput, "a FIFO to which nobody writes, or whose writer wrote nothing"));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                told => {
                    self.has_told = true;
                    return told;
                }
            }
            let left = self.end.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => return Err(ErrorKind::TimedOut.into()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn only_ordinary_files_are_read() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), Mode::S_IRWXU).expect("mkfifo");
        let _listening = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        std::fs::write(path("file"), "text").expect("write");
        let says = |path: &Path| read_file(path, 9, Duration::ZERO).expect_err("no file").to_string();
        assert_eq!(says(&path("fifo")), "a FIFO to which nobody writes, or whose writer wrote nothing");
        assert_eq!(says(dir.path()), "a directory, not a file");
        assert_eq!(says("/dev/zero".as_ref()), "a device, not a file");
        assert!(read_file(&path("socket"), 9, Duration::ZERO).is_err());
        assert_eq!(read_file("/dev/null".as_ref(), 9, Duration::ZERO).expect("an empty file"), b"");
        assert_eq!(read_file(&path("file"), 9, Duration::ZERO).expect("a file"), b"text");
    }

    #[test]
    fn a_pipe_that_was_named_is_read_to_its_end_and_not_waited_for_without_end() {
        let dir = tempfile::tempdir().expect("temp dir");
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).expect("mkfifo");
        let read = |limit| read_file(&fifo, 9, limit).map_err(|error| error.kind());
        assert_eq!(read(Duration::from_secs(3600)), Err(ErrorKind::InvalidInput), "nobody writes");
        // Opened for reading too, this one does not wait for a reader.
        let writer = || File::options().read(true).write(true).open(&fifo).expect("the FIFO");
        let silent = writer();
        assert_eq!(read(Duration::from_millis(5)), Err(ErrorKind::TimedOut));
        drop(silent);
        // What is written stays for as long as somebody has the pipe open for reading.
        let _open = reading(OFlag::O_NONBLOCK).open(&fifo).expect("the FIFO");
        std::fs::write(&fifo, b"text").expect("written");
        assert_eq!(read(Duration::from_secs(60)), Ok(b"text".to_vec()));
        let mut much = writer();
        std::io::Write::write_all(&mut much, b"ten bytes!").expect("write");
        assert_eq!(read(Duration::from_secs(60)), Err(ErrorKind::FileTooLarge));
    }
}
