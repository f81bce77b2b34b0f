//! By which marks a container is known.

use super::host::Host;
use crate::fact::{Container, Fact};

const SYSTEMDS: &str = "/run/systemd/container";
const DOCKERS: &str = "/.dockerenv";
const PODMANS: &str = "/run/.containerenv";
/// Where LXC, LXD and Incus have their sockets and devices.
const LXCS: [&str; 3] = ["/dev/.lxc", "/dev/lxd", "/dev/incus"];

/// What made the container that this process is in. `bare`: whether it is in none, where that is known.
pub(crate) fn gather(host: &Host, bare: Option<bool>) -> Fact<Container> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| host.is_live() && !value.is_empty());
    if variable("KUBERNETES_SERVICE_HOST").is_some() {
        return Fact::Known(Container::Kubernetes);
    }
    let mut marks = vec![podman(host), is(host.exists_below(DOCKERS, "/"), Container::Docker)];
    marks.extend(LXCS.iter().map(|path| is(host.has_directory(path, "/dev"), Container::Lxc)));
    marks.push(host.read_below(SYSTEMDS, "/").and_then(|word| Ok(Container::named(&word))));
    // Images set it too, so it comes last.
    marks.extend(variable("container").map(|word| Fact::Known(Container::named(&word))));
    let untold = marks.iter().find(|mark| mark.unreadable().is_some()).cloned();
    match marks.into_iter().find(|mark| mark.known().is_some()) {
        Some(known) => known,
        None if bare == Some(false) => Fact::Known(Container::Other),
        None => untold.unwrap_or(Fact::Absent),
    }
}

fn is(found: Fact<bool>, container: Container) -> Fact<Container> {
    found.then(|is_there| if *is_there { Fact::Known(container) } else { Fact::Absent })
}

fn podman(host: &Host) -> Fact<Container> {
    let is_rootless = |text: String| text.lines().any(|line| line.trim() == ROOTLESS);
    host.read_below(PODMANS, "/").and_then(|text| Ok(if is_rootless(text) { Container::RootlessPodman } else { Container::Podman }))
}

/// The line by which Podman says that an ordinary user made the container.
pub(super) const ROOTLESS: &str = "rootless=1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::testing::{absent, broken, refused, taken, tell};
    use std::fs;

    const MARKS: [&str; 6] = ["/run/.containerenv", "/.dockerenv", "/dev/.lxc", "/dev/lxd", "/dev/incus", "/run/systemd/container"];

    /// A tree whose manifest says of each mark what came of it.
    fn tree(marks: &[(&str, &str)], rest: serde_json::Value) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        fs::create_dir_all(root.path().join("dev")).expect("mkdir");
        for (path, text) in marks {
            let place = root.path().join(&path[1..]);
            fs::create_dir_all(place.parent().expect("a parent")).expect("mkdir");
            if path.starts_with("/dev") { fs::create_dir(place).expect("mkdir") } else { fs::write(place, text).expect("write") }
        }
        let outcome = |path: &str| if marks.iter().any(|(mark, _)| *mark == path) { taken() } else { rest.clone() };
        tell(root.path(), &MARKS.map(|path| (path, outcome(path))));
        root
    }

    #[test]
    fn a_container_is_known_by_its_marks() {
        let of = |marks: &[(&str, &str)], bare| gather(&Host::new(Some(tree(marks, absent()).path())), bare);
        for (mark, text, container) in [
            ("/run/systemd/container", "lxc\n", Container::Lxc),
            ("/run/systemd/container", "systemd-nspawn", Container::SystemdNspawn),
            ("/dev/incus", "", Container::Lxc),
            ("/.dockerenv", "", Container::Docker),
            ("/run/.containerenv", "engine=\"podman-5\"\nrootless=1\n", Container::RootlessPodman),
            ("/run/.containerenv", "", Container::Podman),
        ] {
            assert_eq!(of(&[(mark, text)], None), Fact::Known(container), "{mark} {text:?}");
        }
        assert_eq!((of(&[], Some(true)), of(&[], Some(false))), (Fact::Absent, Fact::Known(Container::Other)));
    }

    #[test]
    fn what_was_refused_or_not_taken_tells_nothing() {
        let hidden = tree(&[], refused());
        assert!(matches!(gather(&Host::new(Some(hidden.path())), Some(true)), Fact::Denied(why) if why.is_forbidden()));
        let unread = tree(&[], broken());
        assert!(matches!(gather(&Host::new(Some(unread.path())), Some(true)), Fact::Failed(_)));
        let empty = tempfile::tempdir().expect("temp dir");
        assert!(matches!(gather(&Host::new(Some(empty.path())), Some(true)), Fact::Denied(_)));
    }
}
