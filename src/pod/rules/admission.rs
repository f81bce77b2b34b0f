//! What the API server refuses, and what it takes and nobody heeds.

use super::finding::{Finding, Weight, one};
use crate::cause::Cause;
use crate::pod::edit::Edit;
use crate::pod::image;
use crate::pod::security::{self, level_that_admits};
use crate::pod::view::View;
use serde_json::json;

/// <https://kubernetes.io/docs/tutorials/security/apparmor/>: before the field there was an annotation for each container.
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
/// Heeded until Kubernetes 1.26.
const SECCOMP: [&str; 2] = ["container.seccomp.security.alpha.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/pod"];

/// The value of the AppArmor annotation for this container.
pub(super) fn apparmor_annotation<'a>(view: &View<'a>) -> Option<(String, &'a str)> {
    let key = format!("{APPARMOR}{}", view.name());
    let value = view.workload.annotations[&key].as_str()?;
    Some((format!("metadata.annotations[{key}]"), value))
}

pub(super) fn annotations(view: &View) -> Vec<Finding> {
    let keys = view.workload.annotations.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(|(key, _)| key);
    let names = |list: &str| view.workload.spec[list].as_array().into_iter().flatten().filter_map(|container| container["name"].as_str());
    let is_there = |name: &str| ["containers", "initContainers"].iter().any(|list| names(list).any(|there| there == name));
    let finding = |key: &String| {
        let field = format!("metadata.annotations[{key}]");
        if let Some(name) = key.strip_prefix(APPARMOR).filter(|name| !is_there(name)) {
            let right = format!("{APPARMOR}{}", view.name());
            let why = format!("the pod has no container `{name}`: the API server refuses it");
            let finding = Finding::new(Weight::Stops, "invalid-pod", field, why);
            let value = view.workload.annotations[key].as_str().map(str::to_owned);
            return Some(
                finding
                    .fix(format!("name the builder's container in the annotation ({right}), or set appArmorProfile in its securityContext"))
                    .edits([Edit::Annotation(key.clone(), None), Edit::Annotation(right, value)]),
            );
        }
        SECCOMP.iter().any(|old| key.starts_with(old)).then(|| {
            let why = "Kubernetes 1.27 and later do not heed this annotation";
            Finding::new(Weight::Advice, "seccomp", field, why)
                .fix("set seccompProfile: {type: Unconfined} in the container's securityContext")
        })
    };
    keys.filter_map(finding).collect()
}

/// Fields that the API server refuses beside each other.
pub(super) fn contradictions(view: &View) -> Vec<Finding> {
    let invalid = |field: &str, why: &str| Finding::new(Weight::Stops, "invalid-pod", view.path(&format!("securityContext.{field}")), why);
    if view.is_unmasked() && !view.has_pod_user_namespace() {
        let why = "procMount: Unmasked is refused by the API server where hostUsers is not false";
        let fix = "remove it, and give buildkitd --oci-worker-no-process-sandbox";
        let edits = [Edit::Container(view.number, &["securityContext", "procMount"], serde_json::Value::Null)];
        return vec![Finding::stops(Cause::ProcmountAdmission, view.path("securityContext.procMount"), why).fix(fix).edits(edits)];
    }
    let escalation = view.container()["securityContext"]["allowPrivilegeEscalation"] == false;
    let both = || {
        invalid("allowPrivilegeEscalation", "a privileged container can't have allowPrivilegeEscalation: false: the API server refuses it")
    };
    let edit = Edit::Container(view.number, &["securityContext", "allowPrivilegeEscalation"], serde_json::Value::Null);
    one((view.is_privileged() && escalation).then(|| both().fix("remove allowPrivilegeEscalation: false").edits([edit])))
}

/// The level of Pod Security that stands in the same file.
pub(super) fn pod_security(view: &View) -> Vec<Finding> {
    let pod = json!({"metadata": {"annotations": view.workload.annotations}, "spec": view.workload.spec});
    let level = view.workload.enforced.as_deref().filter(|level| security::refuses(level, &pod));
    let finding = |level: &str| {
        let why = format!("the namespace enforces Pod Security {level}, which refuses this pod");
        let enough = level_that_admits(&pod, Some(level));
        Finding::stops(Cause::AdmissionPolicy, view.workload.pod_path("securityContext"), why)
            .fix(format!("give the namespace the label pod-security.kubernetes.io/enforce: {enough}"))
    };
    one(level.map(finding))
}

pub(super) fn floating_tag(view: &View) -> Vec<Finding> {
    let finding = || {
        let why = "the tag is moved to other versions: two nodes may run two of them";
        Finding::new(Weight::Advice, "floating-tag", view.path("image"), why).fix("name a version, such as moby/buildkit:v0.33.1-rootless")
    };
    one((!view.image.is_empty() && image::floats(view.image)).then(finding))
}
