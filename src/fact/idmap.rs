use super::Fact;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One line of uid_map or gid_map, see user_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdRange {
    /// First ID inside the namespace.
    pub inside: u32,
    /// First ID outside.
    pub outside: u32,
    /// How many.
    pub length: u32,
}

/// The IDs of a user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct IdMap(pub Vec<IdRange>);

/// How many ranges a map has at most (UID_GID_MAP_MAX_EXTENTS in include/linux/user_namespace.h; 5 before Linux 4.15).
const MOST_RANGES: usize = 340;

impl IdMap {
    /// Parses uid_map or gid_map: three numbers a line.
    ///
    /// # Errors
    /// Names the line that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let range = |line: &str| {
            let mut numbers = line.split_whitespace().map(|n| n.parse::<u32>().ok());
            match (numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()) {
                (inside, outside, length, None) => Some(IdRange { inside, outside, length }),
                _ => None,
            }
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        if lines.clone().count() > MOST_RANGES {
            return Err(format!("more than {MOST_RANGES} lines, which no kernel gives"));
        }
        lines.map(|line| range(line).ok_or_else(|| format!("{line:?} is not three numbers"))).collect::<Result<_, _>>().map(IdMap)
    }

    /// Whether this is the machine's own user namespace, which maps all IDs to themselves.
    pub fn is_initial(&self) -> bool {
        self.0 == [IdRange { inside: 0, outside: 0, length: u32::MAX }]
    }

    /// Whether a kubelet could have given it to a pod: IDs from 0 on, in whole units that also begin at one
    /// (pkg/kubelet/userns/userns_manager.go). Maps of LXC and of rootless containers begin where their user's range does.
    pub fn is_a_kubelets(&self) -> bool {
        const UNIT: u32 = 65_536;
        match self.0[..] {
            [IdRange { inside: 0, outside, length }] => outside >= UNIT && outside % UNIT == 0 && length % UNIT == 0 && length > 0,
            _ => false,
        }
    }

    /// The highest ID inside; `None` for a map without any.
    pub fn last_inside(&self) -> Option<u32> {
        self.0.iter().map(|range| range.inside.saturating_add(range.length.saturating_sub(1))).max()
    }

    /// How many IDs it has.
    pub fn size(&self) -> u64 {
        self.0.iter().map(|range| u64::from(range.length)).sum()
    }

    /// Whether all IDs of a range exist inside: a nested namespace can map no others (map_write in kernel/user_namespace.c).
    pub fn contains(&self, range: &SubId) -> bool {
        let (mut next, end) = (range.start, range.end());
        while next < end {
            let holder = self.0.iter().find(|r| {
                let first = u64::from(r.inside);
                (first..first + u64::from(r.length)).contains(&next)
            });
            match holder {
                Some(r) => next = u64::from(r.inside) + u64::from(r.length),
                None => return false,
            }
        }
        true
    }
}

/// One range of subordinate IDs, see subuid(5): `start:length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubId {
    /// First ID.
    pub start: u64,
    /// How many.
    pub length: u64,
}

impl SubId {
    /// The range of `moby/buildkit:rootless`, which most images copy.
    pub const STOCK: SubId = SubId { start: 100_000, length: 65_536 };

    /// The first ID after it.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }

    /// The ranges in the text of /etc/subuid or /etc/subgid that belong to a user, by name or by number.
    ///
    /// # Errors
    /// Names the line that can't be read; rootlesskit stops at it too.
    pub fn parse(text: &str, name: &str, uid: u32) -> Result<Vec<SubId>, String> {
        let mut ranges = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<_> = line.split(':').collect();
            let [owner, start, length] = parts[..] else {
                return Err(format!("{line:?} is not user:start:length"));
            };
            if owner == name || owner == uid.to_string() {
                let number = |text: &str| text.parse().map_err(|_| format!("{text:?} in {line:?} is not a number"));
                ranges.push(SubId { start: number(start)?, length: number(length)? });
            }
            if ranges.len() > MOST_RANGES {
                return Err(format!("{name} has more than {MOST_RANGES} ranges, and no kernel takes a map of so many"));
            }
        }
        Ok(ranges)
    }

    /// The ranges without one ID, which the builder maps to root already: newuidmap refuses an ID twice.
    pub fn without(ranges: &[SubId], id: u64) -> Vec<SubId> {
        let mut out = Vec::new();
        for range in ranges {
            let end = range.start.saturating_add(range.length);
            if (range.start..end).contains(&id) {
                out.push(SubId { start: range.start, length: id - range.start });
                out.push(SubId { start: id + 1, length: end - id - 1 });
            } else {
                out.push(*range);
            }
        }
        out.retain(|range| range.length > 0);
        out
    }
}

