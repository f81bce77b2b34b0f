//! The images of the cluster, packed as OCI archives and given to each node's containerd: nothing is pulled.

use crate::image;
use crate::node::Node;
use crate::people;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const PAUSE: &str = "localhost/pause:1";
/// busybox, and all that a build needs: builders and clients.
pub(crate) const BUILDER: &str = "docker.io/moby/buildkit:v0.34.2-rootless";

/// What manifests call the agent's image where nobody names another, as containerd writes it. It is loaded into each node.
pub(crate) const UNNAMED_AGENT: &str = concat!("docker.io/library/buildkit-preflight:", env!("CARGO_PKG_VERSION"));

/// An image: its name, its root file system, and its config.
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) root: PathBuf,
    pub(crate) config: Value,
}

/// All that a sandbox needs is a process that does nothing.
pub(crate) fn pause(dir: &Path) -> Image {
    let root = dir.join("pause");
    fs::create_dir_all(root.join("bin")).expect("mkdir");
    fs::copy("/bin/busybox", root.join("bin/sleep")).expect("busybox-static");
    Image { name: PAUSE.to_owned(), root, config: json!({"Cmd": ["/bin/sleep", "infinity"]}) }
}

/// As moby/buildkit:rootless, configured for the registries here.
pub(crate) fn builder(dir: &Path) -> Image {
    let root = dir.join("builder");
    image::builder(&root, Path::new("/"));
    git(&root);
    people::make(&root, Path::new("/"));
    fs::write(root.join("container.sh"), include_str!("../support/container.sh")).expect("write");
    let config = root.join("home/user/.config/buildkit");
    fs::create_dir_all(&config).expect("mkdir");
    let registries = [crate::cluster::REGISTRY, crate::seed::PRIVATE].map(|name| format!("[registry.\"{name}\"]\nhttp = true\n"));
    fs::write(config.join("buildkitd.toml"), registries.concat()).expect("write");
    image::give_capabilities(&root);
    Image { name: BUILDER.to_owned(), root, config: builder_config() }
}

/// As the rootless image has it.
pub(crate) fn builder_config() -> Value {
    json!({
        "User": "1000:1000",
        "Env": [
            "PATH=/usr/bin:/bin",
            "HOME=/home/user",
            "USER=user",
            "XDG_RUNTIME_DIR=/run/user/1000",
            "TMPDIR=/home/user/.local/tmp",
            "BUILDKIT_HOST=unix:///run/user/1000/buildkit/buildkitd.sock",
        ],
        "Entrypoint": ["rootlesskit", "buildkitd"],
        "Volumes": {"/home/user/.local/share/buildkit": {}},
    })
}

/// git and ssh, which the image has for sources in git.
fn git(root: &Path) {
    let (debian, own) = (Path::new("/"), Path::new("usr/lib/git-core"));
    for name in ["git", "ssh"] {
        image::install(&Path::new("/usr/bin").join(name), root, name, debian);
    }
    fs::create_dir_all(root.join(own)).expect("mkdir");
    for name in ["git-remote-http", "git-remote-https", "git-sh-i18n--envsubst"] {
        image::install(&debian.join(own).join(name), root, name, debian);
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), root.join(own).join(name)).expect("symlink");
    }
    for script in ["git-submodule", "git-sh-setup", "git-sh-i18n"] {
        fs::copy(debian.join(own).join(script), root.join(own).join(script)).expect("git");
    }
    fs::create_dir_all(root.join("usr/share/git-core/templates")).expect("mkdir");
}

/// The same as moby/buildkit, which runs buildkitd as root and without rootlesskit.
pub(crate) fn rootful(dir: &Path) -> Image {
    let config = json!({"Env": ["PATH=/usr/bin:/bin"], "Entrypoint": ["buildkitd", "--oci-worker-binary=buildkit-runc"]});
    // The same tree under another name, since the archive is called as the tree is.
    let root = dir.join("rootful");
    if !root.is_symlink() {
        std::os::unix::fs::symlink("builder", &root).expect("symlink");
    }
    Image { name: BUILDER.trim_end_matches("-rootless").to_owned(), root, config }
}

