"""What is counted for `/metrics`: the list of it, and what one process has counted since that was last written down.

The figures of all processes are added up in the database (`store/tallies.py`), so that any of them can tell the sum.
Nothing personal, and no label whose values a stranger could make up.
"""

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A number that only grows."""

    name: str
    meaning: str
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How long something took; `bounds` are the buckets' upper ends in seconds."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    def bucket(self, seconds: float) -> str:
        """The bucket that so long a time falls into, as Prometheus writes its end."""
        place = bisect_left(self.bounds, seconds)
        return str(self.bounds[place]) if place < len(self.bounds) else "+Inf"


_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_WHOLE_WAY = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0)
_OF_ATTENTIVE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

ACCEPTED = Counter(
    name="bridge_webhooks_accepted_total",
    meaning="Webhooks that were stored and answered 200, repeats left out.",
    labels=("connection",),
)
KNOWN = Counter(
    name="bridge_webhooks_known_total",
    meaning="Webhooks that were answered 200 because they were stored before.",
    labels=("connection",),
)
REFUSED = Counter(
    name="bridge_webhooks_refused_total",
    meaning="Webhooks that were not accepted; the connection is empty where there is none of that name.",
    labels=("connection", "cause"),
)
ACKNOWLEDGED = Histogram(
    name="bridge_webhook_acknowledged_seconds",
    meaning="From a webhook's arrival in the web process to its answer with 200.",
    labels=(),
    bounds=_QUICK,
)
DELIVERIES = Counter(
    name="bridge_deliveries_total",
    meaning="Deliveries that a worker is done with; the reason is empty where they made messages.",
    labels=("connection", "state", "reason"),
)
MESSAGES = Counter(
    name="bridge_messages_total",
    meaning="How often a worker brought a message into a state.",
    labels=("account", "state", "reason"),
)
ATTEMPTS = Counter(
    name="bridge_attempts_total", meaning="Requests to Attentive by their outcome.", labels=("account", "outcome")
)
CONFIRMED = Counter(
    name="bridge_messages_confirmed_total",
    meaning="Messages that Attentive's own webhooks say it sent.",
    labels=("account",),
)
POSTINGS = Counter(
    name="bridge_postings_total",
    meaning="Notes, tags and answers for tickets and orders that a worker is done with.",
    labels=("connection", "kind", "state", "reason"),
)
SEGMENTS = Counter(
    name="bridge_segments_sent_total",
    meaning="Segments of the texts that were sent, the brand before them included.",
    labels=("account",),
)
ANSWERED = Histogram(
    name="bridge_attentive_seconds",
    meaning="How long a request to Attentive took, whatever came of it.",
    labels=("account",),
    bounds=_OF_ATTENTIVE,
)
SENT = Histogram(
    name="bridge_webhook_to_sent_seconds",
    meaning="From a webhook's arrival to Attentive's 200 for a message it made; with what waited for a morning or a person.",  # noqa: E501
    labels=("account",),
    bounds=_WHOLE_WAY,
)

METRICS: tuple[Counter | Histogram, ...] = (
    ACCEPTED, KNOWN, REFUSED, ACKNOWLEDGED, DELIVERIES, MESSAGES, ATTEMPTS, CONFIRMED, POSTINGS, SEGMENTS,
    ANSWERED, SENT,
)  # fmt: skip

#: A row of the tallies: name and labels, as `store/tallies.py` keeps them. A histogram has one for each bucket, and one
#: for the sum of all times.
Row = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Count:
    """Something to be counted once it is certain that it has happened. `by` are seconds for a histogram."""

    metric: Counter | Histogram
    labels: tuple[str, ...]
    by: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message that was sent, whose delivery's age is still to be asked for."""

    delivery_id: int
    account: str
    at: datetime


class Tally:
    """What one process has counted. Safe to share between threads; adding to it costs a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Row, float] = {}
        self._sent: list[Sent] = []

    def add(self, count: Count) -> None:
        """Count it."""
        metric = count.metric
        with self._lock:
            if isinstance(metric, Histogram):
                self._increase((f"{metric.name}_bucket", (*count.labels, metric.bucket(count.by))), 1.0)
                self._increase((f"{metric.name}_sum", count.labels), count.by)
            else:
                self._increase((metric.name, count.labels), count.by)

    def sent(self, one: Sent) -> None:
        """Have the time from its webhook to its sending counted."""
        with self._lock:
            self._sent.append(one)

    def take(self) -> tuple[dict[Row, float], list[Sent]]:
        """What was counted since the last time, to be written down."""
        with self._lock:
            taken = self._rows, self._sent
            self._rows, self._sent = {}, []
            return taken

    def put_back(self, rows: Mapping[Row, float], sent: list[Sent]) -> None:
        """Keep what could not be written down, for the next time."""
        with self._lock:
            for row, value in rows.items():
                self._increase(row, value)
            self._sent = sent + self._sent

    def _increase(self, row: Row, by: float) -> None:
        self._rows[row] = self._rows.get(row, 0.0) + by
