//! From an answer to what became of the pod.

use super::compare::{self, Change, Difference};
use super::finding::{Finding, Obstacle, Outcome};
use super::{changer, kept, refusal};
use crate::check::kubernetes::{GATES, Gate};
use crate::fact::KubeVersion;
use crate::pod::{Builder, Finding as Found, Judged, Weight, Workload};
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

/// Explains an answer about a pod of ours, whose proofs on nodes are of its very shape. `sent` is the pod, `kubernetes` the API
/// server's version as it tells it. None: nothing about the pod was answered, the request itself failed.
pub fn judge(answer: &Answer, sent: &Value, namespace: &str, kubernetes: &str) -> Option<Admission> {
    let workload = Workload::of_pod(sent);
    let asked = Asked { builder: Builder::first(&workload), sent, namespace, minor: minor(kubernetes), is_ours: true };
    asked.explain(answer)
}

/// The same of somebody's builder, whose pod was sent. An obstacle is what stops its builds, and nothing else.
pub fn judge_builder(answer: &Answer, builder: &Builder, sent: &Value, namespace: &str, kubernetes: &str) -> Option<Admission> {
    Asked { builder: *builder, sent, namespace, minor: minor(kubernetes), is_ours: false }.explain(answer)
}

fn minor(kubernetes: &str) -> Option<u32> {
    KubeVersion::try_from(kubernetes.to_owned()).ok().and_then(|version| version.minor())
}

/// What was asked.
struct Asked<'a> {
    builder: Builder<'a>,
    sent: &'a Value,
    namespace: &'a str,
    /// Of the API server's version.
    minor: Option<u32>,
    /// Whether nodes are proven for this very pod.
    is_ours: bool,
}

impl Asked<'_> {
    fn explain(&self, answer: &Answer) -> Option<Admission> {
        match answer {
            Answer::Made { pod, warnings } => Some(self.made(pod, warnings)),
            Answer::Refused { code, message } => {
                let finding = self.gate_refused(refusal::explain(*code, message, self.sent, self.namespace)?, message);
                let outcome = if finding.obstacle.tells_nothing() { Outcome::Unknown } else { Outcome::Refused };
                Some(Admission { outcome, findings: vec![finding], notes: Vec::new(), warnings: Vec::new() })
            }
        }
    }

    /// It was false when it was sent: fields are dropped before they are validated.
    fn gate_refused(&self, finding: Finding, message: &str) -> Finding {
        let host_users = self.sent["spec"]["hostUsers"] == false && message.contains("`hostUsers` must be false");
        match GATES.first().filter(|gate| host_users && self.minor.is_none_or(|minor| minor < gate.locked)) {
            Some(gate) => Finding {
                obstacle: Obstacle::FeatureGate,
                gate: Some(gate.name.into()),
                message: format!("spec.hostUsers: false was sent but dropped, so the rest is invalid: {}", finding.message),
                fix: Some(fix(gate)),
                ..finding
            },
            None => finding,
        }
    }

    fn made(&self, got: &Value, warnings: &[String]) -> Admission {
        let differences = compare::differences(self.sent, got);
        let of_guard = |difference: &Difference| difference.of_guard().filter(|_| self.is_ours);
        let whole = differences.iter().filter_map(of_guard).fold(got.clone(), |pod, difference| difference.made_in(&pod));
        let made_in = |difference: &Difference, pod: &Value| of_guard(difference).as_ref().unwrap_or(difference).made_in(pod);
        let (before, after) = (self.builder.judge_returned(self.sent), self.builder.judge_returned(&whole));
        // A shape of ours is proven as it is: what a node decides about another one, nobody has proven.
        let counts = |found: &Found| {
            found.weight == Weight::Stops || found.weight == Weight::Unknown || self.is_ours && found.weight == Weight::Needs
        };
        let is_in =
            |judged: &Judged, found: &Found| judged.findings.iter().any(|other| (other.cause, other.weight) == (found.cause, found.weight));
        let mut new: Vec<_> = after.findings.iter().filter(|found| counts(found) && !is_in(&before, found)).collect();
        let is_other = self.is_ours && after.profile != before.profile;
        let mut findings = Vec::new();
        let all = new.clone();
        let mut rest = Vec::new();
        for difference in &differences {
            let alone = self.builder.judge_returned(&made_in(difference, self.sent));
            let by_it: Vec<_> = all.iter().filter(|found| is_in(&alone, found)).collect();
            new.retain(|found| !is_in(&alone, found));
            let is_obstacle =
                !by_it.is_empty() || is_other && alone.profile != before.profile || self.is_ours && !kept::is_kept(&difference.change);
            if is_obstacle {
                findings.push(self.changed(&difference.change, by_it.first().map(|found| found.message.as_str()), got));
            } else {
                rest.push(difference);
            }
        }
        // What only several changes together do is told of the last of them.
        let mut so_far = self.sent.clone();
        for difference in &differences {
            so_far = made_in(difference, &so_far);
            let together = self.builder.judge_returned(&so_far);
            let by_it = new.iter().position(|found| is_in(&together, found)).map(|at| new.remove(at));
            if let Some(found) = by_it {
                findings.push(self.changed(&difference.change, Some(&found.message), got));
                rest.retain(|other| *other != difference);
            }
        }
        let notes = rest.into_iter().filter(|difference| difference.is_told).map(|difference| told(&difference.change)).collect();
        let outcome = if findings.is_empty() { Outcome::Accepted } else { Outcome::Changed };
        Admission { outcome, findings, notes, warnings: warnings.to_vec() }
    }

    /// A change by which builds fail, and why they do where the judge of pods says it.
    fn changed(&self, change: &Change, why: Option<&str>, got: &Value) -> Finding {
        let message = told(change);
        if let Some(gate) = gate_of(change, self.minor) {
            let (gate, fix) = (Some(gate.name.to_owned()), Some(fix(gate)));
            return Finding { obstacle: Obstacle::FeatureGate, by: None, change: Some(change.clone()), gate, message, fix };
        }
        let message = [Some(message.as_str()), why].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let (by, fix) = changer::of(change, self.sent, got, self.namespace);
        Finding { obstacle: Obstacle::ChangedField, by, change: Some(change.clone()), gate: None, message, fix: Some(fix) }
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
