# In a container: what `check` predicts, what it says, a real build. One line `@key value` for each thing that is learnt.
# usage: container.sh PART,... CHECK-ARGUMENTS... -- DAEMON...   A PART is predict, check, mutate, prove, build,
# build-long, own (after these, the Dockerfile in /own), beside, guard (`check` is told that this is a builder's own pod), or hung (the
# state dir is not to be looked into).
parts=,$1,; shift; arguments=
while [ "$1" != -- ]; do arguments="$arguments $1"; shift; done; shift
wanted() { case $parts in *,$1,*) true;; *) false;; esac; }

echo "@uid $(id -u)"
echo "@confinement $(cat /proc/self/attr/current 2> /dev/null) $(grep -E '^(NoNewPrivs|Seccomp|CapBnd):' /proc/self/status | tr -s '\t\n' '  ')"
echo "@ids $(tr -s ' \n' ' ' < /proc/self/uid_map)"

# Mounts, files, processes and namespaces of the container; the report itself lies in /dev/shm, which is a mount of its own.
things() {
  cat /proc/self/mountinfo
  wanted hung || find / "$STATE" -xdev 2> /dev/null
  for process in /proc/[0-9]*; do echo "process $process $(cat "$process/comm" 2> /dev/null)"; done
  ls -l /proc/[0-9]*/ns 2> /dev/null | sed -n 's/.*-> //p' | sort -u
}
# usage: run KEY ARGUMENTS...
run() {
  key=$1; shift
  start=$(cut -d ' ' -f 1 /proc/uptime)
  $apart buildkit-preflight check $arguments "$@" --format json > /dev/shm/report 2> /dev/shm/errors; echo "@$key-exit $?"
  echo "@$key-seconds $start $(cut -d ' ' -f 1 /proc/uptime)"
  echo "@$key $(tr -d '\n' < /dev/shm/report)"
  sed "s/^/$key: /" /dev/shm/errors
}
if wanted predict || wanted check; then
  things > /dev/shm/before
  wanted predict && run predicted --no-probe
  guard=; ! wanted guard || guard=--guard
  wanted check && run report $guard && cp /dev/shm/report /dev/shm/full
  things > /dev/shm/after
  echo "@left $(diff /dev/shm/before /dev/shm/after | grep '^[-+<>]' | grep -vE '^(---|\+\+\+) ' | tr '\n' ' ')"
fi
# What `check` would say without one of the steps that were tried. Root that leaves out its mount namespace would pivot
# this container away.
if wanted mutate; then
  for step in $(sed -n 's/.*"step": "\([a-z-]*\)".*/\1/p' /dev/shm/full | sort -u); do
    apart=; [ "$(id -u) $step" != "0 mount-namespace" ] || apart="unshare -m"
    run "without-$step" --without "$step"
  done
  # Nor does such a probe find its directory again.
  wanted hung || rm -rf "$STATE"/.buildkit-preflight-*
fi
# The trial build of `check` itself: only a builder's own image has all that it takes.
if wanted prove; then
  things > /dev/shm/before
  run proven --prove build
  things > /dev/shm/after
  echo "@proven-left $(diff /dev/shm/before /dev/shm/after | grep '^[-+<>]' | grep -vE '^(---|\+\+\+) ' | tr '\n' ' ')"
fi
wanted build || wanted build-long || exit 0

# The build: what people's Dockerfiles do and this profile promises (src/behaviour).
case "$arguments " in *" --profile "*) PROFILE=${arguments##*--profile }; PROFILE=${PROFILE%% *};; *) PROFILE=no-process-sandbox;; esac
export PROFILE SPACE=/dev/shm
extent=short; ! wanted build-long || extent=long
# A pod may bring a Dockerfile in their place.
dockerfile=/behaviours; filename=$PROFILE.$extent; [ ! -e /context/Dockerfile ] || { dockerfile=/context; filename=Dockerfile; }
socket=${BUILDKIT_HOST#unix://}
"$@" > /dev/shm/daemon 2>&1 & daemon=$!; echo $daemon > /dev/shm/daemon.pid
# Ready is when it answers; dead is when it is gone. Nothing here waits for a time that passes. Asking is dear, so the
# socket is awaited first.
until [ -S "$socket" ] && buildctl debug workers -v > /dev/shm/workers 2>&1; do kill -0 $daemon 2> /dev/null || break; usleep 100000; done
if kill -0 $daemon 2> /dev/null; then
  echo "@daemon $(cat /proc/$daemon/attr/current 2> /dev/null)"
  echo "@snapshotter $(sed -n 's/.*worker.snapshotter:[[:space:]]*//p' /dev/shm/workers)"
  buildctl build --progress plain --frontend dockerfile.v0 --local context=/context --local dockerfile=$dockerfile --opt "filename=$filename" \
    --secret id=token,src=/context/files/hello --ssh default=/behaviours/key \
    --output type=oci,dest=/dev/shm/image.tar > /dev/shm/build 2>&1; echo "@buildctl $?"
  # What a step says, and the stage of a step that failed: `> [mount-cache 2/3] RUN ...:`.
  echo "@failed-behaviours $({ sed -n 's/^#[0-9]* [0-9.]* behaviour \([a-z0-9-]*\) failed: .*/\1/p' /dev/shm/build
    sed -n 's/^ > \[\([a-z-]*\) [0-9/]*\] .*/\1/p' /dev/shm/build | grep -vxE 'base|before|now|stage-[0-9]*'; } | sort -u | tr '\n' ' ')"
  mkdir /dev/shm/image && tar -xf /dev/shm/image.tar -C /dev/shm/image 2> /dev/null &&
  for layer in /dev/shm/image/blobs/sha256/*; do tar -tzf "$layer" 2> /dev/null | grep -qx made && echo "@built $(tar -xzOf "$layer" made)"; done
  sed 's/^/build: /' /dev/shm/build
  # A Dockerfile of somebody's own.
  if wanted own; then
    buildctl build --progress plain --frontend dockerfile.v0 --local context=/own --local dockerfile=/own \
      --output type=oci,dest=/dev/shm/own.tar > /dev/shm/own 2>&1; echo "@own $?"
    sed 's/^/build: /' /dev/shm/own
  fi
fi
# What needs more than one build: each script in a shell of its own.
beside() {
  export WORK=$SPACE/beside-$1 DAEMON; script=$(cat); mkdir "$WORK"
  if ! timeout 120 sh -exc ". /behaviours/beside.sh; $script" > "$WORK.said" 2>&1 < /dev/null; then
    echo "@failed-beside $1 $(tail -n 1 "$WORK.said")"; { tail -n 5 "$WORK.said"; grep 'behaviour .* failed' "$WORK/log"; tail -n 5 "$WORK/log"; } 2> /dev/null | sed "s/^/beside $1: /"
  fi
  rm -rf "$WORK"
}
if wanted beside; then DAEMON="$*"; . "/behaviours/$PROFILE.beside"; echo "@beside done"; fi
tail -n 40 /dev/shm/daemon | sed 's/^/daemon: /'
# With this process, the container's first, all others end.
