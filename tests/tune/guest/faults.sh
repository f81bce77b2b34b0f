# usage: faults.sh RUNS FAULTS   Each system call of `tune --apply --persist` that touches a sysctl or sysctl.d fails, or is the
# last thing that happens. FAULTS is `all`, or `one`: death and one error a call. A line a run in `runs`; `calls` are those of a run without faults.
. /guest/lib.sh
runs=$1; faults=$2; low='kernel/unprivileged_userns_clone=0 user/max_user_namespaces=7'
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

for start in none old; do
  begin_with $start
  apply /usr/bin/strace -y -o $out/trace.$start; code=$?; [ $code = 0 ] || bad "with strace: exit $code: $(cat /tmp/stderr)"
  # The ordinal is among all calls of that name, since strace counts so.
  sed -n 's/^\([a-z0-9_]*\)(/\1 &/p' $out/trace.$start | awk '{ n[$1]++ } /\/proc\/sys\/(kernel|user)|sysctl\.d|unprivileged_userns_clone|max_[a-z]*_namespaces|60-buildkit-preflight/ && $1 != "execve" { print $1, n[$1] }' > $out/calls.$start
done
number=0
for run in $(seq "$runs"); do
  # In turn, so that both starts are met however few runs there are.
  for start in none old; do
    [ "$runs" != 1 ] || [ $start = old ] || continue
    while read -r call nth; do
      number=$((number + 1))
      case $faults in all) kinds="signal=SIGKILL error=ENOSPC error=EROFS error=EIO";;
      one) case $((number % 3)) in 0) kinds="signal=SIGKILL error=ENOSPC";; 1) kinds="signal=SIGKILL error=EROFS";; 2) kinds="signal=SIGKILL error=EIO";; esac;; esac
      for kind in $kinds; do
        begin_with $start
        apply /usr/bin/strace -o /tmp/trace -e trace=$call -e "inject=$call:$kind:when=$nth"; code=$?
        # strace ends as the program did, by the same signal.
        hit=no; grep -q 'INJECTED\|killed by SIGKILL' /tmp/trace && hit=yes
        first="$(values) $(files)"
        apply; echo "$start $call $nth $kind $hit $code $first $? $(values) $(files)" >> $out/runs
        [ $code != 0 ] || cp /tmp/trace $out/trace.$start-$call-$nth-$kind
      done
    done < $out/calls.$start
  done
done
healthy
