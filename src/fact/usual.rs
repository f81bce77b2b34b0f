//! What is to be expected of a node of which only the name of its system or of its kernel is known. The judge takes none of it for a fact.

use super::{Distro, OsRelease, Release, SecurityModule, Sysctl, Version};

/// Of kernels that are known by their release alone, whichever system runs them: what it has in it, a sysctl's value, and a source.
const KERNELS: [(&str, Sysctl, u64, &str); 2] = [
    ("-hardened", Sysctl::UnprivilegedUsernsClone, 0, "https://github.com/anthraxx/linux-hardened"),
    (".el7.", Sysctl::MaxUserNamespaces, 0, "RHEL 7's documentation of user namespaces"),
];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::os::numbers;
    use crate::fact::{DISTROS, SecurityModule};
    use SecurityModule::{AppArmor, Neither, SelinuxEnforcing, SelinuxPermissive};
    use Sysctl::{ApparmorRestrictUnprivilegedUserns as Restrict, MaxUserNamespaces as Max, UnprivilegedUsernsClone as Clone};

    fn image(image: &str) -> OsRelease {
        OsRelease::from_image(image).expect(image)
    }

    #[test]
    fn versions_stand_in_order_with_a_source() {
        for distro in DISTROS {
            let versions = distro.defaults.versions;
            assert!(
                versions.windows(2).all(|pair| numbers(pair[0].since) > numbers(pair[1].since)),
                "{}: the newest first, each once",
                distro.name
            );
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
