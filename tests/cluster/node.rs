//! A node: a containerd and a kubelet of its own.

use crate::certificates::Certificates;
use crate::fleet::{self, Behaviour, Plan};
use crate::image::tool;
use crate::processes::Processes;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
    /// Everything of the run, and of the node.
    dir: PathBuf,
    own: PathBuf,
}

impl Node {
    pub(crate) fn new(dir: &Path, plan: Plan) -> Self {
        let own = dir.join(plan.name);
        for part in ["cni", "kubelet", "plugins"] {
            fs::create_dir_all(own.join(part)).expect("mkdir");
        }
        plan.runtime.set(&own);
        Node { name: plan.name, plan, dir: dir.to_path_buf(), own }
    }

    pub(crate) fn containerd_name(&self) -> String {
        format!("{}-containerd", self.name)
    }

    pub(crate) fn kubelet_name(&self) -> String {
        format!("{}-kubelet", self.name)
    }

    /// Where an emptyDir of a pod lies.
    pub(crate) fn volume(&self, pod: &str, name: &str) -> PathBuf {
        self.own.join(format!("kubelet/pods/{pod}/volumes/kubernetes.io~empty-dir/{name}"))
    }

    /// From now on its runtime behaves so.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        behaviour.set(&self.own);
    }

    /// From its next start on its kubelet gives containers that ask for nothing the runtime's filter, or nothing again.
    pub(crate) fn seccomp_default(&self, is_on: bool) {
        let settings = self.own.join("kubelet.yaml");
        let text = fs::read_to_string(&settings).expect("the kubelet's settings");
        let others: String = text.lines().filter(|line| !line.starts_with("seccompDefault")).map(|line| format!("{line}\n")).collect();
        fs::write(settings, format!("{others}seccompDefault: {is_on}\n")).expect("write");
    }

    /// Puts a seccomp profile on the node, as pods name it.
    pub(crate) fn seccomp_profile(&self, name: &str, text: &str) {
        let file = self.own.join("kubelet/seccomp").join(name);
        fs::create_dir_all(file.parent().expect("a directory")).expect("mkdir");
        fs::write(file, text).expect("write");
    }

    fn socket(&self) -> String {
        format!("{}/containerd.sock", self.own.display())
    }

    /// `ctr` for this node's containerd.
    pub(crate) fn ctr(&self) -> Command {
        let mut command = Command::new(tool("ctr"));
        command.args(["--address", &self.socket(), "--namespace", "k8s.io"]);
        command
    }

    /// Starts containerd, and waits for it.
    pub(crate) fn start_containerd(&self, processes: &Processes) {
        let runtime = fleet::runtime(&self.own);
        let own = self.own.display();
        let hosts = self.own.join("hosts").join(crate::cluster::REGISTRY);
        fs::create_dir_all(&hosts).expect("mkdir");
        fs::write(hosts.join("hosts.toml"), format!("server = 'http://{}'\n", crate::cluster::REGISTRY)).expect("write");
        let network = format!(
            r#"{{"cniVersion": "1.0.0", "name": "{name}", "plugins": [{{"type": "bridge", "bridge": "br-{name}", "isGateway": true,
"hairpinMode": true, "ipam": {{"type": "host-local", "dataDir": "{own}/addresses", "ranges": [[{{"subnet": "{net}.0.0/16"}}]],
"routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}"#,
            name = self.name,
            net = self.plan.net(),
        );
        fs::write(self.own.join("cni/10-bridge.conflist"), network).expect("write");
        // restrict_oom_score_adj: without CAP_SYS_RESOURCE a lower score can't be given.
        // nri: both would make the same socket, and the one that comes second at the same moment ends.
        let config = format!(
            "version = 3
root = '{own}/containerd'
state = '{own}/state'
[grpc]
address = '{socket}'
[ttrpc]
address = '{socket}.ttrpc'
[plugins.'io.containerd.nri.v1.nri']
disable = true
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{pause}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{own}/hosts'
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '{runtime}'
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{tools}']
conf_dir = '{own}/cni'
",
            socket = self.socket(),
            pause = crate::images::PAUSE,
            runtime = runtime.display(),
            tools = tool("bridge").parent().expect("a directory").display(),
        );
        let file = self.own.join("containerd.toml");
        fs::write(&file, config).expect("write");
        processes.start(&self.containerd_name(), tool("containerd"), ["--config".into(), file.into_os_string()]);
        self.containerd_is_ready(processes);
    }

    pub(crate) fn containerd_is_ready(&self, processes: &Processes) {
        processes.ready(&self.containerd_name(), || {
            let output = self.ctr().arg("version").output().expect("ctr");
            if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
        });
    }

    pub(crate) fn start_kubelet(&self, processes: &Processes, certificates: &Certificates, cgroup: &str) {
        let own = self.own.display();
        let file = |name: &str| certificates.text(name);
        fs::write(self.dir.join("resolv.conf"), "").expect("write");
        // podLogsDir: two kubelets with one would delete each other's logs, and containers fail to start.
        // imageGCHighThresholdPercent: on a full disk images would vanish that can't be pulled again.
        let config = format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
port: {port}
healthzPort: {healthz}
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}/{name}
podLogsDir: {own}/logs
volumePluginDir: {own}/plugins
enforceNodeAllocatable: []
containerRuntimeEndpoint: unix://{socket}
authentication: {{anonymous: {{enabled: false}}, x509: {{clientCAFile: {ca}}}}}
authorization: {{mode: AlwaysAllow}}
tlsCertFile: {certificate}
tlsPrivateKeyFile: {key}
evictionHard: {{imagefs.available: 1%, nodefs.available: 1%, memory.available: 50Mi}}
imageGCHighThresholdPercent: 100
clusterDomain: cluster.local
clusterDNS: [{dns}]
resolvConf: {dir}/resolv.conf
seccompDefault: {seccomp}
{ids}",
            seccomp = self.plan.seccomp_default,
            ids = self.plan.ids.map_or_else(String::new, |ids| format!("userNamespaces: {{idsPerPod: {ids}}}\n")),
            port = 10_250 + 10 * self.plan.number,
            healthz = 10_248 + 10 * self.plan.number,
            name = self.name,
            socket = self.socket(),
            ca = file("ca.crt"),
            certificate = file("kubelet.crt"),
            key = file("kubelet.key"),
            dns = crate::control::ADDRESS,
            dir = self.dir.display(),
        );
        if let Some(ids) = self.plan.ids {
            // For as many pods as a kubelet takes by default. Without it the kubelet would not start: "kubelet user assigned IDs
            // length 4294770688 is not a multiple of 196608".
            fs::write(self.own.join("sub-ids"), format!("kubelet:{ids}:{}\n", u64::from(ids) * 110)).expect("write");
        }
        let settings = self.own.join("kubelet.yaml");
        fs::write(&settings, config).expect("write");
        let script = include_str!("kubelet.sh");
        processes.start(
            &self.kubelet_name(),
            "unshare",
            [
                "--mount".to_owned(),
                "--propagation=unchanged".to_owned(),
                "sh".to_owned(),
                "-ec".to_owned(),
                script.to_owned(),
                own.to_string(),
                tool("kubelet").display().to_string(),
                format!("--config={}", settings.display()),
                format!("--kubeconfig={}", file(&format!("{}.kubeconfig", self.name))),
                format!("--root-dir={own}/kubelet"),
                format!("--cert-dir={own}/kubelet/pki"),
                format!("--hostname-override={}", self.name),
                format!("--node-ip={}", self.plan.address()),
            ],
        );
    }

    /// All processes of its pods, and those that hold them: they end with a machine that is switched off.
    pub(crate) fn pod_processes(&self, cgroup: &str) -> Vec<i32> {
        let (below, socket) = (format!("/{cgroup}/{}/", self.name), self.socket());
        let is_its = |entry: &Path| {
            let read =
                |file: &str| fs::read(entry.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            let shim = read("cmdline").split('\0').collect::<Vec<_>>().windows(2).any(|pair| pair == ["-address", socket.as_str()]);
            shim || read("cgroup").contains(&below)
        };
        let processes = fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
        let its = processes.filter(|entry| is_its(entry));
        its.filter_map(|entry| entry.file_name()?.to_str()?.parse().ok()).collect()
    }
}
