//! From the keys of a report to the facts that `check --facts` and `explain --facts` take. README.md here says each rule.

use crate::report::{Report, Told};
use buildkit_preflight::fact::{
    BootArguments, CapSet, DISTROS, Distro, Fact, Facts, Helper, IdMap, IdRange, MountFlags, Namespace, OsRelease, OwnPod, ProcFs, SYSCTLS,
    Seccomp, SelinuxMode, SubId, Sysctl,
};
use buildkit_preflight::profile::Profile;
use serde_json::{Value, json};

/// A report as the program takes it.
pub(crate) struct Setup {
    pub(crate) profile: Profile,
    pub(crate) process_sandbox: Option<bool>,
    /// What is told, and nothing else.
    pub(crate) told: Facts,
}

impl Setup {
    pub(crate) fn of(report: &Report) -> Self {
        let told = &report.facts;
        let mut facts = Facts::unknown();
        node(report, &mut facts);
        sysctls(told, &mut facts);
        confinement(told, &mut facts);
        ids(report, &mut facts);
        storage(told, &mut facts);
        let profile = profile(report);
        if profile == Profile::Rootful && told.flag("privileged") == Some(false) {
            // Its own pod is looked at, since it is not that of the profile.
            facts.own_pod = Some(OwnPod::default());
        }
        Setup { profile, process_sandbox: told.flag("no_process_sandbox").map(|without| !without), told: facts }
    }

    /// The same, and what nobody told as it is where nobody has changed it: a question whether it works is about what was told.
    pub(crate) fn with_the_usual(&self) -> Facts {
        let mut facts = self.told.clone();
        let os = facts.os.known().cloned();
        let usual = os.as_ref().and_then(Distro::usual_kernel).unwrap_or((6, 12));
        fill(&mut facts.kernel, || release(&format!("{}.{}", usual.0, usual.1)));
        fill(&mut facts.user_namespaces, || Fact::Known(true));
        for row in SYSCTLS {
            if facts.sysctls.get(row.sysctl).unreadable().is_some() {
                let of_system = os.as_ref().and_then(|os| Distro::default_of(os, row.sysctl));
                let value = facts.kernel.known().and_then(|kernel| kernel.default_of(row.sysctl)).or(of_system);
                facts.sysctls.set(row.sysctl, value.map_or(Fact::Absent, Fact::Known));
            }
        }
        let initial = || Fact::Known(IdMap(vec![IdRange { inside: 0, outside: 0, length: u32::MAX }]));
        fill(&mut facts.process.uid_map, initial);
        fill(&mut facts.process.gid_map, initial);
        fill(&mut facts.process.no_new_privs, || Fact::Known(false));
        fill(&mut facts.process.bounding_set, || Fact::Known(CapSet(RUNTIMES_CAPABILITIES)));
        fill(&mut facts.proc_fs, || Fact::Known(masked()));
        fill(&mut facts.state_dir.path, || Fact::Known("/home/user/.local/share/buildkit".into()));
        fill(&mut facts.state_dir.file_system, || Fact::Known("ext4".into()));
        fill(&mut facts.state_dir.flags, || Fact::Known(MountFlags::default()));
        fill(&mut facts.state_dir.free_bytes, || Fact::Known(50 << 30));
        fill(&mut facts.state_dir.free_inodes, || Fact::Known(1 << 20));
        fill(&mut facts.dev_fuse, || Fact::Absent);
        fill(&mut facts.newuidmap, || helper("newuidmap", true));
        fill(&mut facts.newgidmap, || helper("newgidmap", true));
        fill(&mut facts.sub_ids.user, || Fact::Known("user".into()));
        fill(&mut facts.sub_ids.uids, || Fact::Known(vec![SubId::STOCK]));
        fill(&mut facts.sub_ids.gids, || Fact::Known(vec![SubId::STOCK]));
        facts
    }
}

