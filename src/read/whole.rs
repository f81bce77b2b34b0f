//! Bytes of somebody else: they may be anything, of any length, and without an end.

use nix::fcntl::OFlag;
use std::fs::{File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

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

    #[test]
    fn what_is_too_large_is_refused_and_not_cut() {
        for (length, limit, is_whole) in [(0, 0, true), (1, 0, false), (7, 7, true), (8, 7, false)] {
            let read = whole(io::repeat(b'x').take(length), limit);
            assert_eq!(read.is_ok(), is_whole, "{length} of {limit}");
        }
        let endless = |limit| whole(io::repeat(0), limit).expect_err("endless").to_string();
        assert_eq!([endless(9), endless(64 << 10), endless(2 << 20)], ["larger than 9 bytes", "larger than 64 KiB", "larger than 2 MiB"]);
    }
}
