//! Who the builder is in its image, and which IDs it has.

use super::finding::{Finding, Weight, one};
use crate::cause::Cause;
use crate::pod::edit::Edit;
use crate::pod::flag::through_rootlesskit;
use crate::pod::image::{self, Variant};
use crate::pod::start::Start;
use crate::pod::view::View;
use crate::profile::BUILDER_UID;
use serde_json::{Value, json};

/// An image that nothing is known of.
pub(super) fn image(view: &View) -> Vec<Finding> {
    let finding = || {
        let why = "the image is not one of BuildKit's by its name: its user, its sub-UID ranges and its programs are not known";
        Finding::new(Weight::Unknown, "image", view.path("image"), why)
            .fix("run `buildkit-preflight check --guard` in this image, as `render builder` does, or name a rootless image of BuildKit")
    };
    one((view.variant == Variant::Unknown).then(finding))
}

fn path_of(view: &View, field: &str) -> String {
    view.security(field).map_or_else(|| view.path(&format!("securityContext.{field}")), |said| said.path)
}

fn as_builder(view: &View) -> Vec<Edit> {
    let mut edits = vec![
        Edit::Container(view.number, &["securityContext", "runAsUser"], json!(BUILDER_UID)),
        Edit::Container(view.number, &["securityContext", "runAsGroup"], json!(BUILDER_UID)),
    ];
    if view.workload.spec["securityContext"]["fsGroup"].is_number() {
        edits.push(Edit::Pod(&["securityContext", "fsGroup"], json!(BUILDER_UID)));
    }
    edits
}

pub(super) fn user(view: &View) -> Vec<Finding> {
    let builder = u64::from(BUILDER_UID);
    let is_daemonless = matches!(view.start, Start::Daemonless | Start::Later);
    let finding = match (view.variant, view.user()) {
        (_, Some(0)) if view.security("runAsNonRoot").is_some_and(|said| *said.value == true) => {
            let why = "the container would run as root, which runAsNonRoot forbids: the kubelet does not start it";
            Some(Finding::stops(Cause::ImageUser, path_of(view, "runAsNonRoot"), why).fix("remove runAsNonRoot, or use the rootless image"))
        }
        // Its script calls buildkitd without rootlesskit for root.
        (Variant::Rootless, Some(0)) if !(is_daemonless && view.is_privileged()) => {
            let why = "root has no range of subordinate IDs in the rootless image: rootlesskit ends";
            Some(
                Finding::stops(Cause::ImageUser, path_of(view, "runAsUser"), why)
                    .fix("set runAsUser: 1000 and runAsGroup: 1000")
                    .edits(as_builder(view)),
            )
        }
        (Variant::Rootless, Some(user)) if user != 0 && user != builder => {
            let why = format!(
                "user {user} is not in the image's /etc/passwd and /etc/subuid: newuidmap refuses it, and the image's directories are not its own"
            );
            let fix = "set runAsUser: 1000, runAsGroup: 1000 (and fsGroup: 1000 where there is one)";
            Some(Finding::stops(Cause::ImageUser, path_of(view, "runAsUser"), why).fix(fix).edits(as_builder(view)))
        }
        (Variant::Rootless, Some(user)) if user == builder && view.group() != Some(builder) => {
            let group = view.group().unwrap_or_default();
            let why = format!("group {group} is not that of the image's user: newuidmap compares it with /etc/passwd and refuses");
            let edit = Edit::Container(view.number, &["securityContext", "runAsGroup"], json!(BUILDER_UID));
            Some(Finding::stops(Cause::ImageUser, path_of(view, "runAsGroup"), why).fix("set runAsGroup: 1000").edits([edit]))
        }
        (Variant::Rootful, Some(user)) if user != 0 => {
            let why = format!("the image is the rootful one, without rootlesskit and newuidmap: user {user} can't run buildkitd in it");
            let fix = format!("use the rootless image ({}), or root in a privileged container", image::rootless(view.image));
            let edit = Edit::Container(view.number, &["image"], image::rootless(view.image).into());
            Some(Finding::stops(Cause::ImageUser, view.path("image"), why).fix(fix).edits([edit]))
        }
        _ => None,
    };
    one(finding)
}

pub(super) fn without_rootlesskit(view: &View) -> Vec<Finding> {
    let finding = || {
        let why = "buildkitd is started without rootlesskit: as a user that is not root it ends at once";
        let words = |field: &str| view.container()[field].as_array().cloned().unwrap_or_default();
        let edits = [("command", &["command"] as &'static [&'static str]), ("args", &["args"])].into_iter().filter_map(|(field, path)| {
            let before = words(field);
            let after = through_rootlesskit(&before);
            (before != after).then(|| Edit::Container(view.number, path, after.into()))
        });
        Finding::stops(Cause::WrongImageOrUid, view.path("command"), why)
            .fix("write `rootlesskit buildkitd` for `buildkitd`, or remove `command`: the rootless image's entrypoint does it")
            .edits(edits.collect::<Vec<_>>())
    };
    one((view.start == Start::Bare && !view.is_root() && view.variant != Variant::Rootful).then(finding))
}

pub(super) fn unprivileged_root(view: &View) -> Vec<Finding> {
    let finding = || {
        let why = "buildkitd as root mounts file systems and needs a privileged container";
        Finding::stops(Cause::WrongImageOrUid, view.path("securityContext.privileged"), why)
            .fix("set privileged: true (with hostUsers: false its root is not the node's), or use the rootless image")
            .edits([Edit::Container(view.number, &["securityContext", "privileged"], json!(true))])
    };
    one((view.is_root() && view.variant == Variant::Rootful && !view.is_privileged()).then(finding))
}

/// In the user namespace of a pod there are 65,536 IDs; the image's range begins at 100,000.
pub(super) fn nested_ids(view: &View) -> Vec<Finding> {
    let has_own = view.mounts().any(|(_, mount)| mount["mountPath"].as_str().is_some_and(|path| path == "/etc" || path == "/etc/subuid"));
    if view.is_root() || !view.has_pod_user_namespace() || has_own || view.variant == Variant::Unknown {
        return vec![];
    }
    let why = "the pod's user namespace has 65536 IDs; the image's range of subordinate IDs begins at 100000, beyond them";
    let fix = "remove hostUsers: false, or mount files with a range that fits on /etc/subuid and /etc/subgid, as `buildkit-preflight render builder --profile procmount` does";
    let mut edits = vec![Edit::Pod(&["hostUsers"], json!(true))];
    if view.is_unmasked() {
        edits.push(Edit::Container(view.number, &["securityContext", "procMount"], Value::Null));
    }
    vec![Finding::stops(Cause::NestedUsernsRange, view.workload.pod_path("hostUsers"), why).fix(fix).edits(edits)]
}