fn fill<T>(fact: &mut Fact<T>, usual: impl FnOnce() -> Fact<T>) {
    if fact.unreadable().is_some() {
        *fact = usual();
    }
}

/// What containerd and Docker give a container.
const RUNTIMES_CAPABILITIES: u64 = 0xa804_25fb;

fn release(text: &str) -> Fact<buildkit_preflight::fact::Release> {
    text.to_owned().try_into().map_or_else(|why: String| Fact::Failed(why.into()), Fact::Known)
}

fn masked() -> ProcFs {
    ProcFs { masks: vec!["/proc/kcore".into(), "/proc/sys".into()], complete_elsewhere: false }
}

fn helper(name: &str, file_capability: bool) -> Fact<Helper> {
    Fact::Known(Helper { path: format!("/usr/bin/{name}"), setuid: false, file_capability, nosuid: false })
}

/// Which way of running buildkitd comes closest.
fn profile(report: &Report) -> Profile {
    let told = &report.facts;
    let is_root = told.number("run_as_user") == Some(0) || told.is("image_variant", "rootful");
    let privileged = told.flag("privileged") == Some(true);
    match (told.flag("host_users"), told.is("proc_mount", "Unmasked"), is_root, privileged) {
        (Some(false), true, ..) => Profile::ProcMount,
        (Some(false), ..) => Profile::Userns,
        (_, _, true, _) => Profile::Rootful,
        (_, _, _, true) => Profile::Privileged,
        _ => Profile::NoProcessSandbox,
    }
}

fn node(report: &Report, facts: &mut Facts) {
    if let Some(os) = report.distro.as_deref().and_then(system) {
        facts.os = Fact::Known(os);
    }
    if let Some(kernel) = &report.kernel {
        facts.kernel = release(kernel);
    }
    if let Some(version) = report.k8s_version.as_deref().and_then(|version| format!("v{}", version.trim_start_matches('v')).try_into().ok())
    {
        facts.kubelet.version = Fact::Known(version);
    }
    let runtime = report.runtime.as_deref().and_then(|text| {
        let (name, rest) =
            [("containerd ", "containerd"), ("CRI-O ", "cri-o")].iter().find_map(|(word, name)| Some((name, text.split_once(word)?.1)))?;
        let version = rest.split([' ', ',']).next()?;
        format!("{name}://{version}").try_into().ok()
    });
    if let Some(runtime) = runtime {
        facts.kubelet.runtime = Fact::Known(runtime);
    }
    facts.boot_arguments = boot(&report.facts);
    facts.user_namespaces = match report.facts.text("config_user_ns") {
        Some("y") => Fact::Known(true),
        Some("n") => Fact::Known(false),
        _ => Fact::default(),
    };
}

/// The system of the node: a part that speaks of an image's is passed over.
fn system(text: &str) -> Option<OsRelease> {
    let part = text.split([',', ';']).find(|part| !part.contains("image)") && !part.trim_end().ends_with("image"))?;
    let known = |name: &str| part.find(name).map(|at| part[at..].to_owned());
    let by_name = DISTROS.iter().filter(|distro| part.contains(distro.name)).max_by_key(|distro| distro.name.len());
    let shorter = [
        ("RHCOS", "Red Hat Enterprise Linux CoreOS"),
        ("OpenShift", "Red Hat Enterprise Linux CoreOS"),
        ("OKD", "Fedora CoreOS"),
        ("RHEL", "Red Hat Enterprise Linux"),
        ("Rocky", "Rocky Linux"),
        ("Debian", "Debian GNU/Linux"),
        ("Bottlerocket", "Bottlerocket"),
        ("Talos", "Talos"),
        ("Flatcar", "Flatcar Container Linux"),
        ("COS", "Container-Optimized OS"),
        ("Arch", "Arch Linux"),
        ("Alpine", "Alpine Linux"),
    ];
    let image = by_name.and_then(|distro| known(distro.name)).or_else(|| {
        let (word, name) = shorter.iter().find(|(word, _)| part.contains(word))?;
        Some(format!("{name}{}", &part[part.find(word)? + word.len()..]))
    })?;
    OsRelease::from_image(&image)
}

