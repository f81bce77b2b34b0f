//! Names that users give, checked before anything is done with them.

#[cfg(feature = "cli")]
use crate::node::{DEFAULT_PREFIX, Pool};
#[cfg(feature = "cli")]
use crate::render::{ImageUser, NodeClass, Storage};

/// A node's name: a DNS subdomain (RFC 1123).
pub(crate) fn node(text: &str) -> Result<String, String> {
    match is_dns_subdomain(text) {
        true => Ok(text.to_owned()),
        false => Err("a node name has lower case letters, digits, `-` and `.` only".into()),
    }
}

/// The prefix of a label key: a domain, and not one that belongs to Kubernetes.
pub(crate) fn prefix(text: &str) -> Result<String, String> {
    if !text.contains('.') || !is_dns_subdomain(text) {
        return Err("a label prefix is a domain such as buildkit-preflight.dev: lower case letters, digits, `-` and `.`".into());
    }
    if ["kubernetes.io", "k8s.io"].iter().any(|reserved| text == *reserved || text.ends_with(&format!(".{reserved}"))) {
        return Err("kubernetes.io and k8s.io belong to Kubernetes: use a domain of your own".into());
    }
    Ok(text.to_owned())
}

/// The name of any namespace.
pub(crate) fn namespace(text: &str) -> Result<String, String> {
    match is_dns_label(text) {
        true => Ok(text.to_owned()),
        false => Err("a namespace name has at most 63 lower case letters, digits and `-`".into()),
    }
}

/// The name of a namespace that is made for the agent, or for a builder.
pub(crate) fn own_namespace(text: &str) -> Result<String, String> {
    if text == "default" || text.starts_with("kube-") {
        return Err("the output needs a namespace of its own, which is created, labelled and deleted with the rest".into());
    }
    namespace(text)
}

/// The name of a Service: a label of RFC 1035.
pub(crate) fn service(text: &str) -> Result<String, String> {
    match is_dns_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => Ok(text.to_owned()),
        false => Err("not a name for a Service: at most 63 lower case letters, digits and `-`, beginning with a letter".into()),
    }
}

/// Where a builder is, as buildctl takes it over the network.
#[cfg(feature = "cli")]
pub(crate) fn address(text: &str) -> Result<String, String> {
    let parts = text.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':'));
    match parts {
        Some((host, port)) if is_dns_subdomain(&host.to_ascii_lowercase()) && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Ok(text.to_owned())
        }
        _ => Err("a builder's address is written tcp://HOST:PORT, such as tcp://buildkitd:1234".into()),
    }
}

/// A user of an image, NAME:UID or NAME:UID:GID. A name is what useradd takes, and goes into paths and YAML.
#[cfg(feature = "cli")]
pub(crate) fn image_user(text: &str) -> Result<ImageUser, String> {
    let mut parts = text.split(':');
    let (name, uid) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (gid, rest) = (parts.next().unwrap_or(uid), parts.next());
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    let is_name = name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && name.chars().all(known);
    match (is_name, uid.parse(), gid.parse(), rest) {
        (true, Ok(uid), Ok(gid), None) if uid > 0 && gid > 0 => Ok(ImageUser { name: name.to_owned(), uid, gid }),
        _ => Err("a user is written NAME:UID or NAME:UID:GID, such as user:1000, and is not root".into()),
    }
}

/// `localhostProfile` of a security context: a path below a directory of the kubelet, or the name of a profile of AppArmor.
#[cfg(feature = "cli")]
pub(crate) fn localhost_profile(text: &str) -> Result<String, String> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(is_known);
    if text.len() <= 253 && text.split('/').all(is_part) {
        return Ok(text.to_owned());
    }
    Err("a profile has letters, digits, `-`, `_`, `.` and `/` only, and does not begin with `/`: preflight/seccomp.json".into())
}

/// A claim: SIZE, or SIZE,CLASS.
#[cfg(feature = "cli")]
pub(crate) fn storage(text: &str) -> Result<Storage, String> {
    let (size, class) = text.split_once(',').map_or((text, None), |(size, class)| (size, Some(class)));
    if class.is_some_and(|class| !is_dns_subdomain(class)) {
        return Err("a storage class has lower case letters, digits, `-` and `.` only, as in 20Gi,fast".into());
    }
    let size = size.parse().map_err(|error: crate::render::BadQuantity| error.to_string())?;
    Ok(Storage::Claim { size, class: class.map(str::to_owned) })
}

/// A pool: the key of a label and its value.
#[cfg(feature = "cli")]
pub(crate) fn pool(text: &str) -> Result<Pool, String> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let (domain, name) = key.rsplit_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    if !domain.is_none_or(is_dns_subdomain) || !is_label_text(name) || !is_label_text(value) {
        return Err("a pool is written KEY=VALUE, a label of its nodes such as buildkit-preflight.dev/pool=build".into());
    }
    let pool = Pool { key: key.to_owned(), value: value.to_owned() };
    match pool.is_written_by_agents(DEFAULT_PREFIX) {
        true => Err("the agent writes this label, so it can't name a pool: a node would have it only after its proof".into()),
        false => Ok(pool),
    }
}

/// The key of a label.
#[cfg(feature = "cli")]
pub(crate) fn label_key(text: &str) -> Result<String, String> {
    let (domain, name) = text.rsplit_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    match domain.is_none_or(is_dns_subdomain) && is_label_text(name) {
        true => Ok(text.to_owned()),
        false => Err("the key of a label is written NAME or DOMAIN/NAME, such as topology.kubernetes.io/zone".into()),
    }
}

