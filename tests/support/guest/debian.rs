//! Packages of Debian suites other than this machine's: fetched by an apt configuration that lies beside the machine's own
//! and never installed. The mirrors are those that the machine's own sources name.

use super::{piped, place};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Suites and their security updates: where the pinned kernels, the guest's user space and newer kernels are.
const SUITES: [(&str, Mirror); 8] = [
    ("bullseye", Mirror::Main),
    ("bullseye-security", Mirror::Security),
    ("bookworm", Mirror::Main),
    ("bookworm-security", Mirror::Security),
    ("trixie", Mirror::Main),
    ("trixie-security", Mirror::Security),
    ("trixie-backports", Mirror::Main),
    ("sid", Mirror::Main),
];

#[derive(Clone, Copy, PartialEq)]
enum Mirror {
    Main,
    Security,
}

/// apt with its own sources, lists and cache.
pub(crate) struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// Fetches the lists of all suites, once a run.
    pub(crate) fn get() -> &'static Self {
        static APT: OnceLock<Apt> = OnceLock::new();
        APT.get_or_init(|| {
            let dir = place().join("apt");
            for part in ["lists/partial", "cache/archives/partial"] {
                fs::create_dir_all(dir.join(part)).expect("mkdir");
            }
            fs::write(dir.join("sources.list"), sources()).expect("write");
            let apt = Apt { dir };
            // A suite that left the mirror makes it fail; the others are there all the same, and what is missing is said later.
            let output = apt.run("apt-get", &["update"], &apt.dir);
            if !output.status.success() {
                println!("guest: apt-get update: {}", String::from_utf8_lossy(&output.stderr).trim());
            }
            apt
        })
    }

    fn run(&self, program: &str, arguments: &[&str], directory: &Path) -> Output {
        let dir = self.dir.display();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::sourcelist={dir}/sources.list"),
            "Dir::Etc::sourceparts=/dev/null".to_owned(),
            // Pins and preferences of the machine are not for these suites.
            "Dir::Etc::preferencesparts=/dev/null".to_owned(),
            format!("Dir::State::lists={dir}/lists"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={dir}/cache"),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "APT::Architecture=amd64".to_owned(),
            // The directory is root's, which apt's own user can't write.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command.args(arguments).current_dir(directory).env("LC_ALL", "C").output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    /// The names of packages that begin so, oldest version first.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let output = self.run("apt-cache", &["pkgnames", prefix], &self.dir);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let sorted = piped("sort", &["--version-sort"], text.as_bytes());
        String::from_utf8_lossy(&sorted).lines().map(str::to_owned).collect()
    }

    /// Whether a package is there in this version.
    pub(crate) fn has(&self, name: &str, version: &str) -> bool {
        let output = self.run("apt-cache", &["madison", name], &self.dir);
        String::from_utf8_lossy(&output.stdout).lines().any(|line| line.split('|').nth(1).is_some_and(|found| found.trim() == version))
    }

    /// Downloads packages (`name`, `name=version`, `name/suite`) into `dir`.
    pub(crate) fn download(&self, packages: &[String], dir: &Path) {
        fs::create_dir_all(dir).expect("mkdir");
        let mut arguments = vec!["download", "--quiet"];
        arguments.extend(packages.iter().map(String::as_str));
        let output = self.run("apt-get", &arguments, dir);
        assert!(output.status.success(), "apt-get download {packages:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The lines of sources.list: the suites on the mirrors of the machine's own sources.
fn sources() -> String {
    let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
    let targets = || {
        let output = Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).output();
        String::from_utf8_lossy(&output.expect("apt-get").stdout).into_owned()
    };
    let mut known = targets();
    if !known.contains("Debian|") {
        // Origins are known once the lists were fetched.
        let _ = Command::new("apt-get").args(["update", "-qq"]).status();
        known = targets();
    }
    let mirror = |label: &str| {
        let prefix = format!("Debian|{label}|");
        known.lines().find_map(|line| line.strip_prefix(&prefix)).map(|uri| uri.trim_end_matches('/').to_owned())
    };
    let (main, security) = (mirror("Debian"), mirror("Debian-Security"));
    assert!(main.is_some(), "apt's sources name no Debian mirror");
    let line = |(suite, on): &(&str, Mirror)| {
        let uri = if *on == Mirror::Main { &main } else { &security };
        uri.as_ref().map(|uri| format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {uri} {suite} main\n"))
    };
    SUITES.iter().filter_map(line).collect()
}

/// Unpacks the packages in `dir` into `tree`.
pub(crate) fn unpack(dir: &Path, tree: &Path) {
    fs::create_dir_all(tree).expect("mkdir");
    for entry in fs::read_dir(dir).expect("packages").flatten() {
        if entry.path().extension().is_none_or(|extension| extension != "deb") {
            continue;
        }
        let done = Command::new("dpkg-deb").arg("--extract").arg(entry.path()).arg(tree).status().expect("dpkg-deb");
        assert!(done.success(), "dpkg-deb {}", entry.path().display());
    }
}
