//! Whether the builder can map more than its own ID.

use super::message::says_no_user;
use super::own_pod::has_wrong_user;
use super::row::{Blame, Check, Judgement, Kind};
use super::seen::idmap::{Ids, Seen};
use super::{Case, Note};
use crate::behaviour::find;
use crate::cause::Cause;
use crate::fact::{CapSet, Errno, Fact, Helper, Step, StepOutcome, StepResult, SubId, UserNamespace};

const HELPER_STEPS: &[Step] = &[Step::UidMap, Step::GidMap];

/// A lack of the image: it stops a builder only where this place is the builder's own image. On a
/// bare machine or in some other container the builder's image brings what is missing.
fn lack(case: &Case, cause: Cause, note: impl Into<Note>) -> Judgement {
    match case.facts.in_builder_image() {
        Some(true) => Judgement::fail(cause, note),
        Some(false) => Judgement::Warn(cause, Note::Brought(Box::new(note.into()))),
        None => Judgement::unknown(Note::PerhapsBrought(Box::new(note.into()))),
    }
}

/// Whether newuidmap has no part in this: no user namespace is made, root writes the map, or the
/// builder's pod has IDs of its own that can't be seen from here.
fn needs_no_helper(case: &Case) -> bool {
    let elsewhere = case.profile.has_pod_user_namespace() && !case.place.may_have_pods_user_namespace();
    !case.place.is_rootless() || elsewhere || case.place.root_writes_maps()
}

/// How many IDs a pod's user namespace has at least (pkg/kubelet/userns), and a rootless engine's.
const LEAST_MAP: u64 = 65_536;

/// What is left of a pod's 65,536 IDs beside the builder's own and those below it: the usual fitting range.
const USUAL_RANGE: u64 = 64_535;

pub(super) const SUBORDINATE_IDS: Check = Check {
    id: "subordinate-ids",
    title: "ranges in /etc/subuid and /etc/subgid",
    why: "rootlesskit maps the ranges that these files give the user. Without a range rootlesskit stops with `no subuid ranges found for user`.",
    causes: &[Cause::SubidConfig],
    steps: &[Step::SubIdRange],
    kind: Kind::Fact {
        judge: |case| {
            if needs_no_helper(case) {
                return Judgement::NotApplicable;
            }
            if has_wrong_user(case) {
                return Judgement::NotApplicable;
            }
            let ranges = &case.facts.sub_ids;
            Judgement::worst([(&ranges.uids, Ids::Users), (&ranges.gids, Ids::Groups)].map(|(ranges, ids)| judge_ranges(case, ranges, ids)))
        },
        explains: |_| true,
    },
};

fn judge_ranges(case: &Case, ranges: &Fact<Vec<SubId>>, ids: Ids) -> Judgement {
    let user = || case.facts.sub_ids.user.known().cloned();
    match ranges {
        Fact::Known(ranges) if ranges.is_empty() => lack(case, Cause::SubidConfig, Seen::NoRange { ids, user: user() }),
        Fact::Known(ranges) => match (overlapping(ranges), count(ranges)) {
            (Some((first, second)), _) => lack(case, Cause::SubidConfig, Seen::Overlapping { ids, first, second }),
            (None, count) if count < USUAL_RANGE => Judgement::warn(Cause::SubidConfig, Seen::FewIds { ids, user: user(), count }),
            _ => Judgement::Pass,
        },
        Fact::Absent => lack(case, Cause::SubidConfig, Seen::NoFile(ids)),
        Fact::Failed(why) => lack(case, Cause::SubidConfig, why),
        Fact::Denied(why) if case.facts.in_builder_image() != Some(false) => Judgement::unknown(why),
        Fact::Denied(_) => Judgement::NotApplicable,
    }
}

/// Two ranges that share an ID: no map takes both (map_write in kernel/user_namespace.c).
fn overlapping(ranges: &[SubId]) -> Option<(SubId, SubId)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    sorted.windows(2).find(|pair| pair[0].end() > pair[1].start).map(|pair| (pair[0], pair[1]))
}