fn sysctls(told: &Told, facts: &mut Facts) {
    for (key, sysctl) in [
        ("max_user_namespaces", Sysctl::MaxUserNamespaces),
        ("unprivileged_userns_clone", Sysctl::UnprivilegedUsernsClone),
        ("apparmor_restrict_unprivileged_userns", Sysctl::ApparmorRestrictUnprivilegedUserns),
        ("yama_ptrace_scope", Sysctl::YamaPtraceScope),
    ] {
        let value = match (told.number(key), told.text(key)) {
            (Some(number), _) => Fact::Known(number),
            (_, Some("absent")) => Fact::Absent,
            (_, Some("opt-in")) => Fact::Known(0),
            // What a kernel gives a machine of little memory.
            (_, Some("nonzero")) => Fact::Known(4096),
            _ => continue,
        };
        facts.sysctls.set(sysctl, value);
    }
}

/// What is said to be missing is missing, and nothing else is known to be there.
fn boot(told: &Told) -> Fact<BootArguments> {
    match told.has("kernel_cmdline_missing") {
        true => Fact::Known(BootArguments::default()),
        false => Fact::default(),
    }
}

fn confinement(told: &Told, facts: &mut Facts) {
    let process = &mut facts.process;
    let on_host = told.is("ran_in", "host");
    let privileged = told.flag("privileged") == Some(true);
    // Where the builder itself runs is a builder's place, also on a host.
    process.pid_namespace = Fact::Known(Namespace::Own);
    process.seccomp = match told.text("seccomp") {
        _ if privileged => Fact::Known(Seccomp::Disabled),
        Some("unconfined") => Fact::Known(Seccomp::Disabled),
        Some("runtime-default") => Fact::Known(Seccomp::Filter),
        None if on_host => Fact::Known(Seccomp::Disabled),
        _ => Fact::default(),
    };
    let label = |label: &str| Fact::Known(label.to_owned());
    process.lsm_label = match (told.text("apparmor"), told.text("selinux_type"), told.text("selinux_mode")) {
        (_, Some(kind), _) => label(&format!("system_u:system_r:{kind}:s0")),
        (Some("unconfined"), ..) => label("unconfined"),
        (Some("none"), _, mode) if mode != Some("enforcing") => Fact::Absent,
        (Some("runtime-default"), ..) => label("cri-containerd.apparmor.d (enforce)"),
        (Some("unset" | "none"), ..) => Fact::default(),
        (Some(name), ..) => label(&format!("{name} (enforce)")),
        (None, None, Some("enforcing")) if on_host => label("unconfined_u:unconfined_r:unconfined_t:s0"),
        _ if privileged || on_host => Fact::Absent,
        _ => Fact::default(),
    };
    facts.selinux.mode = match told.text("selinux_mode") {
        Some("enforcing") => Fact::Known(SelinuxMode::Enforcing),
        Some("permissive") => Fact::Known(SelinuxMode::Permissive),
        Some(_) => Fact::Absent,
        None => Fact::default(),
    };
    process.no_new_privs = match told.flag("allow_privilege_escalation") {
        Some(allowed) => Fact::Known(!allowed),
        None if privileged || on_host => Fact::Known(false),
        None => Fact::default(),
    };
    let (add, drop) = (told.list("caps_add"), told.list("caps_drop"));
    process.bounding_set = match (privileged, &add, &drop) {
        (true, ..) => Fact::Known(CapSet((1 << 41) - 1)),
        (false, None, None) if told.flag("privileged").is_none() => Fact::default(),
        _ => Fact::Known(capabilities(&add.unwrap_or_default(), &drop.unwrap_or_default())),
    };
    let asked = |key: &str, yes: &str| told.has(key).then(|| told.is(key, yes));
    let known = |told: Option<bool>| told.map_or_else(Fact::default, Fact::Known);
    process.asked_user_namespace = known(told.has("host_users").then(|| told.flag("host_users") == Some(false)));
    process.asked_unmasked_proc = known(asked("proc_mount", "Unmasked"));
    if told.is("proc_mount", "Default") && !privileged {
        facts.proc_fs = Fact::Known(masked());
    }
    if privileged || on_host {
        facts.proc_fs = Fact::Known(ProcFs::default());
    }
}