impl fmt::Display for SubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.start, self.length)
    }
}

/// Who the builder would be, and which IDs it may map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubIds {
    /// The user's name in /etc/passwd.
    #[serde(default)]
    pub user: Fact<String>,
    /// The user's ID: this process's own, or for root that of a rootless builder, 1000.
    #[serde(default)]
    pub uid: Fact<u32>,
    /// The user's group in /etc/passwd.
    #[serde(default)]
    pub gid: Fact<u32>,
    /// Ranges in /etc/subuid. Empty: the file names the user nowhere.
    #[serde(default)]
    pub uids: Fact<Vec<SubId>>,
    /// Ranges in /etc/subgid.
    #[serde(default)]
    pub gids: Fact<Vec<SubId>>,
}

/// newuidmap or newgidmap: a program that may map more than its caller could.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Helper {
    /// Where it was found on the PATH.
    pub path: String,
    /// Whether it has the setuid bit and belongs to root.
    pub setuid: bool,
    /// Whether it has the file capability that it needs (cap_setuid, cap_setgid).
    pub file_capability: bool,
    /// Whether it lies on a mount with nosuid, where neither of the two counts.
    pub nosuid: bool,
}

impl Helper {
    /// Whether running it gains anything.
    pub fn is_privileged(&self) -> bool {
        (self.setuid || self.file_capability) && !self.nosuid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_parsed_and_measured() {
        let initial = IdMap::parse("         0          0 4294967295\n").expect("valid");
        assert!(initial.is_initial() && initial.contains(&SubId::STOCK));
        let pod = IdMap::parse("0 1048576 65536\n").expect("valid");
        assert!(!pod.is_initial() && !pod.contains(&SubId::STOCK));
        assert!(pod.contains(&SubId { start: 1001, length: 64_535 }));
        assert!(!pod.contains(&SubId { start: 1001, length: 64_536 }));
        let split = IdMap::parse("0 1000 1\n1 100000 65536\n").expect("valid");
        assert!(split.contains(&SubId { start: 0, length: 65_537 }) && split.size() == 65_537);
        for (text, is_a_kubelets) in [
            ("0 1048576 65536", true),
            ("0 1048576 196608", true),
            ("0 100000 65536", false),
            ("0 100000 1000000000", false),
            ("0 1000 1\n1 100000 65536", false),
            ("0 0 4294967295", false),
            ("0 0 65536", false),
            ("1 65536 65536", false),
        ] {
            assert_eq!(IdMap::parse(text).expect("valid").is_a_kubelets(), is_a_kubelets, "{text}");
        }
        assert_eq!((split.last_inside(), IdMap::default().last_inside()), (Some(65_536), None));
        assert!(IdMap::parse(&"0 0 1\n".repeat(340)).is_ok() && IdMap::parse(&"0 0 1\n".repeat(341)).is_err());
        assert!(IdMap::parse("0 1").is_err() && IdMap::parse("0 0 4294967296").is_err() && IdMap::parse("0 0 1 2").is_err());
    }

    #[test]
    fn ranges_belong_to_a_name_or_a_number() {
        let text = "# c\nuser:100000:65536\nother:1:2\n1000:200000:10\n";
        let ranges = SubId::parse(text, "user", 1000).expect("valid");
        assert_eq!(ranges.iter().map(SubId::to_string).collect::<Vec<_>>(), ["100000:65536", "200000:10"]);
        assert!(SubId::parse("user:1", "user", 1).is_err() && SubId::parse("user:x:1", "user", 1).is_err());
        assert_eq!(SubId::parse("", "user", 1), Ok(vec![]));
        assert!(SubId::parse(&"user:1:1\n".repeat(340), "user", 1).is_ok_and(|ranges| ranges.len() == 340));
        assert!(SubId::parse(&"user:1:1\n".repeat(341), "user", 1).is_err_and(|why| why.contains("more than 340")));
        assert_eq!(SubId::parse(&"other:1:1\n".repeat(341), "user", 1), Ok(vec![]), "those of others count for nothing");
    }

    #[test]
    fn a_range_is_split_around_the_own_id() {
        let split = SubId::without(&[SubId { start: 1000, length: 100 }, SubId { start: 990, length: 20 }], 1000);
        assert_eq!(split.iter().map(SubId::to_string).collect::<Vec<_>>(), ["1001:99", "990:10", "1001:9"]);
    }
}
