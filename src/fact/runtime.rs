//! Container runtimes, and since which version each gives a pod what the profiles with a pod user namespace ask for.

use super::Runtime;

/// Major, minor and patch.
type Version = (u32, u32, u32);

/// Any patch.
const ANY: u32 = u32::MAX;

/// A container runtime whose versions somebody has looked at.
#[derive(Debug)]
pub struct KnownRuntime {
    /// As the kubelet calls it.
    pub name: &'static str,
    /// As people do.
    pub title: &'static str,
    /// The versions that honour `procMount: Unmasked`, the first and the last (none: up to today's). In CRI the empty list of
    /// masked paths, which means unmasked, looks like an absent one: others do not tell the two apart and mask all the same.
    pub unmasks: &'static [(Version, Option<Version>)],
    /// The first version that gives a pod with `hostUsers: false` a user namespace on the kubelets of today.
    pub user_namespaces: Option<Version>,
    /// Older versions start such a pod all the same, in the node's own user namespace.
    pub ignores_before: Version,
    /// Where that was found.
    pub source: &'static str,
}

/// All of them.
pub const RUNTIMES: [KnownRuntime; 3] = [
    KnownRuntime {
        name: "containerd",
        title: "containerd",
        unmasks: &[((1, 2, 8), Some((1, 4, 1))), ((1, 5, 0), None)],
        user_namespaces: Some((2, 0, 0)),
        ignores_before: (1, 7, 0),
        source: "containerd commit 07f1df454; containerd docs/user-namespaces",
    },
    KnownRuntime {
        name: "cri-o",
        title: "CRI-O",
        unmasks: &[((1, 25, 0), Some((1, 32, ANY))), ((1, 33, 2), None)],
        user_namespaces: Some((1, 25, 0)),
        ignores_before: (1, 25, 0),
        source: "cri-o#9069, cri-o#9285; Kubernetes' user-namespaces.md",
    },
    KnownRuntime {
        name: "docker",
        title: "Docker",
        unmasks: &[],
        user_namespaces: None,
        ignores_before: (ANY, 0, 0),
        source: "cri-dockerd passes no list of masked paths on, and no user namespace",
    },
];

impl Runtime {
    /// What is known of it.
    pub fn row(&self) -> Option<&'static KnownRuntime> {
        RUNTIMES.iter().find(|row| row.name == self.name())
    }

    /// Whether it starts a pod with `hostUsers: false` as if it did not say so.
    pub fn ignores_user_namespaces(&self) -> bool {
        self.row().is_some_and(|row| self.version() < row.ignores_before)
    }
}

impl KnownRuntime {
    /// Whether a version honours `procMount: Unmasked`.
    pub fn unmasks(&self, version: Version) -> bool {
        self.unmasks.iter().any(|(first, last)| version >= *first && last.is_none_or(|last| version <= last))
    }

    /// The versions that honour it in words: `CRI-O 1.25 to 1.32 and from 1.33.2 on`.
    fn unmasking(&self) -> Option<String> {
        let span = |(first, last): &(Version, Option<Version>)| match last {
            Some(last) => format!("{} to {}", short(*first), short(*last)),
            None => format!("from {} on", short(*first)),
        };
        let spans: Vec<_> = self.unmasks.iter().map(span).collect();
        (!spans.is_empty()).then(|| format!("{} {}", self.title, spans.join(" and ")))
    }
}

/// Which runtimes honour `procMount: Unmasked`, in words.
pub fn unmasking() -> String {
    RUNTIMES.iter().filter_map(KnownRuntime::unmasking).collect::<Vec<_>>().join(", ")
}

/// Which runtimes give pods user namespaces, in words: `containerd 2.0 or CRI-O 1.25`.
pub fn with_user_namespaces() -> String {
    let since = |row: &KnownRuntime| row.user_namespaces.map(|version| format!("{} {}", row.title, short(version)));
    RUNTIMES.iter().filter_map(since).collect::<Vec<_>>().join(" or ")
}

/// A version without the patch where that says nothing.
fn short((major, minor, patch): Version) -> String {
    match patch {
        0 | ANY => format!("{major}.{minor}"),
        _ => format!("{major}.{minor}.{patch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_words() {
        assert_eq!(unmasking(), "containerd 1.2.8 to 1.4.1 and from 1.5 on, CRI-O 1.25 to 1.32 and from 1.33.2 on");
        assert_eq!(with_user_namespaces(), "containerd 2.0 or CRI-O 1.25");
    }

    #[test]
    fn spans_are_in_order_and_do_not_touch() {
        for row in &RUNTIMES {
            assert!(row.unmasks.iter().all(|(first, last)| last.is_none_or(|last| *first <= last)), "{}", row.name);
            assert!(row.unmasks.windows(2).all(|pair| pair[0].1.is_some_and(|last| last < pair[1].0)), "{}", row.name);
        }
    }
}
