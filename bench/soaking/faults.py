"""How Attentive fails: what the sandbox is told to do."""

from collections.abc import Mapping
from dataclasses import dataclass

#: How Attentive is when it is well: an answer takes its time, so that there is always something under way.
WELL: Mapping[str, object] = {"latency_ms": 150}

#: The share and the count keep some from pausing the account for long.
FAULTS: tuple[Mapping[str, object], ...] = (
    {"status": 500},
    {"status": 503, "retry_after": 1},
    {"status": 429, "retry_after": 1},
    {"status": 408},
    {"status": 502},
    {"status": 504},
    {"status": 401},
    {"status": 403},
    {"status": 404},
    {"status": 425},
    {"status": 302},
    {"status": 400, "count": 3},
    {"drop": True},
    {"hang_after_accept": 10},
    {"hang_after_accept": 0.5},
    {"latency_ms": 500},
    {"status": 500, "share": 0.3},
    {"status": 403, "share": 0.3},
    {"status": 429, "retry_after": 2, "share": 0.1},
    {"drop": True, "share": 0.3},
    {"hang_after_accept": 10, "share": 0.2},
    {"status": 502, "latency_ms": 300, "share": 0.5},
)


@dataclass(kw_only=True)
class Fault:
    """A fault of Attentive's, from `at` until `over_at`."""

    what: Mapping[str, object]
    at: float
    over_at: float = float("inf")
