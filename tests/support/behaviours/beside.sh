# What scripts beside the daemon take for granted: a directory of their own in WORK, and these. DAEMON is its command.
SMALL="--local dockerfile=/behaviours/small" CHECKS="--local dockerfile=/behaviours --opt filename=$PROFILE.again"
build() { buildctl build --progress plain --frontend dockerfile.v0 --local context=/context "$@" >> "$WORK/log" 2>&1; }
answers() { buildctl debug workers > /dev/null 2>&1; }
gone() { ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2> /dev/null; }
# usage: restart SIGNAL: to all of the daemon's processes; TERM as a kubelet does it.
restart() {
  daemons=$(ps -o pid,comm | sed -n 's/^ *\([0-9]*\) \(buildkitd\|rootlesskit\|exe\)$/\1/p')
  case $1 in TERM) kill -TERM "$(cat "$SPACE/daemon.pid")";; KILL) kill -KILL $daemons;; esac
  for pid in $daemons; do until gone "$pid"; do usleep 50000; done; done
  $DAEMON > "$SPACE/daemon.again" 2>&1 & echo $! > "$SPACE/daemon.pid"
  until answers; do ! gone "$(cat "$SPACE/daemon.pid")" || return 1; usleep 100000; done
}
