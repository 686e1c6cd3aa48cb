{{/* What the coordinator's pods and the test's pod have in common. */}}

{{- define "steno.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "steno.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* GPU nodes come and go with the work and cost more: what stays prefers the others. */}}
{{- define "steno.offGpuNodes" -}}
nodeAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      preference:
        matchExpressions:
          - key: nvidia.com/gpu.present
            operator: DoesNotExist
{{- end -}}

{{- define "steno.coordinatorEnvironment" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: TMPDIR
  value: /tmp
{{- with include "steno.redisSecret" . }}
- name: STENO_REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ . }}
      key: coordinator-password
{{- end }}
{{- if .Values.redis.external.sentinelPassword }}
- name: STENO_REDIS_SENTINEL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "steno.redisSecret" . }}
      key: sentinel-password
{{- end }}
{{- with .Values.redis.external.tls }}
{{- if and .secret .authority }}
- name: STENO_REDIS_CA
  value: /etc/steno-redis/ca.crt
{{- end }}
{{- if and .secret .clientCertificate }}
- name: STENO_REDIS_CERT
  value: /etc/steno-redis/tls.crt
- name: STENO_REDIS_KEY
  value: /etc/steno-redis/tls.key
{{- end }}
{{- end }}
{{- with .Values.storage.secret }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .accessKeyId }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .secretAccessKey }}
{{- end }}
{{- end }}
{{- with .Values.coordinator.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "steno.coordinatorMounts" -}}
- name: settings
  mountPath: /etc/steno
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if .Values.redis.external.tls.secret }}
- name: redis-tls
  mountPath: /etc/steno-redis
  readOnly: true
{{- end }}
{{- if eq .Values.model.cache.type "claim" }}
- name: models
  mountPath: /models
  readOnly: true
{{- end }}
{{- end -}}

{{- define "steno.coordinatorVolumes" -}}
- name: settings
  configMap:
    name: {{ include "steno.fullname" . }}-settings
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- with .Values.redis.external.tls.secret }}
- name: redis-tls
  secret:
    secretName: {{ . }}
{{- end }}
{{- if eq .Values.model.cache.type "claim" }}
- name: models
  persistentVolumeClaim:
    claimName: {{ include "steno.modelClaim" . }}
    readOnly: true
{{- end }}
{{- end -}}
