"""Where faults and the time that things take are told, if anywhere: the settings for Sentry and OpenTelemetry."""

import importlib.util
from dataclasses import dataclass, field

from bridge.environment import Environment, split_url

NAMES = ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT")


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """Sentry's address for this project, and that of a collector that takes OTLP over HTTP."""

    sentry_dsn: str | None = field(default=None, repr=False)
    otlp_endpoint: str | None = None


def read(environment: Environment) -> Telemetry:
    """The settings. Problems are noted, each with its setting."""
    dsn, endpoint = (environment.text(name) for name in NAMES)
    for name, value, package, extra in (
        ("SENTRY_DSN", dsn, "sentry_sdk", "sentry"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, "opentelemetry", "opentelemetry"),
    ):
        parts = split_url(value or "")
        if value and not (parts.scheme in ("http", "https") and parts.hostname):
            environment.problem(name, "must be an address such as https://…")
        elif value and importlib.util.find_spec(package) is None:
            environment.problem(name, f"needs a package: pip install 'helpdesk-bridge[{extra}]'")
    if dsn and not (split_url(dsn).username and split_url(dsn).path.strip("/")):
        environment.problem("SENTRY_DSN", "must be the address that Sentry shows: https://<key>@<host>/<project>")
    return Telemetry(sentry_dsn=dsn, otlp_endpoint=endpoint)
