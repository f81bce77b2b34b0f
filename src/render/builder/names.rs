//! What a builder's objects are called.

/// The builder's own namespace, unless another is named.
pub const BUILDER_NAMESPACE: &str = "buildkit";

/// What Deployment, Service and NetworkPolicy are called, unless they are named otherwise.
pub const BUILDER_NAME: &str = "buildkitd";

/// Where buildkitd takes orders over the network.
pub(in crate::render) const PORT: u16 = 1234;

/// Upstream's image; the rootless one has `-rootless` behind it.
const IMAGE: &str = "docker.io/moby/buildkit:v0.34.2";

/// Upstream's image, which clients of any builder can use too: it has buildctl, a shell and git, and runs as user 1000.
pub const ROOTLESS_IMAGE: &str = "docker.io/moby/buildkit:v0.34.2-rootless";

/// Upstream's image for a builder that is root, or is not.
pub(in crate::render) fn stock_image(is_root: bool) -> &'static str {
    if is_root { IMAGE } else { ROOTLESS_IMAGE }
}

/// The Secrets of the daemon and of its clients. The first builder's are called as upstream's examples and Tekton's tasks call them.
pub fn secrets(name: &str) -> [String; 2] {
    let prefix = if name == BUILDER_NAME { "buildkit" } else { name };
    ["daemon", "client"].map(|of| format!("{prefix}-{of}-certs"))
}

/// By what names clients reach a builder: its Service's, from near and far, and those of a port-forward.
pub fn server_names(name: &str, namespace: Option<&str>) -> Vec<String> {
    let far = namespace.into_iter().flat_map(|namespace| {
        let full = format!("{name}.{namespace}");
        [full.clone(), format!("{full}.svc"), format!("{full}.svc.cluster.local")]
    });
    std::iter::once(name.to_owned()).chain(far).chain(["localhost".into(), "127.0.0.1".into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_images_are_of_one_release() {
        assert_eq!(stock_image(false), format!("{}-rootless", stock_image(true)));
    }

    #[test]
    fn builders_beside_each_other_have_secrets_of_their_own() {
        assert_eq!(secrets("buildkitd"), ["buildkit-daemon-certs", "buildkit-client-certs"]);
        assert_eq!(secrets("b1"), ["b1-daemon-certs", "b1-client-certs"]);
    }

    #[test]
    fn a_client_anywhere_in_the_cluster_finds_its_name() {
        let far = ["buildkitd", "buildkitd.ci", "buildkitd.ci.svc", "buildkitd.ci.svc.cluster.local", "localhost", "127.0.0.1"];
        assert_eq!(server_names("buildkitd", Some("ci")), far);
        assert_eq!(server_names("buildkitd", None), ["buildkitd", "localhost", "127.0.0.1"]);
    }
}
