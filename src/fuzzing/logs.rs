//! Logs of whatever failed.

use crate::cause::Cause;
use crate::explain::{Log, Scan, explain};
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
    let facts = Facts::unknown();
    for profile in Profile::ALL {
        let explained = explain(&log, &facts, profile, None);
        assert!(explained.len() <= Cause::ALL.len());
        let explanation = Explanation::of_log(log.lines, explained, &facts);
        assert!(is_harmless(&explanation_table(&explanation, Style::default())));
    }
}
