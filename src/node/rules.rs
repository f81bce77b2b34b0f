//! The rules of the admission policies that confine the agent's account: what each says when it refuses. The manifests are made
//! with these texts, and by them the agent knows, when it tries a rule, which one it was that refused.

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Its own Node, and no other.
    OwnNode,
    /// No foreign label.
    Labels,
    /// Nothing of the object but labels and status.
    Rest,
    /// Nothing of the status but conditions.
    Status,
    /// No foreign condition.
    Conditions,
    /// Texts of a decent form in its own conditions.
    Texts,
    /// Its own conditions are of no later time than now.
    Times,
    /// It owns no fields of others.
    Managers,
    /// Events about its own Node, under names of a fixed list.
    EventNames,
    /// Events with bounded fields.
    EventFields,
    /// Events of now.
    EventTimes,
}

impl Rule {
    /// All of them, in the order of the policies.
    pub const ALL: [Rule; 11] = [
        Rule::OwnNode,
        Rule::Labels,
        Rule::Rest,
        Rule::Status,
        Rule::Conditions,
        Rule::Texts,
        Rule::Times,
        Rule::Managers,
        Rule::EventNames,
        Rule::EventFields,
        Rule::EventTimes,
    ];

    /// Whether the API server asks it before another one of the same policy: of the validations that refuse, the first one is told.
    pub fn is_asked_before(self, other: Rule) -> bool {
        let place = |rule| Rule::ALL.iter().position(|each| *each == rule);
        self.policy() == other.policy() && place(self) < place(other)
    }

    /// What the policy that has it is called.
    pub fn policy(self) -> &'static str {
        match self {
            Rule::EventNames | Rule::EventFields | Rule::EventTimes => "buildkit-preflight-own-events",
            _ => "buildkit-preflight-own-node",
        }
    }

    /// Its name in the templates of the manifests.
    pub fn id(self) -> &'static str {
        match self {
            Rule::OwnNode => "own_node",
            Rule::Labels => "labels",
            Rule::Rest => "rest",
            Rule::Status => "status",
            Rule::Conditions => "conditions",
            Rule::Texts => "texts",
            Rule::Times => "times",
            Rule::Managers => "managers",
            Rule::EventNames => "event_names",
            Rule::EventFields => "event_fields",
            Rule::EventTimes => "event_times",
        }
    }

    /// How the policy refuses what breaks it. No text is a part of another.
    pub fn refusal(self) -> &'static str {
        match self {
            Rule::OwnNode => "the agent may write only the node that it runs on",
            Rule::Labels => "the agent may write only its own labels",
            Rule::Rest => "the agent may write only labels and conditions",
            Rule::Status => "the agent may write no other status",
            Rule::Conditions => "the agent may write only its own conditions",
            Rule::Texts => {
                "each condition of the agent stands there once, with a status, a reason in one word, and a short message without control characters"
            }
            Rule::Times => "the times of the agent's conditions are at most 10 minutes ahead of the API server's clock",
            Rule::Managers => "the agent may own only its own fields",
            Rule::EventNames => "the agent's events are about the node that it runs on, under the names that belong to that node",
            Rule::EventFields => "the agent's events are short, in its own name, and have no other fields",
            Rule::EventTimes => {
                "the times of the agent's events are within 10 minutes of the API server's clock, and each event changes at most once a second"
            }
        }
    }

    /// What is tried to see whether the rule is there.
    pub fn attack(self) -> &'static str {
        match self {
            Rule::OwnNode => "a patch of another node",
            Rule::Labels => "a patch of a foreign label",
            Rule::Rest => "a patch of an annotation",
            Rule::Status => "a patch of a foreign field of the node's status",
            Rule::Conditions => "a patch of a foreign condition",
            Rule::Texts => "a condition's message with a control character",
            Rule::Times => "a condition's heartbeat in the far future",
            Rule::Managers => "a patch in the name of another field manager",
            Rule::EventNames => "an event under a foreign name",
            Rule::EventFields => "an event of too many bytes",
            Rule::EventTimes => "an event in the far future",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_which_rule_it_was() {
        for rule in Rule::ALL {
            let others = Rule::ALL.into_iter().filter(|other| *other != rule);
            assert!(others.into_iter().all(|other| !other.refusal().contains(rule.refusal()) && other.id() != rule.id()), "{rule:?}");
        }
    }
}
