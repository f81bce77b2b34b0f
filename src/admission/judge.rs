//! From an answer to what became of the pod.

use super::compare::{self, Change};
use super::finding::{Finding, Obstacle, Outcome};
use super::refusal;
use super::weigh::{Weight, weigh};
use crate::check::kubernetes::{GATES, Gate};
use crate::fact::KubeVersion;
use serde_json::Value;

/// What the API server answered to a dry run.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It would make this pod.
    Made {
        /// The pod as it would be stored.
        pod: Value,
        /// What it warns of.
        warnings: Vec<String>,
    },
    /// It would not.
    Refused {
        /// The HTTP status.
        code: u16,
        /// The whole message.
        message: String,
    },
}

/// What became of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// In a word.
    pub outcome: Outcome,
    /// Why it is not accepted.
    pub findings: Vec<Finding>,
    /// What came back otherwise than it was sent, and is no obstacle to builds.
    pub notes: Vec<String>,
    /// What the API server warns of.
    pub warnings: Vec<String>,
}

/// Explains an answer. `sent` is the pod, `kubernetes` the API server's version as it tells it. None: nothing about the pod was
/// answered, the request itself failed.
pub fn judge(answer: &Answer, sent: &Value, namespace: &str, kubernetes: &str) -> Option<Admission> {
    let minor = KubeVersion::try_from(kubernetes.to_owned()).ok().and_then(|version| version.minor());
    match answer {
        Answer::Made { pod, warnings } => {
            let is_obstacle = |change: &Change| weigh(change, sent, pod) == Weight::Obstacle;
            let (obstacles, harmless): (Vec<_>, Vec<_>) = compare::changes(sent, pod).into_iter().partition(is_obstacle);
            let findings: Vec<_> = obstacles.into_iter().map(|change| changed(change, minor)).collect();
            let notes = harmless.iter().map(told).collect();
            let outcome = if findings.is_empty() { Outcome::Accepted } else { Outcome::Changed };
            Some(Admission { outcome, findings, notes, warnings: warnings.clone() })
        }
        Answer::Refused { code, message } => {
            let mut finding = refusal::explain(*code, message, sent, namespace)?;
            // It was false when it was sent: fields are dropped before they are validated.
            let host_users = sent["spec"]["hostUsers"] == false && message.contains("`hostUsers` must be false");
            if let (true, Some(gate)) = (host_users, GATES.first().filter(|gate| minor.is_none_or(|minor| minor < gate.locked))) {
                finding.obstacle = Obstacle::FeatureGate;
                finding.gate = Some(gate.name.into());
                finding.message = format!("spec.hostUsers: false was sent but dropped, so the rest is invalid: {}", finding.message);
                finding.fix = Some(fix(gate));
            }
            let outcome = if finding.obstacle.tells_nothing() { Outcome::Unknown } else { Outcome::Refused };
            Some(Admission { outcome, findings: vec![finding], notes: Vec::new(), warnings: Vec::new() })
        }
    }
}

/// A change in words.
fn told(change: &Change) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let field = &change.field;
    match (&change.sent, &change.got) {
        (Some(sent), Some(got)) if !got.is_null() => format!("{field}: {} was sent, {} came back", plain(sent), plain(got)),
        (Some(sent), _) => format!("{field}: {} was sent, nothing came back", plain(sent)),
        (None, Some(got)) => format!("{field}: {} was added", plain(got)),
        (None, None) => field.clone(),
    }
}

fn changed(change: Change, minor: Option<u32>) -> Finding {
    let message = told(&change);
    let (obstacle, gate, fix) = match gate_of(&change, minor) {
        Some(gate) => (Obstacle::FeatureGate, Some(gate.name.to_owned()), fix(gate)),
        None => (
            Obstacle::ChangedField,
            None,
            "find the webhook or policy that changes the pod, and exempt builders from it: kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies"
                .into(),
        ),
    };
    Finding { obstacle, by: None, change: Some(change), gate, message, fix: Some(fix) }
}

/// The gate that dropped a field, if one can have done it.
fn gate_of(change: &Change, minor: Option<u32>) -> Option<&'static Gate> {
    let gone = change.sent.is_some() && change.got.as_ref().is_none_or(|got| got.is_null() || got == "Default");
    let last = change.field.rsplit('.').next();
    GATES.iter().find(|gate| gone && last == Some(gate.field) && minor.is_none_or(|minor| minor < gate.locked))
}

