//! A pod as containerd's CRI plugin would hand it to runc, run once.

use crate::nested::{Entered, FIRST_POD_ID, Node};
use crate::runtime::workspace::Workspace;
use crate::runtime::{self, idmap};
use crate::support::oci::{Caps, Own};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What can be set of a pod and its volume.
#[derive(Clone)]
pub(crate) struct Pod {
    pub(crate) profile: &'static str,
    pub(crate) uid: u32,
    pub(crate) privileged: bool,
    pub(crate) seccomp: SeccompProfile,
    pub(crate) no_new_privs: bool,
    pub(crate) caps: Caps,
    pub(crate) proc: Proc,
    /// The size of the pod's user namespace; `None` for the host's.
    pub(crate) ids: Option<u32>,
    /// What /etc/subuid and /etc/subgid say; `None` for the image's own.
    pub(crate) sub_ids: Option<&'static str>,
    /// `None` for the profile's own way.
    pub(crate) process_sandbox: Option<bool>,
    pub(crate) state: State,
    pub(crate) state_flags: &'static [&'static str],
    pub(crate) dev_fuse: bool,
    pub(crate) helper_capabilities: bool,
    /// The user, the group and the variables, where they are not the image's; a read-only root.
    pub(crate) own: Own<'static>,
    /// Volumes beside that of the state dir, which everybody may write.
    pub(crate) empty_dirs: &'static [&'static str],
    /// Files that lie over those of the image.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Whether `check` is the pod's guard.
    pub(crate) guard: bool,
    pub(crate) build: bool,
    /// Whether it is the longer build, with what people do beside it.
    pub(crate) whole: bool,
    /// Whether /usr/bin/rootlesskit is this program, as in the agent's image; else the real one, as in a builder's.
    pub(crate) agent_image: bool,
    /// The user namespace in which the whole node lives; `None` for the machine's.
    pub(crate) node: Option<Node>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum SeccompProfile {
    Unconfined,
    Containerd,
    Crio,
    /// One rule alone: no CLONE_NEWUSER, as some platforms have it.
    NoUserNamespaces,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Proc {
    Masked,
    Unmasked,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// A volume on the machine's disk, as an emptyDir.
    Disk,
    /// A volume in memory.
    Tmpfs,
    /// A volume in memory without room.
    Full,
    /// No volume: the container's own overlay.
    Overlay,
    /// A fresh volume of root's, as of a claim without fsGroup.
    Claim,
    /// A volume whose files can't be given to the IDs of the range.
    KeepsOwners,
    /// A volume that lies on an overlay, which can have flags of its own.
    OverlayVolume,
}

impl Pod {
    /// A pod of the default profile.
    pub(crate) const DEFAULT: Pod = Pod {
        profile: "no-process-sandbox",
        uid: 1000,
        privileged: false,
        seccomp: SeccompProfile::Unconfined,
        no_new_privs: false,
        caps: Caps::Default,
        proc: Proc::Masked,
        ids: None,
        sub_ids: None,
        process_sandbox: None,
        state: State::Disk,
        state_flags: &[],
        dev_fuse: false,
        helper_capabilities: true,
        own: Own {
            gid: None,
            fs_group: None,
            read_only_root: false,
            env: &[],
            unset: &[],
            memory: &[],
            snapshotter: None,
            rootless_image: false,
        },
        empty_dirs: &[],
        files: &[],
        guard: false,
        build: true,
        whole: false,
        agent_image: false,
        node: None,
    };
}

impl Default for Pod {
    fn default() -> Self {
        Pod::DEFAULT
    }
}

/// What came of a pod.
pub(crate) struct Ran {
    /// What `check --format json` printed.
    pub(crate) report: Value,
    pub(crate) exit_code: i32,
    /// What the guard left for the kubelet.
    pub(crate) last_words: String,
    /// What `check` changed in mounts, files and processes.
    pub(crate) left_behind: String,
    /// How the trial build of `check --prove build` ended, and what that left behind; nothing in the agent's image.
    pub(crate) trial: Value,
    pub(crate) trial_left_behind: String,
    /// Whether the exported image holds the file that the RUN step wrote.
    pub(crate) built: bool,
    /// The behaviours that did not work, in the build and beside it.
    pub(crate) failed: Vec<String>,
    pub(crate) snapshotter: Option<String>,
    /// All else that was printed.
    pub(crate) log: String,
}

impl Pod {
    pub(crate) fn run(&self) -> Ran {
        let (mut space, id) = Workspace::new();
        let ids = match (self.node, self.ids) {
            (None, ids) => ids.map(runtime::pods),
            (Some(node), None) => Some((node.first, node.ids)),
            (Some(node), Some(ids)) => Some((node.first + FIRST_POD_ID, ids)),
        };
        let root = runtime::root(&mut space, ids);
        if !self.helper_capabilities {
            for helper in ["usr/bin/newuidmap", "usr/bin/newgidmap"] {
                let path = root.join(helper);
                let bytes = fs::read(&path).expect("a helper");
                fs::remove_file(&path).expect("remove");
                fs::write(&path, bytes).expect("write");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
            }
        }
        if self.agent_image {
            let name = root.join("usr/bin/rootlesskit");
            fs::remove_file(&name).expect("remove");
            fs::hard_link(root.join("usr/bin/buildkit-preflight"), &name).expect("hard link");
        }
        let state = self.volume(&mut space);
        let bundle = space.directory("bundle");
        if let Some(text) = self.sub_ids {
            fs::write(bundle.join("subids"), format!("{text}\n")).expect("write");
        }
        let anybody = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
        if self.guard {
            fs::write(bundle.join("last-words"), "").expect("write");
            anybody(&bundle.join("last-words"), 0o666);
        }
        for (number, (_, text)) in self.files.iter().enumerate() {
            fs::write(bundle.join(format!("file-{number}")), text).expect("write");
        }
        for number in 0..self.empty_dirs.len() {
            anybody(&space.directory(&format!("bundle/empty-{number}")), 0o777);
        }
        let mut config = self.config(&id, &root, state.as_deref(), &bundle);
        let entered = self.node.map(|node| node.enter(&space.directory("runc"), &mut config));
        let text = runtime::run(&space, &id, &bundle, &config, &entered.as_ref().map(Entered::words).unwrap_or_default());
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
        let report = line("@report ").unwrap_or_else(|| panic!("the container did not run:\n{text}"));
        Ran {
            report: serde_json::from_str(&report).unwrap_or_else(|error| panic!("check printed no JSON ({error}):\n{text}")),
            exit_code: line("@report-exit ").and_then(|code| code.parse().ok()).expect("an exit code"),
            last_words: fs::read_to_string(bundle.join("last-words")).unwrap_or_default(),
            left_behind: line("@left ").unwrap_or_default(),
            trial: line("@proven ")
                .and_then(|report| serde_json::from_str::<Value>(&report).ok())
                .map(|report| report["facts"]["trials"][0]["end"].clone())
                .unwrap_or_default(),
            trial_left_behind: line("@proven-left ").unwrap_or_default(),
            built: line("@built ").is_some(),
            failed: failed_behaviours(&text),
            snapshotter: line("@snapshotter "),
            log: text.lines().filter(|line| !line.starts_with("@report") && !line.starts_with("@proven ")).collect::<Vec<_>>().join("\n"),
        }
    }

    fn volume(&self, space: &mut Workspace) -> Option<PathBuf> {
        let path = match self.state {
            State::Overlay => return None,
            State::Disk | State::Claim => space.directory("volume"),
            State::KeepsOwners => {
                let source = space.directory("disk");
                fs::set_permissions(&source, fs::Permissions::from_mode(0o777)).expect("chmod");
                let path = space.directory("volume");
                idmap::mount_by(&source, &path, "0 0 2000").expect("an idmapped mount of the volume");
                space.mounts.push(path.clone());
                path
            }
            State::OverlayVolume => {
                let lower = space.directory("nothing");
                space.overlay("volume", &lower, 0)
            }
            State::Tmpfs | State::Full => {
                let path = space.directory("volume");
                let size = if self.state == State::Full { "size=64k" } else { "size=512m" };
                space.mount(&["-t", "tmpfs", "-o", size, "tmpfs"], &path);
                path
            }
        };
        if self.state == State::Full {
            fs::write(path.join("filler"), [0; 65_536]).expect("fill the volume");
        }
        let mode = if self.state == State::Claim { 0o755 } else { 0o777 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        Some(path)
    }
}

/// The ids in `@failed-behaviours ID ID` and `@failed-beside ID why`.
fn failed_behaviours(text: &str) -> Vec<String> {
    let in_build = text.lines().filter_map(|line| line.strip_prefix("@failed-behaviours ")).flat_map(str::split_whitespace);
    let beside = text.lines().filter_map(|line| line.strip_prefix("@failed-beside ")?.split_whitespace().next());
    in_build.chain(beside).map(str::to_owned).collect()
}
