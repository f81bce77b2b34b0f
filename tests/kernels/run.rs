//! A run: boots guests until each cell is done, or was tried often enough.
//!
//! libtest-mimic only chooses and lists here (select.rs): its trials end one by one and pass or fail, while cells share guests
//! that run side by side and may be run again, their rows stand in the order of their ends, and unknown is no failure.

use crate::boot::{self, Disks, News};
use crate::cell::{Boot, Cell};
use crate::disk;
use crate::guest::kernel::{self, Kernel};
use crate::guest::place;
use crate::outcome::{self, Measured};
use crate::report::Report;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

/// How many boots a cell gets in which the guest dies, or the harness fails, while it is under way. Emulated guests die at
/// random now and then; what dies three times does not do so at random.
const ATTEMPTS: u32 = 3;

/// Cells that can share a boot.
struct Group {
    kernel: String,
    boot: Boot,
    cells: Vec<Cell>,
}

/// How many cells a group has at most: few enough that guests side by side end at the same time, and that one that dies takes
/// little with it.
const CHUNK: usize = 16;

pub(crate) fn run(cells: Vec<Cell>) -> ExitCode {
    let mut all: Vec<Group> = Vec::new();
    for cell in cells {
        let fits = |group: &&mut Group| group.kernel == cell.kernel && group.boot == cell.boot && group.cells.len() < CHUNK;
        match all.iter_mut().find(fits) {
            Some(group) => group.cells.push(cell),
            None => all.push(Group { kernel: cell.kernel.clone(), boot: cell.boot.clone(), cells: vec![cell] }),
        }
    }
    let run = Run { report: Mutex::new(Report::new()), boots: AtomicU32::new(0), root: disk::root() };
    run.line("the root disk is made");
    let mut kernels: BTreeMap<&str, Result<Kernel, String>> = BTreeMap::new();
    for group in &all {
        kernels.entry(&group.kernel).or_insert_with(|| kernel::get(&group.kernel));
    }
    let groups = Mutex::new(all.iter());
    let work = || {
        while let Some(group) = { groups.lock().expect("the groups").next() } {
            match &kernels[group.kernel.as_str()] {
                Ok(kernel) => group.run(&run, kernel),
                Err(why) => group.cells.iter().for_each(|cell| run.report().unfinished(cell, why)),
            }
        }
    };
    std::thread::scope(|scope| (0..jobs()).for_each(|_| drop(scope.spawn(work))));
    if run.report.into_inner().expect("the report").close() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many guests run side by side, each on a CPU of its own.
fn jobs() -> usize {
    let given = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok());
    given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(2)))
}

/// What all guests of a run share.
struct Run {
    report: Mutex<Report>,
    boots: AtomicU32,
    root: PathBuf,
}

impl Run {
    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().expect("the report")
    }

    fn line(&self, text: &str) {
        self.report().line(text);
    }
}

impl Group {
    fn run(&self, run: &Run, kernel: &Kernel) {
        let mut open: Vec<&Cell> = self.cells.iter().collect();
        let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
        let mut boots_in_vain = 0;
        while !open.is_empty() {
            let number = run.boots.fetch_add(1, Ordering::Relaxed) + 1;
            let dir = place().join(format!("boots/{number}"));
            run.line(&format!("boot {number}: {}, {} cells", self.kernel, open.len()));
            let mut again: Vec<&str> = Vec::new();
            let boot = boot::boot(&Disks { kernel, root: &run.root }, &open, &dir, |news| match news {
                News::Line(text) => run.line(&format!("boot {number}: {text}")),
                News::Done(id, release, out) => {
                    let Some(cell) = open.iter().find(|cell| cell.id == id) else { return };
                    let measured = outcome::read(out, release);
                    if self.try_again(cell, &measured, &mut attempts, run) {
                        again.push(&cell.id);
                    } else {
                        run.report().cell(cell, &measured);
                    }
                }
            });
            if let Some(why) = &boot.broken {
                run.line(&format!("boot {number}: {why}"));
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
                    run.report().unfinished(cell, &format!("not finished after {tries} attempts: {why}"));
                }
                !give_up
            });
        }
    }

    /// Whether a cell that met an error of the harness is run once more.
    fn try_again<'a>(&self, cell: &'a Cell, measured: &Measured, attempts: &mut BTreeMap<&'a str, u32>, run: &Run) -> bool {
        if measured.harness.is_empty() {
            return false;
        }
        let tries = attempts.entry(&cell.id).or_default();
        *tries += 1;
        let again = *tries < ATTEMPTS;
        if again {
            run.line(&format!("again    {:<52} {}", cell.id, measured.harness.join("; ")));
        }
        again
    }
}
