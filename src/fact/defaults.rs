//! What a default install of an operating system has of that which decides. These are expectations: a node may be set in another
//! way, so no verdict is built on them. They serve where a log or a report is all there is, and docs/reference/systems.md.

use super::{Distro, OsRelease, Release, Sysctl};
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
    /// From which version on, major and minor.
    pub since: (u32, u32),
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

/// Of kernels that are known by their release alone, whichever system runs them: what it has in it, a sysctl's value, and a source.
const KERNELS: [(&str, Sysctl, u64, &str); 2] = [
    ("-hardened", Sysctl::UnprivilegedUsernsClone, 0, "https://github.com/anthraxx/linux-hardened"),
    (".el7.", Sysctl::MaxUserNamespaces, 0, "RHEL 7's documentation of user namespaces"),
];

const UNTOLD: Version = Version { since: (0, 0), sysctls: &[], kernel: None, module: None };
const APPARMOR: Version = Version { module: Some(SecurityModule::AppArmor), ..UNTOLD };
const ENFORCING: Version = Version { module: Some(SecurityModule::SelinuxEnforcing), ..UNTOLD };
const PERMISSIVE: Version = Version { module: Some(SecurityModule::SelinuxPermissive), ..UNTOLD };
const NEITHER: Version = Version { module: Some(SecurityModule::Neither), ..UNTOLD };

const CLONE_ON: &[(Sysctl, u64)] = &[(Sysctl::UnprivilegedUsernsClone, 1)];
const CLONE_OFF: &[(Sysctl, u64)] = &[(Sysctl::UnprivilegedUsernsClone, 0)];
const NO_NAMESPACES: &[(Sysctl, u64)] = &[(Sysctl::MaxUserNamespaces, 0)];
const RESTRICTED: &[(Sysctl, u64)] = &[(Sysctl::ApparmorRestrictUnprivilegedUserns, 1)];

/// One version.
const fn at(since: (u32, u32), kernel: (u32, u32), like: Version) -> Version {
    Version { since, kernel: Some(kernel), ..like }
}

impl Defaults {
    /// Nothing is known.
    pub(super) const NONE: Defaults = Defaults { versions: &[], source: "" };

    pub(super) const ALPINE: Defaults = Defaults {
        versions: &[
            at((3, 21), (6, 12), NEITHER),
            at((3, 19), (6, 6), NEITHER),
            at((3, 18), (6, 1), NEITHER),
            at((3, 15), (5, 15), NEITHER),
            at((3, 13), (5, 10), NEITHER),
            NEITHER,
        ],
        source: "release notes, package `linux-lts`",
    };

    pub(super) const AMAZON: Defaults = Defaults {
        versions: &[
            at((2023, 0), (6, 1), PERMISSIVE),
            // The versions of Amazon Linux AMI are years too.
            Version { since: (2011, 0), ..UNTOLD },
            at((2, 0), (5, 10), NEITHER),
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
            at((10, 0), (6, 12), ENFORCING),
            at((9, 0), (5, 14), ENFORCING),
            at((8, 0), (4, 18), ENFORCING),
            at((7, 0), (3, 10), Version { sysctls: NO_NAMESPACES, ..ENFORCING }),
        ],
        source: "release notes of RHEL, of which it is the source or a copy",
    };

    pub(super) const CONTAINER_OPTIMIZED: Defaults = Defaults {
        versions: &[
            at((125, 0), (6, 12), APPARMOR),
            at((117, 0), (6, 6), APPARMOR),
            at((109, 0), (6, 1), APPARMOR),
            at((101, 0), (5, 15), APPARMOR),
            at((93, 0), (5, 10), APPARMOR),
            at((85, 0), (5, 4), APPARMOR),
            APPARMOR,
        ],
        source: "https://cloud.google.com/container-optimized-os/docs/release-notes",
    };

