#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::Remedy;
use crate::fact::{Facts, Step};

/// One cause: all that is known of it.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub cause: Cause,
    /// What a person reads first: half a sentence.
    pub title: &'static str,
    /// Where it lies.
    pub level: Level,
    /// What else is special about it.
    pub marks: &'static [Mark],
    /// What somebody does to pods that asked for no such confinement, so that changing the pod removes nothing.
    pub forced: Option<&'static str>,
    /// A text for people, Markdown: what it means, how it shows, how it is detected, how to remove it, and the source.
    pub about: &'static str,
    pub(super) remedy: fn(&Ask) -> Remedy,
    /// The least that makes the judge name it.
    #[cfg(test)]
    pub(crate) example: Example,
}

/// Where a cause lies, and so who can remove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// In the node: all pods of this shape meet it.
    Node,
    /// In the pod's (or this shell's) own confinement: another pod need not meet it.
    Pod,
    /// In the image.
    Image,
    /// In what the cluster's API server lets through.
    Cluster,
    /// Nothing that was seen says.
    Unknown,
}

/// What some causes have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It may pass by itself: something is scarce, and comes back.
    Passes,
    /// Sysctls that `tune` may set remove it.
    OfSysctls,
    /// It lies in the state dir's volume: a directory that stands in for one has none of a pod's.
    OfVolume,
    /// It lies in what `Unconfined` takes away: a pod that does not ask for that says nothing of one that does.
    OfConfinement,
    /// No fact of a node shows it: an error's text does, or a pod's manifest.
    OfTexts,
    /// On a bare machine it may as well lie in this shell alone: a chroot shows in nothing but the refusal.
    MaybeTheShells,
}

/// For what a remedy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is known of the node.
    pub facts: &'a Facts,
    /// The step at which a build ended.
    pub failed: Option<Step>,
}

impl Ask<'_> {
    /// Whether the pod asked for no `Unconfined`, as where Pod Security enforces *baseline*: there it can't ask for it either.
    pub(super) fn is_of_baseline(&self) -> bool {
        self.facts.process.asked_unconfined.known() == Some(&false)
    }
}

impl Row {
    /// Whether it has a mark.
    pub fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }
}
