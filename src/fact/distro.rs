//! Operating systems that are known by name: how each is recognised, and what is special about it.

use super::keeps::{BOTTLEROCKET, CONTAINER_OPTIMIZED, EKS_AUTO, MINIKUBE, NIXOS, OPENSHIFT, TALOS};
use super::{Defaults, Keeps, OsRelease};

/// One operating system: all that is known of it.
#[derive(Debug)]
pub struct Distro {
    /// `ID` of os-release(5), in lower case.
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
    /// Whether its container runtime gives each pod a label of SELinux, as CRI-O does.
    pub labels_pods: bool,
    /// Whether its own policy of SELinux lets `container_t`, the type of ordinary pods, mount what a build step needs.
    pub container_t_mounts: bool,
    /// What a default install has of that which decides.
    pub defaults: Defaults,
}

/// All of them: those that keep sysctls in another way than sysctl.d(5) first. Of several with one `ID` the first is the usual one.
pub const DISTROS: &[Distro] = &[
    // Its policy keeps containers from the system's files alone (packages/selinux-policy of bottlerocket-core-kit).
    Distro { keeps: BOTTLEROCKET, container_t_mounts: true, ..usual("bottlerocket", "Bottlerocket", Defaults::BOTTLEROCKET) },
    Distro { keeps: EKS_AUTO, container_t_mounts: true, ..usual("bottlerocket", "Bottlerocket (EKS Auto", Defaults::BOTTLEROCKET) },
    Distro { keeps: TALOS, ..usual("talos", "Talos", Defaults::TALOS) },
    Distro { keeps: NIXOS, ..usual("nixos", "NixOS", Defaults::NIXOS) },
    Distro { keeps: CONTAINER_OPTIMIZED, ..usual("cos", "Container-Optimized OS", Defaults::CONTAINER_OPTIMIZED) },
    Distro { keeps: MINIKUBE, ..usual("buildroot", "Buildroot", Defaults::NONE) },
    Distro {
        keeps: OPENSHIFT,
        labels_pods: true,
        also: Some(("rhel", "coreos")),
        ..usual("rhcos", "Red Hat Enterprise Linux CoreOS", Defaults::OPENSHIFT)
    },
    Distro {
        keeps: OPENSHIFT,
        labels_pods: true,
        also: Some(("centos", "coreos")),
        ..usual("scos", "CentOS Stream CoreOS", Defaults::OPENSHIFT)
    },
    usual("almalinux", "AlmaLinux", Defaults::RED_HAT_8),
    usual("alinux", "Alibaba Cloud Linux", Defaults::ALIBABA),
    usual("alpine", "Alpine Linux", Defaults::ALPINE),
    Distro { version_numbers: Some(1), ..usual("amzn", "Amazon Linux", Defaults::AMAZON) },
    usual("anolis", "Anolis OS", Defaults::NONE),
    usual("arch", "Arch Linux", Defaults::ARCH),
    usual("archarm", "Arch Linux ARM", Defaults::ARCH),
    // AKS's; it was known by an ID of its own first.
    Distro { also: Some(("azurelinux", "azurecontainerlinux")), ..usual("azurecontainerlinux", "Azure Container Linux", Defaults::NONE) },
    usual("azurelinux", "Microsoft Azure Linux", Defaults::AZURE_LINUX),
    usual("centos", "CentOS", Defaults::CENTOS),
    usual("chainguard", "Chainguard", Defaults::NONE),
    usual("debian", "Debian GNU/Linux", Defaults::DEBIAN),
    usual("endeavouros", "EndeavourOS", Defaults::ARCH),
    Distro { version_numbers: Some(1), ..usual("fedora", "Fedora", Defaults::FEDORA) },
    usual("flatcar", "Flatcar Container Linux", Defaults::FLATCAR),
    usual("gentoo", "Gentoo", Defaults::NONE),
    usual("k3os", "k3OS", Defaults::NONE),
    usual("kali", "Kali GNU/Linux", Defaults::NONE),
    // Its kernels are Ubuntu's.
    Distro { overlay_in_userns: true, ..usual("linuxmint", "Linux Mint", Defaults::MINT) },
    usual("manjaro", "Manjaro Linux", Defaults::NONE),
    usual("mariner", "CBL-Mariner", Defaults::MARINER),
    usual("ol", "Oracle Linux", Defaults::ORACLE),
    usual("openeuler", "openEuler", Defaults::OPENEULER),
    usual("opensuse", "openSUSE", Defaults::NONE),
    usual("opensuse-leap", "openSUSE Leap", Defaults::LEAP),
    usual("opensuse-leap-micro", "openSUSE Leap Micro", Defaults::SUSE_MICRO),
    usual("opensuse-microos", "openSUSE MicroOS", Defaults::MICROOS),
    usual("opensuse-tumbleweed", "openSUSE Tumbleweed", Defaults::TUMBLEWEED),
    usual("photon", "VMware Photon", Defaults::PHOTON),
    // Its kernels have Ubuntu's patches.
    Distro { overlay_in_userns: true, ..usual("pop", "Pop!_OS", Defaults::POP) },
    usual("raspbian", "Raspbian GNU/Linux", Defaults::RASPBIAN),
    usual("rhel", "Red Hat Enterprise Linux", Defaults::RED_HAT),
    usual("rocky", "Rocky Linux", Defaults::RED_HAT_8),
    usual("sl-micro", "SUSE Linux Micro", Defaults::SUSE_MICRO),
    usual("sle-micro", "SUSE Linux Enterprise Micro", Defaults::SUSE_MICRO),
    usual("sles", "SUSE Linux Enterprise", Defaults::SUSE),
    usual("suse-microos", "SUSE MicroOS", Defaults::SUSE_MICRO),
    usual("tencentos", "TencentOS", Defaults::TENCENT),
    // Its kernels are patched (BuildKit's docs/rootless.md).
    Distro { version_numbers: Some(2), overlay_in_userns: true, ..usual("ubuntu", "Ubuntu", Defaults::UBUNTU) },
    usual("wolfi", "Wolfi", Defaults::NONE),
];

