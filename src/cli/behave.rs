use super::exit::{self, NOT_READY, READY};
use super::{Error, output};
use crate::attempt::behave::{self, Layer};
use clap::Args;
use std::path::Path;

/// In a step of the trial build: do what builds do to files, and print what does not work
#[derive(Debug, Args)]
#[command(after_help = exit::help("Examples:
  buildkit-preflight behave first remove-file rename-file

A step of `check --prove build` runs this in each of three layers.", exit::BEHAVE))]
pub(super) struct Arguments {
    /// The layer: first, second or third
    #[arg(value_name = "LAYER", value_parser = layer)]
    layer: Layer,
    /// Behaviours, by their ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    if !behave::is_step(Path::new("/")) {
        let hint = Some("`buildkit-preflight check --prove build` runs it in a builder's image".into());
        return Err(Error::BadInput { message: "this is not a step of the trial build".into(), hint });
    }
    let (lines, goes_on) = behave::run(arguments.layer, Path::new("/"), &arguments.ids);
    lines.iter().try_for_each(|line| output::print(&format!("{line}\n")))?;
    Ok(if goes_on { READY } else { NOT_READY })
}

fn layer(word: &str) -> Result<Layer, String> {
    word.parse().map_err(|_| "first, second or third".to_owned())
}
