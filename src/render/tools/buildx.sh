# For a shell with docker buildx. The builder's pods go to the current namespace of kubectl, or to that of --driver-opt namespace=NAME.
{% include "tools/nodes.txt" %}
{% if rootless %}
# Leave out persistent-volume-claim.requests.storage: buildx has no option for fsGroup, and user 1000 can't write to a new claim.
# With buildkit-root-volume-memory, add --buildkitd-flags=--oci-worker-snapshotter=native.
{% endif %}
docker buildx create \
  --name {{ profile }} \
  --driver kubernetes \
{% if rootless %}
  --driver-opt rootless=true \
{% endif %}
  --driver-opt image={{ image }} \
  --driver-opt nodeselector={{ key }}={{ value }}
