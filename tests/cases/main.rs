//! Reports from the field: what the judge says of their facts, and what `explain` says of their errors.
//!
//! `CASES=file` names another file of the same form (README.md here). The closing lines are `verdict: …` and `diagnose: …`; the exit
//! code is 1 where a report that fails was judged ready, or fewer are right than README.md asks for.

mod adapter;
mod report;

use adapter::Setup;
use buildkit_preflight::check::{Ready, judge};
use buildkit_preflight::explain::{Scan, explain};
use buildkit_preflight::pod;
use report::{Asked, Report};
use std::process::ExitCode;

/// What is asked for at least, and what may be wrong at most, in hundredths.
const RIGHT: usize = 90;
const WRONG: usize = 6;

#[derive(Default)]
struct Tally {
    cases: usize,
    right: usize,
    wrong: usize,
}

impl Tally {
    fn count(&mut self, is_right: Option<bool>) {
        self.cases += 1;
        self.right += usize::from(is_right == Some(true));
        self.wrong += usize::from(is_right == Some(false));
    }

    fn close(&self, name: &str, more: &str) -> bool {
        let Tally { cases, right, wrong } = self;
        println!("{name}: {cases} cases, {right} right, {wrong} wrong, {} abstained{more}", cases - right - wrong);
        right * 100 >= RIGHT * cases && wrong * 100 <= WRONG * cases
    }
}

fn main() -> ExitCode {
    let file = std::env::var("CASES").unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/visible.jsonl").into());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{file}: {why}"));
    let reports: Vec<Report> = text
        .lines()
        .enumerate()
        .map(|(at, line)| serde_json::from_str(line).unwrap_or_else(|why| panic!("{file}, line {}: {why}", at + 1)))
        .collect();
    let asked = |what: Asked| reports.iter().filter(move |report| report.asked.contains(&what));

    let is_verbose = std::env::var_os("VERBOSE").is_some();
    let (mut verdicts, mut false_ready, mut false_alarms) = (Tally::default(), 0, 0);
    for report in asked(Asked::Verdict) {
        let (ready, why) = verdict(report);
        let works = report.expect.works();
        let is_right = match ready {
            Ready::Unknown => None,
            ready => Some((ready == Ready::Ready) == works),
        };
        verdicts.count(is_right);
        false_ready += usize::from(ready == Ready::Ready && !works);
        false_alarms += usize::from(ready == Ready::NotReady && works);
        if is_right != Some(true) || is_verbose {
            println!("{}: {ready}, {}: {why}", report.id, if works { "works" } else { "fails" });
        }
    }
    let mut diagnoses = Tally::default();
    for report in asked(Asked::Diagnose) {
        let causes = diagnose(report);
        let is_right = causes.first().map(|first| report.expect.causes.contains(first));
        diagnoses.count(is_right);
        if is_right != Some(true) || is_verbose {
            println!(
                "{}: {causes:?}, expected {:?}: {}",
                report.id,
                report.expect.causes,
                report.error.as_deref().unwrap_or_default().escape_debug()
            );
        }
    }
    let good = [
        verdicts.close("verdict", &format!("; false ready {false_ready}, false alarms {false_alarms}")),
        diagnoses.close("diagnose", ""),
        false_ready == 0,
    ];
    if good.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Of the pod by its manifest, then of the place by its facts.
fn verdict(report: &Report) -> (Ready, String) {
    let text = adapter::manifest(report).to_string();
    let workloads = pod::workloads("report", &text).unwrap_or_else(|why| panic!("{}: {why:?}", report.id));
    let builders = pod::builders(&workloads, Some("builder")).unwrap_or_else(|why| panic!("{}: {why:?}", report.id));
    let stops = builders.iter().flat_map(|builder| builder.judge().findings).find(|finding| finding.weight == pod::Weight::Stops);
    if let Some(finding) = stops {
        return (Ready::NotReady, finding.cause.to_owned());
    }
    let setup = Setup::of(report);
    let verdict = judge(&setup.with_the_usual(), setup.profile, setup.process_sandbox);
    let why = verdict.decisive().map(|cause| cause.to_string()).or_else(|| verdict.unknown().map(ToString::to_string));
    (verdict.ready(), why.unwrap_or_default())
}

fn diagnose(report: &Report) -> Vec<String> {
    let setup = Setup::of(report);
    let mut scan = Scan::new();
    scan.feed(report.error.as_deref().unwrap_or_default().as_bytes());
    let explained = explain(&scan.finish(), &setup.told, setup.profile, setup.process_sandbox);
    explained.iter().map(|explained| explained.cause.to_string()).collect()
}
