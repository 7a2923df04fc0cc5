"""An HMAC in a header, which is what most platforms send."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.errors import BadSignature
from bridge.events import Delivery
from bridge.schemes.layouts import ALONE, Layout
from bridge.schemes.times import Timestamp
from bridge.signing import Algorithm, Encoding, Key, check_timestamp, match, sign_hmac, verbatim


def body_alone(delivery: Delivery, timestamp: str) -> bytes:  # noqa: ARG001 (the form of all `signed`)
    """The body and nothing else."""
    return delivery.body


def time_and_body(separator: str) -> Callable[[Delivery, str], bytes]:
    """The signed time, `separator`, and the body."""

    def signed(delivery: Delivery, timestamp: str) -> bytes:
        return (timestamp + separator).encode("utf-8", "replace") + delivery.body

    return signed


@dataclass(frozen=True, kw_only=True)
class Hmac:
    """An HMAC in a header.

    `signed`  the bytes that are signed, of a delivery and the signed time as it stands ("" without)
    `key`     the key that a secret is. Raises ValueError for one that cannot be used
    `or_key`  another key that a secret may be, where senders differ
    `needs`   other headers that are signed
    """

    header: str
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "base64"
    prefix: str = ""
    signed: Callable[[Delivery, str], bytes] = body_alone
    key: Key = verbatim
    or_key: Key | None = None
    timestamp: Timestamp | None = None
    layout: Layout = ALONE
    needs: frozenset[str] = frozenset()
    signs_url: bool = False
    signs_body: bool = field(default=True, init=False)

    @property
    def also(self) -> frozenset[str]:
        """The signed time's header, and others."""
        own = {self.timestamp.header} if self.timestamp and self.timestamp.header else set()
        return self.needs | own

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where the signature is there with all that it needs."""
        return all(name in delivery.headers for name in (header, *self.also))

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme."""
        text = delivery.headers.get(header)
        inside, signatures = self.layout.read(text) if text else ("", [text])
        timestamp = self._timestamp(delivery, inside)
        message = self.signed(delivery, timestamp)
        index = self._match(message, signatures, secrets)
        if self.timestamp:
            try:
                moment = self.timestamp.read(timestamp)
            except ValueError as error:
                where = self.timestamp.header or header
                raise BadSignature(f"the time in the {where} header is missing or no time", cause="no_time") from error
            check_timestamp(moment, delivery.received_at)
        return index

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:
        """See Scheme."""
        timestamp = self.timestamp.write(now) if self.timestamp else ""
        headers = {self.timestamp.header: timestamp} if self.timestamp and self.timestamp.header else {}
        message = self.signed(delivery, timestamp)
        signature = self._sign(message, secret, self.key) or self._sign(message, secret, self.or_key or self.key)
        return {**headers, header: self.layout.write(signature, timestamp)}

    def signed_by(self, delivery: Delivery, *, header: str) -> bytes:
        """The bytes that the signature of `delivery` covers."""
        inside, _ = self.layout.read(delivery.headers.get(header) or "")
        return self.signed(delivery, self._timestamp(delivery, inside))

    def _timestamp(self, delivery: Delivery, inside: str) -> str:
        if self.timestamp is None:
            return ""
        return inside if self.timestamp.header is None else delivery.headers.get(self.timestamp.header, "")

    def _match(self, message: bytes, signatures: Sequence[str | None], secrets: Sequence[str]) -> int:
        try:
            return match(signatures, [self._sign(message, secret, self.key) for secret in secrets], secrets)
        except BadSignature:
            if self.or_key is None:
                raise
            return match(signatures, [self._sign(message, secret, self.or_key) for secret in secrets], secrets)

    def _sign(self, message: bytes, secret: str, key: Key) -> str:
        try:
            return sign_hmac(
                message, secret, algorithm=self.algorithm, encoding=self.encoding, prefix=self.prefix, key=key
            )
        except ValueError:
            # A secret of another form than this platform's signs nothing. No signature is empty.
            return ""
