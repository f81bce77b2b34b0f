//! What buildkitd is told in files.

use super::tls::Tls;

/// What buildkitd is told in files: one ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `buildkitd.toml`.
    pub toml: Option<String>,
    /// Certificates, in PEM, of those who vouch for registries.
    pub registry_ca: Option<String>,
}

/// Where the files are.
pub(in crate::render) const CONFIG_DIR: &str = "/etc/buildkitd";

/// What buildkitd's file is called there.
pub(super) const TOML: &str = "buildkitd.toml";

impl Config {
    /// Whether there is anything to tell.
    pub(super) fn is_empty(&self) -> bool {
        *self == Config::default()
    }
}

/// A number that changes with what buildkitd reads at its start only, so that its pods are made anew. It guards against nothing
/// (FNV-1a: it must be the same in each run and for ever).
pub(super) fn checksum(config: &Config, tls: Option<&Tls>) -> Option<String> {
    let tls = tls.map(|tls| [&tls.ca, &tls.server.certificate]);
    let texts = [&config.toml, &config.registry_ca].into_iter().flatten().chain(tls.into_iter().flatten());
    let texts: Vec<_> = texts.map(|text| text.as_bytes()).collect();
    // 0xff is no part of a text, and divides them.
    let bytes = texts.iter().flat_map(|text| text.iter().chain([&0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    (!texts.is_empty()).then(|| format!("{hash:016x}"))
}
