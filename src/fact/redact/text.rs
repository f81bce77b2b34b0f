//! Texts of programs and kernels, which no type tells apart: names that are known, and words that look like a name, are replaced.

use super::names::{Kind, Names};
use crate::fact::{HELPERS, NO_USER_NAME, SYSCTLS};

/// Names shorter than this are taken for ordinary words.
const SHORTEST: usize = 3;

/// What these messages say of themselves, in quotes or around a slash.
const WORDS: [&str; 33] = [
    "I/O",
    "UID/GID",
    "apparmor",
    "bind",
    "bind/rbind",
    "cgroup",
    "cgroup2",
    "devpts",
    "fork/exec",
    "fuse",
    "fuse-overlayfs",
    "gid/uid",
    "mount",
    "mqueue",
    "n/a",
    "name",
    "native",
    "newgidmap",
    "newuidmap",
    "none",
    "overlay",
    "overlayfs",
    "proc",
    "read/write",
    "runc",
    "setgroups",
    "subgid",
    "subuid",
    "sysfs",
    "tmpfs",
    "uid/gid",
    "user",
    "umoci",
];

/// Keys whose values say nothing of people: those of log lines.
const KEYS: [&str; 6] = ["time", "level", "status", "code", "flags", "errno"];

/// First parts of names with dots that are no hosts.
const DOTTED: [&str; 4] = ["mount.", "security.", "spec.", "securityContext."];
/// Ends of such names.
const ENDINGS: [&str; 12] = [".go", ".c", ".rs", ".h", ".json", ".toml", ".conf", ".log", ".sock", ".service", ".so", ".d"];

impl Names {
    /// A text without names. What the judge looks for in it stays.
    pub(super) fn text(&mut self, text: &str, is_reason: bool) -> String {
        let mut shown = text.to_owned();
        for (name, placeholder) in self.words().into_iter().filter(|(name, _)| name.len() >= SHORTEST && !WORDS.contains(&name.as_str())) {
            shown = with_word(&shown, &name, &placeholder);
        }
        let mut shown = self.quotes(&shown, is_reason);
        for mark in HELPERS.iter().chain([&NO_USER_NAME]).filter(|mark| text.contains(**mark)) {
            if !shown.contains(*mark) {
                shown += &format!(" ({mark})");
            }
        }
        shown
    }

    /// What stands in quotes is one name, or a text of its own. A reason quotes what it read.
    fn quotes(&mut self, text: &str, is_reason: bool) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, quote, inner, after)) = quoted(rest) {
            shown += &self.words_of(before);
            shown.push(quote);
            shown += &self.in_quotes(inner, is_reason);
            shown.push(quote);
            rest = after;
        }
        shown + &self.words_of(rest)
    }

    fn in_quotes(&mut self, inner: &str, is_reason: bool) -> String {
        if is_plain(inner) || self.is_placeholder(inner) {
            return inner.to_owned();
        }
        let is_text = inner.contains(char::is_whitespace);
        if is_text && !is_reason {
            return self.quotes(&inner.replace("\\\"", "'"), is_reason);
        }
        if inner.starts_with('/') && !inner.contains(':') {
            return self.path(inner);
        }
        let shown = self.word(inner);
        if shown == inner || is_text { self.of(Kind::Text, inner) } else { shown }
    }

    /// Each word by itself; what divides them stays.
    fn words_of(&mut self, text: &str) -> String {
        let divides = |c: char| c.is_whitespace() || "\"'`()[]{}<>,;|".contains(c);
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c| !divides(c)) {
            let end = rest[start..].find(divides).map_or(rest.len(), |length| start + length);
            let word = rest[start..end].trim_end_matches(['.', ':', '!', '?']);
            shown += &rest[..start];
            shown += &self.word(word);
            shown += &rest[start + word.len()..end];
            rest = &rest[end..];
        }
        shown + rest
    }

    fn word(&mut self, word: &str) -> String {
        if is_plain(word) || self.is_placeholder(word) {
            return word.to_owned();
        }
        if let Some((scheme, place)) = word.split_once("://") {
            let is_version = place.starts_with(|c: char| c.is_ascii_digit()) && ["containerd", "cri-o", "docker"].contains(&scheme);
            return match scheme {
                _ if is_version => word.to_owned(),
                "unix" | "file" => format!("{scheme}://{}", self.path(place)),
                _ => format!("{scheme}://{}", self.of(Kind::Host, place)),
            };
        }
        if let Some((key, value)) = word.split_once('=') {
            let shown = if KEYS.contains(&key) || is_plain(value) { value.to_owned() } else { self.value(value) };
            // Our own labels.
            let key = if key.starts_with("buildkit-preflight.dev/") { key.to_owned() } else { self.word(key) };
            return format!("{key}={shown}");
        }
        if is_address(word) {
            return self.of(Kind::Address, word);
        }
        if word.contains('@') {
            return self.of(Kind::Host, word);
        }
        if let Some((name, port)) = word.rsplit_once(':')
            && (2..=5).contains(&port.len())
            && is_number(port)
            && !name.contains(['/', ':'])
        {
            let name = if is_address(name) {
                self.of(Kind::Address, name)
            } else if is_file(name) {
                name.to_owned()
            } else {
                self.of(Kind::Host, name)
            };
            return format!("{name}:{port}");
        }
        if word.contains(':') {
            return word.split(':').map(|part| self.word(part)).collect::<Vec<_>>().join(":");
        }
        match word {
            _ if word.starts_with('/') => self.path(word),
            _ if word.contains('/') || word.starts_with('~') => self.of(Kind::Path, word),
            _ if is_host(word) => self.of(Kind::Host, word),
            _ if is_id(word) => self.of(Kind::Id, word),
            _ => word.to_owned(),
        }
    }

    /// The value of a label or of an option.
    fn value(&mut self, value: &str) -> String {
        let shown = self.word(value);
        if shown == value && !self.is_placeholder(value) { self.of(Kind::Value, value) } else { shown }
    }
}

