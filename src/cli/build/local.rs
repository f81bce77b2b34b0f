//! A build of a directory: buildctl runs here, and reaches a builder's pod through the API server.

use super::builder::Builder;
use super::progress::Progress;
use super::scratch::Scratch;
use super::signals::Signals;
use super::{Arguments, exit, options};
use crate::api::{Jobs, Server};
use crate::build::{Context, buildctl};
use crate::cli::{Error, output};
use crate::read::{Named, PATIENCE, is_directory};
use crate::report::{BuildOutcome, BuildResult};
use crate::text::quoted;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const PROGRAM: &str = "buildctl";
/// How long buildctl may take to end when it was asked to.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn run(arguments: &Arguments) -> Result<u8, Error> {
    let mut signals = Signals::new()?;
    let progress = Progress::new();
    let directory = arguments.dir.as_deref().unwrap_or_else(|| Path::new("."));
    is_directory(Named::Context, directory, PATIENCE)?;
    let directory = directory.display().to_string();
    arguments.options().check()?;
    let scratch = Scratch::new()?;
    let mut context = Context { directory, tls: None, secrets: Vec::new(), metadata: scratch.path("metadata.json") };
    for secret in &arguments.secret {
        let file = secret.file().map_or_else(|| scratch.write(&secret.id, &secret.content()?), Ok)?;
        context.secrets.push((secret.id.clone(), file));
    }
    if arguments.dry_run {
        context.tls = arguments.tls.as_ref().map(|_| "CERTIFICATES".to_owned());
        let words: Vec<_> = buildctl(&arguments.options(), &context).iter().map(|word| quoted(word).into_owned()).collect();
        output::print(&format!("{PROGRAM} {}\n", words.join(" ")))?;
        return Ok(exit::READY);
    }
    let found = async {
        let server = arguments.connection.client().await?;
        if let Some(name) = &arguments.tls {
            context.tls = Some(certificates(arguments, &server, name, &scratch).await?);
        }
        Builder::find(arguments, &server, &progress).await
    };
    let builder = tokio::select! {
        found = found => found?,
        signal = signals.next() => return Err(super::run::interrupted(signal, "nothing was started")),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.map_err(|error| Error::Io(format!("no port of 127.0.0.1 could be opened: {error}")))?;
    let address = listener.local_addr().map_err(|error| Error::Io(error.to_string()))?;
    let mut wanted = arguments.options();
    wanted.builder = format!("tcp://{address}");
    let child = start(arguments, &buildctl(&wanted, &context))?;
    let done = tokio::select! {
        done = watch(arguments, child, &mut signals) => done,
        never = forward(&builder, &listener, &progress) => never,
    };
    match done {
        End::Done => {}
        End::Failed(error) => return Err(builder.explained(error).await),
        End::Interrupted(error) => return Err(error),
    }
    let outcome = if arguments.no_push { BuildOutcome::Done } else { BuildOutcome::Pushed };
    let image = Some(arguments.image().to_owned()).filter(|_| !arguments.no_push);
    arguments.print(&BuildResult { image, digest: scratch.digest(), ..BuildResult::new(outcome, None, progress.elapsed()) })?;
    Ok(exit::READY)
}

/// Starts buildctl. What it prints goes where this program's own messages go.
fn start(arguments: &Arguments, words: &[String]) -> Result<Child, Error> {
    let mut command = Command::new(PROGRAM);
    if arguments.tls.is_some() {
        // Its certificate is for the Service.
        let name = options::service(&arguments.builder).map(|(name, ..)| name).unwrap_or_default();
        command.args(["--tlsservername", &name]);
    }
    command.args(words).stdout(std::io::stderr()).kill_on_drop(true);
    command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Failed {
            message: format!("{PROGRAM} is not in the PATH; it sends the directory to the builder"),
            hint: Some("it is part of BuildKit (https://github.com/moby/buildkit/releases); without it: build --git".into()),
        },
        _ => Error::Io(format!("{PROGRAM} could not be started: {error}")),
    })
}

/// How buildctl ended.
enum End {
    Done,
    /// By itself.
    Failed(Error),
    /// By this program.
    Interrupted(Error),
}

/// Waits until buildctl is done, and ends it where that is asked for.
async fn watch(arguments: &Arguments, mut child: Child, signals: &mut Signals) -> End {
    let up = async {
        match arguments.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let why = tokio::select! {
        status = child.wait() => {
            return match status {
                Ok(status) if status.success() => End::Done,
                Ok(status) => End::Failed(Error::Failed { message: format!("{PROGRAM} failed: {status}"), hint: None }),
                Err(error) => End::Failed(Error::Io(format!("{PROGRAM}: {error}"))),
            };
        }
        signal = signals.next() => super::run::interrupted(signal, "the build is cancelled"),
        () = up => Error::Failed { message: "the build took longer than --timeout".into(), hint: None },
    };
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    End::Interrupted(why)
}

/// Passes connections on to the builder's pod for as long as it is polled.
async fn forward(builder: &Builder, listener: &TcpListener, progress: &Progress) -> ! {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(Ok(Err(error))) = connections.join_next() => {
                progress.note(&format!("the connection to pod {} failed: {error}", builder.pod));
                continue;
            }
        };
        let Ok((mut here, _)) = accepted else { continue };
        let (services, pod, port) = (builder.services.clone(), builder.pod.clone(), builder.port);
        connections.spawn(async move {
            let mut there = services.connect(&pod, port).await?;
            // How one of them ends, buildctl tells.
            let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            Ok::<_, crate::api::Error>(())
        });
    }
}

/// The files of a Secret with certificates, in a directory of their own.
async fn certificates(arguments: &Arguments, server: &Server, name: &str, scratch: &Scratch) -> Result<String, Error> {
    use base64::Engine;
    let jobs = Jobs::new(server.clone(), arguments.namespace.clone());
    let missing =
        |what: String| Error::BadInput { message: format!("--tls: {what}"), hint: Some("`render builder --tls` makes it".into()) };
    let secret = jobs.secret(name).await?;
    let secret = secret.ok_or_else(|| missing(format!("there is no Secret {name} in namespace {}", jobs.namespace())))?;
    for key in ["ca.crt", "tls.crt", "tls.key"] {
        let value = secret["data"][key].as_str().and_then(|value| base64::engine::general_purpose::STANDARD.decode(value).ok());
        scratch.write(key, &value.ok_or_else(|| missing(format!("the Secret {name} has no {key}")))?)?;
    }
    Ok(scratch.directory())
}
