//! One boot of a guest that runs cells.

use crate::cell::{Cell, State};
use crate::disk;
use crate::guest::boot::{Guest, Machine, Told};
use crate::guest::kernel::Kernel;
use crate::spec;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a cell may take beside the container of `check`: more than the limits in guest/cell.sh together.
const CELL: Duration = Duration::from_secs(450);

/// What came of a boot.
pub(crate) struct Boot {
    /// Ids of cells that were finished are taken off this list; the first that is left was under way if `began`.
    pub(crate) open: Vec<String>,
    /// Whether the first open cell had been begun.
    pub(crate) began: bool,
    /// Why the guest ended before its cells did; `None` if it did not, or for a fresh node only.
    pub(crate) broken: Option<String>,
}

/// What the guest is given.
pub(crate) struct Disks<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) root: &'a Path,
}

/// What a boot has to say while it runs.
pub(crate) enum News<'a> {
    /// A cell is finished: its id, the kernel's release, a directory with what it left.
    Done(&'a str, &'a str, &'a Path),
    /// For people.
    Line(String),
}

/// Boots and runs cells.
pub(crate) fn boot(disks: &Disks, cells: &[&Cell], dir: &Path, mut news: impl FnMut(News)) -> Boot {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).expect("mkdir");
    let work = disk::work(dir, cells);
    let setting = &cells[0].boot;
    let cgroup = if setting.cgroup == 1 { " node.cgroup=1" } else { "" };
    let selinux = if setting.selinux_on { " security=selinux selinux=1 node.selinux=1" } else { "" };
    let append = format!("apparmor={}{cgroup}{selinux}", u8::from(setting.apparmor_on));
    let shares = cells.iter().any(|cell| cell.settings.state == State::Virtiofs);
    let start = Instant::now();
    let patience = CELL + spec::check_limit();
    let mut guest = Guest::start(&Machine { kernel: disks.kernel, root: disks.root, work: &work, append: &append, shares, patience, dir });
    let mut boot = Boot { open: cells.iter().map(|cell| cell.id.clone()).collect(), began: false, broken: None };
    let mut release = String::new();
    loop {
        match guest.told() {
            Ok(Some(Told::Up(name))) => {
                news(News::Line(format!("the node is up after {:.1} s", start.elapsed().as_secs_f64())));
                release = name;
            }
            Ok(Some(Told::Begin)) => boot.began = true,
            Ok(Some(Told::End(id, out))) => {
                boot.open.retain(|open| *open != id);
                boot.began = false;
                news(News::Done(&id, &release, &out));
            }
            Ok(Some(Told::Dirty(what))) => {
                news(News::Line(format!("a fresh boot, since the last cell's traces stay: {what}")));
                break;
            }
            Ok(Some(Told::Trouble(what))) => news(News::Line(what)),
            Ok(None) => {
                boot.broken = (!boot.open.is_empty()).then(|| "the guest ended".to_owned());
                break;
            }
            Err(why) => {
                boot.broken = Some(why);
                break;
            }
        }
    }
    if let Some(broken) = &mut boot.broken
        && let Some(crash) = guest.crash()
    {
        *broken = format!("{broken}: {crash}");
    }
    drop(guest);
    let _ = fs::remove_file(&work);
    boot
}
