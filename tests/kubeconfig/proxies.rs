//! Proxies, of the environment and of a kubeconfig.

use crate::server::Server;
use crate::{is_refused, kubeconfig, preflight, written};
use std::path::Path;

const COMMANDS: [&[&str]; 3] = [&["cleanup"], &["check", "--cluster"], &["render", "builder", "--profile", "auto"]];

/// What each command says where there are no nodes, and pods are refused: all have come to the server.
fn comes_through(command: &[&str], path: &Path, environment: &[(&str, &str)]) {
    let run = preflight(command).arg("--kubeconfig").arg(path).envs(environment.iter().copied()).assert();
    let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(!error.contains("could not be reached"), "{command:?} {environment:?}: {error}");
    run.code(match command[0] {
        "cleanup" => 0,
        "check" => 4,
        _ => 1,
    });
}

#[test]
fn a_proxy_of_the_environment_is_used_for_other_machines_alone() {
    let api = Server::empty();
    let proxy = Server::connect_proxy(api.address, None);
    let url = format!("http://{}", proxy.address);
    let (far, near) =
        (written(&kubeconfig("server: http://api.test:6443", "")), written(&kubeconfig(&format!("server: http://{}", api.address), "")));
    for command in COMMANDS {
        for name in ["HTTP_PROXY", "http_proxy"] {
            let before = proxy.count();
            comes_through(command, &far.path().join("config"), &[(name, &url), ("NO_PROXY", "other.test,10.0.0.0/8")]);
            assert!(proxy.count() > before, "{command:?} goes through the proxy");
            let before = proxy.count();
            comes_through(command, &near.path().join("config"), &[(name, &url), ("HTTPS_PROXY", &url)]);
            assert_eq!(proxy.count(), before, "{command:?}: this machine is reached without");
            for no_proxy in ["NO_PROXY", "no_proxy"] {
                let run =
                    preflight(command).arg("--kubeconfig").arg(far.path().join("config")).env(name, &url).env(no_proxy, ".test").assert();
                is_refused(run, "http://api.test:6443");
                assert_eq!(proxy.count(), before, "{command:?}: {no_proxy} counts");
            }
        }
    }
    let run = preflight(&["cleanup", "--kubeconfig"]).arg(far.path().join("config")).env("HTTP_PROXY", "http://p:x").assert();
    is_refused(run, "the environment's HTTP_PROXY: ");
}

#[test]
fn a_kubeconfig_names_a_proxy_of_each_kind() {
    let api = Server::empty();
    let with_user = Server::connect_proxy(api.address, Some("Basic dTpwQA=="));
    let (plain, socks) = (Server::connect_proxy(api.address, None), Server::socks_proxy(api.address));
    for (proxy, url) in [
        (&plain, format!("http://{}", plain.address)),
        (&with_user, format!("http://u:p%40@{}", with_user.address)),
        (&socks, format!("socks5://{}", socks.address)),
    ] {
        for server in ["http://api.test:6443", "http://127.0.0.1:1", "http://[::1]:1"] {
            let dir = written(&kubeconfig(&format!("server: '{server}'\nproxy-url: '{url}'"), ""));
            for command in COMMANDS {
                let before = proxy.count();
                comes_through(command, &dir.path().join("config"), &[("NO_PROXY", "*")]);
                assert!(proxy.count() > before, "{command:?} {server} {url}");
            }
        }
    }
    let wrong = written(&kubeconfig(&format!("server: http://api.test\nproxy-url: http://{}", with_user.address), ""));
    is_refused(preflight(&["cleanup", "--kubeconfig"]).arg(wrong.path().join("config")).assert(), "proxy authorization required");
    let dead = written(&kubeconfig("server: http://api.test\nproxy-url: http://u:secret@127.0.0.1:1", ""));
    let run = preflight(&["cleanup", "--kubeconfig"]).arg(dead.path().join("config")).assert();
    assert!(!String::from_utf8_lossy(&run.get_output().stderr).contains("secret"));
    is_refused(run, "through the proxy http://127.0.0.1:1)");
}
