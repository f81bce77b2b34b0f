//! Files that are not ordinary.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row("fifo", "leave a named pipe in a layer").lines("mkfifo /pipe", "mkfifo /pipe2", "test -p /pipe && test -p /pipe2"),
    Behaviour {
        offers: Offers::none("It depends on the snapshotter: fuse-overlayfs answers with an I/O error."),
        tried: Tried::Nowhere,
        ..row("change-fifo", "change the mode of a named pipe of a lower layer").lines("mkfifo /pipe", "chmod 600 /pipe", "")
    },
    Behaviour {
        tried: Tried::Builds,
        ..row("socket", "leave a Unix socket behind: BuildKit leaves it out of the layer").lines(
            "",
            "mkdir -p /run/agent && ln -s /run/agent/socket /dev/log && echo x > /run/agent/pid\n\
             syslogd -n -O /dev/null & until test -S /run/agent/socket; do usleep 10000; done; kill $!",
            "test -e /run/agent/pid",
        )
    },
    row("links", "make dangling, absolute and relative links").lines(
        "mkdir -p /links && ln -s /nowhere /links/dangling && ln -s /etc/passwd /links/absolute",
        "ln -sf ../etc/group /links/relative && ln -sfn /links /links/again",
        "test -L /links/dangling && test ! -e /links/dangling && cmp /links/absolute /etc/passwd && cmp /links/relative /etc/group",
    ),
    row("long-names", "names of 240 bytes and deep paths").lines(
        "",
        "long=$(head -c 240 /dev/zero | tr '\\0' n) && mkdir -p /long && touch /long/$long\n\
         at=/long; for i in $(seq 40); do at=$at/directory-of-a-deep-path; done; mkdir -p $at && touch $at/end",
        "test \"$(ls /long | wc -c)\" -gt 240 && test \"$(find /long -name end | wc -l)\" = 1",
    ),
    Behaviour {
        offers: Offers::none("It depends on the snapshotter: fuse-overlayfs takes no name so long."),
        tried: Tried::Nowhere,
        ..row("longest-names", "names of 255 bytes").lines("", "touch /$(head -c 255 /dev/zero | tr '\\0' n)", "")
    },
    row("names-not-utf8", "names that are not UTF-8").lines(
        "",
        "mkdir -p /latin && touch \"$(printf '/latin/caf\\351')\"",
        "test -e \"$(printf '/latin/caf\\351')\"",
    ),
    row("times", "set the time of a file, and keep it").lines(
        "echo x > /old",
        "touch -d '2001-02-03 04:05:06' /old",
        "test \"$(stat -c %Y /old)\" = \"$(date -d '2001-02-03 04:05:06' +%s)\"",
    ),
    Behaviour {
        offers: Offers::machine("The kernel lets only root of the machine make devices."),
        tried: Tried::LongBuilds,
        needs: &[Need::Root],
        ..row("device-node", "make a device node").lines("", "mknod /null c 1 3 && mknod /zero c 1 5", "test -c /null && test -c /zero")
    },
];

const fn row(id: &'static str, title: &'static str) -> Behaviour {
    let needs = &[Need::CopyUp];
    Behaviour { id, title, group: Group::Files, lines: Lines::NONE, needs, offers: Offers::ALL, tried: Tried::Everywhere }
}
