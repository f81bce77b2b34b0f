//! What lies in an exported image: an archive whose layers are archives, none of them compressed.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// A block of tar(5).
const BLOCK: usize = 512;
/// A header that says more of the next file.
const EXTENDED: u8 = b'x';
/// Layers are small but for the program; no more than this is read of one extended header.
const MOST: u64 = 1 << 20;

/// One file of a layer.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: u64,
    pub(super) user: u64,
    pub(super) group: u64,
    pub(super) size: u64,
    /// The type flag.
    pub(super) kind: u8,
    pub(super) has_capability: bool,
}

/// The files of all layers.
pub(super) fn entries(path: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    walk(&mut BufReader::new(File::open(path)?), &mut |entry, content| {
        if entry.name.starts_with("blobs/") {
            // A blob that is no archive is a manifest.
            let _ = walk(content, &mut |inner, _| {
                found.push(inner);
                Ok(())
            });
        }
        Ok(())
    })?;
    Ok(found)
}

/// Goes through an archive. `each` may read what a file holds.
fn walk(archive: &mut dyn Read, each: &mut dyn FnMut(Entry, &mut dyn Read) -> io::Result<()>) -> io::Result<()> {
    let mut block = [0; BLOCK];
    let (mut name, mut has_capability) = (None, false);
    while archive.read_exact(&mut block).is_ok() && block[0] != 0 {
        let mut entry = header(&block)?;
        let padded = entry.size.div_ceil(BLOCK as u64) * BLOCK as u64;
        let mut content = archive.take(padded);
        if entry.kind == EXTENDED {
            let mut text = Vec::new();
            (&mut content).take(entry.size.min(MOST)).read_to_end(&mut text)?;
            (name, has_capability) = extended(&text);
        } else {
            entry.name = name.take().unwrap_or(entry.name);
            entry.has_capability = std::mem::take(&mut has_capability);
            each(entry, &mut content)?;
        }
        io::copy(&mut content, &mut io::sink())?;
    }
    Ok(())
}

fn header(block: &[u8; BLOCK]) -> io::Result<Entry> {
    let no_archive = || io::Error::new(io::ErrorKind::InvalidData, "this is no tar archive");
    let field = |from: usize, to: usize| String::from_utf8_lossy(&block[from..to]).trim_matches(['\0', ' ']).to_owned();
    let number = |from: usize, to: usize| match block[from] {
        // Base 256, where octal digits do not suffice.
        0x80 => Ok(block[from + 1..to].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))),
        _ => match field(from, to).as_str() {
            "" => Ok(0),
            digits => u64::from_str_radix(digits, 8).map_err(|_| no_archive()),
        },
    };
    if &block[257..262] != b"ustar" {
        return Err(no_archive());
    }
    let prefix = field(345, 500);
    let name = if prefix.is_empty() { field(0, 100) } else { format!("{prefix}/{}", field(0, 100)) };
    let (mode, user, group, size) = (number(100, 108)? & 0o7777, number(108, 116)?, number(116, 124)?, number(124, 136)?);
    Ok(Entry { name, mode, user, group, size, kind: block[156], has_capability: false })
}

/// `LENGTH path=...` and `LENGTH SCHILY.xattr.security.capability=...`; values may have any bytes.
fn extended(text: &[u8]) -> (Option<String>, bool) {
    let text = String::from_utf8_lossy(text);
    let path = text.lines().find_map(|line| Some(line.split_once(" path=")?.1.to_owned()));
    (path, text.contains("SCHILY.xattr.security.capability="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn layers_are_read_with_owners_modes_and_long_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        let tar = |arguments: &[&str]| {
            let done = Command::new("tar").current_dir(dir.path()).args(arguments).status().expect("tar");
            assert!(done.success(), "tar {arguments:?}");
        };
        std::fs::create_dir_all(at("blobs/sha256")).expect("mkdir");
        std::fs::create_dir(at("behaviours")).expect("mkdir");
        std::fs::write(at("behaviours/.wh.list"), "").expect("write");
        let long = format!("behaviours/{}", "n".repeat(200));
        std::fs::write(at(&long), "1234").expect("write");
        tar(&["--format=pax", "--owner=:1000", "--group=:33", "--mode=4755", "-cf", "blobs/sha256/layer", "behaviours"]);
        std::fs::write(at("blobs/sha256/manifest"), "{}".repeat(400)).expect("write");
        tar(&["-cf", "image.tar", "blobs"]);
        let found = entries(&at("image.tar")).expect("an archive");
        let long = found.iter().find(|entry| entry.name == long).expect("the long name");
        assert_eq!((long.user, long.group, long.mode, long.size, long.has_capability), (1000, 33, 0o4755, 4, false));
        assert!(found.iter().any(|entry| entry.name == "behaviours/.wh.list"));
        std::fs::write(at("none"), "x".repeat(2000)).expect("write");
        assert!(entries(&at("none")).is_err());
    }
}
