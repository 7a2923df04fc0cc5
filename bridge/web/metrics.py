"""`GET /metrics` for Prometheus. All figures come from the database, so that every web process tells the same."""

from collections.abc import Iterable

import structlog
from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bridge.errors import StoreUnavailable
from bridge.store import status
from bridge.store.database import Database

log = structlog.get_logger()


class _Queue(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read at every scrape."""
        with self._database.read() as connection:
            found = status.read(connection, self._database.now(connection))
        waiting = GaugeMetricFamily(
            "bridge_waiting", f"Rows that wait, by kind; {status.COUNTED_TO} means at least so many.", labels=["kind"]
        )
        waiting.add_metric(["deliveries"], found.deliveries_stored)
        waiting.add_metric(["messages"], found.messages_queued + found.messages_sending)
        waiting.add_metric(["sending"], found.messages_sending)
        waiting.add_metric(["held"], found.messages_held)
        yield waiting
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


def blueprint(database: Database) -> Blueprint:
    """`/metrics`."""
    metrics = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(_Queue(database))

    @metrics.get("/metrics")
    def scrape() -> Response:
        """The current figures in the text format; 503 when the database does not tell them."""
        try:
            figures = generate_latest(registry)
        except StoreUnavailable as error:
            log.error("metrics.unavailable", error=str(error))
            return Response("the database does not answer\n", 503, content_type="text/plain")
        return Response(figures, content_type=CONTENT_TYPE_LATEST)

    return metrics
