use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An error number of Linux, by its name: `EPERM`.
///
/// Written as the name, so that a report can be read; a number that this table does not
/// know is written as `E123` and read back as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Errno(pub i32);

// The numbers of include/uapi/asm-generic/errno-base.h and errno.h; the texts are libc's.
const NAMES: &[(i32, &str, &str)] = &[
    (1, "EPERM", "Operation not permitted"),
    (2, "ENOENT", "No such file or directory"),
    (5, "EIO", "Input/output error"),
    (8, "ENOEXEC", "Exec format error"),
    (9, "EBADF", "Bad file descriptor"),
    (11, "EAGAIN", "Resource temporarily unavailable"),
    (12, "ENOMEM", "Cannot allocate memory"),
    (13, "EACCES", "Permission denied"),
    (14, "EFAULT", "Bad address"),
    (16, "EBUSY", "Device or resource busy"),
    (17, "EEXIST", "File exists"),
    (19, "ENODEV", "No such device"),
    (20, "ENOTDIR", "Not a directory"),
    (22, "EINVAL", "Invalid argument"),
    (23, "ENFILE", "Too many open files in system"),
    (24, "EMFILE", "Too many open files"),
    (28, "ENOSPC", "No space left on device"),
    (30, "EROFS", "Read-only file system"),
    (36, "ENAMETOOLONG", "File name too long"),
    (37, "ENOLCK", "No locks available"),
    (38, "ENOSYS", "Function not implemented"),
    (75, "EOVERFLOW", "Value too large for defined data type"),
    (87, "EUSERS", "Too many users"),
    (95, "EOPNOTSUPP", "Operation not supported"),
    (107, "ENOTCONN", "Transport endpoint is not connected"),
    (122, "EDQUOT", "Disk quota exceeded"),
];

impl Errno {
    /// Operation not permitted.
    pub const EPERM: Errno = Errno(1);
    /// No such file or directory.
    pub const ENOENT: Errno = Errno(2);
    /// Resource temporarily unavailable: a limit on processes.
    pub const EAGAIN: Errno = Errno(11);
    /// Cannot allocate memory.
    pub const ENOMEM: Errno = Errno(12);
    /// Too many open files in the system.
    pub const ENFILE: Errno = Errno(23);
    /// Too many open files.
    pub const EMFILE: Errno = Errno(24);
    /// Not a directory.
    pub const ENOTDIR: Errno = Errno(20);
    /// Input/output error.
    pub const EIO: Errno = Errno(5);
    /// Value too large: an ID that can't be mapped.
    pub const EOVERFLOW: Errno = Errno(75);
    /// Operation not supported.
    pub const EOPNOTSUPP: Errno = Errno(95);
    /// Permission denied.
    pub const EACCES: Errno = Errno(13);
    /// Invalid argument.
    pub const EINVAL: Errno = Errno(22);
    /// No space left on device.
    pub const ENOSPC: Errno = Errno(28);
    /// Read-only file system.
    pub const EROFS: Errno = Errno(30);
    /// Function not implemented.
    pub const ENOSYS: Errno = Errno(38);
    /// Too many users: user namespaces nested too deep, before Linux 4.9.
    pub const EUSERS: Errno = Errno(87);
    /// Disk quota exceeded.
    pub const EDQUOT: Errno = Errno(122);

    /// What libc says of it.
    pub fn text(self) -> &'static str {
        NAMES.iter().find(|row| row.0 == self.0).map_or("Unknown error", |row| row.2)
    }

    /// The error whose text a program printed, the last one if there are several. Programs in Go
    /// print it in lower case.
    pub fn in_text(output: &str) -> Option<Errno> {
        let output = output.to_lowercase();
        NAMES
            .iter()
            .filter_map(|row| output.rfind(&row.2.to_lowercase()).map(|at| (at, Errno(row.0))))
            .max_by_key(|found| found.0)
            .map(|found| found.1)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|row| row.0 == self.0) {
            Some(row) => f.write_str(row.1),
            None => write!(f, "E{}", self.0),
        }
    }
}

impl From<Errno> for String {
    fn from(errno: Errno) -> String {
        errno.to_string()
    }
}

impl TryFrom<String> for Errno {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if let Some(row) = NAMES.iter().find(|row| row.1 == name) {
            return Ok(Errno(row.0));
        }
        let number = name.strip_prefix('E').and_then(|digits| digits.parse().ok());
        number.map(Errno).ok_or_else(|| format!("{name:?} is not an error name such as \"EPERM\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_errno_is_read_back_from_its_name() {
        for number in 1..134 {
            let errno = Errno(number);
            assert_eq!(Errno::try_from(String::from(errno)), Ok(errno));
        }
        assert!(Errno::try_from("PERM".to_owned()).is_err());
    }

    #[test]
    fn the_last_error_of_an_output_counts() {
        let output = "newuidmap: open of uid_map failed: Permission denied\nnewuidmap: write to uid_map failed: Operation not permitted\n";
        assert_eq!(Errno::in_text(output), Some(Errno::EPERM));
        assert_eq!(Errno::in_text("usage: newuidmap"), None);
    }
}