fn count(ranges: &[SubId]) -> u64 {
    ranges.iter().fold(0, |sum, range| sum.saturating_add(range.length))
}

pub(super) const PROMISED_IDS: Check = Check {
    id: "promised-ids",
    title: "how far the ranges reach",
    why: "Steps give files to users that they add, and to nobody (65534) where the profile promises it. An ID beyond the range is an invalid argument.",
    causes: &[Cause::SubidConfig],
    // A probe maps what there is.
    steps: &[],
    kind: Kind::Fact {
        judge: |case| {
            // A pod with a user namespace has a range that fits it; a builder of another profile has another.
            let is_this_profiles = match case.facts.user_namespace() {
                Some(UserNamespace::Pods) => case.profile.has_pod_user_namespace(),
                Some(UserNamespace::Machines | UserNamespace::Nodes) => !case.profile.has_pod_user_namespace(),
                Some(UserNamespace::Unclear) | None => false,
            };
            if needs_no_helper(case) || has_wrong_user(case) || !is_this_profiles {
                return Judgement::NotApplicable;
            }
            let facts = &case.facts.sub_ids;
            let reach = |(ranges, ids): (&Fact<Vec<SubId>>, Ids)| match ranges.known().map(|ranges| count(ranges)) {
                // That there is none is the matter of another row.
                None | Some(0) => Judgement::NotApplicable,
                Some(count) if count < promised(case) => {
                    lack(case, Cause::SubidConfig, Seen::FewIds { ids, user: facts.user.known().cloned(), count })
                }
                Some(_) => Judgement::Pass,
            };
            Judgement::worst([(&facts.uids, Ids::Users), (&facts.gids, Ids::Groups)].map(reach))
        },
        explains: |_| false,
    },
};

/// The highest ID to which a promised behaviour gives files: that of nobody, or of a user that a step adds.
fn promised(case: &Case) -> u64 {
    const NOBODY: u64 = 65_534;
    const ADDED: u64 = 10_001;
    if find("owner-nobody").is_some_and(|behaviour| behaviour.is_promised(case.profile)) { NOBODY } else { ADDED }
}

pub(super) const SETID_CAPABILITIES: Check = Check {
    id: "setid-capabilities",
    title: "SETUID and SETGID in the bounding set",
    why: "newuidmap and newgidmap each get one capability from their file, within the bounding set. With drop: [ALL] alone the kernel refuses to run them.",
    causes: &[Cause::CapsDropped],
    steps: HELPER_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            if needs_no_helper(case) || !case.place.is_builders_confinement() {
                return Judgement::NotApplicable;
            }
            match &case.facts.process.bounding_set {
                Fact::Known(set) => {
                    let capabilities = [(CapSet::SETUID, Ids::Users), (CapSet::SETGID, Ids::Groups)].into_iter();
                    let missing: Vec<_> = capabilities.filter(|cap| !set.has(cap.0)).map(|cap| cap.1).collect();
                    if missing.is_empty() { Judgement::Pass } else { Judgement::fail(Cause::CapsDropped, Seen::NoCapability(missing)) }
                }
                Fact::Absent => Judgement::unknown(Seen::NoStatus),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: refused,
    },
};

pub(super) const NO_NEW_PRIVILEGES: Check = Check {
    id: "no-new-privileges",
    title: "no_new_privs",
    why: "With allowPrivilegeEscalation: false a program gains no privileges on exec, so newuidmap can't write the ID map.",
    causes: &[Cause::NoNewPrivs],
    steps: HELPER_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            if needs_no_helper(case) || !(case.place.is_builders_confinement() || case.place.on_bare_machine()) {
                return Judgement::NotApplicable;
            }
            match &case.facts.process.no_new_privs {
                Fact::Known(false) | Fact::Absent => Judgement::Pass,
                Fact::Known(true) if case.place.on_bare_machine() => Judgement::warn(Cause::NoNewPrivs, Seen::NoNewPrivsOfShell),
                _ if case.place.on_bare_machine() => Judgement::NotApplicable,
                Fact::Known(true) => Judgement::fail(Cause::NoNewPrivs, Seen::NoNewPrivs),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: refused,
    },
};

