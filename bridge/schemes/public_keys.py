"""Webhooks signed with a platform's private key, proven with the public keys it publishes (a JWKS document).

https://www.rfc-editor.org/rfc/rfc7517. A connection names the document's address among its secrets; whoever verifies
puts the document in the address's place (`bridge/platforms/key_sets.py`), so that nothing here asks anybody.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.errors import BadSignature, Misconfigured, UnknownKey
from bridge.events import Delivery
from bridge.schemes.scheme import Scheme
from bridge.schemes.times import Timestamp
from bridge.signing import check_timestamp, is_key_address, is_public

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# A shorter key can be broken. A longer one, or a larger exponent, is there to keep us busy.
_KEY_BITS = range(2048, 8192 + 1)
_LARGEST_EXPONENT = 2**32
_MOST_KEYS = 16
_LONGEST_SIGNATURE = 2048
_LONGEST_NUMBER = 2048


@dataclass(frozen=True, kw_only=True)
class Rsa:
    """An RSASSA-PKCS1-v1_5 signature with SHA-256, in base64, and the name of its key in the header `key_id`.

    Of a connection's secrets it takes the JWKS documents only.
    """

    header: str
    key_id: str
    timestamp: Timestamp
    signed: Callable[[Delivery, str], bytes]
    signs_body: bool = field(default=True, init=False)
    signs_url: bool = field(default=False, init=False)

    @property
    def also(self) -> frozenset[str]:
        """The headers of the key's name and of the signed time."""
        return frozenset({self.key_id, *([self.timestamp.header] if self.timestamp.header else [])})

    def applies(self, delivery: Delivery, header: str) -> bool:
        """Where there is a signature."""
        return header in delivery.headers

    def verify(self, delivery: Delivery, secrets: Sequence[str], *, header: str) -> int:
        """See Scheme. Raises UnknownKey where the signature's key is in no document, or there is none."""
        signature = _signature(delivery.headers.get(header), header)
        key_id = delivery.headers.get(self.key_id, "")
        timestamp = delivery.headers.get(self.timestamp.header or "", "")
        documents = [(index, secret) for index, secret in enumerate(secrets) if _is_document(secret)]
        if not documents:
            raise UnknownKey("the platform's public keys are not at hand", cause="no_secret")
        keys = [(index, key) for index, text in documents if (key := read_keys(text).get(key_id))]
        if not keys:
            raise UnknownKey("the signature's key is none of the platform's public keys")
        message = self.signed(delivery, timestamp)
        proving = [index for index, key in keys if _is_signed(key, signature, message)]
        if not proving:
            raise BadSignature("the signature does not match")
        try:
            moment = self.timestamp.read(timestamp)
        except ValueError as error:
            text = f"the time in the {self.timestamp.header} header is missing or no time"
            raise BadSignature(text, cause="no_time") from error
        check_timestamp(moment, delivery.received_at)
        return proving[0]

    def sign(self, delivery: Delivery, secret: str, *, header: str, now: datetime) -> dict[str, str]:  # noqa: ARG002
        """Raises Misconfigured: only the platform has the private key."""
        raise Misconfigured(["only the platform can sign for its public keys; list a token of your own first"])


def takes_addresses(scheme: Scheme) -> bool:
    """Whether a secret of a connection may be the address of public keys."""
    return any(isinstance(one, Rsa) for one in getattr(scheme, "schemes", (scheme,)))


@lru_cache(maxsize=8)
def read_keys(document: str) -> "Mapping[str, RSAPublicKey]":
    """The RSA keys of a JWKS document by name; those that cannot be used, or are for other things, are left out."""
    try:
        records = json.loads(document)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    found = {}
    for record in records[:_MOST_KEYS] if isinstance(records, list) else []:
        if isinstance(record, dict) and (key := _key(record)) and isinstance(name := record.get("kid"), str) and name:
            found[name] = key
    return found


def _key(record: Mapping[str, object]) -> "RSAPublicKey | None":
    # Not at the top: few need it, and it is large.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    if record.get("kty") != "RSA" or record.get("alg", "RS256") != "RS256" or record.get("use", "sig") != "sig":
        return None
    modulus, exponent = _number(record.get("n")), _number(record.get("e"))
    if modulus.bit_length() not in _KEY_BITS or not 2 < exponent < _LARGEST_EXPONENT:
        return None
    try:
        return RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError:
        return None


def _number(text: object) -> int:
    """The number that a text in base64url is, or 0."""
    if not isinstance(text, str) or not text.isascii() or len(text) > _LONGEST_NUMBER:
        return 0
    try:
        return int.from_bytes(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return 0


def _is_document(secret: str) -> bool:
    return is_public(secret) and not is_key_address(secret)


def _signature(text: str | None, header: str) -> bytes:
    if not text:
        raise BadSignature(f"the {header} header is missing", cause="missing_header")
    if len(text) > _LONGEST_SIGNATURE or not text.isascii():
        raise BadSignature(f"the {header} header is too long, or not ASCII", cause="malformed_header")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSignature(f"the {header} header is not base64", cause="malformed_header") from error


def _is_signed(key: "RSAPublicKey", signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
