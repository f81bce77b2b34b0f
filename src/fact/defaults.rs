//! What a default install of an operating system has of that which decides. These are expectations: a node may be set in another
//! way, so no verdict is built on them. They serve where a log or a report is all there is, and docs/reference/systems.md.

use super::Sysctl;
use super::os::numbers;
use std::fmt;

/// What default installs of one system have, by its versions.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// The versions that differ, the newest first. The first one stands for those that nobody knows yet, too.
    pub versions: &'static [Version],
    /// Where it is written down.
    pub source: &'static str,
}

/// What a default install has from one version of a system on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// From which version on; empty for all.
    pub since: &'static str,
    /// The sysctls whose value is known.
    pub sysctls: &'static [(Sysctl, u64)],
    /// The series of the kernel that it was released with, which is the oldest that it has.
    pub kernel: Option<(u32, u32)>,
    /// What confines containers.
    pub module: Option<SecurityModule>,
}

/// The security module that a system comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityModule {
    /// Neither AppArmor nor SELinux.
    Neither,
    /// AppArmor: runtimes give containers a profile.
    AppArmor,
    /// SELinux, which only logs.
    SelinuxPermissive,
    /// SELinux, which denies.
    SelinuxEnforcing,
}

const UNTOLD: Version = Version::UNTOLD;
const APPARMOR: Version = Version { module: Some(SecurityModule::AppArmor), ..UNTOLD };
const ENFORCING: Version = Version { module: Some(SecurityModule::SelinuxEnforcing), ..UNTOLD };
const PERMISSIVE: Version = Version { module: Some(SecurityModule::SelinuxPermissive), ..UNTOLD };
const NEITHER: Version = Version { module: Some(SecurityModule::Neither), ..UNTOLD };

const CLONE_ON: &[(Sysctl, u64)] = &[(Sysctl::UnprivilegedUsernsClone, 1)];
const CLONE_OFF: &[(Sysctl, u64)] = &[(Sysctl::UnprivilegedUsernsClone, 0)];
const NO_NAMESPACES: &[(Sysctl, u64)] = &[(Sysctl::MaxUserNamespaces, 0)];
const RESTRICTED: &[(Sysctl, u64)] = &[(Sysctl::ApparmorRestrictUnprivilegedUserns, 1)];

/// One version.
const fn at(since: &'static str, kernel: (u32, u32), like: Version) -> Version {
    Version { since, kernel: Some(kernel), ..like }
}

impl Defaults {
    /// Nothing is known.
    pub(super) const NONE: Defaults = Defaults { versions: &[], source: "" };

    pub(super) const ALPINE: Defaults = Defaults {
        versions: &[
            at("3.21", (6, 12), NEITHER),
            at("3.19", (6, 6), NEITHER),
            at("3.18", (6, 1), NEITHER),
            at("3.15", (5, 15), NEITHER),
            at("3.13", (5, 10), NEITHER),
            NEITHER,
        ],
        source: "release notes, package `linux-lts`",
    };

    pub(super) const AMAZON: Defaults = Defaults {
        versions: &[
            at("2023", (6, 1), PERMISSIVE),
            // The versions of Amazon Linux AMI are years too.
            Version { since: "2011", ..UNTOLD },
            at("2", (5, 10), NEITHER),
        ],
        source: "https://docs.aws.amazon.com/linux/al2023/ug/selinux-modes.html; of version 2 the kernel of EKS's images",
    };

    pub(super) const ARCH: Defaults = Defaults { versions: &[NEITHER], source: "its kernel's configuration; the kernel is of the day" };

    /// release-sysctl.conf of its sources.
    pub(super) const BOTTLEROCKET: Defaults = Defaults {
        versions: &[Version {
            sysctls: &[(Sysctl::MaxUserNamespaces, 0), (Sysctl::YamaPtraceScope, 1)],
            module: Some(SecurityModule::SelinuxEnforcing),
            ..UNTOLD
        }],
        source: "https://github.com/bottlerocket-os/bottlerocket/blob/develop/SECURITY_GUIDANCE.md; release-sysctl.conf",
    };

