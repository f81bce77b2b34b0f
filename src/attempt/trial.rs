//! A real build, where the image has all that it takes: the proof that the probe's steps stand for.
//!
//! In a throw-away directory in the state dir: rootlesskit and buildkitd with their own sockets and state, a context of
//! this very program, `FROM scratch`, one RUN step, an export. All of it is one process group, and the directory goes,
//! whatever comes of it.

use super::ending::{self, Held};
use super::leftovers::{Made, is_numbered, make, remove_tree, sweep};
use super::probe::die_with_us;
use crate::check::step_of;
use crate::fact::{Builder, Errno, Plan, Stage, Step, StepOutcome, StepResult, Tools, Trial, TrialEnd};
use crate::read::bounded;
use crate::text::shorten;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often to look whether something has come about. A build takes seconds.
const LOOK: Duration = Duration::from_millis(50);
/// How long buildkitd may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a trial may take to remove what killed ones left; the next one does the rest.
const TIDYING: Duration = Duration::from_secs(5);

const DOCKERFILE: &str = "FROM scratch\nCOPY program /program\nRUN [\"/program\", \"--version\"]\n";

/// Tries a build as the user that this process is.
pub(crate) fn run(plan: Plan, uid: u32, tools: &Tools, state_dir: &Path, deadline: Duration) -> Trial {
    let _held = Held::new();
    let why_not = lacks(plan, uid, tools);
    if why_not.is_none() {
        remove_left(state_dir, Instant::now() + TIDYING);
    }
    // The time is the build's alone.
    let began = Instant::now();
    let (end, snapshotter) = match why_not {
        Some(why) => (TrialEnd::NotRun(why), None),
        None if ending::has_come() => (TrialEnd::NotRun("a signal ended it".into()), None),
        None => match Place::make(state_dir) {
            Ok(place) => place.build(plan, tools, began + deadline),
            Err(error) => (no_place(state_dir, &error), None),
        },
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
            TrialEnd::Failed { stage: Stage::Daemon, step: Some(step), error: text }
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

/// Where runc keeps a directory for itself when it runs as root, whatever it is told.
const RUNC: &str = "/run/runc";

/// What the throw-away directory is called, before the number of its maker.
const PREFIX: &str = ".buildkit-preflight-trial-";

/// The throw-away directory; it goes with this, and so does runc's, if it was not there before.
struct Place {
    dir: PathBuf,
    /// For as long as this lives, others leave the directory alone.
    _lock: File,
    runc_was_there: bool,
}

impl Place {
    fn make(state_dir: &Path) -> std::io::Result<Self> {
        let name = |attempt| state_dir.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        let Made { path, directory, .. } = make(name)?;
        let place = Place { dir: path, _lock: directory, runc_was_there: Path::new(RUNC).exists() };
        for dir in ["context", "root", "run", "tmp"] {
            fs::create_dir(place.dir.join(dir))?;
        }
        fs::copy("/proc/self/exe", place.dir.join("context/program"))?;
        fs::set_permissions(place.dir.join("context/program"), Permissions::from_mode(0o755))?;
        fs::write(place.dir.join("context/Dockerfile"), DOCKERFILE)?;
        Ok(place)
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn command(&self, program: &str, log: &str) -> std::io::Result<Command> {
        let mut command = Command::new(program);
        let log = File::create(self.dir.join(log))?;
        command.env("TMPDIR", self.path("tmp")).env("XDG_RUNTIME_DIR", self.path("run")).current_dir(&self.dir);
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        die_with_us(&mut command, Signal::SIGTERM);
        Ok(command)
    }

    fn text(&self, log: &str) -> String {
        fs::read(self.dir.join(log)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn build(&self, plan: Plan, tools: &Tools, end: Instant) -> (TrialEnd, Option<String>) {
        let not_run = |error: std::io::Error| (TrialEnd::NotRun(error.to_string()), None);
        let (Some(buildkitd), Some(buildctl)) = (tools.buildkitd.known(), tools.buildctl.known()) else {
            return not_run(ErrorKind::NotFound.into());
        };
        let daemon = match (plan.builder, tools.rootlesskit.known()) {
            (Builder::Rootless, Some(rootlesskit)) => self.command(rootlesskit, "daemon.log").map(|mut command| {
                command.arg("--state-dir").arg(self.path("rootlesskit")).arg(buildkitd);
                command
            }),
            _ => self.command(buildkitd, "daemon.log"),
        };
        let socket = format!("unix://{}", self.path("s"));
        let spawned = daemon.and_then(|mut daemon| {
            // All its sockets are here: a buildkitd that runs in this container has its own.
            daemon.args(["--root", &self.path("root"), "--addr", &socket, "--otel-socket-path", &self.path("o")]);
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
                return (self.failed(Stage::Daemon, "daemon.log"), None);
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

        let (context, archive) = (format!("context={}", self.path("context")), format!("type=oci,dest={}", self.path("image.tar")));
        let dockerfile = format!("dockerfile={}", self.path("context"));
        let build = [
            "build",
            "--progress",
            "plain",
            "--frontend",
            "dockerfile.v0",
            "--local",
            &context,
            "--local",
            &dockerfile,
            "--output",
            &archive,
        ];
        let ended = match client(&build, "build.log").map(|mut building| building.wait_until(end)) {
            Ok(ended) => ended,
            Err(error) => return (TrialEnd::NotRun(error.to_string()), snapshotter),
        };
        let stage = if self.text("build.log").contains("exporting") { Stage::Export } else { Stage::Run };
        let is_written = fs::metadata(self.dir.join("image.tar")).is_ok_and(|archive| archive.len() > 0);
        let end = match ended {
            Some(status) if status.success() && is_written => TrialEnd::Built,
            Some(_) => self.failed(stage, "build.log"),
            None => TrialEnd::TimedOut(stage),
        };
        daemon.farewell();
        (end, snapshotter)
    }

    fn failed(&self, stage: Stage, log: &str) -> TrialEnd {
        let text = self.text(log);
        let step = step_of(&text);
        let spoken = step.as_ref().and_then(|step| step.detail.clone());
        let last = || text.lines().rev().find(|line| line.contains("error:") || line.contains("ERROR")).or_else(|| text.lines().last());
        let error = spoken.unwrap_or_else(|| shorten(last().unwrap_or("it ended without a message").trim()));
        TrialEnd::Failed { stage, step, error }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let place = self.dir.clone();
        bounded(FAREWELL, move || remove_tree(&place, &|| false));
        if !self.runc_was_there {
            // Only an empty one.
            let _ = fs::remove_dir(RUNC);
        }
    }
}

/// Removes what trials left that were killed, until an end or a signal.
fn remove_left(state_dir: &Path, end: Instant) {
    sweep(state_dir, |name| is_numbered(name, PREFIX, ""), false, |path| remove_tree(path, &|| is_over(end)));
}

/// Whether time is up, or a signal has come that ends this process.
fn is_over(end: Instant) -> bool {
    Instant::now() >= end || ending::has_come()
}

/// A child that leads a process group; the group ends with this.
struct Group(Child);

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(i32::MAX))
    }

    fn wait_until(&mut self, end: Instant) -> Option<ExitStatus> {
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if !is_over(end) => sleep(LOOK),
                _ => return None,
            }
        }
    }

    /// Lets it end in its own way, so that it takes its mounts along.
    fn farewell(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGTERM);
        self.leave();
    }

    /// Waits until it is gone, whatever comes meanwhile.
    fn leave(&mut self) {
        let end = Instant::now() + FAREWELL;
        while matches!(self.0.try_wait(), Ok(None)) && Instant::now() < end {
            sleep(LOOK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            if ending::has_come() {
                self.farewell();
            }
            let _ = killpg(self.pid(), Signal::SIGKILL);
            self.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
