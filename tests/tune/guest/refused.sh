# usage: refused.sh CONFIG...   From a pod that lacks something nothing is changed.
. /guest/lib.sh
for config; do
  healthy; low kernel/unprivileged_userns_clone=0 user/max_user_namespaces=0
  # Those of a pod with a user namespace can't be made without one.
  [ "$config" != nested ] || { healthy; low kernel/unprivileged_userns_clone=0 user/max_user_namespaces=1000; }
  knobs > $out/$config.before
  container "$config" "$config"
  knobs > $out/$config.after
done
healthy
