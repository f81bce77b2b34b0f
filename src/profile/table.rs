//! The table of profiles: one row is all that is known of one.

use super::shape::{Capabilities, Confinement, Directory, ProcMount, Shape, Storage};
use crate::fact::Builder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A way to run buildkitd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The rootless image as user 1000, unconfined, with `--oci-worker-no-process-sandbox`: upstream's way.
    NoProcessSandbox,
    /// The same without that flag, with `procMount: Unmasked` and `hostUsers: false`: each build step has its own PID namespace.
    #[serde(rename = "procmount")]
    ProcMount,
    /// The rootful image, privileged, in a pod with `hostUsers: false`.
    Userns,
    /// The rootless image as user 1000 with no field that says `Unconfined`: it passes Pod Security *baseline*.
    Baseline,
    /// The rootless image as user 1000 in a privileged container: what Kubernetes before 1.12 needed.
    Privileged,
    /// Root in a privileged container without a user namespace: the last resort.
    Rootful,
}

/// The user ID of `moby/buildkit:rootless`, and that of its group.
pub const BUILDER_UID: u32 = 1000;

/// Where buildkitd keeps its state in `moby/buildkit:rootless`.
pub const ROOTLESS_STATE: &str = "/home/user/.local/share/buildkit";

/// Where buildkitd keeps its state as root.
pub const ROOTFUL_STATE: &str = "/var/lib/buildkit";

/// Where `moby/buildkit:rootless` has what is temporary (its TMPDIR).
pub const ROOTLESS_TEMPORARY: &str = "/home/user/.local/tmp";

/// Where buildkitd has its socket in `moby/buildkit:rootless`.
pub const ROOTLESS_RUNTIME: &str = "/run/user/1000/buildkit";

/// Where buildkitd has its socket as root.
pub const ROOTFUL_RUNTIME: &str = "/run/buildkit";

/// What is known of a profile.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which one it is.
    pub profile: Profile,
    /// What it is called: by users, in labels, in JSON.
    pub id: &'static str,
    /// What it is, in half a sentence.
    pub title: &'static str,
    /// Its place among all, by what one would rather have; 1 is the best.
    pub rank: usize,
    /// Who proves it.
    pub prover: Prover,
    /// The builder in its image.
    pub builder: Builder,
    /// What its builder's pod asks for.
    pub shape: Shape,
}

/// Who proves a profile: a pod of the agent's that has its shape. Nobody else publishes `ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prover {
    /// The agent that is on every node.
    Agent,
    /// A pod of another kind, which is sent where it would start.
    Canary,
    /// Such a pod too, and only where an operator asks for it: it is privileged on the node itself. So builders need not wait for it.
    OptionalCanary,
}

