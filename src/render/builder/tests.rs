use super::*;
use crate::fact::Snapshotter;
use crate::node::Pool;
use crate::render::Localhost;
use serde_json::json;

fn options(profile: Profile) -> BuilderOptions {
    BuilderOptions { profile, ..BuilderOptions::default() }
}

fn size(text: &str) -> Quantity {
    text.parse().expect("a size")
}

fn tls() -> Tls {
    let pair = |name: &str| Pair { certificate: format!("certificate of {name}\n"), key: format!("key of {name}\n") };
    Tls { ca: "a CA\n".into(), server: pair("the daemon"), client: pair("a client"), until: "2028-11-29".into() }
}

fn object(options: &BuilderOptions, kind: &str) -> Value {
    let files = builder(options).expect("manifests").files;
    let mut all = files.iter().flat_map(|(file, text)| objects(file, text).expect("YAML"));
    all.find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().and_then(|list| list.iter().find(|one| one["name"] == name)).unwrap_or_else(|| panic!("no {name} in {list}"))
}

fn pod(options: &BuilderOptions) -> Value {
    builder_pod(options).expect("a pod")
}

fn text(options: &BuilderOptions) -> String {
    builder(options).expect("manifests").files.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn each_profile_has_its_shape() {
    let unconfined = json!({"type": "Unconfined"});
    let rootless = json!({"runAsUser": 1000, "runAsGroup": 1000, "seccompProfile": unconfined, "appArmorProfile": unconfined});
    let with = |object: &Value, key: &str, value: Value| {
        let mut object = object.clone();
        object[key] = value;
        object
    };
    let root = json!({"runAsUser": 0, "runAsGroup": 0, "privileged": true});
    for (profile, security, host_users) in [
        (Profile::NoProcessSandbox, rootless.clone(), true),
        (Profile::ProcMount, with(&rootless, "procMount", "Unmasked".into()), false),
        (Profile::Userns, root.clone(), false),
        (Profile::Baseline, json!({"runAsUser": 1000, "runAsGroup": 1000}), true),
        (Profile::Privileged, json!({"runAsUser": 1000, "runAsGroup": 1000, "privileged": true}), true),
        (Profile::Rootful, root, true),
    ] {
        let spec = &pod(&options(profile))["spec"];
        let container = &spec["containers"][0];
        assert_eq!((&container["securityContext"], &spec["hostUsers"]), (&security, &host_users.into()), "{profile}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{profile}");
        let args: Vec<_> = container["args"].as_array().expect("args").iter().filter_map(Value::as_str).collect();
        assert_eq!(args.contains(&"--oci-worker-no-process-sandbox"), !profile.plan().process_sandbox, "{profile}");
        let rootless = container["image"].as_str().expect("an image").ends_with("-rootless");
        let state = if rootless { "/home/user/.local/share/buildkit" } else { "/var/lib/buildkit" };
        assert_eq!((rootless, &container["volumeMounts"][0]["mountPath"]), (profile.uid() != 0, &state.into()), "{profile}");
        let wanted = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"];
        let (operator, value) = if profile.needs_proof() { ("In", "ready") } else { ("NotIn", "not-ready") };
        let key = format!("buildkit-preflight.dev/{profile}");
        assert_eq!(wanted, &json!([{"matchExpressions": [{"key": key, "operator": operator, "values": [value]}]}]), "{profile}");
    }
}

#[test]
fn every_placeholder_is_filled_and_every_choice_has_its_place() {
    for profile in Profile::ALL {
        let options = BuilderOptions {
            profile,
            namespace: Some("builds".into()),
            name: "b1".into(),
            image: Some("r.example/b:2".into()),
            prefix: "nodes.example.org".into(),
            pool: Some(Pool { key: "example.org/pool".into(), value: "1e3".into() }),
            replicas: 3,
            ids: 131_072,
            user: ImageUser { name: "build".into(), uid: 2000, gid: 100 },
            storage: Storage::Claim { size: size("20Gi"), class: Some("fast".into()) },
            config: Config { toml: Some("debug = true\n".into()), registry_ca: Some("a certificate\n".into()) },
            tls: Some(tls()),
            guard: Some("r.example/p:1".into()),
            snapshotter: Some(Snapshotter::Native),
            read_only_root: true,
            localhost: Localhost { seccomp: Some("a/b.json".into()), apparmor: Some("c".into()) },
        };
        let text = text(&options);
        assert!(!text.contains("{{") && !text.contains("buildkit-preflight.dev") && !text.contains("/home/user"), "{text}");
        for line in [
            "replicas: 3",
            "image: r.example/b:2",
            "namespace: builds",
            "name: b1",
            "app.kubernetes.io/name: b1",
            "- --oci-worker-snapshotter=native",
            "- --snapshotter=native",
        ] {
            assert!(text.contains(line), "{profile}: {line}");
        }
        assert_eq!(text.contains("runAsUser: 2000\n            runAsGroup: 100\n"), profile.uid() != 0, "{profile}");
        let affinity = "key: nodes.example.org/pod-ids\n                    operator: Gt\n                    values: [\"131071\"]";
        assert_eq!(text.contains(affinity), profile.has_pod_user_namespace(), "{profile}");
    }
}

#[test]
fn a_pool_is_required_and_what_the_agent_says_is_preferred() {
    for profile in Profile::ALL {
        let pool = Pool { key: "example.org/pool".into(), value: "1e3".into() };
        let wanted = BuilderOptions { ids: 131_072, ..options(profile) };
        let (without, with) = (pod(&wanted), pod(&BuilderOptions { pool: Some(pool), ..wanted.clone() }));
        let term = |pod: &Value| {
            pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].clone()
        };
        let preferred = json!([{"weight": 100, "preference": term(&without)[0]}]);
        let node = &with["spec"]["affinity"]["nodeAffinity"];
        assert_eq!(term(&with), json!([{"matchExpressions": [{"key": "example.org/pool", "operator": "In", "values": ["1e3"]}]}]));
        assert_eq!(node["preferredDuringSchedulingIgnoredDuringExecution"], preferred, "{profile}");
        // It waits until the taint is gone.
        assert_eq!(with["spec"]["tolerations"], Value::Null, "{profile}");
    }
}

