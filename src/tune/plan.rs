//! What `tune` would set, and why: a plan, which changes nothing.

use crate::cause::{ADVISED_LIMIT, Cause, Mark, Remedy, remedy, set_at_boot, tunable};
use crate::check::{Evidence, Ready, judge, least_values};
use crate::fact::{API_VERSION, Fact, Facts, Keeps, Sysctl, Tunable};
use crate::profile::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a user lets `tune` do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TuneOptions {
    /// The builders that are to run.
    pub profiles: Vec<Profile>,
    /// What may be set; nothing beside [`Tunable::all`] ever is.
    pub only: Vec<Tunable>,
    /// To what a limit is raised.
    pub limit: u32,
    /// Whether a 0 that a file sets counts for nothing.
    pub override_policy: bool,
    /// Whether [`SYSCTL_FILE`] is to set it again at each boot.
    pub persist: bool,
}

/// Where settings are kept over a boot.
pub const SYSCTL_FILE: &str = "/etc/sysctl.d/60-buildkit-preflight.conf";

impl Default for TuneOptions {
    fn default() -> Self {
        TuneOptions {
            profiles: vec![Profile::NoProcessSandbox],
            only: Tunable::all().collect(),
            limit: ADVISED_LIMIT,
            override_policy: false,
            persist: false,
        }
    }
}

/// What `tune` would do on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TunePlan {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `TunePlan`.
    pub kind: String,
    /// The node's name, where it is known.
    pub node: Option<String>,
    /// What would be set.
    pub changes: Vec<Change>,
    /// What stands in a builder's way and would be left as it is.
    pub left: Vec<Left>,
    /// What becomes of the verdicts.
    pub effects: Vec<Effect>,
    /// Why this system's sysctls can't be kept in a file of sysctl.d; the remedies name its own setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutable: Option<String>,
}

/// One sysctl to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which.
    pub sysctl: Tunable,
    /// What it is now.
    pub from: u64,
    /// What it would be.
    pub to: u64,
    /// Why.
    pub why: String,
    /// How to do it by hand on this system.
    pub by_hand: Remedy,
    /// What to know of the next boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_boot: Option<String>,
}

/// One sysctl that is not as a builder needs it, and is not touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Which.
    pub sysctl: String,
    /// Why.
    pub reason: LeftBecause,
    /// The same in words.
    pub message: String,
    /// What a person may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<Remedy>,
}

/// Why a sysctl is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftBecause {
    /// A file says that it shall be 0.
    Policy,
    /// It is none that may be set, or none that was asked for.
    NotAllowed,
    /// It can't be read.
    Unreadable,
}

/// What becomes of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// Of this profile.
    pub profile: Profile,
    /// The verdict now; null in a container, whose confinement is not a builder's.
    pub now: Option<Ready>,
    /// The verdict to be expected then.
    pub then: Option<Ready>,
    /// How the first one was come to; the other is a prediction.
    pub evidence: Option<Evidence>,
    /// The causes that would go.
    pub removes: Vec<Cause>,
}

impl TunePlan {
    /// Plans, from what is known of a node.
    pub fn new(facts: &Facts, options: &TuneOptions) -> Self {
        let (mut changes, mut left) = (Vec::new(), Vec::new());
        for (sysctl, least) in least(options) {
            match facts.sysctls.get(sysctl) {
                Fact::Known(now) if *now < least => {
                    let to = Change::target(sysctl, options.limit);
                    match keeps(facts, options, sysctl) {
                        Some((reason, message)) => {
                            let by_hand = Some(tunable(facts, sysctl, to));
                            left.push(Left { sysctl: sysctl.to_string(), reason, message, by_hand });
                        }
                        None => changes.push(Change::new(facts, options, (sysctl, *now, least, to))),
                    }
                }
                Fact::Known(_) | Fact::Absent => {}
                Fact::Denied(message) | Fact::Failed(message) if options.only.contains(&sysctl) => {
                    let reason = LeftBecause::Unreadable;
                    left.push(Left { sysctl: sysctl.to_string(), reason, message: message.to_string(), by_hand: None });
                }
                Fact::Denied(_) | Fact::Failed(_) => {}
            }
        }
        left.extend(apparmors(facts));
        let effects = options.profiles.iter().map(|profile| Effect::new(facts, *profile, &changes)).collect();
        TunePlan {
            api_version: API_VERSION.into(),
            kind: "TunePlan".into(),
            node: facts.node.known().cloned(),
            changes,
            left,
            effects,
            immutable: immutable(facts),
        }
    }
}

