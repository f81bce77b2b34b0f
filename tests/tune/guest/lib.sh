# What the steps share; each sources it. What a step leaves in /run/out is what the host judges.
# busybox's shell takes its own applets where they exist, so other programs are called by their paths.
out=/run/out
CLONE=/proc/sys/kernel/unprivileged_userns_clone; MAX=/proc/sys/user/max_user_namespaces
CONF=/etc/sysctl.d/60-buildkit-preflight.conf
# What is the harness's own fault.
bad() { echo "$*" >> $out/harness; }
# usage: put FILE VALUE
put() { echo "$2" > "$1" && [ "$(cat "$1")" = "$2" ] || bad "$1 = $2: reads as $(cat "$1")"; }
# A node that builds: the kernel's own limits, and the switch on. Nothing of another step is left.
healthy() { while read -r knob booted; do put "$knob" "$booted"; done < /run/booted; put $CLONE 1; rm -rf /etc/sysctl.d; mkdir /etc/sysctl.d; }
# usage: low SYSCTL=VALUE...   by their paths below /proc/sys
low() { for pair; do put "/proc/sys/${pair%%=*}" "${pair#*=}"; done; }
# The sysctls that may be changed, and one that may not.
knobs() { for file in $CLONE /proc/sys/user/max_*_namespaces /proc/sys/kernel/core_pattern; do echo "${file#/proc/sys/}=$(cat $file)"; done; }
# All sysctls that can be read.
everything() { grep -r '' /proc/sys 2> /dev/null | sort; }
# usage: tree PATH... [-xdev]: kind, mode, owner, links, what is in it or where it points to
tree() {
  find "$@" 2> /dev/null | sort | while read -r path; do
    what=; if [ -L "$path" ]; then what=$(readlink "$path"); elif [ -f "$path" ]; then what=$(md5sum < "$path"); fi
    echo "$(stat -c '%n %F %a %u:%g %h' "$path") $what"
  done
}
# usage: run NAME PROGRAM...: leaves NAME.out, NAME.err, NAME.exit
run() { name=$1; shift; timeout -s KILL 20 "$@" > $out/$name.out 2> $out/$name.err < /dev/null; echo $? > $out/$name.exit; }
# --forget has no result but a sentence.
tune() { name=$1; shift; case " $* " in *" --forget "*) ;; *) set -- --format json "$@";; esac; run "$name" buildkit-preflight tune "$@"; }
# usage: container NAME CONFIG: a container of /disk/configs/CONFIG.json; leaves NAME.out, NAME.err, NAME.exit, NAME.seconds
container() {
  name=$1; w=/disk/run; mkdir -p $w/upper $w/work $w/rootfs $w/volume $w/bundle; chmod 777 $w/volume
  mount -t overlay overlay -o "lowerdir=/img/builder,upperdir=$w/upper,workdir=$w/work" $w/rootfs || bad "$name: no root"
  cp "/disk/configs/$2.json" $w/bundle/config.json
  start=$(cut -d ' ' -f 1 /proc/uptime)
  timeout -s KILL 200 runc --root /run/runc run --bundle $w/bundle "$name" > $out/$name.out 2> $out/$name.err < /dev/null; echo $? > $out/$name.exit
  echo "$start $(cut -d ' ' -f 1 /proc/uptime)" > $out/$name.seconds
  runc --root /run/runc delete -f "$name" 2> /dev/null; rmdir /sys/fs/cgroup/tune 2> /dev/null
  umount -l $w/rootfs; rm -rf $w
}
# The kernel frees namespaces later than their last process ends, which counts where their number is limited. Whether all
# are gone can't be seen: a namespace without a process is in no list.
settle() { sleep 3; }
