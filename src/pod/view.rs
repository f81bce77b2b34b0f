//! What one container asks for, with the path of whatever says so.

use super::image::Variant;
use super::manifest::Workload;
use super::start::{Start, environment, flag, is_on, start};
use crate::profile::{BUILDER_UID, Profile, ROOTFUL_RUNTIME, ROOTFUL_STATE, ROOTLESS_RUNTIME, ROOTLESS_STATE, ROOTLESS_TEMPORARY};
use serde_json::Value;

/// A builder's container in its object.
pub(super) struct View<'a> {
    pub(super) workload: &'a Workload,
    pub(super) number: usize,
    pub(super) image: &'a str,
    pub(super) variant: Variant,
    pub(super) start: Start,
    /// The words that buildkitd gets.
    pub(super) words: Vec<String>,
}

/// A value and where it stands.
pub(super) struct Said<'a> {
    pub(super) value: &'a Value,
    pub(super) path: String,
}

/// What a directory lies on.
pub(super) enum Storage<'a> {
    /// The container's root.
    Root,
    /// A volume: its number and itself, null where nothing declares it; and the number of its mount.
    Volume(Option<usize>, &'a Value, usize),
    /// A claim of a StatefulSet.
    Claim,
}

impl<'a> View<'a> {
    pub(super) fn new(workload: &'a Workload, number: usize) -> Self {
        let container = &workload.spec["containers"][number];
        let image = container["image"].as_str().unwrap_or_default();
        let (start, words) = start(container);
        View { workload, number, image, variant: Variant::of(image), start, words }
    }

