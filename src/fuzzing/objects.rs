//! Objects and arguments of people.

use super::is_shown;
use crate::api;
use crate::build::{read_build, read_template};
use crate::cli::{names, values};
use crate::pod::{builders, workloads};
use crate::text::{is_harmless, quoted};
use clap::Command;
use clap::builder::TypedValueParser;
use std::ffi::OsStr;

pub(super) fn kubeconfig(bytes: &[u8]) {
    match api::kubeconfig_server(bytes) {
        Ok(server) => assert!(server.starts_with("http") && is_harmless(&server), "{server:?}"),
        Err(why) => is_shown(why),
    }
}

pub(super) fn build(text: &str) {
    if let Err(invalid) = read_build("build.yaml", text) {
        is_shown(invalid.message);
    }
    if let Err(invalid) = read_template("template.yaml", text) {
        is_shown(invalid.message);
    }
}

/// Builders in objects, and that nothing is patched of which nothing was found.
pub(super) fn pod(text: &str) {
    let workloads = match workloads("pod.yaml", text) {
        Ok(workloads) => workloads,
        Err(invalid) => return is_shown(invalid.message),
    };
    for builder in builders(&workloads, None).into_iter().flatten() {
        let judged = builder.judge();
        assert!(judged.patch.is_none() || !judged.findings.is_empty(), "{judged:?}");
    }
}

pub(super) fn arguments(text: &str) {
    let command = Command::new("x");
    for time in [values::deadline(), values::agent_deadline(), values::build_time(), values::period()] {
        if let Ok(time) = time.parse_ref(&command, None, OsStr::new(text)) {
            assert!(time.as_secs() <= 7 * 24 * 3600 && !time.is_zero());
        }
    }
    for name in
        [names::node, names::prefix, names::namespace, names::own_namespace, names::service, names::address, names::localhost_profile]
    {
        match name(text) {
            Ok(name) => assert!(!name.is_empty() && quoted(&name) == name, "{name:?} needs quotes"),
            Err(why) => is_shown(why),
        }
    }
    let _ = (names::image_user(text), names::storage(text), names::pool(text), names::node_class(text));
    if !text.contains('\0') {
        assert_eq!(shlex::split(&quoted(text)), Some(vec![text.to_owned()]));
    }
}
