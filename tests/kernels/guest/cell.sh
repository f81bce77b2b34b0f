#!/bin/sh
# One cell: the node's settings, then `check` and the build, each in a container of its own, then the settings undone.
# usage: cell.sh ID. The host wrote /disk/cells/ID; what comes of it lies in /run/out, where `harness` says what is the
# harness's own fault.
id=$1; cell=/disk/cells/$id
. "$cell/settings"; . /guest/node.sh; . /guest/volume.sh
# busybox's shell takes its own applets where they exist, so programs of util-linux are called by their paths.
bad() { echo "$*" >> /run/out/harness; }
: > /run/undo; later() { echo "$*" >> /run/undo; }

# ---- the node
while read -r key value; do
  file=/proc/sys/$(echo "$key" | tr . /)
  [ -e "$file" ] || { bad "no sysctl $key on this kernel"; continue; }
  old=$(cat "$file"); later "set_sysctl $file '$old'"
  echo "$value" > "$file" || bad "$key = $value: refused"
  [ "$(tr -s '\t ' ' ' < "$file")" = "$value" ] || bad "$key = $value: reads as $(cat "$file")"
done < "$cell/sysctls"
# ---- SELinux
S=/sys/fs/selinux
set_enforce() { echo "$1" > $S/enforce; [ "$(cat $S/enforce)" = "$1" ] || bad "SELinux's mode stays $(cat $S/enforce)"; }
selinux_boolean() { echo "$2" > "$S/booleans/$1" && echo 1 > $S/commit_pending_bools && [ "$(cat "$S/booleans/$1")" = "$2 $2" ] || bad "no boolean $1"; }
# usage: labelled PATH...: gives files the label of the container's own.
labelled() { [ -z "$FILE_LABEL" ] || setfattr -n security.selinux -v "$FILE_LABEL" "$@" || bad "no label on $*"; }
set_sysctl() { echo "$2" > "$1"; [ "$(cat "$1")" = "$2" ] || : > /run/dirty; }
if [ -n "$HIDEPID" ]; then mount -o "remount,hidepid=$HIDEPID" /proc || bad "hidepid=$HIDEPID"; later mount -o remount,hidepid=0 /proc; fi
if [ "$FUSE_MODULE" = no ]; then rmmod fuse || bad "module fuse stays"; later 'for module in $(cat /modules/fuse); do insmod /modules/$module; done'; fi
if [ "$ROOT_PROPAGATION" != shared ]; then mount "--make-r$ROOT_PROPAGATION" / || bad "$ROOT_PROPAGATION /"; later mount --make-rshared /; fi
if [ "$MOUNTS" != 0 ]; then
  # A tree that is bound into itself again and again: one by one takes minutes.
  M=/run/mounts; mkdir -p $M; mount -t tmpfs -o mode=755 mounts $M; mount --make-private $M; later "umount -l $M; rmdir $M"; count=1
  while [ $count -lt "$MOUNTS" ]; do mkdir $M/$count; mount --rbind $M $M/$count || { bad "$count mounts"; break; }; count=$((2 * count)); done
fi
for profile in $NODE_PROFILES; do
  apparmor_parser -Kr "$profile" || bad "profile $profile does not load"; later apparmor_parser -R "$profile"
