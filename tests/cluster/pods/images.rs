//! BuildKit's two images, with the build that each case does.

use crate::cluster::Cluster;
use crate::image::tool;
use crate::images::{self, Image};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

pub(super) const ROOTLESS: &str = "localhost/pods:rootless";
pub(super) const ROOTFUL: &str = "localhost/pods:rootful";

/// What each stands for: that which its author meant, or busybox.
pub(super) fn stands_for(image: &str) -> &'static str {
    if image.contains("rootless") { ROOTLESS } else { ROOTFUL }
}

/// Makes both, and gives them to all nodes.
pub(super) fn load(cluster: &Cluster) {
    let place = cluster.dir.join("images");
    // Made at the start of the cluster, with all that a build needs.
    let made = place.join("builder");
    let [rootless, rootful] = [ROOTLESS, ROOTFUL].map(|name| {
        let root = place.join(name.rsplit(':').next().unwrap_or_default());
        let copied = Command::new("cp").arg("-al").arg(&made).arg(&root).status().expect("cp");
        assert!(copied.success(), "a copy of {}", made.display());
        add_build(&root);
        Image { name: name.to_owned(), root, config: images::builder_config() }
    });
    let rootful = as_rootful(rootful);
    let archives = [rootless.pack(), rootful.pack()];
    std::thread::scope(|scope| {
        for node in &cluster.nodes {
            let archives = &archives;
            scope.spawn(move || archives.iter().for_each(|archive| images::import(node, archive)));
        }
    });
}

/// The test's own build, and a buildctl that does no other.
fn add_build(root: &Path) {
    let test = root.join("test");
    fs::create_dir(&test).expect("mkdir");
    fs::copy("/bin/busybox", test.join("busybox")).expect("busybox-static");
    fs::write(test.join("Dockerfile"), include_str!("image/Dockerfile")).expect("write");
    fs::write(test.join("client.sh"), include_str!("image/client.sh")).expect("write");
    fs::create_dir_all(root.join("usr/libexec")).expect("mkdir");
    let buildctl = root.join("usr/bin/buildctl");
    fs::rename(&buildctl, root.join("usr/libexec/buildctl")).expect("rename");
    fs::write(&buildctl, include_str!("image/buildctl")).expect("write");
    let daemonless = root.join("usr/bin/buildctl-daemonless.sh");
    fs::copy(tool("buildctl-daemonless.sh"), &daemonless).expect("a script of BuildKit's");
    for script in [buildctl, daemonless] {
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
}

/// Without what only the rootless image has: its user, rootlesskit, and the helpers that write maps.
fn as_rootful(image: Image) -> Image {
    let root = &image.root;
    for name in ["rootlesskit", "newuidmap", "newgidmap"] {
        fs::remove_file(root.join("usr/bin").join(name)).expect("rm");
    }
    for (file, text) in [("passwd", "root:x:0:0::/root:/bin/sh\n"), ("group", "root:x:0:\n"), ("subuid", ""), ("subgid", "")] {
        let path = root.join("etc").join(file);
        fs::remove_file(&path).expect("rm");
        fs::write(path, text).expect("write");
    }
    let config = json!({"Env": ["PATH=/usr/bin:/bin"], "Entrypoint": ["buildkitd"], "Volumes": {"/var/lib/buildkit": {}}});
    Image { config, ..image }
}
