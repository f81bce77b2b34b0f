//! An API server alone, with its etcd, and nodes that are objects.

use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::TlsConfig;

const MANAGER: &str = "buildkit-preflight/no-process-sandbox";
const PREFIX: &str = "buildkit-preflight.dev";

/// How a node is, and what `status` makes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    label: Option<&'static str>,
    status: &'static str,
    /// How old the heartbeat is, in seconds.
    age: i64,
    by: &'static str,
    pub(crate) verdict: &'static str,
    pub(crate) says: &'static str,
}

const READY: Trouble = Trouble { label: Some("ready"), status: "True", age: 600, by: MANAGER, verdict: "ready", says: "" };

/// One after the other, again and again.
pub(crate) const TROUBLES: [Trouble; 8] = [
    READY,
    Trouble { label: Some("not-ready"), status: "False", verdict: "not-ready", ..READY },
    Trouble { label: Some("not-ready"), status: "False", verdict: "not-ready", ..READY },
    Trouble { label: Some("unknown"), status: "Unknown", verdict: "unknown", ..READY },
    Trouble { age: 99_999, verdict: "silent", says: "nobody has written there for 1 d", ..READY },
    Trouble { by: "kubectl", verdict: "silent", says: "none of our agents", ..READY },
    Trouble { status: "False", verdict: "silent", says: "belong together", ..READY },
    Trouble { label: None, verdict: "silent", says: "none of our labels", ..READY },
];

/// What a message may have in it.
const HOSTILE: &str = "\u{1b}[31m\u{202e}<script>alert(1)</script>\n=1+1,\"";

