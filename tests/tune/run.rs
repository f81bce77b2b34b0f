//! A run: boots each kernel until all its tests are done, and reboots it for those that want that.

use crate::disk;
use crate::guest::boot::{Guest, Machine, Told};
use crate::guest::kernel::{self, Kernel};
use crate::guest::place;
use crate::seen::Seen;
use crate::{RUNS, Test, environment};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// How long a guest may say nothing. A container may take 200 s; a long step says how far it is.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many guests may die during a test. Emulated ones do at random now and then; three times is no chance.
const ATTEMPTS: usize = 3;

/// What came of a kernel's tests: of each what its boots left, else why it was not finished.
pub(crate) type Outs = BTreeMap<&'static str, Result<Vec<PathBuf>, String>>;

/// What the guests of a boot have left.
struct Left {
    /// By test, what each boot left.
    outs: BTreeMap<&'static str, Vec<PathBuf>>,
    /// Why the last guest ended too early, and the test that was under way.
    broken: Option<(String, Option<&'static str>)>,
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    line("the root disk is being made");
    disk::root()
});

/// A line with the time since the start.
fn line(text: &str) {
    println!("{:>6.1}  {text}", START.elapsed().as_secs_f64());
}

/// Runs the tests of one kernel, all in the same guests.
pub(crate) fn run(series: &str, tests: &[Test]) -> Outs {
    // What libtest-mimic has begun to print is the first test's line.
    println!();
    let root = &*ROOT;
    let kernel = match kernel::get(series) {
        Ok(kernel) => kernel,
        Err(why) => return tests.iter().map(|test| (test.name, Err(why.clone()))).collect(),
    };
    let (mut open, mut outs) = (tests.to_vec(), Outs::new());
    let mut attempts: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 1.. {
        let dir = place().join(format!("tune-boots/{series}-{round}"));
        let mut left = boots(series, &kernel, root, &open, &dir);
        open.retain(|test| {
            let Some(done) = left.outs.remove(test.name).filter(|outs| outs.len() == test.steps.len()) else { return true };
            outs.insert(test.name, Ok(done));
            false
        });
        if open.is_empty() {
            break;
        }
        // Without a guest that broke there is nothing to do but to say so.
        let (why, under_way) = left.broken.unwrap_or_else(|| ("the guest left it out".to_owned(), None));
        line(&format!("{series}: {why}"));
        open.retain(|test| {
            let tries = attempts.entry(test.name).or_default();
            *tries += usize::from(under_way.is_none_or(|name| name == test.name));
            let again = *tries < ATTEMPTS;
            if !again {
                outs.insert(test.name, Err(format!("not finished after {tries} attempts: {why}")));
            }
            again
        });
        if open.is_empty() {
            break;
        }
    }
    outs
}

/// Boots a fresh work disk as often as its tests want, unless a guest breaks.
fn boots(series: &str, kernel: &Kernel, root: &Path, tests: &[Test], dir: &Path) -> Left {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("mkdir");
    let count = tests.iter().map(|test| test.steps.len()).max().unwrap_or_default();
    let steps = |boot: usize| tests.iter().filter_map(|test| Some((test.name, *test.steps.get(boot)?))).collect::<Vec<_>>();
    let runs = environment("RUNS").unwrap_or_else(|| RUNS.to_owned());
    let work = disk::work(dir, &(0..count).map(steps).collect::<Vec<_>>(), &runs);
    let mut left = Left { outs: BTreeMap::new(), broken: None };
    for boot in 0..count {
        let part = dir.join(boot.to_string());
        fs::create_dir_all(&part).expect("mkdir");
        // The switch is off at each boot, as on a distribution that has it so.
        let append = format!("apparmor=1 sysctl.kernel.unprivileged_userns_clone=0 tune.boot={boot}");
        let start = Instant::now();
        let mut guest =
            Guest::start(&Machine { kernel, root, work: &work, append: &append, shares: false, patience: PATIENCE, dir: &part });
        let wanted: Vec<_> = steps(boot).iter().map(|(name, _)| *name).collect();
        let mut done = 0;
        let end = loop {
            match guest.told() {
                Ok(Some(Told::Up(release))) => {
                    line(&format!("{series}: boot {boot}: {release} is up after {:.1} s", start.elapsed().as_secs_f64()));
                }
                Ok(Some(Told::End(name, out))) => {
                    let took = start.elapsed().as_secs_f64();
                    line(&format!("{series}: boot {boot}: {name} has run, {took:.1} s after its start"));
                    if let Some(name) = wanted.get(done).filter(|wanted| **wanted == name) {
                        left.outs.entry(name).or_default().push(out);
                    }
                    done += 1;
                }
                Ok(Some(Told::Begin)) => {}
                Ok(Some(Told::Dirty(text) | Told::Trouble(text))) => line(&format!("{series}: boot {boot}: {text}")),
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

/// Whether what a test left is as it should be. Says what was measured.
pub(crate) fn judge(test: &Test, outs: &Outs) -> Result<(), Failed> {
    let mut seen = Seen::new(outs[test.name].clone()?);
    let measured = (test.judge)(&mut seen);
    if !seen.wrong.is_empty() {
        return Err(seen.wrong.join("\n").into());
    }
    print!("{measured}: ");
    Ok(())
}