    /// Before 11 a user namespace needed CAP_SYS_ADMIN.
    pub(super) const DEBIAN: Defaults = Defaults {
        versions: &[
            at((13, 0), (6, 12), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at((12, 0), (6, 1), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at((11, 0), (5, 10), Version { sysctls: CLONE_ON, ..APPARMOR }),
            at((10, 0), (4, 19), Version { sysctls: CLONE_OFF, ..APPARMOR }),
            at((9, 0), (4, 9), Version { sysctls: CLONE_OFF, ..NEITHER }),
            at((8, 0), (3, 16), Version { sysctls: CLONE_OFF, ..NEITHER }),
        ],
        source: "https://www.debian.org/releases/bullseye/amd64/release-notes/ch-information.en.html",
    };

    pub(super) const FEDORA: Defaults = Defaults {
        versions: &[
            at((43, 0), (6, 17), ENFORCING),
            at((42, 0), (6, 14), ENFORCING),
            at((41, 0), (6, 11), ENFORCING),
            at((40, 0), (6, 8), ENFORCING),
            at((39, 0), (6, 5), ENFORCING),
            at((38, 0), (6, 2), ENFORCING),
            at((37, 0), (6, 0), ENFORCING),
            at((36, 0), (5, 17), ENFORCING),
            at((34, 0), (5, 11), ENFORCING),
            ENFORCING,
        ],
        source: "release notes",
    };

    pub(super) const FLATCAR: Defaults = Defaults {
        versions: &[
            at((4459, 0), (6, 12), PERMISSIVE),
            at((3975, 0), (6, 6), PERMISSIVE),
            at((3760, 0), (6, 1), PERMISSIVE),
            at((3227, 0), (5, 15), PERMISSIVE),
            at((2983, 0), (5, 10), PERMISSIVE),
            PERMISSIVE,
        ],
        source: "https://www.flatcar.org/docs/latest/setup/security/selinux/, https://www.flatcar.org/releases",
    };

    pub(super) const AZURE_LINUX: Defaults = Defaults { versions: &[at((3, 0), (6, 6), UNTOLD)], source: "release notes" };
    pub(super) const MARINER: Defaults =
        Defaults { versions: &[at((2, 0), (5, 15), UNTOLD), at((1, 0), (5, 10), UNTOLD)], source: "release notes" };

    pub(super) const MINT: Defaults = Defaults {
        versions: &[
            at((22, 0), (6, 8), Version { sysctls: RESTRICTED, ..APPARMOR }),
            at((21, 0), (5, 15), APPARMOR),
            at((20, 0), (5, 4), APPARMOR),
            // Debian's edition counts its versions from 1.
            UNTOLD,
        ],
        source: "Ubuntu's packages, of which it is made",
    };

    pub(super) const NIXOS: Defaults = Defaults {
        versions: &[at((25, 5), (6, 12), NEITHER), at((24, 5), (6, 6), NEITHER), at((23, 5), (6, 1), NEITHER), NEITHER],
        source: "release notes",
    };

    pub(super) const OPENEULER: Defaults = Defaults {
        versions: &[at((24, 3), (6, 6), ENFORCING), at((22, 3), (5, 10), ENFORCING), at((20, 3), (4, 19), ENFORCING)],
        source: "release notes, and its guide to security",
    };

    /// Versions are those of OpenShift, or those of RHEL. An osImage before 4.19 writes OpenShift's without a dot: 416.94.
    pub(super) const OPENSHIFT: Defaults = Defaults {
        versions: &[
            at((413, 0), (5, 14), ENFORCING),
            at((46, 0), (4, 18), ENFORCING),
            at((9, 0), (5, 14), ENFORCING),
            at((4, 13), (5, 14), ENFORCING),
            at((4, 0), (4, 18), ENFORCING),
        ],
        source: "https://access.redhat.com/articles/6907891",
    };

    /// Oracle's own kernel, which it boots unless told otherwise.
    pub(super) const ORACLE: Defaults = Defaults {
        versions: &[
            at((10, 0), (6, 12), ENFORCING),
            at((9, 0), (5, 15), ENFORCING),
            at((8, 0), (5, 4), ENFORCING),
            Version { since: (7, 0), ..ENFORCING },
        ],
        source: "https://docs.oracle.com/en/operating-systems/uek/",
    };

    pub(super) const PHOTON: Defaults = Defaults {
        versions: &[at((5, 0), (6, 1), UNTOLD), at((4, 0), (5, 10), UNTOLD), at((3, 0), (4, 19), UNTOLD)],
        source: "release notes",
    };

    pub(super) const POP: Defaults = Defaults { versions: &[APPARMOR], source: "Ubuntu's packages, with a kernel of its own" };

    pub(super) const RASPBIAN: Defaults = Defaults {
        versions: &[at((12, 0), (6, 1), UNTOLD), at((11, 0), (5, 10), UNTOLD), UNTOLD],
        source: "release notes of Raspberry Pi OS",
    };

    pub(super) const RED_HAT: Defaults = Defaults {
        versions: &[
            at((10, 0), (6, 12), ENFORCING),
            at((9, 0), (5, 14), ENFORCING),
            at((8, 0), (4, 18), ENFORCING),
            at((7, 4), (3, 10), Version { sysctls: NO_NAMESPACES, ..ENFORCING }),
            at((7, 0), (3, 10), ENFORCING),
        ],
        source: "https://access.redhat.com/articles/3078; of 7 the chapter on user namespaces",
    };

    /// Copies of RHEL that begin with 8.
    pub(super) const RED_HAT_8: Defaults = Defaults {
        versions: &[at((10, 0), (6, 12), ENFORCING), at((9, 0), (5, 14), ENFORCING), at((8, 0), (4, 18), ENFORCING)],
        source: "release notes",
    };

    pub(super) const LEAP: Defaults = Defaults {
        versions: &[
            at((16, 0), (6, 12), ENFORCING),
            at((15, 6), (6, 4), APPARMOR),
            at((15, 4), (5, 14), APPARMOR),
            at((15, 2), (5, 3), APPARMOR),
            at((15, 0), (4, 12), APPARMOR),
        ],
        source: "https://en.opensuse.org/Portal:Leap, release notes",
    };

    pub(super) const SUSE: Defaults = Defaults {
        versions: &[
            at((16, 0), (6, 12), ENFORCING),
            at((15, 6), (6, 4), APPARMOR),
            at((15, 4), (5, 14), APPARMOR),
            at((15, 2), (5, 3), APPARMOR),
            at((15, 0), (4, 12), APPARMOR),
            Version { since: (12, 0), ..APPARMOR },
        ],
        source: "https://www.suse.com/support/kb/doc/?id=000019587",
    };

    pub(super) const SUSE_MICRO: Defaults = Defaults {
        versions: &[at((6, 2), (6, 12), UNTOLD), at((6, 0), (6, 4), UNTOLD), at((5, 3), (5, 14), UNTOLD), at((5, 0), (5, 3), UNTOLD)],
        source: "release notes; the mode of SELinux differs between its images",
    };

    /// Its version is a date. What was installed before keeps AppArmor.
    pub(super) const TUMBLEWEED: Defaults = Defaults {
        versions: &[Version { since: (20_250_212, 0), ..ENFORCING }, APPARMOR],
        source: "https://news.opensuse.org/2025/02/13/tw-plans-to-adopt-selinux-as-default/",
    };

    pub(super) const MICROOS: Defaults = Defaults { versions: &[ENFORCING], source: "https://en.opensuse.org/Portal:MicroOS/SELinux" };

    /// pkg/kernel/kspp of its sources: the limit is 0 since 0.12.
    pub(super) const TALOS: Defaults = {
        const TALOS: Version = Version { sysctls: &[(Sysctl::MaxUserNamespaces, 0), (Sysctl::YamaPtraceScope, 2)], ..UNTOLD };
        const SELINUX: Version = Version { module: Some(SecurityModule::SelinuxPermissive), ..TALOS };
        Defaults {
            versions: &[
                at((1, 12), (6, 18), SELINUX),
                at((1, 10), (6, 12), SELINUX),
                at((1, 9), (6, 12), TALOS),
                at((1, 7), (6, 6), TALOS),
                at((1, 4), (6, 1), TALOS),
                at((1, 0), (5, 15), TALOS),
                TALOS,
            ],
            source: "https://docs.siderolabs.com/talos/v1.13/security/selinux; pkg/kernel/kspp",
        }
    };

    pub(super) const TENCENT: Defaults =
        Defaults { versions: &[at((4, 0), (6, 6), UNTOLD), at((3, 0), (5, 4), UNTOLD), UNTOLD], source: "release notes" };

    pub(super) const ALIBABA: Defaults = Defaults {
        versions: &[at((4, 0), (6, 6), UNTOLD), at((3, 0), (5, 10), UNTOLD), at((2, 0), (4, 19), UNTOLD)],
        source: "release notes",
    };

    /// /usr/lib/sysctl.d/10-apparmor.conf; in 23.10 it was for those who asked for it.
    pub(super) const UBUNTU: Defaults = {
        const UBUNTU: Version = Version { sysctls: CLONE_ON, ..APPARMOR };
        const NEW: Version =
            Version { sysctls: &[(Sysctl::UnprivilegedUsernsClone, 1), (Sysctl::ApparmorRestrictUnprivilegedUserns, 1)], ..APPARMOR };
        const OPT_IN: Version =
            Version { sysctls: &[(Sysctl::UnprivilegedUsernsClone, 1), (Sysctl::ApparmorRestrictUnprivilegedUserns, 0)], ..APPARMOR };
        Defaults {
            versions: &[
                at((25, 10), (6, 17), NEW),
                at((25, 4), (6, 14), NEW),
                at((24, 10), (6, 11), NEW),
                at((24, 4), (6, 8), NEW),
                at((23, 10), (6, 5), OPT_IN),
                at((22, 4), (5, 15), UBUNTU),
                at((20, 4), (5, 4), UBUNTU),
                at((18, 4), (4, 15), UBUNTU),
                at((16, 4), (4, 4), UBUNTU),
            ],
            source: "https://discourse.ubuntu.com/t/ubuntu-24-04-lts-noble-numbat-release-notes/39890",
        }
    };

    /// What one version has. Without one, what all of them have.
    fn of<T: PartialEq>(&self, version: Option<(u32, u32)>, told: impl Fn(&Version) -> Option<T>) -> Option<T> {
        match version {
            Some(version) => self.versions.iter().find(|row| row.since <= version).and_then(told),
            None => {
                let mut all = self.versions.iter().map(told);
                let first = all.next()??;
                all.all(|other| other.as_ref() == Some(&first)).then_some(first)
            }
        }
    }
}

impl Version {
    /// The value of a sysctl.
    pub fn sysctl(&self, sysctl: Sysctl) -> Option<u64> {
        self.sysctls.iter().find(|(name, _)| *name == sysctl).map(|(_, value)| *value)
    }
}

impl Distro {
    /// What a sysctl is in a default install. An expectation, and never a fact: `None` says that nobody knows.
    pub fn default_of(os: &OsRelease, sysctl: Sysctl) -> Option<u64> {
        Distro::usual(os, |version| version.sysctl(sysctl))
    }

    /// The series of the kernel that a system was released with. It may have a newer one by now.
    pub fn usual_kernel(os: &OsRelease) -> Option<(u32, u32)> {
        Distro::usual(os, |version| version.kernel)
    }

    /// What confines containers in a default install.
    pub fn security_module(os: &OsRelease) -> Option<SecurityModule> {
        Distro::usual(os, |version| version.module)
    }

    /// Of a system that is not known itself: what all versions of its closest known relative have, since it counts its own in another way.
    fn usual<T: PartialEq>(os: &OsRelease, told: impl Fn(&Version) -> Option<T>) -> Option<T> {
        let version = os.version_id.is_some().then(|| os.version()).filter(|version| *version != (0, 0));
        match Distro::of(os) {
            Some(distro) => distro.defaults.of(version, told),
            None => Distro::relative(os)?.defaults.of(None, told),
        }
    }
}

impl Release {
    /// What a sysctl is where this kernel runs in a default install, for kernels that tell by their name. An expectation too.
    pub fn default_of(&self, sysctl: Sysctl) -> Option<u64> {
        let full = self.to_string();
        KERNELS.iter().find(|(part, of, ..)| *of == sysctl && full.contains(part)).map(|(_, _, value, _)| *value)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::DISTROS;
    use SecurityModule::{AppArmor, Neither, SelinuxEnforcing, SelinuxPermissive};
    use Sysctl::{ApparmorRestrictUnprivilegedUserns as Restrict, MaxUserNamespaces as Max, UnprivilegedUsernsClone as Clone};

    fn image(image: &str) -> OsRelease {
        OsRelease::from_image(image).expect(image)
    }

    #[test]
    fn versions_stand_in_order_with_a_source() {
        for distro in DISTROS {
            let versions = distro.defaults.versions;
            assert!(versions.windows(2).all(|pair| pair[0].since > pair[1].since), "{}: the newest first, each once", distro.name);
            assert_eq!(versions.is_empty(), distro.defaults.source.is_empty(), "{}", distro.name);
        }
        assert!(KERNELS.iter().all(|(part, .., source)| !part.is_empty() && !source.is_empty()));
    }

    #[test]
    fn what_a_default_install_has() {
        for (name, sysctl, value) in [
            ("Debian GNU/Linux 10 (buster)", Clone, Some(0)),
            ("Debian GNU/Linux 9 (stretch)", Clone, Some(0)),
            ("Debian GNU/Linux 12 (bookworm)", Clone, Some(1)),
            ("Debian GNU/Linux 14 (forky)", Clone, Some(1)),
            // Its versions differ, and it does not say which it is.
            ("Debian GNU/Linux trixie/sid", Clone, None),
            ("Ubuntu 22.04.5 LTS", Restrict, None),
            ("Ubuntu 23.10", Restrict, Some(0)),
            ("Ubuntu 24.04.3 LTS", Restrict, Some(1)),
            ("Ubuntu 26.04 LTS", Restrict, Some(1)),
            ("Ubuntu 22.04.5 LTS", Clone, Some(1)),
            ("Ubuntu 14.04.6 LTS", Clone, None),
            ("Linux Mint 21.3", Restrict, None),
            ("Linux Mint 22.1", Restrict, Some(1)),
            ("CentOS Linux 7 (Core)", Max, Some(0)),
            ("CentOS Linux 8 (Core)", Max, None),
            ("Red Hat Enterprise Linux Server 7.3 (Maipo)", Max, None),
            ("Red Hat Enterprise Linux Server 7.9 (Maipo)", Max, Some(0)),
            ("Red Hat Enterprise Linux 9.4 (Plow)", Max, None),
            ("Bottlerocket OS 1.51.0 (aws-k8s-1.34)", Max, Some(0)),
            ("Talos (v1.14.0)", Max, Some(0)),
            ("Talos", Max, Some(0)),
            ("Alpine Linux v3.22", Max, None),
        ] {
            assert_eq!(Distro::default_of(&image(name), sysctl), value, "{name} {sysctl}");
        }
    }

    #[test]
    fn kernels_and_security_modules_go_by_the_version() {
        for (name, kernel, module) in [
            ("Ubuntu 22.04.5 LTS", Some((5, 15)), Some(AppArmor)),
            ("Ubuntu 24.04.3 LTS", Some((6, 8)), Some(AppArmor)),
            ("Debian GNU/Linux 12 (bookworm)", Some((6, 1)), Some(AppArmor)),
            ("Debian GNU/Linux 9 (stretch)", Some((4, 9)), Some(Neither)),
            ("Red Hat Enterprise Linux 8.10 (Ootpa)", Some((4, 18)), Some(SelinuxEnforcing)),
            ("Red Hat Enterprise Linux 9.4 (Plow)", Some((5, 14)), Some(SelinuxEnforcing)),
            ("Red Hat Enterprise Linux CoreOS 48.84.202206140145-0 (Ootpa)", Some((4, 18)), Some(SelinuxEnforcing)),
            ("Red Hat Enterprise Linux CoreOS 416.94.202410211619-0", Some((5, 14)), Some(SelinuxEnforcing)),
            ("Red Hat Enterprise Linux CoreOS 9.6.20250826-1 (Plow)", Some((5, 14)), Some(SelinuxEnforcing)),
            ("Oracle Linux Server 9.6", Some((5, 15)), Some(SelinuxEnforcing)),
            ("Amazon Linux 2", Some((5, 10)), Some(Neither)),
            ("Amazon Linux AMI 2018.03", None, None),
            ("Amazon Linux 2023.8.20250715", Some((6, 1)), Some(SelinuxPermissive)),
            ("Fedora CoreOS 42.20250705.3.0", Some((6, 14)), Some(SelinuxEnforcing)),
            ("Flatcar Container Linux by Kinvolk 4459.2.0 (Oklo)", Some((6, 12)), Some(SelinuxPermissive)),
            ("SUSE Linux Enterprise Server 15 SP6", Some((6, 4)), Some(AppArmor)),
            ("Talos (v1.8.3)", Some((6, 6)), None),
            ("Talos (v1.11.5)", Some((6, 12)), Some(SelinuxPermissive)),
            ("Container-Optimized OS from Google", None, Some(AppArmor)),
            ("Arch Linux", None, Some(Neither)),
            ("Wolfi", None, None),
        ] {
            assert_eq!((Distro::usual_kernel(&image(name)), Distro::security_module(&image(name))), (kernel, module), "{name}");
        }
        let cos = OsRelease { version_id: Some("121".into()), ..image("Container-Optimized OS from Google") };
        assert_eq!(Distro::usual_kernel(&cos), Some((6, 6)));
    }

    #[test]
    fn a_relatives_versions_are_not_its_own() {
        let like =
            |id: &str| OsRelease { id: "mine".into(), version_id: Some("24.04".into()), id_like: vec![id.into()], ..OsRelease::default() };
        assert_eq!(Distro::default_of(&like("ubuntu"), Restrict), None);
        assert_eq!((Distro::default_of(&like("ubuntu"), Clone), Distro::usual_kernel(&like("ubuntu"))), (Some(1), None));
        assert_eq!(Distro::default_of(&like("bottlerocket"), Max), Some(0));
        assert_eq!((Distro::security_module(&like("rhel")), Distro::security_module(&like("unheard-of"))), (Some(SelinuxEnforcing), None));
    }

    #[test]
    fn some_kernels_tell_by_their_name() {
        let of = |release: &str, sysctl| Release::try_from(release.to_owned()).map(|release| release.default_of(sysctl));
        for hardened in ["6.12.63-hardened1-1-hardened", "6.16.7-hardened1"] {
            assert_eq!(of(hardened, Clone), Ok(Some(0)), "{hardened}");
        }
        assert_eq!((of("6.12.1-arch1-1", Clone), of("6.12.1-hardened1", Max)), (Ok(None), Ok(None)));
        assert_eq!((of("3.10.0-1160.el7.x86_64", Max), of("4.18.0-553.el8_10.x86_64", Max)), (Ok(Some(0)), Ok(None)));
    }
}
