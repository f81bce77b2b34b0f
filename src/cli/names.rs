//! Names that users give, checked before anything is done with them.

/// A node's name: a DNS subdomain (RFC 1123).
pub(super) fn node(text: &str) -> Result<String, String> {
    match is_dns_subdomain(text) {
        true => Ok(text.to_owned()),
        false => Err("not a node's name: lower case letters, digits, `-` and `.`".into()),
    }
}

/// The prefix of a label key: a domain, and not one that belongs to Kubernetes.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    if !text.contains('.') || !is_dns_subdomain(text) {
        return Err("not a domain such as buildkit-preflight.dev: lower case letters, digits, `-` and `.`".into());
    }
    if ["kubernetes.io", "k8s.io"].iter().any(|reserved| text == *reserved || text.ends_with(&format!(".{reserved}"))) {
        return Err("kubernetes.io and k8s.io belong to Kubernetes: take a domain of your own".into());
    }
    Ok(text.to_owned())
}

/// The name of a namespace that is made for the agent.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    if !is_dns_label(text) {
        return Err("not a namespace's name: at most 63 lower case letters, digits and `-`".into());
    }
    if text == "default" || text.starts_with("kube-") {
        return Err("the agent needs a namespace of its own, which is made, relabelled and deleted with it".into());
    }
    Ok(text.to_owned())
}

/// An image's reference. What Kubernetes makes of it, the runtime says.
pub(super) fn image(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    match text.chars().all(known) && ends(text.chars().next()) && ends(text.chars().last()) {
        true => Ok(text.to_owned()),
        false => Err("not an image's reference, such as registry.example/buildkit-preflight:1.0".into()),
    }
}

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_dns_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = |c: Option<char>| c.is_some_and(inner);
    label.len() <= 63 && label.chars().all(|c| inner(c) || c == '-') && ends(label.chars().next()) && ends(label.chars().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::AgentOptions;

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", "Example.org", "kubernetes.io", "x.k8s.io", "example", "-a.org", "a.org/", "a\".org"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
        for bad in ["", "a b", "a\nb: c", "a#b", "/a", "a:"] {
            assert!(image(bad).is_err(), "{bad:?}");
        }
        for bad in ["kube-system", "default", "Kube", &"a".repeat(64)] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
        for bad in ["", "N_1", "n1?x=y", "../namespaces/x", "a..b", "-a"] {
            assert!(node(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn good_names_are_taken() {
        let default = AgentOptions::default();
        assert!(prefix(&default.prefix).is_ok() && image(&default.image).is_ok() && namespace(&default.namespace).is_ok());
        assert!(image("10.0.0.1:5000/a/b@sha256:0123").is_ok());
        assert!(node("ip-10-0-0-1.eu-west-1.compute.internal").is_ok());
    }
}
