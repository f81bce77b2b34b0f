//! Which proxy stands before the API server: the kubeconfig's, else the environment's.

use super::no_proxy;
use crate::api::url::{Url, authority};
use http::{HeaderValue, Uri};
use std::fmt;

/// How to talk to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// By `CONNECT`.
    Http,
    /// By `CONNECT`, over TLS.
    Https,
    /// By SOCKS, version 5; names are resolved there.
    Socks5,
}

/// A proxy.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) kind: Kind,
    /// Without a user.
    pub(super) uri: Uri,
    /// User and password.
    pub(super) user: Option<(String, String)>,
}

/// Who names a proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum By {
    Kubeconfig,
    Variable(&'static str),
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri.to_string().trim_end_matches('/'))
    }
}

/// The proxy for a server, if there is one. What a kubeconfig names counts in any case; what the environment names does not
/// where `NO_PROXY` keeps it from this server.
///
/// # Errors
/// Who names a proxy that is none, and why it is none.
pub(super) fn of(named: Option<&str>, server: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, (By, String)> {
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return parse(named).map(Some).map_err(|why| (By::Kubeconfig, why));
    }
    let any = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)));
    let names = if server.is_https() { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let Some((name, value)) = any(names) else { return Ok(None) };
    let (_, list) = any(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    if no_proxy::keeps(&list, server.host(), server.port()) {
        return Ok(None);
    }
    let value = if value.contains("://") { value } else { format!("http://{value}") };
    parse(&value).map(Some).map_err(|why| (By::Variable(name), why))
}

/// A proxy's URL. It may name a user, and is not in the error for that.
fn parse(text: &str) -> Result<Proxy, String> {
    let uri: Uri = text.parse().map_err(|error| format!("this is no URL ({error}), such as http://10.0.0.1:3128"))?;
    let (kind, scheme, default) = match uri.scheme_str() {
        Some("http") => (Kind::Http, "http", 80),
        Some("https") => (Kind::Https, "https", 443),
        Some("socks5" | "socks5h") => (Kind::Socks5, "socks5", 1080),
        _ => return Err("the scheme must be http, https or socks5".to_owned()),
    };
    let (host, port) = authority(&uri)?;
    let whole = uri.authority().map_or("", |authority| authority.as_str());
    let user = whole.rsplit_once('@').map(|(user, _)| {
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        (decoded(user), decoded(password))
    });
    if kind == Kind::Socks5 && user.as_ref().is_some_and(|(user, password)| user.len().max(password.len()) > 255) {
        return Err("SOCKS takes 255 bytes of a user's name and of a password".to_owned());
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let uri = format!("{scheme}://{host}:{}", port.unwrap_or(default)).parse().map_err(|error| format!("this is no URL ({error})"))?;
    Ok(Proxy { kind, uri, user })
}

impl Proxy {
    /// The header that shows a user to a proxy that takes `CONNECT`.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        use base64::Engine;
        let (user, password) = self.user.as_ref()?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        HeaderValue::try_from(format!("Basic {encoded}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(named: Option<&str>, server: &str, environment: &[(&str, &str)]) -> Result<Option<String>, By> {
        let url = Url::new(server, true).expect("a URL");
        let variable = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        of(named, &url, variable).map(|proxy| proxy.map(|proxy| proxy.to_string())).map_err(|(by, _)| by)
    }

    #[test]
    fn a_kubeconfig_outranks_the_environment_and_no_proxy_speaks_of_the_environment_alone() {
        let far = "https://a.example:6443";
        let proxied = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(asked(None, far, &[]), Ok(None));
        for name in ["HTTPS_PROXY", "https_proxy"] {
            assert_eq!(asked(None, far, &[(name, "http://p:3128")]), proxied("http://p:3128"));
            assert_eq!(asked(None, far, &[(name, "p")]), proxied("http://p:80"), "as Go's clients");
            assert_eq!(asked(None, far, &[(name, "socks5://p")]), proxied("socks5://p:1080"));
            assert_eq!(asked(None, far, &[(name, "http://p"), ("NO_PROXY", "example")]), Ok(None));
            assert_eq!(asked(None, far, &[(name, "http://p"), ("no_proxy", ".example")]), Ok(None));
            assert_eq!(asked(None, "https://127.0.0.1:6443", &[(name, "http://p")]), Ok(None));
            assert_eq!(asked(None, "http://a.example", &[(name, "http://p")]), Ok(None), "another scheme");
        }
        assert_eq!(asked(None, "http://a.example", &[("http_proxy", "http://p")]), proxied("http://p:80"));
        assert_eq!(asked(None, far, &[("HTTPS_PROXY", ""), ("https_proxy", "http://p")]), proxied("http://p:80"));
        assert_eq!(asked(Some("https://[::1]"), far, &[("HTTPS_PROXY", "http://p")]), proxied("https://[::1]:443"));
        assert_eq!(asked(Some("http://p"), "https://127.0.0.1", &[("NO_PROXY", "*")]), proxied("http://p:80"));
        assert_eq!(asked(Some("http://u:p@h:1"), far, &[]), proxied("http://h:1"), "no password in a message");
    }

    #[test]
    fn what_is_no_proxy_is_refused_by_name() {
        for text in ["p:3128", "ftp://p", "http://", "http://:1", "http://p:99999", "http://p\n", "socks4://p", "http://a b"] {
            assert_eq!(asked(Some(text), "https://a", &[]), Err(By::Kubeconfig), "{text:?}");
        }
        assert_eq!(asked(None, "https://a", &[("https_proxy", "http://p:x")]), Err(By::Variable("https_proxy")));
    }

    #[test]
    fn a_user_is_decoded() {
        let proxy = parse("http://us%40er:p%3Aw@h").expect("a proxy");
        assert_eq!(proxy.user, Some(("us@er".to_owned(), "p:w".to_owned())));
        assert!(proxy.authorization().is_some_and(|value| value == "Basic dXNAZXI6cDp3"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_proxy_or_refused(text in "((http|socks5)://)?[\\[\\]:@/?#%a-z0-9. \\PC]{0,40}") {
            if let Ok(proxy) = parse(&text) {
                prop_assert!(proxy.uri.scheme().is_some() && proxy.uri.host().is_some() && proxy.uri.port_u16().is_some());
                let _ = proxy.authorization();
            }
        }
    }
}
