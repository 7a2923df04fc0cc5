"""The values on the outgoing side of the path: drafts, messages, attempts, and how an account fares."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bridge.reasons import Reason

#: A draft's state when it enters the outbox.
DraftState = Literal["queued", "skipped", "held", "expired"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message as composed, before it has an id. `to` is E.164; `reason` says why it is not `queued`."""

    template: str
    event_kind: str
    identity: str | None
    account: str
    occurred_at: datetime
    expires_at: datetime
    to: str | None = None
    body: str | None = None
    link: str | None = None
    media_url: str | None = None
    thread: str | None = None
    if_unknown: Literal["hold", "resend"] = "hold"
    state: DraftState = "queued"
    reason: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Processed:
    """What a delivery came to: its final state, why it made no message, the drafts, and each event's story.

    `story` has one entry for each event and template: {kind, identity, template, outcome, detail}, all text.
    """

    state: Literal["processed", "parked"] = "processed"
    reason: Reason | None = None
    drafts: tuple[Draft, ...] = ()
    story: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """Keep the delivery and process it again at `due`; `waiting_for` says what is awaited."""

    due: datetime
    waiting_for: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message claimed for sending. `unknown_since` is the start of its first attempt with an unknown outcome."""

    id: int
    delivery_id: int
    template: str
    account: str
    to: str
    body: str
    link: str | None
    media_url: str | None
    attempts: int
    denials: int
    expires_at: datetime
    if_unknown: Literal["hold", "resend"]
    unknown_since: datetime | None
    first_denied_at: datetime | None


class Outcome(StrEnum):
    """What one attempt came to; each has one consequence in `retry.decide`."""

    SENT = "sent"
    REFUSED = "refused"  # this message: final
    DENIED = "denied"  # the account is wrong, by token or address: 401, 403, 404, 3xx
    SLOW_DOWN = "slow_down"  # 429
    NOT_SENT = "not_sent"  # certainly not taken: try again
    UNKNOWN = "unknown"  # the request was under way and there is no complete answer


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One POST of a message, with its outcome.

    `words` are Attentive's own (or the connection error's), shortened. `retry_after` is in seconds.
    """

    outcome: Outcome
    started_at: datetime
    seconds: float
    status: int | None = None
    words: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, kw_only=True)
class AccountHealth:
    """How an account has fared. While `paused_until` lies ahead nothing is sent; after it, one message probes.

    `next_at` is the first moment that no worker has reserved for a request: see `attentive/rate.py`.
    """

    name: str
    failures: int = 0
    paused_until: datetime | None = None
    pause_reason: str | None = None
    paused_since: datetime | None = None
    last_success_at: datetime | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Next:
    """What becomes of a message: a final state with its reason, or `queued` again at `due`."""

    state: str
    reason: Reason | None = None
    due: datetime | None = None
    waiting_for: str | None = None
    unknown_since: datetime | None = None
    denied: bool = False
