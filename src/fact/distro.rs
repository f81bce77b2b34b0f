//! Operating systems that are known by name: how each is recognised, and what is special about it.

use super::keeps::{BOTTLEROCKET, CONTAINER_OPTIMIZED, EKS_AUTO, MINIKUBE, NIXOS, OPENSHIFT, TALOS};
use super::{Keeps, OsRelease};

/// One operating system: all that is known of it.
#[derive(Debug)]
pub struct Distro {
    /// `ID` of os-release(5).
    pub id: &'static str,
    /// How `PRETTY_NAME` begins, which the kubelet gives as a node's osImage.
    pub name: &'static str,
    /// Another `ID` that it goes by, with its `VARIANT_ID`.
    pub also: Option<(&'static str, &'static str)>,
    /// How many numbers its `VERSION_ID` has, where `PRETTY_NAME` gives more.
    pub version_numbers: Option<usize>,
    /// How a sysctl is set, and kept over a reboot.
    pub keeps: Keeps,
    /// Whether its own kernels let user namespaces mount overlayfs before [`super::OVERLAY_IN_USERNS`].
    pub overlay_in_userns: bool,
}

/// All of them: those that keep sysctls in another way than sysctl.d(5) first. Of several with one `ID` the first is the usual one.
pub const DISTROS: &[Distro] = &[
    Distro { keeps: BOTTLEROCKET, ..usual("bottlerocket", "Bottlerocket") },
    Distro { keeps: EKS_AUTO, ..usual("bottlerocket", "Bottlerocket (EKS Auto") },
    Distro { keeps: TALOS, ..usual("talos", "Talos") },
    Distro { keeps: NIXOS, ..usual("nixos", "NixOS") },
    Distro { keeps: CONTAINER_OPTIMIZED, ..usual("cos", "Container-Optimized OS") },
    Distro { keeps: MINIKUBE, ..usual("buildroot", "Buildroot") },
    Distro { keeps: OPENSHIFT, also: Some(("rhel", "coreos")), ..usual("rhcos", "Red Hat Enterprise Linux CoreOS") },
    Distro { keeps: OPENSHIFT, also: Some(("centos", "coreos")), ..usual("scos", "CentOS Stream CoreOS") },
    usual("almalinux", "AlmaLinux"),
    usual("alinux", "Alibaba Cloud Linux"),
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
    usual("rocky", "Rocky Linux"),
    usual("sles", "SUSE Linux Enterprise"),
    // Its kernels are patched (BuildKit's docs/rootless.md).
    Distro { version_numbers: Some(2), overlay_in_userns: true, ..usual("ubuntu", "Ubuntu") },
    usual("photon", "VMware Photon"),
];

const fn usual(id: &'static str, name: &'static str) -> Distro {
    Distro { id, name, also: None, version_numbers: None, keeps: Keeps::SysctlD, overlay_in_userns: false }
}

impl Distro {
    /// The system that an os-release names by its `ID`, and of several with that one by its name or `VARIANT_ID`.
    pub fn of(os: &OsRelease) -> Option<&'static Distro> {
        let variant = os.variant_id.as_deref().unwrap_or_default();
        let named = || os.name.as_deref().and_then(Distro::named).filter(|distro| distro.goes_by(&os.id));
        DISTROS.iter().find(|distro| distro.also == Some((&os.id, variant))).or_else(named).or_else(|| Distro::with_id(&os.id))
    }

    /// The system whose name a node's osImage begins with; of several, such as RHEL and RHEL CoreOS, the longest.
    fn named(image: &str) -> Option<&'static Distro> {
        DISTROS.iter().filter(|distro| image.starts_with(distro.name)).max_by_key(|distro| distro.name.len())
    }

    fn with_id(id: &str) -> Option<&'static Distro> {
        DISTROS.iter().find(|distro| distro.id == id)
    }

    fn goes_by(&self, id: &str) -> bool {
        self.id == id || self.also.is_some_and(|(other, _)| other == id)
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
        Some(OsRelease { id: distro.id.to_owned(), version_id: version, name: Some(image.to_owned()), ..OsRelease::default() })
    }
}

impl Keeps {
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
    fn names_are_unique() {
        for (number, distro) in DISTROS.iter().enumerate() {
            assert!(DISTROS[..number].iter().all(|other| other.name != distro.name), "{}", distro.name);
            // Of two with one ID the second is told by the longer name.
            let first = Distro::with_id(distro.id).expect("itself at least");
            assert!(std::ptr::eq(first, distro) || distro.name.starts_with(first.name), "{}", distro.name);
            assert!(distro.id.bytes().all(|b| b.is_ascii_lowercase()), "{}", distro.id);
        }
    }

    #[test]
    fn the_longest_name_counts() {
        let id = |image| Distro::named(image).map(|distro| distro.id);
        assert_eq!(id("Red Hat Enterprise Linux CoreOS 416.94 (Plow)"), Some("rhcos"));
        assert_eq!(id("Red Hat Enterprise Linux 9.4 (Plow)"), Some("rhel"));
    }

    #[test]
    fn systems_with_one_id_are_told_apart() {
        let of = |id: &str, name: &str, variant: &str| {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            Keeps::of(&OsRelease { id: id.into(), name: text(name), variant_id: text(variant), ..OsRelease::default() })
        };
        for (name, variant) in [("Red Hat Enterprise Linux CoreOS 9.6", "coreos"), ("", "coreos"), ("Red Hat Enterprise Linux CoreOS", "")]
        {
            assert_eq!(of("rhel", name, variant), OPENSHIFT, "{name} {variant}");
        }
        assert_eq!(of("rhel", "Red Hat Enterprise Linux 9.6 (Plow)", ""), Keeps::SysctlD);
        assert_eq!(of("fedora", "Fedora CoreOS 42", "coreos"), Keeps::SysctlD, "its /etc is its user's");
        assert_eq!(of("centos", "CentOS Stream CoreOS 9", ""), OPENSHIFT);
        assert_eq!(of("bottlerocket", "Bottlerocket (EKS Auto, Standard) 2025.12.5 (aws-k8s-1.34-standard)", ""), EKS_AUTO);
        assert_eq!(of("bottlerocket", "Bottlerocket OS 1.51.0 (aws-k8s-1.34)", "aws-k8s-1.34"), BOTTLEROCKET);
        assert_eq!(of("mine", "NixOS by another name", ""), Keeps::SysctlD, "a name alone is not believed");
        let auto = OsRelease::from_image("Bottlerocket (EKS Auto, Standard) 2025.12.5 (aws-k8s-1.34-standard)").expect("known");
        assert_eq!((auto.to_string().as_str(), Keeps::of(&auto)), ("bottlerocket 2025.12.5", EKS_AUTO));
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
