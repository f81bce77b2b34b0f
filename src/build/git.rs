//! URLs that git fetches from.

/// A repository of another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote<'a> {
    /// Whether it is fetched over ssh.
    pub(super) is_ssh: bool,
    pub(super) host: &'a str,
}

/// What git would connect to: a URL, or `user@host:path` for ssh.
pub(super) fn remote(url: &str) -> Option<Remote<'_>> {
    let (is_ssh, authority) = match url.split_once("://") {
        Some((scheme, rest)) => {
            let is_ssh = match scheme {
                "https" | "http" | "git" => false,
                "ssh" | "git+ssh" | "ssh+git" => true,
                _ => return None,
            };
            (is_ssh, rest.split_once('/')?.0)
        }
        None => {
            let (authority, path) = url.split_once(':')?;
            // As git has it: a slash before the colon makes it a path of this machine, `::` a helper of git.
            if authority.contains('/') || path.is_empty() || path.starts_with(':') {
                return None;
            }
            (true, authority)
        }
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    (!host.is_empty() && !host.starts_with('-')).then_some(Remote { is_ssh, host })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn remotes_are_as_git_has_them() {
        for (url, found) in [
            ("https://github.com/my-user/my-repo", Some((false, "github.com"))),
            ("https://user:p@ss@example.org:8443/a.git", Some((false, "example.org"))),
            ("http://[fd00::1]:80/a", Some((false, "fd00::1"))),
            ("ssh://git@example.org:2222/a", Some((true, "example.org"))),
            ("git@github.com:a/b.git", Some((true, "github.com"))),
            ("github.com:a/b.git", Some((true, "github.com"))),
            ("git://example.org/a", Some((false, "example.org"))),
            ("https://example.org", None),
            ("https:///a", None),
            ("file:///a", None),
            ("/a/b", None),
            ("./a:b", None),
            ("ext::sh -c true", None),
            ("ssh://-oProxyCommand=x/a", None),
            ("-a:b", None),
            ("my-repo", None),
            ("", None),
        ] {
            assert_eq!(remote(url).map(|remote| (remote.is_ssh, remote.host)), found, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(url in "\\PC*|[a-z:/@\\[\\].-]{0,40}") {
            let _ = remote(&url);
        }
    }
}
