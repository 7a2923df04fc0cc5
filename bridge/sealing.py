"""Sealing personal data: AES-256-GCM under one of several keys, so that keys can be exchanged while all runs. Pure.

A sealed value says which key it wants, and opens only in the place it was sealed for: nobody can move one person's
number into another column. Values from before there were keys stay as they are until they are written again.
"""

import base64
import binascii
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Loaded only where there are keys: it costs each process several MB.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SEALED = b"\x00S1"
# Before a plain value that looks like one of these two.
_PLAIN = b"\x00P1"
_KEY_BYTES, _ID_BYTES, _NONCE_BYTES = 32, 4, 12
_HEAD = len(_SEALED) + _ID_BYTES


class CannotOpen(Exception):
    """Do without the value: none of the keys opens it."""


@dataclass(frozen=True, kw_only=True)
class _Key:
    """What is derived from one key of the settings: what seals, and a few bytes that tell it from the others."""

    id: bytes
    cipher: "AESGCM"


@dataclass(frozen=True)
class Keys:
    """Keys of 32 bytes, the newest first: it seals, and each of them opens. Without any, values are stored as they are.

    Safe to share between threads.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def __bool__(self) -> bool:
        return bool(self.secrets)

    def seal(self, value: bytes, place: bytes) -> bytes:
        """What to store in place of `value` in this place. Nothing stays nothing."""
        if not value:
            return value
        if not self._keys:
            return _PLAIN + value if value.startswith((_SEALED, _PLAIN)) else value
        key, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        return b"".join((_SEALED, key.id, nonce, key.cipher.encrypt(nonce, value, place)))

    def open(self, stored: bytes, place: bytes) -> bytes:
        """What was sealed for this place. Raises CannotOpen."""
        if not stored.startswith(_SEALED):
            return stored[len(_PLAIN) :] if stored.startswith(_PLAIN) else stored
        if not self._keys:
            raise CannotOpen
        from cryptography.exceptions import InvalidTag

        nonce, text = stored[_HEAD : _HEAD + _NONCE_BYTES], stored[_HEAD + _NONCE_BYTES :]
        for key in self._keys:
            if key.id == stored[len(_SEALED) : _HEAD]:
                try:
                    return key.cipher.decrypt(nonce, text, place)
                except (InvalidTag, ValueError):
                    break
        raise CannotOpen

    def is_current(self, stored: bytes) -> bool:
        """Whether the value is stored as it would be stored now."""
        if not self._keys or not stored:
            return not stored.startswith(_SEALED)
        return stored.startswith(_SEALED + self._keys[0].id)

    @cached_property
    def _keys(self) -> tuple[_Key, ...]:
        if not self.secrets:
            return ()
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return tuple(
            _Key(id=_derived(secret, b"id", _ID_BYTES), cipher=AESGCM(_derived(secret, b"data", _KEY_BYTES)))
            for secret in self.secrets
        )


#: Values are stored as they are.
NO_KEYS = Keys()


def new_key() -> str:
    """A new key as it is written in the settings."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


def read_key(text: str) -> bytes:
    """The key of the settings. Raises ValueError with what is wrong, and nothing of the key."""
    try:
        secret = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise ValueError("must be 32 random bytes in base64, as `bridge keys new` prints them")
    return secret


def _derived(secret: bytes, purpose: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    return HKDFExpand(algorithm=SHA256(), length=length, info=b"bridge:" + purpose).derive(secret)
