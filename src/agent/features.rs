//! The file of features for node-feature-discovery, in the place of the Node.

use crate::node::View;
use crate::publish::{FEATURES_FILE, features, labels_of};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// The largest file that is read: node-feature-discovery reads none that is larger.
const LARGEST: u64 = 64 << 10;

/// How many heartbeats a verdict lasts that nobody repeats: one may be late.
const BEATS: f64 = 2.0 * super::clock::LONGEST_BEAT;

/// What stands in the file, as if it stood on a Node. One that is missing or makes no sense says nothing.
pub(super) fn stands(directory: &Path, prefix: &str) -> View {
    let path = directory.join(FEATURES_FILE);
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let text = file.ok().and_then(|file| crate::read::whole(file, LARGEST).ok()).unwrap_or_default();
    View { ours: labels_of(&String::from_utf8_lossy(&text), prefix), ..View::default() }
}

/// Writes the file. Whoever reads meanwhile sees the old one or the new one, whole.
pub(super) fn write(directory: &Path, view: &View, prefix: &str, heartbeat: Duration) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("could not write the features to {}: {error}", directory.display());
    let until = jiff::Timestamp::now().checked_add(heartbeat.mul_f64(BEATS)).map_err(|error| error.to_string())?;
    let text = features(&view.ours, prefix, &until.to_string());
    // node-feature-discovery passes over names that begin with a dot.
    let new = directory.join(format!(".{FEATURES_FILE}"));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new).and_then(|mut file| {
        // Whatever this process was told to keep from others.
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text.as_bytes())
    });
    written.and_then(|()| fs::rename(&new, directory.join(FEATURES_FILE))).map_err(failed)
}

/// The same as it will stand there.
pub(super) fn as_view(labels: &BTreeMap<crate::node::Key, String>) -> View {
    View { ours: labels.clone(), ..View::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{DEFAULT_PREFIX, Key};
    use crate::profile::Profile;

    #[test]
    fn a_file_is_replaced_whole_and_lasts_for_two_heartbeats() {
        let dir = tempfile::tempdir().expect("temp dir");
        let key = Key::Verdict(Profile::NoProcessSandbox);
        assert!(stands(dir.path(), DEFAULT_PREFIX).ours.is_empty(), "nothing was said yet");
        for value in ["ready", "not-ready"] {
            let view = as_view(&BTreeMap::from([(key, value.to_owned())]));
            write(dir.path(), &view, DEFAULT_PREFIX, Duration::from_secs(3600)).expect("written");
            assert_eq!(stands(dir.path(), DEFAULT_PREFIX), view);
        }
        let names: Vec<_> = fs::read_dir(dir.path()).expect("a directory").map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names, [FEATURES_FILE], "nothing else is left");
        let path = dir.path().join(FEATURES_FILE);
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o644);
        let text = fs::read_to_string(&path).expect("text");
        let until = text.lines().find_map(|line| line.strip_prefix("# +expiry-time=")).expect("a time");
        let left = until.parse::<jiff::Timestamp>().expect("RFC 3339").as_second() - jiff::Timestamp::now().as_second();
        assert!((8900..=9000).contains(&left), "{left} s are two and a half hours");
    }

    #[test]
    fn what_cant_be_written_is_said_with_its_place() {
        let gone = Path::new("/proc/no-such-directory");
        let why = write(gone, &View::default(), DEFAULT_PREFIX, Duration::from_secs(60)).expect_err("not there");
        assert!(why.contains("/proc/no-such-directory"), "{why}");
        let dir = tempfile::tempdir().expect("temp dir");
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join(FEATURES_FILE)).expect("a link");
        assert!(stands(dir.path(), DEFAULT_PREFIX).ours.is_empty(), "a link is not followed");
    }
}
