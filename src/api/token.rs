//! Bearer tokens.

use super::file::{CREDENTIAL, contents};
use http::HeaderValue;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How old a token of a file may be. The kubelet writes a new token long before the old one ends.
pub(super) const FRESH: Duration = Duration::from_secs(60);

/// The value of a header that shows a token.
///
/// # Errors
/// Why it can't stand in a header: Go's client refuses the same characters.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    let mut value = header(token).and_then(|_| header(&format!("Bearer {token}")))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The value of any header. What is not ASCII is passed on, as Go's client does.
///
/// # Errors
/// Why it can't stand in a header; the text itself may be a secret, and is not in it.
pub(super) fn header(text: &str) -> Result<HeaderValue, String> {
    let wrong = text.bytes().position(|byte| byte.is_ascii_control() && byte != b'\t');
    match wrong {
        Some(at) if text[at..].bytes().all(|byte| byte == b'\n' || byte == b'\r') => Err("ends in a newline".to_owned()),
        Some(at) => Err(format!("holds a control character: its byte {}", at + 1)),
        None => HeaderValue::from_bytes(text.as_bytes()).map_err(|error| error.to_string()),
    }
}

/// A token in a file, which whoever wrote it renews.
pub(super) struct TokenFile {
    path: PathBuf,
    value: HeaderValue,
    pub(super) read: Instant,
}

impl TokenFile {
    /// Reads it. White space around the token is none of it.
    ///
    /// # Errors
    /// What is wrong, with the file's name.
    pub(super) fn new(path: PathBuf) -> Result<Self, String> {
        let wrong = |why: String| format!("{}: {why}", path.display());
        let text = String::from_utf8(contents(&path, CREDENTIAL)?).map_err(|_| wrong("the token is no text".to_owned()))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(wrong("the file holds no token".to_owned()));
        }
        let value = bearer(token).map_err(|why| wrong(format!("the token {why}")))?;
        Ok(TokenFile { path, value, read: Instant::now() })
    }

    /// The header's value, read anew where it is old. What can't be read stays as it was: a file may be away for a moment.
    pub(super) fn value(&mut self) -> HeaderValue {
        if self.read.elapsed() >= FRESH {
            self.read = Instant::now();
            if let Ok(new) = TokenFile::new(self.path.clone()) {
                *self = new;
            }
        }
        self.value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cant_stand_in_a_header_is_refused_and_not_repeated() {
        for (token, why) in [("abc\n", "newline"), ("abc\r\n", "newline"), ("a\nbc", "byte 2"), ("\u{1b}[0m", "byte 1"), ("a\0", "byte 2")]
        {
            let error = bearer(token).expect_err(token);
            assert!(error.contains(why) && !error.contains("bc"), "{error}");
        }
        assert_eq!(bearer("a.b-c_d=").expect("a token").as_bytes(), b"Bearer a.b-c_d=");
        assert!(bearer("ä").is_ok(), "as Go's client");
    }

    #[test]
    fn a_token_file_is_trimmed() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        for (text, taken) in [("t\n", true), (" \r\nt\r\n\n", true), ("", false), ("\n", false), ("t\nu\n", false)] {
            std::fs::write(file.path(), text).expect("write");
            let token = TokenFile::new(file.path().to_owned()).map(|mut token| token.value());
            assert_eq!(token.as_ref().map(HeaderValue::as_bytes).ok(), taken.then_some(b"Bearer t".as_slice()), "{text:?}: {token:?}");
        }
        std::fs::write(file.path(), [0xff]).expect("write");
        assert!(TokenFile::new(file.path().to_owned()).is_err());
        assert!(TokenFile::new("/dev/zero".into()).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_header_or_refused(text in any::<String>()) {
            let _ = bearer(&text);
        }
    }
}
