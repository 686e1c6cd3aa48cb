{{/*
The settings file of the coordinator and the command line, as a dictionary in JSON. The programs refuse names that they
do not know, so nothing is passed through that is not named here, and what is not set is left out.
*/}}
{{- define "steno.settings" -}}
{{- $v := .Values -}}
{{- $fullname := include "steno.fullname" . -}}

{{- $worker := dict
  "image" (include "steno.image" (list . ($v.worker.image | default (ternary "steno-worker-cuda" "steno-worker" (gt (int $v.worker.gpus) 0)))))
  "imagePullPolicy" $v.image.pullPolicy
  "imagePullSecrets" $v.image.pullSecrets
  "serviceAccount" (printf "%s-worker" $fullname)
  "gpus" (int $v.worker.gpus)
  "device" $v.worker.device
  "resources" $v.worker.resources
  "nodeSelector" $v.worker.nodeSelector
  "tolerations" $v.worker.tolerations
  "spoolSize" $v.worker.spoolSize
  "graceSeconds" (int $v.worker.graceSeconds)
-}}
{{- range $name := list "threads" "batchSize" -}}
{{- with index $v.worker $name }}{{ $_ := set $worker $name (int .) }}{{ end -}}
{{- end -}}
{{- range $name := list "runtimeClass" "priorityClass" -}}
{{- with index $v.worker $name }}{{ $_ := set $worker $name . }}{{ end -}}
{{- end -}}

{{- $cache := dict -}}
{{- $type := $v.model.cache.type -}}
{{- $source := $v.model.source -}}
{{- if and (ne $type "claim") (not $source) -}}
{{- fail (printf "model.source is missing: say where pods get the model from, for example --set model.source=s3://BUCKET/models/%s (or keep it in a claim: model.cache.type=claim)" $v.model.name) -}}
{{- end -}}
{{- if eq $type "claim" -}}
{{- $_ := set $cache "claim" (dict "name" (include "steno.modelClaim" .)) -}}
{{- else if eq $type "node" -}}
{{- $_ := set $cache "node" (dict "path" $v.model.cache.node.path "source" $source) -}}
{{- else -}}
{{- $_ := set $cache "pod" (dict "source" $source "size" $v.model.cache.pod.size) -}}
{{- end -}}

{{- $external := $v.redis.external -}}
{{- $redis := dict "url" ($external.url | default (printf "redis://%s-redis:6379" $fullname)) -}}
{{- if $external.tls.secret }}{{ $_ := set $redis "tls" $external.tls }}{{ end -}}
{{- $secret := include "steno.redisSecret" . -}}
{{- if $secret -}}
{{- if $external.sentinelPassword }}{{ $_ := set $redis "sentinel" (dict "secret" $secret "key" "sentinel-password") }}{{ end -}}
{{- if $external.url -}}
{{- range $who, $user := dict "coordinator" $external.coordinatorUser "worker" $external.workerUser -}}
{{- $access := dict "secret" $secret "key" (printf "%s-password" $who) -}}
{{- with $user }}{{ $_ := set $access "user" . }}{{ end -}}
{{- $_ := set $redis $who $access -}}
{{- end -}}
{{- else -}}
{{- $_ := set $redis "coordinator" (dict "secret" $secret "key" "coordinator-password" "user" "steno") -}}
{{- $_ := set $redis "userPerBatch" true -}}
{{- end -}}
{{- end -}}

{{- $job := dict
  "retriesPerNode" (int $v.job.retriesPerNode)
  "keepSeconds" (int $v.job.keepSeconds)
  "unreachableSeconds" (int $v.job.unreachableSeconds)
-}}
{{- with $v.job.queue }}{{ $_ := set $job "queue" . }}{{ end -}}

{{- $settings := dict
  "worker" $worker
  "model" (dict "name" $v.model.name "cache" $cache)
  "redis" $redis
  "job" $job
-}}
{{- $s3 := dict -}}
{{- with $v.storage.endpoint }}{{ $_ := set $s3 "endpoint" . }}{{ end -}}
{{- with $v.storage.region }}{{ $_ := set $s3 "region" . }}{{ end -}}
{{- if $s3 }}{{ $_ := set $settings "s3" $s3 }}{{ end -}}
{{- with $v.storage.secret -}}
{{- if .name -}}
{{- $_ := set $settings "storage" (dict "secret" .name "accessKeyId" .accessKeyId "secretAccessKey" .secretAccessKey) -}}
{{- end -}}
{{- end -}}
{{- if $v.price.perNodeHour -}}
{{- $_ := set $settings "price" (dict "perNodeHour" (float64 $v.price.perNodeHour) "currency" $v.price.currency) -}}
{{- end -}}
{{- with $v.afterDrain.webhook -}}
{{- $_ := set $settings "afterDrain" (dict "webhook" .) -}}
{{- end -}}
{{- $settings | toPrettyJson -}}
{{- end -}}
