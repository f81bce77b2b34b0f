//! Logins for git over HTTP, and git's configuration.

use super::files::{CredentialError, HOME, HomeFile};
use super::secret::{BASIC_AUTH, GIT, Secret};
use super::ssh;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A user of a host.
pub(super) struct Login<'a> {
    /// `https://host`, with a path or without.
    url: &'a str,
    user: &'a str,
    password: &'a str,
}

/// All logins, each URL once.
pub(super) fn logins(secrets: &[Secret]) -> Result<Vec<Login<'_>>, CredentialError> {
    let mut logins: Vec<Login<'_>> = Vec::new();
    for secret in secrets.iter().filter(|secret| secret.kind == BASIC_AUTH) {
        for (key, url) in secret.annotated(GIT) {
            // What it says instead is not shown: there may be a password in it.
            split(url)
                .ok_or_else(|| secret.wrong(format!("its annotation {key} is not a URL such as https://github.com, without a user")))?;
            if logins.iter().any(|login| login.url == url) {
                return Err(secret.wrong(format!("`{url}` is annotated twice, so it is not known which login counts")));
            }
            logins.push(Login { url, user: secret.line("username")?, password: secret.line("password")? });
        }
    }
    Ok(logins)
}

/// Scheme and all that follows, without a user.
fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let is_plain = !rest.contains(|c: char| c.is_control() || c.is_whitespace() || "\"\\@".contains(c));
    (["http", "https"].contains(&scheme) && !rest.trim_matches('/').is_empty() && is_plain).then_some((scheme, rest))
}

/// The files that git reads.
pub(super) fn files(logins: &[Login<'_>], has_keys: bool) -> Vec<HomeFile> {
    let mut config = String::new();
    if has_keys {
        // ssh looks for its own home in /etc/passwd, and not in HOME.
        config += &format!("[core]\n\tsshCommand = ssh -F {HOME}/{}\n", ssh::CONFIG);
    }
    if !logins.is_empty() {
        config += "[credential]\n\thelper = store\n";
    }
    let mut credentials = String::new();
    for login in logins {
        let user = login.user.replace('\\', "\\\\").replace('"', "\\\"");
        config += &format!("[credential \"{}\"]\n\tusername = \"{user}\"\n", login.url);
        if let Some((scheme, rest)) = split(login.url) {
            let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            credentials += &format!("{scheme}://{}:{}@{rest}\n", encoded(login.user), encoded(login.password));
        }
    }
    let files = [(".gitconfig", config), (".git-credentials", credentials)];
    files.into_iter().filter(|(_, text)| !text.is_empty()).map(|(path, text)| HomeFile::new(path, text)).collect()
}
