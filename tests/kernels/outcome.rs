//! What came of a cell's containers, by what they printed.

use crate::cell::word;
use buildkit_preflight::fact::Step;
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The real build's outcome.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Build {
    pub(crate) works: bool,
    /// Where it ended: container, daemon, run, export, copy or unknown; or `hangs`, for one that was ended.
    pub(crate) stage: Option<&'static str>,
    pub(crate) snapshotter: Option<String>,
    /// The last line that names an error number, else the last that looks like an error.
    pub(crate) error: Option<String>,
    /// The behaviours (src/behaviour) that the build says did not work.
    pub(crate) behaviours: Vec<String>,
    pub(crate) seconds: f64,
}

impl Build {
    pub(crate) fn hangs(&self) -> bool {
        self.stage == Some(HANGS)
    }
}

const HANGS: &str = "hangs";

/// What `check` says.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) verdict: String,
    pub(crate) evidence: String,
    pub(crate) snapshotter: Option<String>,
    pub(crate) causes: Vec<String>,
    pub(crate) failed: Option<String>,
    pub(crate) reason: Option<String>,
}

/// What `check` says with a step of its probe left out.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Mutated {
    pub(crate) step: Step,
    /// Whether it can be left out at all: others build on what some steps make.
    pub(crate) left_out: bool,
    pub(crate) check: Check,
}

/// All that is known of a cell after its run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) release: String,
    pub(crate) build: Build,
    /// What the probe says in the cell's container; `None` where there is none.
    pub(crate) check: Option<Check>,
    /// The same without one step, for each that was tried; in a run with MUTATE only.
    pub(crate) mutated: Vec<Mutated>,
    /// What `check --no-probe` says there, else in a container of the default shape, else on the node.
    pub(crate) predicted: Option<Check>,
    /// Where the prediction was made: check, shape or node.
    pub(crate) place: &'static str,
    /// How the trial build of `check --prove build` ended: built, failed, or why there is no telling.
    pub(crate) trial: Option<String>,
    /// What `check --prove build` says, where it ran.
    pub(crate) proven: Option<Check>,
    /// What `check` left behind: in the container, on the node.
    pub(crate) left: String,
    /// What is the harness's own fault, or nobody's.
    pub(crate) harness: Vec<String>,
    pub(crate) check_seconds: f64,
    /// Whether `check` had to be ended.
    pub(crate) check_hangs: bool,
}

/// The log of one container.
struct Log(String);

impl Log {
    fn read(dir: &Path, part: &str) -> Self {
        Log(fs::read(dir.join(format!("{part}.log"))).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    fn all<'a>(&'a self, prefix: &'a str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(prefix))
    }

    /// The value of the last line `@key value`.
    fn get(&self, key: &str) -> Option<&str> {
        self.0.lines().rev().find_map(|line| line.strip_prefix('@')?.strip_prefix(key)?.strip_prefix(' ')).map(str::trim)
    }

    fn created(&self) -> bool {
        self.get("uid").is_some()
    }

    /// Between two times that were noted.
    fn seconds(&self, key: &str) -> f64 {
        let times = self.get(key).and_then(|times| times.split_once(' '));
        times.and_then(|(from, to)| Some(to.parse::<f64>().ok()? - from.parse::<f64>().ok()?)).unwrap_or_default()
    }

    fn trial(&self) -> Option<String> {
        let end = &self.report("proven")?["facts"]["trials"][0]["end"];
        let word = end.as_str().map(str::to_owned).or_else(|| end.as_object()?.keys().next().cloned());
        Some(if matches!(word.as_deref(), Some("built" | "failed")) { word? } else { end.to_string() })
    }

    fn report(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.get(key)?).ok()
    }