/// Replaces a name where it stands as a word.
fn with_word(text: &str, name: &str, placeholder: &str) -> String {
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let end = at + name.len();
        let before = rest[..at].chars().next_back().or_else(|| shown.chars().next_back());
        let is_word = !before.is_some_and(joins) && !rest[end..].starts_with(joins);
        shown += &rest[..at];
        shown += if is_word { placeholder } else { name };
        rest = &rest[end..];
    }
    shown + rest
}

/// The first part in quotes: what stands before it, the quote, what is in it, what stands behind it.
fn quoted(text: &str) -> Option<(&str, char, &str, &str)> {
    let at = text.find(['"', '`'])?;
    let quote = if text[at..].starts_with('"') { '"' } else { '`' };
    let mut is_escaped = false;
    let end = text[at + 1..].find(|c| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some((&text[..at], quote, &text[at + 1..at + 1 + end], &text[at + end + 2..]))
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Words that name nobody: of these messages, numbers, sysctls.
fn is_plain(word: &str) -> bool {
    let number = word.strip_prefix("0x").unwrap_or(word).trim_start_matches('-');
    word.is_empty()
        || WORDS.contains(&word)
        || SYSCTLS.iter().any(|row| row.name == word)
        || number.len() < 9 && number.bytes().all(|byte| byte.is_ascii_digit() || word.starts_with("0x") && byte.is_ascii_hexdigit())
}

/// An address of a network or of a network card, with a mask or without.
fn is_address(word: &str) -> bool {
    let (address, mask) = word.split_once('/').unwrap_or((word, "0"));
    let parts: Vec<_> = address.split('.').collect();
    let is_v4 = parts.len() == 4 && parts.iter().all(|part| is_number(part) && part.len() <= 3);
    let by = |separator: char| address.split(separator).filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let is_hex = |part: &&str| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_time = by(':').len() == 3 && by(':').iter().all(|part| is_number(part) && part.len() == 2);
    let is_v6 = address.matches(':').count() >= 2 && by(':').iter().all(is_hex) && !by(':').is_empty() && !is_time;
    let is_card = by('-').len() == 6 && by('-').iter().all(|part| part.len() == 2 && is_hex(part));
    is_number(mask) && (is_v4 || is_v6 || is_card)
}

fn is_file(word: &str) -> bool {
    ENDINGS.iter().any(|ending| word.ends_with(ending))
}

/// A name with dots that looks like a host's.
fn is_host(word: &str) -> bool {
    let parts: Vec<_> = word.split('.').collect();
    let is_part = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let last = parts.last().copied().unwrap_or_default();
    parts.len() > 1
        && parts.iter().all(is_part)
        && last.len() > 1
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !is_file(word)
        && !DOTTED.iter().any(|first| word.starts_with(first))
}

/// The ID of a pod, a container, a boot, an image.
fn is_id(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    word.len() >= 12 && digits >= 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}
