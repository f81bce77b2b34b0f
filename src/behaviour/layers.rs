//! Layers over layers.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row("write-files", "write files in a step, and read them in the next one", &[Need::Space]).lines(
        "mkdir -p /app/src && echo 'int main;' > /app/src/main.c",
        "cat /app/src/main.c > /app/main.o",
        "test -s /app/main.o && grep -q 'int main' /app/src/main.c",
    ),
    row("change-file", "append to a file of a lower layer, and change its mode", &[Need::CopyUp]).lines(
        "mkdir -p /etc/app && echo 'port=80' > /etc/app/conf && echo x > /etc/app/run.sh",
        "echo 'host=::' >> /etc/app/conf && sed -i s/80/8080/ /etc/app/conf && chmod 755 /etc/app/run.sh",
        "grep -q port=8080 /etc/app/conf && grep -q host /etc/app/conf && test -x /etc/app/run.sh",
    ),
    row("remove-file", "remove a file of a lower layer, and make it again", &[Need::Whiteouts]).lines(
        "mkdir -p /var/lib/apt/lists && echo list > /var/lib/apt/lists/main && echo lock > /var/lib/apt/lists/lock",
        "rm /var/lib/apt/lists/main && rm -f /var/lib/apt/lists/lock && echo new > /var/lib/apt/lists/lock",
        "test ! -e /var/lib/apt/lists/main && grep -q new /var/lib/apt/lists/lock",
    ),
    row("remove-directory", "remove a directory of a lower layer, and make it again", &[Need::Whiteouts, Need::OverlayXattrs]).lines(
        "mkdir -p /var/cache/apk/old/deep /usr/share/doc/x && touch /var/cache/apk/old/deep/a /var/cache/apk/b /usr/share/doc/x/c",
        "rm -rf /var/cache/apk /usr/share/doc && mkdir -p /var/cache/apk && touch /var/cache/apk/new",
        "test \"$(ls -A /var/cache/apk)\" = new && test ! -e /usr/share/doc",
    ),
    row("rename-file", "rename a file of a lower layer", &[Need::Whiteouts, Need::CopyUp]).lines(
        "mkdir -p /etc/ssl && echo pem > /etc/ssl/ca.new",
        "mv /etc/ssl/ca.new /etc/ssl/ca.pem",
        "grep -q pem /etc/ssl/ca.pem && test ! -e /etc/ssl/ca.new",
    ),
    row("rename-directory", "rename a directory of a lower layer", &[Need::Whiteouts, Need::OverlayXattrs]).lines(
        "mkdir -p /usr/src/app-1.0/lib/deep && echo code > /usr/src/app-1.0/lib/deep/code",
        "mv /usr/src/app-1.0 /opt-app && mkdir /usr/src/app-1.0",
        "grep -q code /opt-app/lib/deep/code && test -z \"$(ls -A /usr/src/app-1.0)\"",
    ),
    row("rename-new-directory", "make a directory and rename it in the same step", &[Need::CopyUp]).lines(
        "mkdir -p /node_modules/.cache",
        "mkdir /node_modules/.left-pad-x1 && echo js > /node_modules/.left-pad-x1/index.js && mv /node_modules/.left-pad-x1 /node_modules/left-pad",
        "grep -q js /node_modules/left-pad/index.js && test ! -e /node_modules/.left-pad-x1",
    ),
    row("replace-directory", "put a link in the place of a lower directory, and a directory in that of a file", &[
        Need::Whiteouts,
        Need::OverlayXattrs,
    ])
    .lines(
        "mkdir -p /usr/lib/app/v1 /usr/lib/app/v2 && echo 2 > /usr/lib/app/v2/version && echo file > /usr/lib/app/data",
        "rm -r /usr/lib/app/v1 && ln -s v2 /usr/lib/app/v1 && rm /usr/lib/app/data && mkdir /usr/lib/app/data && touch /usr/lib/app/data/x",
        "grep -q 2 /usr/lib/app/v1/version && test -L /usr/lib/app/v1 && test -e /usr/lib/app/data/x",
    ),
    row("hard-link", "link to a file of a lower layer, and keep links of one layer", &[Need::CopyUp]).lines(
        "mkdir -p /usr/libexec/git && echo git > /usr/libexec/git/git && ln /usr/libexec/git/git /usr/libexec/git/git-add && echo z > /usr/libexec/zone",
        "ln /usr/libexec/zone /usr/libexec/zone-link && ln /usr/libexec/git/git /usr/libexec/git/git-log",
        "grep -q z /usr/libexec/zone-link && grep -q git /usr/libexec/git/git-add && test \"$(stat -c %h /usr/libexec/zone-link)\" = 2",
    ),
    row("package-manager", "install as package managers do: temporary file, fsync, rename over a lower file, unlink", &[
        Need::Whiteouts,
        Need::CopyUp,
        Need::Locks,
    ])
    .lines(
        "mkdir -p /var/lib/pkg /usr/share/pkg && echo old > /var/lib/pkg/status && echo old > /usr/share/pkg/data",
        "dd if=/behaviours.sh of=/var/lib/pkg/status-new conv=fsync 2> /dev/null && ln /var/lib/pkg/status /var/lib/pkg/status-old\n\
         mv -f /var/lib/pkg/status-new /var/lib/pkg/status && sync && rm /var/lib/pkg/status-old\n\
         echo new > /usr/share/pkg/data.tmp && mv -f /usr/share/pkg/data.tmp /usr/share/pkg/data",
        "cmp /var/lib/pkg/status /behaviours.sh && grep -q new /usr/share/pkg/data && test ! -e /var/lib/pkg/status-old",
    ),
    Behaviour {
        lines: Lines::stage(
            "COPY files/hello.deb /\n\
             RUN mkdir -p /var/lib/dpkg/info /kept && touch /var/lib/dpkg/status && dpkg -i /hello.deb && cp /usr/share/hello/text /var/lib/dpkg/status /kept",
            "grep -q hello /stages/install-package/text && grep -q 'Package: hello' /stages/install-package/status",
        ),
        tried: Tried::LongBuilds,
        ..row("install-package", "install a package of Debian", &[Need::Whiteouts, Need::CopyUp, Need::Owners])
    },
    Behaviour {
        lines: Lines::layers(
            "",
            "mkdir /many && cd /many && seq 10000 | xargs touch",
            "test \"$(ls /many | wc -l)\" = 10000",
        ),
        tried: Tried::LongBuilds,
        ..row("many-files", "write 10,000 files in a layer", &[Need::Space])
    },
    Behaviour {
        lines: Lines::layers(
            "",
            "dd if=/dev/zero of=/large bs=1M count=64 2> /dev/null && dd if=/dev/null of=/sparse bs=1M seek=64 2> /dev/null",
            "test \"$(stat -c %s /large)\" = 67108864 && test \"$(stat -c %s /sparse)\" = 67108864",
        ),
        tried: Tried::LongBuilds,
        ..row("large-file", "write a file of 64 MiB, and a sparse file", &[Need::Space])
    },
    Behaviour {
        lines: Lines::stage(
            "RUN mkdir /kept && echo built > /kept/program",
            "grep -q built /stages/multi-stage/program",
        ),
        ..row("multi-stage", "copy from another stage", &[Need::Space])
    },
    Behaviour {
        lines: Lines::stage(
            "FROM base AS parallel-left\n\
             RUN --mount=type=cache,id=meet,target=/meet touch /meet/left /left && timeout 60 sh -c 'until test -e /meet/right; do usleep 50000; done'\n\
             FROM base AS parallel-right\n\
             RUN --mount=type=cache,id=meet,target=/meet touch /meet/right /right && timeout 60 sh -c 'until test -e /meet/left; do usleep 50000; done'\n\
             FROM base AS parallel-stages\n\
             COPY --from=parallel-left /left /kept/\n\
             COPY --from=parallel-right /right /kept/",
            "test -e /stages/parallel-stages/left && test -e /stages/parallel-stages/right",
        ),
        tried: Tried::LongBuilds,
        ..row("parallel-stages", "run steps of two stages at the same time", &[Need::Namespaces])
    },
];

const fn row(id: &'static str, title: &'static str, needs: &'static [Need]) -> Behaviour {
    Behaviour { id, title, group: Group::Layers, lines: Lines::NONE, needs, offers: Offers::ALL, tried: Tried::Everywhere }
}
