//! The daemon over time.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row(
        "many-builds",
        "run eight builds at once",
        "for n in 1 2 3 4 5 6 7 8; do mkdir $WORK/$n && printf 'FROM scratch\\nCOPY base/ /\\nRUN echo %s > /n && usleep 300000\\n' $n > $WORK/$n/Dockerfile; done\n\
         pids=; for n in 1 2 3 4 5 6 7 8; do build --local dockerfile=$WORK/$n --output type=oci,dest=$WORK/$n.tar & pids=\"$pids $!\"; done\n\
         for pid in $pids; do wait $pid; done",
    ),
    row(
        "cancel",
        "cancel a build in the middle: its processes end, and the daemon goes on",
        "printf 'FROM scratch\\nCOPY base/ /\\nRUN sleep 97531\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK & client=$!; until ps -o args | grep -qx 'sleep 97531'; do usleep 50000; done\n\
         kill $(pidof buildctl); wait $client || true; until ! ps -o args | grep -qx 'sleep 97531'; do usleep 50000; done\n\
         build $SMALL --output type=oci,dest=$WORK/a.tar",
    ),
    row(
        "large-log",
        "write 10 MB of log",
        "printf 'FROM scratch\\nCOPY base/ /\\nRUN seq 1500000\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK --output type=oci,dest=$WORK/a.tar",
    ),
    row(
        "restart",
        "end the daemon and start it again on the same state: the cache is there",
        "build $SMALL --output type=oci,dest=$WORK/a.tar\n\
         restart TERM && build $SMALL --output type=oci,dest=$WORK/a.tar && grep -q CACHED $WORK/log",
    ),
    row(
        "killed-daemon",
        "kill the daemon in the middle of a build and start it again on the same state",
        "printf 'FROM scratch\\nCOPY base/ /\\nRUN sleep 86420\\n' > $WORK/Dockerfile\n\
         build --local dockerfile=$WORK & client=$!; until ps -o args | grep -qx 'sleep 86420'; do usleep 50000; done\n\
         restart KILL && wait $client || true\n\
         build $SMALL --output type=oci,dest=$WORK/a.tar",
    ),
    Behaviour {
        offers: Offers::none("No test here runs so long."),
        tried: Tried::Nowhere,
        ..row("long-step", "run a step of more than ten minutes", "")
    },
];

const fn row(id: &'static str, title: &'static str, script: &'static str) -> Behaviour {
    let (lines, needs) = (Lines::beside(script), &[Need::Namespaces, Need::Locks]);
    Behaviour { id, title, group: Group::Daemon, lines, needs, offers: Offers::ALL, tried: Tried::Beside }
}