fn capabilities(add: &[&str], drop: &[&str]) -> CapSet {
    let numbers = [("SETUID", CapSet::SETUID), ("SETGID", CapSet::SETGID), ("SYS_ADMIN", CapSet::SYS_ADMIN)];
    let has = |names: &[&str], name: &str| names.iter().any(|listed| listed.trim_start_matches("CAP_") == name);
    let mut set = if has(drop, "ALL") { 0 } else { RUNTIMES_CAPABILITIES };
    for (name, number) in numbers {
        if has(drop, name) {
            set &= !(1 << number);
        }
        if has(add, name) || has(add, "ALL") {
            set |= 1 << number;
        }
    }
    CapSet(set)
}

fn ids(report: &Report, facts: &mut Facts) {
    let told = &report.facts;
    let uid = match told.number("run_as_user").and_then(|uid| u32::try_from(uid).ok()) {
        Some(uid) => uid,
        None if told.is("run_as_user", "arbitrary") => 1_000_660_000,
        None if told.is("image_variant", "rootful") => 0,
        None => 1000,
    };
    facts.process.uid = Fact::Known(uid);
    facts.sub_ids.uid = Fact::Known(uid);
    facts.tools.rootlesskit = Fact::Known("/usr/bin/rootlesskit".into());
    if told.is("run_as_user", "arbitrary") {
        (facts.sub_ids.uids, facts.sub_ids.gids) = (Fact::Absent, Fact::Absent);
    }
    if let Some(ranges) = told.list("subuid_ranges") {
        let range = |text: &&str| {
            text.split_once(':').and_then(|(start, length)| Some(SubId { start: start.parse().ok()?, length: length.parse().ok()? }))
        };
        let ranges: Vec<_> = ranges.iter().filter_map(range).collect();
        (facts.sub_ids.uids, facts.sub_ids.gids) = (Fact::Known(ranges.clone()), Fact::Known(ranges));
    }
    let has_stock =
        ["image", "buildkit_version", "image_variant"].iter().filter_map(|key| told.text(key)).any(|text| text.contains("rootless"));
    if has_stock && facts.sub_ids.uids.unreadable().is_some() && !told.has("run_as_user") {
        (facts.sub_ids.uids, facts.sub_ids.gids) = (Fact::Known(vec![SubId::STOCK]), Fact::Known(vec![SubId::STOCK]));
    }
    match told.text("helper_filecaps") {
        Some(state) => {
            (facts.newuidmap, facts.newgidmap) = (helper("newuidmap", state == "present"), helper("newgidmap", state == "present"))
        }
        None => {}
    }
    let map =
        |length: u64| Fact::Known(IdMap(vec![IdRange { inside: 0, outside: 100_000, length: u32::try_from(length).unwrap_or(u32::MAX) }]));
    match told.number("uid_map_size") {
        // The builder mapped its own ID alone.
        Some(1) => (facts.sub_ids.uids, facts.sub_ids.gids) = (Fact::Known(vec![]), Fact::Known(vec![])),
        Some(size) => (facts.process.uid_map, facts.process.gid_map) = (map(size), map(size)),
        // A rootless engine gives its containers the 65,536 IDs of its user, and that user's own.
        None if report.runtime.as_deref().is_some_and(|runtime| runtime.contains("(rootless)")) => {
            (facts.process.uid_map, facts.process.gid_map) = (map(65_537), map(65_537));
        }
        None => {}
    }
}

