//! The rows, the closing lines, and results.jsonl.

use crate::cell::Cell;
use crate::compare::{self, Agreement};
use crate::guest::place;
use crate::mutations::Mutations;
use crate::outcome::{self, Measured};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// How often what came.
#[derive(Default)]
struct Counts {
    agree: usize,
    /// Of those: unknown, where that is allowed.
    allowed: usize,
    disagree: usize,
    unknown: usize,
    harness: usize,
}

impl Counts {
    fn add(&mut self, agreement: &Agreement) {
        match agreement {
            Agreement::Agree => self.agree += 1,
            Agreement::AgreeUnknown => (self.agree, self.allowed) = (self.agree + 1, self.allowed + 1),
            Agreement::Unknown(_) => self.unknown += 1,
            Agreement::Disagree(_) => self.disagree += 1,
            Agreement::Harness(_) => self.harness += 1,
        }
    }
}

/// What a run has come to.
pub(crate) struct Report {
    start: Instant,
    results: File,
    all: Counts,
    predicted: Counts,
    kernels: BTreeMap<String, Counts>,
    mispredicted: Vec<String>,
    silent: Vec<String>,
    mutations: Mutations,
    /// What is said once more at the end.
    bad: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let results = File::create(Self::path()).expect("results.jsonl");
        let (all, predicted) = (Counts::default(), Counts::default());
        Report {
            start: Instant::now(),
            results,
            all,
            predicted,
            kernels: BTreeMap::new(),
            mispredicted: Vec::new(),
            silent: Vec::new(),
            mutations: Mutations::default(),
            bad: Vec::new(),
        }
    }

    fn path() -> PathBuf {
        fs::create_dir_all(place()).expect("mkdir");
        place().join("results.jsonl")
    }

    /// A cell that was run to its end.
    pub(crate) fn cell(&mut self, cell: &Cell, measured: &Measured) {
        let agreement = compare::compare(cell, measured);
        let predicted = compare::prediction(cell, measured);
        if let Some(predicted) = &predicted {
            self.predicted.add(predicted);
            if let Agreement::Disagree(why) = predicted {
                self.mispredicted.push(format!("  {} ({why})", cell.id));
            }
        }
        let silent = compare::silent(cell, measured);
        if !silent.is_empty() {
            let names: Vec<_> = silent.iter().map(|cause| cause.id()).collect();
            self.silent.push(format!("{} ({})", cell.id, names.join(", ")));
        }
        let mutated = compare::mutated(cell, measured);
        self.mutations.add(cell, measured, &agreement, &mutated);
        let build = &measured.build;
        let real = match build.stage {
            None => format!("works {}", build.snapshotter.as_deref().unwrap_or("-")),
            Some(stage) => format!("fails {stage}"),
        };
        let said = measured.check.as_ref().or(measured.predicted.as_ref()).map_or_else(String::new, |check| {
            let detail = if check.causes.is_empty() { check.snapshotter.clone().unwrap_or_default() } else { check.causes.join(",") };
            format!("{} {} {detail}", check.verdict, check.evidence)
        });
        let (mark, why) = describe(&agreement);
        let seconds = build.seconds;
        self.line(format!("{mark:<8} {:<52} {real:<21} {said:<44} {seconds:>4.0} s  {why}", cell.id).trim_end());
        self.count(cell, &measured.release, &agreement, why);
        let mut line = outcome::json(measured);
        line["id"] = json!(cell.id);
        line["agreement"] = json!(agreement);
        line["prediction"] = json!(predicted);
        line["unnamed"] = json!(silent);
        line["without"] = json!(mutated);
        line["cell"] = json!(cell);
        writeln!(self.results, "{line}").expect("results.jsonl");
    }

    /// A cell that no boot could finish.
    pub(crate) fn unfinished(&mut self, cell: &Cell, why: &str) {
        let agreement = Agreement::Harness(why.to_owned());
        self.line(&format!("{:<8} {:<52} {why}", "HARNESS", cell.id));
        self.count(cell, &cell.kernel, &agreement, why);
        let line = json!({"id": cell.id, "agreement": agreement, "cell": cell});
        writeln!(self.results, "{line}").expect("results.jsonl");
    }

    fn count(&mut self, cell: &Cell, release: &str, agreement: &Agreement, why: &str) {
        self.all.add(agreement);
        self.kernels.entry(release.to_owned()).or_default().add(agreement);
        if !matches!(agreement, Agreement::Agree | Agreement::AgreeUnknown) {
            let (mark, _) = describe(agreement);
            self.bad.push(format!("{mark:<8} {:<52} {why}", cell.id));
        }
    }

    /// A line with the time since the start.
    pub(crate) fn line(&self, text: &str) {
        println!("{:>6.1}  {text}", self.start.elapsed().as_secs_f64());
    }

    /// The closing lines; whether all is well.
    pub(crate) fn close(self) -> bool {
        if !self.bad.is_empty() {
            println!("\nOnce more, what does not agree:\n{}", self.bad.join("\n"));
        }
        println!();
        for (kernel, counts) in &self.kernels {
            let Counts { agree, disagree, unknown, harness, .. } = counts;
            println!("{kernel}: agree {agree}, disagree {disagree}, unknown {unknown}, harness errors {harness}");
        }
        if !self.silent.is_empty() {
            println!("causes that settings put there and check does not name beside others: {}", self.silent.join("; "));
        }
        let Counts { agree, disagree, unknown, harness, allowed } = &self.all;
        println!(
            "predicted without a probe: right {}, wrong {}, unknown {}",
            self.predicted.agree, self.predicted.disagree, self.predicted.unknown
        );
        if !self.mispredicted.is_empty() {
            println!("{}", self.mispredicted.join("\n"));
        }
        println!("unknown where no container of the cell's own could be made or the build hangs, counted as agreeing: {allowed}");
        print!("{}", self.mutations);
        println!("results: {}; {:.0} s", Self::path().display(), self.start.elapsed().as_secs_f64());
        let cells = agree + disagree + unknown + harness;
        println!("cells: {cells}, agree {agree}, disagree {disagree}, unknown {unknown}, harness errors {harness}");
        *disagree == 0 && *harness == 0
    }
}

fn describe(agreement: &Agreement) -> (&'static str, &str) {
    match agreement {
        Agreement::Agree => ("agree", ""),
        Agreement::AgreeUnknown => ("agree", "unknown is allowed here"),
        Agreement::Unknown(why) => ("unknown", why),
        Agreement::Disagree(why) => ("DISAGREE", why),
        Agreement::Harness(why) => ("HARNESS", why),
    }
}
