//! Logs of whatever failed.

use crate::cause::Cause;
use crate::explain::{Log, SIGNATURES, Scan, explain};
use crate::fact::Facts;
use crate::profile::Profile;
use crate::report::{Explanation, Style, explanation_table};
use crate::text::is_harmless;

thread_local! {
    static SCAN: Scan = Scan::new();
}

/// That a log says the same in whatever pieces it comes, and that what is printed of it does nothing to a terminal.
pub(super) fn log(bytes: &[u8]) {
    let (mut scan, mut whole) = SCAN.with(|scan| (scan.clone(), scan.clone()));
    bytes.chunks(7).for_each(|piece| scan.feed(piece));
    whole.feed(bytes);
    let (log, whole) = (scan.finish(), whole.finish());
    let told = |log: &Log| log.hits.iter().map(|hit| (hit.line, hit.text.clone())).collect::<Vec<_>>();
    assert_eq!((log.lines, told(&log)), (whole.lines, told(&whole)));
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let open = u64::from(bytes.last().is_some_and(|byte| !is_end(byte)));
    assert_eq!(log.lines, bytes.iter().filter(|byte| is_end(byte)).count() as u64 + open);
    assert!(log.hits.len() <= SIGNATURES.len() && log.hits.iter().all(|hit| hit.text.len() < 1000 && hit.line <= log.lines));
    let facts = Facts::unknown();
    for profile in Profile::ALL {
        let explained = explain(&log, &facts, profile, None);
        assert!(explained.len() <= Cause::ALL.len());
        let explanation = Explanation::of_log(log.lines, explained, &facts);
        assert!(is_harmless(&explanation_table(&explanation, Style::default())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::{collection, sample};

    /// Words of messages among bytes of all kinds.
    fn any_log() -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<&str> = SIGNATURES.iter().flat_map(|signature| signature.says.iter().copied()).collect();
        let errors =
            ["Operation not permitted", "permission denied", "ENOSPC", "invalid argument", "\u{1b}[31m", "\\\"", "\n", "\r\n", " "];
        let part = prop_oneof![
            3 => sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
            2 => sample::select(errors.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
            2 => collection::vec(any::<u8>(), 0..20),
        ];
        collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn any_bytes_are_explained(bytes in any_log()) {
            log(&bytes);
        }
    }
}
