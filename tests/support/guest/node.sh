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
  [ ! -d /run/volume ] || find /run/volume -mindepth 1 | sort
}
# usage: load MODULE: it and what it needs, unless they are built in or loaded already.
load() {
  while read -r module; do
    [ -z "$module" ] || [ -d "/sys/module/${module%.ko}" ] || insmod "/modules/$module"
  done < "/modules/$1"
}
# usage: differences BEFORE AFTER
differences() { diff "$1" "$2" | grep '^[-+<>]' | grep -vE '^(---|\+\+\+) '; }

# ---- What is told to the host, by the second serial port.
tell() { echo "$*" >&3; }
begin() { tell begin "$1"; rm -rf /run/out; mkdir /run/out; }
# Sends what lies in /run/out.
end() { sync; tell end "$1" "$(tar -cz -C /run/out . | base64 | tr -d '\n')"; }
# Whether the node is what it was at the start, but for what goes away by itself within seconds. If not, it is told.
clean() {
  for try in 1 2 3 4 5; do things > /run/now; differs=$(differences /run/node /run/now) && sleep 1 || break; done
  [ -z "$differs" ] && [ ! -e /run/dirty ] || { tell dirty "$(echo "$differs" | tr '\n' ' ')"; false; }
}
