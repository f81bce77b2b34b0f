//! Which steps of the probe the cells need: those without which a verdict is wrong somewhere.

use crate::cell::{Cell, word};
use crate::compare::Agreement;
use crate::outcome::Measured;
use buildkit_preflight::fact::Step;
use std::collections::BTreeMap;
use std::fmt;

/// By step, what came of leaving it out.
#[derive(Default)]
pub(crate) struct Mutations(BTreeMap<Step, Row>);

#[derive(Default)]
struct Row {
    /// Cells in which it was tried.
    tried: usize,
    left_out: usize,
    /// Cells that disagree without it: those whose build fails, and those whose build works.
    missed: Vec<String>,
    refused: Vec<String>,
    /// Cells that have no verdict without it.
    unknown: usize,
}

impl Mutations {
    /// A cell that agrees with all steps done; others say nothing of a step.
    pub(crate) fn add(&mut self, cell: &Cell, measured: &Measured, full: &Agreement, without: &[(Step, Agreement)]) {
        if *full != Agreement::Agree {
            return;
        }
        for mutated in &measured.mutated {
            self.0.entry(mutated.step).or_default().tried += 1;
        }
        for (step, agreement) in without {
            let row = self.0.entry(*step).or_default();
            row.left_out += 1;
            match agreement {
                Agreement::Disagree(_) if measured.build.works => row.refused.push(cell.id.clone()),
                Agreement::Disagree(_) => row.missed.push(cell.id.clone()),
                Agreement::Unknown(_) => row.unknown += 1,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Mutations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        writeln!(f, "{:<22} {:>5} {:>6} {:>7} {:>7}  for instance", "without this step", "cells", "missed", "refused", "unknown")?;
        for &step in Step::ALL {
            let Some(Row { tried, left_out, missed, refused, unknown }) = self.0.get(&step) else {
                writeln!(f, "{:<22} {:>5} {:>6} {:>7} {:>7}  never tried", word(step), 0, "", "", "")?;
                continue;
            };
            let ids: Vec<_> = missed.iter().chain(refused).take(3).cloned().collect();
            let some = match (left_out, ids.len()) {
                (0, _) => "can't be left out".to_owned(),
                (_, 0) => "nothing distinguishes".to_owned(),
                _ => ids.join(" "),
            };
            writeln!(f, "{:<22} {tried:>5} {:>6} {:>7} {unknown:>7}  {some}", word(step), missed.len(), refused.len())?;
        }
        Ok(())
    }
}
