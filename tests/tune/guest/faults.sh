# usage: faults.sh RUNS KINDS   Each system call of `tune --apply --persist` that touches a sysctl that it sets, or sysctl.d, fails,
# or is one too late: the program is dead. RUNS times where it writes, once where it looks at the node before and after. KINDS is
# `all`, or `some`: death and one error for each call, and only where it writes. `runs` has a line a run.
. /guest/lib.sh; . /guest/node.sh
runs=$1; kinds=$2; low='kernel/unprivileged_userns_clone=0 user/max_user_namespaces=7'
apply() { timeout -s KILL 60 "$@" buildkit-preflight tune --apply --persist --format json > /tmp/stdout 2> /tmp/stderr < /dev/null; }
# What stands in the directory: our file by its content, others by their names.
files() { echo "$(cat $CONF 2> /dev/null | md5sum | cut -c 1-8),$(ls -A /etc/sysctl.d | grep -vx 60-buildkit-preflight.conf | tr '\n' ',')"; }
values() { echo "$(cat $CLONE),$(cat $MAX)"; }
# usage: begin_with old|none
begin_with() {
  rm -rf /etc/sysctl.d; mkdir /etc/sysctl.d; [ "$1" = none ] || cp /guest/tmp/old.conf $CONF
  for pair in $low; do echo "${pair#*=}" > "/proc/sys/${pair%%=*}"; done
}
healthy
# An earlier run's file, with another value.
low user/max_user_namespaces=7; buildkit-preflight tune --apply --persist --max-user-namespaces 5000 > /dev/null 2> /tmp/stderr || bad "no old file: $(cat /tmp/stderr)"
cp $CONF /guest/tmp/old.conf
echo "old $(files)" > $out/states
begin_with none; echo "none $(files) $(values)" >> $out/states
apply; echo "new $(files) $(values) $?" >> $out/states
begin_with old; apply; echo "new $(files) $(values) $?" >> $out/states

# The ordinal is among all calls of that name, since strace counts so. What is opened without waiting is looked at, the rest is
# written, or looked at in order to write.
for start in none old; do
  begin_with $start
  apply /usr/bin/strace -y -o $out/trace.$start; code=$?; [ $code = 0 ] || bad "with strace: exit $code: $(cat /tmp/stderr)"
  sed -n 's/^\([a-z0-9_]*\)(/\1 &/p' $out/trace.$start | awk -v some=$([ "$kinds" = all ] || echo 1) '
    { n[$1]++ }
    $1 == "execve" || $1 == "close" || $1 == "getdents64" || $1 == "statx" || !/unprivileged_userns_clone|max_user_namespaces|sysctl\.d|60-buildkit-preflight/ { next }
    $1 == "openat" { looks = /O_NONBLOCK/ && !/O_NOFOLLOW/ }
    { if (!(looks && some)) print $1, n[$1], looks ? "looks" : "writes" }' > $out/calls.$start
done
number=0
# usage: inject START CALL NTH KIND
inject() {
  begin_with $1
  apply /usr/bin/strace -o /tmp/trace -e trace=$2 -e "inject=$2:$4:when=$3"; code=$?
  # strace ends as the program did, by the same signal.
  hit=no; ! grep -q 'INJECTED\|killed by SIGKILL' /tmp/trace || hit=yes
  first="$(values) $(files)"
  apply; echo "$1 $2 $3 $4 $hit $code $first $? $(values) $(files)" >> $out/runs
  number=$((number + 1)); [ $((number % 25)) != 0 ] || tell trouble "faults: $number injections"
}
for run in $(seq "$runs"); do
  # In turn without our file and with an old one; the latter has more to go wrong.
  start=$([ $((run % 2)) = 0 ] && echo none || echo old)
  call_number=0
  while read -r call nth part; do
    [ $part = writes ] || [ $run -le 2 ] || continue
    call_number=$((call_number + 1))
    case $kinds,$((call_number % 3)) in
    all,*) list="signal=SIGKILL error=ENOSPC error=EROFS error=EIO";;
    some,0) list="signal=SIGKILL error=ENOSPC";; some,1) list="signal=SIGKILL error=EROFS";; some,2) list="signal=SIGKILL error=EIO";;
    esac
    for kind in $list; do inject $start $call $nth $kind; done
  done < $out/calls.$start
done
healthy
