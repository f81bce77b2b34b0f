//! Nodes that live in a user namespace themselves, as in an unprivileged LXC container or a rootless kind: runc runs as their root,
//! and the pods that ask for no namespace of their own are in the node's.

use crate::pod::{Pod, Proc, Ran};
use crate::runtime::idmap::user_namespace;
use buildkit_preflight::cause::Cause;
use buildkit_preflight::check::{Evidence, Ready, Verdict, judge};
use buildkit_preflight::fact::{Fact, Facts};
use buildkit_preflight::profile::Profile;
use serde_json::Value;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::chown;
use std::path::Path;

/// The user namespace of a node.
#[derive(Clone, Copy)]
pub(crate) struct Node {
    /// The machine's ID of its root.
    pub(crate) first: u32,
    pub(crate) ids: u32,
}

/// The node's ID of the root of its first pod with a user namespace: those before are the node's own (the kubelet's userns_manager.go).
pub(crate) const FIRST_POD_ID: u32 = 65_536;

/// A node's user namespace, open.
pub(crate) struct Entered(OwnedFd);

impl Node {
    /// Makes it, and makes of a container's config what a runtime in it can do.
    pub(crate) fn enter(self, runtime: &Path, config: &mut Value) -> Entered {
        chown(runtime, Some(self.first), Some(self.first)).expect("chown");
        let linux = config["linux"].as_object_mut().expect("an object");
        // The machine's cgroups belong to others, and so do devices.
        linux.remove("cgroupsPath");
        linux.remove("resources");
        for map in ["uidMappings", "gidMappings"] {
            if let Some(map) = linux.get_mut(map) {
                map[0]["hostID"] = FIRST_POD_ID.into();
            }
        }
        for mount in config["mounts"].as_array_mut().expect("a list") {
            // No file system of the machine can be shown with other IDs from here.
            let mount = mount.as_object_mut().expect("an object");
            mount.remove("uidMappings");
            mount.remove("gidMappings");
        }
        Entered(user_namespace(&format!("0 {} {}", self.first, self.ids)).expect("a user namespace"))
    }
}

impl Entered {
    /// The words that run a program as the node's root, in a mount namespace of the node's.
    pub(crate) fn words(&self) -> Vec<String> {
        let namespace = format!("--user=/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        let words = ["nsenter", &namespace, "--setuid", "0", "--setgid", "0", "unshare", "--mount", "--propagation", "private"];
        words.map(str::to_owned).to_vec()
    }
}

/// As LXC gives it.
const NODE: Node = Node { first: 100_000, ids: 262_144 };
const POD: Pod = Pod { node: Some(NODE), ..Pod::DEFAULT };
const PROCMOUNT: Pod = Pod { profile: "procmount", proc: Proc::Unmasked, ..POD };

/// What was seen in a pod, judged again as an agent does that knows what the pod asked for and what the Node says.
fn as_agent(ran: &Ran, profile: Profile, asked: bool, node_ids: Fact<u64>) -> Verdict {
    let mut facts: Facts = serde_json::from_value(ran.report["facts"].clone()).expect("facts");
    facts.process.asked_user_namespace = Fact::Known(asked);
    facts.node_ids = node_ids;
    judge(&facts, profile, None)
}

fn of_check(ran: &Ran) -> (&Value, &Value) {
    (&ran.report["profiles"][0]["verdict"], &ran.report["profiles"][0]["evidence"])
}

#[test]
fn a_builder_in_the_nodes_namespace_is_proven() {
    let ran = POD.run();
    assert!(ran.built, "{}", ran.log);
    assert_eq!((of_check(&ran), ran.snapshotter.as_deref()), ((&"ready".into(), &"proven".into()), Some("overlayfs")), "{}", ran.log);
    assert_eq!(ran.left_behind, "");
    let verdict = as_agent(&ran, Profile::NoProcessSandbox, false, Fact::Absent);
    assert_eq!((verdict.ready(), verdict.evidence), (Ready::Ready, Evidence::Proven));
}

#[test]
fn the_nodes_namespace_is_not_taken_for_the_pods() {
    // A node whose map looks as if a kubelet had made it, too.
    for node in [NODE, Node { first: 1_048_576, ..NODE }] {
        let ran = Pod { node: Some(node), ..PROCMOUNT }.run();
        if node.first == NODE.first {
            assert_eq!(of_check(&ran), (&"unknown".into(), &"predicted".into()), "nothing here is such a pod: {}", ran.log);
        }
        // It asked for none, or asked and got none.
        let verdict = as_agent(&ran, Profile::ProcMount, false, Fact::Absent);
        assert_eq!((verdict.ready(), verdict.evidence), (Ready::Unknown, Evidence::Predicted));
        let verdict = as_agent(&ran, Profile::ProcMount, true, Fact::Known(node.ids.into()));
        assert_eq!(
            (verdict.ready(), verdict.evidence, verdict.decisive()),
            (Ready::NotReady, Evidence::Proven, Some(Cause::UsernsPodRuntime))
        );
    }
}

#[test]
fn a_pod_with_a_namespace_of_its_own_in_the_nodes_is_proven() {
    let ran = Pod { ids: Some(65_536), sub_ids: Some("user:1001:64535"), ..PROCMOUNT }.run();
    assert!(ran.built, "{}", ran.log);
    assert_eq!(of_check(&ran), (&"ready".into(), &"proven".into()), "{}", ran.log);
    let verdict = as_agent(&ran, Profile::ProcMount, true, Fact::Known(NODE.ids.into()));
    assert_eq!((verdict.ready(), verdict.evidence), (Ready::Ready, Evidence::Proven));
}

#[test]
fn a_node_with_few_ids_has_not_those_of_the_image() {
    let few = Pod { node: Some(Node { ids: 131_072, ..NODE }), ..POD };
    let ran = few.run();
    assert!(!ran.built, "{}", ran.log);
    assert_eq!(of_check(&ran), (&"not-ready".into(), &"proven".into()), "{}", ran.log);
    assert_eq!(ran.report["profiles"][0]["causes"][0], "nested-userns-range");
    let ran = Pod { sub_ids: Some("user:65536:65536"), ..few }.run();
    assert!(ran.built, "{}", ran.log);
    assert_eq!(of_check(&ran), (&"ready".into(), &"proven".into()), "{}", ran.log);
}
