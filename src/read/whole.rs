//! Bytes of somebody else: they may be anything, of any length, and without an end.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

/// The device that is an empty file: a link to it takes a file's place where somebody wants that file to say nothing (sysctl.d(5)).
const NULL: (u32, u32) = (1, 3);

/// Reads to the end. What is larger than `limit` bytes is an error, and never a shorter text.
///
/// # Errors
/// Those of read(2), and `FileTooLarge`.
pub(crate) fn whole(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    extend(&mut bytes, reader, limit)?;
    Ok(bytes)
}

/// The same, behind what was read before.
pub(super) fn extend(bytes: &mut Vec<u8>, reader: impl Read, limit: u64) -> io::Result<()> {
    let before = bytes.len() as u64;
    reader.take((limit + 1).saturating_sub(before)).read_to_end(bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("larger than {}", size(limit))));
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    match (bytes >> 20, bytes >> 10) {
        (0, 0) => format!("{bytes} bytes"),
        (0, kib) => format!("{kib} KiB"),
        (mib, _) => format!("{mib} MiB"),
    }
}

/// How to open what should be an ordinary file: a FIFO and a device are not waited for, and are told by [`ordinary`].
pub(super) fn reading(more: OFlag) -> OpenOptions {
    let mut options = File::options();
    options.read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY | more).bits());
    options
}

/// Reads an ordinary file, or a pipe that a shell made of a command (`<(ssh node ...)`).
///
/// # Errors
/// Those of open(2) and read(2); `InvalidInput` for something else, `FileTooLarge`, and `TimedOut` for a pipe whose writer does not
/// come to its end within `limit`.
pub(super) fn read_file(path: &Path, largest: u64, limit: Duration) -> io::Result<Vec<u8>> {
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
                    return Err(io::Error::new(ErrorKind::InvalidInput, "a FIFO to which nobody writes, not a file"));
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

/// Refuses what is no ordinary file.
///
/// # Errors
/// `InvalidInput`, which says what it is.
pub(super) fn ordinary(file: &File) -> io::Result<()> {
    let meta = file.metadata()?;
    let device = (libc::major(meta.rdev()), libc::minor(meta.rdev()));
    match other(meta.file_type()) {
        Some(_) if meta.file_type().is_char_device() && device == NULL => Ok(()),
        Some(what) => Err(io::Error::new(ErrorKind::InvalidInput, format!("{what}, not a file"))),
        None => Ok(()),
    }
}

/// What something is that is no ordinary file.
fn other(kind: FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_dir(), "a directory"),
        (kind.is_fifo(), "a FIFO"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
    ];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn what_is_too_large_is_refused_and_not_cut() {
        for (length, limit, is_whole) in [(0, 0, true), (1, 0, false), (7, 7, true), (8, 7, false)] {
            let read = whole(io::repeat(b'x').take(length), limit);
            assert_eq!(read.is_ok(), is_whole, "{length} of {limit}");
        }
        let endless = |limit| whole(io::repeat(0), limit).expect_err("endless").to_string();
        assert_eq!([endless(9), endless(64 << 10), endless(2 << 20)], ["larger than 9 bytes", "larger than 64 KiB", "larger than 2 MiB"]);
    }

    #[test]
    fn only_ordinary_files_are_read() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| dir.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), Mode::S_IRWXU).expect("mkfifo");
        let _listening = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        std::fs::write(path("file"), "text").expect("write");
        let says = |path: &Path| read_file(path, 9, Duration::ZERO).expect_err("no file").to_string();
        assert_eq!(says(&path("fifo")), "a FIFO to which nobody writes, not a file");
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
        let path = fifo.clone();
        let told = std::thread::spawn(move || std::fs::write(path, b"text"));
        // Until the writer is there nobody writes.
        let text = std::iter::repeat_with(|| read(Duration::from_secs(60))).find(Result::is_ok);
        assert_eq!(text, Some(Ok(b"text".to_vec())));
        told.join().expect("no panic").expect("written");
        let mut much = writer();
        std::io::Write::write_all(&mut much, b"ten bytes!").expect("write");
        assert_eq!(read(Duration::from_secs(60)), Err(ErrorKind::FileTooLarge));
    }
}
