"""REPORT BACK: what a platform lets us put on its tickets and orders, behind one small protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.postings import Kind, Posted, Posting


class Ask(Protocol):
    """One request to the platform's API, with the connection's credentials.

    The JSON answer; a list is `{"items": [...]}`, an empty one `{}`. Raises NotThere (404, 410), PostingRefused
    (another 4xx: it would be refused again), LookupRefused (credentials), LookupFailed (try later; `after` in seconds
    if the platform says so), PostingDoubtful (a request that writes was under way and has no complete answer).
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
        """Ask."""
        ...


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What can be put on a platform.

    `kinds` can be put on a ticket, `order_kinds` on an order. `post` does it once: where `posting.may_be_there`, it
    looks first. It raises what `Ask` raises, and PostingRefused with a sentence for a person where it cannot be done.
    """

    post: Callable[[Ask, Posting], Posted]
    kinds: frozenset[Kind] = frozenset()
    order_kinds: frozenset[Kind] = frozenset()
