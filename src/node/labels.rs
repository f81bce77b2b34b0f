//! The labels on the Node: one row for each. The admission policy lists the same ones; both come from here.

use crate::check::Ready;
use crate::profile::Profile;

/// A label of ours, without its prefix. These and no others are ever written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(derive(strum::VariantArray)))]
pub enum Key {
    /// A profile's verdict; each profile has one, under its id.
    Verdict(Profile),
    /// Where a pod of a profile may be sent that no pod has proven there: its canary, or a builder that no canary can prove.
    Candidate(Profile),
    /// What the runtime makes of `procMount`.
    ProcmountRuntime,
    /// The length of a canary's uid_map.
    PodIds,
    /// How a builder would keep its layers.
    Snapshotter,
    /// The decisive cause of the default profile.
    Cause,
    /// `ID` of os-release.
    Distro,
    /// `VERSION_ID` of os-release.
    DistroVersion,
    /// Major and minor number of the kernel.
    Kernel,
    /// Debian's switch.
    UnprivilegedUsernsClone,
    /// Whether the node itself lives in a user namespace.
    InUserNamespace,
    /// How many IDs that one has.
    NodeIds,
    /// Whether sysctls were set by `tune`.
    Tuned,
}

/// Who says a label. Each speaker is one file of [`crate::publish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speaker {
    /// The default profile's agent, of what it has proven itself or can rule out.
    Own,
    /// The canary of a profile; where none can speak, the default profile's agent in its place.
    Canary,
    /// The default profile's agent, of what `tune` did.
    Tune,
    /// The default profile's agent, of what the node is.
    System,
}

/// What may stand in a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number.
    Number,
    /// A text such as this one.
    Like(&'static str),
}

/// A row of the table of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which label.
    pub key: Key,
    /// The name below the prefix.
    pub name: &'static str,
    /// What may stand there.
    pub values: Values,
    /// What it says.
    pub says: &'static str,
    /// Who says it.
    pub speaker: Speaker,
}

/// What a verdict's label can say.
const VERDICTS: Values = Values::Words(&["ready", "not-ready", "unknown"]);

/// All labels but the verdicts, of which there is one for each profile: see [`Key::row`].
pub const LABELS: &[Label] = &[
    Label {
        key: Key::Candidate(Profile::ProcMount),
        name: "procmount-candidate",
        values: Values::Words(&["true"]),
        says: "where a pod of the profile `procmount` would start, by what the kubelet reports",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::Candidate(Profile::Userns),
        name: "userns-candidate",
        values: Values::Words(&["true"]),
        says: "where a pod of the profile `userns` would start, by what the kubelet reports",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::Candidate(Profile::Baseline),
        name: "baseline-candidate",
        values: Values::Words(&["true"]),
        says: "where no fact speaks against a builder of the profile `baseline`, which only its canary can prove",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::Candidate(Profile::Privileged),
        name: "privileged-candidate",
        values: Values::Words(&["true"]),
        says: "where no fact speaks against a builder of the profile `privileged`",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::Candidate(Profile::Rootful),
        name: "rootful-candidate",
        values: Values::Words(&["true"]),
        says: "where no fact speaks against a builder of the profile `rootful`",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::ProcmountRuntime,
        name: "procmount-runtime",
        values: Values::Words(&["supported", "unsupported", "unknown"]),
        says: "whether the runtime honours `procMount`, by its version",
        speaker: Speaker::System,
    },
    Label {
        key: Key::PodIds,
        name: "pod-ids",
        values: Values::Number,
        says: "how many IDs a pod with a user namespace gets, as a canary has seen; 0 where the canary's answer was withdrawn",
        speaker: Speaker::Canary,
    },
    Label {
        key: Key::Snapshotter,
        name: "snapshotter",
        values: Values::Words(&["overlayfs", "fuse-overlayfs", "native"]),
        says: "the snapshotter that a builder of the default profile would use",
        speaker: Speaker::Own,
    },
    Label {
        key: Key::Cause,
        name: "cause",
        values: Values::Like("userns-max0"),
        says: "what stops a builder of the default profile",
        speaker: Speaker::Own,
    },
    Label { key: Key::Distro, name: "distro", values: Values::Like("ubuntu"), says: "`ID` of os-release", speaker: Speaker::System },
    Label {
        key: Key::DistroVersion,
        name: "distro-version",
        values: Values::Like("24.04"),
        says: "`VERSION_ID` of os-release",
        speaker: Speaker::System,
    },
    Label {
        key: Key::Kernel,
        name: "kernel",
        values: Values::Like("6.12"),
        says: "the kernel's major and minor version",
        speaker: Speaker::System,
    },
    Label {
        key: Key::UnprivilegedUsernsClone,
        name: "unprivileged-userns-clone",
        values: Values::Words(&["0", "1", "absent"]),
        says: "the sysctl kernel.unprivileged_userns_clone, which Debian's kernels have",
        speaker: Speaker::System,
    },
    Label {
        key: Key::InUserNamespace,
        name: "in-user-namespace",
        values: Values::Words(&["true"]),
        says: "where the node itself lives in a user namespace, as in an unprivileged LXC container or a rootless kind",
        speaker: Speaker::System,
    },
    Label {
        key: Key::NodeIds,
        name: "node-ids",
        values: Values::Number,
        says: "how many IDs the node's own user namespace has: a pod with as many has none of its own",
        speaker: Speaker::System,
    },
    Label {
        key: Key::Tuned,
        name: "tuned",
        values: Values::Words(&["true"]),
        says: "where `tune` has set sysctls since the boot, or sets sysctls at each boot",
        speaker: Speaker::Tune,
    },
];

