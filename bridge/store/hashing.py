"""The keyed hashes by which sealed values are found: of phone numbers, of parcels, and of a text that leaves once.

They are keyed with a secret of the database, not with the keys it is sealed with: whoever exchanges those, or sets the
first one, changes no hash. A later secret is put on top of the earlier ones, so that rows can be brought up to date
without the values they were made of.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from bridge.errors import StoreUnavailable
from bridge.store.sealed import is_unopened
from bridge.store.tables import hash_secrets

# What hashes were made with before there was a secret.
_FIRST = b"bridge"
_ONCE_DIGITS = 32


def search_hash(value: str, secrets: tuple[bytes, ...] = ()) -> str:
    """The hash (hex) that a sealed value is found by."""
    return on_top(hmac.new(_FIRST, _bytes(value), "sha256").hexdigest(), secrets)


def on_top(made: str, secrets: tuple[bytes, ...]) -> str:
    """A hash under further secrets."""
    for secret in secrets:
        made = hmac.new(secret, made.encode(), "sha256").hexdigest()
    return made


@dataclass(frozen=True, kw_only=True)
class Hashes:
    """Makes the hashes of one database."""

    secrets: tuple[bytes, ...] = field(default=(), repr=False)

    def of(self, value: str) -> str:
        """What a value is found by."""
        return search_hash(value, self.secrets)

    def once(self, account: str, template: str, identity: str, to: str, again: int) -> str:
        """The same for the same account, template, event and person.

        It begins with the identity, because orders and tickets are numbered as they come: so what is inserted now
        stands together in the index, and not each at a random place of what may be a gigabyte.
        """
        parts = (account, template, identity, to, str(again))
        digest = hashlib.sha256(_bytes("\x1f".join(parts))).hexdigest()[:_ONCE_DIGITS]
        return self.once_on_top(f"{identity[:31]} {digest}")

    def once_on_top(self, made: str) -> str:
        """Such a key under these secrets, which was made without them."""
        digest = made[-_ONCE_DIGITS:]
        for secret in self.secrets:
            digest = hmac.new(secret, digest.encode(), "sha256").hexdigest()[:_ONCE_DIGITS]
        return made[:-_ONCE_DIGITS] + digest

    def once_of(self, row: Mapping[str, Any]) -> str:
        """The key of a message that has a number; one that was skipped has none of it until somebody sends it on."""
        return self.once(*(row[name] for name in ("account", "template", "identity", "to", "again")))


def hashes(connection: Connection) -> Hashes:
    """Those of this database; read once by each process. Raises StoreUnavailable if the keys do not open the secret."""
    known: Hashes | None = getattr(connection.dialect, "bridge_hashes", None)
    if known is None:
        secrets = tuple(connection.execute(select(hash_secrets.c.secret).order_by(hash_secrets.c.number)).scalars())
        if is_unopened(*secrets):
            raise StoreUnavailable("DATA_KEYS does not open the secret of this database's hashes")
        known = Hashes(secrets=secrets)
        # As with the keys in sealed.py: each engine has its own dialect.
        connection.dialect.bridge_hashes = known  # type: ignore[attr-defined]
    return known


def forget(connection: Connection) -> None:
    """Have the secrets read anew."""
    connection.dialect.bridge_hashes = None  # type: ignore[attr-defined]


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")
