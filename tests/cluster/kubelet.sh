# Runs a kubelet, $1 with its arguments, in a mount namespace where some sysctls of the whole machine seem to have the
# values that it would write into them. $0 is a directory for files. What a kubelet mounts spreads to the other processes,
# these mounts don't.
mount --make-private /proc
while read -r name value; do
  echo "$value" > "$0/sysctl"
  if [ "$(cat "/proc/sys/$name")" != "$value" ]; then
    cp "$0/sysctl" "$0/sysctl-${name##*/}"
    mount --bind "$0/sysctl-${name##*/}" "/proc/sys/$name"
  fi
done << END
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END
# A user `kubelet` with a range: a kubelet takes the IDs of its pods from there (getsubids), else from all that there are. These
# can't be shared out in parts of any size.
if [ -e "$0/sub-ids" ]; then
  mount --bind /etc /etc
  mount --make-private /etc
  { cat /etc/passwd; echo kubelet:x:64000:64000::/nonexistent:/bin/false; } > "$0/passwd"
  mount --bind "$0/passwd" /etc/passwd
  mount --bind "$0/sub-ids" /etc/subuid
  mount --bind "$0/sub-ids" /etc/subgid
fi
# Each kubelet makes the socket for device plugins under this name, whatever its root directory is; of two that do so at the
# same moment one ends with "address already in use".
mkdir -p "$0/var-lib-kubelet"
mount --bind "$0/var-lib-kubelet" /var/lib/kubelet
exec "$@"
