# The steps of this boot, in order: /disk/steps.N, where N is `tune.boot` of the kernel's command line. A step is a script
# here with its words.
boot=$(sed 's/.*tune\.boot=\([0-9]*\).*/\1/' /proc/cmdline)
# /etc can be written and outlives the boot; what lies on the root disk is the same for all.
[ -e /disk/etc ] || cp -a /etc /disk/etc
mount --bind /disk/etc /etc
mount -t tmpfs tmpfs /guest/tmp
# What Debian does at boot. The kernel's command line has set the distribution's default before.
mkdir -p /etc/sysctl.d; /usr/sbin/sysctl --system > /run/sysctl.log 2>&1
for file in /proc/sys/kernel/unprivileged_userns_clone /proc/sys/user/max_*_namespaces; do echo "$file $(cat $file)"; done > /run/booted
while read -r id script; do
  begin "$id"
  sh /guest/$script 2> /tmp/errors
  tail -n 20 /tmp/errors > /run/out/errors
  end "$id"
done < "/disk/steps.$boot"
