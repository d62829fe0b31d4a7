{{- define "lading.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "lading.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "lading.labels" -}}
{{ include "lading.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The configuration file: what is given, and over it what the rest of the chart relies on. */}}
{{- define "lading.config" -}}
{{- $http := dict "addr" ":5000" -}}
{{- if .Values.metrics.enabled -}}
{{- $_ := set $http "debug" (dict "addr" (printf ":%v" .Values.metrics.port) "prometheus" (dict "enabled" true)) -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $http "tls" (dict "certificate" "/etc/registry/tls/tls.crt" "key" "/etc/registry/tls/tls.key") -}}
{{- end -}}
{{- $fixed := dict "http" $http "storage" (dict "filesystem" (dict "rootdirectory" "/var/lib/registry")) -}}
{{- with .Values.auth.htpasswd -}}
{{- if .existingSecret -}}
{{- $_ := set $fixed "auth" (dict "htpasswd" (dict "realm" .realm "path" (printf "/etc/registry/auth/%s" .key))) -}}
{{- end -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $fixed) -}}
{{- end -}}

{{/* A probe, by the scheme that the registry speaks. */}}
{{- define "lading.probe" -}}
{{- $probe := deepCopy .probe -}}
{{- if and .secure (hasKey $probe "httpGet") -}}
{{- $_ := set $probe.httpGet "scheme" "HTTPS" -}}
{{- end -}}
{{- toYaml $probe -}}
{{- end -}}
