//! One boot of a guest: starts qemu, follows what the guest tells, and ends a guest that is silent.

use crate::cell::Cell;
use crate::disk::{self, piped};
use crate::kernel::Kernel;
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
/// How long a cell may take: more than the limits in guest/cell.sh together.
const CELL: Duration = Duration::from_secs(570);
/// How often the console is looked at: a kernel that hangs says so there.
const GLANCE: Duration = Duration::from_secs(5);

/// What came of a boot.
pub(crate) struct Boot {
    /// Ids of cells that were finished are taken off this list; the first that is left was under way if `began`.
    pub(crate) open: Vec<String>,
    /// Whether the first open cell had been begun.
    pub(crate) began: bool,
    /// Why the guest ended before its cells did; `None` if it did not, or for a fresh node only.
    pub(crate) broken: Option<String>,
    /// From qemu's start until the node was up.
    pub(crate) up_after: f64,
}

/// What the guest is given.
pub(crate) struct Disks<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) root: &'a Path,
}

/// Boots and runs cells. `done` is called for each finished cell with its id, the kernel's release and a directory with
/// what it left.
pub(crate) fn boot(disks: &Disks, cells: &[&Cell], dir: &Path, mut done: impl FnMut(&str, &str, &Path)) -> Boot {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("mkdir");
    let work = disk::work(dir, cells);
    let console = dir.join("console.log");
    let start = Instant::now();
    let mut qemu = Qemu(start_qemu(disks, cells[0], &work, &console));
    let lines = qemu.lines();
    let mut boot = Boot { open: cells.iter().map(|cell| cell.id.clone()).collect(), began: false, broken: None, up_after: 0.0 };
    let mut release = String::new();
    let mut heard = Instant::now();
    loop {
        let limit = if release.is_empty() { START } else { CELL };
        let line = match lines.recv_timeout(GLANCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) if crash(&console).is_some() => {
                boot.broken = Some("the kernel hangs".to_owned());
                break;
            }
            Err(RecvTimeoutError::Timeout) if heard.elapsed() < limit => continue,
            Err(RecvTimeoutError::Timeout) => {
                boot.broken = Some(format!("no sign of life for {} s", limit.as_secs()));
                break;
            }
            Err(RecvTimeoutError::Disconnected) => {
                boot.broken = (!boot.open.is_empty()).then(|| "the guest ended".to_owned());
                break;
            }
        };
        heard = Instant::now();
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "up" => {
                release = rest.split(' ').next().unwrap_or_default().to_owned();
                boot.up_after = start.elapsed().as_secs_f64();
            }
            "begin" => boot.began = true,
            "end" => {
                let (id, packed) = rest.split_once(' ').unwrap_or((rest, ""));
                let out = dir.join("cells").join(id);
                unpack(packed, &out);
                boot.open.retain(|open| open != id);
                boot.began = false;
                done(id, &release, &out);
            }
            "dirty" => {
                println!("kernels: a fresh boot, since the last cell's traces stay: {rest}");
                break;
            }
            "trouble" => println!("kernels: {rest}"),
            "down" => {}
            _ => println!("kernels: the guest says {line}"),
        }
    }
    drop(qemu);
    if let Some(broken) = &mut boot.broken
        && let Some(crash) = crash(&console)
    {
        *broken = format!("{broken}: {crash}");
    }
    let _ = fs::remove_file(&work);
    boot
}

fn start_qemu(disks: &Disks, cell: &Cell, work: &Path, console: &Path) -> Child {
    // An oops ends the guest at once: what runs on after it proves nothing.
    let mut line = format!("console=ttyS0 loglevel=5 oops=panic panic=-1 apparmor={}", u8::from(cell.boot.apparmor_on));
    if cell.boot.cgroup == 1 {
        line += " node.cgroup=1";
    }
    let mut command = Command::new("qemu-system-x86_64");
    // One CPU: with two, emulated kernels corrupt their memory and hang or die, and are no faster for a build.
    command.args(["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "2048"]);
    command.args(["-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none"]);
    command.arg("-serial").arg(format!("file:{}", console.display())).args(["-serial", "stdio"]);
    command.arg("-kernel").arg(&disks.kernel.image).arg("-initrd").arg(&disks.kernel.initramfs).arg("-append").arg(line);
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,readonly=on", disks.root.display()));
    command.arg("-drive").arg(format!("file={},format=raw,if=virtio,cache=unsafe", work.display()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let die_with_parent = || prctl::set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from);
    // SAFETY: between fork and exec one system call is made, which is safe there.
    unsafe { command.pre_exec(die_with_parent) };
    command.spawn().expect("qemu-system-x86_64")
}

/// A running guest, ended when it goes out of scope.
struct Qemu(Child);

impl Qemu {
    /// What the guest writes to its second serial port.
    fn lines(&mut self) -> Receiver<String> {
        let (sender, receiver) = channel();
        let stdout = self.0.stdout.take().expect("piped");
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
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cell's files, as the guest packed them.
fn unpack(packed: &str, out: &PathBuf) {
    fs::create_dir_all(out).expect("mkdir");
    let archive = piped("base64", &["-d"], packed.as_bytes());
    // The guest's clock may be ahead.
    piped("tar", &["-xzm", "-C", &out.display().to_string()], &archive);
}

/// What the kernel said last, if it died.
fn crash(console: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(console).ok()?).into_owned();
    let signs = ["BUG:", "Oops:", "general protection fault", "kernel BUG", "Kernel panic", "double fault", "detected stall"];
    text.lines().find(|line| signs.iter().any(|sign| line.contains(sign))).map(|line| line.trim().chars().take(120).collect())
}
