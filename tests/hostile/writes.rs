//! What a command opens for writing, makes, removes, renames or mounts: nothing but its scratch, unless it is told to.
//!
//! strace(1) tells every such call of the program and of all that it starts, whether it worked or not.

use crate::flags::COMMANDS;
use crate::oracle::Expect;
use crate::run::Input;
use crate::world;
use std::collections::HashSet;

/// Calls that change a file system. Those on descriptors alone need one that was opened for it.
const CALLS: &str = "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rmdir,rename,renameat,renameat2,link,linkat,symlink,symlinkat,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,mount,umount2,bind,sethostname,setxattr,lsetxattr,pivot_root,chroot,clone,clone3,fork,vfork,unshare";

/// Commands that are told to write: they are shown to write by other tests.
fn writes(name: &str, flags: &[&str]) -> bool {
    name == "agent" || name == "cleanup" && flags.is_empty() || name == "prover" || flags.iter().any(|flag| ["--apply", "--forget", "--capture captured"].contains(flag))
}

fn traced(most: usize) -> Vec<Input> {
    let mut inputs = Vec::new();
    for command in COMMANDS {
        for flags in command.combinations(most, true) {
            if writes(command.name, &flags) || flags.len() < most && most > 2 {
                continue;
            }
            let strace = format!("strace -f -qq -y --seccomp-bpf -s 200 -o trace -e trace={CALLS} -e signal=none ");
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

/// Calls of a trace that change something they may not: a line for each.
pub(crate) fn outside(trace: &str, dir: &str) -> Vec<String> {
    // Who has left this root, and sees none of its files.
    let mut gone: HashSet<String> = HashSet::new();
    let mut wrong = Vec::new();
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').unwrap_or(("", line));
        let call = call.trim_start();
        let name = call.split('(').next().unwrap_or_default();
        let worked = !call.contains(" = -1 ");
        match name {
            "clone" | "clone3" | "fork" | "vfork" => {
                if let Some((_, child)) = call.rsplit_once("= ").filter(|_| gone.contains(pid)) {
                    gone.insert(child.trim().to_owned());
                }
            }
            "chroot" | "pivot_root" => {
                if worked && !call.contains("resumed") {
                    gone.insert(pid.to_owned());
                }
            }
            "unshare" | "sethostname" | "umount2" => {}
            _ if gone.contains(pid) => {}
            "open" | "openat" | "openat2" | "creat" if !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE", "creat("].iter().any(|flag| call.contains(flag)) => {}
            _ if changes(name) && !is_allowed(name, call, dir) => wrong.push(line.to_owned()),
            _ => {}
        }
    }
    wrong
}

fn changes(name: &str) -> bool {
    CALLS.split(',').any(|call| call == name)
}

/// Whether what a call names lies in the scratch of its own directory, or is no file system's business.
fn is_allowed(name: &str, call: &str, dir: &str) -> bool {
    let (_, arguments) = call.split_once('(').unwrap_or_default();
    let texts: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
    let at = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path).unwrap_or_default();
    let target = match name {
        // The source of a mount is only read.
        "mount" | "symlink" | "link" | "rename" | "renameat" | "renameat2" => texts.get(1).or(texts.first()),
        _ => texts.first(),
    };
    let Some(target) = target else { return call.contains("NULL") };
    let path = if target.starts_with('/') { (*target).to_owned() } else { format!("{at}/{target}") };
    let scratch = ["state/.buildkit-preflight-", "tmp/.buildkit-preflight-", "home/.buildkit-preflight-"];
    let in_scratch = scratch.iter().any(|scratch| path.contains(&format!("{dir}/{scratch}")) || path.contains("/.buildkit-preflight-"));
    let own = ["uid_map", "gid_map", "setgroups"].iter().any(|file| path.starts_with("/proc/") && path.ends_with(file));
    // A mount that nothing but a mount namespace of its own has.
    let mounted = name == "mount" && (target.is_empty() || *target == "/" || *target == ".");
    in_scratch || own || mounted || path == "/dev/null"
}
