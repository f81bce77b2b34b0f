//! In what two shapes differ.

use super::shape::{Capabilities, Confinement, Directory, ProcMount, Shape};
use std::fmt;

/// A field of a shape that is not as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The pod's `hostUsers`.
    HostUsers(Pair<bool>),
    /// Whether build steps have PID namespaces of their own.
    ProcessSandbox(Pair<bool>),
    /// `runAsUser`.
    User(Pair<u32>),
    /// `runAsGroup`.
    Group(Pair<u32>),
    /// `allowPrivilegeEscalation`.
    PrivilegeEscalation(Pair<Option<bool>>),
    /// `seccompProfile`.
    Seccomp(Pair<Option<Confinement>>),
    /// `appArmorProfile`.
    AppArmor(Pair<Option<Confinement>>),
    /// `capabilities`.
    Capabilities(Pair<Capabilities>),
    /// `procMount`.
    ProcMount(Pair<ProcMount>),
    /// `privileged`.
    Privileged(Pair<bool>),
    /// `readOnlyRootFilesystem`.
    ReadOnlyRoot(Pair<bool>),
    /// The directory of buildkitd's state.
    State(Pair<Directory>),
    /// The directory of buildkitd's socket.
    Runtime(Pair<Directory>),
}

/// What a field is, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair<T> {
    /// What it is.
    pub is: T,
    /// What it should be.
    pub wanted: T,
}

impl<T: Clone + PartialEq> Pair<T> {
    /// None where the two are the same.
    pub(super) fn of(is: &T, wanted: &T) -> Option<Self> {
        (is != wanted).then(|| Pair { is: is.clone(), wanted: wanted.clone() })
    }
}

impl Shape {
    /// In what it differs from the one that is wanted, in the order in which a manifest would say it.
    pub fn differences(&self, wanted: &Shape) -> Vec<Difference> {
        let all = [
            Pair::of(&self.host_users, &wanted.host_users).map(Difference::HostUsers),
            Pair::of(&self.process_sandbox, &wanted.process_sandbox).map(Difference::ProcessSandbox),
            Pair::of(&self.user, &wanted.user).map(Difference::User),
            Pair::of(&self.group, &wanted.group).map(Difference::Group),
            Pair::of(&self.privilege_escalation, &wanted.privilege_escalation).map(Difference::PrivilegeEscalation),
            Pair::of(&self.seccomp, &wanted.seccomp).map(Difference::Seccomp),
            Pair::of(&self.apparmor, &wanted.apparmor).map(Difference::AppArmor),
            Pair::of(&self.capabilities, &wanted.capabilities).map(Difference::Capabilities),
            Pair::of(&self.proc_mount, &wanted.proc_mount).map(Difference::ProcMount),
            Pair::of(&self.privileged, &wanted.privileged).map(Difference::Privileged),
            Pair::of(&self.read_only_root, &wanted.read_only_root).map(Difference::ReadOnlyRoot),
            Pair::of(&self.state, &wanted.state).map(Difference::State),
            Pair::of(&self.runtime, &wanted.runtime).map(Difference::Runtime),
        ];
        all.into_iter().flatten().collect()
    }
}

/// `readOnlyRootFilesystem: true instead of false`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::HostUsers(pair) => pair.write(f, "hostUsers", bool::to_string),
            Difference::ProcessSandbox(pair) => pair.write(f, "process sandbox", bool::to_string),
            Difference::User(pair) => pair.write(f, "runAsUser", u32::to_string),
            Difference::Group(pair) => pair.write(f, "runAsGroup", u32::to_string),
            Difference::PrivilegeEscalation(pair) => pair.write(f, "allowPrivilegeEscalation", or_unset),
            Difference::Seccomp(pair) => pair.write(f, "seccompProfile", or_unset),
            Difference::AppArmor(pair) => pair.write(f, "appArmorProfile", or_unset),
            Difference::Capabilities(pair) => pair.write(f, "capabilities", Capabilities::to_string),
            Difference::ProcMount(pair) => pair.write(f, "procMount", ProcMount::to_string),
            Difference::Privileged(pair) => pair.write(f, "privileged", bool::to_string),
            Difference::ReadOnlyRoot(pair) => pair.write(f, "readOnlyRootFilesystem", bool::to_string),
            Difference::State(pair) => pair.write(f, "state dir", Directory::to_string),
            Difference::Runtime(pair) => pair.write(f, "runtime dir", Directory::to_string),
        }
    }
}

impl<T> Pair<T> {
    fn write(&self, f: &mut fmt::Formatter<'_>, field: &str, text: impl Fn(&T) -> String) -> fmt::Result {
        write!(f, "{field}: {} instead of {}", text(&self.is), text(&self.wanted))
    }
}

fn or_unset<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "unset".into(), T::to_string)
}

#[cfg(test)]
mod tests {
    use crate::profile::{Confinement, Profile, Shape};

    fn told(is: &Shape, wanted: Profile) -> Vec<String> {
        is.differences(wanted.shape()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        assert_eq!(
            told(Profile::Userns.shape(), Profile::ProcMount),
            [
                "runAsUser: 0 instead of 1000",
                "runAsGroup: 0 instead of 1000",
                "seccompProfile: unset instead of Unconfined",
                "appArmorProfile: unset instead of Unconfined",
                "procMount: Default instead of Unmasked",
                "privileged: true instead of false",
                "state dir: /var/lib/buildkit on an emptyDir instead of /home/user/.local/share/buildkit on an emptyDir",
                "runtime dir: /run/buildkit on the container's root instead of /run/user/1000/buildkit on the container's root",
            ]
        );
        let mut shape = Profile::NoProcessSandbox.shape().clone();
        assert_eq!(told(&shape, Profile::NoProcessSandbox), [""; 0]);
        shape.host_users = false;
        shape.process_sandbox = true;
        shape.privilege_escalation = Some(false);
        shape.seccomp = Some(Confinement::RuntimeDefault);
        shape.capabilities.drop.insert("ALL".into());
        shape.read_only_root = true;
        assert_eq!(
            told(&shape, Profile::NoProcessSandbox),
            [
                "hostUsers: false instead of true",
                "process sandbox: true instead of false",
                "allowPrivilegeEscalation: false instead of unset",
                "seccompProfile: RuntimeDefault instead of Unconfined",
                "capabilities: add [], drop [ALL] instead of add [], drop []",
                "readOnlyRootFilesystem: true instead of false",
            ]
        );
    }

    #[test]
    fn no_two_profiles_have_the_same_shape() {
        for (one, other) in Profile::ALL.iter().flat_map(|one| Profile::ALL.map(|other| (*one, other))) {
            assert_eq!(told(one.shape(), other).is_empty(), one == other, "{one} {other}");
        }
    }
}
