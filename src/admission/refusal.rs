//! Who refused a pod, and what would allow it.

use super::finding::{Finding, Obstacle};
use super::remedy::{WEBHOOKS, account, constraint};
use crate::pod::level_that_admits;
use serde_json::Value;

/// What a refusal says of itself before its own words: `pods "buildkitd-" is forbidden: `.
fn own_words(message: &str) -> &str {
    [" is forbidden: ", " is invalid: "].iter().find_map(|mark| message.split_once(mark)).map_or(message, |(_, words)| words)
}

/// What to do about an admission policy that refuses.
const EXEMPT: &str = "exempt builders in this namespace from the policy, or from its binding";

/// What stands in quotes after a word.
fn quoted<'a>(text: &'a str, before: &str, quote: char) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(quote)?.1.split_once(quote).map(|(name, _)| name)
}

/// Explains a refusal of a pod. None: nobody refused it, the request itself failed.
///
/// By texts of the API server, which has no other way to tell who it was: apiserver/pkg/admission/plugin (webhooks, policies,
/// quotas), plugin/pkg/admission (LimitRanges, service accounts), pod-security-admission/admission, endpoints/handlers.
pub(super) fn explain(code: u16, message: &str, sent: &Value, namespace: &str) -> Option<Finding> {
    let words = own_words(message);
    let finding = |obstacle, by: Option<&str>, fix: String| Finding {
        obstacle,
        by: by.map(str::to_owned),
        change: None,
        gate: None,
        message: words.to_owned(),
        fix: Some(fix),
    };
    let says = |text: &str| message.contains(text);
    if code == 404 && message.starts_with("namespaces ") {
        let fix = "create the namespace: `buildkit-preflight render builder` prints it with the label for privileged pods; or name an existing namespace that has this label with --namespace";
        return Some(finding(Obstacle::NamespaceMissing, None, fix.into()));
    }
    if says("cannot create resource \"pods\"") {
        let fix =
            format!("ask for the right to create pods in namespace {namespace}: kubectl auth can-i create pods --namespace {namespace}");
        return Some(finding(Obstacle::NoRight, Some("RBAC"), fix));
    }
    if says("violates PodSecurity") {
        let level = quoted(words, "violates PodSecurity ", '"').map(|level| level.split(':').next().unwrap_or(level));
        let enough = level_that_admits(sent, level);
        let fix = format!("kubectl label namespace {namespace} pod-security.kubernetes.io/enforce={enough} --overwrite");
        return Some(finding(Obstacle::PodSecurity, level, fix));
    }
    if says("does not support dry run") {
        let webhook = quoted(message, "admission webhook ", '"');
        let fix = "declare `sideEffects: None` for the webhook, or try a real pod";
        return Some(finding(Obstacle::NoDryRun, webhook, fix.into()));
    }
    if let Some(name) = quoted(message, "admission webhook ", '"') {
        let known = WEBHOOKS.iter().find(|webhook| name.contains(webhook.part));
        return Some(finding(Obstacle::Webhook, Some(name), known.map(|webhook| (webhook.fix)(namespace)).unwrap_or_default()));
    }
    if let Some(name) = quoted(message, "failed calling webhook ", '"') {
        let fix = "fix the webhook: while it is down, no pod can be created in this namespace";
        return Some(finding(Obstacle::Webhook, Some(name), fix.into()));
    }
    for mark in ["ValidatingAdmissionPolicy ", "MutatingAdmissionPolicy "] {
        if let Some(name) = quoted(message, mark, '\'') {
            return Some(finding(Obstacle::AdmissionPolicy, Some(name), EXEMPT.into()));
        }
    }
    for mark in ["exceeded quota: ", "failed quota: "] {
        if let Some((_, rest)) = message.split_once(mark) {
            let name = rest.split([',', ':']).next();
            return Some(finding(
                Obstacle::Quota,
                name,
                "raise the quota, delete what uses the quota, or change the builder's resources".into(),
            ));
        }
    }
    // The builder asks for resources and sets no limit: one that is too low is a LimitRange's.
    let limited = code == 422 && words.contains("resources.requests") && words.contains("must be less than or equal to");
    if limited || says(" usage per ") || says("limit to request ratio per ") {
        let fix = format!("change the builder's resources or the LimitRange: kubectl describe limitrange --namespace {namespace}");
        return Some(finding(Obstacle::LimitRange, None, fix));
    }
    if says("security context constraint") {
        return Some(finding(Obstacle::SecurityContextConstraint, None, constraint(sent, namespace)));
    }
    if says("error looking up service account") {
        let account = account(sent);
        let made = if account == "default" { " (a controller creates it in a new namespace)" } else { "" };
        let fix = format!("kubectl create serviceaccount {account} --namespace {namespace}{made}");
        return Some(finding(Obstacle::ServiceAccount, None, fix));
    }
    if says("because it is being terminated") {
        return Some(finding(Obstacle::NamespaceMissing, None, "wait until the namespace is deleted, then create it again".into()));
    }
    match code {
        422 if says("privileged: Forbidden: disallowed by cluster policy") => {
            Some(finding(Obstacle::Validation, None, "start kube-apiserver with --allow-privileged=true".into()))
        }
        422 => Some(Finding { fix: None, ..finding(Obstacle::Validation, None, String::new()) }),
        403 => Some(Finding { fix: None, ..finding(Obstacle::Admission, None, String::new()) }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_that_is_proposed_is_the_strictest_that_admits_the_pod() {
        let words = |level: &str| format!("pods \"b\" is forbidden: violates PodSecurity \"{level}:latest\": something");
        let fix = |level: &str, spec: Value| {
            let pod = serde_json::json!({"metadata": {}, "spec": spec});
            explain(403, &words(level), &pod, "builds").and_then(|finding| finding.fix).expect("a fix")
        };
        let container = |context: Value| serde_json::json!({"containers": [{"securityContext": context}]});
        let plain = container(serde_json::json!({"runAsUser": 1000, "capabilities": {"add": ["SETUID"]}}));
        assert!(fix("restricted", plain.clone()).contains("enforce=baseline "));
        assert!(fix("baseline", plain).contains("enforce=privileged "), "some other control refuses it");
        for context in [
            serde_json::json!({"privileged": true}),
            serde_json::json!({"procMount": "Unmasked"}),
            serde_json::json!({"seccompProfile": {"type": "Unconfined"}}),
            serde_json::json!({"capabilities": {"add": ["SYS_ADMIN"]}}),
        ] {
            assert!(fix("restricted", container(context.clone())).contains("enforce=privileged "), "{context}");
        }
        assert!(fix("restricted", serde_json::json!({"volumes": [{"hostPath": {"path": "/x"}}]})).contains("enforce=privileged "));
    }

    fn explained(code: u16, message: &str) -> (Obstacle, Option<String>, String) {
        let finding = explain(code, message, &Value::Null, "builds").unwrap_or_else(|| panic!("{message}"));
        (finding.obstacle, finding.by, finding.fix.unwrap_or_default())
    }

    #[test]
    fn who_refused_is_known_by_its_words() {
        for (code, message, obstacle, by, fix) in [
            (404, "namespaces \"builds\" not found", Obstacle::NamespaceMissing, None, "--namespace"),
            (
                403,
                "pods is forbidden: User \"jane\" cannot create resource \"pods\" in API group \"\" in the namespace \"builds\"",
                Obstacle::NoRight,
                Some("RBAC"),
                "kubectl auth can-i create pods --namespace builds",
            ),
            (
                403,
                "pods \"buildkitd-x\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"buildkitd\" must set ...)",
                Obstacle::PodSecurity,
                Some("restricted"),
                "kubectl label namespace builds pod-security.kubernetes.io/enforce=baseline --overwrite",
            ),
            (400, "admission webhook \"a.example.com\" does not support dry run", Obstacle::NoDryRun, Some("a.example.com"), "sideEffects"),
            (
                403,
                "admission webhook \"a.example.com\" denied the request: no root here",
                Obstacle::Webhook,
                Some("a.example.com"),
                "exempt",
            ),
            (
                400,
                "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/buildkit/buildkitd-x was blocked due to the following policies \n\nrestrict-seccomp:\n  check-seccomp: 'validation error: Use of custom Seccomp profiles is disallowed.'\n",
                Obstacle::Webhook,
                Some("validate.kyverno.svc-fail"),
                "PolicyException of Kyverno for builders in namespace builds",
            ),
            (
                403,
                "admission webhook \"validation.gatekeeper.sh\" denied the request: [psp-seccomp] Seccomp profile 'unconfined' is not allowed for container 'buildkitd'.",
                Obstacle::Webhook,
                Some("validation.gatekeeper.sh"),
                "add builds to spec.match.excludedNamespaces of the constraint",
            ),
            (
                400,
                "admission webhook \"warden-validating.common-webhooks.networking.gke.io\" denied the request: GKE Warden rejected the request because it violates one or more constraints.",
                Obstacle::Webhook,
                Some("warden-validating.common-webhooks.networking.gke.io"),
                "GKE Standard",
            ),
            (
                500,
                "Internal error occurred: failed calling webhook \"a.example.com\": failed to call webhook: Post \"https://a.b.svc:443/\": context deadline exceeded",
                Obstacle::Webhook,
                Some("a.example.com"),
                "fix the webhook",
            ),
            (
                422,
                "pods \"buildkitd-x\" is forbidden: ValidatingAdmissionPolicy 'no-root' with binding 'all' denied request: failed expression: false",
                Obstacle::AdmissionPolicy,
                Some("no-root"),
                "binding",
            ),
            (
                403,
                "pods \"buildkitd-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4",
                Obstacle::Quota,
                Some("small"),
                "raise",
            ),
            (
                403,
                "pods \"b\" is forbidden: failed quota: small: must specify limits.cpu for: buildkitd",
                Obstacle::Quota,
                Some("small"),
                "raise",
            ),
            (
                403,
                "pods \"b\" is forbidden: [minimum memory usage per Container is 1Gi, but request is 256Mi]",
                Obstacle::LimitRange,
                None,
                "kubectl describe limitrange --namespace builds",
            ),
            (
                422,
                "Pod \"b\" is invalid: spec.containers[0].resources.requests: Invalid value: \"256Mi\": must be less than or equal to memory limit of 1Mi",
                Obstacle::LimitRange,
                None,
                "kubectl describe limitrange --namespace builds",
            ),
            (
                403,
                "pods \"b\" is forbidden: unable to validate against any security context constraint: [...]",
                Obstacle::SecurityContextConstraint,
                None,
                "--namespace builds",
            ),
            (
                403,
                "pods \"b\" is forbidden: error looking up service account builds/default: serviceaccount \"default\" not found",
                Obstacle::ServiceAccount,
                None,
                "create serviceaccount default",
            ),
            (
                403,
                "pods \"b\" is forbidden: unable to create new content in namespace builds because it is being terminated",
                Obstacle::NamespaceMissing,
                None,
                "create it again",
            ),
            (
                422,
                "Pod \"b\" is invalid: spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy",
                Obstacle::Validation,
                None,
                "--allow-privileged",
            ),
            (403, "pods \"b\" is forbidden: PodNodeSelector says no", Obstacle::Admission, None, ""),
        ] {
            let (seen, who, how) = explained(code, message);
            assert_eq!((seen, who.as_deref()), (obstacle, by), "{message}");
            assert!(how.contains(fix), "{message}: {how}");
        }
    }

    #[test]
    fn the_constraint_for_nested_containers_comes_before_the_privileged_one() {
        let message = "pods \"b\" is forbidden: unable to validate against any security context constraint: [...]";
        let fix = |host_users: bool, privileged: bool| {
            let container = serde_json::json!({"securityContext": {"privileged": privileged}});
            let sent = serde_json::json!({"spec": {"hostUsers": host_users, "containers": [container]}});
            explain(403, message, &sent, "builds").and_then(|finding| finding.fix).unwrap_or_default()
        };
        assert!(
            fix(false, false).starts_with("oc adm policy add-scc-to-user nested-container --serviceaccount default --namespace builds")
        );
        for (host_users, privileged) in [(true, true), (false, true)] {
            assert_eq!(fix(host_users, privileged), "oc adm policy add-scc-to-user privileged --serviceaccount default --namespace builds");
        }
        // It wants hostUsers: false.
        assert!(fix(true, false).find("nested-container") < fix(true, false).find("add-scc-to-user privileged"));
    }

    #[test]
    fn a_request_that_failed_is_no_refusal() {
        for (code, message) in
            [(401, "Unauthorized"), (429, "too many requests"), (500, "etcdserver: request timed out"), (404, "page not found")]
        {
            assert_eq!(explain(code, message, &Value::Null, "builds"), None, "{message}");
        }
    }

    #[test]
    fn a_message_is_shown_without_the_pods_name() {
        let message = "pods \"buildkitd-x7\" is forbidden: exceeded quota: q, requested: pods=1";
        assert_eq!(explain(403, message, &Value::Null, "n").expect("a finding").message, "exceeded quota: q, requested: pods=1");
        assert_eq!(own_words("Pod \"b\" is invalid: spec.x: y"), "spec.x: y");
    }
}
