# The bot, and nothing else: no build tools, no Node, nothing that only the demo or the tests need.
# Needs BuildKit (Docker 23 or newer).
#
#   docker build -t bullhorn .
#   docker run --rm --read-only --env-file bullhorn.env -p 3000:3000 bullhorn

# The project's own wheel. What builds it comes from a lock file too, and stays in this stage.
FROM python:3.13-slim AS wheel
WORKDIR /src
COPY requirements-build.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --disable-pip-version-check --root-user-action=ignore --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
RUN pip wheel --disable-pip-version-check --no-deps --no-index --no-build-isolation --wheel-dir /dist .

# The virtual environment. It has no pip of its own; the base image's fills it.
FROM python:3.13-slim AS venv
WORKDIR /src
RUN python -m venv --without-pip /opt/bullhorn
COPY requirements.lock ./
# Wheels only, as slim has no compiler. The wheel of bullmq puts its own development tools' Node
# modules beside the packages; nothing imports them.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/bullhorn/bin/python install --disable-pip-version-check --require-hashes --only-binary=:all: -r requirements.lock \
    && rm -rf /opt/bullhorn/lib/python3.*/site-packages/node_modules
COPY --from=wheel /dist /dist
RUN pip --python /opt/bullhorn/bin/python install --disable-pip-version-check --no-cache-dir --no-deps --no-index /dist/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Bullhorn" \
      org.opencontainers.image.description="A Slack bot for people on call for BullMQ queues" \
      org.opencontainers.image.licenses="MIT"
# A number and not a name, so that Kubernetes can tell that it is not root; it owns no file.
RUN groupadd --gid 10001 bullhorn \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bullhorn
COPY --from=venv /opt/bullhorn /opt/bullhorn
# Nothing is written: no bytecode, and the log goes to standard output at once.
ENV PATH=/opt/bullhorn/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 3000
# Not through urllib: that would ask a proxy from the environment.
HEALTHCHECK --interval=15s --timeout=5s --start-period=45s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 3000), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["bullhorn"]
CMD ["run"]
