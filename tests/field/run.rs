//! A run: all cases, the table, the closing line.

use crate::row::Row;
use crate::select::{Case, Kind};
use crate::{cluster, container, facts, node, tree};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, RwLock};

#[derive(Default)]
struct Counts {
    right: usize,
    wrong: usize,
    false_ready: usize,
}

/// Runs them; fails unless all are right.
pub(crate) fn run(cases: &[Case]) -> ExitCode {
    let (counts, queue) = (Mutex::new(Counts::default()), Mutex::new(cases.iter()));
    // Keyrings are counted for a user of the whole machine: who holds many is alone.
    let alone = RwLock::new(());
    let work = || {
        while let Some(case) = { queue.lock().expect("the queue").next() } {
            let row = {
                let (_together, _alone);
                if case.needs_all() {
                    _alone = alone.write().expect("the lock");
                } else {
                    _together = alone.read().expect("the lock");
                }
                look(case)
            };
            counts.lock().expect("the counts").add(case, &row);
        }
    };
    let jobs = std::env::var("JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(2);
    std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    let counts = counts.into_inner().expect("the counts");
    let unjudged = cases.len() - counts.right - counts.wrong;
    if unjudged > 0 {
        println!("{unjudged} cases have no expectation to check: neither right nor wrong");
    }
    println!("field: {} cases, right {}, wrong {}, false ready {}", cases.len(), counts.right, counts.wrong, counts.false_ready);
    if counts.right == cases.len() && counts.false_ready == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One that panics is wrong, and the others go on.
fn look(case: &Case) -> Row {
    let looked = catch_unwind(AssertUnwindSafe(|| match &case.kind {
        Kind::Container(case) => container::look(case),
        Kind::Node(case) => node::look(case),
        Kind::Returned(case) => cluster::look(case),
        Kind::Facts(case) => facts::look(case),
        Kind::Tree(case) => tree::look(case),
    }));
    looked.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        Row::broken(format!("the harness failed: {}", said.unwrap_or("no message")))
    })
}

impl Case {
    /// Whether it changes what others would notice.
    fn needs_all(&self) -> bool {
        matches!(&self.kind, Kind::Container(case) if case.hold_keys > 0)
    }
}

impl Counts {
    fn add(&mut self, case: &Case, row: &Row) {
        let word = match row.unjudged {
            _ if row.false_ready => "FALSE READY",
            _ if !row.wrongs.is_empty() => "wrong",
            Some(_) => "unjudged",
            None => "right",
        };
        println!("{word:<11} {:<36} {}", case.name, row.seen);
        if let Some(why) = row.unjudged {
            println!("            {why}");
        }
        for wrong in &row.wrongs {
            println!("            wrong: {wrong}");
        }
        if !row.wrongs.is_empty() || std::env::var_os("VERBOSE").is_some() {
            row.log.lines().for_each(|line| println!("            | {line}"));
        }
        self.right += usize::from(row.wrongs.is_empty() && row.unjudged.is_none());
        self.wrong += usize::from(!row.wrongs.is_empty());
        self.false_ready += usize::from(row.false_ready);
    }
}
