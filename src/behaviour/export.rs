//! What becomes of a build, and what is kept of it.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row("export-oci", "export an OCI archive", "test -s /dev/shm/image.tar"),
    row(
        "export-docker",
        "export an archive for `docker load`",
        "build $SMALL --output type=docker,dest=$WORK/docker.tar && tar -tf $WORK/docker.tar | grep -q manifest.json",
    ),
    row(
        "export-tar",
        "export the files as a tar archive",
        "build $SMALL --output type=tar,dest=$WORK/out.tar && tar -tf $WORK/out.tar | grep -q made",
    ),
    row(
        "export-directory",
        "export the files to a directory",
        "printf 'FROM scratch\\nCOPY files/ /\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK --output type=local,dest=$WORK/out && test -s $WORK/out/hello",
    ),
    row(
        "export-zstd",
        "compress layers by zstd and as eStargz",
        "build $SMALL --output type=oci,dest=$WORK/zstd.tar,compression=zstd,force-compression=true && test -s $WORK/zstd.tar\n\
         build $SMALL --output type=oci,dest=$WORK/estargz.tar,compression=estargz,oci-mediatypes=true,force-compression=true && test -s $WORK/estargz.tar",
    ),
    row(
        "rewrite-timestamp",
        "make times reproducible",
        "build $SMALL --opt build-arg:SOURCE_DATE_EPOCH=1000000000 --output type=oci,dest=$WORK/time.tar,rewrite-timestamp=true && test -s $WORK/time.tar",
    ),
    row(
        "provenance",
        "attest where an image comes from",
        "build $SMALL --opt attest:provenance=mode=max --output type=oci,dest=$WORK/attested.tar\n\
         mkdir $WORK/attested && tar -xf $WORK/attested.tar -C $WORK/attested && grep -rq slsa.dev $WORK/attested/blobs",
    ),
    Behaviour {
        offers: Offers::none("It needs the image of a scanner from a registry, and no test here has one."),
        tried: Tried::Nowhere,
        ..row("sbom", "attest a list of packages", "")
    },
    Behaviour {
        tried: Tried::Cluster("the page's example builds and pushes, on node1"),
        needs: &[Need::Network],
        ..row("push", "push an image to a registry", "")
    },
    Behaviour {
        tried: Tried::Cluster("options do the same without any YAML"),
        needs: &[Need::Network],
        ..row("cache-registry", "keep the cache in a registry", "")
    },
    row(
        "cache-directory",
        "export the cache to a directory, and import it after a prune",
        "build $SMALL --output type=oci,dest=$WORK/a.tar --export-cache type=local,dest=$WORK/cache,mode=max\n\
         buildctl prune --all > /dev/null\n\
         build $SMALL --output type=oci,dest=$WORK/b.tar --import-cache type=local,src=$WORK/cache && grep -q CACHED $WORK/log",
    ),
    row(
        "prune",
        "remove the cache",
        "buildctl prune --all > /dev/null && build $SMALL --output type=oci,dest=$WORK/c.tar && buildctl du > /dev/null",
    ),
];

const fn row(id: &'static str, title: &'static str, script: &'static str) -> Behaviour {
    let (lines, needs) = (Lines::beside(script), &[Need::Space, Need::Locks]);
    Behaviour { id, title, group: Group::Export, lines, needs, offers: Offers::ALL, tried: Tried::Beside }
}
