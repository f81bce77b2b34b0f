//! With which options the running kernel was built.

use super::host::Host;
use crate::fact::{Fact, Release, kernel_options};

/// Where systems have the running kernel's configuration.
pub(super) fn files(release: &str) -> [String; 2] {
    [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")]
}

/// The options that a builder may come to feel. Absent where no file has them as text.
pub(crate) fn gather(host: &Host, kernel: &Fact<Release>, bare: bool) -> Fact<Vec<String>> {
    if !bare {
        return Fact::Denied("the files here belong to the image, not to the node".into());
    }
    kernel.then(|kernel| {
        let mut found = Fact::Absent;
        for file in files(&kernel.to_string()) {
            found = host.read_below(&file, "/");
            if found != Fact::Absent {
                break;
            }
        }
        found.and_then(|text| Ok(kernel_options(&text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::testing::{absent, broken, refused, taken, tell};
    use std::fs;

    #[test]
    fn the_first_file_that_is_there_tells() {
        let root = tempfile::tempdir().expect("temp dir");
        let kernel = Fact::Known("6.1.0-1".to_owned()).and_then(Release::try_from);
        let told = |first, second| {
            tell(root.path(), &[("/boot/config-6.1.0-1", first), ("/lib/modules/6.1.0-1/config", second)]);
            gather(&Host::new(Some(root.path())), &kernel, true)
        };
        fs::create_dir_all(root.path().join("lib/modules/6.1.0-1")).expect("mkdir");
        fs::write(root.path().join("lib/modules/6.1.0-1/config"), "CONFIG_USER_NS=y\nCONFIG_X=y\n").expect("write");
        assert_eq!(told(absent(), taken()), Fact::Known(vec!["CONFIG_USER_NS=y".to_owned()]));
        assert_eq!(told(absent(), absent()), Fact::Absent);
        assert!(matches!(told(refused(), absent()), Fact::Denied(_)));
        assert!(matches!(told(broken(), absent()), Fact::Failed(_)));
        assert!(matches!(gather(&Host::new(Some(root.path())), &kernel, false), Fact::Denied(_)));
    }
}
