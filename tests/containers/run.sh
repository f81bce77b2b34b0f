# In the container: `check`, then a real build. One line `@key value` for each thing that is learnt.
# usage: run.sh BUILD(yes|no) CHECK-ARGUMENTS... -- DAEMON...
build=$1; shift; check=
while [ "$1" != -- ]; do check="$check $1"; shift; done; shift
things() { cat /proc/self/mountinfo; ls -A / /tmp "$STATE" 2>/dev/null; set -- /proc/[0-9]*; echo "$# processes"; }
things > /dev/shm/before
buildkit-preflight check $check --format json > /dev/shm/report 2> /dev/shm/errors; echo "@exit $?"
things > /dev/shm/after
echo "@left $(diff /dev/shm/before /dev/shm/after | tr '\n' ' ')"
echo "@report $(tr -d '\n' < /dev/shm/report)"
sed 's/^/check: /' /dev/shm/errors
[ "$build" = yes ] || exit 0

"$@" > /dev/shm/daemon 2>&1 & daemon=$!
# Ready is when it answers; dead is when it is gone. Nothing here waits for a time that passes.
until buildctl debug workers -v > /dev/shm/workers 2>&1; do kill -0 $daemon 2> /dev/null || break; usleep 100000; done
if kill -0 $daemon 2> /dev/null; then
  echo "@snapshotter $(sed -n 's/.*worker.snapshotter:[[:space:]]*//p' /dev/shm/workers)"
  buildctl build --progress plain --frontend dockerfile.v0 --local context=/context --local dockerfile=/context \
    --output type=oci,dest=/dev/shm/image.tar > /dev/shm/build 2>&1 && mkdir /dev/shm/image && tar -xf /dev/shm/image.tar -C /dev/shm/image &&
  for layer in /dev/shm/image/blobs/sha256/*; do tar -tzf "$layer" 2> /dev/null | grep -qx made && echo "@built yes"; done
  sed 's/^/build: /' /dev/shm/build
fi
tail -n 15 /dev/shm/daemon | sed 's/^/daemon: /'
kill $daemon 2> /dev/null; wait $daemon
exit 0
