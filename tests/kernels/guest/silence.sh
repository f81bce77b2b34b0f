#!/bin/sh
# A hook of runc, createRuntime: the server of the container's state dir falls silent before the container starts, as one
# can in a pod's life. A FUSE device that nobody reads is mounted over it, in the container's mount namespace.
# usage: silence.sh PATH < the container's state
export PATH=/usr/sbin:/usr/bin
pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
exec 4<> /dev/fuse
/usr/bin/nsenter --mount="/proc/$pid/ns/mnt" busybox mount -i -t fuse -o fd=4,rootmode=40000,user_id=0,group_id=0,allow_other silent "$1" || exit
# Closed by its last holder it would answer with an error.
sleep 100000 < /dev/null > /dev/null 2>&1 & echo $! > /run/silence
