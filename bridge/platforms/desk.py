"""REPORT BACK: what a platform lets us put on its tickets and orders, behind one small protocol."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bridge import phone
from bridge.errors import PostingRefused
from bridge.postings import Kind, Posted, Posting

#: The tag of a ticket that was opened for what a customer answered.
ANSWER_TAG = "sms-reply"

_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


class Ask(Protocol):
    """One request to the platform's API, with the connection's credentials.

    The JSON answer; a list is `{"items": [...]}`, an empty one `{}`. It is asked once: nothing is tried again in here.

    Raises NotThere (404, 410), PostingRefused (another 4xx: it would be refused again), LookupRefused (credentials),
    LookupFailed (try later; `after` in seconds if the platform says so), PostingDoubtful (a request that writes was
    under way and there is no complete answer).
    """

    def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """The answer."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What can be put on a platform.

    `kinds` can be put on a ticket, `order_kinds` on an order. `post` does it once: where `posting.may_be_there`, it
    looks first. It raises what `Ask` raises, and PostingRefused with a sentence for a person where it cannot be done.
    """

    post: Callable[[Ask, Posting], Posted]
    kinds: frozenset[Kind] = frozenset()
    order_kinds: frozenset[Kind] = frozenset()


def plain(name: str | None) -> str:
    """An id that can stand in a path. Raises PostingRefused."""
    if name is None or not _PLAIN_ID.fullmatch(name):
        raise PostingRefused("This is no id of a ticket or order.")
    return name


def words(posting: Posting) -> str:
    """What to put down, with the addresses of its pictures, one a line."""
    return "\n".join(part for part in (posting.text, *posting.media) if part)


def title(posting: Posting) -> str:
    """The subject of a ticket that is opened for an answer."""
    return posting.subject or "Answer to a text message"


def is_number(written: object, e164: str) -> bool:
    """Whether it is this number, however it is written; without a country it is read in the other's."""
    return isinstance(written, str) and phone.read(written, phone.read(e164).region).e164 == e164


def parts(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list in an answer; none where there is no such list."""
    found = answer.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object in an answer; an empty one where there is none."""
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}


def text_id(found: object) -> str | None:
    """An id as text."""
    return str(found) if isinstance(found, int | str) and str(found) else None
