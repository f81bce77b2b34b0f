//! What /proc/self/status says of a process's confinement.
//!
//! procfs reads the file as a whole, as Linux writes it. gVisor leaves out half of the lines (Uid, Gid and Groups among them), and so does
//! a captured tree that somebody cut: there each line is read for itself, since one that is left out says nothing of the others.

use crate::fact::{CapSet, Seccomp};
use procfs::FromBufRead;
use procfs::process::Status;

/// Each line that is needed, or why it tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Confinement {
    /// The effective user ID.
    pub(crate) uid: Result<u32, String>,
    pub(crate) seccomp: Result<Seccomp, String>,
    pub(crate) no_new_privs: Result<bool, String>,
    pub(crate) bounding_set: Result<CapSet, String>,
}

impl Confinement {
    /// Of the text of the file.
    pub(crate) fn parse(text: &str) -> Self {
        // The error is left out: where a line lacks, procfs calls that a bug of its own and asks for a report.
        let whole = Status::from_buf_read(text.as_bytes()).ok();
        let whole = whole.as_ref();
        Confinement {
            uid: whole.map_or_else(|| line(text, "Uid").and_then(effective), |status| Ok(status.euid)),
            seccomp: number(whole.and_then(|status| status.seccomp.map(u64::from)), text, "Seccomp").and_then(|mode| match mode {
                0 => Ok(Seccomp::Disabled),
                1 => Ok(Seccomp::Strict),
                2 => Ok(Seccomp::Filter),
                other => Err(odd("Seccomp", &other.to_string())),
            }),
            no_new_privs: number(whole.and_then(|status| status.nonewprivs), text, "NoNewPrivs").and_then(|bit| match bit {
                0 => Ok(false),
                1 => Ok(true),
                other => Err(odd("NoNewPrivs", &other.to_string())),
            }),
            bounding_set: match whole.and_then(|status| status.capbnd) {
                Some(bits) => Ok(CapSet(bits)),
                None => line(text, "CapBnd").and_then(|digits| CapSet::try_from(digits.to_owned())),
            },
        }
    }
}

/// What one line says.
fn line<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    found.map(str::trim).ok_or_else(|| format!("/proc/self/status has no line {name}"))
}

/// A line that is one number, unless procfs has read it.
fn number(read: Option<u64>, text: &str, name: &str) -> Result<u64, String> {
    read.map_or_else(|| line(text, name).and_then(|value| value.parse().map_err(|_| odd(name, value))), Ok)
}

/// The second of four: real, effective, saved, file system.
fn effective(ids: &str) -> Result<u32, String> {
    ids.split_whitespace().nth(1).and_then(|id| id.parse().ok()).ok_or_else(|| odd("Uid", ids))
}

fn odd(name: &str, value: &str) -> String {
    format!("/proc/self/status: {name} is {value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of Linux 6.18.
    const WHOLE: &str = include_str!("status.txt");

    fn whole() -> Confinement {
        Confinement {
            uid: Ok(1000),
            seccomp: Ok(Seccomp::Filter),
            no_new_privs: Ok(true),
            bounding_set: CapSet::try_from("00000000a80425fb".to_owned()),
        }
    }

    #[test]
    fn a_whole_file_is_read_by_procfs() {
        assert!(Status::from_buf_read(WHOLE.as_bytes()).is_ok());
        assert_eq!(Confinement::parse(WHOLE), whole());
    }

    #[test]
    fn a_line_that_is_left_out_says_nothing_of_the_others() {
        for (left_out, _) in WHOLE.lines().filter_map(|line| line.split_once(':')) {
            let text: String =
                WHOLE.lines().filter(|line| !line.starts_with(&format!("{left_out}:"))).map(|line| format!("{line}\n")).collect();
            let (read, mut expected) = (Confinement::parse(&text), whole());
            let lacks = format!("/proc/self/status has no line {left_out}");
            match left_out {
                "Uid" => expected.uid = Err(lacks),
                "Seccomp" => expected.seccomp = Err(lacks),
                "NoNewPrivs" => expected.no_new_privs = Err(lacks),
                "CapBnd" => expected.bounding_set = Err(lacks),
                _ => {}
            }
            assert_eq!(read, expected, "without {left_out}");
        }
    }

    #[test]
    fn the_short_file_of_gvisor_still_tells_of_seccomp_and_capabilities() {
        let gvisor = "Name:\tsh\nState:\tR (running)\nTgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\nFDSize:\t4\nVmSize:\t1 kB\nVmRSS:\t1 kB\nThreads:\t1\nCapInh:\t0\nCapPrm:\ta80425fb\nCapEff:\ta80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t0\nMems_allowed:\t1\n";
        let read = Confinement::parse(gvisor);
        assert_eq!((read.seccomp, read.bounding_set), (Ok(Seccomp::Disabled), whole().bounding_set));
        assert!(read.uid.is_err() && read.no_new_privs.is_err());
    }

    #[test]
    fn garbage_is_told_in_words_of_our_own() {
        let read = Confinement::parse("Uid:\tx\nSeccomp:\t9\nNoNewPrivs:\tyes\nCapBnd:\tzz\nno colon");
        assert_eq!(read.uid, Err("/proc/self/status: Uid is \"x\"".into()));
        assert_eq!(read.seccomp, Err("/proc/self/status: Seccomp is \"9\"".into()));
        assert_eq!(read.no_new_privs, Err("/proc/self/status: NoNewPrivs is \"yes\"".into()));
        assert!(read.bounding_set.is_err_and(|why| !why.contains("procfs")));
    }
}
