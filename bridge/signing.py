"""Signature schemes as pure functions, both ways: sign what `bridge trigger` sends, verify what a platform sent.

A scheme is told by what is signed, which algorithm and which encoding; all three differ between platforms that look
alike, so a source names them and nothing here guesses. Signatures are compared as encoded text, so that only the one
canonical spelling matches: no other padding, case, alphabet or surrounding space.
"""

import base64
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from bridge.errors import BadSignature

Algorithm = Literal["sha256", "sha1"]
Encoding = Literal["base64", "hex"]

#: How far a signed timestamp may be from the time of receipt, both ways.
TOLERANCE = timedelta(seconds=300)

# No signature or timestamp of any platform is near this long; more is not looked at.
_LONGEST_HEADER = 512
_LONGEST_TIMESTAMP = 64


def sign_hmac(
    message: bytes, secret: str, *, algorithm: Algorithm = "sha256", encoding: Encoding = "base64", prefix: str = ""
) -> str:
    """The signature of `message` as it stands in the header, e.g. `sha1=<hex>` with the prefix `sha1=`."""
    return prefix + _encode(hmac.digest(_key(secret), message, algorithm), encoding)


def verify_hmac(
    message: bytes,
    signature: str | None,
    secrets: Sequence[str],
    *,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "base64",
    prefix: str = "",
) -> int:
    """The index of the secret that signed `message`.

    Every secret is tried whether or not an earlier one matched, and each comparison takes constant time.
    Raises BadSignature with a short reason for anything else, whatever the header holds.
    """
    given = _header_bytes(signature)
    if not any(secrets):
        raise BadSignature("no secret is configured")
    found = -1
    for index, secret in enumerate(secrets):
        expected = sign_hmac(message, secret, algorithm=algorithm, encoding=encoding, prefix=prefix)
        matches = hmac.compare_digest(expected.encode("ascii"), given)
        # An empty secret is one that anybody knows.
        if matches and secret and found < 0:
            found = index
    if found < 0:
        raise BadSignature("the signature does not match")
    return found


def check_timestamp(moment: datetime, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Nothing, if `moment` is at most `tolerance` before or after `now`. Raises BadSignature: an old request, or
    clocks that differ."""
    drift = moment - now
    if abs(drift) > tolerance:
        side = "in the future" if drift > timedelta(0) else "old"
        raise BadSignature(
            f"the signed timestamp is {abs(drift).total_seconds():.0f} s {side}; "
            f"{tolerance.total_seconds():.0f} s are allowed"
        )


def read_timestamp(text: str) -> datetime:
    """The moment that an ISO-8601 text names, in its own offset, with or without fractions down to nanoseconds.

    Raises ValueError for anything else, and for a time without an offset: it would be a guess.
    """
    if len(text) > _LONGEST_TIMESTAMP or not text.isascii():
        raise ValueError("not an ISO-8601 time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time out of range") from error
    return moment


def _encode(digest: bytes, encoding: Encoding) -> str:
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode("ascii")


def _key(secret: str) -> bytes:
    # Settings come from the environment, where bytes that are no UTF-8 arrive as surrogates.
    return secret.encode("utf-8", "surrogateescape")


def _header_bytes(signature: str | None) -> bytes:
    if not signature:
        raise BadSignature("the signature header is missing")
    if len(signature) > _LONGEST_HEADER:
        raise BadSignature("the signature header is too long")
    if not signature.isascii():
        raise BadSignature("the signature header is not ASCII")
    return signature.encode("ascii")
