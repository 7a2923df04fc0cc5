"""Standard Webhooks, and Svix whose scheme they are: https://www.standardwebhooks.com

For programs that sign with one of its libraries and send the canonical body, as it is or in the specification's
envelope of `type`, `timestamp` and `data`.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import replace

from bridge.errors import Unreadable
from bridge.events import KINDS, Delivery, Event, Parsed
from bridge.schemes import VERSIONS, AnyOf, Hmac, seconds
from bridge.signing import verbatim
from bridge.sources import Source
from bridge.sources._canonical import parse_canonical
from bridge.sources._fields import Moment, text_of
from bridge.sources._reading import bounded_key, native_kind, read_written_object

_ADVICE = "Send the canonical body as JSON."
_PREFIX = "whsec_"


def decoded(secret: str) -> bytes:
    """The key that a secret is: what stands behind `whsec_`, base64-decoded, with or without padding.

    Raises ValueError. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    text = secret.removeprefix(_PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _scheme(prefix: str) -> Hmac:
    def signed(delivery: Delivery, timestamp: str) -> bytes:
        sent = delivery.headers.get(f"{prefix}-id", "")
        return f"{sent}.{timestamp}.".encode("utf-8", "replace") + delivery.body

    return Hmac(
        header=f"{prefix}-signature",
        signed=signed,
        key=decoded,
        # Some adopters use the text of the secret as the key.
        or_key=verbatim,
        timestamp=seconds(f"{prefix}-timestamp"),
        layout=VERSIONS,
        needs=frozenset({f"{prefix}-id"}),
    )


SCHEME = AnyOf((_scheme("webhook"), _scheme("svix")))


def delivery_key(delivery: Delivery) -> str | None:
    """The message's id, which is signed and stays the same when it is sent again."""
    return bounded_key(delivery.headers.get("webhook-id") or delivery.headers.get("svix-id"))


def parse(delivery: Delivery) -> Parsed:
    """The event of a canonical body, in the envelope or without. Raises Unreadable."""
    payload = read_written_object(delivery.body, advice=_ADVICE)
    data = payload.get("data")
    if "event" in payload or not isinstance(data, Mapping):
        return parse_canonical(payload, delivery, source="standard")
    topic = text_of(payload.get("type"))
    if topic is None:
        raise Unreadable("The body has neither `event` nor `type`, so it is unknown what happened.")
    if topic in KINDS:
        inside = {"occurred_at": payload.get("timestamp"), **data, "event": topic}
        return _with_raw(parse_canonical(inside, delivery, source="standard"), payload)
    return (
        Event(
            kind=native_kind("standard", topic),
            source="standard",
            connection=delivery.connection,
            occurred_at=Moment().read(payload.get("timestamp")) or delivery.received_at,
            raw=payload,
        ),
    )


def _with_raw(parsed: Parsed, payload: Mapping[str, object]) -> Parsed:
    return tuple(replace(event, raw=payload) for event in parsed) if isinstance(parsed, tuple) else parsed


def fresh_headers() -> dict[str, str]:
    """A new message."""
    return {"webhook-id": f"msg_{secrets.token_hex(12)}"}


SOURCE = Source(
    name="standard",
    title="Standard Webhooks",
    kinds=frozenset(),
    headers=frozenset({"content-type", SCHEME.header, *SCHEME.also}),
    scheme=SCHEME,
    delivery_key=delivery_key,
    parse=parse,
    takes_canonical=True,
    fresh_headers=fresh_headers,
)
