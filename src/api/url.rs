//! Where an API server is.

use http::Uri;
use std::fmt;

/// A URL that requests are made below: `https://10.0.0.1:6443`, `https://example.com/k8s/clusters/c-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    https: bool,
    /// Without brackets.
    host: String,
    port: u16,
    /// Scheme, host, port and path, without a slash at its end.
    text: String,
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Url {
    /// Takes what client-go takes: a URL, or a host with or without a port, for which `tls` says whether it is HTTPS.
    ///
    /// # Errors
    /// What is wrong with it.
    #[cfg(feature = "cli")]
    pub(super) fn new(text: &str, tls: bool) -> Result<Self, String> {
        if text.contains("://") {
            return Url::with_scheme(text);
        }
        let url = Url::with_scheme(&format!("{}://{text}", if tls { "https" } else { "http" }))?;
        let path = text.split_once('/').map_or("", |(_, path)| path);
        if path.is_empty() { Ok(url) } else { Err("a URL with a path needs a scheme: https://".to_owned()) }
    }

    /// Takes a URL of HTTP or HTTPS. A query means nothing here, and is left out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn with_scheme(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("this is no URL ({error}), such as https://10.0.0.1:6443"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("the scheme must be https or http".to_owned()),
        };
        let (host, port) = authority(&uri)?;
        let text = uri.authority().map_or("", |authority| authority.as_str().trim_end_matches(':'));
        if text.contains('@') {
            return Err("a URL must not name a user: users and their passwords have fields of their own".to_owned());
        }
        // The port is said in any case: a proxy's tunnel takes 443 for a default, whatever the scheme is.
        let port_said = if port.is_none() && !https { ":80" } else { "" };
        let path = uri.path().trim_end_matches('/');
        let text = format!("{}://{text}{port_said}{path}", if https { "https" } else { "http" });
        Ok(Url { https, host, port: port.unwrap_or(if https { 443 } else { 80 }), text })
    }

    #[cfg(feature = "cli")]
    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// Without brackets.
    #[cfg(feature = "cli")]
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    #[cfg(feature = "cli")]
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Path and query of a request, below this URL.
    ///
    /// # Errors
    /// Both together are no URL, being too long.
    pub(super) fn join(&self, request: &Uri) -> Result<Uri, http::uri::InvalidUri> {
        format!("{}{}", self.text, request.path_and_query().map_or("/", |path| path.as_str())).parse()
    }
}

/// Host (without brackets) and port, where a port is named.
///
/// # Errors
/// What is wrong with them.
pub(super) fn authority(uri: &Uri) -> Result<(String, Option<u16>), String> {
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || host == "[]" {
        return Err("the host is missing".to_owned());
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let after = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    let port = match after.strip_prefix(host).unwrap_or_default().strip_prefix(':') {
        None | Some("") => None,
        Some(port) => match port.parse() {
            Ok(0) | Err(_) => return Err(format!("{port} is no port")),
            Ok(port) => Some(port),
        },
    };
    Ok((host.trim_matches(['[', ']']).to_owned(), port))
}

#[cfg(test)]
#[cfg(feature = "cli")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_client_go_takes_is_taken() {
        for (text, tls, url) in [
            ("https://10.0.0.1:6443", false, "https://10.0.0.1:6443"),
            ("HTTPS://a.example", false, "https://a.example"),
            ("https://a.example/", false, "https://a.example"),
            ("https://a.example/k8s/clusters/c-1/", false, "https://a.example/k8s/clusters/c-1"),
            ("https://a.example?x=y", false, "https://a.example"),
            ("10.0.0.1:6443", true, "https://10.0.0.1:6443"),
            ("10.0.0.1:6443", false, "http://10.0.0.1:6443"),
            ("localhost", false, "http://localhost:80"),
            ("localhost:8080/", false, "http://localhost:8080"),
            ("[::1]:6443", true, "https://[::1]:6443"),
            ("https://[fd00::1]", false, "https://[fd00::1]"),
            ("http://a.example", true, "http://a.example:80"),
        ] {
            let taken = Url::new(text, tls).map(|url| url.to_string());
            assert_eq!(taken.as_deref(), Ok(url), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "/",
            "/etc/passwd",
            "a b",
            "https://",
            "https:///x",
            "https://:6443",
            "ftp://a",
            "unix:///run/x",
            "a/b",
            "10.0.0.1:6443/x",
            "https://a:99999",
            "https://a:0",
            "https://a:x",
            "https://[::1",
            "https://a\n",
            "https://u:p@a",
            "https://a\u{1b}[0m",
            "https://ä.example",
        ] {
            assert!(Url::new(text, true).is_err(), "{text:?}: {:?}", Url::new(text, true));
        }
    }

    #[test]
    fn a_request_is_made_below_the_path() {
        let url = Url::new("https://a/b/", false).expect("a URL");
        assert_eq!(url.join(&Uri::from_static("/api?x=y")).expect("a URI"), "https://a/b/api?x=y");
        assert!(url.join(&format!("/{}", "x".repeat(65_500)).parse().expect("a URI")).is_ok());
        assert!(url.join(&format!("/{}", "x".repeat(65_530)).parse().expect("a URI")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_url_or_refused(text in "(https?://)?[\\[\\]:@/?#%a-z0-9. \\PC]{0,40}", tls in any::<bool>()) {
            if let Ok(url) = Url::new(&text, tls) {
                let joined = url.join(&Uri::from_static("/api/v1/nodes?limit=1")).expect("a URI");
                prop_assert!(joined.scheme().is_some() && joined.host().is_some_and(|host| !host.is_empty()));
                prop_assert_eq!(joined.path_and_query().map(|path| path.as_str().ends_with("/api/v1/nodes?limit=1")), Some(true));
            }
        }
    }
}
