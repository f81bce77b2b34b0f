//! Operating systems that are known by name: how each is recognised, and how it keeps its sysctls.

use super::OsRelease;

/// One operating system: all that is known of it.
#[derive(Debug)]
pub struct Distro {
    /// `ID` of os-release(5).
    pub id: &'static str,
    /// How `PRETTY_NAME` begins, which the kubelet gives as a node's osImage.
    pub name: &'static str,
    /// How many numbers its `VERSION_ID` has, where `PRETTY_NAME` gives more.
    pub version_numbers: Option<usize>,
    /// How a sysctl is set, and kept over a reboot.
    pub keeps: Keeps,
    /// Whether its own kernels let user namespaces mount overlayfs before [`super::OVERLAY_IN_USERNS`].
    pub overlay_in_userns: bool,
}

/// How a system keeps its sysctls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// In files of sysctl.d(5).
    SysctlD,
    /// In settings of its own, out of which it makes the files of /etc: the command or line, with `NAME` and `VALUE` in their places.
    OwnSettings(&'static str),
    /// Not at all, since /etc is gone at each boot: where to set them in its stead.
    Forgets(&'static str),
}

/// All of them: those that keep sysctls in another way than sysctl.d(5) first.
pub const DISTROS: &[Distro] = &[
    Distro {
        keeps: Keeps::OwnSettings(r#"apiclient set -j '{"settings":{"kernel":{"sysctl":{"NAME":"VALUE"}}}}'"#),
        ..usual("bottlerocket", "Bottlerocket")
    },
    Distro {
        keeps: Keeps::OwnSettings(r#"talosctl patch machineconfig --patch '{"machine":{"sysctls":{"NAME":"VALUE"}}}'"#),
        ..usual("talos", "Talos")
    },
    Distro {
        keeps: Keeps::OwnSettings(r#"boot.kernel.sysctl."NAME" = VALUE; in configuration.nix, then nixos-rebuild switch"#),
        ..usual("nixos", "NixOS")
    },
    Distro {
        keeps: Keeps::Forgets("set it in a start-up script or a DaemonSet: Container-Optimized OS discards changes of /etc at each boot"),
        ..usual("cos", "Container-Optimized OS")
    },
    usual("almalinux", "AlmaLinux"),
    usual("alpine", "Alpine Linux"),
    Distro { version_numbers: Some(1), ..usual("amzn", "Amazon Linux") },
    usual("arch", "Arch Linux"),
    usual("mariner", "CBL-Mariner"),
    usual("centos", "CentOS"),
    usual("debian", "Debian GNU/Linux"),
    usual("fedora", "Fedora"),
    usual("flatcar", "Flatcar Container Linux"),
    usual("azurelinux", "Microsoft Azure Linux"),
    usual("opensuse", "openSUSE"),
    usual("ol", "Oracle Linux"),
    usual("rhel", "Red Hat Enterprise Linux"),
    usual("rhcos", "Red Hat Enterprise Linux CoreOS"),
    usual("rocky", "Rocky Linux"),
    usual("sles", "SUSE Linux Enterprise"),
    // Its kernels are patched (BuildKit's docs/rootless.md).
    Distro { version_numbers: Some(2), overlay_in_userns: true, ..usual("ubuntu", "Ubuntu") },
    usual("photon", "VMware Photon"),
];

const fn usual(id: &'static str, name: &'static str) -> Distro {
    Distro { id, name, version_numbers: None, keeps: Keeps::SysctlD, overlay_in_userns: false }
}

impl Distro {
    /// The system that an os-release names by its `ID`.
    pub fn of(os: &OsRelease) -> Option<&'static Distro> {
        Distro::with_id(&os.id)
    }

    /// The system whose name a node's osImage begins with; of several, such as RHEL and RHEL CoreOS, the longest.
    fn named(image: &str) -> Option<&'static Distro> {
        DISTROS.iter().filter(|distro| image.starts_with(distro.name)).max_by_key(|distro| distro.name.len())
    }

    fn with_id(id: &str) -> Option<&'static Distro> {
        DISTROS.iter().find(|distro| distro.id == id)
    }
}

impl OsRelease {
    /// Reads a node's osImage, `Debian GNU/Linux 12 (bookworm)`, which is meant for people: `None` for a system
    /// that it does not know by name.
    pub fn from_image(image: &str) -> Option<Self> {
        let distro = Distro::named(image)?;
        let words = image[distro.name.len()..].split([' ', '(', ')', '/']).map(|word| word.trim_start_matches('v'));
        let version = words.into_iter().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let numbers = distro.version_numbers.unwrap_or(usize::MAX);
        let version = version.map(|version| version.split('.').take(numbers).collect::<Vec<_>>().join("."));
        Some(OsRelease { id: distro.id.to_owned(), version_id: version, ..OsRelease::default() })
    }
}

impl Keeps {
    /// Whether files of /etc are made out of the system's own settings, and so not kept.
    pub fn in_own_settings(self) -> bool {
        matches!(self, Keeps::OwnSettings(_))
    }

    /// How a system keeps its sysctls: as its closest known relative does (`ID_LIKE`), where it is not known itself.
    pub fn of(os: &OsRelease) -> Keeps {
        let relatives = || os.id_like.iter().find_map(|id| Distro::with_id(id));
        Distro::of(os).or_else(relatives).map_or(Keeps::SysctlD, |distro| distro.keeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_unique_and_settings_have_their_places() {
        for (number, distro) in DISTROS.iter().enumerate() {
            assert!(DISTROS[..number].iter().all(|other| other.id != distro.id && other.name != distro.name), "{}", distro.id);
            assert!(distro.id.bytes().all(|b| b.is_ascii_lowercase()), "{}", distro.id);
            if let Keeps::OwnSettings(template) = distro.keeps {
                assert!(template.matches("NAME").count() == 1 && template.matches("VALUE").count() == 1, "{template}");
            }
        }
    }

    #[test]
    fn the_longest_name_counts() {
        let id = |image| Distro::named(image).map(|distro| distro.id);
        assert_eq!(id("Red Hat Enterprise Linux CoreOS 416.94 (Plow)"), Some("rhcos"));
        assert_eq!(id("Red Hat Enterprise Linux 9.4 (Plow)"), Some("rhel"));
    }

    #[test]
    fn a_system_that_nobody_knows_keeps_sysctls_as_its_relatives_do() {
        let keeps = |id: &str, like: &[&str]| {
            Keeps::of(&OsRelease { id: id.into(), id_like: like.iter().map(|id| (*id).into()).collect(), ..OsRelease::default() })
        };
        assert!(matches!(keeps("mine", &["nixos"]), Keeps::OwnSettings(_)));
        assert_eq!(keeps("mine", &["unheard-of", "debian"]), Keeps::SysctlD);
        assert_eq!(keeps("ubuntu", &["nixos"]), Keeps::SysctlD, "a known ID says more");
        assert_eq!(keeps("mine", &[]), Keeps::SysctlD);
    }
}
