"""How platforms prove that a webhook is theirs: signature schemes as values that verify and sign.

A scheme is told by where the signature stands, what is signed, with which key, algorithm and encoding. All of these
differ between platforms that look alike, so a source names them and nothing here guesses.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import parse_qs, quote, urlsplit

from bridge.errors import BadSignature, Misconfigured
from bridge.events import Delivery
from bridge.signing import (
    Algorithm,
    Encoding,
    Key,
    check_timestamp,
    is_public,
    match,
    read_timestamp,
    sign_hmac,
    verbatim,
)

#: Where senders that sign nothing put their secret.
TOKEN_HEADER = "x-bridge-token"  # noqa: S105 - the header's name

#: Seconds since 1970 do not get this far for three thousand years: from here on it is milliseconds.
SECONDS_BEFORE = 1e11


class Scheme(Protocol):
    """How a source's webhooks are proven."""

    @property
    def header(self) -> str:
        """Where the signature stands by default, lower-case."""

    @property
    def also(self) -> frozenset[str]:
        """Other headers that the signature needs: they are stored with it."""

    @property
    def signs_body(self) -> bool:
        """Whether the proof covers the body; a token covers nothing."""

    @property
    def signs_url(self) -> bool:
        """Whether it covers the address that was called, which PUBLIC_URL then must name."""

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Whether a request is meant to be proven by this scheme."""

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """The index of the secret that proves the request. `header` is where a connection's signature stands.

        Raises BadSignature for anything else, whatever the headers hold, also for a genuine request whose signed time
        is more than five minutes off the time of receipt.
        """

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:
        """The headers (lower-case names) that prove `delivery` as sent at `now`; what `bridge trigger` sends."""


@dataclass(frozen=True, kw_only=True)
class Timestamp:
    """A signed time: the `header` it stands in (None: in the signature's own), and how it is written."""

    header: str | None
    read: Callable[[str], datetime]
    write: Callable[[datetime], str]


def _write_iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_unix(text: str) -> datetime:
    """The moment that a number of seconds or milliseconds since 1970 names. Raises ValueError for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise ValueError("not a number of seconds or milliseconds")
    number = float(text)
    try:
        return datetime.fromtimestamp(number if number < SECONDS_BEFORE else number / 1000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a time out of range") from error


def iso(header: str) -> Timestamp:
    """A time like 2026-11-23T10:00:00Z in `header`."""
    return Timestamp(header=header, read=read_timestamp, write=_write_iso)


def seconds(header: str | None) -> Timestamp:
    """Seconds since 1970 in `header`."""
    return Timestamp(header=header, read=read_unix, write=lambda moment: str(int(moment.timestamp())))


def milliseconds(header: str) -> Timestamp:
    """Milliseconds since 1970 in `header`. Seconds are understood too: they cannot be meant otherwise."""
    return Timestamp(header=header, read=read_unix, write=lambda moment: str(int(moment.timestamp() * 1000)))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How signatures stand in their header.

    `read`   the signed time where it stands there (else "") and the signatures; whatever the text is
    `write`  the header of a signature and a time
    """

    read: Callable[[str], tuple[str, Sequence[str]]]
    write: Callable[[str, str], str]


def _read_pairs(text: str) -> tuple[str, Sequence[str]]:
    pairs = [part.strip().partition("=") for part in text[:2048].split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    # Two times would leave open which of them was meant.
    return times[0] if len(times) == 1 else "", [value for name, _, value in pairs if name == "v1"]


def _read_versions(text: str) -> tuple[str, Sequence[str]]:
    pairs = [part.partition(",") for part in text[:2048].split(" ")]
    return "", [value for version, _, value in pairs if version == "v1"]


#: The signature alone.
ALONE = Layout(read=lambda text: ("", [text]), write=lambda signature, _: signature)
#: `t=1700000000,v1=<signature>[,v1=<signature of an older secret>]`
PAIRS = Layout(read=_read_pairs, write=lambda signature, time: f"t={time},v1={signature}")
#: `v1,<signature>[ v1,<signature of an older secret>]`
VERSIONS = Layout(read=_read_versions, write=lambda signature, _: f"v1,{signature}")


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


@dataclass(frozen=True)
class AnyOf:
    """Several schemes of one platform: a request is judged by the first that it is meant for. The first one signs.

    Each must be safe alone, because a stranger may choose.
    """

    schemes: tuple[Scheme, ...]

    @property
    def header(self) -> str:
        """The first scheme's."""
        return self.schemes[0].header

    @property
    def also(self) -> frozenset[str]:
        """Those of all schemes, and the headers that the others have their signatures in."""
        others = {scheme.header for scheme in self.schemes[1:]} - {TOKEN_HEADER}
        return frozenset().union(others, *(scheme.also for scheme in self.schemes))

    @property
    def signs_body(self) -> bool:
        """Whether the first scheme does."""
        return self.schemes[0].signs_body

    @property
    def signs_url(self) -> bool:
        """Whether one of them does."""
        return any(scheme.signs_url for scheme in self.schemes)

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where one of them does."""
        return any(scheme.applies(delivery, self._header(scheme, header)) for scheme in self.schemes)

    def chosen(self, delivery: Delivery, *, header: str) -> Scheme:
        """The scheme that a request is judged by."""
        meant = (one for one in self.schemes if one.applies(delivery, self._header(one, header)))
        return next(meant, self.schemes[0])

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme."""
        scheme = self.chosen(delivery, header=header)
        return scheme.verify(delivery, secrets, header=self._header(scheme, header))

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:
        """See Scheme."""
        return self.schemes[0].sign(delivery, secret, header=header, now=now)

    def _header(self, scheme: Scheme, header: str) -> str:
        """A connection's own header name replaces that of the first scheme, and of those in the same place."""
        return header if scheme.header == self.header else scheme.header
