//! What a cluster has once: etcd, API server, controllers, scheduler, DNS, the proxy for Services, and a registry.

use crate::api::Api;
use crate::certificates::Certificates;
use crate::image::tool;
use crate::processes::Processes;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The address of node1, on which the servers listen that pods use.
pub(crate) const ADDRESS: &str = "10.88.0.1";
pub(crate) const API_SERVER: &str = "kube-apiserver";
pub(crate) const OLD_API_SERVER: &str = "kube-apiserver-1.33";
pub(crate) const AUDIT_LOG: &str = "audit.log";

/// The addresses of Services.
const SERVICES: &str = "10.96.0.0/24";

/// All requests of service accounts and of people. The cluster's own parts talk much, and nobody asks about them.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ['system:serviceaccounts']}
- {level: None, users: ['system:anonymous', 'system:apiserver', 'system:kube-controller-manager', 'system:kube-scheduler', 'system:kube-proxy', 'coredns']}
- {level: None, userGroups: ['system:nodes']}
- {level: Metadata}
";

pub(crate) fn registry(processes: &Processes, dir: &Path) {
    let config = format!(
        "version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {}/registry}}}}
http: {{addr: '{}'}}
",
        dir.display(),
        crate::cluster::REGISTRY,
    );
    fs::write(dir.join("registry.yaml"), config).expect("write");
    processes.start("registry", "/usr/bin/docker-registry", ["serve".into(), dir.join("registry.yaml").into_os_string()]);
}

pub(crate) fn api_server(processes: &Processes, dir: &Path, certificates: &Certificates) {
    let etcd = dir.join("etcd").display().to_string();
    processes.start(
        "etcd",
        tool("etcd"),
        [
            "--data-dir",
            &etcd,
            "--unsafe-no-fsync",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
        ],
    );
    let policy = dir.join("audit-policy.yaml");
    fs::write(&policy, AUDIT_POLICY).expect("write");
    let file = |name: &str| certificates.text(name);
    processes.start(
        API_SERVER,
        tool("kube-apiserver"),
        [
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            format!("--service-cluster-ip-range={SERVICES}"),
            "--allow-privileged=true".to_owned(),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            format!("--advertise-address={ADDRESS}"),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("tokens.pub")),
            format!("--service-account-signing-key-file={}", file("tokens.key")),
            format!("--kubelet-client-certificate={}", file("admin.crt")),
            format!("--kubelet-client-key={}", file("admin.key")),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", dir.join(AUDIT_LOG).display()),
            // An entry is written before the answer is.
            "--audit-log-mode=blocking".to_owned(),
        ],
    );
}

/// One in which pod user namespaces can be switched off: from 1.36 on they can't. Its objects are its own.
pub(crate) fn old_api_server(processes: &Processes, certificates: &Certificates) {
    let file = |name: &str| certificates.text(name);
    processes.start(
        OLD_API_SERVER,
        tool("kube-apiserver-1.33"),
        [
            "--etcd-servers=http://127.0.0.1:2379".to_owned(),
            "--etcd-prefix=/registry-1.33".to_owned(),
            "--secure-port=6444".to_owned(),
            format!("--advertise-address={ADDRESS}"),
            "--service-cluster-ip-range=10.97.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--feature-gates=ProcMountType=false,UserNamespacesSupport=false".to_owned(),
            format!("--client-ca-file={}", file("ca.crt")),
            format!("--tls-cert-file={}", file("apiserver.crt")),
            format!("--tls-private-key-file={}", file("apiserver.key")),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("tokens.pub")),
            format!("--service-account-signing-key-file={}", file("tokens.key")),
        ],
    );
}

/// What needs the API server from its first moment on.
pub(crate) fn controllers(processes: &Processes, dir: &Path, certificates: &Certificates) {
    let file = |name: &str| certificates.text(name);
    // With the election of a leader they would end when the API server is away for ten seconds.
    processes.start(
        "kube-controller-manager",
        tool("kube-controller-manager"),
        [
            format!("--kubeconfig={}", file("controller-manager.kubeconfig")),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            format!("--root-ca-file={}", file("ca.crt")),
            format!("--service-account-private-key-file={}", file("tokens.key")),
            format!("--cluster-signing-cert-file={}", file("ca.crt")),
            format!("--cluster-signing-key-file={}", file("ca.key")),
        ],
    );
    let kubeconfig = format!("--kubeconfig={}", file("scheduler.kubeconfig"));
    processes.start("kube-scheduler", tool("kube-scheduler"), [kubeconfig.as_str(), "--leader-elect=false"]);

    // masqueradeAll: the way back from a pod to another on its own node's bridge must lead through the proxy too.
    let proxy = format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
nftables: {{masqueradeAll: true}}
clientConnection: {{kubeconfig: {}}}
clusterCIDR: 10.88.0.0/13
hostnameOverride: node1
conntrack: {{maxPerCore: 0}}
",
        file("proxy.kubeconfig")
    );
    fs::write(dir.join("proxy.yaml"), proxy).expect("write");
    processes.start("kube-proxy", tool("kube-proxy"), ["--config".into(), dir.join("proxy.yaml").into_os_string()]);

    let corefile = format!(
        ".:53 {{
  bind {ADDRESS}
  errors
  ready 127.0.0.1:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {} test
  }}
}}
",
        file("coredns.kubeconfig")
    );
    fs::write(dir.join("Corefile"), corefile).expect("write");
    processes.start("coredns", tool("coredns"), ["-conf".into(), dir.join("Corefile").into_os_string()]);
}

/// Lets the API server reach Services, for webhooks that lie behind one: without a route to it nothing is sent to an address, and
/// the proxy sends it on.
pub(crate) fn route_to_services() {
    let done = Command::new("ip").args(["route", "replace", SERVICES, "dev", "lo", "src", ADDRESS]).status().expect("ip");
    assert!(done.success(), "a route to {SERVICES}");
}

/// Waits for the parts that pods rely on.
pub(crate) fn wait_for_services(processes: &Processes, api: &Api) {
    for (name, url) in [
        ("registry", format!("http://{}/v2/", crate::cluster::REGISTRY)),
        ("coredns", "http://127.0.0.1:8181/ready".to_owned()),
        ("kube-proxy", "http://127.0.0.1:10256/healthz".to_owned()),
        ("kube-scheduler", "https://127.0.0.1:10259/readyz".to_owned()),
        ("kube-controller-manager", "https://127.0.0.1:10257/healthz".to_owned()),
    ] {
        processes.ready(name, || match api.fetch(&url) {
            Ok((200, _)) => Ok(()),
            Ok((status, text)) => Err(format!("{status} {text}")),
            Err(error) => Err(error),
        });
    }
}
