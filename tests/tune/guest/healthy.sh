# usage: healthy.sh [build]   On a node with nothing to do nothing is opened for writing.
. /guest/lib.sh
healthy
everything > $out/sysctls.first; everything > $out/sysctls.before
tune plan --plan
run apply /usr/bin/strace -f -o $out/trace -e trace=open,openat,openat2,creat,rename,renameat,renameat2,unlink,unlinkat buildkit-preflight tune --format json --apply
everything > $out/sysctls.after; tree /etc/sysctl.d > $out/files
[ -z "$1" ] || container node node
