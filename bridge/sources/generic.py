"""Anything home-made: the canonical body, proven by an HMAC of it or by the secret itself.

The signature says by its prefix or its length which hash it was made with, and by its characters how it is written. A
stranger could choose too, and gains nothing: without the secret none of them can be made.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.events import Delivery, Parsed
from bridge.schemes import AnyOf, Token
from bridge.signing import Algorithm, Encoding, sign_hmac, verify_hmac
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._reading import read_written_object

_ADVICE = "Send the canonical body as JSON."
_SIGNATURE = "x-signature"
_WRITTEN = re.compile(
    r"(?P<prefix>(?P<named>sha1|sha256|sha512)=)?(?P<signature>[0-9a-f]{40,128}|[0-9A-Za-z+/]{26,86}={0,2})", re.ASCII
)

# length of the signature -> what it was made with
_FORMS: dict[int, tuple[Algorithm, Encoding]] = {
    40: ("sha1", "hex"),
    28: ("sha1", "base64"),
    64: ("sha256", "hex"),
    44: ("sha256", "base64"),
    128: ("sha512", "hex"),
    88: ("sha512", "base64"),
}


@dataclass(frozen=True, kw_only=True)
class AnyHmac:
    """An HMAC of the body with SHA-1, SHA-256 or SHA-512, as hex or base64, with or without `sha256=` before it."""

    header: str = _SIGNATURE
    also: frozenset[str] = frozenset()
    signs_body: bool = field(default=True, init=False)
    signs_url: bool = field(default=False, init=False)

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where there is a signature."""
        return header in delivery.headers

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme."""
        text = delivery.headers.get(header)
        written = _WRITTEN.fullmatch(text or "")
        algorithm, encoding = _FORMS.get(len(written["signature"]) if written else 0, ("sha256", "hex"))
        prefix = (written["prefix"] or "") if written and written["named"] in (None, algorithm) else ""
        return verify_hmac(delivery.body, text, secrets, algorithm=algorithm, encoding=encoding, prefix=prefix)

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:  # noqa: ARG002 (no time is signed)
        """See Scheme."""
        return {header: sign_hmac(delivery.body, secret, encoding="hex", prefix="sha256=")}


def delivery_key(delivery: Delivery) -> str | None:  # noqa: ARG001 (the form of all sources)
    """None: the `id` of a home-made body is what somebody typed. The body's hash tells a repetition."""
    return None


def parse(delivery: Delivery) -> Parsed:
    """The event of the canonical body. Raises Unreadable."""
    return parse_canonical(read_written_object(delivery.body, advice=_ADVICE), delivery, source="generic")


SOURCE = Source(
    name="generic",
    title="Anything else",
    kinds=frozenset(),
    headers=frozenset({"content-type", _SIGNATURE}),
    scheme=AnyOf((AnyHmac(), Token())),
    delivery_key=delivery_key,
    parse=parse,
    takes_canonical=True,
)
