{{/* The objects' name. */}}
{{- define "buildkitd.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "buildkitd.image" -}}
{{- $image := index . 0 -}}{{- $default := index . 1 -}}
{{- $tag := ternary $image.tag (default $default $image.tag) (not (not $image.digest)) -}}
{{ $image.repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* What a size is in MiB, rounded up. */}}
{{- define "buildkitd.mib" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- $bytes := mulf (regexFind "^[0-9.]+" .) (get $units (regexFind "[A-Za-z]*$" .)) -}}
{{- ceil (divf $bytes 1048576) | int64 -}}
{{- end -}}

{{- define "buildkitd.pod" -}}
{{- range $field := list "serviceAccountName" "priorityClassName" "imagePullSecrets" "nodeSelector" "tolerations" "topologySpreadConstraints" }}
{{- with index $.Values $field }}
      {{ $field }}:
{{- if kindIs "string" . }} {{ . | toJson }}{{ else }}
{{ toYaml . | indent 8 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "buildkitd.security" -}}
securityContext:
  runAsUser: {{ .uid }}
  runAsGroup: {{ .gid }}
{{- with .profile.security }}
{{ trimSuffix "\n" . }}
{{- end }}
{{- range $field, $name := dict "seccompProfile" .seccomp "appArmorProfile" .apparmor }}
{{- with $name }}
  {{ $field }}:
    type: Localhost
    localhostProfile: {{ . | toJson }}
{{- end }}
{{- end }}
{{- if .readOnly }}
  readOnlyRootFilesystem: true
{{- end }}
{{- end -}}

{{/* What the templates are filled in with: the names are those of the manifests' templates. */}}
{{- define "buildkitd.values" -}}
{{- $x := . -}}{{- $v := .Root.Values -}}
{{- $id := default (ternary "no-process-sandbox" "rootful" $v.rootless) $v.profile -}}
{{- $p := get (fromJson (include "buildkitd.profiles" .Root)) $id -}}
{{- $namespace := default .Root.Release.Namespace $v.namespace.name -}}
{{- if and $v.namespace.create (eq $namespace .Root.Release.Namespace) }}{{ fail (printf "namespace.create: %s is the release's own namespace, which is there before. Set namespace.name, or leave it out" $namespace) }}{{ end -}}
{{- if and (or $v.seccompProfile $v.appArmorProfile) (ne $id "baseline") }}{{ fail "seccompProfile, appArmorProfile: only the profile baseline has profiles of the nodes. Set profile to baseline" }}{{ end -}}
{{- $name := include "buildkitd.fullname" .Root -}}
{{- $user := $v.user.name -}}{{- $uid := int64 $v.user.uid -}}{{- $gid := int64 (default $uid $v.user.gid) -}}
{{- $ids := int64 $v.ids -}}
{{- $volume := $v.buildkitVolume -}}
{{- $claim := dict -}}{{- $existing := "" -}}{{- $memory := "" -}}{{- $limit := "" -}}
{{- if eq $volume.type "pvc" -}}
{{- if $volume.pvc.existingClaim -}}
{{- $existing = $volume.pvc.existingClaim -}}
{{- if or $v.autoscaling.enabled (gt (int64 $v.replicaCount) 1) }}{{ fail "buildkitVolume.pvc.existingClaim: two daemons can't share a claim. Set replicaCount to 1, or leave existingClaim out: each pod gets a claim of its own then" }}{{ end -}}
{{- else }}{{ $claim = dict "size" $volume.pvc.size "class" $volume.pvc.storageClassName }}{{ end -}}
{{- else if $volume.emptyDir.medium -}}
{{- $memory = required "buildkitVolume.emptyDir.sizeLimit: a state in memory needs a size, which the pod requests" $volume.emptyDir.sizeLimit -}}
{{- else }}{{ $limit = $volume.emptyDir.sizeLimit }}{{ end -}}
{{- $first := ternary "buildkit" $name (eq $name "buildkitd") -}}
{{- $_ := set $x "name" $name -}}
{{- $_ = set $x "namespace" $namespace -}}
{{- $_ = set $x "profile" $id -}}
{{- $_ = set $x "image" (include "buildkitd.image" (list $v.image (printf "%s%s" .Root.Chart.AppVersion (ternary "-rootless" "" $p.rootless)))) -}}
{{- $_ = set $x "guard" (ternary (include "buildkitd.image" (list $v.guard.image .Root.Chart.Version)) "" $v.guard.enabled) -}}
{{- $_ = set $x "snapshotter" (default (ternary "native" "" (and (ne $memory "") $p.inUserNamespace)) $v.snapshotter) -}}
{{- $_ = set $x "replicas" (int64 $v.replicaCount) -}}
{{- $_ = set $x "service_port" (int64 $v.service.port) -}}
{{- $_ = set $x "grace" (int64 $v.terminationGracePeriodSeconds) -}}
{{- $_ = set $x "access_modes" $volume.pvc.accessModes -}}
{{- $_ = set $x "claim" $claim -}}{{- $_ = set $x "existing" $existing -}}
{{- $_ = set $x "in_memory" $memory -}}{{- $_ = set $x "disk_limit" $limit -}}
{{- $_ = set $x "memory" (printf "%dMi" (ternary 256 (add 256 (include "buildkitd.mib" (default "0" $memory))) (eq $memory ""))) -}}
{{- $ca := $v.registryCA -}}
{{- if $v.caCerts.enabled }}{{ range $v.caCerts.certs }}{{ $ca = printf "%s%s\n" $ca (trim (b64dec (nospace .))) }}{{ end }}{{ end -}}
{{- $_ = set $x "toml" $v.buildkitdToml -}}{{- $_ = set $x "registry_ca" $ca -}}
{{- $_ = set $x "config" (not (not (or $v.buildkitdToml $ca))) -}}
{{- $_ = set $x "daemon_secret" (default (printf "%s-daemon-certs" $first) $v.tls.existingSecret) -}}
{{- $_ = set $x "client_secret" (printf "%s-client-certs" $first) -}}
{{- include "buildkitd.tls" $x -}}
{{- $texts := "" -}}
{{- range list $v.buildkitdToml $ca (default "" $x.tls.ca) (default "" $x.tls.server_certificate) }}{{ with . }}{{ $texts = printf "%s%s\x00" $texts . }}{{ end }}{{ end -}}
{{- $_ = set $x "checksum" (ternary (sha256sum $texts | trunc 16) "" (ne $texts "")) -}}
{{- $_ = set $x "ids" $ids -}}
{{- $isStock := and (eq $user "user") (eq $uid 1000) (eq $gid 1000) (ge $ids (int64 165536)) -}}
{{- $_ = set $x "sub_ids" (and $p.nestedIds (not $isStock)) -}}
{{- range $field, $own := dict "sub_uids" $uid "sub_gids" $gid -}}
{{- $lines := list -}}
{{- if and $p.nestedIds (ge $own $ids) }}{{ fail (printf "ids: the pod has no user or group %d: it has %d IDs, counted from 0" $own $ids) }}{{ end -}}
{{- if and $p.nestedIds (lt $ids (int64 1001)) }}{{ fail (printf "ids: %d IDs are too few, since a usual base image has users up to 999" $ids) }}{{ end -}}
{{- if gt $own (int64 1) }}{{ $lines = append $lines (printf "%s:1:%d" $user (sub $own 1)) }}{{ end -}}
{{- if lt (add1 $own) $ids }}{{ $lines = append $lines (printf "%s:%d:%d" $user (add1 $own) (sub $ids (add1 $own))) }}{{ end -}}
{{- $_ = set $x $field $lines -}}
{{- end -}}
{{- $requirements := list (dict "key" (printf "%s/%s" $v.labelPrefix $id) "operator" (ternary "In" "NotIn" $p.needsProof) "value" (ternary "ready" "not-ready" $p.needsProof)) -}}
{{- if and (not $p.hostUsers) (gt $ids (int64 65536)) -}}
{{- $requirements = append $requirements (dict "key" (printf "%s/pod-ids" $v.labelPrefix) "operator" "Gt" "value" (printf "\"%d\"" (sub $ids 1))) -}}
{{- end -}}
{{- $_ = set $x "requirements" $requirements -}}
{{- $_ = set $x "pool" (dict) -}}
{{- if $v.pool }}{{ $_ = set $x "pool" (dict "key" (first (splitList "=" $v.pool)) "value" (last (splitList "=" $v.pool) | toJson)) }}{{ end -}}
{{- /* The user's terms are alternatives: each gets the agent's label. */ -}}
{{- $_ = set $x "affinity" (dict) -}}
{{- if $v.affinity -}}
{{- $ours := list -}}
{{- if $v.pool -}}
{{- $ours = list (dict "key" $x.pool.key "operator" "In" "values" (list (last (splitList "=" $v.pool)))) -}}
{{- else -}}
{{- range $requirements }}{{ $ours = append $ours (dict "key" .key "operator" .operator "values" (list (trimAll "\"" .value))) }}{{ end -}}
{{- end -}}
{{- $node := default (dict) $v.affinity.nodeAffinity -}}
{{- $terms := list -}}
{{- range dig "requiredDuringSchedulingIgnoredDuringExecution" "nodeSelectorTerms" (list (dict)) $node -}}
{{- $terms = append $terms (merge (dict "matchExpressions" (concat (default (list) .matchExpressions) $ours)) (omit . "matchExpressions")) -}}
{{- end -}}
{{- $required := dict "requiredDuringSchedulingIgnoredDuringExecution" (dict "nodeSelectorTerms" $terms) -}}
{{- $_ = set $x "affinity" (merge (dict "nodeAffinity" (merge $required (omit $node "requiredDuringSchedulingIgnoredDuringExecution"))) (omit $v.affinity "nodeAffinity")) -}}
{{- end -}}
{{- $_ = set $x "proven" $p.needsProof -}}
{{- $_ = set $x "privileged" $p.privileged -}}
{{- $_ = set $x "pod_security" $p.podSecurity -}}
{{- $_ = set $x "at_own_risk" (eq $id "rootful") -}}
{{- $_ = set $x "host_users" $p.hostUsers -}}
{{- $_ = set $x "process_sandbox" $p.processSandbox -}}
{{- $own := ternary $uid (int64 $p.uid) $p.rootless -}}{{- $group := ternary $gid (int64 $p.gid) $p.rootless -}}
{{- $_ = set $x "security" (include "buildkitd.security" (dict "uid" $own "gid" $group "profile" $p "seccomp" $v.seccompProfile "apparmor" $v.appArmorProfile "readOnly" $v.readOnlyRootFilesystem) | indent 10) -}}
{{- $run := ternary (printf "/run/user/%d/buildkit" $uid) $p.runtimeDir $p.rootless -}}
{{- $_ = set $x "socket" (printf "unix://%s/buildkitd.sock" $run) -}}
{{- $home := printf "/home/%s" $user -}}
{{- $state := ternary (printf "%s/.local/share/buildkit" $home) $p.stateDir $p.rootless -}}
{{- $_ = set $x "state_dir" $state -}}
{{- $_ = set $x "names_state_dir" (ne $state $p.stateDir) -}}
{{- $_ = set $x "fs_group" (ternary $gid (int64 0) (and $p.rootless (not (not (or $claim $existing))))) -}}
{{- $mounts := list (dict "name" "state" "path" $state "sub_path" (ternary "buildkit" "" (gt $x.fs_group (int64 0))) "read_only" false) -}}
{{- $_ = set $x "scratch" (list) -}}
{{- if $v.readOnlyRootFilesystem -}}
{{- $places := ternary (list (list "runtime" (printf "/run/user/%d" $uid)) (list "home-tmp" (printf "%s/.local/tmp" $home)) (list "tmp" "/tmp")) (list (list "runtime" "/run") (list "tmp" "/tmp")) $p.rootless -}}
{{- range $places -}}
{{- $_ = set $x "scratch" (append $x.scratch (first .)) -}}
{{- $mounts = append $mounts (dict "name" (first .) "path" (last .) "sub_path" "" "read_only" false) -}}
{{- end -}}
{{- end -}}
{{- if $x.config }}{{ $mounts = append $mounts (dict "name" "config" "path" "/etc/buildkitd" "sub_path" "" "read_only" true) }}{{ end -}}
{{- if $v.tls.enabled }}{{ $mounts = append $mounts (dict "name" "certificates" "path" "/certs" "sub_path" "" "read_only" true) }}{{ end -}}
{{- if $x.sub_ids }}{{ range list "subuid" "subgid" }}{{ $mounts = append $mounts (dict "name" "sub-ids" "path" (printf "/etc/%s" .) "sub_path" . "read_only" false) }}{{ end }}{{ end -}}
{{- $_ = set $x "mounts" $mounts -}}
{{- end -}}
