//! Files that name or prove an identity: a kubeconfig, a token, a certificate. Whoever wrote them may have written anything.

use crate::read::{PATIENCE, bounded, read_file};
use std::io::ErrorKind;
use std::path::Path;

/// How large a token, a certificate or a key may be: a Secret, which most of them come from, holds no more.
pub(super) const CREDENTIAL: usize = 1024 * 1024;

/// Reads a file that has at most `most` bytes.
///
/// # Errors
/// What is wrong, with the file's name.
pub(super) fn contents(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let largest = u64::try_from(most).unwrap_or(u64::MAX);
    let there = path.to_owned();
    match bounded(PATIENCE, move || read_file(&there, largest, PATIENCE)) {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(error)) if error.kind() != ErrorKind::TimedOut => Err(format!("{}: {error}", path.display())),
        _ => Err(format!("{}: waited {} s and got no whole answer", path.display(), PATIENCE.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("file");
        std::fs::write(&file, "123").expect("write");
        assert_eq!(contents(&file, 3).as_deref(), Ok(b"123".as_slice()));
        for (path, most, why) in [
            (file.as_path(), 2, "larger"),
            (Path::new("/dev/zero"), 5000, "a device"),
            (dir.path(), 5, "directory"),
            (Path::new("/nowhere"), 5, "No such file"),
        ] {
            let error = contents(path, most).expect_err("refused");
            assert!(error.contains(why) && error.starts_with(&path.display().to_string()), "{error}");
        }
    }
}
