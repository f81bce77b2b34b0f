#!/bin/sh
# A volume that an ordinary user serves by FUSE. usage: server.sh ITS-OWN-DIRECTORY MOUNT-POINT
# It ends when it is unmounted. /dev/fuse must be open to user 1000.
set -e
for part in lower upper work; do install -d -o 1000 -g 1000 "$1/$part"; done
chown 1000:1000 "$2"
# Mounting takes SYS_ADMIN, and nothing else of root's.
exec setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +sys_admin --ambient-caps +sys_admin --bounding-set -all,+sys_admin \
  fuse-overlayfs -f -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work,allow_other" "$2"
