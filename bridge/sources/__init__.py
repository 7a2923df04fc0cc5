"""VERIFY and PARSE: what each platform's webhooks look like. One pure module per platform, discovered.

A module in this folder holds a few functions and one `SOURCE`. Nothing in here reads a clock, the environment,
the database or the network.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Protocol

from bridge.events import Delivery, Event, Parsed


class Verify(Protocol):
    """Returns the index of the secret that matched; raises BadSignature."""

    def __call__(self, delivery: Delivery, secrets: Sequence[str], *, signature_header: str) -> int:
        """See the class."""


class Sign(Protocol):
    """Returns the headers (lower-case names) that prove `body`; what `bridge trigger` sends."""

    def __call__(self, body: bytes, secret: str, *, signature_header: str, now: datetime) -> dict[str, str]:
        """See the class."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The code that knows one platform.

    `headers`           lower-case names of the headers that are stored with a delivery (never a credential)
    `signature_header`  where the signature stands, lower-case; a connection may override it by setting
    `verify`, `sign`    its signature scheme, both ways
    `delivery_key`      the sender's own id of the delivery, or None; must not fail, whatever the body is
    `signed_bytes`      what the signature covers plus the topic, where `delivery_key` is not covered by the
                        signature: hashed, it is a second unique key. None where the key is in the signed body
    `parse`             events, or why there are none; raises Unreadable
    `absorb`            the event with what a look-up's JSON answer adds; None where there is no look-up
    `fresh_headers`     headers `bridge trigger` makes anew, so that each firing is a delivery of its own
    """

    name: str
    title: str
    headers: frozenset[str]
    signature_header: str
    verify: Verify
    sign: Sign
    delivery_key: Callable[[Delivery], str | None]
    parse: Callable[[Delivery], Parsed]
    signed_bytes: Callable[[Delivery], bytes] | None = None
    absorb: Callable[[Event, Mapping[str, object]], Event] | None = None
    fresh_headers: Callable[[], dict[str, str]] = dict


@cache
def discover() -> Mapping[str, Source]:
    """All sources by name, one per public module in this folder."""
    found: dict[str, Source] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_") or module.name == "samples":
            continue
        source: Source = import_module(f"{__name__}.{module.name}").SOURCE
        found[source.name] = source
    return found
