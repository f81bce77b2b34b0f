//! What rootlesskit does: a user namespace, its ID maps, a mount namespace.

use super::Probe;
use super::cleanup;
use super::runc;
use super::tell::{Outcome, Report, Stop, die_with_parent, is_left_out, leave, mounting, namespace, raw, tell, wait};
use crate::attempt::probe::sys;
use crate::attempt::probe::wire::Line;
use crate::fact::{Builder, Errno, Fact, IdMap, MapSource, Step, StepOutcome, SubId, SubIds};
use crate::text::shorten;
use nix::fcntl::OFlag;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid, pipe2, read, setgroups, setresgid, setresuid, write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The way from root, which writes maps, to the builder that asks for them.
pub(super) struct MapWriter {
    ask: OwnedFd,
    answer: OwnedFd,
}

impl Probe<'_> {
    /// As root: a process of the builder's user does the work, and this one writes its ID maps.
    pub(super) fn as_user(&self, uid: u32) {
        let (Ok((ask_read, ask)), Ok((answer, answer_write))) = (pipe2(OFlag::O_CLOEXEC), pipe2(OFlag::O_CLOEXEC)) else {
            return tell(&Line::NotRun("no file descriptors left for two pipes".into()));
        };
        match sys::fork() {
            Err(errno) => tell(&Line::NotRun(format!("fork: {}", errno.desc()))),
            Ok(None) => {
                drop((ask_read, answer_write));
                match become_user(uid) {
                    Ok(()) => self.builder(Some(&MapWriter { ask, answer })),
                    Err(errno) => tell(&Line::NotRun(format!("could not become user {uid}: {}", errno.desc()))),
                }
                leave(Ok(()))
            }
            Ok(Some(child)) => {
                cleanup::kill_on_signal(child);
                drop((ask, answer));
                let mut pid = [0; 4];
                if read(&ask_read, &mut pid) == Ok(4) {
                    let answer = self.write_maps_as_root(i32::from_ne_bytes(pid), uid);
                    let number = answer.map_or_else(|errno| errno as i32, |()| 0);
                    let _ = write(&answer_write, &number.to_ne_bytes());
                }
                wait(child);
            }
        }
    }

    /// rootlesskit's parent, or the container's init where buildkitd runs as root.
    pub(super) fn builder(&self, maps: Option<&MapWriter>) {
        if self.task.plan.builder == Builder::Rootful {
            match sys::fork() {
                Ok(None) => leave(self.daemon(None)),
                Ok(Some(child)) => wait(child),
                Err(errno) => tell(&Line::NotRun(format!("fork: {}", errno.desc()))),
            }
            return;
        }
        if !self.task.own_id_fallback && temporary_directory().is_err() {
            return;
        }
        let (Ok((ready_read, ready)), Ok((go, go_write))) = (pipe2(OFlag::O_CLOEXEC), pipe2(OFlag::O_CLOEXEC)) else {
            return tell(&Line::NotRun("no file descriptors left for two pipes".into()));
        };
        // Inside, the own IDs can't be read before they are mapped.
        let own = (geteuid(), getegid());
        let started = Instant::now();
        let cloned = if is_left_out(Step::UserNamespace) { sys::fork() } else { sys::clone_user_namespace() };
        match cloned {
            Err(errno) => {
                Report::new(Step::UserNamespace, started).refused(errno, None, sys::clone_is_filtered);
            }
            Ok(None) => {
                drop((ready_read, go_write));
                die_with_parent();
                if !self.task.without.contains(&Step::UserNamespace) {
                    Report::new(Step::UserNamespace, started).worked(None);
                }
                leave(self.daemon(Some((ready, go, own))));
            }
            Ok(Some(child)) => {
                cleanup::kill_on_signal(child);
                drop((ready, go));
                // The daemon closes its end without a word if it failed.
                if read(&ready_read, &mut [0]) == Ok(1) {
                    let verdict = match self.map_ids(child, maps, own.0) {
                        Ok(source) => Some(source),
                        Err(Stop) if self.task.own_id_fallback => Some(MapSource::OwnIdOnly),
                        Err(Stop) => None,
                    };
                    if let Some(source) = verdict {
                        let word = if source == MapSource::OwnIdOnly { b"o" } else { b"m" };
                        tell(&Line::MapSource(source));
                        let _ = write(&go_write, word);
                    }
                }
                drop(go_write);
                wait(child);
            }
        }
    }

    /// The ID maps of the daemon's user namespace.
    fn map_ids(&self, daemon: Pid, maps: Option<&MapWriter>, own: Uid) -> Result<MapSource, Stop> {
        if let Some(root) = maps {
            let started = Instant::now();
            let mut answer = [0; 4];
            let asked = write(&root.ask, &daemon.as_raw().to_ne_bytes()).and_then(|_| read(&root.answer, &mut answer));
            let errno = match asked {
                Ok(4) => nix::errno::Errno::from_raw(i32::from_ne_bytes(answer)),
                Ok(_) => nix::errno::Errno::EPIPE,
                Err(errno) => errno,
            };
            let detail = Some("written by root".to_owned());
            if errno as i32 == 0 {
                Report::new(Step::UidMap, started).worked(detail.clone());
                Report::new(Step::GidMap, started).worked(detail);
                return Ok(MapSource::Root);
            }
            return Err(self.map_failed(Report::new(Step::UidMap, started), Some(errno), detail));
        }
        let started = Instant::now();
        let ids = self.task.sub_ids(own.as_raw());
        let ranges = match arguments(&ids) {
            Ok(ranges) => ranges,
            Err(why) => return Err(self.map_failed(Report::new(Step::SubIdRange, started), None, Some(why))),
        };
        Report::new(Step::SubIdRange, started).worked(None);
        // No step of its own: without ranges there is nothing to ask the helpers for.
        let programs = (&self.task.newuidmap, &self.task.newgidmap);
        for (step, helper, map) in [(Step::UidMap, programs.0, ranges.0), (Step::GidMap, programs.1, ranges.1)] {
            if is_left_out(step) {
                continue;
            }
            let report = Report::new(step, Instant::now());
            let mut command = Command::new(helper);
            command.arg(daemon.to_string()).args(map).stdin(Stdio::inherit()).stdout(Stdio::null());
            match sys::die_with_us(&mut command, Signal::SIGKILL).output() {
                Ok(output) if output.status.success() => report.worked(None),
                Ok(output) => {
                    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                    let errno = Errno::in_text(&text).map(|errno| nix::errno::Errno::from_raw(errno.0));
                    let text = if text.is_empty() { format!("{}: {}", helper.display(), output.status) } else { shorten(&text) };
                    return Err(self.map_failed(report, errno, Some(text)));
                }
                Err(error) => {
                    let errno = error.raw_os_error().map(nix::errno::Errno::from_raw);
                    return Err(self.map_failed(report, errno, Some(format!("could not run {}", helper.display()))));
                }
            }
        }
        Ok(MapSource::Helpers)
    }

    fn map_failed(&self, report: Report, errno: Option<nix::errno::Errno>, detail: Option<String>) -> Stop {
        let outcome = if self.task.own_id_fallback { StepOutcome::FellBack } else { StepOutcome::Failed };
        report.end(outcome, errno, detail);
        Stop
    }

    /// rootlesskit's child in the user namespace, and what comes after it. Where rootlesskit ends, a build step would not be
    /// come to; whether a filter waits there is found out all the same: both causes can then be removed at once.
    fn daemon(&self, maps: Option<(OwnedFd, OwnedFd, (Uid, Gid))>) -> Outcome {
        let rootless = maps.is_some();
        let own_id_only = self.rootlesskits_child(maps).inspect_err(|_| {
            if rootless {
                runc::tell_filters_ahead();
            }
        })?;
        self.buildkitd(own_id_only)
    }

    /// A mount namespace, the maps, and / private. Whether only the own ID could be mapped.
    fn rootlesskits_child(&self, maps: Option<(OwnedFd, OwnedFd, (Uid, Gid))>) -> Result<bool, Stop> {
        namespace(Step::MountNamespace, CloneFlags::CLONE_NEWNS)?;
        let mut own_id_only = false;
        if let Some((ready, go, own)) = maps {
            let mut word = [0];
            // Without a word the builder could not map, and said so.
            if write(&ready, b"r").is_err() || read(&go, &mut word) != Ok(1) {
                return Err(Stop);
            }
            own_id_only = word == *b"o";
            if own_id_only {
                map_own_id(own)?;
            }
        }
        mounting(Step::PrivateRoot, None::<&str>, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
        Ok(own_id_only)
    }

    /// Root needs no helper. It writes the ranges that the files give the user; elsewhere than in a builder's image,
    /// which brings its own, the image's usual range stands in, or what is left of the IDs that there are.
    fn write_maps_as_root(&self, daemon: i32, uid: u32) -> nix::Result<()> {
        let ids = self.task.sub_ids(uid);
        for (file, ranges) in [("uid_map", &ids.uids), ("gid_map", &ids.gids)] {
            let own =
                std::fs::read_to_string(format!("/proc/self/{file}")).ok().and_then(|text| IdMap::parse(&text).ok()).unwrap_or_default();
            let left = SubId { start: u64::from(uid) + 1, length: own.size().saturating_sub(u64::from(uid) + 1) };
            let listed = ranges.known().map(|ranges| SubId::without(ranges, u64::from(uid))).filter(|ranges| !ranges.is_empty());
            let fitting = [SubId::STOCK, left].into_iter().find(|range| own.contains(range)).map(|range| vec![range]);
            let ranges = if self.task.own_id_fallback { fitting } else { listed.or(fitting) };
            let mut map = format!("0 {uid} 1\n");
            let mut inside = 1;
            for range in ranges.unwrap_or_default() {
                map += &format!("{inside} {} {}\n", range.start, range.length);
                inside = range.length.saturating_add(inside);
            }
            std::fs::write(format!("/proc/{daemon}/{file}"), &map).map_err(raw)?;
        }
        Ok(())
    }
}