const fn usual(id: &'static str, name: &'static str, defaults: Defaults) -> Distro {
    Distro {
        id,
        name,
        also: None,
        version_numbers: None,
        keeps: Keeps::SysctlD,
        overlay_in_userns: false,
        labels_pods: false,
        container_t_mounts: false,
        defaults,
    }
}

impl Distro {
    /// The system that an os-release names by its `ID`, and of several with that one by its name or `VARIANT_ID`.
    pub fn of(os: &OsRelease) -> Option<&'static Distro> {
        let variant = os.variant_id.as_deref().unwrap_or_default().to_ascii_lowercase();
        let named = || os.name.as_deref().and_then(Distro::named).filter(|distro| distro.goes_by(&os.id));
        DISTROS.iter().find(|distro| distro.also == Some((&os.id, &variant))).or_else(named).or_else(|| Distro::with_id(&os.id))
    }

    /// The closest known relative (`ID_LIKE`) of a system.
    pub(super) fn relative(os: &OsRelease) -> Option<&'static Distro> {
        os.id_like.iter().find_map(|id| Distro::with_id(id))
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
        let mut words = image[distro.name.len()..].split([' ', '(', ')', '/']).map(|word| word.trim_start_matches('v'));
        let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        // A service pack of SUSE's, which is the second number of its VERSION_ID: 15 SP6.
        let pack = words.next().and_then(|word| word.strip_prefix("SP")?.parse::<u32>().ok());
        let numbers = distro.version_numbers.unwrap_or(usize::MAX);
        let version = version.map(|version| version.split('.').take(numbers).collect::<Vec<_>>().join("."));
        let version = version.map(|version| pack.map_or_else(|| version.clone(), |pack| format!("{version}.{pack}")));
        Some(OsRelease { id: distro.id.to_owned(), version_id: version, name: Some(image.to_owned()), ..OsRelease::default() })
    }
}

impl Keeps {
    /// How a system keeps its sysctls: as its closest known relative does (`ID_LIKE`), where it is not known itself.
    pub fn of(os: &OsRelease) -> Keeps {
        Distro::of(os).or_else(|| Distro::relative(os)).map_or(Keeps::SysctlD, |distro| distro.keeps)
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
            assert!(distro.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", distro.id);
        }
    }

    #[test]
    fn the_longest_name_counts() {
        let id = |image| Distro::named(image).map(|distro| distro.id);
        assert_eq!(id("Red Hat Enterprise Linux CoreOS 416.94 (Plow)"), Some("rhcos"));
        assert_eq!(id("Red Hat Enterprise Linux 9.4 (Plow)"), Some("rhel"));
    }

