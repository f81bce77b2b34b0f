//! The cluster's certificate authority, certificates, and kubeconfigs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The names and addresses by which servers are called.
const NAMES: &str = "subjectAltName=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
    DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.96.0.1";

/// Who has a kubeconfig, with the name and the group by which the API server's roles know them.
const USERS: &[(&str, &str)] = &[
    ("admin", "/O=system:masters/CN=admin"),
    ("controller-manager", "/CN=system:kube-controller-manager"),
    ("scheduler", "/CN=system:kube-scheduler"),
    ("proxy", "/CN=system:kube-proxy"),
    ("coredns", "/O=system:masters/CN=coredns"),
];

/// A directory with all of them: `NAME.crt`, `NAME.key`, `NAME.kubeconfig`.
#[derive(Clone)]
pub(crate) struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    pub(crate) fn make(dir: PathBuf) -> Self {
        fs::create_dir(&dir).expect("mkdir");
        let made = Certificates { dir };
        // Else the machine's own settings would make an authority of each.
        fs::write(made.path("openssl.cnf"), "[req]\ndistinguished_name = name\n[name]\n").expect("write");
        made.certificate("ca", "/CN=cluster", &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,digitalSignature"]);
        let nodes = crate::fleet::planned();
        let kubelets = nodes.iter().map(|node| (node.name, format!("/O=system:nodes/CN=system:node:{}", node.name)));
        let users: Vec<_> = USERS.iter().map(|(name, subject)| (*name, (*subject).to_owned())).chain(kubelets).collect();
        let names = nodes.iter().fold(NAMES.to_owned(), |names, node| format!("{names},IP:{}", node.address()));
        std::thread::scope(|scope| {
            let (made, names) = (&made, names.as_str());
            for (name, subject) in &users {
                scope.spawn(move || made.certificate(name, subject, &[]));
                made.kubeconfig(name);
            }
            for name in ["apiserver", "kubelet"] {
                scope.spawn(move || made.certificate(name, &format!("/CN={name}"), &[names]));
            }
        });
        // What service accounts' tokens are signed with.
        made.openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", "tokens.key"]);
        made.openssl(&["pkey", "-in", "tokens.key", "-pubout", "-out", "tokens.pub"]);
        made
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// The same as text, for settings and arguments.
    pub(crate) fn text(&self, file: &str) -> String {
        self.path(file).display().to_string()
    }

    fn certificate(&self, name: &str, subject: &str, extensions: &[&str]) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        let mut arguments = vec!["req", "-x509", "-config", "openssl.cnf", "-days", "30", "-nodes"];
        arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        arguments.extend(["-keyout", &key, "-out", &certificate, "-subj", subject]);
        if name != "ca" {
            arguments.extend(["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]);
        }
        for extension in extensions {
            arguments.extend(["-addext", extension]);
        }
        self.openssl(&arguments);
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(&self.dir).stdin(Stdio::null()).output().expect("openssl");
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn kubeconfig(&self, name: &str) {
        let dir = Path::new(&self.dir).display();
        let text = format!(
            "apiVersion: v1
kind: Config
clusters: [{{name: test, cluster: {{server: 'https://127.0.0.1:6443', certificate-authority: {dir}/ca.crt}}}}]
users: [{{name: {name}, user: {{client-certificate: {dir}/{name}.crt, client-key: {dir}/{name}.key}}}}]
contexts: [{{name: test, context: {{cluster: test, user: {name}}}}}]
current-context: test
"
        );
        fs::write(self.path(&format!("{name}.kubeconfig")), text).expect("write");
    }
}