    fn check(&self, key: &str) -> Option<Check> {
        let profile = &self.report(key)?["profiles"][0];
        let text = |key: &str| profile[key].as_str().map(str::to_owned);
        Some(Check {
            verdict: text("verdict")?,
            evidence: text("evidence")?,
            snapshotter: text("snapshotter"),
            causes: profile["causes"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            failed: text("failed"),
            reason: text("reason"),
        })
    }

    fn mutated(&self, step: Step) -> Option<Mutated> {
        let key = format!("without-{}", word(step));
        let report = self.report(&key)?;
        let steps = report["facts"]["probes"][0]["steps"].as_array()?;
        let left_out = steps.iter().any(|result| result["step"] == word(step) && result["detail"] == "left out");
        Some(Mutated { step, left_out, check: self.check(&key)? })
    }

    /// The line that says best why it failed, among those with a prefix.
    fn error(&self, prefix: &str) -> Option<String> {
        // `>>> ` heads the lines of a Dockerfile in an error.
        let noise = [" >>> ", "CDI setup", "fsverity", "git source", "failed to solve"];
        let lines: Vec<_> = self.all(prefix).filter(|line| !noise.iter().any(|noise| line.contains(noise))).collect();
        let last = |words: &[&str]| {
            let says = |line: &&&str| words.iter().any(|word| line.to_lowercase().contains(word));
            lines.iter().rev().find(says).map(|line| (*line).to_owned())
        };
        let errno = [
            "i/o error",
            "input/output",
            "not permitted",
            "denied",
            "no space",
            "invalid arg",
            "no such",
            "not implemented",
            "not supported",
            "read-only",
            "quota",
        ];
        last(&errno).or_else(|| last(&["error", "fail", "cannot"]))
    }
}

/// Reads what a cell left in `dir`.
pub(crate) fn read(dir: &Path, release: &str) -> Measured {
    let [check, build, shape, node] = ["check", "build", "shape", "node"].map(|part| Log::read(dir, part));
    let mut harness: Vec<String> = fs::read_to_string(dir.join("harness")).unwrap_or_default().lines().map(str::to_owned).collect();
    let outcome = outcome(&build);
    if build.created() != check.created() && harness.is_empty() {
        harness.push("of two identical containers one was created".to_owned());
    }
    if outcome.stage == Some("container") {
        // A path or an AppArmor profile that is not there is no refusal of the kernel's.
        match outcome.error.as_deref() {
            None => harness.push(format!("no container, and runc does not say why: {}", build.0.lines().last().unwrap_or("no log"))),
            Some(error) if error.contains("no such file") => harness.push(error.to_owned()),
            Some(_) => {}
        }
    }
    let (place, from) = if check.created() {
        ("check", &check)
    } else if shape.created() {
        ("shape", &shape)
    } else {
        ("node", &node)
    };
    let (probed, predicted) = (check.check("report"), from.check("predicted"));
    let check_hangs = check.get(HANGS).or_else(|| shape.get(HANGS)).is_some();
    if !check_hangs && (check.created() && probed.is_none() || predicted.is_none()) {
        let said: Vec<_> = from.all("report: ").chain(from.all("predicted: ")).collect();
        harness.push(format!("check printed no report: {}", said.join("; ")));
    }
    let left: Vec<_> = [&check, &shape, &build]
        .map(|log| log.get("left").or_else(|| log.get("proven-left")).unwrap_or_default())
        .into_iter()
        .chain(check.all("@node-left ").chain(shape.all("@node-left ")))
        .filter(|what| !what.is_empty())
        .collect();
    Measured {
        release: release.to_owned(),
        build: outcome,
        check: probed,
        mutated: Step::ALL.iter().filter_map(|&step| check.mutated(step)).collect(),
        predicted,
        place,
        trial: build.trial(),
        proven: build.check("proven"),
        left: left.join("; "),
        harness,
        check_seconds: check.seconds("report-seconds"),
        check_hangs,
    }
}

fn outcome(log: &Log) -> Build {
    let mut build = Build {
        works: false,
        stage: None,
        snapshotter: log.get("snapshotter").filter(|name| !name.is_empty()).map(str::to_owned),
        error: None,
        behaviours: log.get("failed-behaviours").map(|ids| ids.split_whitespace().map(str::to_owned).collect()).unwrap_or_default(),
        seconds: log.seconds("seconds"),
    };
    if log.get(HANGS).is_some() {
        build.stage = Some(HANGS);
    } else if !log.created() {
        (build.stage, build.error) = (Some("container"), log.error("runc: "));
    } else if log.get("buildctl").is_none() {
        (build.stage, build.error) = (Some("daemon"), log.error("daemon: "));
    } else if log.get("buildctl") == Some("0") && log.get("built").is_some_and(|text| text.contains("uid=0")) {
        // The image must hold the file that the RUN step wrote.
        build.works = true;
    } else {
        (build.stage, build.error) = (Some(stage(log)), log.error("build: "));
    }
    build
}

/// The step at which a build ended, by buildctl's own words.
fn stage(log: &Log) -> &'static str {
    let lines: Vec<_> = log.all("build: ").collect();
    let of = |text: &str| {
        [("export", "export"), ("RUN", "run"), ("COPY", "copy"), ("ADD", "copy")]
            .into_iter()
            .find(|(word, _)| text.contains(word))
            .map(|(_, stage)| stage)
    };
    // ` > [3/3] RUN ...:` heads the excerpt of the step that failed.
    let head = lines.iter().rev().find(|line| line.starts_with(" > "));
    // `#7 ERROR: ...` names it by a number, and `#7 [3/3] RUN ...` says what that is.
    let number = lines.iter().rev().find(|line| line.starts_with('#') && line.contains(" ERROR")).and_then(|line| line.split(' ').next());
    let named = number.and_then(|number| lines.iter().find(|line| line.starts_with(&format!("{number} ")) && !line.contains("ERROR")));
    head.and_then(|line| of(line)).or_else(|| named.and_then(|line| of(line))).unwrap_or("unknown")
}

/// As a line of results.jsonl has it.
pub(crate) fn json(measured: &Measured) -> Value {
    serde_json::to_value(measured).unwrap_or_else(|error| json!({"error": error.to_string()}))
}