/// What the agent's image is made from, without the agent and without file capabilities.
pub(crate) fn base(root: &Path) {
    image::base(root, Path::new("/"));
    image::install(Path::new("/usr/sbin/setcap"), root, "setcap", Path::new("/"));
}

/// The program of the agent's image, with what a node needs alone.
pub(crate) fn node_binary() -> PathBuf {
    image::built("NODE_BINARY")
}

/// The agent's image as its Dockerfile makes it: the program under two names, since it runs in rootlesskit's place.
pub(crate) fn agent(dir: &Path, name: &str) -> Image {
    let root = dir.join("agent");
    base(&root);
    let program = root.join("usr/bin/buildkit-preflight");
    fs::copy(node_binary(), &program).expect("a static binary");
    fs::hard_link(&program, root.join("usr/bin/rootlesskit")).expect("a hard link");
    image::give_capabilities(&root);
    let config = json!({
        "User": "1000:1000",
        "Env": ["PATH=/usr/bin:/bin", "HOME=/home/user", "USER=user"],
        "Entrypoint": ["/usr/bin/buildkit-preflight"],
        "Cmd": ["agent"],
    });
    Image { name: name.to_owned(), root, config }
}

impl Image {
    /// Packs the image as an OCI archive of one layer.
    pub(crate) fn pack(&self) -> PathBuf {
        let layout = self.root.with_extension("oci");
        let blobs = layout.join("blobs/sha256");
        fs::create_dir_all(&blobs).expect("mkdir");
        let file = layout.join("blob");
        let add = |media: &str| {
            let output = Command::new("sha256sum").arg(&file).output().expect("sha256sum");
            let digest = String::from_utf8_lossy(&output.stdout)[..64].to_owned();
            let size = file.metadata().expect("a blob").len();
            fs::rename(&file, blobs.join(&digest)).expect("rename");
            json!({"mediaType": format!("application/vnd.oci.image.{media}"), "digest": format!("sha256:{digest}"), "size": size})
        };
        let add_json = |value: Value, media: &str| {
            fs::write(&file, value.to_string()).expect("write");
            add(media)
        };

        // File capabilities are kept: without them the helpers in the image fail in every profile.
        let mut tar = Command::new("tar");
        tar.args(["--create", "--format=pax", "--xattrs", "--xattrs-include=security.capability", "--numeric-owner", "--sort=name"]);
        tar.args(["--mtime=@0", "--pax-option=delete=atime,delete=ctime", "--file"]).arg(&file).arg("--directory").arg(&self.root).arg(".");
        assert!(tar.status().expect("tar").success(), "{tar:?}");
        let layer = add("layer.v1.tar");
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        });
        let config = add_json(config, "config.v1+json");
        let media = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media, "config": config, "layers": [layer]});
        let mut manifest = add_json(manifest, "manifest.v1+json");
        manifest["annotations"] = json!({"io.containerd.image.name": self.name});
        fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).expect("write");
        fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [manifest]}).to_string()).expect("write");

        let archive = self.root.with_extension("tar");
        let done = Command::new("tar").arg("--create").arg("--file").arg(&archive).arg("--directory").arg(&layout).arg(".").status();
        assert!(done.expect("tar").success(), "an archive of {}", layout.display());
        fs::remove_dir_all(&layout).expect("rm");
        archive
    }
}

/// Gives an archive to a node.
pub(crate) fn import(node: &Node, archive: &Path) {
    let input = File::open(archive).expect("an archive");
    let output = node.ctr().args(["images", "import", "-"]).stdin(Stdio::from(input)).output().expect("ctr");
    assert!(output.status.success(), "{} on {}: {}", archive.display(), node.name, String::from_utf8_lossy(&output.stderr));
}

/// Gives an image that a node has another name, too.
pub(crate) fn tag(node: &Node, image: &str, name: &str) {
    let output = node.ctr().args(["images", "tag", "--force", image, name]).output().expect("ctr");
    assert!(output.status.success(), "{name} on {}: {}", node.name, String::from_utf8_lossy(&output.stderr));
}

/// As Go and images call this machine's.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
