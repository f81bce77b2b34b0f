//! What runs builds on a builder, as its client: Knative's build template, a Task of Tekton, a strategy of Shipwright.

use super::Error;
use super::builder::ROOTLESS_IMAGE;
use super::template::Templates;
use crate::profile::BUILDER_UID;
use minijinja::context;
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

/// Whose object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Client {
    /// A BuildTemplate of Knative Build, which is archived: `build` runs Builds that name it.
    Knative,
    /// A Task of Tekton Pipelines.
    Tekton,
    /// A ClusterBuildStrategy of Shipwright.
    Shipwright,
}

/// What a user may choose of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The image that has `buildctl`.
    pub image: String,
    /// Where the builder is, as buildctl has it: `tcp://buildkitd:1234`.
    pub address: String,
    /// The Secret with the certificates for a builder with TLS. Only Knative's template needs to know: the others' users bring it.
    pub tls: Option<String>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions { image: client_image(), address: "tcp://buildkitd:1234".into(), tls: None }
    }
}

impl Client {
    /// Its file in manifests/template.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Client::Knative => "1-buildtemplate.yaml",
            Client::Tekton => "tekton-task.yaml",
            Client::Shipwright => "shipwright-strategy.yaml",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Client::Knative => "clients/knative.yaml",
            Client::Tekton => "clients/tekton.yaml",
            Client::Shipwright => "clients/shipwright.yaml",
        }
    }
}

/// The image that has `buildctl`, git and ssh: the rootless builder's.
#[must_use]
pub fn client_image() -> String {
    ROOTLESS_IMAGE.to_owned()
}

/// The build template `buildkit` of this project, for Builds that name one which is not in the cluster.
///
/// # Errors
/// As [`client`].
pub fn build_template() -> Result<String, Error> {
    client(Client::Knative, &ClientOptions::default())
}

/// The manifest of a client.
///
/// # Errors
/// Says which template is wrong.
pub fn client(client: Client, options: &ClientOptions) -> Result<String, Error> {
    let values = context! {
        client_image => options.image.as_str(),
        address => options.address.as_str(),
        tls => options.tls.as_deref().unwrap_or_default(),
        uid => BUILDER_UID,
        version => env!("CARGO_PKG_VERSION"),
    };
    Templates::new()?.manifest(client.template(), &values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::template::objects;
    use serde_json::{Value, json};
    use strum::IntoEnumIterator;

    fn object(of: Client, options: &ClientOptions) -> Value {
        let text = client(of, options).expect("a manifest");
        let mut objects = objects("a client", &text).expect("YAML");
        assert_eq!(objects.len(), 1, "{text}");
        objects.remove(0)
    }

    #[test]
    fn each_step_is_what_the_level_restricted_asks_for() {
        for of in Client::iter() {
            let object = object(of, &ClientOptions::default());
            let steps = object["spec"]["steps"].as_array().expect("steps");
            assert_eq!(steps.len(), 1, "{of:?}");
            let wanted = json!({
                "runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
            });
            assert_eq!(steps[0]["securityContext"], wanted, "{of:?}");
        }
    }

    /// What a user says of a build must never become a part of a shell's text: only variables and arguments carry it.
    #[test]
    fn no_parameter_stands_in_a_script() {
        for of in [Client::Tekton, Client::Shipwright] {
            let object = object(of, &ClientOptions::default());
            let step = &object["spec"]["steps"][0];
            assert_eq!(step["command"], json!(["sh", "-euc"]), "{of:?}");
            let script = step["args"][0].as_str().expect("a script");
            assert!(!script.contains("$(params") && !script.contains("$(workspaces") && !script.contains("$(results"), "{script}");
        }
    }

    #[test]
    fn the_template_has_the_parameters_of_the_page() {
        let object = object(Client::Knative, &ClientOptions::default());
        let parameters = object["spec"]["parameters"].as_array().expect("parameters");
        let parameters: Vec<_> = parameters.iter().map(|one| (one["name"].as_str().expect("a name"), one["default"].as_str())).collect();
        assert_eq!(
            parameters,
            [
                ("IMAGE", None),
                ("DOCKERFILE", Some("./Dockerfile")),
                ("PUSH", Some("true")),
                ("DIRECTORY", Some("/workspace")),
                ("BUILDKIT_CLIENT_IMAGE", Some(client_image().as_str())),
                ("BUILDKIT_DAEMON_ADDRESS", Some("tcp://buildkitd:1234")),
            ]
        );
    }

    #[test]
    fn every_choice_has_its_place() {
        let options = ClientOptions { image: "r.example/c:1".into(), address: "tcp://b.ns:2".into(), tls: Some("certs".into()) };
        for of in Client::iter() {
            let text = client(of, &options).expect("a manifest");
            assert!(text.contains("r.example/c:1") && text.contains("tcp://b.ns:2"), "{text}");
        }
        let object = object(Client::Knative, &options);
        let command = object["spec"]["steps"][0]["command"].as_array().expect("a command");
        assert!(command.contains(&json!("--tlscert=/certs/tls.crt")), "{command:?}");
        assert_eq!(object["spec"]["volumes"][0]["secret"]["secretName"], "certs");
    }
}
