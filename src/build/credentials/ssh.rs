//! Keys for git over SSH.

use super::files::{CredentialError, HOME, HomeFile};
use super::secret::{GIT, SSH_AUTH, Secret};

/// ssh's configuration, below the home.
pub(super) const CONFIG: &str = ".ssh/config";

const KNOWN_HOSTS: &str = ".ssh/known_hosts";

/// A key for a host.
pub(super) struct Key<'a> {
    pub(super) host: &'a str,
    port: u16,
    secret: &'a Secret,
    private: &'a [u8],
    /// The host's own keys. Without them, whoever answers first is believed.
    known_hosts: Option<&'a [u8]>,
}

/// All keys, each host once.
pub(super) fn keys(secrets: &[Secret], accept_host_key: bool) -> Result<Vec<Key<'_>>, CredentialError> {
    let mut keys: Vec<Key<'_>> = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.kind == SSH_AUTH) {
        for (key, value) in secret.annotated(GIT) {
            let wrong = || secret.wrong(format!("its annotation {key} is not HOST or HOST:PORT, such as github.com"));
            let (host, port) = address(value).ok_or_else(wrong)?;
            if keys.iter().any(|key| key.host == host) {
                return Err(secret.wrong(format!("`{host}` is annotated twice, so it is not known which key counts")));
            }
            let known_hosts = secret.bytes("known_hosts").filter(|bytes| !bytes.trim_ascii().is_empty());
            if known_hosts.is_none() && !accept_host_key {
                let hint = format!("add the host's keys: `ssh-keyscan {host}` prints them; --accept-host-key believes the first answer");
                let wrong = secret.wrong(format!("it has no `known_hosts`, so nothing proves that `{host}` is the right host"));
                return Err(CredentialError { hint: Some(hint), ..wrong });
            }
            keys.push(Key { host, port, secret, private: secret.need("ssh-privatekey")?, known_hosts });
        }
    }
    Ok(keys)
}

/// `host`, `host:port`, or `[address]:port`.
fn address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    let port = port.map_or(Some(22), |port| port.parse().ok().filter(|port| *port > 0))?;
    (!host.is_empty() && !host.starts_with('-') && host.chars().all(is_host)).then_some((host, port))
}

/// The files that ssh reads.
pub(super) fn files(keys: &[Key<'_>]) -> Vec<HomeFile> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut config = String::new();
    let mut known_hosts = Vec::new();
    let mut files: Vec<HomeFile> = Vec::new();
    for key in keys {
        let path = format!(".ssh/id_{}", key.secret.name);
        let (host, port) = (key.host, key.port);
        config += &format!("Host {host}\n    HostName {host}\n    Port {port}\n    IdentityFile {HOME}/{path}\n    IdentitiesOnly yes\n");
        if key.known_hosts.is_none() {
            config += "    StrictHostKeyChecking accept-new\n";
        }
        known_hosts.extend(key.known_hosts.map(whole_lines).unwrap_or_default());
        if !files.iter().any(|file| file.path == path) {
            files.push(HomeFile::new(path, whole_lines(key.private)));
        }
    }
    config += &format!("Host *\n    BatchMode yes\n    StrictHostKeyChecking yes\n    UserKnownHostsFile {HOME}/{KNOWN_HOSTS}\n");
    files.extend([HomeFile::new(CONFIG, config), HomeFile::new(KNOWN_HOSTS, known_hosts)]);
    files
}

/// A key whose last line does not end is one that ssh can't read.
fn whole_lines(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}
