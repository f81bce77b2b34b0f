//! A directory for one test, and `check` in a mount namespace of its own.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const USER: u32 = 7000;

/// A user that no other test is: limits on processes count all of a user's.
pub(crate) const LONELY_USER: u32 = 7001;

/// A directory that every user can enter, with the binary and files to mount over those of /etc.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        let place = Place { dir };
        fs::copy(env!("CARGO_BIN_EXE_buildkit-preflight"), place.path("buildkit-preflight")).expect("copy");
        fs::write(place.path("passwd"), format!("root:x:0:0::/root:/bin/sh\ntester:x:{USER}:{USER}::/home/tester:/bin/sh\n"))
            .expect("write");
        fs::write(place.path("subids"), "tester:500000:65536\n").expect("write");
        fs::create_dir(place.path("state")).expect("mkdir");
        fs::set_permissions(place.path("state"), fs::Permissions::from_mode(0o777)).expect("chmod");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line in a mount namespace where the test's users and ranges are those of /etc.
    /// `setup` is shell, run there as root with the place as the current directory.
    pub(crate) fn command(&self, uid: u32, setup: &str, arguments: &str) -> Command {
        let users = "mount --bind passwd /etc/passwd; for f in subuid subgid; do touch /etc/$f; mount --bind subids /etc/$f; done";
        let user = format!("setpriv --reuid {uid} --regid {uid} --clear-groups --");
        let line = format!("set -e; {users}; {setup}\nexec {user} env HOME=\"$PWD\" ./buildkit-preflight {arguments}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &line]).current_dir(self.dir.path()).env_remove("XDG_DATA_HOME");
        command
    }

    pub(crate) fn check(&self, uid: u32, setup: &str, arguments: &str) -> (Option<i32>, Value) {
        let output = self.command(uid, setup, &format!("check --format json --state-dir state {arguments}")).output().expect("unshare");
        let Output { status, stdout, stderr } = output;
        let report = serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
        assert_eq!(fs::read_dir(self.path("state")).expect("state").count(), 0, "nothing is left in the state dir");
        (status.code(), report)
    }
}

pub(crate) fn profile(report: &Value) -> (&str, &str, &str) {
    let profile = &report["profiles"][0];
    let text = |key: &str| profile[key].as_str().unwrap_or_default();
    (text("verdict"), text("evidence"), text("snapshotter"))
}

/// The causes of warnings.
pub(crate) fn warnings(report: &Value) -> Vec<&str> {
    let findings = report["profiles"][0]["findings"].as_array().expect("findings");
    findings.iter().filter(|finding| finding["outcome"] == "warn").filter_map(|finding| finding["cause"].as_str()).collect()
}

/// Processes that were started in a directory.
pub(crate) fn processes_in(dir: &Path) -> Vec<u32> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir))).collect()
}
