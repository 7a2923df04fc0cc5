"""Messages of paused templates, put where no claim walks over them, and taken back when the template goes on.

They stay queued. Their moment is set to that of their expiry: so what is due stays a short list, however many wait.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, null, select, update

from bridge.store.switches import PAUSED_BY_HAND
from bridge.store.tables import is_queued, messages

#: So many at a time: other workers wait for this one's transaction.
AT_ONCE = 1000


def set_aside(connection: Connection, account: str, templates: Collection[str], now: datetime) -> int:
    """Set due messages of an account aside whose template is paused, up to AT_ONCE; how many."""
    values = {"of": account, "names": sorted(templates), "at": now, "room": AT_ONCE}
    return connection.execute(_SET_ASIDE, values).rowcount


def take_back(connection: Connection, templates: Collection[str], now: datetime) -> int:
    """Have messages wait for nothing but their turn that were set aside and whose template is none of these paused
    ones, up to AT_ONCE; how many."""
    return connection.execute(_TAKE_BACK, {"names": sorted(templates), "at": now, "room": AT_ONCE}).rowcount


_PAUSED = (
    select(messages.c.id)
    .where(
        is_queued,
        messages.c.account == bindparam("of"),
        messages.c.due <= bindparam("at"),
        messages.c.template.in_(bindparam("names", expanding=True)),
        # What is over already is left to those who expire it.
        messages.c.due < messages.c.expires_at,
    )
    .order_by(messages.c.due)
    .limit(bindparam("room", type_=Integer))
)
_SET_ASIDE = (
    update(messages)
    .where(messages.c.id.in_(_PAUSED.scalar_subquery()), is_queued)
    .values(due=messages.c.expires_at, waiting_for=PAUSED_BY_HAND)
)
_RESUMED = (
    select(messages.c.id)
    .where(
        is_queued,
        messages.c.waiting_for == PAUSED_BY_HAND,
        messages.c.template.not_in(bindparam("names", expanding=True)),
    )
    .limit(bindparam("room", type_=Integer))
)
_TAKE_BACK = (
    update(messages)
    .where(messages.c.id.in_(_RESUMED.scalar_subquery()), is_queued)
    .values(due=bindparam("at", type_=messages.c.due.type), waiting_for=null())
)
