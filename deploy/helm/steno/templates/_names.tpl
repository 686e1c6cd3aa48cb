{{/* Name of the installation: every object's name begins with it. Short, since "-coordinator" and more follow. */}}
{{- define "steno.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change, for selectors; called with (list $ COMPONENT). */}}
{{- define "steno.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: steno
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end -}}

{{/* All labels of an object; called with (list $ COMPONENT). */}}
{{- define "steno.labels" -}}
{{- $root := index . 0 -}}
{{ include "steno.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Full name of an image of this repository; called with (list $ NAME). A name that has a tag or digest is kept. */}}
{{- define "steno.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $name := index . 1 -}}
{{- if regexMatch "[:@][^/]*$" $name -}}
{{- $name -}}
{{- else -}}
{{- with $image.registry }}{{ . | trimSuffix "/" }}/{{ end }}{{ $name }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The secret with the passwords of Redis' users; empty for an external Redis without any. */}}
{{- define "steno.redisSecret" -}}
{{- if .Values.redis.existingSecret -}}
{{- .Values.redis.existingSecret -}}
{{- else if not .Values.redis.external.url -}}
{{- include "steno.fullname" . }}-redis
{{- end -}}
{{- end -}}

{{/* The claim that keeps the model. */}}
{{- define "steno.modelClaim" -}}
{{- .Values.model.cache.claim.existing | default (printf "%s-models" (include "steno.fullname" .)) -}}
{{- end -}}
