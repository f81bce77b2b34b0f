//! A git server: repositories over HTTP, for anybody or with a password, and over SSH.

use crate::cluster::Cluster;
use crate::control::ADDRESS;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user over HTTP, with a password.
pub(crate) const USER: (&str, &str) = ("reader", "git-password-7731");
const HTTP_PORT: u16 = 8081;
pub(crate) const SSH_PORT: u16 = 2222;

/// The server and its repositories.
pub(crate) struct Git {
    dir: PathBuf,
    /// The private key that may read over SSH.
    pub(crate) key: String,
    /// The line of known_hosts with the server's own key.
    pub(crate) known_hosts: String,
}

/// Runs git, or another program of the machine, and gives what it prints.
fn run(dir: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).env("HOME", dir);
    for who in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{who}_NAME"), "Tester").env(format!("{who}_EMAIL"), "tester@example.org");
        command.env(format!("{who}_DATE"), "2026-01-01T00:00:00Z");
    }
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Git {
    /// Starts it, without a repository.
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let dir = cluster.dir.join("git");
        fs::create_dir_all(dir.join("repositories")).expect("mkdir");
        run(&dir, "git", &["config", "--global", "init.defaultBranch", "master"]);
        run(&dir, "git", &["config", "--global", "protocol.file.allow", "always"]);
        serve_http(cluster, &dir);
        for name in ["host", "reader"] {
            run(&dir, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name]);
        }
        serve_ssh(cluster, &dir);
        let read = |name: &str| fs::read_to_string(dir.join(name)).expect("a key");
        let host: Vec<_> = read("host.pub").split_whitespace().take(2).map(str::to_owned).collect();
        let known_hosts = format!("[{ADDRESS}]:{SSH_PORT} {}\n", host.join(" "));
        Git { key: read("reader"), known_hosts, dir }
    }

    /// The URL of a repository that anybody may read.
    pub(crate) fn url(name: &str) -> String {
        format!("http://{ADDRESS}:{HTTP_PORT}/cgi-bin/git/{name}.git")
    }

    /// The URL of the same repository for those who have the password.
    pub(crate) fn private_url(name: &str) -> String {
        format!("http://{ADDRESS}:{HTTP_PORT}/cgi-bin/private/{name}.git")
    }

    /// The URL of the same repository over SSH.
    pub(crate) fn ssh_url(name: &str) -> String {
        format!("ssh://git@{ADDRESS}:{SSH_PORT}/~/{name}.git")
    }

    /// What has no repository: where the password is asked for, and the server of SSH.
    pub(crate) fn servers() -> (String, String) {
        (format!("http://{ADDRESS}:{HTTP_PORT}"), format!("{ADDRESS}:{SSH_PORT}"))
    }

    /// A repository and its working tree, empty.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let (bare, tree) = (self.dir.join(format!("repositories/{name}.git")), self.dir.join("trees").join(name));
        fs::create_dir_all(&tree).expect("mkdir");
        run(&self.dir, "git", &["init", "--quiet", "--bare", &bare.display().to_string()]);
        run(&tree, "git", &["init", "--quiet"]);
        run(&tree, "git", &["remote", "add", "origin", &bare.display().to_string()]);
        Repository { home: self.dir.clone(), tree }
    }
}

/// A repository, with a working tree from which commits are pushed to the server.
pub(crate) struct Repository {
    home: PathBuf,
    tree: PathBuf,
}

impl Repository {
    /// Runs git in the working tree.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let home = format!("core.excludesFile={}/none", self.home.display());
        run(&self.tree, "git", &[&["-c", &home, "-c", "protocol.file.allow=always"], arguments].concat())
    }

    /// Writes a file.
    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.tree.join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
        fs::write(&path, content).expect("write");
    }

    /// Puts busybox there, as a program for RUN steps: images have no base here.
    pub(crate) fn busybox(&self, file: &str) {
        self.write(file, fs::read("/bin/busybox").expect("busybox-static"));
        fs::set_permissions(self.tree.join(file), fs::Permissions::from_mode(0o755)).expect("chmod");
    }

    /// Commits all that is there and pushes it to a branch. Gives the commit.
    pub(crate) fn commit(&self, branch: &str, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["push", "--quiet", "--force", "origin", &format!("HEAD:refs/heads/{branch}")]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// git's own CGI program behind busybox's server; the way to it with a password is a second script.
fn serve_http(cluster: &Cluster, dir: &Path) {
    let scripts = dir.join("www/cgi-bin");
    fs::create_dir_all(&scripts).expect("mkdir");
    for name in ["git", "private"] {
        let script = format!(
            "#!/bin/sh\nexport GIT_PROJECT_ROOT='{}/repositories' GIT_HTTP_EXPORT_ALL=1 HOME='{}'\nexec git http-backend\n",
            dir.display(),
            dir.display(),
        );
        fs::write(scripts.join(name), script).expect("write");
        fs::set_permissions(scripts.join(name), fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let config = dir.join("httpd.conf");
    fs::write(&config, format!("/cgi-bin/private:{}:{}\n", USER.0, USER.1)).expect("write");
    let path = |path: &Path| path.display().to_string();
    let address = format!("{ADDRESS}:{HTTP_PORT}");
    let arguments = ["httpd".to_owned(), "-f".into(), "-vv".into(), "-p".into(), address, "-h".into(), path(&dir.join("www")), "-c".into()];
    cluster.processes.start("git-http", "/bin/busybox", arguments.into_iter().chain([path(&config)]));
}

/// A server with one user, who can run git's programs alone. The user exists for this process only.
fn serve_ssh(cluster: &Cluster, dir: &Path) {
    let path = dir.display();
    fs::write(dir.join("repositories/.gitconfig"), "[safe]\n\tdirectory = *\n").expect("write");
    let settings = format!(
        "Port {SSH_PORT}
ListenAddress {ADDRESS}
HostKey {path}/host
AuthorizedKeysFile {path}/reader.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
"
    );
    fs::write(dir.join("sshd_config"), settings).expect("write");
    let script = r#"mount --make-private /
{ cat /etc/passwd; echo "git:*:64100:64100::$0/repositories:/usr/bin/git-shell"; } > "$0/passwd"
mount --bind "$0/passwd" /etc/passwd
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f "$0/sshd_config""#;
    let arguments = ["--mount", "sh", "-ec", script].map(str::to_owned);
    cluster.processes.start("git-ssh", "unshare", arguments.into_iter().chain([path.to_string()]));
}
