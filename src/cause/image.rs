//! Causes that lie in what image is run, as whom, and for what architecture.

#[cfg(test)]
use super::example::Example;
use super::kind::Cause;
use super::remedy::Remedy;
use super::row::{Level, Mark, Row};
#[cfg(test)]
use crate::fact::{CapSet, Fact, OwnPod};
#[cfg(test)]
use crate::profile::Profile;

pub(super) const ROWS: &[Row] = &[WRONG_IMAGE, PACKAGING, EMULATION];

const WRONG_IMAGE: Row = Row {
    cause: Cause::WrongImageOrUid,
    title: "buildkitd runs as root without privileges, or without rootlesskit",
    level: Level::Pod,
    marks: &[],
    forced: None,
    about: include_str!("about/wrong-image-or-uid.md"),
    remedy: |_| {
        Remedy::new("use the rootless image as user 1000, with its own entrypoint (`rootlesskit buildkitd`)")
            .note("or run the rootful image as root in a privileged container, best with hostUsers: false (profile userns)")
    },
    #[cfg(test)]
    example: Example {
        profile: Profile::Rootful,
        ..Example::facts(|facts| {
            facts.process.uid = Fact::Known(0);
            facts.process.bounding_set = Fact::Known(CapSet(0xa804_25fb));
            facts.own_pod = Some(OwnPod::default());
        })
    },
};

const PACKAGING: Row = Row {
    cause: Cause::ImagePackaging,
    title: "the builder's image is broken",
    level: Level::Image,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/image-packaging.md"),
    remedy: |_| {
        Remedy::new(
            "name a released version of the image by its digest: moby/buildkit:VERSION-rootless@sha256:...; a moving tag such as master-rootless changes",
        )
    },
    #[cfg(test)]
    example: Example::log("exec: \"rootlesskit\": executable file not found in $PATH"),
};

const EMULATION: Row = Row {
    cause: Cause::Emulation,
    title: "nothing here runs programs of the other architecture",
    level: Level::Node,
    marks: &[Mark::OfTexts],
    forced: None,
    about: include_str!("about/emulation.md"),
    remedy: |_| {
        Remedy::new("use an image of BuildKit that has its emulators (buildkit-qemu-*), or build on nodes of that architecture")
            .note("or register QEMU's handlers on the node, with flag F: an image of tonistiigi/binfmt does it in a privileged container")
    },
    #[cfg(test)]
    example: Example::log("exec /bin/sh: exec format error"),
};