pub(super) const HELPERS: Check = Check {
    id: "idmap-helpers",
    title: "newuidmap and newgidmap",
    why: "Only these helpers may map a range of IDs for an ordinary user, by their file capabilities or the setuid bit. An image that is copied without extended attributes loses the file capabilities.",
    causes: &[Cause::IdmapHelper],
    steps: HELPER_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            if needs_no_helper(case) {
                return Judgement::NotApplicable;
            }
            let helpers = [(&case.facts.newuidmap, Ids::Users), (&case.facts.newgidmap, Ids::Groups)];
            Judgement::worst(helpers.map(|(fact, ids)| match fact {
                Fact::Known(helper) if helper.is_privileged() && (helper.file_capability || can_be_root(case)) => Judgement::Pass,
                // Some builds turn into the user again before they write, and can; others stay root, whom the kernel asks for
                // CAP_SYS_ADMIN, since the namespace is not root's own (map_write in kernel/user_namespace.c).
                Fact::Known(helper) if helper.is_privileged() => Judgement::unknown(Seen::SetuidAlone(helper.path.clone())),
                Fact::Known(helper) => lack(case, Cause::IdmapHelper, weakness(helper)),
                Fact::Absent => lack(case, Cause::IdmapHelper, Seen::NoHelper(ids)),
                Fact::Denied(why) | Fact::Failed(why) if case.facts.in_builder_image() != Some(false) => Judgement::unknown(why),
                Fact::Denied(_) | Fact::Failed(_) => Judgement::NotApplicable,
            }))
        },
        explains: |_| true,
    },
};

/// Whether both helpers are known to have what they need.
fn has_capable_helpers(case: &Case) -> bool {
    [&case.facts.newuidmap, &case.facts.newgidmap]
        .iter()
        .all(|fact| fact.known().is_some_and(|helper| helper.file_capability && !helper.nosuid))
}

/// Whether a program with the setuid bit becomes a root that may do all.
fn can_be_root(case: &Case) -> bool {
    case.place.on_bare_machine() || case.facts.process.bounding_set.known().is_none_or(|set| set.has(CapSet::SYS_ADMIN))
}

fn weakness(helper: &Helper) -> Seen {
    let path = helper.path.clone();
    if helper.nosuid { Seen::OnNosuid(path) } else { Seen::Unprivileged(path) }
}

pub(super) const NESTED_RANGE: Check = Check {
    id: "nested-range",
    title: "range within the pod's IDs",
    why: "A map may name only IDs that exist in the parent namespace (map_write in kernel/user_namespace.c). A pod with 65,536 IDs does not have the stock range 100000:65536.",
    causes: &[Cause::NestedUsernsRange],
    steps: HELPER_STEPS,
    kind: Kind::Fact {
        judge: |case| {
            if needs_no_helper(case) {
                return Judgement::NotApplicable;
            }
            let ranges = &case.facts.sub_ids;
            let process = &case.facts.process;
            let both = [(&process.uid_map, &ranges.uids, Ids::Users), (&process.gid_map, &ranges.gids, Ids::Groups)];
            Judgement::worst(both.map(|(map, ranges, ids)| match (map, ranges.known()) {
                (Fact::Known(map), Some(ranges)) => match ranges.iter().find(|range| !map.contains(range)) {
                    Some(range) => lack(case, Cause::NestedUsernsRange, Seen::OutOfNamespace { ids, range: *range, size: map.size() }),
                    None => Judgement::Pass,
                },
                // Whoever makes namespaces for containers gives them so many.
                (Fact::Denied(_) | Fact::Failed(_), Some(ranges)) if ranges.iter().all(|range| range.end() <= LEAST_MAP) => Judgement::Pass,
                (Fact::Denied(why) | Fact::Failed(why), _) => Judgement::unknown(why),
                // No user namespaces, or a range that can't be read: other checks' matters.
                (Fact::Absent, _) | (_, None) => Judgement::NotApplicable,
            }))
        },
        explains: refused,
    },
};

