{{- /* What workers and coordinator have in common: DNS, Redis, the object store. */}}
{{- define "steno.egress" -}}
- ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- if .Values.redis.external.url }}
- ports:
    {{- $url := .Values.redis.external.url }}
    {{- $usual := list (include "steno.portOf" (list $url 6379)) }}
    {{- if contains "+sentinel://" $url }}{{ $usual = list (include "steno.portOf" (list $url 26379)) 6379 }}{{ end }}
    {{- range .Values.redis.external.ports | default $usual }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- else }}
- to:
    - podSelector:
        matchLabels:
          {{- include "steno.selector" (list . "redis") | nindent 10 }}
  ports:
    - protocol: TCP
      port: 6379
{{- end }}
- ports:
    {{- range .Values.networkPolicy.storage.ports }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
  {{- with .Values.networkPolicy.storage.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* Port of a URL; called with (list URL DEFAULT). */}}
{{- define "steno.portOf" -}}
{{- regexFind ":[0-9]+$" (urlParse (index . 0)).host | trimPrefix ":" | default (index . 1) -}}
{{- end -}}