/// Why a file of /etc/sysctl.d would not be kept. Where nobody knows which system this is, none is written either.
fn immutable(facts: &Facts) -> Option<String> {
    match &facts.os {
        Fact::Known(os) => match Keeps::of(os) {
            Keeps::SysctlD | Keeps::Object(..) => None,
            Keeps::OwnSettings(_) => Some(format!("{os} keeps sysctls in its own settings, and does not keep files of /etc/sysctl.d")),
            Keeps::Forgets(_) => Some(format!("{os} discards files of /etc/sysctl.d at each boot (without --persist the sysctls are set)")),
            Keeps::NoShell(_) => Some(format!("{os} does not keep files of /etc/sysctl.d (without --persist the sysctls are set)")),
        },
        Fact::Absent => None,
        Fact::Denied(why) | Fact::Failed(why) => Some(format!("it is not known whether this system keeps files of /etc/sysctl.d ({why})")),
    }
}

/// The least value of each sysctl with which all of the builders run.
fn least(options: &TuneOptions) -> Vec<(Tunable, u64)> {
    let all: Vec<_> = options.profiles.iter().flat_map(|profile| least_values(*profile)).collect();
    let most = |sysctl: Tunable| all.iter().filter(|(one, _)| *one == sysctl).map(|(_, least)| *least).max();
    Tunable::all().filter_map(|sysctl| Some((sysctl, most(sysctl)?))).collect()
}

/// Why a sysctl that is too low is left.
fn keeps(facts: &Facts, options: &TuneOptions, sysctl: Tunable) -> Option<(LeftBecause, String)> {
    if !options.only.contains(&sysctl) {
        return Some((LeftBecause::NotAllowed, "not among the sysctls that --only allows".into()));
    }
    if let (Fact::Failed(why), false) = (&facts.sysctl_files, options.override_policy) {
        let message =
            format!("it is not known whether a sysctl.d file sets this to 0, as policy ({why}); --override-policy raises it anyway");
        return Some((LeftBecause::Unreadable, message));
    }
    let zero = set_at_boot(facts, sysctl).filter(|setting| setting.value == "0" && !options.override_policy);
    zero.map(|setting| {
        let message = format!(
            "{} sets this to 0, which is taken for policy (hardening guides such as STIG and CIS ask for it); --override-policy raises it anyway",
            setting.file
        );
        (LeftBecause::Policy, message)
    })
}

/// AppArmor's switch needs CAP_MAC_ADMIN, which `tune` is never given.
fn apparmors(facts: &Facts) -> Option<Left> {
    let value = facts.sysctls.get(Sysctl::ApparmorRestrictUnprivilegedUserns).known().filter(|value| **value > 0)?;
    Some(Left {
        sysctl: "kernel.apparmor_restrict_unprivileged_userns".into(),
        reason: LeftBecause::NotAllowed,
        message: format!("its value is {value}; only a process with CAP_MAC_ADMIN may change it"),
        by_hand: Some(remedy(Cause::UsernsApparmorRestrict, facts, None)),
    })
}

impl Change {
    /// What a sysctl is set to, where limits are raised to `limit`.
    pub fn target(sysctl: Tunable, limit: u32) -> u64 {
        sysctl.target(limit)
    }

