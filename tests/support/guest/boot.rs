//! One boot of a guest: starts qemu, follows what the guest tells, and ends a guest that is silent.

use super::kernel::Kernel;
use super::piped;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a guest may take until its node is up. It is some seconds; the firmware hangs now and then.
const START: Duration = Duration::from_secs(120);
/// How often the console is looked at: a kernel that hangs says so there.
const GLANCE: Duration = Duration::from_secs(5);

/// What is booted.
pub(crate) struct Machine<'a> {
    pub(crate) kernel: &'a Kernel,
    /// The disk of [`super::disk::root`].
    pub(crate) root: &'a Path,
    /// A disk of [`super::disk::make`], `/disk` in the guest.
    pub(crate) work: &'a Path,
    /// More words for the kernel's command line: `apparmor=0`, `node.cgroup=1`.
    pub(crate) append: &'a str,
    /// Whether the guest can mount a directory of the host, by virtiofs with the tag `shared`.
    pub(crate) shares: bool,
    /// How long a guest that is up may say nothing.
    pub(crate) patience: Duration,
    /// Where the console goes, and what is sent with `end`.
    pub(crate) dir: &'a Path,
}

/// What a guest tells.
pub(crate) enum Told {
    /// The node is up, with this release of the kernel.
    Up(String),
    /// The script began something.
    Begin,
    /// It has ended it. What it left lies in the directory.
    End(String, PathBuf),
    /// The node is no longer what it was at the start; what differs.
    Dirty(String),
    /// Anything else, for people.
    Trouble(String),
}

/// A running guest, ended when it goes out of scope.
pub(crate) struct Guest {
    qemu: Child,
    /// The server of the directory that is shared, which ends when qemu does.
    server: Option<Child>,
    lines: Receiver<String>,
    up: bool,
    patience: Duration,
    dir: PathBuf,
}

impl Guest {
    pub(crate) fn start(machine: &Machine) -> Self {
        let server = machine.shares.then(|| start_server(machine.dir));
        let mut qemu = start_qemu(machine);
        let lines = lines(&mut qemu);
        Guest { qemu, server, lines, up: false, patience: machine.patience, dir: machine.dir.to_owned() }
    }

    /// What it tells next; `None` once it has ended. An error is why it is no good any more: it hangs, or says nothing.
    pub(crate) fn told(&mut self) -> Result<Option<Told>, String> {
        let asked = Instant::now();
        let limit = if self.up { self.patience } else { START };
        loop {
            match self.lines.recv_timeout(GLANCE) {
                Ok(line) => return Ok(Some(self.understand(&line))),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.crash().is_some() => return Err("the kernel hangs".to_owned()),
                Err(RecvTimeoutError::Timeout) if asked.elapsed() < limit => {}
                Err(RecvTimeoutError::Timeout) => return Err(format!("no sign of life for {} s", limit.as_secs())),
            }
        }
    }

    fn understand(&mut self, line: &str) -> Told {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
        match word {
            "up" => {
                self.up = true;
                Told::Up(first.to_owned())
            }
            "begin" => Told::Begin,
            "end" => {
                let out = self.dir.join("out").join(first);
                unpack(more, &out);
                Told::End(first.to_owned(), out)
            }
            "dirty" => Told::Dirty(rest.to_owned()),
            _ => Told::Trouble(line.trim_start_matches("trouble ").to_owned()),
        }
    }

    /// What the kernel said last, if it died.
    pub(crate) fn crash(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&fs::read(console(&self.dir)).ok()?).into_owned();
        let signs = ["BUG:", "Oops:", "general protection fault", "kernel BUG", "Kernel panic", "double fault", "detected stall"];
        text.lines().find(|line| signs.iter().any(|sign| line.contains(sign))).map(|line| line.trim().chars().take(120).collect())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn console(dir: &Path) -> PathBuf {
    dir.join("console.log")
}

fn start_qemu(machine: &Machine) -> Child {
    // An oops ends the guest at once: what runs on after it proves nothing.
    let line = format!("console=ttyS0 loglevel=5 oops=panic panic=-1 {}", machine.append);
    let mut command = Command::new("qemu-system-x86_64");
    // One CPU: with two, emulated kernels corrupt their memory and hang or die, and are no faster for a build.
    command.args(["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "2048"]);
    command.args(["-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none"]);
    command.arg("-serial").arg(format!("file:{}", console(machine.dir).display())).args(["-serial", "stdio"]);
    command.arg("-kernel").arg(&machine.kernel.image).arg("-initrd").arg(&machine.kernel.initramfs).arg("-append").arg(line);
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,readonly=on", machine.root.display()));
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,cache=unsafe", machine.work.display()));
    if machine.shares {
        command.arg("-chardev").arg(format!("socket,id=shared,path={SOCKET}"));
        command.args(["-device", "vhost-user-fs-pci,chardev=shared,tag=shared"]);
        // The server reads and writes the guest's memory.
        command.args(["-object", "memory-backend-memfd,id=memory,size=2048M,share=on", "-machine", "memory-backend=memory"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).current_dir(machine.dir);
    spawn(&mut command)
}

/// The server's socket, in the directory of the boot.
const SOCKET: &str = "shared.sock";

/// qemu's own virtiofsd, with all that a file system on the host's disk has.
fn start_server(dir: &Path) -> Child {
    fs::create_dir_all(dir.join("shared")).expect("mkdir");
    let _ = fs::remove_file(dir.join(SOCKET));
    let log = fs::File::create(dir.join("virtiofsd.log")).expect("create");
    let mut command = Command::new("/usr/lib/qemu/virtiofsd");
    // Its lock is named after the whole path.
    command
        .arg(format!("--socket-path={}", dir.join(SOCKET).display()))
        .arg("-f")
        .arg("-o")
        .arg(format!("source={}", dir.join("shared").display()));
    command.args(["-o", "xattr", "-o", "sandbox=chroot"]).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut server = spawn(&mut command);
    while !dir.join(SOCKET).exists() {
        let ended = server.try_wait().expect("a child");
        assert!(ended.is_none(), "virtiofsd makes no socket: see {}", dir.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

fn spawn(command: &mut Command) -> Child {
    let die_with_parent = || prctl::set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from);
    // SAFETY: between fork and exec one system call is made, which is safe there.
    unsafe { command.pre_exec(die_with_parent) };
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()))
}

/// What the guest writes to its second serial port.
fn lines(qemu: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let stdout = qemu.stdout.take().expect("piped");
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() && sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Files, as the guest packed them.
fn unpack(packed: &str, out: &Path) {
    fs::create_dir_all(out).expect("mkdir");
    let archive = piped("base64", &["-d"], packed.as_bytes());
    // The guest's clock may be ahead.
    piped("tar", &["-xzm", "-C", &out.display().to_string()], &archive);
}
