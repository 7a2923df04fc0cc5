"""What the bridge puts on tickets and orders: a note or a tag that tells of a text, and what a customer answered.

A posting is as durable as a message: a row that is written with what it follows from, claimed, tried again, and over
only with a reason.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bridge.reasons import Reason

#: `note`: words for the colleagues on a ticket, or on an order. `tag`: a word on a ticket to sort by. `answer`: what a
#: customer wrote, in their name, on their ticket or on a new one.
Kind = Literal["note", "tag", "answer"]

#: What a template may ask to be told on its ticket or order.
Report = Literal["none", "note", "tag"]


@dataclass(frozen=True, kw_only=True)
class NewPosting:
    """Something to put on a platform. `once` tells it from all others: a second one with it is none.

    `connection` is the one it goes to, `account` whose text it tells of or answers. Of `ticket` and `order_id` (the
    platform's ids) one is given; an answer without either opens a ticket, `subject` its title. `phone` is the person's,
    E.164. `media` are addresses of pictures. `message_id` is the text it tells of or answers, `delivery_id` the webhook
    with the answer.
    """

    kind: Kind
    connection: str
    account: str
    once: str
    text: str
    ticket: str | None = None
    order_id: str | None = None
    phone: str | None = None
    subject: str | None = None
    media: tuple[str, ...] = ()
    message_id: int | None = None
    delivery_id: int | None = None
    occurred_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Posting:
    """A posting claimed by a worker.

    `mark` is a short text that no other posting has: it may be left on the platform to find this one by.
    `may_be_there`: an earlier try may have come through, so look first.
    """

    id: int
    kind: Kind
    connection: str
    account: str
    mark: str
    text: str
    ticket: str | None
    order_id: str | None
    phone: str | None
    subject: str | None
    media: tuple[str, ...]
    message_id: int | None
    delivery_id: int | None
    occurred_at: datetime
    expires_at: datetime
    attempts: int
    may_be_there: bool


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What came of it: the id the platform gave it, if any, and the ticket it is on, which may be another one: a
    follow-up of a closed ticket, the ticket it was merged into, or a new one."""

    remote_id: str | None = None
    ticket: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What becomes of a posting that was claimed. `doubtful_since` is when a try began that may have come through.

    `words` say why one waits that is queued again.
    """

    state: Literal["queued", "posted", "failed", "skipped"]
    reason: Reason | None = None
    due: datetime | None = None
    waiting_for: str | None = None
    words: str = ""
    doubtful_since: datetime | None = None
    posted: Posted = Posted()


@dataclass(frozen=True, kw_only=True)
class Over:
    """A message whose ticket or order is to be told what became of it.

    `is_unverified` says that nobody vouches for the webhook it was made of, `is_erased` that nothing is known of it any
    more.
    """

    id: int
    account: str
    connection: str
    template: str
    identity: str
    to: str | None
    body: str | None
    link: str | None
    state: str
    reason: str | None
    detail: str | None
    report: Report
    ticket: str | None
    order_id: str | None
    is_unverified: bool
    is_erased: bool
