# usage: war.sh FILE|-   Somebody else sets the value back, by FILE in /etc/sysctl.d or without one.
. /guest/lib.sh
other=$1
healthy; low user/max_user_namespaces=5
[ "$other" = - ] || echo 'user.max_user_namespaces = 5' > "/etc/sysctl.d/$other"
rm -f /run/status; : > /run/war
( while [ -e /run/war ]; do
    if [ "$(cat $MAX)" -ge 1024 ]; then
      # A configuration manager comes by some time later, not at once.
      sleep 1
      if [ "$other" = - ]; then echo 5 > $MAX; else /usr/sbin/sysctl -p "/etc/sysctl.d/$other" > /dev/null; fi
      echo "back $(cut -d ' ' -f 1 /proc/uptime)" >> $out/writes
    fi
    usleep 200000
  done ) & writer=$!
buildkit-preflight tune --apply --watch --status /run/status > $out/watch.out 2> $out/watch.err < /dev/null & watch=$!
waited=0
until grep -q TugOfWar /run/status 2> /dev/null || [ $waited = 120 ] || ! kill -0 $watch 2> /dev/null; do usleep 500000; waited=$((waited + 1)); done
echo "stopped $(cut -d ' ' -f 1 /proc/uptime)" >> $out/writes
cp /run/status $out/status
# That it is left alone shows in time only: two more rounds of the watch.
for look in $(seq 24); do cat $MAX; usleep 500000; done > $out/values
kill -TERM $watch; wait $watch; echo $? > $out/watch.exit
rm /run/war; wait $writer
cp /run/status $out/status.end; ls -A /run > $out/run
healthy
