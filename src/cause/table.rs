use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Ask, Level, Row};
use super::{admission, build, confinement, idmap, image, own_pod, pod, software, storage, userns};
use crate::fact::{Facts, Step};

/// The rows, by subject.
const ROWS: &[&[Row]] = &[
    userns::ROWS,
    confinement::ROWS,
    idmap::ROWS,
    pod::ROWS,
    own_pod::ROWS,
    image::ROWS,
    storage::ROWS,
    admission::ROWS,
    software::ROWS,
    build::ROWS,
];

/// Which of them each cause has, in the order of the enum. A cause without a row, or with two, does not compile.
static CAUSES: [&Row; Cause::ALL.len()] = {
    let mut found: [Option<&Row>; Cause::ALL.len()] = [None; Cause::ALL.len()];
    let mut subject = 0;
    while subject < ROWS.len() {
        let mut number = 0;
        while number < ROWS[subject].len() {
            let row = &ROWS[subject][number];
            assert!(found[row.cause as usize].is_none());
            found[row.cause as usize] = Some(row);
            number += 1;
        }
        subject += 1;
    }
    let mut rows = [&ROWS[0][0]; Cause::ALL.len()];
    let mut number = 0;
    while number < rows.len() {
        rows[number] = found[number].expect("each cause has a row");
        number += 1;
    }
    rows
};

impl Cause {
    /// What is known of it.
    pub fn row(self) -> &'static Row {
        CAUSES[self as usize]
    }

    /// What a person reads first: half a sentence.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// Where it lies.
    pub fn level(self) -> Level {
        self.row().level
    }
}

