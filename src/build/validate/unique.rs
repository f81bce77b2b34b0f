//! Names that may be given once.

use crate::yaml::{Given, Invalid, Spot};
use std::collections::BTreeMap;

/// No two of them have the same name.
pub(in crate::build) fn unique<'a>(what: &str, names: impl Iterator<Item = &'a Given<String>>) -> Result<(), Invalid> {
    let mut seen: BTreeMap<&str, &Spot> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.value, &name.spot) {
            let at = match first.place {
                Some(place) if first.file == name.spot.file => format!(", first in line {}", place.line),
                Some(place) => format!(", first in {}:{}", first.file, place.line),
                None => String::new(),
            };
            return Err(name.spot.invalid(format!("{what} `{}` is given twice{at}", name.value)));
        }
    }
    Ok(())
}
