//! The policy of SELinux that guests load: Debian's with what guest/selinux.cil adds.

use crate::guest::place;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What compiles it, and what that is linked against.
pub(crate) const PACKAGES: [&str; 7] =
    ["selinux-policy-default", "policycoreutils", "libbz2-1.0", "libsemanage-common", "libsemanage2", "libsepol2", "libaudit-common"];

/// What is added, in the guest's tree.
const ADDED: &str = "guest/selinux.cil";
/// Where Debian's modules are.
const MODULES: &str = "usr/share/selinux/default";
/// The newest version that the oldest kernel reads.
const VERSION: u32 = 33;

/// Leaves the policy in `root`, and nothing else of those packages. Compiled again only where something changed.
pub(crate) fn add(root: &Path) {
    let cache = place().join("selinux");
    let made_of = fs::read_to_string(root.join(ADDED)).expect("the added rules") + &packages();
    if fs::read_to_string(cache.join("made-of")).ok().as_ref() != Some(&made_of) {
        fs::create_dir_all(&cache).expect("mkdir");
        compile(root);
        fs::copy(root.join(format!("etc/selinux/default/policy/policy.{VERSION}")), cache.join("policy")).expect("copy");
        fs::write(cache.join("made-of"), made_of).expect("write");
    }
    for dir in ["etc/selinux", "usr/share/selinux", "var/lib/selinux"] {
        let _ = fs::remove_dir_all(root.join(dir));
    }
    fs::create_dir_all(root.join("guest/selinux")).expect("mkdir");
    fs::copy(cache.join("policy"), root.join("guest/selinux/policy")).expect("copy");
}

/// The names of the packages' files, which have their versions.
fn packages() -> String {
    let dir = fs::read_dir(place().join("packages/root")).expect("packages");
    let mut names: Vec<_> = dir.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.into_iter().filter(|name| name.starts_with("selinux-policy") || name.starts_with("libsepol")).collect()
}

/// By Debian's own compiler, in the guest's tree: that of this machine may be of another version.
fn compile(root: &Path) {
    fs::create_dir_all(root.join("var/lib/selinux/default")).expect("mkdir");
    fs::write(root.join("etc/selinux/config"), "SELINUX=enforcing\nSELINUXTYPE=default\n").expect("write");
    // Nobody asks here which file has which label by default.
    let settings =
        format!("module-store = direct\npolicy-version = {VERSION}\nexpand-check = 0\n[sefcontext_compile]\npath = /usr/bin/true\n[end]\n");
    fs::write(root.join("etc/selinux/semanage.conf"), settings).expect("write");
    let modules = fs::read_dir(root.join(MODULES)).expect("the policy's modules").flatten();
    let names = modules.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name.ends_with(".pp.bz2"));
    let mut command = Command::new("chroot");
    command.arg(root).args(["/usr/sbin/semodule", "-n", "-s", "default", "-i", &format!("/{ADDED}")]);
    for name in names {
        command.args(["-i", &format!("/{MODULES}/{name}")]);
    }
    let done = command.output().expect("chroot");
    assert!(done.status.success(), "the policy of SELinux: {}", String::from_utf8_lossy(&done.stderr));
}
