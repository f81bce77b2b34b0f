//! Times as Go writes them: `1h30m`, `90s`, `500ms`.

/// The longest that a build may take, in seconds.
pub(super) const DAY: u64 = 24 * 3600;

/// Units in nanoseconds; the longer of two that begin alike comes first.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The seconds of a time, rounded up; none if it is not one.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut nanoseconds = 0_u128;
    while !rest.is_empty() || text.len() < 2 {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let (number, after) = rest.split_at(end);
        let (unit, size) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        nanoseconds = nanoseconds.checked_add(scaled(number, *size)?)?;
        rest = &after[unit.len()..];
    }
    u64::try_from(nanoseconds.div_ceil(1_000_000_000)).ok()
}

/// A number with or without a fraction, times a unit.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // More digits than these are below a nanosecond, or beyond any timeout.
    if whole.len() > 20 || fraction.contains('.') || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u128>().ok() };
    let fraction = &fraction[..fraction.len().min(15)];
    let below = digits(fraction)? * unit / 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    digits(whole)?.checked_mul(unit)?.checked_add(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_as_go_has_them() {
        for (text, found) in [
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("1.5h", Some(5400)),
            ("90s", Some(90)),
            ("1ms", Some(1)),
            ("1001ms", Some(2)),
            (".5s", Some(1)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("+5s", Some(5)),
            ("10us", Some(1)),
            ("10µs", Some(1)),
            ("24h", Some(DAY)),
            ("24h1ns", Some(DAY + 1)),
            ("", None),
            ("10", None),
            ("m", None),
            (".", None),
            (".s", None),
            ("1..5s", None),
            ("-1s", None),
            ("1d", None),
            ("1 m", None),
            ("+", None),
            ("999999999999999999999999h", None),
        ] {
            assert_eq!(seconds(text), found, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC*|[0-9.hmsnuµ+-]{0,60}") {
            let _ = seconds(&text);
        }
    }
}
