# A worker whose GPU is bad in the pod of index 0: for the cluster tests. tools/images makes it of the worker's image.
ARG WORKER=docker.io/library/steno-worker:test
# hadolint ignore=DL3006
FROM ${WORKER}
LABEL org.opencontainers.image.title="steno-bad-gpu-test" \
      org.opencontainers.image.description="Worker with a bad GPU in one pod, for Steno's cluster tests" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY bad-gpu /usr/local/bin/
ENTRYPOINT ["/usr/local/bin/bad-gpu"]