    fn new(facts: &Facts, options: &TuneOptions, (sysctl, from, least, to): (Tunable, u64, u64, u64)) -> Self {
        let why = match sysctl {
            Tunable::UNPRIVILEGED_USERNS_CLONE => "at 0 only a process with CAP_SYS_ADMIN can create user namespaces".to_owned(),
            Tunable::MAX_USER_NAMESPACES if from == 0 => "user namespaces are switched off".to_owned(),
            Tunable::MAX_USER_NAMESPACES => format!("fewer than {least} are used up soon"),
            _ => format!("one builder needs {least}"),
        };
        let low = set_at_boot(facts, sysctl).filter(|setting| setting.value.parse::<u64>().is_ok_and(|value| value < to));
        let stays = low.filter(|setting| !options.persist || comes_later(&setting.file));
        let at_boot = stays.map(|setting| format!("{} sets it to {} at the next boot", setting.file, setting.value));
        Change { sysctl, from, to, why, by_hand: tunable(facts, sysctl, to), at_boot }
    }
}

/// Whether a file is applied after ours, and so counts in its place.
fn comes_later(file: &str) -> bool {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    file == "/etc/sysctl.conf" || name(file) > name(SYSCTL_FILE)
}

impl Effect {
    fn new(facts: &Facts, profile: Profile, changes: &[Change]) -> Self {
        let mut changed = facts.clone();
        // What was tried, was tried under the old values.
        (changed.probes, changed.trials) = (Vec::new(), Vec::new());
        for change in changes {
            changed.sysctls.set(change.sysctl, Fact::Known(change.to));
        }
        let (now, then) = (judge(facts, profile, None), judge(&changed, profile, None));
        let bare = facts.on_bare_machine() == Some(true);
        Effect {
            profile,
            now: bare.then_some(now.ready()),
            then: bare.then_some(then.ready()),
            evidence: bare.then_some(now.evidence),
            removes: now.causes().into_iter().filter(|cause| cause.row().is(Mark::OfSysctls) && !then.causes().contains(cause)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{bare, facts_of};
    use crate::fact::{OsRelease, SysctlSetting};

    fn changes(change: &dyn Fn(&mut Facts), options: &TuneOptions) -> Vec<(&'static str, u64, u64)> {
        let plan = TunePlan::new(&facts_of(change), options);
        plan.changes.iter().map(|change| (change.sysctl.name(), change.from, change.to)).collect()
    }

    fn at_boot(file: &str, sysctl: Tunable, value: &str) -> Fact<Vec<SysctlSetting>> {
        Fact::Known(vec![SysctlSetting { file: file.into(), sysctl, value: value.into() }])
    }

    #[test]
    fn what_is_too_low_is_raised_and_nothing_else() {
        let default = TuneOptions::default();
        assert_eq!(changes(&|_| {}, &default), [], "a node without the switch, where all is well");
        let low = |f: &mut Facts| {
            f.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0));
            f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(1023));
            f.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(2));
        };
        let [clone, user, mnt] = [
            ("kernel.unprivileged_userns_clone", 0, 1),
            ("user.max_user_namespaces", 1023, 63_359),
            ("user.max_mnt_namespaces", 2, 63_359),
        ];
        assert_eq!(changes(&low, &default), [clone, user, mnt]);
        let only = TuneOptions { only: vec![Tunable::UNPRIVILEGED_USERNS_CLONE], ..default.clone() };
        assert_eq!(changes(&low, &only), [clone]);
        assert_eq!(TunePlan::new(&facts_of(&low), &only).left.len(), 2, "what was not asked for is told");
        let limit = TuneOptions { limit: 2000, ..default.clone() };
        assert_eq!(changes(&low, &limit)[1].2, 2000);
        assert_eq!(
            changes(&|f| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(1024)), &limit),
            [],
            "never lowered, never raised without need"
        );
        // One more mount namespace where the pod has a user namespace.
        let five = |f: &mut Facts| f.sysctls.set(Sysctl::MaxMntNamespaces, Fact::Known(5));
        assert_eq!(changes(&five, &default), []);
        let procmount = TuneOptions { profiles: vec![Profile::NoProcessSandbox, Profile::ProcMount], ..default };
        assert_eq!(changes(&five, &procmount).len(), 1);
    }

    #[test]
    fn a_zero_that_a_file_sets_is_policy() {
        let stig = |f: &mut Facts| {
            f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0));
            f.sysctl_files = at_boot("/etc/sysctl.d/99-stig.conf", Tunable::MAX_USER_NAMESPACES, "0");
        };
        let plan = TunePlan::new(&facts_of(&stig), &TuneOptions::default());
        assert!(plan.changes.is_empty());
        assert_eq!((plan.left[0].reason, plan.left[0].sysctl.as_str()), (LeftBecause::Policy, "user.max_user_namespaces"));
        assert!(plan.left[0].message.contains("99-stig.conf"));
        let plan = TunePlan::new(&facts_of(&stig), &TuneOptions { override_policy: true, ..TuneOptions::default() });
        assert!(plan.changes[0].at_boot.as_ref().is_some_and(|text| text.contains("99-stig.conf sets it to 0")), "{plan:?}");
        assert!(
            plan.changes[0]
                .by_hand
                .keep
                .as_ref()
                .is_some_and(|keep| keep.contains("change user.max_user_namespaces in /etc/sysctl.d/99-stig.conf"))
        );
        let persist = TuneOptions { override_policy: true, persist: true, ..TuneOptions::default() };
        assert!(TunePlan::new(&facts_of(&stig), &persist).changes[0].at_boot.is_some(), "that file comes after ours");
        let early = |f: &mut Facts| {
            stig(f);
            f.sysctl_files = at_boot("/usr/lib/sysctl.d/10-x.conf", Tunable::MAX_USER_NAMESPACES, "0");
        };
        assert!(TunePlan::new(&facts_of(&early), &persist).changes[0].at_boot.is_none(), "that file comes before ours");
        let unreadable = |f: &mut Facts| {
            stig(f);
            f.sysctl_files = Fact::Failed("/etc/sysctl.d: Input/output error".into());
        };
        assert_eq!(changes(&unreadable, &TuneOptions::default()), [], "what can't be read may be policy");
        // A low value is no policy, and a 0 that a later file takes back is none either.
        let later = |f: &mut Facts| {
            stig(f);
            let Fact::Known(settings) = &mut f.sysctl_files else { return };
            settings.push(SysctlSetting { file: "/etc/sysctl.d/z.conf".into(), sysctl: Tunable::MAX_USER_NAMESPACES, value: "7".into() });
        };
        assert_eq!(changes(&later, &TuneOptions::default()).len(), 1);
    }

    #[test]
    fn what_may_not_be_set_is_told_with_its_remedy() {
        let ubuntu = |f: &mut Facts| f.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(1));
        let plan = TunePlan::new(&facts_of(&ubuntu), &TuneOptions::default());
        assert_eq!((plan.changes.len(), plan.left[0].reason), (0, LeftBecause::NotAllowed));
        assert!(plan.left[0].by_hand.as_ref().is_some_and(|remedy| remedy.fix.contains("apparmor_parser")));
        let denied = |f: &mut Facts| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Denied("a pod's own".into()));
        assert_eq!(TunePlan::new(&facts_of(&denied), &TuneOptions::default()).left[0].reason, LeftBecause::Unreadable);
        for (id, is_kept) in [("talos", false), ("cos", false), ("buildroot", false), ("rhcos", true), ("debian", true)] {
            let on = |f: &mut Facts| f.os = Fact::Known(OsRelease { id: id.into(), ..OsRelease::default() });
            assert_eq!(TunePlan::new(&facts_of(&on), &TuneOptions::default()).immutable.is_none(), is_kept, "{id}");
        }
    }

    #[test]
    fn a_plan_says_which_verdict_it_changes() {
        let off = |f: &mut Facts| {
            bare(f);
            f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0));
        };
        let effect = TunePlan::new(&facts_of(&off), &TuneOptions::default()).effects.remove(0);
        assert_eq!((effect.now, effect.then), (Some(Ready::NotReady), Some(Ready::Ready)));
        assert_eq!(effect.removes, [Cause::UsernsMax0]);
        let in_a_container = |f: &mut Facts| f.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0));
        let effect = TunePlan::new(&facts_of(&in_a_container), &TuneOptions::default()).effects.remove(0);
        assert_eq!((effect.now, effect.removes), (None, vec![Cause::UsernsMax0]));
    }
}
