//! Causes by which no user namespace can be made.

#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::{ADVISED_LIMIT, Remedy, sysctl, tunable};
use super::row::{Ask, Level, Mark, Row};
#[cfg(test)]
use crate::fact::{BootArguments, Errno, Step};
use crate::fact::{Fact, ROOTLESSKIT, Sysctl, Tunable};

pub(super) const ROWS: &[Row] = &[KCONFIG, CLONE0, MAX0, MAX_LEVEL, EL7_CMDLINE, EXHAUSTED, APPARMOR_RESTRICT];

const KCONFIG: Row = Row {
    cause: Cause::UsernsKconfig,
    title: "the kernel was built without user namespaces",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/userns-kconfig.md"),
    remedy: |_| Remedy::new("boot a kernel built with CONFIG_USER_NS=y, or use another node"),
    #[cfg(test)]
    example: Example::facts(|facts| facts.user_namespaces = Fact::Known(false)),
};

const CLONE0: Row = Row {
    cause: Cause::UsernsClone0,
    title: "unprivileged user namespaces are switched off",
    level: Level::Node,
    marks: &[Mark::OfSysctls],
    forced: None,
    about: include_str!("about/userns-clone0.md"),
    remedy: |ask| tunable(ask.facts, Tunable::UNPRIVILEGED_USERNS_CLONE, 1),
    #[cfg(test)]
    example: Example::facts(|facts| facts.sysctls.set(Sysctl::UnprivilegedUsernsClone, Fact::Known(0))),
};

const MAX0: Row = Row {
    cause: Cause::UsernsMax0,
    title: "no user may create user namespaces",
    level: Level::Node,
    marks: &[Mark::OfSysctls],
    forced: None,
    about: include_str!("about/userns-max0.md"),
    remedy: |ask| tunable(ask.facts, Tunable::MAX_USER_NAMESPACES, ADVISED_LIMIT.into()),
    #[cfg(test)]
    example: Example::facts(|facts| facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0))),
};

/// What the kernel of Alibaba Cloud Linux has it at by itself, and every other kernel without a switch.
const USUAL_LEVEL: u64 = 33;

const MAX_LEVEL: Row = Row {
    cause: Cause::UsernsMaxLevel,
    title: "user namespaces may not be nested so deep",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/userns-max-level.md"),
    remedy: |ask| sysctl(ask.facts, Sysctl::UsernsMaxLevel.name(), USUAL_LEVEL).by_hand(),
    #[cfg(test)]
    example: Example::facts(|facts| facts.sysctls.set(Sysctl::UsernsMaxLevel, Fact::Known(0))),
};

const EL7_CMDLINE: Row = Row {
    cause: Cause::UsernsEl7Cmdline,
    title: "EL7's kernel was booted without namespaces for ordinary users",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/userns-el7-cmdline.md"),
    remedy: boot,
    #[cfg(test)]
    example: Example::facts(|facts| {
        facts.kernel = super::example::known("3.10.0-1160.el7.x86_64");
        facts.boot_arguments = Fact::Known(BootArguments::default());
    }),
};

const EXHAUSTED: Row = Row {
    cause: Cause::UsernsExhausted,
    title: "a limit on namespaces is reached",
    level: Level::Node,
    marks: &[Mark::Passes, Mark::OfSysctls],
    forced: None,
    about: include_str!("about/userns-exhausted.md"),
    remedy: raise,
    #[cfg(test)]
    example: Example::step(Step::UserNamespace, Errno::ENOSPC),
};

const APPARMOR_RESTRICT: Row = Row {
    cause: Cause::UsernsApparmorRestrict,
    title: "AppArmor restricts unprivileged user namespaces",
    level: Level::Node,
    marks: &[],
    forced: None,
    about: include_str!("about/userns-apparmor-restrict.md"),
    remedy: grant,
    #[cfg(test)]
    example: Example::facts(|facts| facts.sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(1))),
};

/// A profile for a builder's rootlesskit, as a command. It attaches in containers that are unconfined, and is loaded again at each
/// boot (apparmor.service).
const PROFILE: &str = "printf '%s\\n' 'abi <abi/4.0>,' 'profile buildkit-rootlesskit /usr/bin/rootlesskit flags=(unconfined) { userns, }' > /etc/apparmor.d/buildkit-rootlesskit && apparmor_parser -r /etc/apparmor.d/buildkit-rootlesskit";

