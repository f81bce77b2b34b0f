//! AppArmor's profiles for a builder's programs, where the kernel restricts those that have none.

use super::host::Host;
use crate::fact::{APPARMOR_FILES, AppArmor, Fact, Sysctl, Sysctls};

/// Looks for them, where anybody needs to know.
pub(crate) fn gather(host: &Host, sysctls: &Sysctls, bare: bool) -> AppArmor {
    match sysctls.get(Sysctl::ApparmorRestrictUnprivilegedUserns) {
        Fact::Known(value) if *value > 0 => {}
        _ => return none("looked for only where the kernel restricts unconfined processes"),
    }
    if !bare {
        return none("the files here belong to the image, not to the node");
    }
    let list = host.read_below("/sys/kernel/security/apparmor/profiles", "/sys/kernel/security/apparmor");
    AppArmor { loaded: list.and_then(|text| Ok(AppArmor::loaded_of(&text))), files: files(host) }
}

fn files(host: &Host) -> Fact<Vec<String>> {
    let mut files = Vec::new();
    for file in APPARMOR_FILES {
        match host.exists_below(file, "/etc/apparmor.d") {
            Fact::Known(true) => files.push(file.to_owned()),
            Fact::Known(false) | Fact::Absent => {}
            Fact::Denied(why) | Fact::Failed(why) => return Fact::Denied(why),
        }
    }
    Fact::Known(files)
}

fn none(why: &str) -> AppArmor {
    AppArmor { loaded: Fact::Denied(why.into()), files: Fact::Denied(why.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_looked_for_where_they_matter() {
        let root = tempfile::tempdir().expect("temp dir");
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
            std::fs::write(path, text).expect("write");
        };
        put("sys/kernel/security/apparmor/profiles", "rootlesskit (unconfined)\nrunc (unconfined)\n");
        put("etc/apparmor.d/rootlesskit", "profile");
        let host = Host::new(Some(root.path()));
        let with = |value: u64, bare: bool| {
            let mut sysctls = Sysctls::default();
            sysctls.set(Sysctl::ApparmorRestrictUnprivilegedUserns, Fact::Known(value));
            gather(&host, &sysctls, bare)
        };
        assert_eq!(with(1, true).loaded, Fact::Known(vec!["rootlesskit".to_owned()]));
        assert!(with(0, true).loaded.unreadable().is_some() && with(1, false).files.unreadable().is_some());
    }
}
