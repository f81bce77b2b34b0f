//! The builder's own pod: its user, and the directories that it writes to. Of no importance where the facts are of another place.

use super::Case;
use super::row::{Blame, Check, Judgement, Kind};
use super::seen::idmap::Seen::NoStatus;
use super::seen::own_pod::Seen;
use crate::cause::Cause;
use crate::fact::{CapSet, Directory, Errno, Fact, OwnPod, Step};

pub(super) const IMAGE_USER: Check = Check {
    id: "image-user",
    title: "user and group of the pod",
    why: "The directories of the image belong to its user, and newuidmap and newgidmap work only for a user of /etc/passwd that runs with the group of that line. The rootful image runs as root.",
    causes: &[Cause::ImageUser],
    steps: &[Step::SubIdRange, Step::UidMap, Step::GidMap, Step::TempDir, Step::StateDir, Step::RuntimeDir],
    kind: Kind::Fact {
        judge: |case| {
            let Some(pod) = &case.facts.own_pod else { return Judgement::NotApplicable };
            match (wrong_user(case, pod), pod.user_entry.unreadable()) {
                (Some(seen), _) => Judgement::fail(Cause::ImageUser, seen),
                (None, Some(why)) if case.place.is_rootless() => Judgement::unknown(why),
                (None, _) => Judgement::Pass,
            }
        },
        // A file system that is read-only or full is so for every user.
        explains: |failed| matches!(failed.step, Step::SubIdRange | Step::UidMap | Step::GidMap) || failed.errno == Some(Errno::EACCES),
    },
};

/// What is wrong with the user of this process.
fn wrong_user(case: &Case, pod: &OwnPod) -> Option<Seen> {
    let uid = *case.facts.process.uid.known()?;
    if !case.place.is_rootless() {
        return (uid != 0).then_some(Seen::NotRoot(uid));
    }
    let home = pod.home.known().filter(|home| home.owner != uid && home.owner != 0);
    match (&pod.user_entry, pod.group.known()) {
        (Fact::Absent, _) => return Some(Seen::NoEntry { uid, home: home.cloned() }),
        (Fact::Known(entry), Some(group)) if entry.group != *group => {
            return Some(Seen::OtherGroup { uid, should: entry.group, group: *group });
        }
        _ => {}
    }
    let ranges = &case.facts.sub_ids.uids;
    if uid == 0 && (*ranges == Fact::Absent || ranges.known().is_some_and(Vec::is_empty)) {
        return Some(Seen::IsRoot { home: home.cloned() });
    }
    if pod.takes_roots_places() && pod.written().any(|directory| directory.refused.is_some()) {
        return Some(Seen::RootsPlaces { user: pod.user.known().cloned() });
    }
    // Whoever is at home is the image's user: then such a directory is a volume.
    if pod.home.known().is_some_and(|home| home.owner == uid) {
        return None;
    }
    let directory = pod.written().find(|directory| directory.is_of_another(uid))?;
    Some(Seen::OthersDirectory { uid, directory: directory.clone() })
}

/// Whether the user has no part in the image, so that a lack of ranges is only what follows.
pub(super) fn has_wrong_user(case: &Case) -> bool {
    case.facts.own_pod.as_ref().is_some_and(|pod| wrong_user(case, pod).is_some())
}

