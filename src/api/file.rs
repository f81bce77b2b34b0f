//! Files that name or prove an identity: a kubeconfig, a token, a certificate. Whoever wrote them may have written anything.

use crate::read::bounded;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// How long a file may take: a pipe of the shell is a file too (`--kubeconfig <(kubectl config view --raw)`), and whoever writes
/// to it may have to start first; a mount whose server is gone never answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How large a token, a certificate or a key may be: a Secret, which most of them come from, holds no more.
pub(super) const CREDENTIAL: usize = 1024 * 1024;

/// Reads a file that has at most `most` bytes.
///
/// # Errors
/// What is wrong, with the file's name.
pub(super) fn contents(path: &Path, most: usize) -> Result<Vec<u8>, String> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let open = path.to_owned();
    let read = bounded(PATIENCE, move || {
        let mut bytes = Vec::new();
        File::open(open)?.take(limit).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    match read {
        None => Err(format!("{}: could not be read whole in {} s", path.display(), PATIENCE.as_secs())),
        Some(Err(error)) => Err(format!("{}: {error}", path.display())),
        Some(Ok(bytes)) if bytes.len() > most => Err(format!("{}: is larger than {} KiB", path.display(), most / 1024)),
        Some(Ok(bytes)) => Ok(bytes),
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
            (Path::new("/dev/zero"), 5000, "larger"),
            (dir.path(), 5, "directory"),
            (Path::new("/nowhere"), 5, "No such file"),
        ] {
            let error = contents(path, most).expect_err("refused");
            assert!(error.contains(why) && error.starts_with(&path.display().to_string()), "{error}");
        }
    }
}
