//! A run: boots each kernel until all its tests are judged, and reboots it for those that want that.

use crate::disk;
use crate::guest::boot::{Guest, Machine, Told};
use crate::guest::kernel::{self, Kernel};
use crate::guest::place;
use crate::seen::Seen;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a guest may say nothing. A container may take 200 s; a long step says how far it is.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many guests may die during a test. Emulated ones do at random now and then; three times is no chance.
const ATTEMPTS: usize = 3;

/// A test as this run has it.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) name: &'static str,
    /// A kernel on which it can't be run.
    pub(crate) not_on: Option<&'static str>,
    /// For each boot a script and its words.
    pub(crate) steps: Vec<String>,
    pub(crate) judge: fn(&mut Seen) -> String,
}

/// What the guests of a kernel have left of its tests.
struct Left {
    /// By test, what each boot left.
    outs: BTreeMap<&'static str, Vec<PathBuf>>,
    /// Why the last guest ended too early, and the test that was under way.
    broken: Option<(String, Option<&'static str>)>,
}

struct Report {
    start: Instant,
    passed: usize,
    failed: Vec<String>,
}

pub(crate) fn run(kernels: &[String], tests: &[Chosen]) -> ExitCode {
    let mut report = Report { start: Instant::now(), passed: 0, failed: Vec::new() };
    let root = disk::root();
    report.line("the root disk is made");
    for series in kernels {
        let tests: Vec<_> = tests.iter().filter(|test| test.not_on != Some(series)).cloned().collect();
        match kernel::get(series) {
            Ok(kernel) => run_kernel(series, &kernel, &root, &tests, &mut report),
            Err(why) => tests.iter().for_each(|test| report.failed(series, test.name, &why)),
        }
    }
    if !report.failed.is_empty() {
        println!("\nOnce more, what failed:\n{}", report.failed.join("\n"));
    }
    println!("\n{} kernels, {:.0} s", kernels.len(), report.start.elapsed().as_secs_f64());
    println!("tune: {} passed, {} failed", report.passed, report.failed.len());
    if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_kernel(series: &str, kernel: &Kernel, root: &Path, tests: &[Chosen], report: &mut Report) {
    let mut open = tests.to_vec();
    let mut attempts: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 1.. {
        let dir = place().join(format!("tune-boots/{series}-{round}"));
        let left = boots(series, kernel, root, &open, &dir, report);
        open.retain(|test| {
            let Some(outs) = left.outs.get(test.name).filter(|outs| outs.len() == test.steps.len()) else { return true };
            report.judge(series, test, outs);
            false
        });
        if open.is_empty() {
            break;
        }
        // Without a guest that broke there is nothing to do but to say so.
        let (why, under_way) = left.broken.unwrap_or_else(|| ("the guest left it out".to_owned(), None));
        report.line(&format!("{series}: {why}"));
        open.retain(|test| {
            let tries = attempts.entry(test.name).or_default();
            *tries += usize::from(under_way.is_none_or(|name| name == test.name));
            let again = *tries < ATTEMPTS;
            if !again {
                report.failed(series, test.name, &format!("not finished after {tries} attempts: {why}"));
            }
            again
        });
        if open.is_empty() {
            break;
        }
    }
}

/// Boots a fresh work disk as often as its tests want, unless a guest breaks.
fn boots(series: &str, kernel: &Kernel, root: &Path, tests: &[Chosen], dir: &Path, report: &Report) -> Left {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("mkdir");
    let count = tests.iter().map(|test| test.steps.len()).max().unwrap_or_default();
    let steps = |boot: usize| tests.iter().filter_map(|test| Some((test.name, test.steps.get(boot)?.as_str()))).collect::<Vec<_>>();
    let work = disk::work(dir, &(0..count).map(steps).collect::<Vec<_>>());
    let mut left = Left { outs: BTreeMap::new(), broken: None };
    for boot in 0..count {
        let part = dir.join(boot.to_string());
        fs::create_dir_all(&part).expect("mkdir");
        // The switch is off at each boot, as on a distribution that has it so.
        let append = format!("apparmor=1 sysctl.kernel.unprivileged_userns_clone=0 tune.boot={boot}");
        let start = Instant::now();
        let mut guest = Guest::start(&Machine { kernel, root, work: &work, append: &append, patience: PATIENCE, dir: &part });
        let wanted: Vec<_> = steps(boot).iter().map(|(name, _)| *name).collect();
        let mut done = 0;
        let end = loop {
            match guest.told() {
                Ok(Some(Told::Up(release))) => {
                    report.line(&format!("{series}: boot {boot}: {release} is up after {:.1} s", start.elapsed().as_secs_f64()));
                }
                Ok(Some(Told::End(name, out))) => {
                    let took = start.elapsed().as_secs_f64();
                    report.line(&format!("{series}: boot {boot}: {name} has run, {took:.1} s after its start"));
                    if let Some(name) = wanted.get(done).filter(|wanted| **wanted == name) {
                        left.outs.entry(name).or_default().push(out);
                    }
                    done += 1;
                }
                Ok(Some(Told::Begin)) => {}
                Ok(Some(Told::Dirty(text) | Told::Trouble(text))) => report.line(&format!("{series}: boot {boot}: {text}")),
                Ok(None) if done == wanted.len() => break None,
                Ok(None) => break Some("the guest ended".to_owned()),
                Err(why) => break Some(why),
            }
        };
        if let Some(why) = end {
            let why = guest.crash().map_or_else(|| why.clone(), |crash| format!("{why}: {crash}"));
            left.broken = Some((why, wanted.get(done).copied()));
            break;
        }
    }
    let _ = fs::remove_file(&work);
    left
}

impl Report {
    /// A line with the time since the start.
    fn line(&self, text: &str) {
        println!("{:>6.1}  {text}", self.start.elapsed().as_secs_f64());
    }

    fn judge(&mut self, series: &str, test: &Chosen, outs: &[PathBuf]) {
        let mut seen = Seen::new(outs.to_vec());
        let measured = (test.judge)(&mut seen);
        if seen.wrong.is_empty() {
            self.passed += 1;
            self.line(&format!("ok      {series:<5} {:<16} {measured}", test.name));
        } else {
            let lines: Vec<_> = seen.wrong.iter().map(|wrong| format!("\n          {wrong}")).collect();
            self.failed(series, test.name, &lines.concat());
        }
    }

    fn failed(&mut self, series: &str, name: &str, why: &str) {
        let line = format!("FAILED  {series:<5} {name:<16} {why}");
        self.line(&line);
        self.failed.push(line);
    }
}