#[test]
fn sub_id_files_are_made_where_the_images_own_do_not_fit() {
    let with = |ids, user: Option<ImageUser>| {
        let options = BuilderOptions { ids, user: user.unwrap_or_default(), ..options(Profile::ProcMount) };
        let mut built = builder(&options).expect("manifests");
        built.notes.retain(|note| !note.contains("--tls"));
        built
    };
    let file = |builder: &Builder| builder.files.iter().find(|(file, _)| *file == "sub-ids.yaml").map(|(_, text)| text.clone());
    let data = |builder: &Builder| -> Value { serde_saphyr::from_str(&file(builder).expect("a ConfigMap")).expect("YAML") };
    let usual = with(65_536, None);
    let ranges = "user:1:999\nuser:1001:64535\n";
    assert_eq!(data(&usual)["data"], json!({"subuid": ranges, "subgid": ranges}));
    assert!(usual.notes[0].contains("0 to 65534, nobody (65534) among them"), "{:?}", usual.notes);
    let larger = with(131_072, None);
    assert_eq!(data(&larger)["data"]["subuid"], "user:1:999\nuser:1001:130071\n");
    assert!(larger.notes.is_empty());
    for ids in [165_536, 196_608] {
        assert_eq!((file(&with(ids, None)), with(ids, None).notes.len()), (None, 0), "the image's own range fits");
    }
    assert!(file(&with(165_535, None)).is_some());
    let other = ImageUser { name: "build".into(), uid: 2000, gid: 100 };
    let other = data(&with(196_608, Some(other)));
    assert_eq!(other["data"], json!({"subuid": "build:1:1999\nbuild:2001:194607\n", "subgid": "build:1:99\nbuild:101:196507\n"}));
    assert!(with(65_000, None).notes[0].contains("neither nobody (65534) nor distroless's nonroot"));
    assert!(with(65_534, None).notes[0].contains("nonroot (65532) among them, but not nobody (65534)"));
    let outside = ImageUser { name: "build".into(), uid: 70_000, gid: 70_000 };
    assert!(builder(&BuilderOptions { user: outside, ..options(Profile::ProcMount) }).expect_err("no range").to_string().contains("70000"));
}

#[test]
fn only_the_profile_with_nested_ranges_has_them() {
    for profile in Profile::ALL {
        let built = builder(&options(profile)).expect("manifests");
        let mounts = pod(&options(profile))["spec"]["containers"][0]["volumeMounts"].as_array().map(Vec::len);
        let unpacked = built.notes.iter().filter(|note| note.contains("unpacked")).count();
        let expected = if profile == Profile::ProcMount { (4, Some(3), 1) } else { (3, Some(1), 0) };
        assert_eq!((built.files.len(), mounts, unpacked), expected, "{profile}");
    }
}

