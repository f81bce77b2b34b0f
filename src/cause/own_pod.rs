//! Causes that lie in the builder's own pod: its image with its user, and the directories that it writes to.

#[cfg(test)]
use super::example::{Example, directory};
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Ask, Level, Row};
use crate::fact::{Directory, Errno, Fact, Facts, OwnPod, Probe, Step, StepResult};
use crate::profile::BUILDER_UID;

pub(super) const ROWS: &[Row] = &[IMAGE_USER, READ_ONLY_ROOT, TEMP_DIR, RUNTIME_DIR];

const IMAGE_USER: Row = Row {
    cause: Cause::ImageUser,
    title: "the pod's user or group is not the one of the image",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/image-user.md"),
    remedy: image_user,
    #[cfg(test)]
    example: Example::facts(|facts| facts.own_pod = Some(OwnPod { user_entry: Fact::Absent, ..OwnPod::default() })),
};

fn image_user(ask: &Ask) -> Remedy {
    let uid = ask.facts.process.uid.known();
    let pod = ask.facts.own_pod.as_ref();
    let home = pod.and_then(|pod| pod.home.known()).filter(|home| home.owner != 0);
    let entry = pod.and_then(|pod| pod.user_entry.known());
    let group = pod.and_then(|pod| pod.group.known());
    if ask.facts.tools.rootlesskit == Fact::Absent && uid != Some(&0) {
        return Remedy::new("set runAsUser: 0 in the securityContext, or use the rootless image with a profile that is made for it");
    }
    if let Some(entry) = entry.filter(|entry| group.is_some_and(|group| *group != entry.group)) {
        return Remedy::new(format!("set runAsGroup: {} in the securityContext", entry.group));
    }
    if let Some(entry) = entry.filter(|_| pod.is_some_and(|pod| pod.takes_roots_places() && pod.written().any(|of| of.refused.is_some()))) {
        return Remedy::new(format!("set the variable USER to the user's name in /etc/passwd ({})", entry.name));
    }
    let (user, group) = home.map_or((BUILDER_UID, BUILDER_UID), |home| (home.owner, home.group));
    let fix = Remedy::new(format!("set runAsUser: {user} and runAsGroup: {group} in the securityContext"));
    if uid == Some(&0) {
        return fix;
    }
    let this = uid.map_or_else(|| "this user".into(), |uid| format!("user {uid}"));
    fix.note(format!("an image that has {this} in /etc/passwd, /etc/subuid and /etc/subgid, with a home directory of its own, works too"))
}

const READ_ONLY_ROOT: Row = Row {
    cause: Cause::ReadOnlyRoot,
    title: "the root file system is read-only where the builder writes",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/read-only-root.md"),
    remedy: |ask| {
        let read_only =
            |pod: &OwnPod| pod.written().filter(|directory| directory.is_on_read_only_root()).map(mount_point).collect::<Vec<_>>();
        let paths = ask.facts.own_pod.as_ref().map(read_only).unwrap_or_default();
        let (last, others) =
            paths.split_last().map_or(("each directory that it writes to", &[][..]), |(last, others)| (last.as_str(), others));
        let and = if others.is_empty() { String::new() } else { format!("{} and ", others.join(", ")) };
        Remedy::new(format!("mount an emptyDir on {and}{last}, or remove readOnlyRootFilesystem: true"))
    },
    #[cfg(test)]
    example: Example::facts(|facts| {
        let temp_dir = Fact::Known(Directory { on_root: true, ..directory("/tmp", Errno::EROFS) });
        facts.own_pod = Some(OwnPod { temp_dir, ..OwnPod::default() });
    }),
};

const TEMP_DIR: Row = Row {
    cause: Cause::TempDir,
    title: "the directory for temporary files can't be written",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/temp-dir.md"),
    remedy: |ask| {
        let pod = ask.facts.own_pod.as_ref();
        let refused = |directory: &Fact<Directory>| directory.known().is_some_and(|directory| directory.refused.is_some());
        if pod.and_then(|pod| pod.temp_dir.known()).is_some_and(Directory::is_relative) {
            return Remedy::new("set TMPDIR to an absolute path, or remove it: then /tmp is used");
        }
        let is_of_tmp = |failed: &StepResult| failed.detail.as_ref().is_some_and(|path| path.starts_with("/tmp/"));
        if let Some(full) = full(ask, Step::TempDir) {
            let directory = if is_of_tmp(full) { "/tmp".into() } else { place(ask.facts, OwnPod::TEMP_DIR, |pod| &pod.temp_dir) };
            return Remedy::new(format!("mount a larger volume on {directory}: it has no space, or no inodes, left"));
        }
        if pod.is_some_and(|pod| refused(&pod.tmp) && !refused(&pod.temp_dir)) {
            return Remedy::new("mount an emptyDir on /tmp, which rootlesskit needs whatever TMPDIR is");
        }
        Remedy::new(somewhere_else(ask.facts, OwnPod::TEMP_DIR, |pod| &pod.temp_dir))
    },
    #[cfg(test)]
    example: Example::step(Step::TempDir, Errno::EACCES),
};

const RUNTIME_DIR: Row = Row {
    cause: Cause::RuntimeDir,
    title: "the runtime directory can't hold buildkitd's sockets",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/runtime-dir.md"),
    remedy: |ask| match ask.facts.own_pod.as_ref().and_then(|pod| pod.runtime_dir.known()) {
        Some(directory) if directory.is_too_long() => Remedy::new("set XDG_RUNTIME_DIR to a shorter path, such as /run/user/1000"),
        _ if full(ask, Step::RuntimeDir).is_some() => {
            let directory = place(ask.facts, OwnPod::RUNTIME_DIR, |pod| &pod.runtime_dir);
            Remedy::new(format!("mount a larger volume on {directory}: it has no space, or no inodes, left"))
        }
        _ => Remedy::new(somewhere_else(ask.facts, OwnPod::RUNTIME_DIR, |pod| &pod.runtime_dir)),
    },
    #[cfg(test)]
    example: Example::step(Step::RuntimeDir, Errno::EACCES),
};

/// A volume, or another directory by a variable.
fn somewhere_else(facts: &Facts, variable: &str, of: fn(&OwnPod) -> &Fact<Directory>) -> String {
    let elsewhere = format!("set {variable} to a directory that the builder's user may write");
    match facts.own_pod.as_ref().and_then(|pod| of(pod).known()) {
        // No volume can lie on a file.
        Some(Directory { refused: Some(Errno::ENOTDIR), .. }) => elsewhere,
        _ => format!("mount an emptyDir on {}, or {elsewhere}", place(facts, variable, of)),
    }
}

/// Where a volume would be mounted, in words where that is not known.
fn place(facts: &Facts, variable: &str, of: fn(&OwnPod) -> &Fact<Directory>) -> String {
    let there = facts.own_pod.as_ref().and_then(|pod| of(pod).known()).map(mount_point);
    there.unwrap_or_else(|| format!("the directory that {variable} names"))
}

/// A step that failed for want of space.
fn full<'a>(ask: &Ask<'a>, step: Step) -> Option<&'a StepResult> {
    let failed = ask.facts.probes.iter().filter_map(Probe::failed).find(|failed| failed.step == step && ask.failed == Some(step))?;
    matches!(failed.errno, Some(Errno::ENOSPC | Errno::EDQUOT)).then_some(failed)
}

/// Where a volume would be mounted: buildkitd makes the last part of the directory of its sockets itself.
fn mount_point(directory: &Directory) -> String {
    directory.path.strip_suffix("/buildkit").filter(|path| path.starts_with("/run")).unwrap_or(&directory.path).to_owned()
}
