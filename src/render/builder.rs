//! A builder's manifests.

use super::Error;
use super::shape::security;
use super::sub_ids::{self, LEAST_POD_IDS, NoRange};
use super::template::{Templates, objects, scalar};
use crate::fact::{self, SubId};
use crate::fleet::{Requirement, requirements};
use crate::node::DEFAULT_PREFIX;
use crate::profile::{BUILDER_UID, Directory, Profile, Shape};
use minijinja::context;
use serde_json::Value;

/// What a user may choose of a builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuilderOptions {
    /// The way to run buildkitd.
    pub profile: Profile,
    /// Where it lives.
    pub namespace: String,
    /// What Deployment, Service and NetworkPolicy are called.
    pub name: String,
    /// Another image than upstream's for the profile.
    pub image: Option<String>,
    /// The prefix of the nodes' labels.
    pub prefix: String,
    /// How many pods.
    pub replicas: u32,
    /// How many IDs the user namespace of its pod must have.
    pub ids: u32,
    /// Who a rootless image runs as.
    pub user: ImageUser,
}

/// A user in an image's /etc/passwd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUser {
    /// The name; its home is below /home.
    pub name: String,
    /// The ID.
    pub uid: u32,
    /// The ID of its group.
    pub gid: u32,
}

impl Default for ImageUser {
    /// As in `moby/buildkit:rootless`.
    fn default() -> Self {
        ImageUser { name: "user".into(), uid: BUILDER_UID, gid: BUILDER_UID }
    }
}

impl ImageUser {
    /// The lines of /etc/subuid or /etc/subgid that give it these ranges.
    pub(super) fn lines(&self, ranges: &[SubId]) -> Vec<String> {
        ranges.iter().map(|range| format!("{}:{range}", self.name)).collect()
    }
}

impl Default for BuilderOptions {
    fn default() -> Self {
        BuilderOptions {
            profile: Profile::NoProcessSandbox,
            namespace: "buildkit".into(),
            name: "buildkitd".into(),
            image: None,
            prefix: DEFAULT_PREFIX.into(),
            replicas: 1,
            ids: LEAST_POD_IDS,
            user: ImageUser::default(),
        }
    }
}

/// Upstream's image; the rootless one has `-rootless` behind it.
pub(super) const IMAGE: &str = "docker.io/moby/buildkit:v0.34.2";

/// Where buildkitd takes orders over the network.
const PORT: u16 = 1234;

/// The file of the builder's pod.
const DEPLOYMENT: &str = "buildkitd.yaml";

/// The list of those files, for kustomize.
pub const BUILDER_KUSTOMIZATION: &str = include_str!("builder/kustomization.yaml");

/// A builder's manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// By file, in the order in which they are to be made.
    pub files: Vec<(&'static str, String)>,
    /// What its user should know.
    pub notes: Vec<String>,
}

/// The ranges of subordinate IDs that a builder's pod needs files for.
struct SubIds {
    uids: Vec<SubId>,
    gids: Vec<SubId>,
}

impl SubIds {
    /// None where the image's own files do.
    fn of(options: &BuilderOptions) -> Result<Option<Self>, NoRange> {
        // Of another user's image nobody knows what its files say.
        let stock = SubId::STOCK.start + SubId::STOCK.length;
        let image_fits = options.user == ImageUser::default() && u64::from(options.ids) >= stock;
        if !options.profile.has_nested_ids() || image_fits {
            return Ok(None);
        }
        let ranges = |own| sub_ids::ranges(options.ids, own);
        Ok(Some(SubIds { uids: ranges(options.user.uid)?, gids: ranges(options.user.gid)? }))
    }

    /// The highest ID of a build step's files.
    fn highest(&self) -> u64 {
        sub_ids::mapped(&self.uids).min(sub_ids::mapped(&self.gids)) - 1
    }
}

/// A builder's manifests.
///
/// # Errors
/// Says why no range of IDs fits, or which template is wrong.
pub fn builder(options: &BuilderOptions) -> Result<Builder, Error> {
    let sub_ids = SubIds::of(options)?;
    let (templates, values) = (Templates::new()?, values(options, sub_ids.as_ref()));
    let mut names = vec!["builder/namespace.yaml", "builder/buildkitd.yaml", "builder/network-policy.yaml"];
    if sub_ids.is_some() {
        names.insert(1, "builder/sub-ids.yaml");
    }
    let file = |name: &'static str| Ok((name.trim_start_matches("builder/"), templates.manifest(name, &values)?));
    let files = names.into_iter().map(file).collect::<Result<_, Error>>()?;
    Ok(Builder { files, notes: sub_ids.iter().filter_map(note).collect() })
}

/// What images can't be unpacked.
fn note(ids: &SubIds) -> Option<String> {
    let (highest, missing) = (ids.highest(), ids.highest() + 1);
    (missing < LEAST_POD_IDS.into()).then(|| {
        let who = match highest {
            65_534.. => "nobody (65534) among them",
            65_532.. => "distroless's nonroot (65532) among them, but not nobody (65534)",
            _ => "neither nobody (65534) nor distroless's nonroot (65532) among them",
        };
        format!(
            "build steps have the IDs 0 to {highest}, {who}. An image with files of user or group {missing} or above can't be unpacked (lchown: invalid argument)"
        )
    })
}

