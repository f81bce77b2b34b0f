use super::Errno;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why something is not known: what was looked at, and the error that it met, where there was one.
///
/// Written as an object. Read from a text too, which is then all that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Written")]
pub struct Why {
    /// What was looked at (`/proc/self/status`); without an error, the whole reason.
    pub what: String,
    /// The error that the kernel gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<Errno>,
}

/// The two ways in which a reason is written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    Text(String),
    Object {
        #[serde(default = "not_told")]
        what: String,
        #[serde(default)]
        errno: Option<Errno>,
    },
}

fn not_told() -> String {
    "not reported".into()
}

impl From<Written> for Why {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(what) => Why { what, errno: None },
            Written::Object { what, errno } => Why { what, errno },
        }
    }
}

impl Why {
    /// Something that was looked at, and met an error.
    pub fn error(what: impl Into<String>, errno: Errno) -> Self {
        Why { what: what.into(), errno: Some(errno) }
    }

    /// Whether it was forbidden: it is there, for others to see.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.errno, Some(Errno::EACCES | Errno::EPERM))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.errno {
            None => Ok(()),
            Some(_) if self.is_forbidden() => f.write_str(": permission denied"),
            Some(errno) => write!(f, ": {}", errno.text()),
        }
    }
}

impl From<String> for Why {
    fn from(what: String) -> Self {
        Why { what, errno: None }
    }
}

impl From<&str> for Why {
    fn from(what: &str) -> Self {
        what.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_read_as_an_object_and_as_a_text() {
        let denied = Why::error("/etc/subuid", Errno::EACCES);
        assert_eq!(denied.to_string(), "/etc/subuid: permission denied");
        assert_eq!(Why::error("/dev/fuse", Errno(5)).to_string(), "/dev/fuse: Input/output error");
        let json = serde_json::to_string(&denied).expect("JSON");
        assert_eq!(json, r#"{"what":"/etc/subuid","errno":"EACCES"}"#);
        assert_eq!(serde_json::from_str::<Why>(&json).expect("the object"), denied);
        let newer = r#"{"what":"/etc/subuid","errno":"EACCES","when":"now"}"#;
        assert_eq!(serde_json::from_str::<Why>(newer).expect("fields of a later version are passed over"), denied);
        assert_eq!(serde_json::from_str::<Why>(r#""not reported""#).expect("a text"), Why::from("not reported"));
    }
}