pub(super) const ID_MAPS: Check = Check {
    id: "id-maps",
    title: "maps of the new user namespace",
    why: "rootlesskit runs newuidmap and newgidmap, so that files of an image can belong to other users than root.",
    causes: &[
        Cause::SubidConfig,
        Cause::NestedUsernsRange,
        Cause::NoNewPrivs,
        Cause::IdmapHelper,
        Cause::ApparmorProfile,
        Cause::Selinux,
        Cause::ApparmorOrSelinux,
    ],
    steps: &[Step::SubIdRange, Step::UidMap, Step::GidMap],
    kind: Kind::Attempt {
        blames: &[
            Blame::any(Cause::SubidConfig).at(&[Step::SubIdRange]),
            // Root lacks no privilege for it: the IDs are not there.
            Blame::any(Cause::NestedUsernsRange).when(|case, _| case.place.root_writes_maps()),
            // A shell's: a pod's is a fact of its own.
            Blame::any(Cause::NoNewPrivs)
                .when(|case, step| step.outcome == StepOutcome::FellBack && case.facts.process.no_new_privs.known() == Some(&true)),
            Blame::any(Cause::SubidConfig).when(|_, step| says_no_user(step)),
            Blame::SECURITY_MODULE,
            Blame::errors(&[Errno::EINVAL], Cause::SubidConfig),
            // Helpers that have their capability from their file and the bounding set, and may not use it.
            Blame::SELINUX.when(|case, _| case.place.selinux_confines() && has_capable_helpers(case)),
            Blame::any(Cause::IdmapHelper),
        ],
    },
};

