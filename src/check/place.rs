//! Where a case is looked at: on a bare machine, in a container, in the builder's own shape.

use crate::cause::Cause;
use crate::fact::{Builder, CapSet, Distro, Facts, Plan, Seccomp, SelinuxMode, UserNamespace, is_builders_type};
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
    /// outside of such a pod, what an ordinary container is refused says nothing of a privileged one, and what an unconfined process
    /// may do says nothing of a container that others choose to confine.
    pub(super) fn can_tell(&self) -> bool {
        let namespace = !self.profile.has_pod_user_namespace() || self.may_have_pods_user_namespace();
        let privilege = !self.profile.is_privileged() || self.is_privileged_place();
        let confinement = self.profile.asked().unconfined || self.facts.on_bare_machine() == Some(false) && !self.is_asked_unconfined();
        namespace && privilege && confinement
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
        let confinement = self.profile.asked().unconfined || self.is_asked_as_the_profile_asks();
        self.facts.on_bare_machine() == Some(false) && own_user && namespace && privilege && confinement
    }

    /// Whether this container's manifest asks for a builder's confinement, so that what confines it is the node's doing.
    pub fn is_asked_unconfined(&self) -> bool {
        self.facts.process.asked_unconfined.known() == Some(&true)
    }

    /// Whether this container's manifest asks for the confinement that the profile's builder asks for: Unconfined, or nothing.
    pub fn is_asked_as_the_profile_asks(&self) -> bool {
        self.facts.process.asked_unconfined.known() == Some(&self.profile.asked().unconfined)
    }

    /// Whether a builder of the profile asks for Unconfined and this container's manifest does not: what confines it here need not
    /// confine a builder.
    pub fn did_not_ask_for_unconfined(&self) -> bool {
        self.profile.asked().unconfined && self.facts.process.asked_unconfined.known() == Some(&false)
    }

    /// Whether nothing is known to confine this process: no filter, no profile.
    pub(super) fn is_free(&self) -> bool {
        let process = &self.facts.process;
        process.seccomp.known() == Some(&Seccomp::Disabled)
            && process.lsm_label.unreadable().is_none()
            && process.apparmor_profile().is_none()
    }

    /// Whether this pod asked for `hostUsers: false` and has the machine's or the node's user namespace all the same. Then no probe is needed
    /// to tell how a builder's pod would fare.
    pub fn got_no_user_namespace(&self) -> bool {
        self.profile.has_pod_user_namespace()
            && self.facts.process.asked_user_namespace.known() == Some(&true)
            && self.facts.on_bare_machine() == Some(false)
            && matches!(self.facts.user_namespace(), Some(UserNamespace::Machines | UserNamespace::Nodes))
    }

    /// Whether SELinux may refuse this process what a builder does. What a type may not do with a capability is refused as if
    /// it had none, with EPERM (cred_has_capability in security/selinux/hooks.c), and everything else with EACCES.
    pub(super) fn selinux_confines(&self) -> bool {
        !self.facts.selinux.is_permissive() && self.facts.process.selinux_type().is_some_and(|kind| !is_builders_type(kind))
    }

    /// Whether ordinary pods' type is known to be refused what a build step mounts: SELinux enforces a policy, and it is not one that allows it.
    pub(super) fn refuses_container_t(&self) -> bool {
        let policy = self.facts.os.known().is_some_and(|os| !Distro::of(os).is_some_and(|distro| distro.container_t_mounts));
        policy
            && self.facts.selinux.mode.known() == Some(&SelinuxMode::Enforcing)
            && self.facts.process.selinux_type() == Some("container_t")
    }

    /// A refusal by a security module: which one, as far as this process's own label tells.
    pub(super) fn security_module(&self) -> Cause {
        let process = &self.facts.process;
        match process.lsm_label.known() {
            Some(_) if process.selinux_type().is_some() && self.facts.selinux.is_permissive() => Cause::ApparmorOrSelinux,
            Some(_) if process.selinux_type().is_some() => Cause::Selinux,
            // An unconfined label too: profiles attach by the path of the executable.
            Some(_) => Cause::ApparmorProfile,
            None => Cause::ApparmorOrSelinux,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::cause::{Cause, remedy};
    use crate::check::testing::{facts_of, with_probe};
    use crate::check::{Evidence, Note, Ready, judge};
    use crate::fact::{Errno, Fact, Facts, Seccomp, Step};
    use crate::profile::Profile;

    /// A pod whose manifest asks for Unconfined, or for nothing.
    fn pod(asked: bool, change: &dyn Fn(&mut Facts)) -> Facts {
        facts_of(&|facts| {
            facts.process.asked_unconfined = Fact::Known(asked);
            change(facts);
        })
    }

    fn filtered(facts: &mut Facts) {
        facts.process.seccomp = Fact::Known(Seccomp::Filter);
    }

    fn confined(facts: &mut Facts) {
        facts.process.lsm_label = Fact::Known("cri-containerd.apparmor.d (enforce)".into());
    }

    /// What is said of a profile, and on what evidence.
    fn said(facts: &Facts, profile: Profile) -> (Ready, Evidence, Option<Cause>) {
        let verdict = judge(facts, profile, None);
        (verdict.ready(), verdict.evidence, verdict.decisive())
    }

    #[test]
    fn an_unconfined_pod_never_speaks_for_one_that_asks_for_nothing() {
        let works = with_probe(pod(true, &|_| {}), None);
        assert_eq!(said(&works, Profile::NoProcessSandbox), (Ready::Ready, Evidence::Proven, None));
        assert_eq!(said(&works, Profile::Baseline), (Ready::Unknown, Evidence::Predicted, None));
        let fails = with_probe(pod(true, &|_| {}), Some((Step::UserNamespace, Errno::EPERM)));
        assert_eq!(said(&fails, Profile::Baseline).0, Ready::Unknown);
        // What stops every builder stops this one.
        let off = pod(true, &|facts| facts.sysctls.set(crate::fact::Sysctl::MaxUserNamespaces, Fact::Known(0)));
        assert_eq!(said(&off, Profile::Baseline), (Ready::NotReady, Evidence::Predicted, Some(Cause::UsernsMax0)));
        // A pod of which nobody knows what it asked for is not of that shape for sure, and without a probe says nothing.
        assert_eq!(said(&facts_of(&|_| {}), Profile::Baseline), (Ready::Unknown, Evidence::Predicted, None));
        assert_eq!(said(&pod(false, &|_| {}), Profile::Baseline), (Ready::Ready, Evidence::Predicted, None));
        assert_eq!(said(&with_probe(facts_of(&|_| {}), None), Profile::Baseline), (Ready::Ready, Evidence::Probed, None));
    }

    #[test]
    fn a_pod_of_baseline_proves_what_it_got() {
        assert_eq!(said(&with_probe(pod(false, &|_| {}), None), Profile::Baseline), (Ready::Ready, Evidence::Proven, None));
        // A profile of the node's own that lets a builder work.
        assert_eq!(said(&with_probe(pod(false, &filtered), None), Profile::Baseline), (Ready::Ready, Evidence::Proven, None));
        for (change, errno, step, cause, fix) in [
            (filtered as fn(&mut Facts), Errno::EPERM, Step::Hostname, Cause::Seccomp, "render confinement seccomp"),
            (confined, Errno::EACCES, Step::PrivateRoot, Cause::ApparmorProfile, "render confinement apparmor"),
        ] {
            let facts = with_probe(pod(false, &change), Some((step, errno)));
            assert_eq!(said(&facts, Profile::Baseline), (Ready::NotReady, Evidence::Proven, Some(cause)));
            let remedy = remedy(cause, &facts, Some(step));
            assert!(remedy.fix.contains(fix) && !remedy.fix.contains("Unconfined"), "{remedy:?}");
        }
    }

    #[test]
    fn a_pod_that_asked_for_nothing_does_not_say_that_unconfined_ones_fail() {
        let own = |change: &dyn Fn(&mut Facts), failure| said(&with_probe(pod(false, change), failure), Profile::NoProcessSandbox);
        assert_eq!(own(&|_| {}, None), (Ready::Ready, Evidence::Proven, None));
        assert_eq!(own(&filtered, None).1, Evidence::Probed, "an unconfined one may be refused what this profile allows");
        let facts = with_probe(pod(false, &filtered), Some((Step::Hostname, Errno::EPERM)));
        let verdict = judge(&facts, Profile::NoProcessSandbox, None);
        assert_eq!((verdict.ready(), verdict.unknown()), (Ready::Unknown, Some(&Note::OfThisPod(Cause::Seccomp))));
        assert_eq!(own(&confined, Some((Step::PrivateRoot, Errno::EACCES))).0, Ready::Unknown);
        // What no confinement does is the node's all the same.
        let full = own(&|_| {}, Some((Step::UserNamespace, Errno::ENOSPC)));
        assert_eq!((full.0, full.1), (Ready::NotReady, Evidence::Proven));
    }
}