    /// What vendors write into `PRETTY_NAME`, which is a node's osImage, and the system that it is.
    const IMAGES: &[(&str, &str)] = &[
        ("AlmaLinux 10.0 (Purple Lion)", "almalinux 10.0"),
        ("Alibaba Cloud Linux 3 (Soaring Falcon)", "alinux 3"),
        ("Alibaba Cloud Linux (Aliyun Linux) 2.1903 LTS (Hunting Beagle)", "alinux 2.1903"),
        ("Alpine Linux v3.22", "alpine 3.22"),
        ("Amazon Linux 2", "amzn 2"),
        ("Amazon Linux 2023.8.20250715", "amzn 2023"),
        ("Anolis OS 8.9", "anolis 8.9"),
        ("Arch Linux", "arch"),
        ("Arch Linux ARM", "archarm"),
        ("Bottlerocket OS 1.51.0 (aws-k8s-1.34)", "bottlerocket 1.51.0"),
        ("Bottlerocket (EKS Auto, Standard) 2025.12.5 (aws-k8s-1.34-standard)", "bottlerocket 2025.12.5"),
        ("Buildroot 2025.02", "buildroot 2025.02"),
        ("CBL-Mariner/Linux", "mariner"),
        ("CentOS Linux 7 (Core)", "centos 7"),
        ("CentOS Linux 8 (Core)", "centos 8"),
        ("CentOS Stream 9", "centos 9"),
        ("CentOS Stream CoreOS 9.0.20250510-0 (Plow)", "scos 9.0.20250510-0"),
        ("Chainguard", "chainguard"),
        ("Container-Optimized OS from Google", "cos"),
        ("Debian GNU/Linux 12 (bookworm)", "debian 12"),
        ("Debian GNU/Linux trixie/sid", "debian"),
        ("EndeavourOS", "endeavouros"),
        ("Fedora CoreOS 42.20250705.3.0", "fedora 42"),
        ("Fedora Linux 42 (Server Edition)", "fedora 42"),
        ("Fedora 29 (Atomic Host)", "fedora 29"),
        ("Flatcar Container Linux by Kinvolk 4459.2.0 (Oklo)", "flatcar 4459.2.0"),
        ("Gentoo Linux", "gentoo"),
        ("Kali GNU/Linux Rolling", "kali"),
        ("Linux Mint 22.1", "linuxmint 22.1"),
        ("Manjaro Linux", "manjaro"),
        ("Microsoft Azure Linux 3.0", "azurelinux 3.0"),
        ("NixOS 25.11 (Xantusia)", "nixos 25.11"),
        ("Oracle Linux Server 9.6", "ol 9.6"),
        ("Pop!_OS 22.04 LTS", "pop 22.04"),
        ("Raspbian GNU/Linux 11 (bullseye)", "raspbian 11"),
        ("Red Hat Enterprise Linux 9.4 (Plow)", "rhel 9.4"),
        ("Red Hat Enterprise Linux Server 7.6 (Maipo)", "rhel 7.6"),
        ("Red Hat Enterprise Linux CoreOS 416.94.202410211619-0", "rhcos 416.94.202410211619-0"),
        ("Rocky Linux 9.4 (Blue Onyx)", "rocky 9.4"),
        ("SUSE Linux Enterprise Micro 5.5", "sle-micro 5.5"),
        ("SUSE Linux Enterprise Server 15 SP6", "sles 15.6"),
        ("SUSE Linux Enterprise Server 16.0", "sles 16.0"),
        ("SUSE Linux Micro 6.1", "sl-micro 6.1"),
        ("SUSE MicroOS 5.0", "suse-microos 5.0"),
        ("Talos (v1.11.5)", "talos 1.11.5"),
        ("TencentOS Server 3.1 (Final)", "tencentos 3.1"),
        ("Ubuntu 24.04.1 LTS", "ubuntu 24.04"),
        ("VMware Photon OS/Linux", "photon"),
        ("Wolfi", "wolfi"),
        ("k3OS v0.21.5-k3s2r1", "k3os 0.21.5-k3s2r1"),
        ("openEuler 24.03 (LTS-SP1)", "openeuler 24.03"),
        ("openSUSE Leap 15.6", "opensuse-leap 15.6"),
        ("openSUSE Leap Micro 5.5", "opensuse-leap-micro 5.5"),
        ("openSUSE MicroOS", "opensuse-microos"),
        ("openSUSE Tumbleweed", "opensuse-tumbleweed"),
    ];

    #[test]
    fn a_nodes_image_is_read_in_every_vendors_form() {
        for (image, system) in IMAGES {
            assert_eq!(OsRelease::from_image(image).map(|os| os.to_string()).as_deref(), Some(*system), "{image}");
        }
        for distro in DISTROS.iter().filter(|distro| !["opensuse", "azurecontainerlinux"].contains(&distro.id)) {
            assert!(IMAGES.iter().any(|(image, _)| Distro::named(image).is_some_and(|named| named.name == distro.name)), "{}", distro.name);
        }
        for image in ["Hannah Montana Linux", "", "ubuntu", "Docker Desktop"] {
            assert_eq!(OsRelease::from_image(image), None);
        }
    }

    #[test]
    fn an_os_release_is_known_by_its_id_in_any_case_and_by_its_variant() {
        let of = |text: &str| Distro::of(&OsRelease::parse(text).expect("valid")).map(|distro| distro.id);
        assert_eq!(of("ID=\"openEuler\"\nVERSION_ID=\"24.03\"\n"), Some("openeuler"));
        assert_eq!(of("ID=azurelinux\nVARIANT_ID=AZURECONTAINERLINUX\n"), Some("azurecontainerlinux"));
        assert_eq!(of("ID=azurelinux\nPRETTY_NAME=\"Microsoft Azure Linux 3.0\"\n"), Some("azurelinux"));
        assert_eq!(of("ID=fedora\nVARIANT_ID=coreos\n"), Some("fedora"));
        assert_eq!(of("NAME=x\n"), None);
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
