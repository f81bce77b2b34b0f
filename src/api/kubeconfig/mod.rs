//! The way to an API server that a kubeconfig says: as client-go would understand it, and else an error that names the field.
//!
//! kube reads the YAML and makes the TLS; all that it would read, run or take for granted on the way is read, run and looked at
//! here first, since it waits without end, takes any amount, and panics where a header or a URL can't be made.

mod exec;
mod files;
mod no_proxy;
mod proxy;
mod service;
mod tls;
mod user;

use super::server::Server;
use super::url::Url;
use files::Source;
use kube::config::{Cluster, Context};
use std::path::Path;
use std::time::Duration;

/// How many names of contexts a message lists.
const NAMED: usize = 10;

/// Makes a client of the server that a context names. `connect` is how long a connection may take to be made.
///
/// # Errors
/// What is wrong, with the file's name and the field.
pub(super) async fn connect(path: Option<&Path>, context: Option<&str>, connect: Duration) -> Result<Server, String> {
    let source = files::read(path)?;
    let wrong = |why: String| format!("{}: {why}", source.name);
    let (context_name, context) = self::context(&source, context).map_err(wrong)?;
    let cluster_name = &context.cluster;
    let cluster = source.config.clusters.iter().find(|cluster| cluster.name == *cluster_name).and_then(|named| named.cluster.as_ref());
    let cluster = cluster
        .ok_or_else(|| wrong(format!("contexts[{context_name}].context.cluster names {cluster_name:?}, which is not in clusters")))?;
    let of_cluster = |field: &str, why: String| wrong(format!("clusters[{cluster_name}].cluster.{field}: {why}"));
    // client-go takes a user that is not there for nobody.
    let user_name = context.user.as_deref().unwrap_or_default();
    let user =
        source.config.auth_infos.iter().find(|user| user.name == user_name).and_then(|named| named.auth_info.clone()).unwrap_or_default();

    let authority = tls::authority(cluster).map_err(|(field, why)| of_cluster(field, why))?;
    let url = url(cluster, authority.is_some() || tls::has_certificate(&user)).map_err(|why| of_cluster("server", why))?;
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let proxy = proxy::of(cluster.proxy_url.as_deref(), &url, variable).map_err(|(named, why)| match named {
        proxy::By::Kubeconfig => of_cluster("proxy-url", why),
        proxy::By::Variable(name) => format!("the environment's {name}: {why}"),
    })?;
    let for_plugin = tls::for_plugin(cluster, authority.as_ref());
    let user = user::of(&user, &for_plugin).await.map_err(|(field, why)| wrong(format!("users[{user_name}].user.{field}: {why}")))?;
    let config = tls::config(cluster, url.is_https(), authority, user.identity.as_ref(), connect).map_err(|at| match at {
        tls::Wrong::Cluster(field, why) => of_cluster(field, why),
        tls::Wrong::Identity(why) => {
            let field = user.identity.as_ref().map_or("client-certificate", |identity| identity.field);
            wrong(format!("users[{user_name}].user.{field}: {why}"))
        }
    })?;

    let through = proxy.as_ref().map(|proxy| format!(", through the proxy {proxy}")).unwrap_or_default();
    let name = format!("{url} (context {context_name} of {}{through})", source.name);
    let namespace = context.namespace.clone().filter(|namespace| !namespace.is_empty()).unwrap_or_else(|| "default".to_owned());
    let service = service::Service::new(url, proxy.as_ref(), &config, user.authorization, user.headers).map_err(wrong)?;
    Ok(Server::new(kube::Client::new(service, namespace), crate::text::plain(&name, NAME))
        .of_cluster(&crate::text::plain(cluster_name, NAME)))
}

/// The longest name of a server, in characters: a URL, a file and a context may each be of any length.
const NAME: usize = 300;