fn storage(told: &Told, facts: &mut Facts) {
    let state = &mut facts.state_dir;
    if let Some(path) = told.text("state_dir") {
        state.path = Fact::Known(path.to_owned());
    }
    if let Some(kind) = told.text("state_dir_fs") {
        state.file_system = Fact::Known(kind.to_owned());
    }
    if let Some(flags) = told.list("mount_flags") {
        let has = |flag: &str| flags.contains(&flag);
        state.flags = Fact::Known(MountFlags { read_only: has("ro"), nosuid: has("nosuid"), nodev: has("nodev"), noexec: has("noexec") });
    }
    // Docker's engine calls the first overlay2.
    let asked = told
        .list("snapshotter")
        .and_then(|names| names.first().and_then(|name| if *name == "overlay2" { "overlayfs" } else { name }.parse().ok()));
    let wants_fuse = told.has("dev_fuse") && !told.has("snapshotter");
    state.snapshotter = asked.or_else(|| wants_fuse.then(|| "fuse-overlayfs".parse().expect("a snapshotter")));
    facts.dev_fuse = match (told.text("dev_fuse"), told.text("fuse_module")) {
        (_, Some("not-loaded")) => Fact::Known(false),
        (Some("present"), _) => Fact::Known(true),
        (Some("absent"), _) => Fact::Absent,
        // The node's file without the runtime's leave to open it.
        (Some("hostpath"), _) => Fact::Known(false),
        _ => Fact::default(),
    };
}

/// The pod of the report as a manifest, for `check -f`: only what it tells.
pub(crate) fn manifest(report: &Report) -> Value {
    let told = &report.facts;
    let mut context = json!({});
    for (key, field) in [
        ("privileged", "privileged"),
        ("allow_privilege_escalation", "allowPrivilegeEscalation"),
        ("read_only_root_fs", "readOnlyRootFilesystem"),
    ] {
        if let Some(value) = told.flag(key) {
            context[field] = value.into();
        }
    }
    for (key, field) in [("seccomp", "seccompProfile"), ("apparmor", "appArmorProfile")] {
        match told.text(key) {
            Some("unconfined") => context[field] = json!({"type": "Unconfined"}),
            Some("runtime-default") => context[field] = json!({"type": "RuntimeDefault"}),
            _ => {}
        }
    }
    if let Some(mount) = told.text("proc_mount") {
        context["procMount"] = mount.into();
    }
    if let Some(uid) = told.number("run_as_user") {
        context["runAsUser"] = uid.into();
    }
    for (key, list) in [("caps_add", "add"), ("caps_drop", "drop")] {
        if let Some(names) = told.list(key) {
            context["capabilities"][list] = json!(names);
        }
    }
    let is_userns = told.flag("host_users") == Some(false) && !told.is("proc_mount", "Unmasked");
    if is_userns && !told.has("privileged") {
        context["privileged"] = true.into();
    }
    let image = match told.number("run_as_user") {
        Some(0) => "moby/buildkit:v0.33.1",
        None if is_userns || told.is("image_variant", "rootful") => "moby/buildkit:v0.33.1",
        None | Some(1000) => "moby/buildkit:v0.33.1-rootless",
        // An image of somebody's own, made for that user.
        Some(_) => "registry.example/builder:1",
    };
    let mut args = vec![];
    // As upstream's examples have it, where nobody tells.
    if told.flag("no_process_sandbox") != Some(false) {
        args.push("--oci-worker-no-process-sandbox");
    }
    let mut spec = json!({"containers": [{"name": "builder", "image": image, "args": args, "securityContext": context}]});
    if let Some(host_users) = told.flag("host_users") {
        spec["hostUsers"] = host_users.into();
    }
    let namespace = told.text("pod_security_level").map(|level| {
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "builds", "labels": {"pod-security.kubernetes.io/enforce": level}}})
    });
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "builder", "namespace": "builds"}, "spec": spec});
    json!({"apiVersion": "v1", "kind": "List", "items": namespace.into_iter().chain([pod]).collect::<Vec<_>>()})
}