/// The kernel's refusal to run a helper, to its write, or the helper's own.
fn refused(failed: &StepResult) -> bool {
    failed.errno == Some(Errno::EPERM)
}

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::testing::{bare, facts_of, failed_at, finding, pod_map, table, with_probe};
    use crate::check::{Outcome, Ready, judge};
    use crate::fact::{CapSet, Errno, Fact, Facts, Step, SubId};
    use crate::profile::Profile;

    #[test]
    fn promised_ids() {
        let range = |length| SubId { start: 100_000, length };
        table(
            "promised-ids",
            &[
                (Outcome::Pass, None, &|_| {}),
                // A step gives files to nobody, 65534.
                (Outcome::Fail, Some(Cause::SubidConfig), &|f| f.sub_ids.uids = Fact::Known(vec![range(65_533)])),
                (Outcome::Pass, None, &|f| f.sub_ids.uids = Fact::Known(vec![range(65_534)])),
                (Outcome::Pass, None, &|f| f.sub_ids.gids = Fact::Absent),
            ],
        );
        // What a probe maps is what there is: it overrules nothing here.
        let mut facts = with_probe(facts_of(&|_| {}), None);
        facts.sub_ids.uids = Fact::Known(vec![range(1000)]);
        let verdict = judge(&facts, Profile::NoProcessSandbox, None);
        assert_eq!((verdict.ready(), verdict.causes()), (Ready::NotReady, vec![Cause::SubidConfig]));
    }

    #[test]
    fn subordinate_ids() {
        table(
            "subordinate-ids",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::SubidConfig), &|f| f.sub_ids.uids = Fact::Known(vec![])),
                (Outcome::Fail, Some(Cause::SubidConfig), &|f| f.sub_ids.gids = Fact::Absent),
                (Outcome::Fail, Some(Cause::SubidConfig), &|f| f.sub_ids.uids = Fact::Known(vec![SubId::STOCK, SubId::STOCK])),
                (Outcome::Pass, None, &|f| f.sub_ids.uids = Fact::Known(vec![SubId { start: 165_536, length: 10 }, SubId::STOCK])),
                (Outcome::Warn, Some(Cause::SubidConfig), &|f| {
                    bare(f);
                    f.sub_ids.gids = Fact::Absent
                }),
                (Outcome::Unknown, None, &|f| f.sub_ids.uids = Fact::Denied("/etc/subuid: permission denied".into())),
            ],
        );
        failed_at(Step::SubIdRange, Errno::ENOENT, Cause::SubidConfig, |_| {});
    }

    #[test]
    fn setid_capabilities() {
        table(
            "setid-capabilities",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Pass, None, &|f| f.process.bounding_set = Fact::Known(CapSet(0xc0))),
                (Outcome::Fail, Some(Cause::CapsDropped), &|f| f.process.bounding_set = Fact::Known(CapSet(0))),
                (Outcome::NotApplicable, None, &|f| {
                    bare(f);
                    f.process.bounding_set = Fact::Known(CapSet(0))
                }),
                (Outcome::Unknown, None, &|f| f.process.bounding_set = Fact::Failed("garbage".into())),
            ],
        );
        failed_at(Step::UidMap, Errno::EPERM, Cause::CapsDropped, |f| f.process.bounding_set = Fact::Known(CapSet(0)));
    }

    #[test]
    fn no_new_privileges() {
        table(
            "no-new-privileges",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::NoNewPrivs), &|f| f.process.no_new_privs = Fact::Known(true)),
                (Outcome::Unknown, None, &|f| f.process.no_new_privs = Fact::Denied("no /proc".into())),
            ],
        );
        failed_at(Step::UidMap, Errno::EPERM, Cause::NoNewPrivs, |f| f.process.no_new_privs = Fact::Known(true));
    }

    #[test]
    fn idmap_helpers() {
        let without = |f: &mut Facts, change: &dyn Fn(&mut crate::fact::Helper)| {
            if let Fact::Known(helper) = &mut f.newgidmap {
                change(helper);
            }
        };
        table(
            "idmap-helpers",
            &[
                (Outcome::Pass, None, &|_| {}),
                (Outcome::Fail, Some(Cause::IdmapHelper), &|f| without(f, &|helper| helper.file_capability = false)),
                (Outcome::Fail, Some(Cause::IdmapHelper), &|f| without(f, &|helper| helper.nosuid = true)),
                (Outcome::Unknown, None, &|f| {
                    without(f, &|helper| (helper.setuid, helper.file_capability) = (true, false));
                    f.process.bounding_set = Fact::Known(CapSet(0xc0))
                }),
                (Outcome::Fail, Some(Cause::IdmapHelper), &|f| f.newuidmap = Fact::Absent),
                (Outcome::Warn, Some(Cause::IdmapHelper), &|f| {
                    bare(f);
                    f.newuidmap = Fact::Absent
                }),
                (Outcome::Unknown, None, &|f| f.newuidmap = Fact::Failed("EIO".into())),
                // Nothing tells whose image this is: a lack may be the builder's own.
                (Outcome::Unknown, None, &|f| {
                    f.tools.rootlesskit = Fact::default();
                    f.newuidmap = Fact::Absent
                }),
                (Outcome::Warn, Some(Cause::IdmapHelper), &|f| {
                    f.tools.rootlesskit = Fact::Absent;
                    f.newuidmap = Fact::Absent
                }),
            ],
        );
        failed_at(Step::GidMap, Errno::EPERM, Cause::IdmapHelper, |_| {});
        failed_at(Step::UidMap, Errno::EINVAL, Cause::SubidConfig, |_| {});
    }

    #[test]
    fn nested_range() {
        let judged = |size: u32, range: SubId| {
            finding("nested-range", Profile::ProcMount, &|f| {
                f.process.uid_map = pod_map(size);
                f.process.gid_map = pod_map(size);
                f.sub_ids.uids = Fact::Known(vec![range]);
                f.sub_ids.gids = Fact::Known(vec![range]);
            })
        };
        let fitting = SubId { start: 1001, length: 64_535 };
        assert_eq!(judged(65_536, fitting).outcome, Outcome::Pass);
        assert_eq!(judged(196_608, SubId::STOCK).outcome, Outcome::Pass);
        assert_eq!(judged(65_536, SubId::STOCK).cause, Some(Cause::NestedUsernsRange));
        assert_eq!(judged(131_072, SubId::STOCK).cause, Some(Cause::NestedUsernsRange));
        table("nested-range", &[(Outcome::Unknown, None, &|f| f.process.uid_map = Fact::Denied("no /proc".into()))]);
    }
}
