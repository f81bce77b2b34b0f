use super::exit::{self, READY};
use super::image::image;
use super::values::OneOf;
use super::{Error, names, output};
use crate::render::{self, Client, ClientOptions};
use clap::Args;
use strum::VariantNames;

/// Print what builds images on a builder, as its client: a BuildTemplate of Knative, a Task of Tekton, a strategy of Shipwright
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight render template | kubectl apply -f -
  buildkit-preflight render template --for tekton | kubectl apply -n ci -f -
  buildkit-preflight render template --for shipwright --address tcp://buildkitd.buildkit:1234

The pods of all three need no privilege: they run in a namespace of the level
restricted. The builder is another pod, which `render builder` prints.
Knative Build is archived: `buildkit-preflight build` runs its Builds.", exit::RENDERED))]
pub(super) struct Arguments {
    /// The project whose object is printed
    #[arg(long = "for", value_name = "PROJECT", default_value = "knative", value_parser = whose())]
    client: Client,
    /// The image that has buildctl
    #[arg(long, value_name = "IMAGE", default_value_t = ClientOptions::default().image, value_parser = image)]
    client_image: String,
    /// Where the builder is
    #[arg(long, value_name = "ADDRESS", default_value_t = ClientOptions::default().address, value_parser = names::address)]
    address: String,
    /// For knative: the Secret with the certificates for a builder with TLS, as tls.crt, tls.key and ca.crt
    #[arg(long, value_name = "SECRET", value_parser = names::service)]
    tls: Option<String>,
}

fn whose() -> OneOf<Client> {
    OneOf::new("unknown project", Client::VARIANTS.iter().copied(), |id| id.parse().ok())
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if arguments.tls.is_some() && arguments.client != Client::Knative {
        let (what, hint) = match arguments.client {
            Client::Shipwright => ("the strategy", "name the Secret in the Build, as the volume client-certs"),
            _ => ("the Task", "bind the Secret in the TaskRun, as the workspace clientcerts"),
        };
        return Err(Error::BadInput { message: format!("--tls: {what} names no Secret"), hint: Some(hint.into()) });
    }
    let options = ClientOptions { image: arguments.client_image.clone(), address: arguments.address.clone(), tls: arguments.tls.clone() };
    output::print(&render::client(arguments.client, &options)?)?;
    Ok(READY)
}
