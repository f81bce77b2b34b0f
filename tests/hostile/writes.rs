//! What a command opens for writing, makes, removes, renames or mounts: nothing but its scratch, unless it is told to.
//!
//! strace(1) tells every such call of the program and of all that it starts, whether it worked or not.

use crate::commands::COMMANDS;
use crate::oracle::Expect;
use crate::run::Input;
use crate::world;
use std::collections::HashMap;

/// Calls that change a file system. Those on descriptors alone need one that was opened for it.
const CALLS: &str = "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,mount,umount2,bind,sethostname,setxattr,lsetxattr,pivot_root,chroot,chdir,fchdir,clone,clone3,fork,vfork";

/// Commands that are told to write: they are shown to write by other tests. A guard tries its own pod's directories.
fn writes(name: &str, flags: &[&str]) -> bool {
    name == "agent"
        || name == "cleanup" && flags.is_empty()
        || name == "prover"
        || name == "man"
        || flags
            .iter()
            .any(|flag| ["--apply", "--forget", "--capture captured", "--own-pod"].contains(flag) || name == "check" && *flag == "--guard")
}

fn traced(most: usize) -> Vec<Input> {
    let mut inputs = Vec::new();
    for command in COMMANDS {
        for flags in command.combinations(most, true) {
            if writes(command.name, &flags) || flags.len() < most && most > 2 {
                continue;
            }
            let strace = format!("strace -f -qq -y --seccomp-bpf -s 4096 -o trace -e trace={CALLS} -e signal=none ");
            let (line, _) = command.line(&strace, &flags);
            let mut expect = Expect { writes: Some("trace"), may_write: vec!["trace"], ..Expect::of(command.name) };
            expect.stderr_is_lost = true;
            inputs.push(world::with_files(Input::new(format!("{} {} under strace", command.name, flags.join(" ")), line, expect)));
        }
    }
    inputs
}

/// All that is taken, alone and in pairs.
pub(crate) fn pairs() -> Vec<Input> {
    traced(2)
}

/// Some of the triples.
pub(crate) fn triples(random: &mut fastrand::Rng) -> Vec<Input> {
    let mut inputs = traced(3);
    random.shuffle(&mut inputs);
    inputs.truncate(300);
    inputs
}

/// What is known of a process: its directory, and whether it has left this root and sees none of its files.
#[derive(Clone, Default)]
struct Process {
    directory: String,
    gone: bool,
}

/// Calls of a trace that change something they may not, as strace wrote them.
pub(crate) fn outside(trace: &str, dir: &str) -> Vec<String> {
    let parents: HashMap<&str, &str> = trace.lines().filter_map(child).map(|(parent, child)| (child, parent)).collect();
    let mut processes: HashMap<&str, Process> = HashMap::new();
    let mut wrong = Vec::new();
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').unwrap_or(("", line));
        let (call, worked) = (call.trim_start(), !call.contains(" = -1 "));
        if !processes.contains_key(pid) {
            let parent = parents.get(pid).and_then(|parent| processes.get(parent)).cloned();
            processes.insert(pid, parent.unwrap_or_else(|| Process { directory: dir.to_owned(), gone: false }));
        }
        let process = processes.get_mut(pid).expect("put in");
        let (name, arguments) = call.split_once('(').unwrap_or_default();
        let texts: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
        // With -y a descriptor is told with its path.
        let at = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(process.directory.as_str(), |(path, _)| path);
        let path = |text: &str, at: &str| if text.starts_with('/') { text.to_owned() } else { format!("{at}/{text}") };
        match (name, texts.first()) {
            ("chroot" | "pivot_root", _) => process.gone |= worked,
            ("chdir", Some(to)) if worked => process.directory = path(to, &process.directory),
            ("fchdir", _) if worked => process.directory = at.to_owned(),
            ("chdir" | "fchdir" | "clone" | "clone3" | "fork" | "vfork", _) => {}
            _ if process.gone || !is_change(name, arguments) => {}
            ("mount", _) if arguments.starts_with("NULL, \"/\"") => {}
            (_, Some(first)) => {
                // What is mounted or linked is not changed by that.
                let of_two = ["mount", "symlink", "symlinkat", "link", "linkat"].contains(&name);
                let target = if of_two { texts.get(1).unwrap_or(first) } else { first };
                let target = path(target, if name.ends_with("at") || name.starts_with("openat") { at } else { &process.directory });
                if !is_its_own(&target) {
                    wrong.push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    wrong
}

/// Parent and child, where a line tells them.
fn child(line: &str) -> Option<(&str, &str)> {
    let (parent, call) = line.split_once(' ')?;
    let is_fork = ["clone", "fork"].iter().any(|name| call.contains(name));
    Some((parent, call.rsplit_once("= ")?.1)).filter(|_| is_fork)
}

fn is_change(name: &str, arguments: &str) -> bool {
    let writing = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];
    match name {
        "open" | "openat" | "openat2" => writing.iter().any(|flag| arguments.contains(flag)),
        _ => CALLS.split(',').any(|call| call == name),
    }
}

/// The scratch; the ID maps of its children; devices on which an open says all.
fn is_its_own(path: &str) -> bool {
    // That without a dot is the probe's in TMPDIR, where it can't write to the state dir as its user.
    let in_scratch = ["/.buildkit-preflight-", "/buildkit-preflight-"].iter().any(|name| path.contains(name)) && !path.contains("..");
    let map = path.starts_with("/proc/") && ["/uid_map", "/gid_map", "/setgroups"].iter().any(|file| path.ends_with(file));
    in_scratch || map || ["/dev/null", "/dev/fuse", "/dev/net/tun"].contains(&path)
}
