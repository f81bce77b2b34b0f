//! `check` on this machine itself: as root, as several users, on bad disks, with helpers that hang.
//!
//! Each test changes what it needs in a mount namespace of its own. Needs root.

mod endings;
mod place;

use place::{LONELY_USER, Place, USER, processes_in, profile, warnings};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};

#[test]
fn root_is_ready_and_writes_the_maps_itself() {
    let (code, report) = Place::new().check(0, "", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    let probe = &report["facts"]["probes"][0];
    assert_eq!((probe["mapSource"].as_str(), probe["uid"].as_u64()), (Some("root"), Some(1000)));
}

#[test]
fn root_can_judge_privileged_and_rootful_builders_too() {
    for name in ["privileged", "rootful"] {
        let (code, report) = Place::new().check(0, "", &format!("--profile {name}"));
        assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    }
}

#[test]
fn a_user_with_a_range_is_ready_without_a_word() {
    let (code, report) = Place::new().check(USER, "", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    assert_eq!(report["facts"]["probes"][0]["mapSource"], "helpers");
    assert!(warnings(&report).is_empty(), "{report:#}");
}

#[test]
fn a_user_without_a_range_is_ready_with_a_warning() {
    let (code, report) = Place::new().check(USER, "echo other:500000:65536 > subids", "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
    assert!(warnings(&report).contains(&"subid-config"), "{report:#}");
}

#[test]
fn a_user_without_helpers_is_ready_with_a_warning() {
    let unprivileged = "mkdir bin; cp /usr/bin/new[ug]idmap bin; chmod 755 bin/*; export PATH=$PWD/bin:$PATH";
    // Nothing but what the command line itself needs.
    let missing = "mkdir bin; ln -s /usr/bin/setpriv /usr/bin/env bin; export PATH=$PWD/bin";
    for setup in [unprivileged, missing] {
        let (code, report) = Place::new().check(USER, setup, "");
        assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
        assert!(warnings(&report).contains(&"idmap-helper"), "{report:#}");
    }
}

#[test]
fn without_proc_nothing_is_claimed() {
    let (code, report) = Place::new().check(0, "umount --lazy /proc", "");
    assert_eq!((code, profile(&report).0, profile(&report).1), (Some(3), "unknown", "predicted"), "{report:#}");
    assert!(report["facts"]["kernel"]["known"].is_string(), "uname(2) needs no /proc");
}

#[test]
fn a_full_disk_is_no_limit_on_namespaces() {
    let (code, report) = Place::new().check(
        0,
        "mount -t tmpfs -o size=64k full state; ! head -c 100k /dev/zero > state/filler 2> /dev/null; rm -f state/none",
        "",
    );
    assert_eq!((code, profile(&report).0), (Some(1), "not-ready"), "{report:#}");
    assert_eq!(report["profiles"][0]["causes"][0], "disk-space");
}

#[test]
fn a_state_dir_that_a_user_cannot_write_says_nothing_of_a_pods_volume() {
    for setup in ["chmod 755 state", "mount --bind state state; mount -o remount,bind,ro state"] {
        let (code, report) = Place::new().check(USER, setup, "");
        assert_eq!((code, profile(&report).0), (Some(3), "unknown"), "{report:#}");
        assert!(report["profiles"][0]["reason"].as_str().expect("a reason").contains("state dir"), "{report:#}");
    }
}

#[test]
fn the_last_inode_that_a_build_needs_counts() {
    // The root of a tmpfs is an inode too: 72 are left, and 71.
    for (inodes, verdict) in [(73, "ready"), (72, "not-ready")] {
        let setup = format!("mount -t tmpfs -o mode=777,nr_inodes={inodes} few state");
        let (_, report) = Place::new().check(0, &setup, "--snapshotter native");
        assert_eq!(profile(&report).0, verdict, "{inodes}: {report:#}");
        let causes = &report["profiles"][0]["causes"];
        assert_eq!(causes.as_array().map(Vec::len), Some(usize::from(verdict != "ready")), "{causes}");
    }
}

#[test]
fn a_state_dir_on_an_overlay_falls_back() {
    let setup = "mkdir l u w; mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w state; chmod 777 state";
    let (code, report) = Place::new().check(0, setup, "");
    let (verdict, evidence, snapshotter) = profile(&report);
    assert_eq!((code, verdict, evidence), (Some(0), "ready", "probed"), "{report:#}");
    assert!(["native", "fuse-overlayfs"].contains(&snapshotter), "{report:#}");
    assert!(warnings(&report).contains(&"overlay-backing-fs"), "{report:#}");
}

#[test]
fn scarcity_a_chroot_and_a_full_home_are_no_verdicts() {
    let chroot = "mkdir root; mount --rbind / root; mount --make-rprivate root; exec chroot root \"$PWD/buildkit-preflight\" check --format json --state-dir \"$PWD/state\" #";
    let full_home = "mount -t tmpfs -o size=8k,mode=777 full state; head -c 100k /dev/zero > state/filler 2> /dev/null || true; exec setpriv --reuid 7000 --regid 7000 --clear-groups env HOME=$PWD/state ./buildkit-preflight check --format json\n";
    let no_probe = full_home.replace("check ", "check --no-probe ");
    for (uid, setup) in [(USER, no_probe.as_str()), (LONELY_USER, "prlimit --pid $$ --nproc=3"), (0, chroot), (USER, full_home)] {
        let (code, report) = Place::new().check(uid, setup, "");
        assert_eq!((code, profile(&report).0), (Some(3), "unknown"), "{setup}: {report:#}");
        assert!(report["profiles"][0]["reason"].is_string());
    }
}

#[test]
fn root_of_a_nested_user_namespace_maps_what_there_is() {
    // As a container of LXD, or a pod with `hostUsers: false` that runs as root.
    let nested = r#"
        mkfifo done; unshare --user sh -c 'read line < done' & holder=$!
        until [ "$(readlink /proc/$holder/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do :; done
        for map in uid_map gid_map; do echo 0 100000 65536 > /proc/$holder/$map; done
        code=0
        nsenter --user --target $holder --setuid 0 --setgid 0 ./buildkit-preflight check --format json --state-dir state || code=$?
        echo > done; wait $holder; exit $code
        "#;
    let (code, report) = Place::new().check(0, nested, "");
    assert_eq!((code, profile(&report).0, profile(&report).1), (Some(0), "ready", "probed"), "{report:#}");
}

#[test]
fn a_short_range_is_ready_with_a_warning() {
    let (code, report) = Place::new().check(USER, "echo tester:500000:3 > subids", "");
    assert_eq!((code, profile(&report).0), (Some(0), "ready"), "{report:#}");
    assert!(warnings(&report).contains(&"subid-config"), "{report:#}");
}

#[test]
fn a_caller_that_ignores_its_children_gets_the_same_answer() {
    let ignoring = "trap '' CHLD";
    let (code, report) = Place::new().check(0, ignoring, "");
    assert_eq!((code, profile(&report)), (Some(0), ("ready", "probed", "overlayfs")), "{report:#}");
}

#[test]
fn the_probe_leaves_no_mount_and_no_user_namespace() {
    let place = Place::new();
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let of_ours = |line: &&str| line.contains(&place.dir.path().display().to_string());
    let look = || (mounts().lines().filter(of_ours).map(str::to_owned).collect::<Vec<_>>(), processes_in(place.dir.path()));
    let before = look();
    for uid in [0, USER] {
        let (code, _) = place.check(uid, "", "--profile no-process-sandbox --profile privileged");
        assert_eq!(code, Some(0));
    }
    assert_eq!(look(), before);
}

#[test]
fn by_hand_the_probe_tells_each_step() {
    let place = Place::new();
    let output = place.command(USER, "", "probe --state-dir state --process-sandbox").output().expect("unshare");
    let lines: Vec<Value> =
        BufReader::new(&output.stdout[..]).lines().map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON")).collect();
    let steps: Vec<_> = lines.iter().filter_map(|line| line["step"]["step"].as_str()).collect();
    for step in ["user-namespace", "uid-map", "private-root", "overlay", "pid-namespace", "proc", "hostname"] {
        assert!(steps.contains(&step), "{step} in {steps:?}");
    }
    assert_eq!(lines.last().and_then(Value::as_str), Some("clean"));
    assert_eq!(fs::read_dir(place.path("state")).expect("state").count(), 0);
}
