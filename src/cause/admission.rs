//! Causes by which the API server does not let a builder's pod through.

#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Level, Mark, Row};

pub(super) const ROWS: &[Row] = &[POLICY, PROC_MOUNT];

const POLICY: Row = Row {
    cause: Cause::AdmissionPolicy,
    title: "an admission policy refuses the builder's pod",
    level: Level::Cluster,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/admission-policy.md"),
    remedy: |_| {
        Remedy::new("run `buildkit-preflight check -f FILE --cluster` with the builder's manifest: it names who refuses the pod, and what allows it")
            .note("or use the profile baseline, which needs no Unconfined")
    },
    #[cfg(test)]
    example: Example::log(
        "Error creating: pods \"buildkitd-5\" is forbidden: violates PodSecurity \"baseline:latest\": seccompProfile (pod must not set type to Unconfined)",
    ),
};

const PROC_MOUNT: Row = Row {
    cause: Cause::ProcmountAdmission,
    title: "the API server refuses procMount: Unmasked without hostUsers: false",
    level: Level::Cluster,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/procmount-admission.md"),
    remedy: |_| {
        Remedy::new("remove procMount: Unmasked, and run buildkitd with --oci-worker-no-process-sandbox")
            .note("or set hostUsers: false beside procMount: Unmasked, on nodes with the label procmount=ready")
    },
    #[cfg(test)]
    example: Example::log(
        "spec.containers[0].securityContext.procMount: Invalid value: \"Unmasked\": `hostUsers` must be false to use `Unmasked`",
    ),
};
