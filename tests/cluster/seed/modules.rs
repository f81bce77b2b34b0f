//! Controllers of others, from their Go modules: their manifests as they are, and images of the programs that `make neighbours`
//! builds.

use crate::cluster::Cluster;
use crate::image::{self, tool};
use crate::images::{self, Image};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project whose manifests name its images by import paths, as the tool ko reads them: `ko://MODULE/cmd/NAME`.
pub(crate) struct Module {
    /// What its directories in tests/tools and target/tools are called.
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// Those of its programs that run here.
    pub(crate) programs: &'static [&'static str],
}

impl Module {
    /// Gives the nodes an image of each program.
    pub(crate) fn import(&self, cluster: &Cluster) {
        let place = cluster.dir.join(self.name);
        for program in self.programs {
            let root = place.join(program);
            // git is run by one of them.
            if *program == "git" {
                fs::create_dir_all(&place).expect("mkdir");
                copy(&cluster.dir.join("images/builder"), &root);
                // It asks for git-lfs, which no repository here needs.
                fs::write(root.join("usr/bin/git-lfs"), "#!/bin/sh\n").expect("write");
                fs::set_permissions(root.join("usr/bin/git-lfs"), Permissions::from_mode(0o755)).expect("chmod");
            } else {
                image::base(&root, Path::new("/"));
            }
            fs::create_dir_all(root.join("ko-app")).expect("mkdir");
            fs::copy(tool(&format!("{}/{program}", self.name)), root.join("ko-app").join(program)).expect("a program");
            let config = json!({
                "User": "65532:65532",
                "Env": ["PATH=/usr/bin:/bin"],
                "Entrypoint": [format!("/ko-app/{program}")],
            });
            let archive = Image { name: self.image(program), root, config }.pack();
            cluster.nodes.iter().for_each(|node| images::import(node, &archive));
        }
    }

    /// Applies a manifest of the module, or a directory of them, changed by `change`.
    pub(crate) fn apply(&self, cluster: &Cluster, file: &str, change: impl Fn(String) -> String) {
        let path = tool(&format!("{}/{file}", self.name));
        // A directory stands for all of its files.
        let files: Vec<_> = match fs::read_dir(&path) {
            Ok(entries) => entries.map(|entry| entry.expect("an entry").path()).collect(),
            Err(_) => vec![path],
        };
        let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = files.into_iter().map(read).collect::<Vec<_>>().join("\n---\n");
        let images = |text: String, program: &&str| text.replace(&format!("ko://{}/cmd/{program}", self.path), &self.image(program));
        let copy = cluster.dir.join("manifest.yaml");
        fs::write(&copy, change(self.programs.iter().fold(text, images))).expect("write");
        // On the server's side, since definitions of resources are larger than an annotation may be.
        let applied = cluster.kubectl(&["apply", "--server-side", "--filename", &copy.display().to_string()]);
        applied.unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    fn image(&self, program: &str) -> String {
        format!("localhost/{}-{program}:test", self.name)
    }
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("--archive").args([from, to]).status().expect("cp");
    assert!(done.success(), "a copy of {}", from.display());
}