/// All profiles, in the order in which they are told.
pub const PROFILES: &[Row] = &[
    Row {
        profile: Profile::NoProcessSandbox,
        id: "no-process-sandbox",
        title: "the rootless image as user 1000, seccomp and AppArmor Unconfined, `--oci-worker-no-process-sandbox`: upstream's way",
        rank: 4,
        prover: Prover::Agent,
        builder: Builder::Rootless,
        shape: Shape {
            user: BUILDER_UID,
            group: BUILDER_UID,
            seccomp: Some(Confinement::Unconfined),
            apparmor: Some(Confinement::Unconfined),
            capabilities: Capabilities::UNCHANGED,
            privileged: false,
            privilege_escalation: None,
            proc_mount: ProcMount::Default,
            host_users: true,
            read_only_root: false,
            state: volume(ROOTLESS_STATE),
            runtime: on_root(ROOTLESS_RUNTIME),
            process_sandbox: false,
        },
    },
    Row {
        profile: Profile::ProcMount,
        id: "procmount",
        title: "the same without that flag, with `procMount: Unmasked` and `hostUsers: false`: each build step in its own PID namespace",
        rank: 1,
        prover: Prover::Canary,
        builder: Builder::Rootless,
        shape: Shape {
            user: BUILDER_UID,
            group: BUILDER_UID,
            seccomp: Some(Confinement::Unconfined),
            apparmor: Some(Confinement::Unconfined),
            capabilities: Capabilities::UNCHANGED,
            privileged: false,
            privilege_escalation: None,
            proc_mount: ProcMount::Unmasked,
            host_users: false,
            read_only_root: false,
            state: volume(ROOTLESS_STATE),
            runtime: on_root(ROOTLESS_RUNTIME),
            process_sandbox: true,
        },
    },
    Row {
        profile: Profile::Userns,
        id: "userns",
        title: "the rootful image, privileged, inside `hostUsers: false`",
        rank: 2,
        prover: Prover::Canary,
        builder: Builder::Rootful,
        shape: Shape {
            user: 0,
            group: 0,
            seccomp: None,
            apparmor: None,
            capabilities: Capabilities::UNCHANGED,
            privileged: true,
            privilege_escalation: None,
            proc_mount: ProcMount::Default,
            host_users: false,
            read_only_root: false,
            state: volume(ROOTFUL_STATE),
            runtime: on_root(ROOTFUL_RUNTIME),
            process_sandbox: true,
        },
    },
    // Kubelet and runtime decide what confines it. With `hostUsers: false` it could have a process sandbox in namespaces whose policy is
    // that of 1.35 or later, but a node can't tell which policy a namespace has, and has one label for the profile.
    Row {
        profile: Profile::Baseline,
        id: "baseline",
        title: "the same as `no-process-sandbox` with no field that says Unconfined: it passes Pod Security *baseline*",
        rank: 3,
        prover: Prover::Canary,
        builder: Builder::Rootless,
        shape: Shape {
            user: BUILDER_UID,
            group: BUILDER_UID,
            seccomp: None,
            apparmor: None,
            capabilities: Capabilities::UNCHANGED,
            privileged: false,
            privilege_escalation: None,
            proc_mount: ProcMount::Default,
            host_users: true,
            read_only_root: false,
            state: volume(ROOTLESS_STATE),
            runtime: on_root(ROOTLESS_RUNTIME),
            process_sandbox: false,
        },
    },
    Row {
        profile: Profile::Privileged,
        id: "privileged",
        title: "the rootless image in a privileged container",
        rank: 5,
        prover: Prover::OptionalCanary,
        builder: Builder::Rootless,
        shape: Shape {
            user: BUILDER_UID,
            group: BUILDER_UID,
            seccomp: None,
            apparmor: None,
            capabilities: Capabilities::UNCHANGED,
            privileged: true,
            privilege_escalation: None,
            proc_mount: ProcMount::Default,
            host_users: true,
            read_only_root: false,
            state: volume(ROOTLESS_STATE),
            runtime: on_root(ROOTLESS_RUNTIME),
            process_sandbox: true,
        },
    },
    Row {
        profile: Profile::Rootful,
        id: "rootful",
        title: "root, privileged, no user namespace: the last resort",
        rank: 6,
        prover: Prover::OptionalCanary,
        builder: Builder::Rootful,
        shape: Shape {
            user: 0,
            group: 0,
            seccomp: None,
            apparmor: None,
            capabilities: Capabilities::UNCHANGED,
            privileged: true,
            privilege_escalation: None,
            proc_mount: ProcMount::Default,
            host_users: true,
            read_only_root: false,
            state: volume(ROOTFUL_STATE),
            runtime: on_root(ROOTFUL_RUNTIME),
            process_sandbox: true,
        },
    },
];

const fn volume(path: &'static str) -> Directory {
    Directory { path: Cow::Borrowed(path), storage: Storage::EmptyDir }
}

const fn on_root(path: &'static str) -> Directory {
    Directory { path: Cow::Borrowed(path), storage: Storage::Root }
}
