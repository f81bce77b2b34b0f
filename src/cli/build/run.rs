//! A build as a Job: created, followed, and deleted.

use super::create::{self, Input};
use super::progress::Progress;
use super::signals::Signals;
use super::{Arguments, exit};
use crate::api::{Ending, Error as ApiError, Event, Following, Jobs};
use crate::build::{Digests, Made, StageKind, reported_digest};
use crate::cli::Error;
use crate::report::{BuildJob, BuildOutcome, BuildResult};
use std::cell::RefCell;

/// What buildctl says, in the words of gRPC, when its connection to buildkitd breaks.
const CONNECTION_LOST: &str = "code = Unavailable";
const BUILDER_GONE: &str = "buildctl has lost its builder, whose pod may have ended: `kubectl get events` in its namespace may say why";

pub(super) async fn run(arguments: &Arguments, input: Input) -> Result<u8, Error> {
    let mut signals = Signals::new()?;
    let progress = Progress::new();
    let namespace = input.namespace(arguments)?;
    let prepared = async {
        let server = arguments.connection.client().await?;
        let jobs = Jobs::new(server.clone(), namespace);
        let made = input.made(arguments, &server, &jobs, &progress).await?;
        Ok::<_, Error>((jobs, made))
    };
    let (jobs, made) = tokio::select! {
        prepared = prepared => prepared?,
        signal = signals.next() => return Err(interrupted(signal, "nothing was created")),
    };
    if arguments.dry_run {
        create::print(&made, arguments.format)?;
        return Ok(exit::READY);
    }
    let work = Work { arguments, jobs, made, progress, digests: RefCell::default() };
    // Not cut short: what is created here is known.
    let uid = work.create().await?;
    if arguments.no_follow {
        arguments.print(&work.result(BuildOutcome::Created))?;
        return Ok(exit::READY);
    }
    work.follow(&uid, &mut signals).await
}

pub(super) fn interrupted(signal: &str, what: &str) -> Error {
    Error::Failed { message: format!("ended by {signal}: {what}"), hint: None }
}

struct Work<'a> {
    arguments: &'a Arguments,
    jobs: Jobs,
    made: Made,
    progress: Progress,
    digests: RefCell<Digests>,
}

