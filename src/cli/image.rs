//! References of images, by the grammar of the distribution project, as Kubernetes and container runtimes read them:
//! `[DOMAIN/]PATH[:TAG][@DIGEST]` (github.com/distribution/reference, reference.go).

/// An image's reference.
///
/// # Errors
/// Says which part is wrong, and how it would be right.
pub(super) fn image(text: &str) -> Result<String, String> {
    match wrong(text) {
        None => Ok(text.to_owned()),
        Some(why) => Err(format!("{why}; an image is written as registry.example/buildkit-preflight:1.0")),
    }
}

/// The longest name, its domain included.
const LONGEST_NAME: usize = 255;

fn wrong(text: &str) -> Option<String> {
    if text.contains("://") {
        return Some("a URL is not an image's reference: leave out what stands before `://`, and that".into());
    }
    let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
    // A colon before the last slash is that of a port.
    let path_start = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[path_start..].find(':') {
        Some(at) => (&rest[..path_start + at], Some(&rest[path_start + at + 1..])),
        None => (rest, None),
    };
    let (domain, path) =
        name.split_once('/').filter(|(first, _)| is_domain_by_its_looks(first)).map_or((None, name), |(d, p)| (Some(d), p));
    if domain.is_some_and(|domain| !is_domain(domain)) {
        return Some("the registry must be a host name or an address, with or without a port (1 to 65535)".into());
    }
    if !path.split('/').all(is_path_component) {
        let why = "the name must have lower case letters and digits, separated by `.`, `_`, `__`, `-` or `/`";
        return Some(why.into());
    }
    if name.len() > LONGEST_NAME {
        return Some(format!("the name is longer than {LONGEST_NAME} characters"));
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Some("the tag must have 1 to 128 letters, digits, `_`, `.` and `-`, and begin with none of the last two".into());
    }
    digest.filter(|digest| !is_digest(digest)).map(|_| "the digest must be `sha256:` with 64 hexadecimal digits in lower case".into())
}

/// What stands before the first slash is a domain if it can't be a part of a path, or is `localhost`.
fn is_domain_by_its_looks(first: &str) -> bool {
    first.contains(['.', ':', '[']) || first == "localhost" || first.contains(|c: char| c.is_ascii_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_address = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
    let is_component = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && ends(part.chars().next()) && ends(part.chars().last())
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => is_address(address),
        None => host.split('.').all(is_component),
    };
    is_host && port.is_none_or(is_port)
}

fn is_path_component(part: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    // What stands between: nothing at an end.
    let mut separators = part.split(known).filter(|separator| !separator.is_empty());
    let ends = |c: Option<char>| c.is_some_and(known);
    ends(part.chars().next())
        && ends(part.chars().last())
        && separators.all(|separator| matches!(separator, "." | "_" | "__") || separator.chars().all(|c| c == '-'))
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=128).contains(&tag.len()) && tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || ".-".contains(c))
}

/// Of an algorithm that go-digest knows.
fn is_digest(digest: &str) -> bool {
    let length = |algorithm| [("sha256", 64), ("sha384", 96), ("sha512", 128)].into_iter().find(|(name, _)| *name == algorithm);
    let is_hex = |hex: &str| hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    digest.split_once(':').is_some_and(|(algorithm, hex)| length(algorithm).is_some_and(|(_, length)| hex.len() == length) && is_hex(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for good in [
            "a",
            "1.5",
            "123",
            "busybox:latest",
            "busybox:1.36_x-y",
            "moby/buildkit:v0.34.2-rootless",
            "docker.io/moby/buildkit",
            "localhost/a",
            "localhost:5000/a/b:1",
            "10.0.0.1:5000/a/b",
            "[fd00::1]:5000/a",
            "Registry.Example/a",
            "UPPER/a",
            "a__b/c-d/e---f.g",
            "a.b/c",
            &format!("a@{digest}"),
            &format!("r.example:443/a/b:1@{digest}"),
            &format!("r.example/{}", "a".repeat(245)),
        ] {
            assert_eq!(image(good), Ok(good.to_owned()), "{good}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_what_is_wrong() {
        let hex = "0".repeat(64);
        for (bad, why) in [
            ("", "the name"),
            ("https://a/b", "a URL"),
            ("UPPER", "lower case"),
            ("a/B", "lower case"),
            ("a b", "the name"),
            ("a\nb: c", "the name"),
            ("a#b", "the name"),
            ("/a", "the name"),
            ("a//b", "the name"),
            ("a/", "the name"),
            ("a..b", "the name"),
            ("a___b", "the name"),
            ("-a", "the name"),
            ("a-", "the name"),
            ("é", "the name"),
            ("a:", "the tag"),
            ("a:b:c", "the tag"),
            ("a:.b", "the tag"),
            (&format!("a:{}", "b".repeat(129)), "the tag"),
            ("r.example:x/a", "the registry"),
            ("r.example:0/a", "the registry"),
            ("r.example:70000/a", "the registry"),
            ("-r.example/a", "the registry"),
            ("r..example/a", "the registry"),
            ("[fd00::1/a", "the registry"),
            ("user:pw@r.example/a", "the digest"),
            ("a@sha256:zz", "the digest"),
            ("a@sha256:0123", "the digest"),
            ("a@", "the digest"),
            (&format!("a@md5:{hex}"), "the digest"),
            (&format!("a@sha256:{}", hex.replace('0', "A")), "the digest"),
            (&format!("a@sha256:{hex}@sha256:{hex}"), "the digest"),
            (&"a".repeat(256), "longer than 255"),
        ] {
            let error = image(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