/// What removes a cause on the node that the facts are of. `failed` is the step at which a build ended.
pub fn remedy(cause: Cause, facts: &Facts, failed: Option<Step>) -> Remedy {
    let row = cause.row();
    let asked_for_none = facts.process.asked_unconfined.known() == Some(&true);
    match row.forced.filter(|_| asked_for_none) {
        Some(what) => Remedy::new(format!(
            "use other nodes, or find out what on this node {what}: the OCI runtime, the platform, or an admission webhook"
        )),
        None => (row.remedy)(&Ask { facts, failed }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::DISTROS;
    use crate::fact::{Fact, OsRelease, Sysctl, SysctlSetting, Tunable};

    #[test]
    fn rows_are_complete() {
        for (number, row) in CAUSES.iter().enumerate() {
            assert!(!row.title.is_empty() && !row.title.ends_with('.') && !row.title.contains('\n'), "{}", row.cause);
            assert!(CAUSES[..number].iter().all(|other| other.title != row.title), "{}", row.cause);
            assert!(row.forced.is_none() || row.level == Level::Pod, "{}: only a pod's confinement can be forced on it", row.cause);
        }
    }
    const PARTS: [&str; 5] = ["## What it means", "## How it shows", "## How it is detected", "## How to remove it", "## Source"];

    /// Headings outside of code.
    fn headings(text: &str) -> Vec<&str> {
        let outside = text.split("```").step_by(2);
        outside.flat_map(str::lines).filter(|line| line.starts_with('#')).collect()
    }

    #[test]
    fn each_text_has_its_parts_and_names_its_source() {
        for row in CAUSES {
            assert_eq!(headings(row.about), PARTS, "{}", row.cause);
            let source = row.about.split(PARTS[4]).last().unwrap_or_default();
            let manual = (1..=8).any(|section| source.contains(&format!("({section})")));
            assert!(source.contains("https://") || manual, "{}: {source}", row.cause);
        }
    }

    fn on(id: &str, cause: Cause) -> Remedy {
        let os = OsRelease { id: id.into(), ..OsRelease::default() };
        remedy(cause, &Facts { os: Fact::Known(os), ..Facts::unknown() }, None)
    }

    #[test]
    fn a_sysctl_is_set_in_the_way_of_the_system() {
        assert_eq!(on("debian", Cause::UsernsClone0).fix, "sysctl -w kernel.unprivileged_userns_clone=1");
        assert!(on("debian", Cause::UsernsClone0).tunable);
        for (id, word) in [("bottlerocket", "apiclient"), ("talos", "talosctl"), ("nixos", "configuration.nix")] {
            let remedy = on(id, Cause::UsernsMax0);
            assert!(remedy.fix.contains(word) && remedy.fix.contains("63359") && remedy.keep.is_none(), "{remedy:?}");
            assert!(!remedy.tunable, "{id} keeps its settings itself");
        }
        for (id, words) in [
            ("cos", "run `sysctl -w user.max_user_namespaces=63359` in a start-up script"),
            ("buildroot", "minikube ssh -- sudo sysctl -w user.max_user_namespaces=63359"),
        ] {
            let remedy = on(id, Cause::UsernsMax0);
            assert_eq!(remedy.fix, "sysctl -w user.max_user_namespaces=63359");
            assert!(remedy.tunable && remedy.keep.is_some_and(|keep| keep.contains(words) && keep.contains("DaemonSet")), "{id}");
        }
        let openshift = on("rhcos", Cause::UsernsMax0);
        assert!(openshift.keep.is_some_and(|keep| keep.starts_with("oc apply") && keep.contains("user.max_user_namespaces=63359")));
        assert!(openshift.note.is_some_and(|note| note.contains("MachineConfig") && note.contains("drift")));
        let unknown = remedy(Cause::UsernsMax0, &Facts::unknown(), None);
        assert_eq!(unknown.note.as_deref(), Some("on Bottlerocket, Talos and NixOS set the sysctl in the system's own settings"));
    }

    /// The remedy for a limit of 0 on a system, at a version and with a file that sets it.
    fn of_zero(os: OsRelease, kernel: &str, file: Option<&str>) -> Remedy {
        let mut facts = Facts { os: Fact::Known(os), ..Facts::unknown() };
        facts.kernel = Fact::Known(kernel.to_owned().try_into().expect("a release"));
        facts.sysctls.set(Sysctl::MaxUserNamespaces, Fact::Known(0));
        let setting = |file: &str| SysctlSetting { file: file.into(), sysctl: Tunable::MAX_USER_NAMESPACES, value: "0".into() };
        facts.sysctl_files = Fact::Known(file.map(setting).into_iter().collect());
        remedy(Cause::UsernsMax0, &facts, None)
    }

    fn system(id: &str, version: &str) -> OsRelease {
        OsRelease { id: id.into(), version_id: Some(version.into()), ..OsRelease::default() }
    }

    #[test]
    fn a_system_is_told_what_its_version_knows() {
        for (version, words) in [
            ("1.13.9", r#"'{"machine":{"sysctls":{"user.max_user_namespaces":"63359"}}}'"#),
            ("v1.14.0", r#"'{"apiVersion":"v1alpha1","kind":"SysctlConfig","params":{"user.max_user_namespaces":"63359"}}'"#),
            ("2.0", "SysctlConfig"),
            ("", "machine"),
        ] {
            assert!(of_zero(system("talos", version), "6.12", None).fix.contains(words), "{version}");
        }
    }

    #[test]
    fn nixos_is_told_its_own_option() {
        let remedy = of_zero(system("nixos", "25.11"), "6.12", None);
        assert!(remedy.fix.starts_with("security.allowUserNamespaces = true; in configuration.nix"));
        // What the switch no longer sets stands as it is until the next boot.
        assert!(remedy.fix.ends_with("nixos-rebuild switch && sysctl -w user.max_user_namespaces=63359"));
        assert!(remedy.note.is_some_and(|note| note.contains(r#"boot.kernel.sysctl."user.max_user_namespaces" = lib.mkForce 63359;"#)));
        assert!(on("nixos", Cause::UsernsExhausted).fix.starts_with("boot.kernel.sysctl"), "not at 0, so it is not that option");
    }

    #[test]
    fn a_packages_file_is_left_alone() {
        let keep = |file: &str| of_zero(system("flatcar", "4459.2.1"), "6.12", Some(file)).keep.expect("a way to keep it");
        let line = "echo 'user.max_user_namespaces = 63359' >> /etc/sysctl.d/";
        for (file, name) in [
            ("/usr/lib/sysctl.d/50-hardening.conf", "60-userns.conf"),
            ("/usr/lib/sysctl.d/90-x.conf", "99-userns.conf"),
            ("/run/sysctl.d/99-zz.conf", "99-zz_userns.conf"),
            ("/usr/lib/sysctl.d/99-userns.conf", "99-userns_userns.conf"),
        ] {
            assert_eq!(keep(file), format!("{line}{name}"), "{file}");
            assert!(*name > *file.rsplit('/').next().expect("a name"), "it comes later");
        }
        assert_eq!(
            keep("/etc/sysctl.d/50-x.conf"),
            "change user.max_user_namespaces in /etc/sysctl.d/50-x.conf, which sets it to 0 at boot"
        );
    }

    #[test]
    fn a_node_image_is_replaced() {
        for (kernel, managed) in
            [("6.8.0-1030-azure", true), ("6.12.40-63.114.amzn2023.x86_64", true), ("6.6.96.1-1.azl3", true), ("6.12.48-amd64", false)]
        {
            let remedy = of_zero(system("ubuntu", "24.04"), kernel, None);
            assert_eq!(remedy.note.is_some_and(|note| note.contains("next node image")), managed, "{kernel}");
        }
        let auto = OsRelease::from_image("Bottlerocket (EKS Auto, Standard) 2025.12.5 (aws-k8s-1.34-standard)").expect("known");
        let remedy = of_zero(auto, "6.12.55", None);
        assert!(!remedy.fix.contains("sysctl -w") && !remedy.fix.contains("apiclient"), "{remedy:?}");
        assert!(remedy.fix.contains("AL2023") && remedy.fix.contains("render agent --tune all") && remedy.tunable && remedy.keep.is_none());
    }

    #[test]
    fn a_confinement_that_nobody_asked_for_is_the_nodes() {
        let mut facts = Facts::unknown();
        facts.process.asked_unconfined = Fact::Known(true);
        let fix = |cause| remedy(cause, &facts, None).fix;
        assert!(fix(Cause::Seccomp).contains("adds a seccomp filter to pods whose seccompProfile is Unconfined"));
        assert!(fix(Cause::Selinux).contains("confines pods whose appArmorProfile is Unconfined"));
        assert!(fix(Cause::StateDir).contains("emptyDir"), "its volumes are the pod's own doing");
    }

    #[test]
    fn every_cause_has_a_remedy_of_one_line_on_every_system() {
        for row in CAUSES {
            for id in DISTROS.iter().map(|distro| distro.id).chain(["unheard-of"]) {
                let remedy = on(id, row.cause);
                for text in [Some(&remedy.fix), remedy.keep.as_ref(), remedy.note.as_ref()].into_iter().flatten() {
                    assert!(!text.is_empty() && !text.contains(['\n', '\t']) && text.trim() == text, "{}: {text}", row.cause);
                }
            }
        }
    }
}
