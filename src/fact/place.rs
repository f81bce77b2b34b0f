/// A place in which a fact can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the machine itself.
    Host,
    /// In a pod of the default profile's shape.
    Pod,
    /// In a canary, a pod with a user namespace of its own.
    Canary,
}

impl Place {
    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Place::Host => "host",
            Place::Pod => "pod",
            Place::Canary => "canary",
        }
    }
}

pub(super) const EVERYWHERE: &[Place] = &[Place::Host, Place::Pod, Place::Canary];
pub(super) const HOST_USER_NAMESPACE: &[Place] = &[Place::Host, Place::Pod];
pub(super) const HOST_ONLY: &[Place] = &[Place::Host];
pub(super) const NOWHERE: &[Place] = &[];
