#!/bin/sh -e
# The OCI runtime of a node: the real one, or one that behaves as some platforms' do. Which, the file @BEHAVIOUR@ says at each call;
# the runtime's version is the same as on any other node, so only trying tells them apart.
behaviour=$(cat @BEHAVIOUR@)
bundle= create= features= log= previous=
for word; do
  case $previous in --bundle|-b) bundle=$word ;; --log) log=$word ;; esac
  case $word in create|run) create=yes ;; features) features=yes ;; esac
  previous=$word
done
change() { jq "$1" "$bundle/config.json" > "$bundle/config.json.new" && mv "$bundle/config.json.new" "$bundle/config.json"; }
has_user_namespace() { jq -e '.linux.namespaces | any(.type == "user")' "$bundle/config.json" > /dev/null; }
case $behaviour,${create:+create}${features:+features} in
forbids-user-namespaces,create)
  # CLONE_NEWUSER is 0x10000000 among the flags of unshare and clone. The flags of clone3 lie in memory, where a filter
  # can't see them: it answers ENOSYS (38), and callers fall back on clone.
  change '.linux.seccomp = ((.linux.seccomp // {defaultAction: "SCMP_ACT_ALLOW"}) |
    .syscalls = [{names: ["unshare", "clone"], action: "SCMP_ACT_ERRNO", errnoRet: 1,
                  args: [{index: 0, value: 268435456, valueTwo: 268435456, op: "SCMP_CMP_MASKED_EQ"}]},
                 {names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}] + (.syscalls // []))' ;;
ignores-unmasked,create)
  # As a runtime that takes an empty list for none: its own default, except for privileged containers.
  change 'if (.process.capabilities.bounding // []) | index("CAP_SYS_ADMIN") then . else
    .linux.maskedPaths = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"] |
    .linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"] end' ;;
ignores-host-users,create)
  change '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings) |
    .mounts |= map(del(.uidMappings, .gidMappings))' ;;
reports-no-user-namespaces,features)
  @RUNC@ "$@" | jq '.linux.namespaces -= ["user"] | .linux.mountExtensions.idmap.enabled = false'
  exit ;;
fails-user-namespaces,create)
  if has_user_namespace; then
    message='failed to start noop process for unshare: fork/exec /proc/self/exe: no space left on device'
    [ -z "$log" ] || printf '{"level":"error","msg":"%s","time":"%s"}\n' "$message" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >> "$log"
    echo "$message" >&2
    exit 1
  fi ;;
esac
exec @RUNC@ "$@"
