//! Owners, modes and attributes.

use super::row::{Behaviour, Group, Lines, Need, Offer, Offers, Tried};

const BEYOND: &str =
    "In a pod user namespace with 65536 IDs the builder's own range ends before 65534. The kubelet's `idsPerPod` gives more.";

pub(super) const ROWS: &[Behaviour] = &[
    row("change-owner", "give files of this and of a lower layer to other users", &[Need::Owners, Need::CopyUp]).lines(
        "mkdir -p /srv/www && echo a > /srv/www/a && echo b > /srv/www/b",
        "echo c > /srv/www/c && chown 33:33 /srv/www/a && chown 1 /srv/www/b && chown 1000:1000 /srv/www/c",
        "test \"$(stat -c %u:%g /srv/www/a /srv/www/b /srv/www/c | tr '\\n' ' ')\" = '33:33 1:0 1000:1000 '",
    ),
    row("change-owner-of-tree", "`chown -R` of a lower tree", &[Need::Owners, Need::CopyUp]).lines(
        "mkdir -p /home/app/.config/deep && echo x > /home/app/.config/deep/x && ln -s x /home/app/.config/deep/link",
        "chown -R 1000:1000 /home/app",
        "test -z \"$(find /home/app ! -user 1000)\" && test -L /home/app/.config/deep/link",
    ),
    row("last-owner", "give a file to the last ID of the range", &[Need::Owners]).lines(
        "",
        "last=$(awk '{ last = $1 + $3 - 1 } END { printf \"%.0f\", last - (last == 4294967295 || last == 4294967294) }' /proc/self/uid_map)\n\
         touch /owned-by-last && chown \"$last:$last\" /owned-by-last && echo \"$last\" > /last",
        "test \"$(stat -c %u:%g /owned-by-last)\" = \"$(cat /last):$(cat /last)\"",
    ),
    Behaviour {
        offers: Offers { procmount: Offer::No(BEYOND), ..Offers::ALL },
        // Without knowing the pod a trial does not know either whether there is such an ID.
        tried: Tried::Builds,
        ..row("owner-nobody", "give files to nobody (65534)", &[Need::Owners]).lines(
            "mkdir -p /var/empty/nobody",
            "chown 65534:65534 /var/empty/nobody && touch /var/empty/x && chown nobody:nogroup /var/empty/x",
            "test \"$(stat -c %u:%g /var/empty/nobody /var/empty/x | tr '\\n' ' ')\" = '65534:65534 65534:65534 '",
        )
    },
    row("add-user", "add a user and a group, and make its home", &[Need::Owners, Need::CopyUp, Need::Locks]).lines(
        "",
        "echo 'app:x:10001:' >> /etc/group && echo 'app:x:10001:10001::/home/added:/bin/sh' >> /etc/passwd && mkdir -p /home/added && chown app:app /home/added",
        "test \"$(stat -c %U /home/added)\" = app && su app -c 'touch /home/added/mine'",
    ),
    Behaviour {
        lines: Lines::stage(
            "COPY --chown=1000:1000 --chmod=750 files/hello /kept/hello",
            "test \"$(stat -c %u:%g:%a /stages/copy-as-owner/hello)\" = 1000:1000:750",
        ),
        ..row("copy-as-owner", "`COPY --chown --chmod`", &[Need::Owners])
    },
    Behaviour {
        lines: Lines::stage(
            "ADD files/owners.tar /kept/",
            "test \"$(cd /stages/unpack-owners && stat -c %u:%g root daemon app | tr '\\n' ' ')\" = '0:0 1:1 1000:1000 '\n\
             test \"$(stat -c %a /stages/unpack-owners/setuid)\" = 4755 && test -p /stages/unpack-owners/fifo",
        ),
        tried: Tried::Builds,
        ..row("unpack-owners", "unpack files of several owners, with modes, links and pipes", &[Need::Owners])
    },
    Behaviour {
        offers: Offers::machine("IDs beyond the range have no name on the host. BuildKit fails with a clear error at such a file."),
        tried: Tried::LongBuilds,
        ..row("owner-beyond-range", "give a file to an ID beyond 65536", &[Need::Root]).lines(
            "",
            "touch /far && chown 1000660000:1000660000 /far",
            "test \"$(stat -c %u /far)\" = 1000660000",
        )
    },
    row("set-id-bits", "keep setuid, setgid and sticky bits over layers", &[Need::CopyUp]).lines(
        "mkdir -p /usr/sbin /spool && echo x > /usr/sbin/setuid && echo x > /usr/sbin/setgid && chmod 4755 /usr/sbin/setuid",
        "chmod 2755 /usr/sbin/setgid && chmod 1777 /spool && chmod g+s /srv",
        "test \"$(stat -c %a /usr/sbin/setuid /usr/sbin/setgid /spool /srv | tr '\\n' ' ')\" = '4755 2755 1777 2755 '",
    ),
    row("file-capability", "give a program a capability, and keep it in the next layer", &[Need::FileCapabilities]).lines(
        "mkdir -p /usr/local/bin && cp /bin/busybox /usr/local/bin/lower",
        "cp /bin/busybox /usr/local/bin/server && setcap cap_net_bind_service=+ep /usr/local/bin/server && setcap cap_net_raw=ep /usr/local/bin/lower",
        "getcap /usr/local/bin/server | grep -q net_bind_service && getcap /usr/local/bin/lower | grep -q net_raw",
    ),
    Behaviour {
        offers: Offers::none("It depends on the volume: only overlayfs in a user namespace needs such attributes, and no check looks for them elsewhere."),
        tried: Tried::Nowhere,
        ..row("user-attribute", "set a `user.*` attribute, and keep it in the next layer", &[Need::UserXattrs]).lines(
            "",
            "setfattr -n user.pax.flags -v m /bin/server",
            "getfattr -n user.pax.flags /bin/server | grep -q m",
        )
    },
    Behaviour {
        offers: Offers::none("A step has no `CAP_SYS_ADMIN`, which `trusted.*` attributes need."),
        tried: Tried::Nowhere,
        ..row("trusted-attribute", "set a `trusted.*` attribute", &[Need::Root]).lines("", "setfattr -n trusted.note -v x /trusted", "")
    },
];

const fn row(id: &'static str, title: &'static str, needs: &'static [Need]) -> Behaviour {
    Behaviour { id, title, group: Group::Owners, lines: Lines::NONE, needs, offers: Offers::ALL, tried: Tried::Everywhere }
}