/// What grants user namespaces to a builder alone comes first, the switch of the whole node last. Both take CAP_MAC_ADMIN, which `tune`
/// is never given.
fn grant(ask: &Ask) -> Remedy {
    let file = ask.facts.apparmor.files.known().and_then(|files| files.first());
    let fix = file.map_or_else(|| PROFILE.to_owned(), |file| format!("apparmor_parser -r {file}"));
    let switch = sysctl(ask.facts, "kernel.apparmor_restrict_unprivileged_userns", 0);
    let kept = switch.keep.map(|keep| format!("; kept by: {keep}")).unwrap_or_default();
    let loaded = match ask.facts.apparmor.loaded.known().and_then(|names| names.first()) {
        Some(name) => format!(
            "the profile {name} is loaded, so a builder whose rootlesskit is {ROOTLESSKIT} may work: `check --prove build` in its image tells; "
        ),
        None => String::new(),
    };
    Remedy::new(fix).note(format!("{loaded}or, for all programs of the node: {}{kept}", switch.fix))
}

/// What the kernel lacks is added, for all kernels that are installed. It has no sysctl for it.
fn boot(ask: &Ask) -> Remedy {
    let missing = match (&ask.facts.kernel, &ask.facts.boot_arguments) {
        (Fact::Known(kernel), Fact::Known(arguments)) => arguments.missing(kernel).join(" "),
        _ => "user_namespace.enable=1 namespace.unpriv_enable=1".to_owned(),
    };
    Remedy::new(format!("grubby --update-kernel=ALL --args='{missing}' && reboot"))
}

/// Raises the limit that is reached, never to less than there is: one that is reached at that height is reached by
/// somebody's leak.
fn raise(ask: &Ask) -> Remedy {
    let limit = limit_of(ask);
    let now = ask.facts.sysctls.get(limit).known().copied().unwrap_or_default();
    let value = now.saturating_mul(2).clamp(ADVISED_LIMIT.into(), u32::MAX.into());
    tunable(ask.facts, limit, value).note("or end the processes that hold so many namespaces: `lsns` lists them")
}

/// The sysctl whose limit a step runs into (namespaces(7)).
fn limit_of(ask: &Ask) -> Tunable {
    let low = |limit: &Tunable| ask.facts.sysctls.get(*limit).known().is_some_and(|value| *value < 4);
    match ask.failed {
        None => Tunable::all()
            .filter(|limit| ![Tunable::UNPRIVILEGED_USERNS_CLONE, Tunable::MAX_USER_NAMESPACES].contains(limit))
            .find(low)
            .unwrap_or(Tunable::MAX_USER_NAMESPACES),
        Some(step) => Tunable::limit_of(step).unwrap_or(Tunable::MAX_USER_NAMESPACES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::remedy;
    use crate::fact::Facts;

    #[test]
    fn a_limit_that_is_reached_is_raised_and_never_lowered() {
        let mut facts = Facts::unknown();
        facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(96_365));
        assert!(remedy(Cause::UsernsExhausted, &facts, Some(Step::UserNamespace)).fix.ends_with("user.max_user_namespaces=192730"));
        assert!(remedy(Cause::UsernsExhausted, &facts, Some(Step::PidNamespace)).fix.ends_with("user.max_pid_namespaces=63359"));
        facts.sysctls.set(Sysctl::MaxPidNamespaces, Fact::Known(96_365));
        assert!(remedy(Cause::UsernsExhausted, &facts, Some(Step::PidNamespace)).fix.ends_with("user.max_pid_namespaces=192730"));
    }

    #[test]
    fn what_needs_mac_admin_is_never_tunable() {
        let remedy = remedy(Cause::UsernsApparmorRestrict, &Facts::unknown(), None);
        assert!(!remedy.tunable && remedy.fix.contains("buildkit-rootlesskit") && remedy.fix.contains("&& apparmor_parser -r "));
        assert!(remedy.note.is_some_and(|note| note.contains("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")));
    }

    #[test]
    fn a_profile_that_is_there_is_loaded_and_none_written() {
        let mut facts = Facts::unknown();
        facts.apparmor.files = Fact::Known(vec!["/etc/apparmor.d/rootlesskit".into()]);
        facts.apparmor.loaded = Fact::Known(vec![]);
        let remedy = |facts: &Facts| crate::cause::remedy(Cause::UsernsApparmorRestrict, facts, None);
        assert_eq!(remedy(&facts).fix, "apparmor_parser -r /etc/apparmor.d/rootlesskit");
        assert!(remedy(&facts).note.is_some_and(|note| note.starts_with("or, for all programs")));
        facts.apparmor.loaded = Fact::Known(vec!["rootlesskit".into()]);
        assert!(remedy(&facts).note.is_some_and(|note| note.starts_with("the profile rootlesskit is loaded")));
    }
}
