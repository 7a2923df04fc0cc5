"""The values on the outgoing side of the path: drafts, messages, attempts, and how an account fares."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bridge.events import Notice, PrivacyRequest
from bridge.postings import Report
from bridge.reasons import Reason
from bridge.sighting import Sighting

#: A draft's state when it enters the outbox.
DraftState = Literal["queued", "skipped", "held", "expired"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message as composed, before it has an id. `to` is E.164; `reason` says why it is not `queued`.

    `quiet_hours` (`21:00-08:00`) hold in each of `zones`. `retry_refused` is in seconds. `phone_why` tells which of the
    person's numbers this is, and why; `locale` is the person's. Without `due` it may leave at once; else `waiting_for`
    says what it waits for.
    """

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
    supersedes: bool = False
    quiet_hours: str | None = None
    zones: tuple[str, ...] = ()
    if_unknown: Literal["hold", "resend"] = "hold"
    if_media_fails: Literal["text", "hold"] = "text"
    shrink_media: bool = False
    retry_refused: int | None = None
    ticket: str | None = None
    order_id: str | None = None
    report: Report | None = None
    phone_why: str | None = None
    locale: str | None = None
    state: DraftState = "queued"
    reason: Reason | None = None
    due: datetime | None = None
    waiting_for: str | None = None


@dataclass(frozen=True, kw_only=True)
class Processed:
    """What a delivery came to: its final state, why it made no message, the drafts, and each event's story.

    `story` has one entry for each event and template: {kind, identity, template, outcome, detail}, all text.
    `sightings` are what its events tell of orders and parcels, what is known later after what is known first.
    `asked` is what a person asks for with it. `notices` are what Attentive tells of the texts and people of `account`.
    """

    state: Literal["processed", "parked"] = "processed"
    reason: Reason | None = None
    drafts: tuple[Draft, ...] = ()
    story: tuple[Mapping[str, str], ...] = ()
    sightings: tuple[Sighting, ...] = ()
    asked: PrivacyRequest | None = None
    notices: tuple[Notice, ...] = ()
    account: str = ""

    def because(self, reason: Reason) -> "Processed":
        """The same for this reason."""
        return replace(self, reason=reason)


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """Keep the delivery and process it again at `due`; `waiting_for` says what is awaited."""

    due: datetime
    waiting_for: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message claimed for sending. `unknown_since` is the start of its first attempt with an unknown outcome.

    `connection` is where its webhook came from. `released` says that a person let it go; `refusals` counts Attentive's;
    `media_checked_at` is when its picture was last found good.
    """

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
    quiet_hours: str | None = None
    zones: tuple[str, ...] = ()
    released: bool = False
    refusals: int = 0
    retry_refused: int | None = None
    if_media_fails: Literal["text", "hold"] = "text"
    shrink_media: bool = False
    media_checked_at: datetime | None = None
    media_tries: int = 0
    connection: str = ""


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
class Picture:
    """A jpg that we made smaller, and serve ourselves at `/media/<name>.jpg`."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MediaCheck:
    """What looking at a message's picture came to: the URL to send (None: leave it out, for `reason`).

    `checked_at` is None while it has not been found good; then `tries` counts how often it could not be reached.
    `picture` is what is at the URL, where we serve it ourselves.
    """

    checked_at: datetime | None
    url: str | None
    reason: Reason | None = None
    tries: int = 0
    picture: Picture | None = None


@dataclass(frozen=True, kw_only=True)
class Next:
    """What becomes of a message: a final state with its reason, or `queued` again at `due`.

    `tried` is False where nothing was sent, so that the claim costs it no attempt. `expires_at` is its new time to
    live, if it gets one.
    """

    state: str
    reason: Reason | None = None
    due: datetime | None = None
    waiting_for: str | None = None
    unknown_since: datetime | None = None
    denied: bool = False
    refused: bool = False
    tried: bool = True
    expires_at: datetime | None = None
    media: MediaCheck | None = None