/// The arguments of newuidmap and newgidmap, as rootlesskit makes them: the own ID is root inside,
/// the ranges follow from 1 on.
fn arguments(ids: &SubIds) -> Result<(Vec<String>, Vec<String>), String> {
    let who = match (&ids.user, &ids.uid) {
        (Fact::Known(name), _) => name.clone(),
        (_, Fact::Known(uid)) => format!("user {uid}"),
        _ => return Err("the own user ID can't be read".into()),
    };
    let one = |ranges: &Fact<Vec<SubId>>, own: &Fact<u32>, file: &str| {
        let ranges = match ranges {
            Fact::Known(ranges) if ranges.is_empty() => return Err(format!("{file} has no range for {who}")),
            Fact::Known(ranges) => ranges,
            Fact::Absent => return Err(format!("{file} does not exist")),
            Fact::Denied(why) | Fact::Failed(why) => return Err(why.to_string()),
        };
        let &own =
            own.known().ok_or_else(|| own.unreadable().map_or_else(|| format!("{who} has no ID of its own"), ToString::to_string))?;
        let mut words = vec!["0".to_owned(), own.to_string(), "1".to_owned()];
        let mut inside = 1;
        for range in SubId::without(ranges, u64::from(own)) {
            words.extend([inside, range.start, range.length].map(|number| number.to_string()));
            inside = inside.saturating_add(range.length);
        }
        Ok(words)
    };
    Ok((one(&ids.uids, &ids.uid, "/etc/subuid")?, one(&ids.gids, &ids.gid, "/etc/subgid")?))
}

