//! What a step sees of networks.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row("network-none", "`RUN --network=none`: a step with no network").stage(
        "RUN --network=none mkdir /kept && ip -o link | grep -vc lo: > /kept/interfaces || true",
        "grep -qx 0 /stages/network-none/interfaces",
    ),
    row("localhost", "listen on a port of localhost, and connect to it").run(
        "mkdir /www && echo served > /www/page && httpd -p 127.0.0.1:18099 -h /www && printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | nc 127.0.0.1 18099 | grep -q served && { kill $(pidof httpd) || true; }",
    ),
    row("hosts", "resolve localhost and the host's own name by /etc/hosts").run("grep -q localhost /etc/hosts && test -s /etc/resolv.conf -o -e /etc/resolv.conf"),
    Behaviour {
        offers: Offers::none("It depends on the pod's `net.ipv4.ping_group_range` and on who owns its network namespace."),
        tried: Tried::Nowhere,
        ..row("ping", "ping").run("ping -c 1 127.0.0.1")
    },
    Behaviour {
        offers: Offers::none("It depends on the pod's `net.ipv4.ip_unprivileged_port_start`, which no check looks at."),
        tried: Tried::Nowhere,
        ..row("low-port", "listen on a port below 1024").run("httpd -p 127.0.0.1:80")
    },
    Behaviour {
        offers: Offers::none("The daemon must allow the entitlement `network.host`, and our manifests do not."),
        tried: Tried::Nowhere,
        needs: &[Need::Daemon],
        ..row("network-host", "`RUN --network=host`")
    },
];

const fn row(id: &'static str, title: &'static str) -> Behaviour {
    let needs = &[Need::Network];
    Behaviour { id, title, group: Group::Network, lines: Lines::NONE, needs, offers: Offers::ALL, tried: Tried::LongBuilds }
}
