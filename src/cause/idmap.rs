//! Causes by which the builder can't map more than its own ID.

#[cfg(test)]
use super::example::{Example, pod_user_namespace};
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Ask, Level, Row};
use crate::fact::UserNamespace;
#[cfg(test)]
use crate::fact::{CapSet, Fact};
use crate::profile::BUILDER_UID;

pub(super) const ROWS: &[Row] = &[SUBID_CONFIG, CAPS_DROPPED, NO_NEW_PRIVS, HELPER, NESTED_RANGE];

const SUBID_CONFIG: Row = Row {
    cause: Cause::SubidConfig,
    title: "the user has no usable range of subordinate IDs",
    level: Level::Image,
    marks: &[],
    forced: None,
    about: include_str!("about/subid-config.md"),
    remedy: subid_config,
    #[cfg(test)]
    example: Example::facts(|facts| facts.sub_ids.uids = Fact::Known(vec![])),
};

fn subid_config(ask: &Ask) -> Remedy {
    let ids = &ask.facts.sub_ids;
    let uid = ids.uid.known().copied().unwrap_or(BUILDER_UID);
    let is_plain = |name: &&String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let in_image = match ids.user.known().filter(is_plain) {
        Some(name) => format!("in the image: echo '{name}:100000:65536' | tee /etc/subuid > /etc/subgid"),
        None => format!(
            "in the image: echo 'user:100000:65536' | tee /etc/subuid > /etc/subgid, with the name that /etc/passwd gives user {uid}"
        ),
    };
    let home = ask.facts.own_pod.as_ref().and_then(|pod| pod.home.known());
    match home.filter(|home| home.owner != 0 && home.owner != uid) {
        // The image was made for another user.
        Some(home) => Remedy::new(format!("set runAsUser: {} and runAsGroup: {} in the securityContext", home.owner, home.group))
            .note(format!("or {in_image}")),
        None => Remedy::new(in_image),
    }
}

const CAPS_DROPPED: Row = Row {
    cause: Cause::CapsDropped,
    title: "capabilities SETUID and SETGID are dropped",
    level: Level::Pod,
    marks: &[],
    forced: Some("removes capabilities from pods that drop none"),
    about: include_str!("about/caps-dropped.md"),
    remedy: |_| Remedy::new("set securityContext.capabilities to {drop: [ALL], add: [SETUID, SETGID]}"),
    #[cfg(test)]
    example: Example::facts(|facts| facts.process.bounding_set = Fact::Known(CapSet(0))),
};

const NO_NEW_PRIVS: Row = Row {
    cause: Cause::NoNewPrivs,
    title: "newuidmap can't gain privileges (no_new_privs)",
    level: Level::Pod,
    marks: &[],
    forced: Some("sets no_new_privs for pods without allowPrivilegeEscalation: false"),
    about: include_str!("about/no-new-privs.md"),
    remedy: |_| Remedy::new("remove allowPrivilegeEscalation: false from the container's securityContext"),
    #[cfg(test)]
    example: Example::facts(|facts| facts.process.no_new_privs = Fact::Known(true)),
};

const HELPER: Row = Row {
    cause: Cause::IdmapHelper,
    title: "newuidmap or newgidmap is missing or unprivileged",
    level: Level::Image,
    marks: &[],
    forced: None,
    about: include_str!("about/idmap-helper.md"),
    remedy: |_| {
        Remedy::new("in the image: setcap cap_setuid=ep /usr/bin/newuidmap && setcap cap_setgid=ep /usr/bin/newgidmap")
            .note("COPY from a local context loses file capabilities: set the capabilities with RUN in the final stage")
    },
    #[cfg(test)]
    example: Example::facts(|facts| facts.newuidmap = Fact::Absent),
};

const NESTED_RANGE: Row = Row {
    cause: Cause::NestedUsernsRange,
    title: "the sub-UID range is outside the pod's IDs",
    level: Level::Image,
    marks: &[],
    forced: None,
    about: include_str!("about/nested-userns-range.md"),
    remedy: |ask| {
        let note = match ask.facts.user_namespace() {
            // No kubelet gives these.
            Some(UserNamespace::Nodes) => {
                "or keep the stock range and give the node itself 165536 IDs or more: in LXC by lxc.idmap, in a rootless kind by its user's /etc/subuid"
            }
            _ => {
                "or keep the stock range and give pods 196608 IDs: set userNamespaces.idsPerPod of the kubelet; in the node's /etc/subuid and /etc/subgid give the user kubelet a range that is a multiple of that"
            }
        };
        Remedy::new("mount a file with 'user:1001:64535' over /etc/subuid and /etc/subgid").note(note)
    },
    #[cfg(test)]
    example: Example::procmount(pod_user_namespace),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::remedy;
    use crate::fact::{Facts, IdMap};

    #[test]
    fn more_ids_come_from_whoever_gave_too_few() {
        let note = |map: &str| {
            let mut facts = Facts::unknown();
            facts.process.uid_map = IdMap::parse(map).map_or(Fact::Absent, Fact::Known);
            remedy(Cause::NestedUsernsRange, &facts, None).note.unwrap_or_default()
        };
        assert!(note("0 1048576 65536").contains("idsPerPod"));
        assert!(note("0 100000 65536").contains("lxc.idmap") && !note("0 100000 65536").contains("idsPerPod"));
    }
}
