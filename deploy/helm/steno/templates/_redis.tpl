{{/* The configuration of the chart's Redis. */}}
{{- define "steno.redisConfig" -}}
port 6379
# Users have passwords and the default user is off; protected mode would only refuse connections from other pods.
protected-mode no
aclfile /etc/redis/users/users.acl
dir /data
# At most a second of what was leased or finished is lost with the machine, and workers redo that.
appendonly yes
appendfsync everysec
save ""
# Leases must never be evicted: a full Redis says so, and work in flight can still end.
maxmemory {{ .Values.redis.maxMemory }}
maxmemory-policy noeviction
# A node that vanishes leaves half-open connections.
tcp-keepalive 60
{{- end -}}
