use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The operating system as os-release(5) names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OsRelease {
    /// `ID`, lower case; `linux` where the file leaves it out, as the specification says.
    pub id: String,
    /// `VERSION_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `ID_LIKE`: relatives, the closest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    /// `VARIANT_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// `PRETTY_NAME`, or `NAME` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl OsRelease {
    /// Parses the text of an os-release file: shell-like assignments, of which only the
    /// needed ones are kept. Lines that are no assignment are passed over, as the specification asks.
    ///
    /// # Errors
    /// A text without a single assignment is no os-release file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some((key, value)) = line.split_once('=') {
                values.insert(key.trim(), unquote(value.trim()));
            }
        }
        if values.is_empty() {
            return Err("the file has no KEY=value line".into());
        }
        let mut take = |key: &str| values.remove(key).filter(|value| !value.is_empty());
        Ok(OsRelease {
            id: take("ID").unwrap_or_else(|| "linux".into()).to_lowercase(),
            version_id: take("VERSION_ID"),
            id_like: take("ID_LIKE").map(|v| v.split_whitespace().map(str::to_lowercase).collect()).unwrap_or_default(),
            variant_id: take("VARIANT_ID"),
            name: take("PRETTY_NAME").or_else(|| take("NAME")),
        })
    }

    /// Major and minor number of `VERSION_ID`, `(0, 0)` for what is none: where several versions differ, what the oldest knows
    /// is understood by the others.
    pub fn version(&self) -> (u32, u32) {
        numbers(self.version_id.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for OsRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version_id {
            Some(version) => write!(f, "{} {version}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

/// Major and minor number of a version, 0 for each that is none.
pub(super) fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next())
}

fn unquote(value: &str) -> String {
    let inner = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut out = String::new();
    let mut escaped = false;
    for c in inner.unwrap_or(value).chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

/// A kernel's release as uname(2) gives it. Kernels of vendors follow no versioning
/// scheme beyond the first two numbers, so these alone are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Release {
    full: String,
    version: (u32, u32),
}

impl Release {
    /// All of it.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// Major and minor number: `(6, 1)`.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }
}

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(full: String) -> Result<Self, String> {
        let full = full.trim().to_owned();
        let mut numbers = full.splitn(3, '.').map(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().ok()
        });
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), Some(minor)) => Ok(Release { version: (major, minor), full }),
            _ => Err(format!("{full:?} does not begin with a kernel version such as 6.1")),
        }
    }
}

impl From<Release> for String {
    fn from(release: Release) -> String {
        release.full
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_vendors_compare_by_two_numbers() {
        for (text, version) in [
            ("6.1.0-56-cloud-amd64", (6, 1)),
            ("6.12-rc3", (6, 12)),
            ("5.15.0-1051-azure\n", (5, 15)),
            ("3.10.0-1160.el7.x86_64", (3, 10)),
            ("6.18.44-cloud", (6, 18)),
            ("4.4", (4, 4)),
        ] {
            assert_eq!(Release::try_from(text.to_owned()).map(|r| r.version()), Ok(version), "{text}");
        }
        for garbage in ["", "6", "linux", ".1", "99999999999.1"] {
            assert!(Release::try_from(garbage.to_owned()).is_err(), "{garbage}");
        }
    }

    #[test]
    fn os_release_is_read_as_the_specification_says() {
        let os = OsRelease::parse("# c\nNAME=\"X \\\"Y\\\"\"\nID='Ubuntu'\nVERSION_ID=\"24.04\"\nID_LIKE=debian\nnonsense\n");
        let os = os.expect("valid");
        assert_eq!((os.id.as_str(), os.version_id.as_deref()), ("ubuntu", Some("24.04")));
        assert_eq!(os.id_like, ["debian"]);
        assert_eq!(os.to_string(), "ubuntu 24.04");
        assert_eq!(OsRelease::parse("NAME=x").map(|os| os.id), Ok("linux".into()));
        assert!(OsRelease::parse("\u{0}garbage").is_err());
    }
}
