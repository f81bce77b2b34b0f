# Somebody who may give arguments, an environment, or files where `tune` looks, wants it to write something else.
. /guest/lib.sh
V=/etc/victim
state() { knobs; echo "panic_on_warn=$(cat /proc/sys/kernel/panic_on_warn)"; tree /etc/sysctl.d $V /guest/tmp -xdev; }
# usage: attack NAME ARGUMENTS...
attack() { name=$1; shift; state > $out/$name.before; tune "$name" "$@"; state > $out/$name.after; echo "$name" >> $out/attacks; }
# A node with something to change, and victims.
ready() { healthy; low kernel/unprivileged_userns_clone=0; rm -rf $V; mkdir -p $V/dir; echo precious > $V/file; }
# Our file as an earlier run left it.
ours() { ready; buildkit-preflight tune --apply --persist > /dev/null 2> /tmp/ours || bad "no file to begin with: $(cat /tmp/ours)"; low kernel/unprivileged_userns_clone=0; }

# ---- other sysctls
ready
attack core-pattern --apply --only kernel.core_pattern
attack core-pattern-up --apply --only ../../kernel/core_pattern
attack core-pattern-across --apply --only user/../kernel/core_pattern
attack core-pattern-slash --apply --only kernel/core_pattern
attack zero --apply --max-user-namespaces 0
attack too-much --apply --max-user-namespaces 99999999999
# An environment that asks for more. The answer must be as without.
for word in KERNEL_CORE_PATTERN=x ONLY=kernel.core_pattern MAX_USER_NAMESPACES=1 SYSCTLS=/guest/tmp PERSIST=true FORGET=true OVERRIDE_POLICY=true \
  PLAN=true STATUS=/etc/victim/file PROFILE=privileged WATCH=true ROOT=/guest/tmp HOST_ROOT=/guest/tmp; do
  export "$word" "TUNE_$word" "BUILDKIT_PREFLIGHT_$word" "BUILDKIT_PREFLIGHT_TUNE_$word" "PREFLIGHT_$word"
done
attack environment --apply
for word in KERNEL_CORE_PATTERN ONLY MAX_USER_NAMESPACES SYSCTLS PERSIST FORGET OVERRIDE_POLICY PLAN STATUS PROFILE WATCH ROOT HOST_ROOT; do
  unset "$word" "TUNE_$word" "BUILDKIT_PREFLIGHT_$word" "BUILDKIT_PREFLIGHT_TUNE_$word" "PREFLIGHT_$word"
done

# ---- other places for sysctls
ready
T=/guest/tmp
mkdir -p $T/fake/kernel $T/fake/user; cp $CLONE $T/fake/kernel; cp /proc/sys/user/* $T/fake/user
attack sysctls-look-alike --apply --sysctls $T/fake
ln -s /proc/sys $T/link; attack sysctls-link --apply --sysctls $T/link
mkdir $T/half; ln -s /proc/sys/kernel /proc/sys/user $T/half; attack sysctls-links-inside --apply --sysctls $T/half
attack sysctls-dots --apply --sysctls $T/../../proc/sys
attack sysctls-relative --apply --sysctls proc/sys
attack sysctls-file --apply --sysctls $T/fake/kernel/unprivileged_userns_clone
attack sysctls-missing --apply --sysctls $T/nothing
# usage: bound DIRECTORY-FOR-KERNEL DIRECTORY-FOR-USER: mounts them below $T/bound
bound() {
  mkdir -p $T/bound/kernel $T/bound/user; mount --bind "$1" $T/bound/kernel; mount --bind "$2" $T/bound/user
  # What is mounted below them is not to appear in /proc itself.
  mount --make-private $T/bound/kernel; mount --make-private $T/bound/user
}
unbound() { umount $T/bound/kernel $T/bound/user; }
bound /proc/sys/kernel /proc/sys/user
# What the others differ from: the same directories mounted as the DaemonSet mounts them.
attack sysctls-bound --apply --sysctls $T/bound; low kernel/unprivileged_userns_clone=0
mount --bind $T/fake/kernel/unprivileged_userns_clone $T/bound/kernel/unprivileged_userns_clone
attack sysctls-file-over --apply --sysctls $T/bound; umount $T/bound/kernel/unprivileged_userns_clone
mount --bind /proc/sys/kernel/panic_on_warn $T/bound/kernel/unprivileged_userns_clone
attack sysctls-sysctl-over --apply --sysctls $T/bound; umount $T/bound/kernel/unprivileged_userns_clone; unbound
low kernel/panic_on_warn=0 kernel/unprivileged_userns_clone=0 user/max_user_namespaces=0
bound /proc/sys/vm /proc/sys/user; attack sysctls-vm --apply --sysctls $T/bound; unbound
bound /proc/sys/user /proc/sys/kernel; attack sysctls-swapped --apply --sysctls $T/bound; unbound
bound /proc/sys/kernel $T/fake/user; attack sysctls-half --apply --sysctls $T/bound; unbound
rm -rf $T/*

# ---- other files in place of ours
ready; ln -s $V/file $CONF; attack file-link --apply --persist; attack forget-link --forget
ready; ln -s $V/nothing $CONF; attack file-link-to-nothing --apply --persist
ready; mkfifo $CONF; attack file-fifo --apply --persist; attack forget-fifo --forget
ready; mkdir $CONF; attack file-directory --apply --persist; attack forget-directory --forget
ours; ln $CONF $V/hard; attack file-hard-link --apply --persist; attack forget-hard-link --forget
ours; chown 1000:1000 $CONF; attack file-of-user --apply --persist; attack forget-of-user --forget
ready; echo 'kernel.unprivileged_userns_clone = 0' > $CONF; attack file-without-header --apply --persist; attack forget-without-header --forget
ours; echo 'kernel.core_pattern = |/bin/evil' >> $CONF; attack file-with-line --apply --persist; attack forget-with-line --forget
# ---- and of the directory
ready; rm -rf /etc/sysctl.d; ln -s $V/dir /etc/sysctl.d; attack directory-link --apply --persist; rm /etc/sysctl.d
ready; rm -rf /etc/sysctl.d; attack directory-missing --apply --persist
ready; rm -rf /etc/sysctl.d; echo > /etc/sysctl.d; attack directory-file --apply --persist; rm /etc/sysctl.d
# ---- and of the file that is renamed to it
N=/etc/sysctl.d/.60-buildkit-preflight.conf.new
ready; ln -s $V/file $N; attack temporary-link --apply --persist
ready; mkfifo $N; attack temporary-fifo --apply --persist
ready; mkdir $N; attack temporary-directory --apply --persist
ready; ln $V/file $N; attack temporary-hard-link --apply --persist
# That of a run that was killed is no obstacle.
ready; echo '# half a' > $N; chmod 644 $N; attack temporary-stale --apply --persist
healthy; rm -rf $V
