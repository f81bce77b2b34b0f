//! A run: boots guests until each cell is done, or was tried often enough.

use crate::boot::{self, Disks, News};
use crate::cell::{Boot, Cell};
use crate::disk;
use crate::guest::{kernel, place};
use crate::outcome::{self, Measured};
use crate::report::Report;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// How many boots a cell gets in which the guest dies, or the harness fails, while it is under way. Emulated guests die at
/// random now and then; what dies three times does not do so at random.
const ATTEMPTS: u32 = 3;

/// Cells that can share a boot.
struct Group {
    kernel: String,
    boot: Boot,
    cells: Vec<Cell>,
}

pub(crate) fn run(cells: Vec<Cell>) -> ExitCode {
    let mut report = Report::new();
    let mut groups: Vec<Group> = Vec::new();
    for cell in cells {
        match groups.iter_mut().find(|group| group.kernel == cell.kernel && group.boot == cell.boot) {
            Some(group) => group.cells.push(cell),
            None => groups.push(Group { kernel: cell.kernel.clone(), boot: cell.boot.clone(), cells: vec![cell] }),
        }
    }
    let root = disk::root();
    report.line("the root disk is made");
    let mut number = 0;
    for group in &groups {
        match kernel::get(&group.kernel) {
            Ok(kernel) => group.run(&Disks { kernel: &kernel, root: &root }, &mut report, &mut number),
            Err(why) => group.cells.iter().for_each(|cell| report.unfinished(cell, &why)),
        }
    }
    if report.close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Group {
    fn run(&self, disks: &Disks, report: &mut Report, number: &mut u32) {
        let mut open: Vec<&Cell> = self.cells.iter().collect();
        let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut boots_in_vain = 0;
        while !open.is_empty() {
            *number += 1;
            let dir = place().join(format!("boots/{number}"));
            report.line(&format!("boot {number}: {}, {} cells", self.kernel, open.len()));
            let mut again: Vec<&str> = Vec::new();
            let boot = boot::boot(disks, &open, &dir, |news| match news {
                News::Line(text) => report.line(&format!("boot {number}: {text}")),
                News::Done(id, release, out) => {
                    let Some(cell) = open.iter().find(|cell| cell.id == id) else { return };
                    let measured = outcome::read(out, release);
                    if self.try_again(cell, &measured, &mut attempts, report) {
                        again.push(&cell.id);
                    } else {
                        report.cell(cell, &measured);
                    }
                }
            });
            if let Some(why) = &boot.broken {
                report.line(&format!("boot {number}: {why}"));
            }
            let finished = open.len() - boot.open.len();
            boots_in_vain = if finished == 0 { boots_in_vain + 1 } else { 0 };
            let first_open = boot.open.first().map(String::as_str);
            open.retain(|cell| again.contains(&cell.id.as_str()) || boot.open.contains(&cell.id));
            let Some(why) = &boot.broken else { continue };
            open.retain(|cell| {
                let tries = attempts.entry(&cell.id).or_default();
                *tries += u32::from(boot.began && first_open == Some(cell.id.as_str()));
                let give_up = *tries >= ATTEMPTS || boots_in_vain >= 2 * ATTEMPTS;
                if give_up {
                    report.unfinished(cell, &format!("not finished after {tries} attempts: {why}"));
                }
                !give_up
            });
        }
    }

    /// Whether a cell that met an error of the harness is run once more.
    fn try_again<'a>(&self, cell: &'a Cell, measured: &Measured, attempts: &mut BTreeMap<&'a str, u32>, report: &Report) -> bool {
        if measured.harness.is_empty() {
            return false;
        }
        let tries = attempts.entry(&cell.id).or_default();
        *tries += 1;
        let again = *tries < ATTEMPTS;
        if again {
            report.line(&format!("again    {:<52} {}", cell.id, measured.harness.join("; ")));
        }
        again
    }
}