/// The pod that these manifests lead to, as an object.
///
/// # Errors
/// As [`builder`].
pub fn builder_pod(options: &BuilderOptions) -> Result<Value, Error> {
    let files = builder(options)?.files;
    let text = files.iter().find(|(file, _)| *file == DEPLOYMENT).map_or("", |(_, text)| text);
    let mut deployment = objects(DEPLOYMENT, text)?.into_iter().next().unwrap_or_default();
    let mut pod = deployment["spec"]["template"].take();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["generateName"] = format!("{}-", options.name).into();
    Ok(pod)
}

/// The shape of its pod: that of the profile, for the user of its image.
fn shape(options: &BuilderOptions) -> Shape {
    let (shape, user) = (options.profile.shape().clone(), &options.user);
    if options.profile.row().builder == fact::Builder::Rootful {
        return shape;
    }
    let directory = |path: String, storage| Directory { path: path.into(), storage };
    Shape {
        user: user.uid,
        group: user.gid,
        state: directory(format!("/home/{}/.local/share/buildkit", user.name), shape.state.storage),
        runtime: directory(format!("/run/user/{}/buildkit", user.uid), shape.runtime.storage),
        ..shape
    }
}

fn values(options: &BuilderOptions, sub_ids: Option<&SubIds>) -> minijinja::Value {
    let (profile, shape) = (options.profile, shape(options));
    let stock = if profile.row().builder == fact::Builder::Rootful { IMAGE.into() } else { format!("{IMAGE}-rootless") };
    let ids = (options.ids > LEAST_POD_IDS).then_some(options.ids);
    let notes = [("procMount", "Each build step has a PID namespace of its own, with a fresh /proc.")];
    let lines = |ranges: fn(&SubIds) -> &[SubId]| sub_ids.map(|ids| options.user.lines(ranges(ids)));
    context! {
        name => options.name.as_str(),
        namespace => options.namespace.as_str(),
        image => options.image.as_deref().unwrap_or(&stock),
        replicas => options.replicas,
        port => PORT,
        proven => profile.is_proven_by_a_pod(),
        requirements => requirements(profile, ids).iter().map(|one| requirement(one, &options.prefix)).collect::<Vec<_>>(),
        privileged => shape.privileged,
        host_users => shape.host_users,
        process_sandbox => shape.process_sandbox,
        security => security(&shape, &notes),
        run_dir => shape.runtime.path.as_ref(),
        state_dir => shape.state.path.as_ref(),
        ids => options.ids,
        sub_ids => sub_ids.is_some(),
        sub_uids => lines(|ids| &ids.uids),
        sub_gids => lines(|ids| &ids.gids),
    }
}

/// One of `matchExpressions`. Its values are texts, numbers too.
fn requirement(requirement: &Requirement, prefix: &str) -> minijinja::Value {
    let value = scalar(&requirement.value);
    context! { key => requirement.key.with(prefix), operator => requirement.operator.to_string(), value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(profile: Profile) -> BuilderOptions {
        BuilderOptions { profile, ..BuilderOptions::default() }
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
            let (operator, value) = if profile.is_proven_by_a_pod() { ("In", "ready") } else { ("NotIn", "not-ready") };
            let key = format!("buildkit-preflight.dev/{profile}");
            assert_eq!(wanted, &json!([{"matchExpressions": [{"key": key, "operator": operator, "values": [value]}]}]), "{profile}");
        }
    }

    #[test]
    fn every_placeholder_is_filled_and_every_choice_has_its_place() {
        for profile in Profile::ALL {
            let options = BuilderOptions {
                profile,
                namespace: "builds".into(),
                name: "b1".into(),
                image: Some("r.example/b:2".into()),
                prefix: "nodes.example.org".into(),
                replicas: 3,
                ids: 131_072,
                user: ImageUser { name: "build".into(), uid: 2000, gid: 100 },
            };
            let text = text(&options);
            assert!(!text.contains("{{") && !text.contains("buildkit-preflight.dev") && !text.contains("/home/user"), "{text}");
            for line in ["replicas: 3", "image: r.example/b:2", "namespace: builds", "name: b1", "app.kubernetes.io/name: b1"] {
                assert!(text.contains(line), "{profile}: {line}");
            }
            assert_eq!(text.contains("runAsUser: 2000\n            runAsGroup: 100\n"), profile.uid() != 0, "{profile}");
            let affinity = "key: nodes.example.org/pod-ids\n                    operator: Gt\n                    values: [\"131071\"]";
            assert_eq!(text.contains(affinity), profile.has_pod_user_namespace(), "{profile}");
        }
    }

    #[test]
    fn sub_id_files_are_made_where_the_images_own_do_not_fit() {
        let with = |ids, user: Option<ImageUser>| {
            let options = BuilderOptions { ids, user: user.unwrap_or_default(), ..options(Profile::ProcMount) };
            builder(&options).expect("manifests")
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
        assert!(
            builder(&BuilderOptions { user: outside, ..options(Profile::ProcMount) }).expect_err("no range").to_string().contains("70000")
        );
    }

    #[test]
    fn only_the_profile_with_nested_ranges_has_them() {
        for profile in Profile::ALL {
            let built = builder(&options(profile)).expect("manifests");
            let mounts = pod(&options(profile))["spec"]["containers"][0]["volumeMounts"].as_array().map(Vec::len);
            let expected = if profile == Profile::ProcMount { (4, Some(3), 1) } else { (3, Some(1), 0) };
            assert_eq!((built.files.len(), mounts, built.notes.len()), expected, "{profile}");
        }
    }
}
