//! Processes of a step.

use super::row::{Behaviour, Group, Lines, Need, Offer, Offers, Tried};

const NO_SANDBOX: &str = "Without a process sandbox all steps and buildkitd share one PID namespace.";
const SECCOMP: &str = "A step has the seccomp profile of BuildKit and few capabilities; only `--security=insecure` takes them away.";

pub(super) const ROWS: &[Behaviour] = &[
    row("proc-and-dev", "use /proc/self, /dev/null, /dev/shm, /dev/fd and /dev/stdout").run(
        "test -e /proc/self/exe && echo x > /dev/null && echo x > /dev/shm/x && echo y | cat /dev/fd/0 | grep -q y && echo z > /dev/stdout",
    ),
    row("terminal", "open a pseudo terminal").run("exec 3<> /dev/ptmx && test -c /dev/pts/0"),
    row("user-instruction", "run a step as another user").stage(
        "RUN mkdir -m 777 /kept\nUSER 1000:1000\nRUN id -u > /kept/user && id -g >> /kept/user\nUSER 0",
        "test \"$(tr '\\n' ' ' < /stages/user-instruction/user)\" = '1000 1000 '",
    ),
    row("setuid-program", "gain root by a setuid program, as sudo and su do").run(
        "cp /bin/busybox /bin/become && chmod 4755 /bin/become && ln -sf become /bin/su && su user -c '/bin/su root -c id' | grep uid=0",
    ),
    Behaviour {
        offers: Offers {
            no_process_sandbox: Offer::No("Without a process sandbox a process that a step leaves lives on in the builder's pod."),
            ..Offers::ALL
        },
        needs: &[Need::PidNamespace],
        ..row("background-process", "leave a process in the background: none is left after the step").lines(
            "",
            "sleep 98765 > /dev/null 2>&1 &",
            "! ps -o args | grep -qx 'sleep 98765'",
        )
    },
    Behaviour {
        offers: Offers { no_process_sandbox: Offer::No(NO_SANDBOX), ..Offers::ALL },
        needs: &[Need::PidNamespace],
        ..row("own-processes", "see and signal no process of other steps or of the daemon")
            .run("! ps -o comm | grep -q '[b]uildkitd' && test \"$(ps -o pid | grep -cw 1)\" = 1")
    },
    Behaviour {
        offers: Offers::none(SECCOMP),
        tried: Tried::Nowhere,
        ..row("nested-user-namespace", "make a user namespace in a step, as sandboxes of build tools do").run("unshare -Ur true")
    },
    Behaviour {
        offers: Offers::none(SECCOMP),
        tried: Tried::Nowhere,
        ..row("mount", "mount a file system in a step").run("mount -t tmpfs none /mnt")
    },
    row("trace", "trace a process, as debuggers do")
        .stage("COPY tools/ /\nRUN mkdir /kept && strace -f -o /kept/traced sh -c true", "grep -q execve /stages/trace/traced"),
    Behaviour {
        offers: Offers::none("The daemon must allow the entitlement `security.insecure`, and our manifests do not."),
        tried: Tried::Nowhere,
        needs: &[Need::Daemon],
        ..row("insecure", "`RUN --security=insecure`")
    },
    Behaviour {
        offers: Offers::none("Rootless daemons have no cgroup to write to, and no check looks for one in other profiles."),
        tried: Tried::Nowhere,
        needs: &[Need::Daemon],
        ..row("limits", "limits of memory and CPU for a step, and `--cgroup-parent`")
    },
    Behaviour {
        offers: Offers::none("It depends on the emulators in the image and on the node's `vm.mmap_min_addr`, which no check looks at."),
        tried: Tried::Nowhere,
        needs: &[Need::Daemon],
        ..row("foreign-platform", "run a step of another CPU's platform by emulation")
    },
];

const fn row(id: &'static str, title: &'static str) -> Behaviour {
    let needs = &[Need::Namespaces];
    Behaviour { id, title, group: Group::Processes, lines: Lines::NONE, needs, offers: Offers::ALL, tried: Tried::LongBuilds }
}