#[test]
fn a_claim_has_a_directory_of_the_builders_own() {
    let claim = |profile| BuilderOptions { storage: Storage::Claim { size: size("20Gi"), class: None }, ..options(profile) };
    for profile in Profile::ALL {
        let set = object(&claim(profile), "StatefulSet");
        let (spec, claims) = (&set["spec"]["template"]["spec"], &set["spec"]["volumeClaimTemplates"]);
        assert_eq!(claims[0]["spec"], json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}));
        let state = named(&spec["containers"][0]["volumeMounts"], "state");
        // Root may write anywhere, and fsGroup would give the claim's root the setgid bit.
        let is_rootless = profile.uid() != 0;
        assert_eq!(state["subPath"], if is_rootless { json!("buildkit") } else { Value::Null }, "{profile}");
        let group = json!({"fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch"});
        assert_eq!(spec["securityContext"], if is_rootless { group } else { Value::Null }, "{profile}");
        let first = &spec["initContainers"][0];
        assert_eq!(first["name"] == "state", is_rootless, "{profile}");
        if is_rootless {
            assert_eq!(
                (&first["securityContext"], &first["image"]),
                (&spec["containers"][0]["securityContext"], &spec["containers"][0]["image"])
            );
        }
    }
    let other = ImageUser { name: "build".into(), uid: 2000, gid: 100 };
    let storage = Storage::Claim { size: size("1Gi"), class: Some("true".into()) };
    let set = object(&BuilderOptions { user: other, storage, ..options(Profile::ProcMount) }, "StatefulSet");
    assert_eq!(set["spec"]["template"]["spec"]["securityContext"]["fsGroup"], 100);
    assert_eq!(set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"], "true");
}

#[test]
fn a_state_in_memory_is_asked_for() {
    let options = BuilderOptions { storage: Storage::Memory(size("4Gi")), ..options(Profile::NoProcessSandbox) };
    let spec = &pod(&options)["spec"];
    assert_eq!(named(&spec["volumes"], "state")["emptyDir"], json!({"medium": "Memory", "sizeLimit": "4Gi"}));
    assert_eq!(spec["containers"][0]["resources"]["requests"]["memory"], "4352Mi");
    assert!(builder(&options).expect("manifests").notes.iter().any(|note| note.contains("--memory-storage")));
}

#[test]
fn files_are_mounted_where_buildkitd_is_told_to_read_them() {
    let with = |toml: Option<&str>, registry_ca: Option<&str>| BuilderOptions {
        config: Config { toml: toml.map(str::to_owned), registry_ca: registry_ca.map(str::to_owned) },
        ..options(Profile::NoProcessSandbox)
    };
    let both = with(Some("a = 1\n"), Some("b\n"));
    assert_eq!(object(&both, "ConfigMap")["data"], json!({"buildkitd.toml": "a = 1\n", "registry-ca.crt": "b\n"}));
    let container = pod(&both)["spec"]["containers"][0].clone();
    assert!(
        container["args"].as_array().is_some_and(|args| args.contains(&json!("--config=/etc/buildkitd/buildkitd.toml"))),
        "{container}"
    );
    assert_eq!(container["env"], json!([{"name": "SSL_CERT_DIR", "value": "/etc/ssl/certs:/etc/buildkitd"}]));
    let checksum = |options: &BuilderOptions| pod(options)["metadata"]["annotations"]["checksum/config"].clone();
    // By hand: FNV-1a of `a = 1`, an end of line and 0xff.
    assert_eq!(checksum(&with(Some("a = 1\n"), None)), "261ed309fc442f63");
    let all = [with(None, None), with(Some("a"), None), with(None, Some("b")), with(Some("ab"), None), with(Some("a"), Some("b"))];
    for (at, one) in all.iter().enumerate() {
        let same = all.iter().filter(|other| checksum(other) == checksum(one)).count();
        assert_eq!((same, checksum(one).is_null()), (1, at == 0), "{:?}", one.config);
    }
}

#[test]
fn with_certificates_only_their_owners_are_let_in() {
    let open = options(Profile::NoProcessSandbox);
    let closed = BuilderOptions { tls: Some(tls()), ..open.clone() };
    let text = text(&closed);
    for secret in ["buildkit-daemon-certs", "buildkit-client-certs"] {
        assert!(text.contains(&format!("name: {secret}\n")), "{secret}");
    }
    assert_eq!(text.matches("key of the daemon").count(), 1);
    let spec = &pod(&closed)["spec"];
    assert_eq!(named(&spec["volumes"], "certificates")["secret"], json!({"secretName": "buildkit-daemon-certs", "defaultMode": 0o444}));
    assert_eq!(spec["securityContext"], Value::Null, "fsGroup would give the state's root the setgid bit");
    let container = &spec["containers"][0];
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert!(container[probe]["exec"].is_object() && pod(&open)["spec"]["containers"][0][probe]["grpc"].is_object(), "{probe}");
    }
    let from = |options| object(options, "NetworkPolicy")["spec"]["ingress"][0]["from"].clone();
    assert_eq!([from(&open), from(&closed)], [json!([{"podSelector": {}}]), json!([{"namespaceSelector": {}}])]);
    let notes = |options| builder(options).expect("manifests").notes;
    assert!(notes(&open)[0].contains("every client that reaches the builder's port can build") && notes(&closed).is_empty());
}

