//! Debian's kernels: image, modules and an initramfs.

use super::debian::{self, Apt};
use super::{piped, place};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernels that are run, by their series: release, version of the packages. Debian drops old ones in time; the newest
/// of the series stands in then. They are those for virtual machines: small, and the disks' drivers are modules of theirs.
const PINNED: [(&str, &str, &str); 4] = [
    ("5.10", "5.10.0-46-cloud-amd64", "5.10.262-1"),
    ("6.1", "6.1.0-56-cloud-amd64", "6.1.192-2"),
    ("6.12", "6.12.117+deb13-cloud-amd64", "6.12.117-1"),
    ("7.2", "7.2.13+deb14-cloud-amd64", "7.2.13-1"),
];

/// What is loaded at the start for the disks, and what the node loads.
const DISK_MODULES: [&str; 3] = ["crc32c_generic", "virtio_pci", "virtio_blk"];
const NODE_MODULES: [&str; 2] = ["overlay", "fuse"];
/// What a test's script loads for a volume (`load` in node.sh).
const VOLUME_MODULES: [&str; 6] = ["loop", "xfs", "btrfs", "nfsd", "nfsv4", "virtiofs"];

/// A kernel that can be booted.
pub(crate) struct Kernel {
    pub(crate) image: PathBuf,
    pub(crate) initramfs: PathBuf,
}

/// The kernel of a series, fetched if it is not at hand. An error if the mirrors have none.
pub(crate) fn get(series: &str) -> Result<Kernel, String> {
    let cache = place().join("kernels");
    let pinned = PINNED.iter().find(|(name, ..)| *name == series);
    let at_hand = pinned.map(|(_, release, _)| cache.join(release)).filter(|dir| is_extracted(dir));
    let dir = at_hand.map_or_else(|| fetch(series, pinned, &cache), Ok)?;
    let initramfs = dir.join("initramfs");
    pack(&dir, &initramfs);
    Ok(Kernel { image: dir.join("image"), initramfs })
}

fn fetch(series: &str, pinned: Option<&(&str, &str, &str)>, cache: &Path) -> Result<PathBuf, String> {
    let apt = Apt::get();
    let names = apt.names("linux-");
    let image = |release: &str| {
        // Since 7.x the image is in one package, and the modules in another.
        let split = ["binary", "modules"].map(|part| format!("linux-{part}-{release}")).to_vec();
        if names.contains(&split[0]) { split } else { vec![format!("linux-image-{release}")] }
    };
    let wanted = pinned.map(|(_, release, version)| (*release, *version));
    let found = wanted.filter(|(release, version)| image(release).iter().all(|name| apt.has(name, version)));
    let (release, packages) = if let Some((release, version)) = found {
        (release.to_owned(), image(release).iter().map(|name| format!("{name}={version}")).collect())
    } else {
        let release = newest(&names, series).ok_or_else(|| format!("the mirrors have no kernel {series} for virtual machines"))?;
        println!("guest: {} is not on the mirrors; {release} is run", wanted.map_or(series, |(release, _)| release));
        let packages = image(&release);
        (release, packages)
    };
    let dir = cache.join(&release);
    if !is_extracted(&dir) {
        apt.download(&packages, &dir.join("packages"));
        extract(&dir, &release);
    }
    Ok(dir)
}

/// The modules of which a guest has a list of files to load.
fn listed() -> impl Iterator<Item = &'static str> {
    NODE_MODULES.into_iter().chain(VOLUME_MODULES)
}

/// Whether image and modules are at hand: all of them, for those that came later are not where an older run extracted.
fn is_extracted(dir: &Path) -> bool {
    dir.join("image").exists() && listed().all(|module| dir.join("modules").join(module).exists())
}

