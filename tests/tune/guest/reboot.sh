# usage: reboot.sh persist|forget|end   What a node is after a boot, then what is done to it before the next.
. /guest/lib.sh
cp /run/sysctl.log $out; knobs > $out/booted
# The first step of its boot finds the node as it booted; in the boot that others share it makes it so.
[ "$1" != persist ] || { healthy; low kernel/unprivileged_userns_clone=0; }
container node node
case $1 in
persist) tune tune --apply --persist; cp $CONF $out/conf;;
forget) tune tune --forget; tree /etc/sysctl.d > $out/files;;
esac
