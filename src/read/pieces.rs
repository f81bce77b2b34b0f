//! A text of any size, piece by piece.

use super::named::{BadPath, Named, PATIENCE, is_file};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much is read at a time.
const PIECE: usize = 64 << 10;

/// Hands the bytes of a file that was named to somebody, as they come; `-` is standard input. A pipe may take its time.
///
/// # Errors
/// Nothing that can be read is there, or reading went wrong.
pub(crate) fn pieces(named: Named, path: &str, take: impl FnMut(&[u8])) -> Result<(), BadPath> {
    let (path, read) = match path {
        "-" => (Path::new("standard input"), each(io::stdin().lock(), take)),
        _ => {
            let path = Path::new(path);
            is_file(named, path, PATIENCE)?;
            (path, File::open(path).and_then(|file| each(file, take)))
        }
    };
    read.map_err(|error| BadPath::error(named, path, &error))
}

fn each(mut reader: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
