#!/usr/bin/env bash
# Prints the manifest for krew's index: release/krew.sh VERSION REPOSITORY DIR, with the archives in DIR.
set -euo pipefail
version=$1 repository=$2 dir=$3
cat << END
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: buildkit-preflight
spec:
  version: v$version
  homepage: $repository
  shortDescription: Tells whether rootless BuildKit works on nodes
  description: |
    Tells whether rootless BuildKit works on the nodes of a cluster, or on this
    machine. If it does not, it names the step that fails, the reason and the fix.
    It also prints the manifests of an agent that labels nodes, and of builders
    that run where they work.
  platforms:
END
for architecture in amd64 arm64; do
  file=buildkit-preflight_${version}_linux_$architecture.tar.gz
  sum=$(sha256sum "$dir/$file" | cut -d' ' -f1)
  cat << END
    - selector:
        matchLabels:
          os: linux
          arch: $architecture
      uri: $repository/releases/download/v$version/$file
      sha256: $sum
      files:
        - from: buildkit-preflight
          to: .
        - from: LICENSE
          to: .
        - from: THIRD-PARTY
          to: .
      bin: buildkit-preflight
END
done