impl Key {
    /// All keys, the verdicts first, then the table's.
    pub const ALL: [Key; Profile::ALL.len() + LABELS.len()] = {
        let verdicts = Profile::ALL.len();
        let mut all = [Key::Tuned; Profile::ALL.len() + LABELS.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = if at < verdicts { Key::Verdict(Profile::ALL[at]) } else { LABELS[at - verdicts].key };
            at += 1;
        }
        all
    };

    /// The label that stands where a builder of the profile may be sent, and its value: all that a `nodeSelector` needs.
    pub fn selector(profile: Profile) -> (Key, &'static str) {
        if profile.needs_proof() { (Key::Verdict(profile), Ready::Ready.id()) } else { (Key::Candidate(profile), "true") }
    }

    /// What is known of the label. None only for a candidate label of the profile that the agent on each node proves.
    pub fn row(self) -> Option<Label> {
        match self {
            Key::Verdict(profile) => Some(Label {
                key: self,
                name: profile.id(),
                values: VERDICTS,
                says: "whether a builder of this profile runs here",
                speaker: if profile.has_canary() { Speaker::Canary } else { Speaker::Own },
            }),
            _ => LABELS.iter().find(|row| row.key == self).copied(),
        }
    }

    /// The name below the prefix.
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// The whole key: `buildkit-preflight.dev/kernel`.
    pub fn with(self, prefix: &str) -> String {
        format!("{prefix}/{}", self.name())
    }
}

impl Values {
    /// Whether a text may stand there.
    pub fn allow(self, text: &str) -> bool {
        match self {
            Values::Words(words) => words.contains(&text),
            Values::Number => text.parse::<u64>().is_ok(),
            Values::Like(_) => !text.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Prover;
    use strum::VariantArray;

    #[test]
    fn keys_are_unique_and_kubernetes_would_take_them() {
        let mut names: Vec<_> = Key::ALL.iter().map(|key| key.name()).collect();
        for name in &names {
            assert!(!name.is_empty() && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Key::ALL.len());
        assert!(Profile::ALL.iter().all(|profile| Key::ALL.contains(&Key::Verdict(*profile))));
    }

    #[test]
    fn each_key_has_a_row_and_each_profile_a_place_to_be_sent_to() {
        for kind in KeyDiscriminants::VARIANTS {
            assert!(Key::ALL.iter().any(|key| KeyDiscriminants::from(key) == *kind), "{kind:?}");
        }
        for profile in Profile::ALL.iter().copied() {
            let candidate = Key::Candidate(profile);
            assert_eq!(Key::ALL.contains(&candidate), profile.row().prover != Prover::Agent, "{profile}");
            assert!(candidate.row().is_none_or(|row| row.name == format!("{profile}-candidate")), "{profile}");
            let (key, value) = Key::selector(profile);
            assert!(key.row().is_some_and(|row| row.values.allow(value)), "{profile}");
        }
        for key in Key::ALL {
            let row = key.row().expect("a row");
            assert_eq!((row.key, row.name), (key, key.name()));
            assert!(!row.says.is_empty() && !row.says.ends_with('.'), "{key:?}");
        }
        assert!(Ready::ALL.iter().all(|ready| VERDICTS.allow(ready.id())));
    }

    #[test]
    fn the_order_of_keys_is_that_of_the_table() {
        assert!(Key::ALL.is_sorted());
    }
}
