//! Where a case is looked at: on a bare machine, in a container, in the builder's own shape.

use crate::cause::Cause;
use crate::fact::{Builder, CapSet, Facts, Plan, Seccomp, UserNamespace};
use crate::profile::Profile;

/// The place that the facts are of, as it matters to one profile.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub(super) facts: &'a Facts,
    pub(super) profile: Profile,
    pub(super) plan: Plan,
}

impl Place<'_> {
    /// Whether a probe here says something of the profile: a pod's user namespace can't be had
    /// outside of such a pod, and what an ordinary container is refused says nothing of a privileged one.
    pub(super) fn can_tell(&self) -> bool {
        let namespace = !self.profile.has_pod_user_namespace() || self.may_have_pods_user_namespace();
        let privilege = !self.profile.is_privileged() || self.is_privileged_place();
        namespace && privilege
    }

    /// Whether this pod has a user namespace of its own, as far as anybody can tell from here: that of the node is none.
    pub fn may_have_pods_user_namespace(&self) -> bool {
        matches!(self.facts.user_namespace(), Some(UserNamespace::Pods | UserNamespace::Unclear))
    }

    fn is_privileged_place(&self) -> bool {
        let process = &self.facts.process;
        let capable = process.bounding_set.known().is_some_and(|set| set.has(CapSet::SYS_ADMIN));
        // A privileged container has no filter, unless the node adds one to those that asked for none.
        self.on_bare_machine() || capable && (process.seccomp.known() == Some(&Seccomp::Disabled) || self.is_asked_unconfined())
    }

    /// Whether this is the machine itself and not a container.
    pub fn on_bare_machine(&self) -> bool {
        self.facts.on_bare_machine() == Some(true)
    }

    /// Whether the confinement of this very process is the builder's: in a container of its kind.
    /// On a bare machine it is the shell's, and says nothing of a pod.
    pub fn is_builders_confinement(&self) -> bool {
        !self.on_bare_machine() && self.can_tell()
    }

    /// Whether the builder makes a user namespace of its own.
    pub fn is_rootless(&self) -> bool {
        self.plan.builder == Builder::Rootless
    }

    /// Whether root writes the ID maps, so that no helper is needed: the builder's user does not run this.
    pub fn root_writes_maps(&self) -> bool {
        self.is_rootless() && self.facts.process.uid.known() == Some(&0) && self.facts.own_pod.is_none()
    }

    /// Whether this is the very shape that the profile gives a pod.
    pub fn is_builders_shape(&self) -> bool {
        let own_user = self.facts.process.uid.known() == Some(&self.profile.uid());
        let namespace = match self.facts.user_namespace() {
            Some(UserNamespace::Machines | UserNamespace::Nodes) => !self.profile.has_pod_user_namespace(),
            Some(UserNamespace::Pods) => self.profile.has_pod_user_namespace(),
            Some(UserNamespace::Unclear) | None => false,
        };
        let privilege = self.is_privileged_place() == self.profile.is_privileged();
        self.facts.on_bare_machine() == Some(false) && own_user && namespace && privilege
    }

    /// Whether this container's manifest asks for a builder's confinement, so that what confines it is the node's doing.
    pub fn is_asked_unconfined(&self) -> bool {
        self.facts.process.asked_unconfined.known() == Some(&true)
    }

    /// Whether this pod asked for `hostUsers: false` and has the machine's or the node's user namespace all the same. Then no probe is needed
    /// to tell how a builder's pod would fare.
    pub fn got_no_user_namespace(&self) -> bool {
        self.profile.has_pod_user_namespace()
            && self.facts.process.asked_user_namespace.known() == Some(&true)
            && self.facts.on_bare_machine() == Some(false)
            && matches!(self.facts.user_namespace(), Some(UserNamespace::Machines | UserNamespace::Nodes))
    }

    /// A refusal by a security module: which one, as far as this process's own label tells.
    pub(super) fn security_module(&self) -> Cause {
        let process = &self.facts.process;
        match process.lsm_label.known() {
            Some(_) if process.selinux_type().is_some() => Cause::Selinux,
            // An unconfined label too: profiles attach by the path of the executable.
            Some(_) => Cause::ApparmorProfile,
            None => Cause::ApparmorOrSelinux,
        }
    }
}
