//! Which cells are run.

use crate::cell::Cell;
use crate::repository;
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The cells of CELLS (else cells.json) that KERNEL, CELL, SET and the command line leave, in the order of the file.
pub(crate) fn cells(arguments: &Arguments) -> Result<Vec<Cell>, String> {
    let here = repository().join("tests/kernels");
    let path = environment("CELLS").map_or_else(|| here.join("cells.json"), PathBuf::from);
    let mut cells = Vec::new();
    for value in read(&path)? {
        cells.push(Cell::read(value).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = cells.iter().find(|cell| !ids.insert(cell.id.as_str())) {
        return Err(format!("{}: two cells are called {}", path.display(), twice.id));
    }
    let mut wanted: Option<BTreeSet<String>> = environment("CELL").map(|ids| ids.split_whitespace().map(str::to_owned).collect());
    if let Some(set) = environment("SET") {
        let names = read(&here.join(format!("{set}.json")))?;
        wanted = Some(names.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    if let Some(unknown) = wanted.iter().flatten().find(|id| !ids.contains(id.as_str())) {
        return Err(format!("{}: no cell is called {unknown}", path.display()));
    }
    let kernel = environment("KERNEL");
    cells.retain(|cell| {
        kernel.as_ref().is_none_or(|kernel| cell.kernel == *kernel)
            && wanted.as_ref().is_none_or(|ids| ids.contains(&cell.id))
            && !arguments.is_filtered_out(&trial(cell))
    });
    if cells.is_empty() { Err("no cell is left to run".to_owned()) } else { Ok(cells) }
}

/// A cell as far as libtest-mimic knows it.
pub(crate) fn trial(cell: &Cell) -> Trial {
    Trial::test(&cell.id, || Ok(())).with_kind(&cell.kernel)
}

/// A file that holds a list.
fn read(path: &Path) -> Result<Vec<Value>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}
