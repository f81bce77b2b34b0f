//! buildctl's command line: made, and looked at.

mod check;
mod csv;
mod options;

pub(super) use check::{Fault, check};
pub use options::{BuildOptions, secret_id};

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

/// The files of a directory with certificates, as cert-manager names them, and buildctl's options for them.
const TLS: [(&str, &str); 3] = [("--tlscacert", "ca.crt"), ("--tlscert", "tls.crt"), ("--tlskey", "tls.key")];

/// The arguments of buildctl, without its own name.
pub fn buildctl(options: &BuildOptions, context: &Context) -> Vec<String> {
    let mut words = vec![format!("--addr={}", options.builder)];
    if let Some(directory) = &context.tls {
        words.extend(TLS.map(|(option, file)| format!("{option}={directory}/{file}")));
    }
    words.extend(["build", "--progress=plain", "--frontend=dockerfile.v0"].map(str::to_owned));
    let mut pair = |option: &str, value: String| words.extend([option.to_owned(), value]);
    pair("--local", format!("context={}", context.directory));
    pair("--local", format!("dockerfile={}", context.directory));
    pair("--opt", format!("filename={}", options.dockerfile));
    options.target.iter().for_each(|target| pair("--opt", format!("target={target}")));
    if !options.platforms.is_empty() {
        pair("--opt", format!("platform={}", options.platforms.join(",")));
    }
    options.build_args.iter().for_each(|(name, value)| pair("--opt", format!("build-arg:{name}={value}")));
    context.secrets.iter().for_each(|(id, file)| pair("--secret", csv::record(&[format!("id={id}"), format!("src={file}")])));
    options.cache_from.iter().for_each(|from| pair("--import-cache", cache(from)));
    options.cache_to.iter().for_each(|to| pair("--export-cache", cache(to)));
    let push = options.push.then(|| "push=true".to_owned());
    let output = ["type=image".to_owned(), format!("name={}", options.image)].into_iter().chain(push).collect::<Vec<_>>();
    pair("--output", csv::record(&output));
    pair("--metadata-file", context.metadata.clone());
    words
}

/// A cache as buildctl has it.
fn cache(text: &str) -> String {
    match text {
        "inline" => "type=inline".into(),
        image if !image.contains('=') => format!("type=registry,ref={image}"),
        whole => whole.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_words() {
        let options = BuildOptions {
            image: "r.example/a".into(),
            dockerfile: "./b/Dockerfile".into(),
            build_args: vec![("A".into(), "x y=z".into()), ("B".into(), String::new())],
            target: Some("run".into()),
            platforms: vec!["linux/amd64".into(), "linux/arm64".into()],
            cache_from: vec!["r.example/c".into(), "type=gha".into()],
            cache_to: vec!["inline".into()],
            push: true,
            builder: "tcp://b:1234".into(),
        };
        let context = Context {
            directory: ".".into(),
            tls: Some("/tls".into()),
            secrets: vec![("npm".into(), "/a,b".into())],
            metadata: "/m.json".into(),
        };
        let words = [
            "--addr=tcp://b:1234",
            "--tlscacert=/tls/ca.crt",
            "--tlscert=/tls/tls.crt",
            "--tlskey=/tls/tls.key",
            "build",
            "--progress=plain",
            "--frontend=dockerfile.v0",
            "--local",
            "context=.",
            "--local",
            "dockerfile=.",
            "--opt",
            "filename=./b/Dockerfile",
            "--opt",
            "target=run",
            "--opt",
            "platform=linux/amd64,linux/arm64",
            "--opt",
            "build-arg:A=x y=z",
            "--opt",
            "build-arg:B=",
            "--secret",
            "id=npm,\"src=/a,b\"",
            "--import-cache",
            "type=registry,ref=r.example/c",
            "--import-cache",
            "type=gha",
            "--export-cache",
            "type=inline",
            "--output",
            "type=image,name=r.example/a,push=true",
            "--metadata-file",
            "/m.json",
        ];
        assert_eq!(buildctl(&options, &context), words);
        let bare = Context { tls: None, secrets: Vec::new(), ..context };
        let least = BuildOptions {
            build_args: Vec::new(),
            target: None,
            platforms: Vec::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            push: false,
            ..options
        };
        let words = buildctl(&least, &bare).join(" ");
        assert!(words.ends_with("--opt filename=./b/Dockerfile --output type=image,name=r.example/a --metadata-file /m.json"), "{words}");
        assert!(!words.contains("tls") && !words.contains("push"), "{words}");
    }
}
