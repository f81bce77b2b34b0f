use super::markdown::{code, head, link, list, table};
use crate::check::{Outcome, judge};
use crate::fact::{DISTROS, Distro, FUSE_IN_USERNS, Fact, Facts, Keeps, OVERLAY_IN_USERNS, Release, Snapshotter, Sysctls, Version};
use crate::profile::Profile;

/// The operating systems that are known by name, and what a builder meets in a default install of each.
pub(super) fn page() -> String {
    let about = "The operating systems that are known by name. The name decides how a fix is written, and what may be expected; it never decides\n\
        a verdict. A system that is not here is treated as the first one that its `ID_LIKE` names, and else as any Linux.";
    head("Operating systems", "src/fact/distro.rs and src/fact/defaults.rs", about) + &names() + &defaults()
}

fn names() -> String {
    let about = "\n## Names\n\n`ID` is that of os-release(5), in any case. Where only a Node is known, its osImage tells: the name that it begins with.\n\
        The source is where the next table is from.\n";
    let row = |distro: &Distro| {
        let also = distro.also.map(|(id, variant)| format!("{} with `VARIANT_ID={variant}`", code(id)));
        let source = Some(distro.defaults.source).filter(|source| !source.is_empty()).unwrap_or("-");
        [list([code(distro.id)].into_iter().chain(also)), code(distro.name), keeps(distro.keeps).to_owned(), source.to_owned()]
    };
    about.to_owned() + &table(["`ID`", "osImage begins with", "keeps sysctls", "source"], DISTROS.iter().map(row))
}

fn keeps(keeps: Keeps) -> &'static str {
    match keeps {
        Keeps::SysctlD => "sysctl.d",
        Keeps::OwnSettings(_) => "own settings",
        Keeps::Object(..) => "an object of the cluster",
        Keeps::Forgets(_) => "until the next boot",
        Keeps::NoShell(_) => "nowhere that a user can reach",
    }
}

fn defaults() -> String {
    let about = "\n## Default installs\n\nWhat a fresh install has, by the documents of the vendor. These are expectations: a node may be set in another way,\n\
        so `check` reads each of them from the node. The kernel is that of the release, and updates may bring a newer one. A version\n\
        that is newer than the first row of its system has that row's kernel or a later one.\n\n\
        The snapshotter is the fastest that a rootless builder can have with that kernel. `fuse-overlayfs` also needs\n\
        `/dev/fuse` in its pod. The last column is what stops the [default profile](profiles.md) in a pod that is\n\
        `Unconfined`. A dash there says that nothing is known to stop it, and one elsewhere that no document tells. Where the\n\
        runtime labels containers, as CRI-O does, an enforcing SELinux stops it too ([`selinux`](causes.md#selinux)).\n";
    let rows = systems().flat_map(|(systems, distro)| {
        let told = distro.defaults.versions.iter().filter(|version| **version != Version { since: version.since, ..Version::UNTOLD });
        told.map(move |version| row(&systems, distro, version))
    });
    about.to_owned()
        + &table(["system", "from version", "kernel", "security module", "sysctls", "snapshotter", "what stops the default profile"], rows)
}

/// Those with the same defaults together.
fn systems() -> impl Iterator<Item = (String, &'static Distro)> {
    let alike =
        |one: &Distro, other: &Distro| one.defaults.versions == other.defaults.versions && one.overlay_in_userns == other.overlay_in_userns;
    let first = move |number: &usize| DISTROS[..*number].iter().all(|other| !alike(other, &DISTROS[*number]));
    (0..DISTROS.len()).filter(first).map(move |number| {
        let distro = &DISTROS[number];
        (list(DISTROS.iter().filter(|other| alike(distro, other)).map(|other| code(other.name))), distro)
    })
}

fn row(systems: &str, distro: &Distro, version: &Version) -> [String; 7] {
    let told = |told: Option<String>| told.unwrap_or_else(|| "-".into());
    let kernel = version.kernel.map(|(major, minor)| format!("{major}.{minor}"));
    let release = kernel.clone().and_then(|kernel| Release::try_from(kernel).ok());
    let snapshotter = release.as_ref().map(|release| code(snapshotter(distro, release)));
    let sysctls = list(version.sysctls.iter().map(|(sysctl, value)| code(format_args!("{sysctl}={value}"))));
    let module = told(version.module.map(|module| module.to_string()));
    let since = match version.since {
        "" if distro.defaults.versions.len() == 1 => "all",
        "" => "all older",
        since => since,
    };
    [systems.to_owned(), since.to_owned(), told(kernel), module, sysctls, told(snapshotter), stopped(version, release)]
}

fn snapshotter(distro: &Distro, kernel: &Release) -> Snapshotter {
    match () {
        () if distro.overlay_in_userns || kernel.can(OVERLAY_IN_USERNS) => Snapshotter::Overlayfs,
        () if kernel.can(FUSE_IN_USERNS) => Snapshotter::FuseOverlayfs,
        () => Snapshotter::Native,
    }
}

/// The causes that a node of these defaults gives, of which nothing else is known.
fn stopped(version: &Version, kernel: Option<Release>) -> String {
    let mut sysctls = Sysctls::default();
    version.sysctls.iter().for_each(|(sysctl, value)| sysctls.set(*sysctl, Fact::Known(*value)));
    let mut facts = Facts { sysctls, kernel: kernel.map_or_else(Fact::default, Fact::Known), ..Facts::unknown() };
    facts.process.lsm_label = Fact::Known("unconfined".into());
    let verdict = judge(&facts, Profile::NoProcessSandbox, None);
    let failed = verdict.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    list(failed.filter_map(|finding| finding.cause).map(link))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_builder_follows_from_the_defaults() {
        let page = page();
        let row = |system: &str, version: &str| {
            let begin = format!("| `{system}` | {version} |");
            page.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{begin}")).to_owned()
        };
        for (system, version, cause) in [
            ("Debian GNU/Linux", "10", "userns-clone0"),
            ("Ubuntu", "24.04", "userns-apparmor-restrict"),
            ("Red Hat Enterprise Linux", "7.4", "userns-max0"),
            ("Talos", "all older", "userns-max0"),
        ] {
            assert!(row(system, version).ends_with(&format!("[`{cause}`](causes.md#{cause}) |")), "{}", row(system, version));
        }
        for (system, version) in [("Debian GNU/Linux", "11"), ("Ubuntu", "22.04"), ("Ubuntu", "23.10"), ("AlmaLinux`, `Rocky Linux", "9")] {
            assert!(row(system, version).ends_with(" | - |"), "{}", row(system, version));
        }
        assert!(row("Ubuntu", "20.04").contains("overlayfs") && row("Debian GNU/Linux", "11").contains("fuse-overlayfs"));
    }
}
