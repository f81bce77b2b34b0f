# What a node has at this moment: mounts, processes, namespaces, cgroups, and files of the volume. Only by what the shell
# has built in, where processes are listed, so that none of its own is among them.
things() {
  for process in /proc/[0-9]*; do
    command=; read -r command 2> /dev/null < "$process/cmdline"
    [ -n "$command" ] && read -r name < "$process/comm" || continue
    # busybox's timeout leaves a watcher that notices a second later that there is nothing left to watch.
    [ "$name" = timeout ] || echo "process ${process#/proc/} $name"
  done
  # Peer groups are numbered anew when a mount is shared again.
  sed 's/ shared:[0-9]*/ shared/' /proc/1/mountinfo
  ls -l /proc/[0-9]*/ns 2> /dev/null | sed -n 's/.*-> //p' | sort -u
  find /sys/fs/cgroup -type d 2> /dev/null | sort
  [ ! -d /run/volume ] || find /run/volume | sort
}
# usage: differences BEFORE AFTER
differences() { diff "$1" "$2" | grep '^[-+<>]' | grep -vE '^(---|\+\+\+) '; }