impl Work<'_> {
    /// Creates the Job and its Secret; both or none. Gives the Job's UID.
    async fn create(&self) -> Result<String, Error> {
        let uid = match self.jobs.create(&self.made.job).await {
            Ok(uid) => uid,
            Err(error) => {
                if error.may_be_done() {
                    self.delete().await;
                }
                return Err(self.refused(error));
            }
        };
        if let Some(secret) = self.made.secret(&uid)
            && let Err(error) = self.jobs.create_secret(&secret).await
        {
            self.delete().await;
            return Err(error.into());
        }
        Ok(uid)
    }

    /// The API server knows fields and values of steps and volumes: what it refuses was bad input.
    fn refused(&self, error: ApiError) -> Error {
        match (&self.arguments.file, error) {
            (Some(file), ApiError::Refused { code: 400 | 422, message, .. }) => {
                let message = format!("{}: the API server refuses the Job: {message}", crate::cli::named::shown(file));
                Error::BadInput { message, hint: Some("`--dry-run` prints the Job".into()) }
            }
            (_, error) => error.into(),
        }
    }

    async fn follow(&self, uid: &str, signals: &mut Signals) -> Result<u8, Error> {
        let name = &self.made.name;
        self.progress.note(&format!("created job/{name} in namespace {}", self.jobs.namespace()));
        let tell = |event: Event<'_>| self.tell(event);
        let following = Following { jobs: &self.jobs, name, uid, stages: &self.made.stages, tell: &tell };
        let ending = tokio::select! {
            ending = following.to_the_end() => Ok(ending),
            signal = signals.next() => Err(signal),
            never = self.progress.keep_drawing() => never,
        };
        self.progress.done();
        let ending = match ending {
            Ok(ending) => ending,
            Err(signal) => {
                self.progress.note(&format!("{signal}: deleting job/{name} and its pod"));
                // Some shells send a signal twice: the second one ends the waiting alone.
                let _ = self.jobs.begin_deleting(name).await;
                return Err(tokio::select! {
                    is_gone = self.delete() => interrupted(signal, &if is_gone {
                        format!("job/{name} and its pod are deleted")
                    } else {
                        format!("job/{name} may still run until its deadline")
                    }),
                    again = signals.next() => interrupted(again, &format!("job/{name} is being deleted, and its pod may still run for some seconds")),
                });
            }
        };
        let answer = match ending {
            Ok(ending) => self.ended(ending),
            Err(error) => Err(error.into()),
        };
        // The result first: whoever waits for it need not wait for the cluster to tidy up.
        let printed = match &answer {
            Ok(result) => self.arguments.print(result),
            Err(error) if self.is_json() && matches!(error, Error::Failed { .. }) => {
                self.arguments.print(&BuildResult { message: Some(error.to_string()), ..self.result(BuildOutcome::Failed) })
            }
            Err(_) => Ok(()),
        };
        if !self.arguments.keep {
            tokio::select! {
                _ = self.delete() => {}
                _ = signals.next() => self.progress.note(&format!("job/{name} is being deleted")),
            }
        }
        answer.and(printed).map(|()| exit::READY)
    }

    fn is_json(&self) -> bool {
        self.arguments.format == super::Format::Json
    }

    /// Passes on what happens.
    fn tell(&self, event: Event<'_>) {
        let name = |index: usize| self.made.stages.get(index).map_or("", |stage| stage.name.as_str());
        match event {
            Event::Waiting(why) => {
                // A word alone is what each pod says at its beginning.
                if why.contains(' ') {
                    self.progress.note(&format!("waiting: {why}"));
                }
                self.progress.status("waiting");
            }
            Event::Started(index) => {
                self.progress.note(&format!("==> {}", name(index)));
                self.progress.status(name(index));
            }
            Event::Line(index, text) => {
                if self.made.stages.get(index).is_some_and(|stage| stage.kind == StageKind::Step) {
                    self.digests.borrow_mut().line(text);
                }
                self.progress.line(text);
            }
            Event::Lost(error) => self.progress.note(&format!("{error}; the build goes on, and so does this when there is an answer")),
        }
    }

    /// What came of it.
    fn ended(&self, ending: Ending) -> Result<BuildResult, Error> {
        let name = &self.made.name;
        let failed = |message: String, hint: Option<String>| Err(Error::Failed { message, hint });
        match ending {
            Ending::Done(message) => Ok(self.done(&message)),
            Ending::Failed(failure) => {
                let text = failure.text(&self.made.stages);
                let hint = text.contains(CONNECTION_LOST).then(|| BUILDER_GONE.to_owned());
                failed(text, hint)
            }
            Ending::Deleted => {
                let hint = "`kubectl get events` may say who did it: a node that was drained, or a person";
                failed(format!("the pod of job/{name} was deleted while it ran"), Some(hint.into()))
            }
            Ending::Refused(why) => Err(Error::Io(format!("the cluster makes no pod for job/{name}: {why}"))),
        }
    }

    fn done(&self, message: &str) -> BuildResult {
        let found = self.digests.borrow().found();
        let digest = reported_digest(message).or_else(|| found.as_ref().map(|found| found.digest.clone()));
        let asked = self.arguments.image.clone().filter(|_| !self.arguments.no_push && digest.is_some());
        let image = asked.or_else(|| found.and_then(|found| found.image));
        let outcome = if image.is_some() { BuildOutcome::Pushed } else { BuildOutcome::Done };
        BuildResult { image, digest, ..self.result(outcome) }
    }

    fn result(&self, outcome: BuildOutcome) -> BuildResult {
        let job = BuildJob { name: self.made.name.clone(), namespace: self.jobs.namespace().to_owned() };
        BuildResult::new(outcome, Some(job), self.progress.elapsed())
    }

    /// Deletes the Job. Whether it is gone; where not, that is said.
    async fn delete(&self) -> bool {
        let name = &self.made.name;
        let deleted = self.jobs.delete(name).await;
        if let Err(error) = &deleted {
            self.progress.note(&format!("job/{name} could not be deleted: {error}"));
            self.progress.note(&format!("to delete it: kubectl delete -n {} job/{name}", self.jobs.namespace()));
        }
        deleted.is_ok()
    }
}