done
if [ -n "$SELINUX" ]; then
  for boolean in $SELINUX_BOOLEANS; do selinux_boolean "$boolean" 1; later "selinux_boolean $boolean 0"; done
  dmesg -c > /dev/null; echo 0 > /proc/sys/kernel/printk_ratelimit
  case $SELINUX in enforcing) set_enforce 1;; *) set_enforce 0;; esac
  # Files of the cell that lie over those of the image, which a runtime labels for the pod.
  labelled "$cell"/*
fi
if [ -n "$HOLD" ]; then
  # Somebody else's user namespaces: each is held by a process that does nothing.
  pids=
  for number in $(seq "${HOLD#*:}"); do
    /usr/bin/setpriv --reuid "${HOLD%:*}" --regid "${HOLD%:*}" --clear-groups /usr/bin/unshare -U sleep 1000 & pids="$pids $!"
  done
  later kill $pids; held=0
  for try in $(seq 50); do
    held=0
    for pid in $pids; do
      [ "$(cat "/proc/$pid/comm" 2> /dev/null)" = sleep ] && [ "$(readlink "/proc/$pid/ns/user")" != "$(readlink /proc/self/ns/user)" ] && held=$((held + 1))
    done
    [ "$held" = "${HOLD#*:}" ] && break; sleep 0.2
  done
  [ "$held" = "${HOLD#*:}" ] || bad "$held of $HOLD user namespaces are held"
fi

volume_node

# ---- containers
W=/disk/run
# usage: container PART IMAGE LIMIT: makes root and state dir, runs them, removes them. PART.json is the config.
container() {
  # The kernel frees namespaces later than their last process ends, which counts where their number is limited.
  ! grep -q '^user\.max_' "$cell/sysctls" || sleep 3
  part=$1; log=/run/out/$1.log; : > "$log"
  rm -rf $W; mkdir -p $W/upper $W/work $W/rootfs $W/volume $W/bundle
  lower=/img/$2; undo=
  if [ -n "$IDS" ] && [ "$part" != shape ]; then
    # containerd gives the pod's root the pod's IDs by an idmapped mount; where the kernel can't, runc says so soon.
    if /usr/bin/mount --bind -o "X-mount.idmap=b:0:$FIRST_ID:$IDS" "/img/$2" /run/lower 2> /run/refused; then lower=/run/lower; undo="umount /run/lower"
    else sed 's/^/runc: image root: /' /run/refused >> "$log"; fi
    chown "$FIRST_ID:$FIRST_ID" $W/upper $W/work
  fi
  # By a mount option, as runtimes label an image's files.
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$W/upper,workdir=$W/work${FILE_LABEL:+,context=\"$FILE_LABEL\"}" $W/rootfs || bad "$part: no root"
  if [ "$part" != shape ]; then
    for helper in newuidmap newgidmap; do
      path=$W/rootfs/usr/bin/$helper
      # A copy has no file capabilities.
      [ "$ID_HELPER" = filecaps ] || { cp "$path" /run/helper && rm "$path"; }
      case $ID_HELPER in blocks) printf '#!/bin/sh\nexec sleep 100000\n' > "$path"; chmod 755 "$path";; nocaps) cp /run/helper "$path"; chmod 755 "$path";; setuid) cp /run/helper "$path"; chmod 4755 "$path";; esac
    done
  fi
  for number in $(seq 0 $((EMPTY_DIRS - 1))); do mkdir -m 777 "$W/empty-$number"; labelled "$W/empty-$number"; done
  cp "$cell/$part.json" $W/bundle/config.json
  volume
  things > /run/before
  # What the container says goes to these.
  : > /run/runc.err; labelled "$log" /run/runc.err
  start=$(cut -d ' ' -f 1 /proc/uptime)
  timeout -s KILL "$3" runc --root /run/runc run --bundle $W/bundle "$part-$id" >> "$log" 2> /run/runc.err < /dev/null; code=$?
  echo "@seconds $start $(cut -d ' ' -f 1 /proc/uptime)" >> "$log"
  echo "@runc $code" >> "$log"; sed 's/^/runc: /' /run/runc.err >> "$log"
  runc --root /run/runc delete -f "$part-$id" 2> /dev/null
  [ ! -e /run/silence ] || { kill "$(cat /run/silence)"; rm /run/silence; }
  rmdir /sys/fs/cgroup/cells /sys/fs/cgroup/*/cells 2> /dev/null
  case $code$HANGS in 137yes) echo "@hangs $3" >> "$log";; 137) bad "$part: not done after $3 s";; esac
  things > /run/after
  [ "$part" = build ] || differences /run/before /run/after | sed 's/^/@node-left /' >> "$log"
  volume_gone
  umount -l $W/rootfs; $undo; rm -rf $W
}
created() { grep -q '^@uid ' "/run/out/$1.log"; }

container check "$CHECK_IMAGE" "$CHECK_LIMIT"
if ! created check; then
  # What can be foretold for a pod that does not start is told by one of the default shape.
  container shape agent 60
  if ! created shape; then
    # Where no container starts at all, on the node itself, as the pod's user. The node's own root is a tmpfs: pods' volumes are not.
    mkdir -p -m 777 /disk/node
    { echo "@uid 1000"; printf '@predicted '
      XDG_DATA_HOME=/disk/node /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups buildkit-preflight check --no-probe --profile "$PROFILE" --format json | tr -d '\n'; echo; } > /run/out/node.log
  fi
fi
container build builder "$BUILD_LIMIT"
[ -z "$SELINUX" ] || dmesg | sed -n 's/.*avc: *denied/denied/p' > /run/out/denials

# ---- undone in reverse order
tac /run/undo > /run/undo.now; . /run/undo.now
