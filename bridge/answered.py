"""What a customer's answer may be about, and what the bridge's own words are known by when a platform tells of them."""

import html
import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.postings import Kind


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
# What stands last where the platform has no other place for our mark: see `platforms/freshdesk_desk.py`.
_MARK = re.compile(r"\bRef\. [0-9a-f]{16}\s*$")
_ADDRESS = re.compile(r"https?://\S+")


def essence(text: str, *, is_html: bool = False) -> str:
    """A text as it is compared with what a platform tells of it: letters and digits, without addresses and tags."""
    if is_html:
        text = html.unescape(_TAG.sub(" ", text))
    whole = unicodedata.normalize("NFKC", _MARK.sub("", text)).casefold()
    words = _ADDRESS.sub(" ", whole)
    # A text of signs alone, say of one heart, is compared by them; one of addresses alone, say of a picture, by these.
    return "".join(one for one in words if one.isalnum()) or "".join(words.split()) or "".join(whole.split())
