# S3 server for the cluster tests. The context is a folder with versitygw, a static program; tools/images makes it.
FROM scratch
LABEL org.opencontainers.image.title="steno-s3-test" \
      org.opencontainers.image.description="S3 server (versitygw) for Steno's cluster tests" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY versitygw /versitygw
USER 10001:10001
ENTRYPOINT ["/versitygw"]
