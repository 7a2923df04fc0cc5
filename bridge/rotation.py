"""Which of a connection's secrets is in use, and which may go. Pure."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Platforms repeat a webhook for up to three days, signed as it was at first.
UNUSED_FOR = timedelta(days=3)

# With so few digits many thousand secrets look the same, so that they are no help to guess one, while the two or three
# of a connection are still told apart. Should two of them coincide, both are taken for used: none is removed too soon.
_DIGITS = 4


def fingerprint(connection: str, secret: str) -> str:
    """A few digits that tell the secrets of one connection apart."""
    digest = hmac.digest(connection.encode(), secret.encode("utf-8", "surrogateescape"), "sha256")
    return digest.hex()[:_DIGITS]


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One of a connection's secrets by its place in the setting, the newest first, and when it was used."""

    number: int
    first_used_at: datetime | None
    last_used_at: datetime | None
    removable: bool


def judge(uses: Sequence[tuple[datetime | None, datetime | None]], now: datetime) -> list[Secret]:
    """The secrets of a connection in the order of the setting, of which `uses` has the first and the last use.

    One may be removed if it was not used for so long that nothing signed with it can be under way, and if a newer one
    was in use for all that time: a platform that sends nothing proves nothing.
    """
    return [
        Secret(number=number, first_used_at=first, last_used_at=last, removable=_may_go(number - 1, uses, now))
        for number, (first, last) in enumerate(uses, 1)
    ]


def _may_go(index: int, uses: Sequence[tuple[datetime | None, datetime | None]], now: datetime) -> bool:
    long_ago = now - UNUSED_FOR
    last = uses[index][1]
    if last is not None and last > long_ago:
        return False
    is_replaced = (first is not None and first <= long_ago for first, _ in uses[:index])
    is_in_use = (newer is not None and newer > long_ago for _, newer in uses[:index])
    return any(a and b for a, b in zip(is_replaced, is_in_use, strict=True))