pub(crate) struct ApiServer {
    dir: tempfile::TempDir,
    port: u16,
    processes: Vec<Child>,
    agent: Agent,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(name)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

impl ApiServer {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let run = |arguments: &[&str]| {
            assert!(Command::new("openssl").args(arguments).stderr(Stdio::null()).status().expect("openssl").success())
        };
        run(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", &at("tokens.key")]);
        run(&["pkey", "-in", &at("tokens.key"), "-pubout", "-out", &at("tokens.pub")]);
        std::fs::write(at("tokens.csv"), "token,admin,admin,system:masters\n").expect("write");
        let (port, clients, peers) = (free_port(), free_port(), free_port());
        let start = |name: &str, arguments: Vec<String>| {
            let log = std::fs::File::create(dir.path().join(format!("{name}.log"))).expect("a log");
            let errors = log.try_clone().expect("a log");
            Command::new(tool(name)).args(arguments).stdout(log).stderr(errors).spawn().unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
        let etcd = start(
            "etcd",
            vec![
                format!("--data-dir={}", at("etcd")),
                "--unsafe-no-fsync".into(),
                format!("--listen-peer-urls={peers}"),
                format!("--initial-advertise-peer-urls={peers}"),
                format!("--initial-cluster=default={peers}"),
                format!("--listen-client-urls={clients}"),
                format!("--advertise-client-urls={clients}"),
            ],
        );
        let api = start(
            "kube-apiserver",
            vec![
                format!("--etcd-servers={clients}"),
                format!("--secure-port={port}"),
                "--bind-address=127.0.0.1".into(),
                "--advertise-address=127.0.0.1".into(),
                format!("--cert-dir={}", at("certificates")),
                "--service-cluster-ip-range=10.96.0.0/24".into(),
                "--authorization-mode=RBAC".into(),
                format!("--token-auth-file={}", at("tokens.csv")),
                "--service-account-issuer=https://kubernetes.default.svc".into(),
                format!("--service-account-key-file={}", at("tokens.pub")),
                format!("--service-account-signing-key-file={}", at("tokens.key")),
            ],
        );
        // The certificate is one that the API server has made for itself.
        let tls = TlsConfig::builder().disable_verification(true).build();
        let agent = Agent::config_builder().tls_config(tls).http_status_as_error(false).build().into();
        let server = ApiServer { dir, port, processes: vec![etcd, api], agent };
        let began = Instant::now();
        while server.code("GET", "/readyz", None) != Some(200) {
            assert!(began.elapsed() < Duration::from_secs(120), "the API server is not ready: {}", server.log());
            std::thread::sleep(Duration::from_millis(200));
        }
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("kube-apiserver.log")).unwrap_or_default()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let file = self.dir.path().join("kubeconfig");
        let text = json!({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "fleet", "user": "u"}}],
            "clusters": [{"name": "fleet", "cluster": {"server": format!("https://127.0.0.1:{}", self.port), "insecure-skip-tls-verify": true}}],
            "users": [{"name": "u", "user": {"token": "token"}}],
        });
        std::fs::write(&file, text.to_string()).expect("write");
        file
    }

    /// The status of an answer; none where nobody answers.
    fn code(&self, method: &str, path: &str, body: Option<(&str, &Value)>) -> Option<u16> {
        let (media, text) = body.map_or(("application/json", String::new()), |(media, body)| (media, body.to_string()));
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("https://127.0.0.1:{}{path}", self.port))
            .header("Authorization", "Bearer token")
            .header("Content-Type", media);
        let answer = match method {
            "GET" => self.agent.run(request.body(()).expect("a request")),
            _ => self.agent.run(request.body(text).expect("a request")),
        };
        Some(answer.ok()?.status().as_u16())
    }

    /// Makes so many, each with 50 images and the trouble that its number has.
    pub(crate) fn make_nodes(&self, nodes: usize) {
        const HANDS: usize = 6;
        std::thread::scope(|scope| {
            for hand in 0..HANDS {
                scope.spawn(move || (hand..nodes).step_by(HANDS).for_each(|number| self.make_node(number)));
            }
        });
    }

    fn make_node(&self, number: usize) {
        let trouble = TROUBLES[number % TROUBLES.len()];
        let name = format!("node-{number}");
        let image = |at: usize| {
            let digest = format!("registry.example.com/team-{at}/a-service-with-a-long-name@sha256:{:064x}", number * 1000 + at);
            json!({"names": [digest, format!("registry.example.com/team-{at}/a-service-with-a-long-name:v{number}.{at}")], "sizeBytes": 123_456_789})
        };
        let node = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", "karpenter.sh/nodepool": format!("pool-{}", number % 17)}},
            "status": {
                "images": (0..50).map(image).collect::<Vec<_>>(),
                "nodeInfo": {
                    "machineID": "", "systemUUID": "", "bootID": "", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
                    "osImage": "Debian GNU/Linux 12 (bookworm)", "kernelVersion": "6.12.48", "kubeletVersion": "v1.33.5",
                    "containerRuntimeVersion": "containerd://2.1.4",
                },
            },
        });
        assert_eq!(self.code("POST", "/api/v1/nodes", Some(("application/json", &node))), Some(201), "{name}");
        let Some(label) = trouble.label else { return };
        let at = |age: i64| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
            jiff::Timestamp::from_second(i64::try_from(now).expect("a time") - age).expect("a time").to_string()
        };
        let said = json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {format!("{PREFIX}/no-process-sandbox"): label, format!("{PREFIX}/kernel"): "6.12"}},
            "status": {"conditions": [{
                "type": "RootlessBuildKit", "status": trouble.status, "reason": "UsernsMax0",
                "message": format!("rootless BuildKit: {HOSTILE} (proven: x). Fix: sysctl -w user.max_user_namespaces=63359{HOSTILE}."),
                "lastHeartbeatTime": at(trouble.age), "lastTransitionTime": at(200_000),
            }]},
        });
        let path = format!("/api/v1/nodes/{name}/status?force=true&fieldManager={}", trouble.by.replace('/', "%2F"));
        assert_eq!(self.code("PATCH", &path, Some(("application/apply-patch+yaml", &said))), Some(200), "{name}");
    }
}