/// The context that was asked for, else the current one.
fn context<'a>(source: &'a Source, asked: Option<&'a str>) -> Result<(&'a str, &'a Context), String> {
    let contexts = &source.config.contexts;
    let there = || match contexts.as_slice() {
        [] => "it has no contexts, so it is empty or not a kubeconfig".to_owned(),
        some => {
            let names: Vec<_> = some.iter().take(NAMED).map(|context| context.name.as_str()).collect();
            let more = if some.len() > NAMED { ", ..." } else { "" };
            format!("the kubeconfig has {}{more}", names.join(", "))
        }
    };
    let current = source.config.current_context.as_deref().filter(|name| !name.is_empty());
    let name = asked.or(current).ok_or_else(|| match contexts.as_slice() {
        [] => there(),
        _ => format!("current-context is not set; name a context with --context: {}", there()),
    })?;
    let found = contexts.iter().find(|context| context.name == name).and_then(|named| named.context.as_ref());
    found.map(|context| (name, context)).ok_or_else(|| format!("there is no context {name:?}: {}", there()))
}

/// Where the cluster's API server is.
fn url(cluster: &Cluster, has_certificates: bool) -> Result<Url, String> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty()).ok_or("the field is missing, or empty")?;
    Url::new(server, has_certificates || cluster.insecure_skip_tls_verify == Some(true)).map_err(|why| format!("{server:?}: {why}"))
}

/// The server and the proxy that a kubeconfig's text names. No other file is read, nothing is run.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn server(bytes: &[u8]) -> Result<String, String> {
    let source = Source { name: "kubeconfig".to_owned(), config: files::parse(Path::new("kubeconfig"), bytes)? };
    let (_, context) = context(&source, None)?;
    let cluster = source.config.clusters.iter().find(|cluster| cluster.name == context.cluster).and_then(|named| named.cluster.as_ref());
    let cluster = cluster.ok_or("there is no such cluster")?;
    let url = url(cluster, cluster.certificate_authority_data.is_some())?;
    let proxy = proxy::of(cluster.proxy_url.as_deref(), &url, |_| cluster.tls_server_name.clone()).map_err(|(_, why)| why)?;
    Ok(format!("{url} {}", proxy.map(|proxy| proxy.to_string()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// What may stand in a field: something like a URL or a header, or anything.
    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![
            3 => "((https?|socks5)://)?[\\[\\]:@/?#%a-z0-9. ]{0,20}".prop_map(Value::from),
            2 => any::<String>().prop_map(Value::from),
            1 => Just(Value::Null),
            1 => any::<i64>().prop_map(Value::from),
        ]
    }

    /// A kubeconfig whose fields hold anything, but for a command.
    fn kubeconfig() -> impl Strategy<Value = Value> {
        let cluster = ["server", "tls-server-name", "proxy-url", "certificate-authority", "certificate-authority-data"];
        let user = [
            "token",
            "tokenFile",
            "username",
            "password",
            "client-certificate",
            "client-certificate-data",
            "client-key",
            "client-key-data",
        ];
        let user = [user.as_slice(), &["as", "as-uid"]].concat();
        let fields = |names: Vec<&'static str>| {
            prop::collection::hash_map(prop::sample::select(names), text(), 0..4).prop_map(|fields| json!(fields))
        };
        (fields(cluster.to_vec()), fields(user), text(), any::<bool>()).prop_map(|(mut cluster, user, name, insecure)| {
            if insecure {
                cluster["insecure-skip-tls-verify"] = true.into();
            }
            json!({
                "current-context": name,
                "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": name}}],
                "clusters": [{"name": name, "cluster": cluster}],
                "users": [{"name": name, "user": user}],
            })
        })
    }

    fn try_to_connect(text: &[u8]) {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        std::fs::write(file.path(), text).expect("write");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connected = runtime.block_on(connect(Some(file.path()), None, Duration::from_secs(1)));
        // Whatever it is, it says in which file.
        assert!(connected.err().is_none_or(|why| why.contains(&file.path().display().to_string()) || why.contains("environment")));
    }

    proptest! {
        #[test]
        fn any_kubeconfig_is_a_way_or_refused(kubeconfig in kubeconfig()) {
            try_to_connect(kubeconfig.to_string().as_bytes());
        }

        #[test]
        fn any_file_is_a_kubeconfig_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[a-c:\\[\\]{}&*!|>'\"\\\\ ,\n-]{0,40}") {
            try_to_connect(&bytes);
            try_to_connect(text.as_bytes());
        }
    }
}
