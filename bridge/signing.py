"""Signature schemes as pure functions, both ways: sign what `bridge trigger` sends, verify what a platform sent.

A scheme is told by what is signed, which algorithm and which encoding; all three differ between platforms that look
alike, so a source names them and nothing here guesses. Signatures are compared as encoded text, so that only the one
canonical spelling matches: no other padding, case, alphabet or surrounding space.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from bridge.errors import BadSignature

Algorithm = Literal["sha256", "sha1", "sha512"]
Encoding = Literal["base64", "hex"]
Key = Callable[[str], bytes]

#: How far a signed timestamp may be from the time of receipt, both ways.
TOLERANCE = timedelta(seconds=300)

#: Secrets that anybody knows and that a platform really signs with, and whose they are. Never accepted as configured.
# https://developer.zendesk.com/documentation/webhooks/verifying/#signing-secrets-on-new-webhooks
PUBLIC_SECRETS: Mapping[str, str] = {"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==": "Zendesk's public test secret"}

# No signature or timestamp of any platform is near this long; more is not looked at.
_LONGEST_HEADER = 2048
# Two while a secret is exchanged.
_MOST_SIGNATURES = 8
_LONGEST_TIMESTAMP = 64


def verbatim(secret: str) -> bytes:
    """The key that a secret is as it stands."""
    # Settings come from the environment, where bytes that are no UTF-8 arrive as surrogates.
    return secret.encode("utf-8", "surrogateescape")


def sign_hmac(
    message: bytes,
    secret: str,
    *,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "base64",
    prefix: str = "",
    key: Key = verbatim,
) -> str:
    """The signature of `message` as it stands in the header, e.g. `sha1=<hex>` with the prefix `sha1=`."""
    return prefix + _encode(hmac.digest(key(secret), message, algorithm), encoding)


def verify_hmac(
    message: bytes,
    signature: str | None,
    secrets: Sequence[str],
    *,
    algorithm: Algorithm = "sha256",
    encoding: Encoding = "base64",
    prefix: str = "",
    key: Key = verbatim,
) -> int:
    """The index of the secret that signed `message`. `key` makes the HMAC's key of a secret.

    Raises BadSignature with a short reason for anything else, whatever the header holds.
    """
    expected = [
        sign_hmac(message, secret, algorithm=algorithm, encoding=encoding, prefix=prefix, key=key) for secret in secrets
    ]
    return match([signature], expected, secrets)


def match(given: Sequence[str | None], expected: Sequence[str], secrets: Sequence[str]) -> int:
    """The index of the secret whose `expected` proof is among the `given` ones, which a stranger wrote.

    Every pair is compared whether or not an earlier one matched, and each comparison takes constant time.
    Raises BadSignature.
    """
    proofs = [_header_bytes(proof) for proof in given[:_MOST_SIGNATURES] or [None]]
    if not any(secrets):
        raise BadSignature("no secret is configured", cause="no_secret")
    found = -1
    for index, (secret, text) in enumerate(zip(secrets, expected, strict=True)):
        for proof in proofs:
            matches = hmac.compare_digest(text.encode("utf-8", "surrogateescape"), proof)
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
            f"{tolerance.total_seconds():.0f} s are allowed",
            cause="stale_timestamp",
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


def is_key_address(secret: str) -> bool:
    """Whether a secret is the address of a platform's public keys: https (http on this machine), with a path."""
    try:
        parts = urlsplit(secret)
        host, path = parts.hostname, parts.path.strip("/")
    except ValueError:
        return False
    is_here = parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"}
    return bool(host and path) and (parts.scheme == "https" or is_here)


def is_public(secret: str) -> bool:
    """Whether everybody may know this "secret": public keys, or their address. It is no token and no HMAC key."""
    return is_key_address(secret) or (secret.startswith("{") and '"keys"' in secret)


def _encode(digest: bytes, encoding: Encoding) -> str:
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode("ascii")


def _header_bytes(signature: str | None) -> bytes:
    if not signature:
        raise BadSignature("the signature header is missing", cause="missing_header")
    if len(signature) > _LONGEST_HEADER:
        raise BadSignature("the signature header is too long", cause="malformed_header")
    if not signature.isascii():
        raise BadSignature("the signature header is not ASCII", cause="malformed_header")
    return signature.encode("ascii")
