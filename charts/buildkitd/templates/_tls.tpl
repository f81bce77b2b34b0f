{{/* The certificates, once for all templates: given, kept from the installation before, or made. */}}
{{- define "buildkitd.tls" -}}
{{- $v := .Root.Values -}}{{- $t := $v.tls -}}
{{- $tls := dict -}}
{{- if $t.enabled -}}
{{- if hasKey .Root.Values "madeTls" }}{{ $tls = .Root.Values.madeTls -}}
{{- else if $t.existingSecret }}{{ $tls = dict "kept" true "made" false -}}
{{- else if $t.cert -}}
{{- $tls = dict "made" true "until" "the date that is in it" "ca" (b64dec (nospace $t.certCA)) "server_certificate" (b64dec (nospace $t.cert)) "server_key" (b64dec (nospace $t.certKey)) -}}
{{- if $t.clientCert }}{{ $tls = merge $tls (dict "client_certificate" (b64dec (nospace $t.clientCert)) "client_key" (b64dec (nospace $t.clientCertKey))) }}{{ end -}}
{{- else -}}
{{- $tls = dict "made" true "until" "two years after the installation" -}}
{{- $daemon := lookup "v1" "Secret" .namespace .daemon_secret -}}
{{- $client := lookup "v1" "Secret" .namespace .client_secret -}}
{{- if and $daemon $client -}}
{{- $tls = merge $tls (dict "ca" (b64dec (index $daemon.data "ca.crt")) "server_certificate" (b64dec (index $daemon.data "tls.crt")) "server_key" (b64dec (index $daemon.data "tls.key")) "client_certificate" (b64dec (index $client.data "tls.crt")) "client_key" (b64dec (index $client.data "tls.key"))) -}}
{{- else -}}
{{- $ca := genCA (printf "%s CA" .name) 730 -}}
{{- $far := printf "%s.%s" .name .namespace -}}
{{- $server := genSignedCert .name (list "127.0.0.1") (list .name $far (printf "%s.svc" $far) (printf "%s.svc.cluster.local" $far) "localhost") 730 $ca -}}
{{- $of := genSignedCert "client" nil nil 730 $ca -}}
{{- $tls = merge $tls (dict "ca" $ca.Cert "server_certificate" $server.Cert "server_key" $server.Key "client_certificate" $of.Cert "client_key" $of.Key) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Root.Values "madeTls" $tls -}}
{{- end -}}
{{- $_ := set . "tls" $tls -}}
{{- end -}}
