//! Texts that a user named: a file, or `-` for standard input.

use super::Error;
use crate::read::{BadPath, Named, PATIENCE, file, whole};
use std::path::Path;

/// Reads a text that a user named, `-` for standard input.
pub(super) fn text(named: Named, path: &str, largest: usize) -> Result<String, Error> {
    let largest = largest as u64;
    let bytes = match path {
        "-" => whole(std::io::stdin().lock(), largest).map_err(|error| BadPath::error(named, Path::new("standard input"), &error))?,
        _ => file(named, Path::new(path), largest, PATIENCE)?,
    };
    String::from_utf8(bytes).map_err(|_| Error::BadInput { message: format!("{}: it is not text in UTF-8", shown(path)), hint: None })
}

/// What messages call a file.
pub(super) fn shown(path: &str) -> &str {
    if path == "-" { "standard input" } else { path }
}