/// What may stand in the name or the value of a label.
#[cfg(feature = "cli")]
fn is_label_text(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= 63 && text.chars().all(inner) && ends(text.chars().next()) && ends(text.chars().last())
}

/// What a NodePool's nodeClassRef names, as GROUP/KIND/NAME.
#[cfg(feature = "cli")]
pub(crate) fn node_class(text: &str) -> Result<NodeClass, String> {
    let parts: Vec<_> = text.split('/').collect();
    let is_kind = |kind: &str| kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphanumeric());
    match parts.as_slice() {
        [group, kind, name] if is_dns_subdomain(group) && kind.len() <= 63 && is_kind(kind) && is_dns_subdomain(name) => {
            Ok(NodeClass { group: (*group).to_owned(), kind: (*kind).to_owned(), name: (*name).to_owned() })
        }
        _ => Err("a node class is written GROUP/KIND/NAME, such as karpenter.k8s.aws/EC2NodeClass/default".into()),
    }
}

pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_dns_label(label: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = |c: Option<char>| c.is_some_and(inner);
    label.len() <= 63 && label.chars().all(|c| inner(c) || c == '-') && ends(label.chars().next()) && ends(label.chars().last())
}

/// An absolute path, as another program sees it: it need not exist here.
#[cfg(feature = "cli")]
pub(super) fn absolute(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.ends_with('/') && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err("the path of a file must begin with `/`, have no control characters, and not end with `/`".into())
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
        for bad in ["kube-system", "default", "Kube", &"a".repeat(64)] {
            assert!(own_namespace(bad).is_err(), "{bad}");
        }
        for bad in ["", "a.b", "Kube", "../x"] {
            assert!(namespace(bad).is_err() && service(bad).is_err(), "{bad}");
        }
        assert!(service("1a").is_err());
        for bad in [
            "",
            "user",
            "user:",
            "user:x",
            ":1000",
            "user:0",
            "user:1:0",
            "user:1:2:3",
            "u ser:1",
            "../u:1",
            "U:1",
            "1u:1",
            "u:-1",
            "u:4294967296",
        ] {
            assert!(image_user(bad).is_err(), "{bad}");
        }
        for bad in
            ["", "buildkitd:1234", "tcp://", "tcp://b", "tcp://b:0", "tcp://b:99999", "unix:///b", "tcp://b c:1", "tcp://b:1/x", "tcp://:1"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
        for bad in ["", "N_1", "n1?x=y", "../namespaces/x", "a..b", "-a"] {
            assert!(node(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_claim_is_a_size_with_or_without_a_class() {
        let claim = |class: Option<&str>| Ok(Storage::Claim { size: "20Gi".parse().expect("a size"), class: class.map(str::to_owned) });
        assert_eq!([storage("20Gi"), storage("20Gi,fast.example")], [claim(None), claim(Some("fast.example"))]);
        for bad in ["", "20", ",fast", "20Gi,", "20Gi,Fast", "20Gi,a,b", "20Gi, fast", "20Gi,a\nb", "fast,20Gi"] {
            assert!(storage(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pool_is_a_label_that_no_agent_writes() {
        let long = format!("a={}", "b".repeat(64));
        for bad in ["", "a", "a=", "=b", "a b=c", "a/b/c=d", "A.org/b=c", "a=b=c", "a=-b", "/a=b", "a/=b", "é=b", long.as_str()] {
            assert!(pool(bad).is_err_and(|why| why.contains("KEY=VALUE")), "{bad}");
        }
        assert!(pool("buildkit-preflight.dev/no-process-sandbox=ready").is_err_and(|why| why.contains("the agent writes")));
        let taken = pool("example.org/Pool_1=Build.2").map(|pool| (pool.key, pool.value));
        assert_eq!(taken, Ok(("example.org/Pool_1".into(), "Build.2".into())));
        assert_eq!(pool(&Pool::default().to_string()), Ok(Pool::default()));
        for bad in ["", "a", "a/B", "a/B/c/d", "a/b/c", "A/B/c", "a/B/C", "a/B-C/d", "a//c", "/B/c", "a/B/"] {
            assert!(node_class(bad).is_err(), "{bad}");
        }
        let class = node_class("karpenter.k8s.aws/EC2NodeClass/default").map(|class| [class.group, class.kind, class.name].join(" "));
        assert_eq!(class, Ok("karpenter.k8s.aws EC2NodeClass default".into()));
    }

    #[test]
    fn good_names_are_taken() {
        let default = AgentOptions::default();
        assert!(prefix(&default.prefix).is_ok() && own_namespace(&default.namespace).is_ok());
        assert!(crate::cli::image::image(&default.image).is_ok());
        assert!(namespace("default").is_ok() && service("buildkitd-2").is_ok());
        assert_eq!(image_user("_b-1:2000"), Ok(ImageUser { name: "_b-1".into(), uid: 2000, gid: 2000 }));
        assert_eq!(image_user("b:2000:100").map(|user| user.gid), Ok(100));
        assert!(address("tcp://10.0.0.1:1234").is_ok() && address("tcp://buildkitd.builds.svc:1").is_ok());
        assert!(node("ip-10-0-0-1.eu-west-1.compute.internal").is_ok());
    }
}
