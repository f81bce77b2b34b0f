//! What confines a builder: seccomp, AppArmor, capabilities, privileges, a masked /proc.

use super::admission;
use super::finding::{Finding, Weight, one};
use crate::cause::Cause;
use crate::pod::edit::Edit;
use crate::pod::flag::with_flag;
use crate::pod::image::Variant;
use crate::pod::start::Start;
use crate::pod::view::{Said, View};
use crate::profile::Capabilities;
use serde_json::json;
use std::collections::BTreeSet;

const NO_PROCESS_SANDBOX: &str = "--oci-worker-no-process-sandbox";

/// An edit where the field stands: a pod's field is left to the other containers, the builder's own goes before it.
fn unconfine(view: &View, field: &'static [&'static str]) -> Edit {
    Edit::Container(view.number, field, json!({"type": "Unconfined"}))
}

pub(super) fn seccomp(view: &View) -> Vec<Finding> {
    const FIELD: &[&str] = &["securityContext", "seccompProfile"];
    if view.is_privileged() {
        return vec![];
    }
    let said = view.security("seccompProfile");
    let kind = said.as_ref().and_then(|said| said.value["type"].as_str().map(str::to_owned));
    let field = said.map_or_else(|| view.path("securityContext.seccompProfile"), |Said { path, .. }| path);
    one(match kind.as_deref() {
        Some("Unconfined") => None,
        Some("Localhost") => {
            let why = "a profile of the node decides: whether it lets a builder unshare and mount is not known";
            Some(
                Finding::new(Weight::Unknown, Cause::Seccomp.id(), field, why)
                    .fix("set seccompProfile: {type: Unconfined} in the container's securityContext"),
            )
        }
        None => {
            let why = "seccompProfile is not set: builds work only where the kubelet's seccompDefault is off";
            Some(
                Finding::new(Weight::Needs, Cause::Seccomp.id(), field, why)
                    .fix("set seccompProfile: {type: Unconfined} in the container's securityContext"),
            )
        }
        Some(_) => {
            let why = "the runtime's filter refuses unshare and mount to a rootless builder";
            let fix = "set seccompProfile: {type: Unconfined} in the container's securityContext";
            Some(Finding::stops(Cause::Seccomp, field, why).fix(fix).edits([unconfine(view, FIELD)]))
        }
    })
}

pub(super) fn apparmor(view: &View) -> Vec<Finding> {
    const FIELD: &[&str] = &["securityContext", "appArmorProfile"];
    let said = view.security("appArmorProfile");
    let of_field = said.as_ref().and_then(|said| said.value["type"].as_str());
    let annotation = admission::apparmor_annotation(view);
    let of_annotation = annotation.as_ref().map(|(_, value)| match *value {
        "unconfined" => "Unconfined",
        "runtime/default" => "RuntimeDefault",
        _ => "Localhost",
    });
    let field = match (&said, annotation) {
        (Some(said), _) => said.path.clone(),
        (None, Some((path, _))) => path,
        (None, None) => view.path("securityContext.appArmorProfile"),
    };
    const FIX: &str = "set appArmorProfile: {type: Unconfined} in the container's securityContext";
    one(match of_field.or(of_annotation) {
        Some("Unconfined") => None,
        None if view.is_privileged() => None,
        // Runtimes give a privileged container no profile of theirs; the kubelet looks at the pod alone.
        Some("RuntimeDefault") if view.is_privileged() => {
            let why = "a node without AppArmor refuses a pod with an AppArmor profile, and nodes do not tell whether they have it";
            Some(Finding::new(Weight::Unknown, Cause::ApparmorProfile.id(), field, why).fix(FIX))
        }
        Some("Localhost") => {
            let why = "a profile of the node decides: whether it lets a builder make user namespaces and mount is not known";
            Some(Finding::new(Weight::Unknown, Cause::ApparmorProfile.id(), field, why).fix(FIX))
        }
        None => {
            let why = "appArmorProfile is not set: builds work only on nodes without AppArmor";
            Some(Finding::new(Weight::Needs, Cause::ApparmorProfile.id(), field, why).fix(FIX))
        }
        Some(_) => {
            let why = "the runtime's AppArmor profile refuses mounts to a rootless builder, and a node without AppArmor refuses the pod";
            Some(Finding::stops(Cause::ApparmorProfile, field, why).fix(FIX).edits([unconfine(view, FIELD)]))
        }
    })
}

pub(super) fn capabilities(view: &View) -> Vec<Finding> {
    let capabilities = Capabilities::of(&view.container()["securityContext"]["capabilities"]);
    let missing = capabilities.missing_for_helpers();
    // A privileged container has all capabilities, also those that it drops (measured, containerd 2.4).
    if view.is_privileged() || view.is_root() || missing.is_empty() {
        return vec![];
    }
    let why = format!("newuidmap and newgidmap have no {}: they can't write the maps of a user namespace", missing.join(" and no "));
    let is_helpers = |name: &&str| Capabilities::OF_HELPERS.contains(name);
    let add: BTreeSet<_> = capabilities.add.iter().map(String::as_str).chain(Capabilities::OF_HELPERS).collect();
    let drop: Vec<_> = capabilities.drop.iter().map(String::as_str).filter(|name| !is_helpers(name)).collect();
    let edits = [
        Edit::Container(view.number, &["securityContext", "capabilities", "add"], json!(add)),
        Edit::Container(view.number, &["securityContext", "capabilities", "drop"], json!(drop)),
    ];
    let finding = Finding::stops(Cause::CapsDropped, view.path("securityContext.capabilities"), why);
    vec![finding.fix("add SETUID and SETGID to capabilities.add").edits(edits)]
}

pub(super) fn privilege_escalation(view: &View) -> Vec<Finding> {
    let is_off = view.container()["securityContext"]["allowPrivilegeEscalation"] == false;
    let finding = || {
        let why = "with allowPrivilegeEscalation: false newuidmap gets no capability from its file";
        // Said aloud: what is not said, an admission controller may add.
        let edit = Edit::Container(view.number, &["securityContext", "allowPrivilegeEscalation"], json!(true));
        Finding::stops(Cause::NoNewPrivs, view.path("securityContext.allowPrivilegeEscalation"), why)
            .fix("set allowPrivilegeEscalation: true, or remove it")
            .edits([edit])
    };
    one((is_off && !view.is_privileged() && !view.is_root()).then(finding))
}

/// Each step mounts a /proc of its own, which the kernel allows only where nothing covers the one that is there.
pub(super) fn masked_proc(view: &View) -> Vec<Finding> {
    if view.is_privileged() || view.is_root() || view.is_unmasked() || !view.has_process_sandbox() || view.variant == Variant::Rootful {
        return vec![];
    }
    let is_daemonless = matches!(view.start, Start::Daemonless | Start::Later);
    let why = format!("without {NO_PROCESS_SANDBOX} each step mounts a fresh /proc, which the masks of the container's /proc forbid");
    let fix = if is_daemonless {
        format!("set the variable BUILDKITD_FLAGS to {NO_PROCESS_SANDBOX}")
    } else {
        format!("give buildkitd {NO_PROCESS_SANDBOX}")
    };
    let field = if is_daemonless { "env" } else { "args" };
    Vec::from([Finding::stops(Cause::MaskedProc, view.path(field), why).fix(fix).edits(with_flag(view, NO_PROCESS_SANDBOX))])
}
