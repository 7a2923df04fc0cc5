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
from importlib.resources.abc import Traversable

from bridge.errors import Misconfigured
from bridge.events import Delivery, Event, Lookup, Parsed
from bridge.plugins import entries, load, package_of
from bridge.schemes import Scheme

_GROUP = "bridge.sources"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a platform expects to hear to a request that is no webhook. It is not stored."""

    status: int = 200
    text: str = ""
    content_type: str = "text/plain"


@dataclass(frozen=True, kw_only=True)
class Source:
    """The code that knows one platform.

    `kinds`             the kinds of events (in our words) that its own payloads tell
    `headers`           lower-case names of the headers that are stored with a delivery (never a credential)
    `scheme`            how it proves its webhooks, both ways
    `delivery_key`      the sender's own id of the delivery, or None; must not fail, whatever the body is
    `parse`             events, or why there are none; raises Unreadable
    `signed_bytes`      what the signature covers plus the topic, where `delivery_key` is not covered by the
                        signature: hashed, it is a second unique key. None where the key is in the signed body
    `absorb`            the event with what a look-up's JSON answer adds, and what to ask for next (its `lookup`), if
                        anything; None where there is no look-up
    `ask`               what the platform must be asked before `parse` can tell anything: its answer is then in
                        `Delivery.found`
    `handshake`         the answer to a request that is no webhook (a ping, a challenge), before anything is verified;
                        None for a webhook. None where the platform has no such requests
    `takes_canonical`   whether its users write the webhook's body themselves: the canonical one
    `joins`             whether it knows parcels and no people: they are found by what shops told before
    `fresh_headers`     headers `bridge trigger` makes anew, so that each firing is a delivery of its own
    `samples`           the folder of its recorded samples, where that is not `samples/<name>` beside this file
    """

    name: str
    title: str
    kinds: frozenset[str]
    headers: frozenset[str]
    scheme: Scheme
    delivery_key: Callable[[Delivery], str | None]
    parse: Callable[[Delivery], Parsed]
    signed_bytes: Callable[[Delivery], bytes] | None = None
    absorb: Callable[[Event, Mapping[str, object]], Event] | None = None
    ask: Callable[[Delivery], Lookup | None] | None = None
    handshake: Callable[[Delivery], Answer | None] | None = None
    takes_canonical: bool = False
    joins: bool = False
    fresh_headers: Callable[[], dict[str, str]] = dict
    samples: Traversable | None = None

    @property
    def looks_up(self) -> bool:
        """Whether its webhooks leave things open that its platform is asked for."""
        return self.absorb is not None or self.ask is not None

    @property
    def signature_header(self) -> str:
        """Where the signature stands, lower-case; a connection may override it by setting."""
        return self.scheme.header

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, signature_header: str | None = None) -> int:
        """The index of the secret that proves the delivery. Raises BadSignature."""
        return self.scheme.verify(delivery, secrets, header=signature_header or self.scheme.header)

    def sign(
        self, delivery: Delivery, secret: str, *, signature_header: str | None = None, now: datetime
    ) -> dict[str, str]:
        """The headers that prove `delivery` as sent at `now`."""
        return self.scheme.sign(delivery, secret, header=signature_header or self.scheme.header, now=now)


@cache
def names() -> tuple[str, ...]:
    """The names of all sources, sorted: one per public module in this folder, and those of other packages, which stand
    in the group `bridge.sources` of their entry points. None is loaded."""
    return tuple(sorted({*_own(), *(entry.name for entry in entries(_GROUP))}))


@cache
def find(name: str) -> Source:
    """The source of this name, which is one of `names()`.

    Raises Misconfigured for one of another package that cannot be used.
    """
    brought = [entry for entry in entries(_GROUP) if entry.name == name]
    if name in _own():
        if brought:
            problem = f"{package_of(brought[0])} brings the source {name!r}, which there is already; uninstall it"
            raise Misconfigured([problem])
        own: Source = import_module(f"{__name__}.{name}").SOURCE
        return own
    source = load(brought[0], Source)
    if source.name != name:
        raise Misconfigured([f"{package_of(brought[0])} brings the source {source.name!r} under the name {name!r}"])
    return source


def discover() -> Mapping[str, Source]:
    """All sources by name, sorted. Raises Misconfigured like `find`."""
    return {name: find(name) for name in names()}


def _own() -> frozenset[str]:
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return frozenset(name for name in modules if not name.startswith("_") and name != "samples")