/// rootlesskit's first act is a directory in TMPDIR, which a builder's image sets: the user must be able to write there.
fn temporary_directory() -> Outcome {
    let Some(parent) = std::env::var_os("TMPDIR").filter(|dir| !dir.is_empty()) else { return Ok(()) };
    let report = Report::new(Step::TempDir, Instant::now());
    let path = std::path::Path::new(&parent).join(format!("buildkit-preflight-{}", std::process::id()));
    match std::fs::create_dir(&path).and_then(|()| std::fs::remove_dir(&path)) {
        Ok(()) => Ok(()),
        Err(error) => Err(report.failed(raw(error), Some(format!("mkdir {}", path.display())))),
    }
}

/// A map of the own ID alone, which everybody may write for a namespace of one's own.
fn map_own_id(own: (Uid, Gid)) -> Outcome {
    let report = Report::new(Step::UidMap, Instant::now());
    for (file, text) in [("uid_map", format!("0 {} 1\n", own.0)), ("gid_map", format!("0 {} 1\n", own.1))] {
        let path = format!("/proc/self/{file}");
        // newuidmap may have written its map before newgidmap failed; a map is written once.
        if std::fs::read(&path).is_ok_and(|map| !map.is_empty()) {
            continue;
        }
        // Without privilege a group map needs setgroups(2) to be given up first (CVE-2014-8989).
        let denied = if file == "gid_map" { std::fs::write("/proc/self/setgroups", "deny") } else { Ok(()) };
        if let Err(errno) = denied.and_then(|()| std::fs::write(&path, text)).map_err(raw) {
            return Err(report.failed(errno, Some(format!("{file} of the single-ID map"))));
        }
    }
    Ok(())
}

/// Gives up root for the builder's user.
fn become_user(uid: u32) -> nix::Result<()> {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    // The kernel forgets these wishes with the change of user.
    let _ = nix::sys::prctl::set_dumpable(true);
    die_with_parent();
    Ok(())
}
