//! Where content comes from.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    Behaviour {
        tried: Tried::Everywhere,
        ..stage("copy-context", "copy files and directories of the context", "COPY files/ /kept/", "test -s /stages/copy-context/hello")
    },
    stage("ignore-file", "leave out what `.dockerignore` names", "COPY files/ /kept/", "test ! -e /stages/ignore-file/ignored"),
    stage(
        "heredoc",
        "write a file by a here-document",
        "COPY <<TEXT /kept/config\nport=80\nTEXT",
        "grep -q port=80 /stages/heredoc/config",
    ),
    beside(
        "named-context",
        "use a second directory as a named context",
        "printf 'FROM scratch\\nCOPY --from=other hello /\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK --opt context:other=local:other --local other=/context/files --output type=local,dest=$WORK/out\n\
         cmp $WORK/out/hello /context/files/hello",
    ),
    beside(
        "image-layout",
        "build from an image layout, and find all that the first build left",
        "mkdir $WORK/layout && tar -xf /dev/shm/image.tar -C $WORK/layout\n\
         digest=$(sed -n 's/.*\"digest\":\"\\(sha256:[0-9a-f]*\\)\".*/\\1/p' $WORK/layout/index.json)\n\
         build $CHECKS --oci-layout first=$WORK/layout --opt context:first=oci-layout://first@$digest --output type=local,dest=$WORK/out",
    ),
    beside(
        "http",
        "`ADD` a file from a web server",
        "httpd -p 127.0.0.1:18098 -h /context/files\n\
         printf 'FROM scratch\\nADD http://127.0.0.1:18098/hello /\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK --output type=local,dest=$WORK/out && cmp $WORK/out/hello /context/files/hello",
    ),
    Behaviour {
        tried: Tried::Cluster("branches, tags, commits and submodules are fetched"),
        needs: &[Need::Network],
        ..stage("git", "build from a git repository", "", "")
    },
];

const fn stage(id: &'static str, title: &'static str, stage: &'static str, after: &'static str) -> Behaviour {
    let lines = Lines::stage(stage, after);
    Behaviour { id, title, group: Group::Sources, lines, needs: &[Need::Space], offers: Offers::ALL, tried: Tried::LongBuilds }
}

const fn beside(id: &'static str, title: &'static str, script: &'static str) -> Behaviour {
    Behaviour { lines: Lines::beside(script), tried: Tried::Beside, ..stage(id, title, "", "") }
}