#[test]
fn the_guard_is_in_the_builders_own_place() {
    for profile in Profile::ALL {
        let storage = Storage::Claim { size: size("20Gi"), class: None };
        let options =
            BuilderOptions { read_only_root: true, tls: Some(tls()), storage, guard: Some("r.example/p:1".into()), ..options(profile) };
        let spec = &pod(&options)["spec"];
        let (guard, builder) = (named(&spec["initContainers"], "guard"), &spec["containers"][0]);
        assert_eq!(named(&spec["initContainers"], "guard-program")["image"], "r.example/p:1");
        for field in ["image", "securityContext", "env"] {
            assert_eq!(guard[field], builder[field], "{profile}: {field}");
        }
        let mut mounts = guard["volumeMounts"].as_array().expect("mounts").clone();
        mounts.retain(|mount| mount["name"] != "preflight");
        assert_eq!(&mounts, builder["volumeMounts"].as_array().expect("mounts"), "{profile}");
        assert_eq!(guard["args"], json!(["check", "--guard", format!("--profile={profile}")]));
        let last = spec["initContainers"].as_array().and_then(|all| all.last()).expect("init containers");
        assert_eq!(last["name"], "guard", "what comes before may prepare what it judges");
    }
    let none = pod(&BuilderOptions { guard: None, ..options(Profile::NoProcessSandbox) });
    assert_eq!((&none["spec"]["initContainers"], none["spec"]["volumes"].as_array().map(Vec::len)), (&Value::Null, Some(1)));
}

#[test]
fn a_read_only_root_has_volumes_where_a_builder_writes() {
    for (profile, places) in [
        (Profile::NoProcessSandbox, &["/home/user/.local/share/buildkit", "/run/user/1000", "/home/user/.local/tmp", "/tmp"][..]),
        (Profile::Rootful, &["/var/lib/buildkit", "/run", "/tmp"]),
    ] {
        let options = BuilderOptions { read_only_root: true, ..options(profile) };
        let spec = &pod(&options)["spec"];
        let container = &spec["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        let mounts = container["volumeMounts"].as_array().expect("mounts").iter();
        assert_eq!(mounts.map(|mount| mount["mountPath"].as_str().expect("a path")).collect::<Vec<_>>(), places, "{profile}");
        // Each mount has its volume.
        container["volumeMounts"].as_array().into_iter().flatten().for_each(|mount| {
            named(&spec["volumes"], mount["name"].as_str().expect("a name"));
        });
    }
}

#[test]
fn without_a_namespace_none_is_named() {
    let options = BuilderOptions {
        namespace: None,
        storage: Storage::Claim { size: size("1Gi"), class: None },
        tls: Some(tls()),
        ..options(Profile::ProcMount)
    };
    let text = text(&options);
    assert!(!text.contains("namespace: ") && !text.contains("kind: Namespace"), "{text}");
}

#[test]
fn who_takes_rootful_is_told_the_risk() {
    for profile in Profile::ALL {
        let built = builder(&options(profile)).expect("manifests");
        let told = built.notes.iter().any(|note| note.contains("at your own risk"));
        let written = built.files.iter().any(|(_, text)| text.contains("At your own risk"));
        assert_eq!((told, written), (profile == Profile::Rootful, profile == Profile::Rootful), "{profile}");
    }
}

#[test]
fn in_memory_buildkitd_is_told_to_copy_where_overlayfs_does_not_work() {
    let of = |profile, snapshotter| {
        text(&BuilderOptions { profile, storage: Storage::Memory(size("8Gi")), snapshotter, ..BuilderOptions::default() })
    };
    for profile in Profile::ALL.iter().copied() {
        let is_told = |name: &str, text: &str| {
            ["--oci-worker-snapshotter=", "--snapshotter="].map(|flag| text.contains(&format!("- {flag}{name}\n"))) == [true; 2]
        };
        assert_eq!(is_told("native", &of(profile, None)), profile != Profile::Rootful, "{profile}");
        assert!(is_told("fuse-overlayfs", &of(profile, Some(Snapshotter::FuseOverlayfs))), "{profile}");
    }
    assert!(!self::text(&BuilderOptions::default()).contains("snapshotter"), "on a disk buildkitd chooses");
}