    pub(super) fn container(&self) -> &'a Value {
        &self.workload.spec["containers"][self.number]
    }

    pub(super) fn name(&self) -> &'a str {
        self.container()["name"].as_str().unwrap_or_default()
    }

    /// The path of a field of this container.
    pub(super) fn path(&self, field: &str) -> String {
        self.workload.container_path(self.number, field)
    }

    /// A field of the security context: the container's own, else the pod's.
    pub(super) fn security(&self, field: &str) -> Option<Said<'a>> {
        let own = &self.container()["securityContext"][field];
        if !own.is_null() {
            return Some(Said { value: own, path: self.path(&format!("securityContext.{field}")) });
        }
        let pods = &self.workload.spec["securityContext"][field];
        let path = || self.workload.pod_path(&format!("securityContext.{field}"));
        (!pods.is_null()).then(|| Said { value: pods, path: path() })
    }

    fn number_of(&self, field: &str) -> Option<u64> {
        self.security(field).and_then(|said| said.value.as_u64())
    }

    /// The user, where the object or the image says it.
    pub(super) fn user(&self) -> Option<u64> {
        let of_image = match self.variant {
            Variant::Rootless => Some(BUILDER_UID.into()),
            Variant::Rootful => Some(0),
            Variant::Unknown => None,
        };
        self.number_of("runAsUser").or(of_image)
    }

    /// The group. Without `runAsGroup` the runtime takes that of the user's line in the image's /etc/passwd, and 0 for others.
    pub(super) fn group(&self) -> Option<u64> {
        let of_passwd = |user: u64| if user == u64::from(BUILDER_UID) && self.variant == Variant::Rootless { user } else { 0 };
        self.number_of("runAsGroup").or_else(|| self.user().map(of_passwd))
    }

    pub(super) fn is_root(&self) -> bool {
        self.user() == Some(0)
    }

    pub(super) fn is_privileged(&self) -> bool {
        self.container()["securityContext"]["privileged"] == true
    }

    pub(super) fn has_pod_user_namespace(&self) -> bool {
        self.workload.spec["hostUsers"] == false
    }

    /// Whether buildkitd runs in a user namespace.
    pub(super) fn is_in_user_namespace(&self) -> bool {
        !self.is_root() || self.has_pod_user_namespace()
    }

    pub(super) fn is_unmasked(&self) -> bool {
        self.container()["securityContext"]["procMount"] == "Unmasked"
    }

    /// Whether each step of a build has a PID namespace of its own.
    pub(super) fn has_process_sandbox(&self) -> bool {
        !is_on(&self.words, "--oci-worker-no-process-sandbox") && !self.configured().any(|line| line == "noProcessSandbox=true")
    }

    pub(super) fn snapshotter(&self) -> Option<String> {
        let configured = || self.configured().find_map(|line| Some(line.strip_prefix("snapshotter=\"")?.strip_suffix('"')?.to_owned()));
        flag(&self.words, "--oci-worker-snapshotter").or_else(configured)
    }

    /// Lines of buildkitd.toml, where a ConfigMap beside it is mounted, without spaces.
    fn configured(&self) -> impl Iterator<Item = String> {
        let mounted = self.mounts().filter_map(|(_, mount)| {
            let (_, volume) = self.volume(mount["name"].as_str()?)?;
            volume["configMap"]["name"].as_str()
        });
        let names: Vec<_> = mounted.collect();
        let texts = self.workload.configs.iter().filter(move |(name, _)| names.contains(&name.as_str()));
        texts.flat_map(|(_, text)| text.lines().map(|line| line.replace(' ', "")))
    }

    /// The value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        environment(self.container(), name)
    }

    pub(super) fn mounts(&self) -> impl Iterator<Item = (usize, &'a Value)> {
        self.container()["volumeMounts"].as_array().into_iter().flatten().enumerate()
    }

    pub(super) fn volume(&self, name: &str) -> Option<(usize, &'a Value)> {
        let volumes = self.workload.spec["volumes"].as_array()?;
        volumes.iter().enumerate().find(|(_, volume)| volume["name"] == name)
    }

    /// What a directory lies on: the mount that is closest above it.
    pub(super) fn storage(&self, path: &str) -> Storage<'a> {
        let is_above = |mount: &str| path == mount || path.strip_prefix(mount).is_some_and(|rest| mount == "/" || rest.starts_with('/'));
        let at = |mount: &'a Value| mount["mountPath"].as_str().map(|path| path.trim_end_matches('/')).filter(|path| is_above(path));
        let closest =
            self.mounts().filter_map(|(number, mount)| Some((at(mount)?.len(), number, mount))).max_by_key(|(length, ..)| *length);
        let Some((_, number, mount)) = closest else { return Storage::Root };
        let name = mount["name"].as_str().unwrap_or_default();
        if self.workload.claims.iter().any(|claim| claim == name) {
            return Storage::Claim;
        }
        match self.volume(name) {
            Some((at, volume)) => Storage::Volume(Some(at), volume, number),
            None => Storage::Volume(None, &Value::Null, number),
        }
    }

    /// Where buildkitd keeps its state.
    pub(super) fn state_dir(&self) -> String {
        let of_home = || self.variable("HOME").map(|home| format!("{}/.local/share/buildkit", home.trim_end_matches('/')));
        let of_data = || self.variable("XDG_DATA_HOME").map(|data| format!("{}/buildkit", data.trim_end_matches('/')));
        flag(&self.words, "--root").unwrap_or_else(|| {
            if self.is_root() { ROOTFUL_STATE.into() } else { of_data().or_else(of_home).unwrap_or_else(|| ROOTLESS_STATE.into()) }
        })
    }

    /// The directories beside the state dir that are written to: for sockets, for what is temporary.
    pub(super) fn written(&self) -> Vec<String> {
        if self.is_root() {
            // runc keeps its own state, whatever buildkitd is told; for others than root that lies in XDG_RUNTIME_DIR.
            return vec![ROOTFUL_RUNTIME.into(), "/run/runc".into(), "/tmp".into()];
        }
        // buildkitd makes the last part itself.
        let runtime = self.variable("XDG_RUNTIME_DIR").unwrap_or_else(|| ROOTLESS_RUNTIME.trim_end_matches("/buildkit"));
        let temporary = self.variable("TMPDIR").unwrap_or(ROOTLESS_TEMPORARY);
        vec![temporary.into(), "/tmp".into(), runtime.into()]
    }

    /// The profile whose shape is the closest.
    pub(super) fn profile(&self) -> Profile {
        match (self.is_root(), self.is_privileged(), self.has_pod_user_namespace()) {
            (true, _, true) => Profile::Userns,
            (true, _, false) => Profile::Rootful,
            (false, true, _) => Profile::Privileged,
            (false, false, true) if self.is_unmasked() => Profile::ProcMount,
            (false, false, _) => Profile::NoProcessSandbox,
        }
    }
}
