"""`GET /metrics` for Prometheus. All figures come from the database, so that every web process tells the same."""

import hmac
from collections.abc import Iterable, Mapping

import structlog
from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bridge.errors import StoreUnavailable
from bridge.store import alerts, status, tallies
from bridge.store.database import Database
from bridge.tally import METRICS, Counter, Histogram, Row

log = structlog.get_logger()


class _Queue(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read at every scrape."""
        with self._database.read() as connection:
            found = status.read(connection, self._database.now(connection))
            troubles = [one for one in alerts.read(connection) if alerts.is_shown(one)]
        waiting = GaugeMetricFamily(
            "bridge_waiting", f"Rows that wait, by kind; {status.COUNTED_TO} means at least so many.", labels=["kind"]
        )
        waiting.add_metric(["deliveries"], found.deliveries_stored)
        waiting.add_metric(["messages"], found.messages_queued + found.messages_sending)
        waiting.add_metric(["sending"], found.messages_sending)
        waiting.add_metric(["held"], found.messages_held)
        waiting.add_metric(["postings"], found.postings_waiting)
        yield waiting
        yield GaugeMetricFamily(
            "bridge_postings_failed", "Notes, tags and answers that nobody has retried.", found.postings_failed
        )
        yield GaugeMetricFamily(
            "bridge_oldest_waiting_seconds", "Age of the longest waiting row.", found.oldest_seconds
        )
        yield GaugeMetricFamily("bridge_behind", "1 while a row waits for longer than a minute.", found.is_behind)
        yield GaugeMetricFamily("bridge_workers", "Workers with a heartbeat.", found.workers)
        paused = GaugeMetricFamily("bridge_account_paused", "1 while nothing is sent for it.", labels=["account"])
        oldest = GaugeMetricFamily(
            "bridge_account_oldest_waiting_seconds", "Age of its longest waiting message.", labels=["account"]
        )
        for account in found.accounts:
            is_stopped = not found.stopped.lets([account.name])
            paused.add_metric([account.name], float(account.paused_until is not None or is_stopped))
            oldest.add_metric([account.name], found.account_seconds(account.name))
        yield paused
        yield oldest
        unconfirmed = GaugeMetricFamily(
            "bridge_account_unconfirmed",
            "Texts of the last six whole hours that Attentive took and its own webhooks do not confirm.",
            labels=["account"],
        )
        for name, share in found.shares.items():
            unconfirmed.add_metric([name], share.unconfirmed)
        yield unconfirmed
        raised = GaugeMetricFamily("bridge_alert", "1 while something is wrong.", labels=["kind", "subject"])
        for one in troubles:
            raised.add_metric([one.kind, one.subject], 1.0)
        yield raised


class _Counted(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        """What all processes have counted and written down."""
        with self._database.read() as connection:
            rows = tallies.read(connection)
        for metric in METRICS:
            yield _counter(metric, rows) if isinstance(metric, Counter) else _histogram(metric, rows)


def _counter(metric: Counter, rows: Mapping[Row, float]) -> Metric:
    family = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for (name, labels), value in sorted(rows.items()):
        # Another version of the program may have had other labels.
        if name == metric.name and len(labels) == len(metric.labels):
            family.add_metric(labels, value)
    return family


def _histogram(metric: Histogram, rows: Mapping[Row, float]) -> Metric:
    family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    bounds = [*map(str, metric.bounds), "+Inf"]
    for (name, labels), total in sorted(rows.items()):
        if name != f"{metric.name}_sum" or len(labels) != len(metric.labels):
            continue
        count, buckets = 0.0, []
        for bound in bounds:
            count += rows.get((f"{metric.name}_bucket", (*labels, bound)), 0.0)
            buckets.append((bound, count))
        family.add_metric(labels, buckets, total)
    return family


def blueprint(database: Database, *, token: str | None) -> Blueprint:
    """`/metrics`; with a `token` only for who sends it (`Authorization: Bearer ...`)."""
    metrics = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(_Queue(database))
    registry.register(_Counted(database))

    @metrics.get("/metrics")
    def scrape() -> Response:
        """The current figures in the text format; 401 without the token, 503 when the database does not tell them."""
        if token is not None and not _is_proven(token):
            return Response(
                "METRICS_TOKEN is set: send it as `Authorization: Bearer ...`\n",
                401,
                content_type="text/plain",
                headers={"WWW-Authenticate": "Bearer"},
            )
        try:
            figures = generate_latest(registry)
        except StoreUnavailable as error:
            log.error("metrics.unavailable", error=str(error))
            return Response("the database does not answer\n", 503, content_type="text/plain")
        return Response(figures, content_type=CONTENT_TYPE_LATEST)

    return metrics


def _is_proven(token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(
        given.strip().encode("latin-1", "replace"), token.encode()
    )