pub(super) const UNPRIVILEGED_ROOT: Check = Check {
    id: "unprivileged-root",
    title: "privileges of a builder that is root",
    why: "Without rootlesskit buildkitd mounts file systems as root of its container, which needs CAP_SYS_ADMIN: a privileged container has it.",
    causes: &[Cause::WrongImageOrUid],
    steps: &[Step::MountNamespace, Step::PrivateRoot, Step::BindMount, Step::ReadOnlyRemount],
    kind: Kind::Fact {
        judge: |case| {
            let is_root = case.facts.process.uid.known() == Some(&0);
            if case.facts.own_pod.is_none() || case.place.is_rootless() || !is_root {
                return Judgement::NotApplicable;
            }
            match &case.facts.process.bounding_set {
                Fact::Known(set) if set.has(CapSet::SYS_ADMIN) => Judgement::Pass,
                Fact::Known(_) => Judgement::fail(Cause::WrongImageOrUid, Seen::UnprivilegedRoot),
                Fact::Absent => Judgement::unknown(NoStatus),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| failed.errno == Some(Errno::EPERM),
    },
};

pub(super) const TEMP_DIR: Check = Check {
    id: "temp-dir",
    title: "directory for temporary files",
    why: "rootlesskit makes its state directory in TMPDIR and another directory in /tmp, and buildkitd makes a directory there for each mount that it looks into.",
    causes: &[Cause::ReadOnlyRoot, Cause::TempDir],
    steps: &[Step::TempDir],
    kind: Kind::Fact {
        judge: |case| {
            let judge = |of| judge(case, of, Cause::TempDir, |directory| Seen::TempDir(directory.clone()));
            let tmp = case.place.is_rootless().then(|| judge(|pod| &pod.tmp));
            Judgement::worst([judge(|pod| &pod.temp_dir)].into_iter().chain(tmp))
        },
        explains: |_| true,
    },
};

pub(super) const RUNTIME_DIR: Check = Check {
    id: "runtime-dir",
    title: "directory for sockets",
    why: "buildkitd makes two sockets in the directory buildkit of XDG_RUNTIME_DIR (else in /run/buildkit), one of them even where it listens on TCP alone. It ends where it can't.",
    causes: &[Cause::ReadOnlyRoot, Cause::RuntimeDir],
    steps: &[Step::RuntimeDir],
    kind: Kind::Fact {
        judge: |case| match case.facts.own_pod.as_ref().and_then(|pod| pod.runtime_dir.known()) {
            Some(directory) if directory.is_too_long() => Judgement::fail(Cause::RuntimeDir, Seen::TooLong(directory.path.clone())),
            _ => judge(case, |pod| &pod.runtime_dir, Cause::RuntimeDir, |directory| Seen::RuntimeDir(directory.clone())),
        },
        explains: |_| true,
    },
};

fn judge(case: &Case, of: fn(&OwnPod) -> &Fact<Directory>, cause: Cause, seen: fn(&Directory) -> Seen) -> Judgement {
    let Some(pod) = &case.facts.own_pod else { return Judgement::NotApplicable };
    let uid = case.facts.process.uid.known();
    match of(pod) {
        Fact::Known(directory) if directory.refused.is_none() => Judgement::Pass,
        // The matter of another row.
        Fact::Known(directory) if has_wrong_user(case) && uid.is_some_and(|uid| directory.is_of_another(*uid)) => Judgement::NotApplicable,
        Fact::Known(directory) if directory.is_on_read_only_root() => Judgement::fail(Cause::ReadOnlyRoot, seen(directory)),
        Fact::Known(directory) => Judgement::fail(cause, seen(directory)),
        Fact::Absent => Judgement::NotApplicable,
        Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
    }
}

pub(super) const WRITES: Check = Check {
    id: "own-pod-writes",
    title: "what the builder writes in its own pod",
    why: "A file in TMPDIR and a socket in XDG_RUNTIME_DIR: each is tried in the namespaces of rootlesskit.",
    causes: &[Cause::TempDir, Cause::RuntimeDir],
    steps: &[Step::TempDir, Step::RuntimeDir],
    kind: Kind::Attempt { blames: &[Blame::any(Cause::TempDir).at(&[Step::TempDir]), Blame::any(Cause::RuntimeDir)] },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::remedy;
    use crate::check::testing::{facts_of, failed_at, finding, table, with_probe};
    use crate::check::{Outcome, Ready, judge};
    use crate::fact::{Facts, Trial, TrialEnd, UserEntry};
    use crate::profile::Profile;

    fn directory(path: &str, owner: u32) -> Directory {
        Directory { path: path.into(), parent: None, owner, group: owner, on_root: true, refused: None }
    }

    /// A pod in which all is as it should be.
    fn fine(facts: &mut Facts) -> &mut OwnPod {
        let known = |path| Fact::Known(directory(path, 1000));
        facts.own_pod.insert(OwnPod {
            group: Fact::Known(1000),
            user_entry: Fact::Known(UserEntry { name: "user".into(), group: 1000, home: Some("/home/user".into()) }),
            user: Fact::Known("user".into()),
            home: known("/home/user"),
            temp_dir: known("/home/user/.local/tmp"),
            tmp: Fact::Known(Directory { owner: 0, ..directory("/tmp", 0) }),
            runtime_dir: known("/run/user/1000/buildkit"),
            state_dir: known("/home/user/.local/share/buildkit"),
        })
    }

    fn refuse(directory: &mut Fact<Directory>, errno: Errno) {
        if let Fact::Known(directory) = directory {
            directory.refused = Some(errno);
        }
    }

    /// User 1001 in an image of user 1000.
    fn stranger(facts: &mut Facts) {
        facts.process.uid = Fact::Known(1001);
        facts.sub_ids.uids = Fact::Known(vec![]);
        let pod = fine(facts);
        pod.user_entry = Fact::Absent;
        for directory in [&mut pod.temp_dir, &mut pod.runtime_dir, &mut pod.state_dir] {
            refuse(directory, Errno::EACCES);
        }
    }

    fn read_only(facts: &mut Facts) {
        let pod = fine(facts);
        for directory in [&mut pod.temp_dir, &mut pod.runtime_dir, &mut pod.state_dir] {
            refuse(directory, Errno::EROFS);
        }
    }

    #[test]
    fn unprivileged_root() {
        let found = |change: &dyn Fn(&mut Facts)| {
            let found = finding("unprivileged-root", Profile::Rootful, &|facts| {
                facts.own_pod = Some(OwnPod::default());
                facts.process.uid = Fact::Known(0);
                change(facts);
            });
            (found.outcome, found.cause)
        };
        assert_eq!(found(&|_| {}), (Outcome::Fail, Some(Cause::WrongImageOrUid)));
        assert_eq!(found(&|f| f.process.bounding_set = Fact::Known(CapSet(u64::MAX))), (Outcome::Pass, None));
        assert_eq!(found(&|f| f.process.bounding_set = Fact::Denied("no /proc".into())), (Outcome::Unknown, None));
        assert_eq!(found(&|f| f.process.uid = Fact::Known(1000)), (Outcome::NotApplicable, None), "another cause's");
        assert_eq!(found(&|f| f.own_pod = None), (Outcome::NotApplicable, None), "no builder's pod");
        table("unprivileged-root", &[(Outcome::NotApplicable, None, &|f| f.own_pod = Some(OwnPod::default()))]);
    }

    #[test]
    fn image_user() {
        table(
            "image-user",
            &[
                (Outcome::NotApplicable, None, &|_| {}),
                (Outcome::Pass, None, &|f| {
                    fine(f);
                }),
                (Outcome::Fail, Some(Cause::ImageUser), &|f| fine(f).user_entry = Fact::Absent),
                (Outcome::Fail, Some(Cause::ImageUser), &|f| fine(f).group = Fact::Known(0)),
                (Outcome::Fail, Some(Cause::ImageUser), &stranger),
                (Outcome::Fail, Some(Cause::ImageUser), &|f| {
                    fine(f);
                    (f.process.uid, f.sub_ids.uids) = (Fact::Known(0), Fact::Known(vec![]));
                }),
                (Outcome::Fail, Some(Cause::ImageUser), &|f| {
                    let pod = fine(f);
                    refuse(&mut pod.runtime_dir, Errno::EACCES);
                    f.process.uid = Fact::Known(1001);
                }),
                (Outcome::Unknown, None, &|f| fine(f).user_entry = Fact::Denied("no /etc".into())),
            ],
        );
        let rootful = finding("image-user", Profile::Userns, &|f| {
            fine(f);
        });
        assert_eq!(rootful.cause, Some(Cause::ImageUser));
        failed_at(Step::UidMap, Errno::EPERM, Cause::ImageUser, |f| fine(f).group = Fact::Known(0));
        failed_at(Step::TempDir, Errno::EACCES, Cause::ImageUser, stranger);
        failed_at(Step::TempDir, Errno::EROFS, Cause::ReadOnlyRoot, |f| {
            read_only(f);
            f.own_pod.as_mut().expect("a pod").group = Fact::Known(0);
        });
    }

    #[test]
    fn what_follows_from_the_wrong_user_is_not_told_beside_it() {
        let verdict = judge(&with_probe(facts_of(&stranger), Some((Step::TempDir, Errno::EACCES))), Profile::NoProcessSandbox, None);
        assert_eq!(verdict.causes(), [Cause::ImageUser]);
    }

    #[test]
    fn another_user_that_the_image_knows_is_as_good() {
        let verdict = judge(
            &with_probe(
                facts_of(&|f| {
                    f.process.uid = Fact::Known(1001);
                    let pod = fine(f);
                    pod.user_entry = Fact::Known(UserEntry { name: "ann".into(), group: 1000, home: None });
                }),
                None,
            ),
            Profile::NoProcessSandbox,
            None,
        );
        assert_eq!(verdict.ready(), Ready::Ready, "{verdict:?}");
    }

    #[test]
    fn what_works_is_no_cause_whatever_it_looks_like() {
        let mut facts = with_probe(facts_of(&stranger), None);
        let last = facts.probes[0].steps.last().cloned().expect("a step");
        for step in [Step::TempDir, Step::RuntimeDir] {
            facts.probes[0].steps.push(crate::fact::StepResult { step, ..last.clone() });
        }
        let verdict = judge(&facts, Profile::NoProcessSandbox, None);
        assert_eq!(verdict.ready(), Ready::Ready, "{verdict:?}");
    }

    #[test]
    fn temp_dir() {
        table(
            "temp-dir",
            &[
                (Outcome::NotApplicable, None, &|_| {}),
                (Outcome::Pass, None, &|f| {
                    fine(f);
                }),
                (Outcome::Fail, Some(Cause::ReadOnlyRoot), &read_only),
                (Outcome::Fail, Some(Cause::TempDir), &|f| refuse(&mut fine(f).temp_dir, Errno::ENOENT)),
                (Outcome::Fail, Some(Cause::TempDir), &|f| refuse(&mut fine(f).tmp, Errno::EACCES)),
                (Outcome::Unknown, None, &|f| fine(f).temp_dir = Fact::Denied("it hangs".into())),
            ],
        );
        failed_at(Step::TempDir, Errno::ENOENT, Cause::TempDir, |_| {});
        failed_at(Step::TempDir, Errno::ENOSPC, Cause::TempDir, |_| {});
    }

    #[test]
    fn runtime_dir() {
        table(
            "runtime-dir",
            &[
                (Outcome::Pass, None, &|f| {
                    fine(f);
                }),
                (Outcome::Fail, Some(Cause::ReadOnlyRoot), &read_only),
                (Outcome::Fail, Some(Cause::RuntimeDir), &|f| {
                    refuse(&mut fine(f).runtime_dir, Errno::EACCES);
                    if let Some(Fact::Known(directory)) = f.own_pod.as_mut().map(|pod| &mut pod.runtime_dir) {
                        directory.owner = 0;
                    }
                }),
                (Outcome::Fail, Some(Cause::RuntimeDir), &|f| {
                    fine(f).runtime_dir = Fact::Known(directory(&format!("/run/{}", "x".repeat(90)), 1000))
                }),
                (Outcome::Unknown, None, &|f| fine(f).runtime_dir = Fact::Denied("it hangs".into())),
            ],
        );
        failed_at(Step::RuntimeDir, Errno::EINVAL, Cause::RuntimeDir, |_| {});
    }

    #[test]
    fn a_trial_build_uses_the_pods_own_directories() {
        let mut facts = with_probe(facts_of(&|_| {}), Some((Step::RuntimeDir, Errno::EACCES)));
        let end = TrialEnd::Built;
        facts.trials = vec![Trial { plan: facts.probes[0].plan, end, snapshotter: Some("overlayfs".into()), millis: 1 }];
        let verdict = judge(&facts, Profile::NoProcessSandbox, None);
        assert_eq!((verdict.ready(), verdict.decisive()), (Ready::Ready, None));
    }

    #[test]
    fn a_remedy_names_what_this_pod_needs() {
        let fix = |cause, change: &dyn Fn(&mut Facts)| remedy(cause, &facts_of(change), None).fix;
        assert_eq!(fix(Cause::ImageUser, &stranger), "set runAsUser: 1000 and runAsGroup: 1000 in the securityContext");
        assert_eq!(fix(Cause::ImageUser, &|f| fine(f).group = Fact::Known(0)), "set runAsGroup: 1000 in the securityContext");
        assert!(fix(Cause::ImageUser, &|f| f.tools.rootlesskit = Fact::Absent).starts_with("set runAsUser: 0 "));
        assert_eq!(
            fix(Cause::ReadOnlyRoot, &read_only),
            "mount an emptyDir on /home/user/.local/tmp, /home/user/.local/share/buildkit and /run/user/1000, or remove readOnlyRootFilesystem: true"
        );
        assert!(
            fix(Cause::RuntimeDir, &|f| {
                fine(f);
            })
            .starts_with("mount an emptyDir on /run/user/1000, or set XDG_RUNTIME_DIR")
        );
        assert!(fix(Cause::TempDir, &|_| {}).contains("the directory that TMPDIR names"));
    }
}
