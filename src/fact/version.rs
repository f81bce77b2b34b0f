use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A version of Kubernetes as its parts give it: `v1.36.3`, `v1.30.5-gke.1014001`. Ordered by its numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct KubeVersion {
    numbers: (u32, u32, u32),
    full: String,
}

impl KubeVersion {
    /// Major, minor and patch; 0 where the patch is left out.
    pub fn numbers(&self) -> (u32, u32, u32) {
        self.numbers
    }

    /// The minor number of Kubernetes 1, which is the only one so far.
    pub fn minor(&self) -> Option<u32> {
        (self.numbers.0 == 1).then_some(self.numbers.1)
    }
}

impl TryFrom<String> for KubeVersion {
    type Error = String;

    fn try_from(full: String) -> Result<Self, String> {
        match numbers(&full) {
            Some(numbers) => Ok(KubeVersion { numbers, full }),
            None => Err(format!("{full:?} does not begin with a version such as v1.36.3")),
        }
    }
}

impl From<KubeVersion> for String {
    fn from(version: KubeVersion) -> String {
        version.full
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

/// The first three numbers of a version, `v1.36.3-gke.100` too. What follows them is a vendor's mark.
pub(super) fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.trim_start_matches('v').splitn(3, '.');
    let mut number = || {
        let digits: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    };
    Some((number()?, number()?, number().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Result<KubeVersion, String> {
        text.to_owned().try_into()
    }

    #[test]
    fn versions_compare_by_their_numbers_and_are_written_as_given() {
        let versions = ["v1.9.0", "v1.29", "v1.30.5-gke.1014001", "v1.31.0-rc.1", "1.33.2+k3s1", "v1.36.3"];
        let parsed: Vec<_> = versions.iter().map(|text| version(text).expect(text)).collect();
        assert!(parsed.is_sorted_by(|a, b| a < b), "{parsed:?}");
        for (text, version) in versions.iter().zip(&parsed) {
            assert_eq!((version.to_string().as_str(), serde_json::to_value(version).expect("JSON")), (*text, (*text).into()));
        }
        assert_eq!((parsed[1].numbers(), parsed[1].minor()), ((1, 29, 0), Some(29)));
    }

    #[test]
    fn garbage_is_no_version() {
        for garbage in ["", "v", "v1", "unknown", "v1.x", ".1.2", "v99999999999.1"] {
            assert!(version(garbage).is_err(), "{garbage}");
        }
    }
}