fn fix(gate: &Gate) -> String {
    format!("start kube-apiserver{} with --feature-gates={}=true, the default from Kubernetes 1.{} on", gate.others, gate.name, gate.on)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::title;
    use crate::profile::Profile;
    use crate::render::{BuilderOptions, builder_pod};

    fn pod(profile: Profile) -> Value {
        builder_pod(&BuilderOptions { profile, ..BuilderOptions::default() }).expect("a pod")
    }

    fn made(profile: Profile, version: &str, change: impl Fn(&mut Value)) -> Admission {
        let sent = pod(profile);
        let mut pod = sent.clone();
        change(&mut pod["spec"]);
        judge(&Answer::Made { pod, warnings: vec!["w".into()] }, &sent, "builds", version).expect("an answer")
    }

    fn refused(profile: Profile, version: &str, code: u16, message: &str) -> Option<Admission> {
        judge(&Answer::Refused { code, message: message.into() }, &pod(profile), "builds", version)
    }

    /// As an API server without both gates answers.
    fn without_gates(spec: &mut Value) {
        spec.as_object_mut().expect("a spec").remove("hostUsers");
        spec["containers"][0]["securityContext"]["procMount"] = "Default".into();
    }

    /// What API servers answered to this very pod of the profile procmount.
    fn captured(text: &str, version: &str) -> Admission {
        let object: Value = serde_json::from_str(text).expect("JSON");
        let answer = if object["kind"] == "Status" {
            let code = object["code"].as_u64().and_then(|code| code.try_into().ok()).expect("a code");
            Answer::Refused { code, message: object["message"].as_str().expect("a message").into() }
        } else {
            Answer::Made { pod: object, warnings: Vec::new() }
        };
        judge(&answer, &pod(Profile::ProcMount), "builds", version).expect("an answer about the pod")
    }

    #[test]
    fn answers_of_real_api_servers_are_understood() {
        let seen = |text, version| {
            let admission = captured(text, version);
            (admission.outcome, title(&admission.findings))
        };
        let gates = "the API server drops a field of the builder's pod (UserNamespacesSupport";
        for (text, version, outcome, why) in [
            (include_str!("captured/v1.36.json"), "v1.36.3", Outcome::Accepted, None),
            (include_str!("captured/v1.33-gates-off.json"), "v1.33.13", Outcome::Changed, Some(format!("{gates}, ProcMountType)"))),
            (include_str!("captured/v1.33-userns-off.json"), "v1.33.13", Outcome::Refused, Some(format!("{gates})"))),
            (
                include_str!("captured/v1.36-baseline.json"),
                "v1.36.3",
                Outcome::Refused,
                Some("Pod Security refuses the builder's pod (baseline)".into()),
            ),
            (include_str!("captured/v1.36-no-namespace.json"), "v1.36.3", Outcome::Unknown, Some("the namespace does not exist".into())),
        ] {
            assert_eq!(seen(text, version), (outcome, why), "{text}");
        }
    }

    #[test]
    fn a_pod_that_comes_back_as_it_was_is_accepted() {
        for profile in Profile::ALL {
            let admission = made(profile, "v1.36.3", |_| {});
            assert_eq!((admission.outcome, admission.findings.len(), admission.warnings.len()), (Outcome::Accepted, 0, 1), "{profile}");
        }
    }

    #[test]
    fn dropped_fields_are_named_with_their_gates() {
        let admission = made(Profile::ProcMount, "v1.33.13", without_gates);
        assert_eq!(admission.outcome, Outcome::Changed);
        let seen: Vec<_> = admission.findings.iter().map(|finding| (finding.gate.as_deref(), finding.message.as_str())).collect();
        assert_eq!(
            seen,
            [
                (Some("UserNamespacesSupport"), "spec.hostUsers: false was sent, nothing came back"),
                (Some("ProcMountType"), "spec.containers[buildkitd].securityContext.procMount: Unmasked was sent, Default came back"),
            ]
        );
        assert_eq!(
            title(&admission.findings).as_deref(),
            Some("the API server drops a field of the builder's pod (UserNamespacesSupport, ProcMountType)")
        );
        let fix = |number: usize| admission.findings[number].fix.clone().expect("a fix");
        assert_eq!(fix(1), "start kube-apiserver with --feature-gates=ProcMountType=true, the default from Kubernetes 1.33 on");
        assert!(fix(0).contains("kubelets") && fix(0).contains("UserNamespacesSupport=true"), "{}", fix(0));
        let apparmor = made(Profile::NoProcessSandbox, "v1.29.4+k3s1", |spec| {
            spec["containers"][0]["securityContext"].as_object_mut().expect("one").remove("appArmorProfile");
        });
        assert_eq!(apparmor.findings[0].gate.as_deref(), Some("AppArmorFields"));
        assert!(made(Profile::NoProcessSandbox, "v1.33.13", without_gates).findings.is_empty(), "it has neither");
    }

    #[test]
    fn where_a_gate_cannot_be_off_somebody_else_did_it() {
        let admission = made(Profile::ProcMount, "v1.36.3", without_gates);
        for finding in admission.findings {
            assert_eq!((finding.obstacle, finding.gate), (Obstacle::ChangedField, None));
            assert!(finding.fix.expect("a fix").contains("mutatingwebhookconfigurations"));
        }
        // Nor does a gate turn a value into another one.
        let admission = made(Profile::Userns, "v1.33.13", |spec| spec["hostUsers"] = true.into());
        assert_eq!(admission.findings[0].obstacle, Obstacle::ChangedField);
    }

    #[test]
    fn unmasked_is_invalid_where_only_the_other_gate_is_off() {
        let message = "Pod \"b\" is invalid: spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`";
        let admission = refused(Profile::ProcMount, "v1.33.13", 422, message).expect("a refusal");
        let finding = &admission.findings[0];
        assert_eq!(
            (admission.outcome, finding.obstacle, finding.gate.as_deref()),
            (Outcome::Refused, Obstacle::FeatureGate, Some("UserNamespacesSupport"))
        );
        let admission = refused(Profile::ProcMount, "v1.36.3", 422, message).expect("a refusal");
        assert_eq!(admission.findings[0].obstacle, Obstacle::Validation);
    }

    #[test]
    fn what_tells_nothing_of_the_pod_is_unknown() {
        for (code, message) in [
            (404, "namespaces \"builds\" not found"),
            (403, "pods is forbidden: User \"jane\" cannot create resource \"pods\" in API group \"\" in the namespace \"builds\""),
            (400, "admission webhook \"x\" does not support dry run"),
        ] {
            assert_eq!(
                refused(Profile::Userns, "v1.36.3", code, message).map(|admission| admission.outcome),
                Some(Outcome::Unknown),
                "{message}"
            );
        }
        assert_eq!(refused(Profile::Userns, "v1.36.3", 401, "Unauthorized"), None);
    }
}
