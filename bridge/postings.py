"""What the bridge puts on tickets and orders: a note or a tag that tells of a text, and what a customer answered.

A posting is as durable as a message: a row that is written with what it follows from, claimed, tried again, and over
only with a reason.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
class About:
    """A text that left, or an answer that was passed on: what the next answer may be about.

    `orders_at` is the connection of the shop whose order it is, and `order_name` what it calls it. `is_answer` says
    that an answer is (or will be) on `ticket`, which is None while the new ticket is not there yet.
    """

    connection: str
    at: datetime
    ticket: str | None = None
    order_id: str | None = None
    order_name: str | None = None
    orders_at: str | None = None
    message_id: int | None = None
    is_answer: bool = False


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A note or an answer that is on a ticket, or may be: what a webhook that tells of it is known by.

    `ticket` is the one it was meant for, `posted_on` the one it is on, once that is known; `by_words` says that the
    webhook has its words. It was put there after `since` and, where that is known, before `until`.
    """

    kind: Kind
    since: datetime
    ticket: str | None = None
    posted_on: str | None = None
    remote_id: str | None = None
    by_words: bool = False
    until: datetime | None = None


#: Finds, on a connection, what has one of these ids there or one of these essences.
FindTraces = Callable[[str, Collection[str], Collection[str]], Sequence[Trace]]


_TAG = re.compile(r"<[^<>]{0,2000}>")
_ADDRESS = re.compile(r"https?://\S+")


def essence(text: str, *, is_html: bool = False) -> str:
    """A text as it is compared with what a platform tells of it: letters and digits, without addresses and tags."""
    if is_html:
        text = html.unescape(_TAG.sub(" ", text))
    words = unicodedata.normalize("NFKC", _ADDRESS.sub(" ", text)).casefold()
    # A text of signs alone, say of one heart, is compared by them.
    return "".join(one for one in words if one.isalnum()) or "".join(words.split())
