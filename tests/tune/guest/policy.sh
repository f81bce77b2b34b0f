# Files by which somebody has said 0 on purpose, and systems that have another place for such settings.
. /guest/lib.sh
state() { knobs; tree /etc/sysctl.d; sed 's/^/kept: /' $CONF 2> /dev/null; }
# usage: said NAME ARGUMENTS...
said() { name=$1; shift; state > $out/$name.before; tune "$name" "$@"; state > $out/$name.after; echo "$name" >> $out/cases; }
stig() { healthy; low user/max_user_namespaces=0; echo "$1" > /etc/sysctl.d/99-stig.conf; }
clear() { healthy; rm -rf /run/sysctl.d /etc/sysctl.conf; }

stig 'user.max_user_namespaces = 0'; said plan; said apply --apply
stig 'user.max_user_namespaces = 0'; said persist --apply --persist
said override --apply --override-policy
stig 'user.max_user_namespaces = 0'; said override-persist --apply --override-policy --persist
stig 'user/max_user_namespaces=0'; said slashes --apply
stig '-user.max_user_namespaces = 0'; said dash --apply
stig '; user.max_user_namespaces = 0'; said comment --apply
stig 'user.max_user_namespaces = 0'; echo 'user.max_user_namespaces = 9999' > /etc/sysctl.d/99-y-later.conf; said later-file --apply
stig 'user.max_user_namespaces = 9999'; mkdir -p /run/sysctl.d; echo 'user.max_user_namespaces = 0' > /run/sysctl.d/99-y-run.conf; said run --apply
# What is no file sets nothing, and hides nothing.
clear
stig 'user.max_user_namespaces = 0'; mkdir /etc/sysctl.d/10-directory.conf; said directory --apply
stig 'user.max_user_namespaces = 0'; mkfifo /etc/sysctl.d/20-fifo.conf; said fifo --apply
stig 'user.max_user_namespaces = 0'; ln -s /nowhere /etc/sysctl.d/30-dangling.conf; said dangling --apply
# One of the same name in /etc stands for it: here nothing is left of it.
clear; low user/max_user_namespaces=0; mkdir -p /run/sysctl.d; echo 'user.max_user_namespaces = 0' > /run/sysctl.d/99-stig.conf
ln -s /dev/null /etc/sysctl.d/99-stig.conf; said masked --apply
clear; low user/max_user_namespaces=0; echo 'user.max_user_namespaces = 0' > /etc/sysctl.conf; said sysctl-conf --apply
clear; low kernel/unprivileged_userns_clone=0 user/max_user_namespaces=0; echo 'kernel.unprivileged_userns_clone = 0' > /etc/sysctl.d/99-stig.conf; said one-of-two --apply
clear
# ---- systems whose /etc is not kept
cp /etc/os-release /guest/tmp/os-release 2> /dev/null
for id in bottlerocket talos nixos; do
  healthy; low kernel/unprivileged_userns_clone=0; rm -f /etc/os-release; echo "ID=$id" > /etc/os-release; said "$id" --apply --persist
done
rm -f /etc/os-release; [ ! -e /guest/tmp/os-release ] || cp /guest/tmp/os-release /etc/os-release
healthy
