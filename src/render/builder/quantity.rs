//! Sizes as Kubernetes writes them: `20Gi`, `500M`, `1.5Ti`.

use std::fmt;
use std::str::FromStr;

/// A size, in the words in which it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    bytes: u64,
}

/// What a size ends with, and how many bytes that is (k8s.io/apimachinery, resource/suffix.go). Fractions of a byte, `m` and below,
/// are no sizes.
const SUFFIXES: [(&str, u64); 13] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
    ("k", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("E", 1_000_000_000_000_000_000),
    ("", 1),
];

/// Less holds no build: buildkitd's own files and one small image take about as much. Whoever leaves the unit out gets bytes.
const LEAST: u64 = 64 << 20;

/// What is wrong with a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuantity {
    /// It is no number with a unit.
    #[error("a size is a number with a unit, such as 20Gi, 512Mi or 50G")]
    Grammar,
    /// It holds no build.
    #[error("less than 64Mi holds no build; a size is a number with a unit, such as 20Gi")]
    Small,
    /// No disk is as large.
    #[error("a size is below 8Ei")]
    Large,
}

impl Quantity {
    /// How many whole bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl FromStr for Quantity {
    type Err = BadQuantity;

    fn from_str(text: &str) -> Result<Self, BadQuantity> {
        let (suffix, unit) = SUFFIXES.into_iter().find(|(suffix, _)| text.ends_with(suffix)).ok_or(BadQuantity::Grammar)?;
        let number = &text[..text.len() - suffix.len()];
        let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // Nine digits are exact in 128 bits, and finer than anybody writes.
        if !is_digits(whole) || fraction.is_some_and(|fraction| !is_digits(fraction) || fraction.len() > 9) {
            return Err(BadQuantity::Grammar);
        }
        let fraction = fraction.unwrap_or_default();
        let scale = fraction.bytes().fold(1_u128, |scale, _| scale * 10);
        let bytes = format!("{whole}{fraction}").parse::<u128>().ok().and_then(|digits| digits.checked_mul(unit.into()));
        match bytes.map(|bytes| bytes / scale).and_then(|bytes| i64::try_from(bytes).ok()).map(i64::cast_unsigned) {
            Some(bytes) if bytes >= LEAST => Ok(Quantity { text: text.to_owned(), bytes }),
            Some(_) => Err(BadQuantity::Small),
            None => Err(BadQuantity::Large),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_is_what_kubernetes_takes_it_for() {
        for (text, bytes) in [
            ("20Gi", 20 << 30),
            ("512Mi", 512 << 20),
            ("1.5Gi", 3 << 29),
            ("0.25Gi", 1 << 28),
            ("50G", 50_000_000_000),
            ("64Mi", 64 << 20),
            ("67108864", 64 << 20),
            ("100000k", 100_000_000),
            ("7.999Ei", 9_222_219_115_350_168_961),
        ] {
            assert_eq!(text.parse::<Quantity>().map(|size| (size.bytes(), size.to_string())), Ok((bytes, text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_holds_no_build_or_is_no_size_is_refused() {
        let error = |text: &str| text.parse::<Quantity>().expect_err(text);
        for text in
            ["", "Gi", "-1Gi", "+1Gi", "1 Gi", "1gi", "1GB", "1KiB", ".5Gi", "1.Gi", "1.5.5Gi", "1e9", "0x10Gi", "1Gi ", "١Gi", "500m"]
        {
            assert_eq!(error(text), BadQuantity::Grammar, "{text}");
        }
        for text in ["20", "0Gi", "63Mi", "1k", "0.01Gi"] {
            assert_eq!(error(text), BadQuantity::Small, "{text}");
        }
        for text in ["8Ei", "9999999999Gi", &format!("1{}", "0".repeat(60))] {
            assert_eq!(error(text), BadQuantity::Large, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[0-9.]{0,40}[KMGTPEkim]{0,2}|.{0,20}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
