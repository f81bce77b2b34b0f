//! What a kernel of EL7 was booted with.

use super::row::{Check, Judgement, Kind};
use super::seen::userns::Seen;
use crate::cause::Cause;
use crate::fact::{Errno, Fact, OsRelease, Step};

pub(super) const EL7_CMDLINE: Check = Check {
    id: "boot-arguments",
    title: "boot arguments of EL7's kernel",
    why: "Kernels 3.10.0 of RHEL 7, CentOS 7 and their kin have switches that are off by default. Without namespace.unpriv_enable=1 an ordinary user creates no mount namespace in a user namespace; before 7.4 user_namespace.enable=1 is needed too (moby/buildkit#1188).",
    causes: &[Cause::UsernsEl7Cmdline],
    steps: &[Step::UserNamespace, Step::MountNamespace],
    kind: Kind::Fact {
        judge: |case| {
            if !case.place.is_rootless() {
                return Judgement::NotApplicable;
            }
            let kernel = match &case.facts.kernel {
                Fact::Known(kernel) if kernel.build_of_el7().is_some() => kernel,
                Fact::Denied(why) | Fact::Failed(why) if case.facts.os.known().is_some_and(is_el7) => return Judgement::unknown(why),
                // No other kernel has them.
                _ => return Judgement::NotApplicable,
            };
            match &case.facts.boot_arguments {
                Fact::Known(arguments) => match arguments.missing(kernel) {
                    missing if missing.is_empty() => Judgement::Pass,
                    missing => Judgement::fail(Cause::UsernsEl7Cmdline, Seen::BootedWithout(missing)),
                },
                Fact::Absent => Judgement::unknown(Seen::NoBootArguments),
                Fact::Denied(why) | Fact::Failed(why) => Judgement::unknown(why),
            }
        },
        explains: |failed| matches!(failed.errno, Some(Errno::EPERM | Errno::EINVAL)) && failed.filtered != Some(true),
    },
};

/// Whether a system has such a kernel.
fn is_el7(os: &OsRelease) -> bool {
    let is_kin = |id: &str| matches!(id, "rhel" | "centos");
    (is_kin(&os.id) || os.id_like.iter().any(|id| is_kin(id))) && os.version().0 == 7
}

#[cfg(test)]
mod tests {
    use crate::cause::Cause;
    use crate::check::Outcome;
    use crate::check::testing::{failed_at, finding, table};
    use crate::fact::{BootArguments, Errno, Fact, Step};
    use crate::profile::Profile;

    #[test]
    fn boot_arguments_of_el7() {
        let kernel = |text: &str| Fact::Known(text.to_owned().try_into().expect("a release"));
        let of = |release: &'static str, line: &'static str| {
            move |f: &mut crate::fact::Facts| {
                f.kernel = kernel(release);
                f.boot_arguments = Fact::Known(BootArguments::parse(line));
            }
        };
        const NEW: &str = "3.10.0-1160.el7.x86_64";
        const OLD: &str = "3.10.0-514.el7.x86_64";
        let untold = |arguments: Fact<BootArguments>| {
            move |f: &mut crate::fact::Facts| {
                f.kernel = kernel(NEW);
                f.boot_arguments = arguments.clone();
            }
        };
        let no_kernel = |f: &mut crate::fact::Facts| {
            f.kernel = Fact::Denied("/proc/sys/kernel/osrelease: permission denied".into());
            f.os = crate::fact::OsRelease::parse("ID=ol\nID_LIKE=\"rhel fedora\"\nVERSION_ID=7.9").map_or(Fact::Absent, Fact::Known);
        };
        table(
            "boot-arguments",
            &[
                (Outcome::Pass, None, &of(NEW, "ro namespace.unpriv_enable=1")),
                (Outcome::Pass, None, &of(OLD, "user_namespace.enable=1 namespace.unpriv_enable=1")),
                (Outcome::Fail, Some(Cause::UsernsEl7Cmdline), &of(NEW, "user_namespace.enable=1")),
                (Outcome::Fail, Some(Cause::UsernsEl7Cmdline), &of(OLD, "namespace.unpriv_enable=1")),
                (Outcome::Unknown, None, &untold(Fact::Denied("not reported".into()))),
                (Outcome::Unknown, None, &untold(Fact::Failed("/proc/cmdline: Input/output error".into()))),
                (Outcome::Unknown, None, &untold(Fact::Absent)),
                (Outcome::Unknown, None, &no_kernel),
                (Outcome::NotApplicable, None, &of("4.18.0-553.el8_10.x86_64", "")),
                (Outcome::NotApplicable, None, &|_| {}),
            ],
        );
        failed_at(Step::MountNamespace, Errno::EPERM, Cause::UsernsEl7Cmdline, of(NEW, "ro"));
        failed_at(Step::UserNamespace, Errno::EINVAL, Cause::UsernsEl7Cmdline, of(OLD, "ro"));
        assert_eq!(finding("boot-arguments", Profile::Rootful, &of(NEW, "")).outcome, Outcome::NotApplicable);
    }
}
