"""What queued messages wait for as things are now, which a worker need not have written down yet."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from bridge.store import sending, switches
from bridge.store.tables import accounts, messages


def told(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of messages with what they wait for: `waiting_for`, and `stopped`, what of it a person has stopped.

    A message that a person has stopped waits for that, whatever it waited for before; one of a paused account for it;
    one behind an earlier one of its thread for that. Rows have at least id, account, template, state and waiting_for.
    """
    queued = [row["id"] for row in rows if row["state"] == "queued"]
    if not queued:
        return [{**row, "stopped": ()} for row in rows]
    query = (
        select(messages.c.id, accounts.c.paused_until, sending.is_blocked(messages).label("is_blocked"))
        .join(accounts, accounts.c.name == messages.c.account, isouter=True)
        .where(messages.c.id.in_(queued))
    )
    stopped = switches.read(connection)
    found = {one.id: one for one in connection.execute(query)}
    # One that has gone meanwhile is told as it was.
    return [_told(row, stopped, found.get(row["id"])) for row in rows]


def _told(row: Mapping[str, Any], stopped: switches.Stopped, found: Any) -> Mapping[str, Any]:
    if found is None:
        return {**row, "stopped": ()}
    by = stopped.those_of(account=row["account"], template=row["template"])
    waiting_for = row["waiting_for"]
    if by:
        waiting_for = switches.PAUSED_BY_HAND
    elif found.paused_until is not None:
        waiting_for = "account"
    elif found.is_blocked:
        waiting_for = "thread"
    return {**row, "waiting_for": waiting_for, "stopped": tuple(one.what for one in by)}
