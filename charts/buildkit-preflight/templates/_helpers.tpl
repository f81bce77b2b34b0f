{{/* What the templates are filled in with: the names are those of the manifests' templates. */}}
{{- define "preflight.values" -}}
{{- $v := .Root.Values -}}
{{- if and $v.tune.persist (not $v.tune.sysctls) }}{{ fail "tune.persist: it needs tune.sysctls, which says what is to be set" }}{{ end -}}
{{- if and $v.baseline $v.tune.sysctls }}{{ fail "tune.sysctls: with baseline no container may set sysctls. Leave one of them out" }}{{ end -}}
{{- $canaries := ternary (list "baseline") $v.canaries $v.baseline -}}
{{- if and (or $v.seccompProfile $v.appArmorProfile) (not (has "baseline" $canaries)) -}}
{{- fail "seccompProfile, appArmorProfile: only the canary of baseline has profiles of the nodes. Set baseline, or add baseline to canaries" -}}
{{- end -}}
{{- $namespace := include "preflight.namespace" .Root -}}
{{- if or (eq $namespace "default") (hasPrefix "kube-" $namespace) -}}
{{- fail (printf "namespace: the agent needs a namespace of its own, not %s: helm install --namespace buildkit-preflight --create-namespace" $namespace) -}}
{{- end -}}
{{- if and $v.namespace.create (eq $namespace .Root.Release.Namespace) -}}
{{- fail (printf "namespace.create: %s is the release's own namespace, which is there before. Set namespace.name, or leave it out" $namespace) -}}
{{- end -}}
{{- $_ := set . "namespace" $namespace -}}
{{- $_ = set . "prefix" $v.labelPrefix -}}
{{- $_ = set . "image" (include "preflight.image" .Root) -}}
{{- $_ = set . "baseline" $v.baseline -}}
{{- $_ = set . "canaries" $canaries -}}
{{- $_ = set . "tune" (dict) -}}
{{- if $v.tune.sysctls }}{{ $_ = set . "tune" (dict "limits" (eq $v.tune.sysctls "all") "persist" $v.tune.persist) }}{{ end -}}
{{- $_ = set . "security" (include (ternary "preflight.security.baseline" "preflight.security" $v.baseline) .Root | indent 10) -}}
{{- end -}}

{{- define "preflight.namespace" -}}
{{ default .Release.Namespace .Values.namespace.name }}
{{- end -}}

{{- define "preflight.image" -}}
{{- $image := .Values.image -}}
{{- $tag := ternary $image.tag (default .Chart.AppVersion $image.tag) (not (not $image.digest)) -}}
{{ $image.repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{- define "preflight.security" -}}
securityContext:
  runAsUser: 1000
  runAsGroup: 1000
  seccompProfile:
    type: Unconfined
  appArmorProfile:
    type: Unconfined
  readOnlyRootFilesystem: true
{{- end -}}

{{- define "preflight.security.baseline" -}}
securityContext:
  runAsUser: 1000
  runAsGroup: 1000
  readOnlyRootFilesystem: true
{{- end -}}

{{/* The canary of baseline, which may have profiles of the node's own. The agent has none: without them it would not start. */}}
{{- define "preflight.baseline" -}}
{{ include "preflight.security.baseline" . }}
{{- with .Values.seccompProfile }}
  seccompProfile:
    type: Localhost
    localhostProfile: {{ . | toJson }}
{{- end }}
{{- with .Values.appArmorProfile }}
  appArmorProfile:
    type: Localhost
    localhostProfile: {{ . | toJson }}
{{- end }}
{{- end -}}

{{/* A pod's further annotations: the chart's root, and whether the pod has some already. */}}
{{- define "preflight.annotations" -}}
{{- $has := index . 1 -}}
{{- with (index . 0).Values.podAnnotations }}
{{- if not $has }}
      annotations:
{{- end }}
{{ toYaml . | indent 8 }}
{{- end }}
{{- end -}}

{{- define "preflight.pod" -}}
{{- with .Values.imagePullSecrets }}
      imagePullSecrets:
{{ toYaml . | indent 8 }}
{{- end }}
{{- end -}}