/// The newest release of a series; if the mirrors have none of it any more and it was the newest of all, the newest of all.
fn newest(names: &[String], series: &str) -> Option<String> {
    let release = |name: &String| {
        let release = name.strip_prefix("linux-image-")?;
        // Those without a number are metapackages, those with deb11 rebuilds for another suite.
        (release.ends_with("-cloud-amd64")
            && release.starts_with(|c: char| c.is_ascii_digit())
            && release.matches('.').count() >= 2
            && !release.contains("deb11"))
        .then(|| release.to_owned())
    };
    let releases: Vec<_> = names.iter().filter_map(release).collect();
    let of_series = releases.iter().rev().find(|release| release.starts_with(&format!("{series}.")));
    let last = PINNED.last().is_some_and(|(name, ..)| *name == series);
    of_series.or_else(|| releases.last().filter(|_| last)).cloned()
}

/// Image and modules out of the packages.
fn extract(dir: &Path, release: &str) {
    let tree = dir.join("tree");
    debian::unpack(&dir.join("packages"), &tree);
    let base = if tree.join("usr/lib/modules").exists() { tree.join("usr") } else { tree.clone() };
    let modules = base.join("lib/modules").join(release);
    let indexed = Command::new("/bin/busybox").args(["depmod", "-b"]).arg(&base).arg(release).status().expect("busybox-static");
    assert!(indexed.success(), "depmod of {release}");
    let needs = dependencies(&fs::read_to_string(modules.join("modules.dep")).expect("modules.dep"));
    let out = dir.join("modules");
    fs::create_dir_all(&out).expect("mkdir");
    let take = |wanted: &str, list: &mut Vec<String>| {
        // What is built in has no file.
        for path in needs.get(wanted).into_iter().flatten() {
            let file = modules.join(path);
            let bytes = if path.ends_with(".xz") {
                piped("xz", &["-dc"], &fs::read(&file).expect("a module"))
            } else {
                fs::read(&file).expect("a module")
            };
            let name = name(path) + ".ko";
            fs::write(out.join(&name), bytes).expect("write");
            if !list.contains(&name) {
                list.push(name);
            }
        }
    };
    let mut disks = Vec::new();
    DISK_MODULES.iter().for_each(|module| take(module, &mut disks));
    fs::write(out.join("disks"), disks.join("\n") + "\n").expect("write");
    for module in listed() {
        let mut list = Vec::new();
        take(module, &mut list);
        fs::write(out.join(module), list.join("\n") + "\n").expect("write");
    }
    let image = [tree.join(format!("boot/vmlinuz-{release}")), modules.join("vmlinuz")].into_iter().find(|path| path.exists());
    fs::copy(image.expect("a kernel in the packages"), dir.join("image")).expect("copy");
    fs::remove_dir_all(&tree).expect("rm");
}

/// `kernel/fs/fuse/fuse.ko.xz` is `fuse`.
fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

/// For each module the files to load for it, itself last.
fn dependencies(modules_dep: &str) -> BTreeMap<String, Vec<String>> {
    let line = |line: &str| {
        let (path, needs) = line.split_once(':')?;
        let files = needs.split_whitespace().rev().chain([path]).map(str::to_owned).collect();
        Some((name(path), files))
    };
    modules_dep.lines().filter_map(line).collect()
}

/// The initramfs: busybox, the modules, the first program.
fn pack(dir: &Path, target: &Path) {
    let tree = dir.join("initramfs.tree");
    let _ = fs::remove_dir_all(&tree);
    for sub in ["bin", "modules", "proc", "dev", "new"] {
        fs::create_dir_all(tree.join(sub)).expect("mkdir");
    }
    fs::copy("/bin/busybox", tree.join("bin/busybox")).expect("busybox-static");
    for entry in fs::read_dir(dir.join("modules")).expect("modules").flatten() {
        fs::copy(entry.path(), tree.join("modules").join(entry.file_name())).expect("copy");
    }
    fs::write(tree.join("init"), include_str!("initramfs")).expect("write");
    let script = "chmod 755 init && find . | /bin/busybox cpio -o -H newc 2> /dev/null | gzip -1";
    let packed = Command::new("sh").args(["-c", script]).current_dir(&tree).output().expect("sh");
    assert!(packed.status.success(), "the initramfs");
    fs::write(target, packed.stdout).expect("write");
    fs::remove_dir_all(&tree).expect("rm");
}
