//! Values of options that buildctl has too.

use super::Arguments;
use crate::build::{BuildOptions, secret_id};
use crate::cli::Error;
use crate::read::{Named, PATIENCE, file};
use std::path::PathBuf;

/// A Secret of the cluster has no more than a MiB, with all that is in it.
const LARGEST_SECRET: u64 = 512 * 1024;

/// A secret of a build, by its ID.
#[derive(Clone, Debug)]
pub(super) struct SecretOption {
    pub(super) id: String,
    source: SecretSource,
}

#[derive(Clone, Debug)]
enum SecretSource {
    File(PathBuf),
    Variable(String),
}

impl SecretOption {
    /// The file that has it, if one does.
    pub(super) fn file(&self) -> Option<String> {
        match &self.source {
            SecretSource::File(path) => Some(path.display().to_string()),
            SecretSource::Variable(_) => None,
        }
    }

    /// What is in it.
    pub(super) fn content(&self) -> Result<Vec<u8>, Error> {
        match &self.source {
            SecretSource::File(path) => Ok(file(Named::BuildSecret, path, LARGEST_SECRET, PATIENCE)?),
            SecretSource::Variable(name) => std::env::var_os(name).map(std::os::unix::ffi::OsStringExt::into_vec).ok_or_else(|| {
                let message = format!("--secret id={}: the environment has no variable {name}", self.id);
                Error::BadInput { message, hint: Some("export it, or name a file: `--secret id=ID,src=FILE`".into()) }
            }),
        }
    }
}

/// `id=ID,src=FILE`, `id=ID,env=VARIABLE`; with neither the file, or the variable, that is called as the ID is.
pub(super) fn secret(text: &str) -> Result<SecretOption, String> {
    const FORM: &str = "a secret is written id=ID,src=FILE or id=ID,env=VARIABLE";
    let (mut id, mut source) = (None, None);
    for part in text.split(',') {
        match part.split_once('=') {
            Some(("id", value)) if id.is_none() && !value.is_empty() => id = Some(value.to_owned()),
            Some(("src" | "source", value)) if source.is_none() && !value.is_empty() => source = Some(SecretSource::File(value.into())),
            Some(("env", value)) if source.is_none() && !value.is_empty() => source = Some(SecretSource::Variable(value.to_owned())),
            Some(("type", "file" | "env")) => {}
            _ => return Err(FORM.into()),
        }
    }
    let id = id.ok_or(FORM)?;
    secret_id(&id).map_err(|wrong| wrong.message)?;
    let source = source.unwrap_or_else(|| SecretSource::Variable(id.clone()));
    Ok(SecretOption { id, source })
}

/// `NAME=VALUE`, or `NAME` with the value that it has in the environment.
pub(super) fn build_arg(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c)) {
        return Err("a build argument is written NAME=VALUE".into());
    }
    let from_here = || std::env::var(name).map_err(|_| format!("the environment has no variable {name}: write {name}=VALUE"));
    Ok((name.to_owned(), value.map_or_else(from_here, Ok)?))
}

/// An address of buildctl that leads to a Service.
pub(super) fn builder(text: &str) -> Result<String, String> {
    service(text).map(|_| text.to_owned())
}

/// The Service of an address: its name, its namespace if it says one, and its port.
pub(super) fn service(address: &str) -> Result<(String, Option<String>, u16), String> {
    const FORM: &str = "the address of a builder is written tcp://SERVICE:PORT or tcp://SERVICE.NAMESPACE:PORT";
    let (host, port) = address.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':')).ok_or(FORM)?;
    let port: u16 = port.parse().map_err(|_| FORM)?;
    let host = host.strip_suffix(".cluster.local").unwrap_or(host);
    let host = host.strip_suffix(".svc").unwrap_or(host);
    let (name, namespace) = host.split_once('.').map_or((host, None), |(name, namespace)| (name, Some(namespace)));
    let name = crate::cli::names::service(name).map_err(|_| FORM)?;
    let namespace = namespace.map(crate::cli::names::namespace).transpose().map_err(|_| FORM)?;
    if port == 0 { Err(FORM.into()) } else { Ok((name, namespace, port)) }
}

impl Arguments {
    /// The image's name, which clap has asked for.
    pub(super) fn image(&self) -> &str {
        self.image.as_deref().unwrap_or_default()
    }

    /// What buildctl is to build.
    pub(super) fn options(&self) -> BuildOptions {
        BuildOptions {
            image: self.image().to_owned(),
            dockerfile: self.dockerfile.clone(),
            build_args: self.build_arg.clone(),
            target: self.target.clone(),
            platforms: self.platform.clone(),
            cache_from: self.cache_from.clone(),
            cache_to: self.cache_to.clone(),
            push: !self.no_push,
            builder: self.builder.clone(),
        }
    }

    /// The secrets of the build, with what is in them.
    pub(super) fn secrets(&self) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut all: Vec<(String, Vec<u8>)> = Vec::new();
        for secret in &self.secret {
            if all.iter().any(|(id, _)| *id == secret.id) {
                return Err(Error::BadInput { message: format!("--secret: {} is given twice", secret.id), hint: None });
            }
            all.push((secret.id.clone(), secret.content()?));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_a_service() {
        for (address, name, namespace) in [
            ("tcp://buildkitd:1234", "buildkitd", None),
            ("tcp://b.builds:1", "b", Some("builds")),
            ("tcp://b.builds.svc:1", "b", Some("builds")),
            ("tcp://b.builds.svc.cluster.local:1", "b", Some("builds")),
        ] {
            let (found, of, _) = service(address).expect(address);
            assert_eq!((found.as_str(), of.as_deref()), (name, namespace), "{address}");
        }
        for bad in [
            "",
            "buildkitd:1234",
            "tcp://buildkitd",
            "tcp://buildkitd:0",
            "tcp://10.0.0.1:1234",
            "unix:///run/x",
            "tcp://a.b.c:1",
            "tcp://b:99999",
        ] {
            assert!(service(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_a_file_or_a_variable() {
        assert!(matches!(secret("id=a,src=/x").expect("a secret").source, SecretSource::File(_)));
        assert!(matches!(secret("id=A_B,env=V,type=env").expect("a secret").source, SecretSource::Variable(_)));
        for bad in ["", "a", "id=", "id=a,src=", "src=/x", "id=a,src=x,env=y", "id=../x,src=y", "id=a b", "id=a,mode=1"] {
            assert!(secret(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_build_argument_has_a_name() {
        assert_eq!(build_arg("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(build_arg("A="), Ok(("A".into(), String::new())));
        for bad in ["", "=x", "a b=c", "NO_SUCH_VARIABLE_HERE"] {
            assert!(build_arg(bad).is_err(), "{bad}");
        }
    }
}
