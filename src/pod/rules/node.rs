//! Nodes that the object asks for.

use super::finding::{Finding, Weight, one};
use crate::pod::edit::Edit;
use crate::pod::view::View;

pub(super) fn selector(view: &View) -> Vec<Finding> {
    let os = view.workload.spec["nodeSelector"]["kubernetes.io/os"].as_str();
    let finding = |os: &str| {
        let why = format!("nodes with kubernetes.io/os: {os} have no Linux: BuildKit's images do not run there");
        Finding::new(Weight::Stops, "node-selector", view.workload.pod_path("nodeSelector"), why)
            .fix("write kubernetes.io/os: linux")
            .edits([Edit::Pod(&["nodeSelector", "kubernetes.io/os"], "linux".into())])
    };
    one(os.filter(|os| *os != "linux").map(finding))
}

pub(super) fn runtime_class(view: &View) -> Vec<Finding> {
    let class = view.workload.spec["runtimeClassName"].as_str();
    let finding = |class: &str| {
        let why = format!("RuntimeClass {class}: what its runtime lets a builder do is not known, agents prove the default one");
        Finding::new(Weight::Unknown, "runtime-class", view.workload.pod_path("runtimeClassName"), why)
            .fix("try it: `buildkit-preflight check --guard` in such a pod tells")
    };
    one(class.filter(|class| !class.is_empty()).map(finding))
}
