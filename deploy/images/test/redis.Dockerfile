# Redis for the cluster tests: the server that all other tests use, where the chart's image cannot be pulled.
# The context is a folder with redis-server and redis-cli; tools/images makes it.
ARG BASE=docker.io/library/debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE}
LABEL org.opencontainers.image.title="steno-redis-test" \
      org.opencontainers.image.description="Redis for Steno's cluster tests" \
      org.opencontainers.image.licenses="BSD-3-Clause"
COPY redis-server redis-cli /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/redis-server"]
