{{/* What is known of each profile, by its name: the shape of its pod, and who proves it. */}}
{{- define "buildkitd.profiles" -}}
@PROFILES@
{{- end -}}
