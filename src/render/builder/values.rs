//! What a builder's manifests are filled in with.

use super::config::{CONFIG_DIR, TOML, checksum};
use super::ids::SubIds;
use super::names::{self, PORT};
use super::options::BuilderOptions;
use super::pod::{self, CERTIFICATES, SUB_PATH};
use crate::fact::{Snapshotter, SubId};
use crate::fleet::{Requirement, requirements};
use crate::profile::Profile;
use crate::render::shape::{publisher, security};
use crate::render::sub_ids::LEAST_POD_IDS;
use crate::render::template::scalar;
use minijinja::context;

/// How long a pod that is told to end waits for its builds, in seconds.
const GRACE: u32 = 900;

pub(super) fn values(options: &BuilderOptions, sub_ids: Option<&SubIds>) -> minijinja::Value {
    let (profile, shape) = (options.profile, pod::shape(options));
    let ids = (options.ids > LEAST_POD_IDS).then_some(options.ids);
    let notes = [("procMount", "Each build step has a PID namespace of its own, with a fresh /proc.")];
    let lines = |ranges: fn(&SubIds) -> &[SubId]| sub_ids.map(|ids| options.user.lines(ranges(ids)));
    let [daemon_secret, client_secret] = names::secrets(&options.name);
    let state = shape.state.path.as_ref();
    let pod = context! {
        requirements => requirements(profile, ids).iter().map(|one| requirement(one, &options.prefix)).collect::<Vec<_>>(),
        pool => options.pool.as_ref().map(|pool| context! { key => pool.key.as_str(), value => scalar(&pool.value) }),
        proven => profile.needs_proof(),
        privileged => shape.privileged,
        pod_security => pod_security(profile),
        at_own_risk => profile == Profile::Rootful,
        host_users => shape.host_users,
        process_sandbox => shape.process_sandbox,
        security => security(&shape, &notes),
        guard_security => security(&publisher(profile), &[]),
        socket => format!("unix://{}/buildkitd.sock", shape.runtime.path),
        mounts => pod::mounts(options, state, sub_ids.is_some()),
        scratch => pod::scratch(options),
        fs_group => pod::fs_group(options),
        sub_path => SUB_PATH,
        state_dir => state,
        names_state_dir => state != profile.shape().state.path,
    };
    context! {
        name => options.name.as_str(),
        namespace => options.namespace.as_deref(),
        profile => profile.id(),
        image => options.image.as_deref().unwrap_or_else(|| names::stock_image(!pod::is_rootless(options))),
        guard => options.guard.as_deref(),
        snapshotter => options.told_snapshotter().map(Snapshotter::id),
        replicas => options.replicas,
        service_port => PORT,
        grace => GRACE,
        access_modes => ["ReadWriteOnce"],
        port => PORT,
        claim => options.storage.claim(),
        in_memory => options.storage.memory(),
        memory => options.storage.request(),
        config => !options.config.is_empty(),
        toml => options.config.toml.as_deref(),
        registry_ca => options.config.registry_ca.as_deref(),
        config_dir => CONFIG_DIR,
        toml_file => TOML,
        checksum => checksum(&options.config, options.tls.as_ref()),
        tls => options.tls.as_ref().map(|tls| context! {
            ca => tls.ca.as_str(),
            until => tls.until.as_str(),
            server_certificate => tls.server.certificate.as_str(),
            server_key => tls.server.key.as_str(),
            client_certificate => tls.client.certificate.as_str(),
            client_key => tls.client.key.as_str(),
        }),
        certificates => CERTIFICATES,
        daemon_secret,
        client_secret,
        ids => options.ids,
        sub_ids => sub_ids.is_some(),
        sub_uids => lines(|ids| &ids.uids),
        sub_gids => lines(|ids| &ids.gids),
        ..pod
    }
}

/// The level of Pod Security that admits its pod.
fn pod_security(profile: Profile) -> &'static str {
    if profile.asked().unconfined { "privileged" } else { "baseline" }
}

/// One of `matchExpressions`. Its values are texts, numbers too.
fn requirement(requirement: &Requirement, prefix: &str) -> minijinja::Value {
    let value = scalar(&requirement.value);
    context! { key => requirement.key.with(prefix), operator => requirement.operator.to_string(), value }
}
