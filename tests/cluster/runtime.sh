#!/bin/sh -e
# The OCI runtime of a node as some platforms build them: whatever a pod's security context says, its processes may make
# no user namespaces. Kernel, sysctls and the runtime's version are as on any other node: only trying tells them apart.
# Adds rules to the seccomp filter in the bundle before the container is made, unless the file @ORDINARY@ exists.
bundle= create= previous=
for word; do
  case $previous in --bundle|-b) bundle=$word ;; esac
  case $word in create|run) create=yes ;; esac
  previous=$word
done
if [ -n "$create" ] && [ -n "$bundle" ] && [ ! -e @ORDINARY@ ]; then
  # CLONE_NEWUSER is 0x10000000 among the flags of unshare and clone. The flags of clone3 lie in memory, where a filter
  # can't see them: it answers ENOSYS (38), and callers fall back on clone.
  jq '.linux.seccomp = ((.linux.seccomp // {defaultAction: "SCMP_ACT_ALLOW"}) |
    .syscalls = [{names: ["unshare", "clone"], action: "SCMP_ACT_ERRNO", errnoRet: 1,
                  args: [{index: 0, value: 268435456, valueTwo: 268435456, op: "SCMP_CMP_MASKED_EQ"}]},
                 {names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}] + (.syscalls // []))' \
    "$bundle/config.json" > "$bundle/config.json.new"
  mv "$bundle/config.json.new" "$bundle/config.json"
fi
exec @RUNC@ "$@"
