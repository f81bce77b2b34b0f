#!/bin/sh
# Copies what `check --root` reads from this machine (or this container) into a directory.
# usage: capture.sh DIR
set -eu
out=$1
take() {
  [ -e "$1" ] || return 0
  mkdir -p "$out${1%/*}"
  # A read that is refused is left out, as it would be there.
  cat "$1" > "$out$1" 2> /dev/null || rm -f "$out$1"
}
for file in /etc/os-release /etc/passwd /etc/subuid /etc/subgid \
  /proc/sys/kernel/osrelease /proc/sys/kernel/hostname /proc/sys/kernel/unprivileged_userns_clone \
  /proc/sys/kernel/apparmor_restrict_unprivileged_userns /proc/sys/user/max_user_namespaces \
  /proc/self/status /proc/self/uid_map /proc/self/gid_map /proc/self/mountinfo /proc/self/attr/current; do
  take "$file"
done
for file in /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf /etc/sysctl.conf; do
  take "$file"
done
mkdir -p "$out/proc/self/ns"
for namespace in user pid ipc; do
  [ ! -L /proc/self/ns/$namespace ] || ln -sfn "$(readlink /proc/self/ns/$namespace)" "$out/proc/self/ns/$namespace"
done
for program in newuidmap newgidmap rootlesskit; do
  [ ! -x /usr/bin/$program ] || { mkdir -p "$out/usr/bin"; : > "$out/usr/bin/$program"; chmod 755 "$out/usr/bin/$program"; }
done
