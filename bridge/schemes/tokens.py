"""The secret itself, for platforms that sign nothing."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, quote, urlsplit

from bridge.errors import BadSignature, Misconfigured
from bridge.events import Delivery
from bridge.signing import is_public, match

#: Where senders that sign nothing put their secret.
TOKEN_HEADER = "x-bridge-token"  # noqa: S105 - the header's name


@dataclass(frozen=True, kw_only=True)
class Token:
    """The secret itself, sent along: `X-Bridge-Token: <secret>`, the HTTP Basic password, or `?token=<secret>`.

    For platforms that sign nothing. It proves who knows the address, and nothing about the body.
    """

    header: str = TOKEN_HEADER
    also: frozenset[str] = frozenset()
    signs_body: bool = field(default=False, init=False)
    signs_url: bool = field(default=False, init=False)

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where there is a token in one of the three places."""
        return any(self._given(delivery, header))

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme."""
        given = [token for token in self._given(delivery, header) if token]
        if not given:
            raise BadSignature(f"no {header} header, Basic password or token is there", cause="missing_header")
        # A platform's public keys, which may stand among the secrets, prove nothing about who sends them.
        secrets = ["" if is_public(secret) else secret for secret in secrets]
        try:
            return match([_ascii(token) for token in given], [_ascii(secret) for secret in secrets], secrets)
        except BadSignature as error:
            if error.cause != "other_secret":
                raise
            raise BadSignature("the token is none of the configured secrets") from error

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:  # noqa: ARG002 (nothing is signed)
        """See Scheme. Raises Misconfigured for public keys, which only the platform can sign for."""
        if is_public(secret):
            raise Misconfigured(["only the platform can sign for its public keys; list a token of your own first"])
        return {header: secret if secret.isascii() else _ascii(secret)}

    @staticmethod
    def _given(delivery: Delivery, header: str) -> Sequence[str | None]:
        return (
            delivery.headers.get(header),
            _basic_password(delivery.headers.get("authorization", "")),
            _query_token(delivery.url),
        )


def _ascii(text: str) -> str:
    """`text` itself where it is ASCII, else percent-encoded: headers carry nothing else safely."""
    return text if text.isascii() else quote(text.encode("utf-8", "surrogatepass"), safe="%")


def _basic_password(authorization: str) -> str | None:
    scheme, _, encoded = authorization[:2048].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return pair.partition(":")[2] or None


def _query_token(url: str) -> str | None:
    try:
        tokens = parse_qs(urlsplit(url).query, max_num_fields=20).get("token", [])
    except ValueError:
        return None
    return tokens[0] if len(tokens) == 1 else None
