use super::*;
use crate::build::stages::StageKind;
use proptest::prelude::*;
use serde_json::json;

fn stages() -> Vec<Stage> {
    let stage = |name: &str, kind| Stage { container: name.into(), name: name.into(), image: "i".into(), kind };
    vec![stage("a", StageKind::Credentials), stage("b", StageKind::Source), stage("c", StageKind::Step)]
}

fn pod(a: Value, b: Value, c: Value) -> Value {
    let status = |name: &str, state: Value| json!({"name": name, "state": state});
    json!({
        "metadata": {"name": "p"},
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "initContainerStatuses": [status("a", a), status("b", b)],
            "containerStatuses": [status("c", c)],
        },
    })
}

fn ended(code: i64) -> Value {
    json!({"terminated": {"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }, "message": "m"}})
}

fn waits(reason: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": "because"}})
}

fn runs() -> Value {
    json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}})
}

#[test]
fn the_first_container_that_is_not_done_tells() {
    let initializing = || json!({"waiting": {"reason": "PodInitializing"}});
    let exited = |stage, code| Phase::Failed(Failure::Exited { stage, code, reason: "Error".into(), message: "m".into() });
    let stuck = |stage, reason: &str| Phase::Failed(Failure::CannotStart { stage, reason: reason.into(), message: "because".into() });
    for (pod, wanted) in [
        (pod(waits("PodInitializing"), initializing(), initializing()), Phase::Waiting("PodInitializing: because".into())),
        (pod(runs(), initializing(), initializing()), Phase::Running(0)),
        (pod(ended(0), runs(), initializing()), Phase::Running(1)),
        (pod(ended(0), ended(128), initializing()), exited(1, 128)),
        (pod(ended(0), ended(0), initializing()), Phase::Waiting("PodInitializing".into())),
        (pod(ended(0), ended(0), runs()), Phase::Running(2)),
        (pod(ended(0), ended(0), ended(1)), exited(2, 1)),
        (pod(ended(0), ended(0), ended(0)), Phase::Done("m".into())),
        (pod(waits("ErrImagePull"), initializing(), initializing()), stuck(0, "ErrImagePull")),
        (pod(ended(0), ended(0), waits("CreateContainerConfigError")), stuck(2, "CreateContainerConfigError")),
        (json!({}), Phase::Waiting("Pending".into())),
        (json!({"status": {"phase": "Pending"}}), Phase::Waiting("Pending".into())),
        (
            json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]}}),
            Phase::Waiting("Unschedulable: 0/2 nodes".into()),
        ),
    ] {
        assert_eq!(phase(&pod, &stages()), wanted, "{pod}");
    }
}

#[test]
fn what_ends_a_pod_from_outside_is_not_its_steps_fault() {
    let failed = |reason: &str, message: &str| Phase::Failed(Failure::Ended { reason: reason.into(), message: message.into() });
    let with = |change: &dyn Fn(&mut Value), last: Value| {
        let mut pod = pod(ended(0), ended(0), last);
        change(&mut pod);
        phase(&pod, &stages())
    };
    let evict = |pod: &mut Value| {
        pod["status"]["phase"] = "Failed".into();
        pod["status"]["reason"] = "Evicted".into();
        pod["status"]["message"] = "low on memory".into();
    };
    let delete = |pod: &mut Value| pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let drain = |pod: &mut Value| {
        delete(pod);
        pod["status"]["conditions"] =
            json!([{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "x"}]);
    };
    let time_out = |pod: &mut Value| {
        evict(pod);
        pod["status"]["reason"] = "DeadlineExceeded".into();
    };
    assert_eq!(with(&evict, ended(137)), failed("Evicted", "low on memory"));
    assert_eq!(with(&delete, ended(137)), failed("Deleted", ""));
    assert_eq!(with(&delete, runs()), failed("Deleted", ""));
    assert_eq!(with(&drain, runs()), failed("EvictionByEvictionAPI", "x"));
    assert_eq!(with(&time_out, ended(137)), Phase::Failed(Failure::TimedOut));
    assert_eq!(with(&drain, ended(0)), Phase::Done("m".into()), "it was done before");
}

proptest! {
    #[test]
    fn any_status_is_taken(text in "\\PC{0,9}", code in any::<i64>(), which in 0usize..6) {
        let odd = [json!(null), json!([]), json!(text), json!(code), json!({"terminated": text}), json!({"terminated": {"exitCode": text}})];
        let mut given = pod(ended(0), ended(code), odd[which].clone());
        let _ = phase(&given, &stages());
        given["status"]["conditions"] = odd[which].clone();
        let _ = phase(&given, &stages());
        given["status"] = odd[which].clone();
        let _ = phase(&given, &stages());
        let _ = phase(&odd[which], &stages());
    }
}
