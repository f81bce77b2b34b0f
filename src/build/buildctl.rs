//! buildctl's command line: made, and looked at.

/// What is built, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// The name of the image.
    pub image: String,
    /// The Dockerfile below the context.
    pub dockerfile: String,
    /// Names and values of build arguments.
    pub build_args: Vec<(String, String)>,
    /// A stage of the Dockerfile.
    pub target: Option<String>,
    /// Platforms such as `linux/arm64`.
    pub platforms: Vec<String>,
    /// Caches to take from, as buildctl has them: `type=registry,ref=...`; a plain image is one of a registry.
    pub cache_from: Vec<String>,
    /// Caches to write to, likewise.
    pub cache_to: Vec<String>,
    /// Whether the image is pushed.
    pub push: bool,
    /// The builder: `tcp://buildkitd:1234`.
    pub builder: String,
}

/// What buildctl is told about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The directory that is sent.
    pub directory: String,
    /// The directory with `ca.crt`, `tls.crt` and `tls.key` for the builder.
    pub tls: Option<String>,
    /// IDs and files of secrets.
    pub secrets: Vec<(String, String)>,
    /// Where the digest is written.
    pub metadata: String,
}

/// The arguments of buildctl, without its own name.
pub fn buildctl(options: &BuildOptions, context: &Context) -> Vec<String> {
    todo!()
}
