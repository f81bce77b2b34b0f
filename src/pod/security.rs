//! What the levels of Pod Security let a pod ask for.

use serde_json::Value;

/// What Pod Security's level *baseline* lets a container add to the runtime's capabilities.
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The strictest level of Pod Security that admits a pod which `refused` does not. By what builders ask for of the controls of
/// kubernetes.io/docs/concepts/security/pod-security-standards.
pub(crate) fn level_that_admits(pod: &Value, refused: Option<&str>) -> &'static str {
    if refused != Some("restricted") {
        return "privileged";
    }
    let spec = &pod["spec"];
    let of_pod = ["hostNetwork", "hostPID", "hostIPC"].iter().any(|field| spec[*field] == true)
        || list(&spec["volumes"]).any(|volume| volume["hostPath"].is_object())
        || is_unconfined(&spec["securityContext"])
        || pod["metadata"]["annotations"].as_object().into_iter().flatten().any(|(_, value)| value == "unconfined");
    let of_container = |container: &Value| {
        let context = &container["securityContext"];
        let is_added = |name: &Value| !BASELINE_CAPABILITIES.iter().any(|allowed| name == allowed);
        context["privileged"] == true
            || context["procMount"] == "Unmasked"
            || is_unconfined(context)
            || list(&context["capabilities"]["add"]).any(is_added)
            || list(&container["ports"]).any(|port| port["hostPort"].as_u64().is_some_and(|port| port > 0))
    };
    let mut containers = list(&spec["initContainers"]).chain(list(&spec["containers"]));
    if of_pod || containers.any(of_container) { "privileged" } else { "baseline" }
}

/// Whether a level refuses a builder's pod. None passes *restricted*: newuidmap needs privileges that this level takes away.
pub(super) fn refuses(level: &str, pod: &Value) -> bool {
    match level {
        "restricted" => true,
        "baseline" => level_that_admits(pod, Some("restricted")) == "privileged",
        _ => false,
    }
}

fn is_unconfined(context: &Value) -> bool {
    ["seccompProfile", "appArmorProfile"].iter().any(|field| context[*field]["type"] == "Unconfined")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_unconfined_pods_need() {
        let pod = |context: Value| json!({"spec": {"containers": [{"securityContext": context}]}});
        for (level, context, refused) in [
            ("baseline", json!({"seccompProfile": {"type": "Unconfined"}}), true),
            ("baseline", json!({}), false),
            ("restricted", json!({}), true),
            ("privileged", json!({"privileged": true}), false),
            ("unheard-of", json!({"privileged": true}), false),
        ] {
            assert_eq!(refuses(level, &pod(context.clone())), refused, "{level} {context}");
        }
    }
}
