"""Whether the keys fit the database, told before anything is written with them."""

from sqlalchemy import Connection, select, type_coerce, update
from sqlalchemy.types import LargeBinary

from bridge.errors import Misconfigured
from bridge.sealing import Keys
from bridge.store.sealed import is_unopened
from bridge.store.tables import deliveries, hash_secrets, messages

_LOOKED_AT = 3


def check(connection: Connection, keys: Keys) -> None:
    """Raise Misconfigured unless the keys open the database's own secret and the newest rows."""
    newest = (
        select(hash_secrets.c.secret),
        select(deliveries.c.body).order_by(deliveries.c.id.desc()).limit(_LOOKED_AT),
        select(messages.c.to).order_by(messages.c.id.desc()).limit(_LOOKED_AT),
    )
    if not any(is_unopened(*connection.execute(query).scalars()) for query in newest):
        return
    what = (
        "none of its keys opens the newest rows of this database" if keys else "is not set, but this database is sealed"
    )
    raise Misconfigured(
        [f"DATA_KEYS: {what}. Put the key back that it is sealed with; without it what is sealed is lost"]
    )


def seal_secrets(connection: Connection, keys: Keys) -> int:
    """Seal the secrets of the database's hashes with the newest key, if they are not; how many were not."""
    raw = select(hash_secrets.c.number, type_coerce(hash_secrets.c.secret, LargeBinary).label("raw"))
    old = [row.number for row in connection.execute(raw) if not keys.is_current(bytes(row.raw))]
    for number in old:
        ours = hash_secrets.c.number == number
        secret = connection.execute(select(hash_secrets.c.secret).where(ours)).scalar_one()
        connection.execute(update(hash_secrets).where(ours).values(secret=secret))
    return len(old)
