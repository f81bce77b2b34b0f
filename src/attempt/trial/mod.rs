//! A real build, where the image has all that it takes: the proof that the probe's steps stand for.
//!
//! In a throw-away directory in the state dir: rootlesskit and buildkitd with their own state, and sockets in the builder's
//! runtime directory; a build of this very program, `FROM scratch`, in which it does what the profile promises of builds
//! ([`crate::behaviour`]); an export, which is looked into. All of it is one process group, and what it made goes, whatever
//! comes of it.

mod archive;
mod group;
mod image;
mod place;
mod words;

use super::ending::{self, Held};
use crate::behaviour::{Behaviour, of_trial};
use crate::fact::{Builder, Errno, Plan, Snapshotter, Stage, StateDir, Step, StepOutcome, StepResult, Tools, Trial, TrialEnd};
use group::Group;
use place::{DAEMON, Place, TRACES, remove_left};
use std::io::ErrorKind;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often to look whether something has come about. A build takes seconds.
const LOOK: Duration = Duration::from_millis(50);
/// How long a trial may take to remove what killed ones left; the next one does the rest.
const TIDYING: Duration = Duration::from_secs(5);

/// Tries a build as the user that this process is.
pub(crate) fn run(plan: Plan, uid: u32, tools: &Tools, state: &StateDir, deadline: Duration) -> Trial {
    let _held = Held::new();
    let Some(state_dir) = state.path.known().map(Path::new) else { return not_run(plan, "it is not known where the state dir would be") };
    let why_not = lacks(plan, uid, tools);
    if why_not.is_none() {
        remove_left(state_dir, Instant::now() + TIDYING);
    }
    // The time is the build's alone.
    let began = Instant::now();
    let (end, snapshotter) = match why_not {
        Some(why) => (TrialEnd::NotRun(why), None),
        None if ending::has_come() => (TrialEnd::NotRun("a signal ended it".into()), None),
        None => {
            let behaviours: Vec<_> = of_trial(plan).collect();
            match Place::make(plan.builder, state_dir, &behaviours) {
                Ok(place) => place.build(plan, tools, state.snapshotter, began + deadline, &behaviours),
                Err(error) => (no_place(state_dir, &error), None),
            }
        }
    };
    Trial { plan, end, snapshotter, millis: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

/// One that can't be tried.
pub(crate) fn not_run(plan: Plan, why: &str) -> Trial {
    Trial { plan, end: TrialEnd::NotRun(why.to_owned()), snapshotter: None, millis: 0 }
}

/// Where this can't write, buildkitd can't either.
fn no_place(state_dir: &Path, error: &std::io::Error) -> TrialEnd {
    let errno = error.raw_os_error().map(Errno);
    let text = format!("could not create a directory in {}: {error}", state_dir.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            let detail = Some(text.clone());
            let step = StepResult { step: Step::StateDir, outcome: StepOutcome::Failed, errno, detail, filtered: None, micros: 0 };
            TrialEnd::Failed { stage: Stage::Daemon, step: Some(step), error: text, behaviours: Vec::new() }
        }
        _ => TrialEnd::NotRun(text),
    }
}

/// What keeps it from being tried.
fn lacks(plan: Plan, uid: u32, tools: &Tools) -> Option<String> {
    // The RUN step runs this program, and there is no libc in the image.
    if !cfg!(target_feature = "crt-static") {
        return Some("this program is linked dynamically, so it can't be the only file of an image".into());
    }
    if (plan.builder == Builder::Rootful) != (uid == 0) {
        let user = if uid == 0 { "a user other than root (1000 in its image)" } else { "root" };
        return Some(format!("a builder of this profile runs as {user}: run this as that user, in the builder's image"));
    }
    let rootlesskit = (plan.builder == Builder::Rootless).then_some(("rootlesskit", &tools.rootlesskit));
    let needed = [Some(("buildkitd", &tools.buildkitd)), Some(("buildctl", &tools.buildctl)), rootlesskit];
    let missing = needed.into_iter().flatten().find(|(_, found)| found.known().is_none());
    missing.map(|(name, _)| format!("{name} is not on the PATH, so this is not a builder's image"))
}

impl Place {
    fn build(
        &self,
        plan: Plan,
        tools: &Tools,
        told: Option<Snapshotter>,
        end: Instant,
        behaviours: &[&Behaviour],
    ) -> (TrialEnd, Option<String>) {
        let not_run = |error: std::io::Error| (TrialEnd::NotRun(error.to_string()), None);
        let (Some(buildkitd), Some(buildctl)) = (tools.buildkitd.known(), tools.buildctl.known()) else {
            return not_run(ErrorKind::NotFound.into());
        };
        // The image's entrypoint: `rootlesskit buildkitd`, or buildkitd where it is root.
        let daemon = match (plan.builder, tools.rootlesskit.known()) {
            (Builder::Rootless, Some(rootlesskit)) => self.command(rootlesskit, "daemon.log").map(|mut command| {
                command.arg(buildkitd);
                command
            }),
            _ => self.command(buildkitd, "daemon.log"),
        };
        // Names of its own: a buildkitd that runs in this container has the others.
        let socket = format!("unix://{}", self.socket(DAEMON).display());
        let spawned = daemon.and_then(|mut daemon| {
            daemon.args(["--root", &self.path("root"), "--addr", &socket, "--otel-socket-path"]).arg(self.socket(TRACES));
            daemon.args(told.map(|snapshotter| format!("--oci-worker-snapshotter={snapshotter}")));
            daemon.args((!plan.process_sandbox).then_some("--oci-worker-no-process-sandbox"));
            daemon.spawn()
        });
        let mut daemon = match spawned {
            Ok(child) => Group(child),
            Err(error) => return not_run(error),
        };

        // Ready is when it answers; dead is when it is gone.
        let client = |arguments: &[&str], log: &str| {
            let mut command = self.command(buildctl, log)?;
            command.arg("--addr").arg(&socket).args(arguments).spawn().map(Group)
        };
        let workers = loop {
            if let Ok(Some(_)) = daemon.0.try_wait() {
                return (words::failed(Stage::Daemon, &self.text("daemon.log"), &self.runtime), None);
            }
            match client(&["debug", "workers", "-v"], "workers.log").map(|mut asking| asking.wait_until(end)) {
                Ok(Some(status)) if status.success() => break self.text("workers.log"),
                Ok(Some(_)) if !is_over(end) => sleep(LOOK),
                Ok(_) => return (TrialEnd::TimedOut(Stage::Daemon), None),
                Err(error) => return not_run(error),
            }
        };
        let snapshotter =
            workers.lines().find_map(|line| line.trim().strip_prefix("worker.snapshotter:")).map(|name| name.trim().to_owned());
        let ended = match client(&self.arguments().each_ref().map(String::as_str), "build.log").map(|mut building| building.wait_until(end))
        {
            Ok(ended) => ended,
            Err(error) => return (TrialEnd::NotRun(error.to_string()), snapshotter),
        };
        let log = self.text("build.log");
        let stage = if log.contains("exporting") { Stage::Export } else { Stage::Run };
        let end = match ended {
            Some(status) if status.success() => self.look_into(behaviours),
            Some(_) => words::failed(stage, &log, &self.runtime),
            None => TrialEnd::TimedOut(stage),
        };
        daemon.farewell();
        (end, snapshotter)
    }

    /// buildctl's. Layers are not compressed, so that they can be looked into.
    fn arguments(&self) -> [String; 12] {
        let context = self.path("context");
        [
            "build".into(),
            "--progress=plain".into(),
            "--frontend".into(),
            "dockerfile.v0".into(),
            "--local".into(),
            format!("context={context}"),
            "--local".into(),
            format!("dockerfile={context}"),
            "--secret".into(),
            format!("id=file,src={context}/file"),
            "--output".into(),
            format!("type=oci,dest={},compression=uncompressed", self.path(IMAGE)),
        ]
    }

    /// Whether the exported image has what the steps made.
    fn look_into(&self, behaviours: &[&Behaviour]) -> TrialEnd {
        match image::missing(&self.dir.join(IMAGE), behaviours) {
            Ok(missing) if missing.is_empty() => TrialEnd::Built,
            Ok(missing) => words::of_behaviours(Stage::Export, &missing),
            Err(error) => {
                let error = format!("could not read the exported image: {error}");
                TrialEnd::Failed { stage: Stage::Export, step: None, error, behaviours: Vec::new() }
            }
        }
    }
}

/// The exported image.
const IMAGE: &str = "image.tar";

/// Whether time is up, or a signal has come that ends this process.
fn is_over(end: Instant) -> bool {
    Instant::now() >= end || ending::has_come()
}

#[cfg(test)]
mod tests {
    use super::place::PREFIX;
    use super::*;
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_killed_trials_left_is_removed_until_time_is_up() {
        let dir = tempfile::tempdir().expect("temp dir");
        let left = |number: u32| dir.path().join(format!("{PREFIX}{number}-0"));
        for number in 1..4 {
            fs::create_dir_all(left(number).join("root/work")).expect("mkdir");
            fs::write(left(number).join("daemon.log"), "x").expect("write");
            fs::set_permissions(left(number).join("root/work"), Permissions::from_mode(0o0)).expect("chmod");
        }
        let living = File::open(left(3)).expect("open");
        living.try_lock().expect("a lock");
        remove_left(dir.path(), Instant::now());
        assert!((1..4).all(|number| left(number).join("daemon.log").exists()), "the end had come");
        remove_left(dir.path(), Instant::now() + Duration::from_secs(600));
        assert_eq!([1, 2, 3].map(|number| left(number).exists()), [false, false, true]);
    }
}
