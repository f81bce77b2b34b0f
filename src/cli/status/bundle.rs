//! All that an issue report needs, in one file, without names of people's own.

use super::{Source, fleet};
use crate::api::Agents;
use crate::cli::{Error, output};
use crate::fact::Redaction;
use crate::fleet::status::outline;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Of so many pods the log is taken, those that are not ready first.
const LOGS: usize = 20;

/// The files, by name.
type Files = Vec<(String, Vec<u8>)>;

const README: &str = "What `buildkit-preflight status --bundle` saw of a cluster, for an issue report.

fleet.json    how each node stands, as `status --format json` prints it
pods.json     pods of agents and canaries: what they ask for, and how they are; no environment, no volumes
events.json   the events of buildkit-preflight about nodes
logs/         the last lines of agents' logs
about.json    versions, and what could not be read

Names of nodes, pools, hosts, addresses and clusters are replaced; one name has one placeholder in all files. Please look through it
before you send it: a text that no rule knows may still name something of yours.
";

/// Nothing is overwritten: whoever names a file that exists may have meant another.
pub(super) fn is_new(file: &Path) -> Result<(), Error> {
    if file.file_name().is_none() {
        return Err(Error::BadInput {
            message: format!("--bundle {:?} names no file", file.display().to_string()),
            hint: Some("name a new file, as in --bundle report.tar.gz".into()),
        });
    }
    match file.symlink_metadata() {
        Ok(_) => Err(Error::BadInput {
            message: format!("--bundle {}: the file exists", file.display()),
            hint: Some("name a new file, or remove this one".into()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent(file).is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::BadInput {
            message: format!("--bundle {}: its directory does not exist", file.display()),
            hint: Some("name a new file in a directory that exists".into()),
        }),
        Err(error) => Err(Error::Io(format!("--bundle {}: {error}", file.display()))),
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Gathers all of it, then writes the file at once.
pub(super) async fn write(agents: &Agents, source: &Source, file: &Path) -> Result<(), Error> {
    let report = fleet::report(agents, source).await?;
    let (mut by, mut missing) = (Redaction::default(), Vec::new());
    let mut about = json!({
        "buildkitPreflight": env!("CARGO_PKG_VERSION"),
        "kubernetes": report.head.kubernetes,
        "time": report.head.time,
        "nodes": report.nodes,
    });
    // First of all, so that all nodes' names are known to what comes after.
    let report = report.redacted(&mut by);
    let mut files: Files = vec![("README.txt".into(), README.into()), ("fleet.json".into(), pretty(&report)?)];
    let pods = agents.all_pods(&source.namespace, |pod| pod).await;
    let pods = pods.unwrap_or_else(|error| {
        missing.push(by.text(&error.to_string()));
        Vec::new()
    });
    files.push(("pods.json".into(), pretty(&pods.iter().map(|pod| outline::pod(pod, &mut by)).collect::<Vec<_>>())?));
    let events = agents.events(None).await.unwrap_or_else(|error| {
        missing.push(by.text(&error.to_string()));
        Vec::new()
    });
    files.push(("events.json".into(), pretty(&events.iter().map(|event| outline::event(event, &mut by)).collect::<Vec<_>>())?));
    for name in of_logs(&pods) {
        match agents.log(&source.namespace, &name).await {
            Ok(log) => {
                let lines = log.lines().map(|line| crate::text::line(&by.text(line)).into_owned() + "\n");
                files.push((format!("logs/{name}.log"), lines.collect::<String>().into_bytes()));
            }
            Err(error) => missing.push(by.text(&error.to_string())),
        }
    }
    about["couldNotRead"] = json!(missing);
    files.push(("about.json".into(), pretty(&about)?));
    let packed = pack(&files).map_err(|error| Error::Io(format!("could not pack the bundle: {error}")))?;
    put(file, &packed).map_err(|error| Error::Io(format!("could not write {}: {error}", file.display())))?;
    for what in &missing {
        output::say("note: ", &format!("left out of the bundle: {what}"));
    }
    output::print(&format!("wrote {}; look through it before you send it\n", crate::text::line(&file.to_string_lossy())))
}

fn pretty(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let written = serde_json::to_writer_pretty(output::json_into(&mut bytes), value);
    written.map_err(|error| Error::Io(format!("could not write the bundle: {error}")))?;
    Ok(bytes)
}

/// The pods whose logs say most: those that are not ready, then some others to compare them with. A name that is no file's is none.
fn of_logs(pods: &[Value]) -> Vec<String> {
    let is_ready = |pod: &&Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let (ready, others): (Vec<_>, Vec<_>) = pods.iter().partition(is_ready);
    let names = others.into_iter().chain(ready).filter_map(|pod| pod["metadata"]["name"].as_str());
    names.filter(|name| crate::cli::names::is_dns_subdomain(name)).take(LOGS).map(str::to_owned).collect()
}

fn pack(files: &Files) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("buildkit-preflight/{name}"), bytes.as_slice())?;
    }
    archive.into_inner()?.finish()
}

/// All at once, and never over another file.
fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = parent(file).join(format!(".buildkit-preflight.{}", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut opened| {
        opened.write_all(bytes)?;
        opened.sync_all()?;
        fs::hard_link(&temporary, file)
    });
    if written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) && !temporary.exists() {
        return written;
    }
    let removed = fs::remove_file(&temporary);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bundle_is_written_once_and_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("a.tar.gz");
        assert!(is_new(&file).is_ok());
        let packed = pack(&vec![("a.json".into(), b"{}".to_vec()), ("logs/b.log".into(), b"x\n".to_vec())]).expect("packed");
        put(&file, &packed).expect("written");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&file).expect("the file")));
        let read = archive.entries().expect("entries").map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            (entry.path().expect("a path").display().to_string(), text)
        });
        let read: Vec<_> = read.collect();
        assert_eq!(read, [("buildkit-preflight/a.json".into(), "{}".into()), ("buildkit-preflight/logs/b.log".into(), "x\n".to_owned())]);
        assert!(put(&file, b"other").is_err() && fs::read(&file).expect("the file") == packed);
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1, "nothing is left beside it");
        assert!(matches!(is_new(&file), Err(Error::BadInput { .. })));
        assert!(matches!(is_new(&dir.path().join("no/a.tar.gz")), Err(Error::BadInput { .. })));
    }

    #[test]
    fn logs_are_those_of_pods_that_are_not_ready_first() {
        let pod =
            |name: &str, ready: &str| json!({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        assert_eq!(of_logs(&[pod("a", "True"), pod("b", "False"), pod("../c", "False")]), ["b", "a"]);
    }
}