    pub(super) const CENTOS: Defaults = Defaults {
        versions: &[
            at("10", (6, 12), ENFORCING),
            at("9", (5, 14), ENFORCING),
            at("8", (4, 18), ENFORCING),
            at("7", (3, 10), Version { sysctls: NO_NAMESPACES, ..ENFORCING }),
        ],
        source: "release notes of RHEL, of which it is the source or a copy",
    };

    pub(super) const CONTAINER_OPTIMIZED: Defaults = Defaults {
        versions: &[
            at("125", (6, 12), APPARMOR),
            at("117", (6, 6), APPARMOR),
            at("109", (6, 1), APPARMOR),
            at("101", (5, 15), APPARMOR),
            at("93", (5, 10), APPARMOR),
            at("85", (5, 4), APPARMOR),
            APPARMOR,
        ],
        source: "https://cloud.google.com/container-optimized-os/docs/release-notes",
    };

    /// Before 11 a user namespace needed CAP_SYS_ADMIN.
    pub(super) const DEBIAN: Defaults = Defaults {
        versions: &[
            at("13", (6, 12), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at("12", (6, 1), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at("11", (5, 10), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at("10", (4, 19), Version { sysctls: CLONE_OFF, ..APPARMOR }),
            at("9", (4, 9), Version { sysctls: CLONE_OFF, ..NEITHER }),
            at("8", (3, 16), Version { sysctls: CLONE_OFF, ..NEITHER }),
        ],
        source: "https://www.debian.org/releases/bullseye/amd64/release-notes/ch-information.en.html",
    };

    pub(super) const FEDORA: Defaults = Defaults {
        versions: &[
            at("43", (6, 17), ENFORCING),
            at("42", (6, 14), ENFORCING),
            at("41", (6, 11), ENFORCING),
            at("40", (6, 8), ENFORCING),
            at("39", (6, 5), ENFORCING),
            at("38", (6, 2), ENFORCING),
            at("37", (6, 0), ENFORCING),
            at("36", (5, 17), ENFORCING),
            at("34", (5, 11), ENFORCING),
            ENFORCING,
        ],
        source: "release notes",
    };

    pub(super) const FLATCAR: Defaults = Defaults {
        versions: &[
            at("4459", (6, 12), PERMISSIVE),
            at("3975", (6, 6), PERMISSIVE),
            at("3760", (6, 1), PERMISSIVE),
            at("3227", (5, 15), PERMISSIVE),
            at("2983", (5, 10), PERMISSIVE),
            PERMISSIVE,
        ],
        source: "https://www.flatcar.org/docs/latest/setup/security/selinux/, https://www.flatcar.org/releases",
    };

    pub(super) const AZURE_LINUX: Defaults = Defaults { versions: &[at("3.0", (6, 6), UNTOLD)], source: "release notes" };
    pub(super) const MARINER: Defaults =
        Defaults { versions: &[at("2.0", (5, 15), UNTOLD), at("1.0", (5, 10), UNTOLD)], source: "release notes" };

    pub(super) const MINT: Defaults = Defaults {
        versions: &[
            at("22", (6, 8), Version { sysctls: RESTRICTED, ..APPARMOR }),
            at("21", (5, 15), APPARMOR),
            at("20", (5, 4), APPARMOR),
            // Debian's edition counts its versions from 1.
            UNTOLD,
        ],
        source: "Ubuntu's packages, of which it is made",
    };

    pub(super) const NIXOS: Defaults = Defaults {
        versions: &[at("25.05", (6, 12), NEITHER), at("24.05", (6, 6), NEITHER), at("23.05", (6, 1), NEITHER), NEITHER],
        source: "release notes",
    };

    pub(super) const OPENEULER: Defaults = Defaults {
        versions: &[at("24.03", (6, 6), UNTOLD), at("22.03", (5, 10), UNTOLD), at("20.03", (4, 19), UNTOLD)],
        source: "release notes",
    };

    /// Versions are those of OpenShift, or those of RHEL. An osImage before 4.19 writes OpenShift's without a dot: 416.94.
    pub(super) const OPENSHIFT: Defaults = Defaults {
        versions: &[
            at("413", (5, 14), ENFORCING),
            at("46", (4, 18), ENFORCING),
            at("9", (5, 14), ENFORCING),
            at("4.13", (5, 14), ENFORCING),
            at("4", (4, 18), ENFORCING),
        ],
        source: "https://access.redhat.com/articles/6907891",
    };

    /// Oracle's own kernel, which it boots unless told otherwise.
    pub(super) const ORACLE: Defaults = Defaults {
        versions: &[
            at("10", (6, 12), ENFORCING),
            at("9", (5, 15), ENFORCING),
            at("8", (5, 4), ENFORCING),
            Version { since: "7", ..ENFORCING },
        ],
        source: "https://docs.oracle.com/en/operating-systems/uek/",
    };

    pub(super) const PHOTON: Defaults = Defaults {
        versions: &[at("5.0", (6, 1), UNTOLD), at("4.0", (5, 10), UNTOLD), at("3.0", (4, 19), UNTOLD)],
        source: "release notes",
    };

    pub(super) const POP: Defaults = Defaults { versions: &[APPARMOR], source: "Ubuntu's packages, with a kernel of its own" };

    pub(super) const RASPBIAN: Defaults =
        Defaults { versions: &[at("12", (6, 1), UNTOLD), at("11", (5, 10), UNTOLD), UNTOLD], source: "release notes of Raspberry Pi OS" };

    pub(super) const RED_HAT: Defaults = Defaults {
        versions: &[
            at("10", (6, 12), ENFORCING),
            at("9", (5, 14), ENFORCING),
            at("8", (4, 18), ENFORCING),
            at("7.4", (3, 10), Version { sysctls: NO_NAMESPACES, ..ENFORCING }),
        ],
        source: "https://access.redhat.com/articles/3078; of 7 the chapter on user namespaces",
    };

    /// Copies of RHEL that begin with 8.
    pub(super) const RED_HAT_8: Defaults = Defaults {
        versions: &[at("10", (6, 12), ENFORCING), at("9", (5, 14), ENFORCING), at("8", (4, 18), ENFORCING)],
        source: "release notes",
    };

    pub(super) const LEAP: Defaults = Defaults {
        versions: &[
            at("16.0", (6, 12), ENFORCING),
            at("15.6", (6, 4), APPARMOR),
            at("15.4", (5, 14), APPARMOR),
            at("15.2", (5, 3), APPARMOR),
            at("15.0", (4, 12), APPARMOR),
        ],
        source: "https://en.opensuse.org/Portal:Leap, release notes",
    };

    pub(super) const SUSE: Defaults = Defaults {
        versions: &[
            at("16", (6, 12), ENFORCING),
            at("15.6", (6, 4), APPARMOR),
            at("15.4", (5, 14), APPARMOR),
            at("15.2", (5, 3), APPARMOR),
            at("15", (4, 12), APPARMOR),
            Version { since: "12", ..APPARMOR },
        ],
        source: "https://www.suse.com/support/kb/doc/?id=000019587",
    };

    pub(super) const SUSE_MICRO: Defaults = Defaults {
        versions: &[at("6.2", (6, 12), UNTOLD), at("6.0", (6, 4), UNTOLD), at("5.3", (5, 14), UNTOLD), at("5.0", (5, 3), UNTOLD)],
        source: "release notes; the mode of SELinux differs between its images",
    };

    /// Its version is a date. What was installed before keeps AppArmor.
    pub(super) const TUMBLEWEED: Defaults =
        Defaults { versions: &[Version { since: "20250211", ..ENFORCING }, APPARMOR], source: "announcement of snapshot 20250211" };

    pub(super) const MICROOS: Defaults = Defaults { versions: &[ENFORCING], source: "https://en.opensuse.org/Portal:MicroOS/SELinux" };

    /// pkg/kernel/kspp of its sources: the limit is 0 since 0.12.
    pub(super) const TALOS: Defaults = {
        const TALOS: Version = Version { sysctls: &[(Sysctl::MaxUserNamespaces, 0), (Sysctl::YamaPtraceScope, 2)], ..UNTOLD };
        const SELINUX: Version = Version { module: Some(SecurityModule::SelinuxPermissive), ..TALOS };
        Defaults {
            versions: &[
                at("1.12", (6, 18), SELINUX),
                at("1.10", (6, 12), SELINUX),
                at("1.9", (6, 12), TALOS),
                at("1.7", (6, 6), TALOS),
                at("1.4", (6, 1), TALOS),
                at("1.0", (5, 15), TALOS),
                TALOS,
            ],
            source: "https://docs.siderolabs.com/talos/v1.13/security/selinux; pkg/kernel/kspp",
        }
    };

    pub(super) const TENCENT: Defaults =
        Defaults { versions: &[at("4", (6, 6), UNTOLD), at("3", (5, 4), UNTOLD), UNTOLD], source: "release notes" };

    pub(super) const ALIBABA: Defaults =
        Defaults { versions: &[at("4", (6, 6), UNTOLD), at("3", (5, 10), UNTOLD), at("2", (4, 19), UNTOLD)], source: "release notes" };

    /// /usr/lib/sysctl.d/10-apparmor.conf; in 23.10 it was for those who asked for it.
    pub(super) const UBUNTU: Defaults = {
        const UBUNTU: Version = Version { sysctls: CLONE_ON, ..APPARMOR };
        const NEW: Version =
            Version { sysctls: &[(Sysctl::UnprivilegedUsernsClone, 1), (Sysctl::ApparmorRestrictUnprivilegedUserns, 1)], ..APPARMOR };
        const OPT_IN: Version =
            Version { sysctls: &[(Sysctl::UnprivilegedUsernsClone, 1), (Sysctl::ApparmorRestrictUnprivilegedUserns, 0)], ..APPARMOR };
        Defaults {
            versions: &[
                at("25.10", (6, 17), NEW),
                at("25.04", (6, 14), NEW),
                at("24.10", (6, 11), NEW),
                at("24.04", (6, 8), NEW),
                at("23.10", (6, 5), OPT_IN),
                at("22.04", (5, 15), UBUNTU),
                at("20.04", (5, 4), UBUNTU),
                at("18.04", (4, 15), UBUNTU),
                at("16.04", (4, 4), UBUNTU),
            ],
            source: "https://discourse.ubuntu.com/t/ubuntu-24-04-lts-noble-numbat-release-notes/39890",
        }
    };

    /// What one version has. Without one, what all of them have.
    pub(super) fn of<T: PartialEq>(&self, version: Option<(u32, u32)>, told: impl Fn(&Version) -> Option<T>) -> Option<T> {
        match version {
            Some(version) => self.versions.iter().find(|row| numbers(row.since) <= version).and_then(told),
            None => {
                let mut all = self.versions.iter().map(told);
                let first = all.next()??;
                all.all(|other| other.as_ref() == Some(&first)).then_some(first)
            }
        }
    }
}

impl Version {
    /// Of which nothing is known.
    pub const UNTOLD: Version = Version { since: "", sysctls: &[], kernel: None, module: None };

    /// The value of a sysctl.
    pub fn sysctl(&self, sysctl: Sysctl) -> Option<u64> {
        self.sysctls.iter().find(|(name, _)| *name == sysctl).map(|(_, value)| *value)
    }
}

impl fmt::Display for SecurityModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SecurityModule::Neither => "neither",
            SecurityModule::AppArmor => "AppArmor",
            SecurityModule::SelinuxPermissive => "SELinux, permissive",
            SecurityModule::SelinuxEnforcing => "SELinux, enforcing",
        })
    }
}
