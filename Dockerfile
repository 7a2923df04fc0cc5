# The bridge in a container: `web` by default, `worker` and every other command of `bridge` by their names.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md Procfile requirements.lock ./
COPY docs docs
COPY templates templates
COPY bridge bridge
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels . \
  && python -m venv /opt/bridge \
  && /opt/bridge/bin/python -m pip install --no-cache-dir --require-hashes -r requirements.lock \
  && /opt/bridge/bin/python -m pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin bridge
COPY --from=build /opt/bridge /opt/bridge
# Nothing is written but to the database and, by gunicorn, to /dev/shm: the root may be read-only.
ENV PATH="/opt/bridge/bin:$PATH" PORT=8000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
COPY templates templates
USER 10001:10001
EXPOSE 8000
# Of the web process only: switch it off for the worker, as compose.yaml does.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health/live\", timeout=4)"]
ENTRYPOINT ["bridge"]
CMD ["web"]
