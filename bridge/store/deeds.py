"""What people do, in the console as in the terminal: each deed, and its line on the audit list, in one transaction.

`who` is how the audit list calls them. Nothing is written down of what was not done.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from bridge.store import (
    account_health,
    audit,
    ledger,
    opt_outs,
    people,
    postings,
    processing,
    reporting,
    requests,
    resealing,
    restorations,
    switches,
)
from bridge.store.reporting import Period
from bridge.store.restorations import Restored
from bridge.store.switches import Kind

#: What may be decided about held messages.
Decision = Literal["release", "drop"]


def retry(connection: Connection, message: Mapping[str, Any], *, who: str, now: datetime) -> bool:
    """Send a message on, as `ledger.retry` does; False if that cannot be."""
    done = ledger.retry(connection, message, now)
    if done:
        subject, detail = f"message {message['id']}", f"It was {message['state']}."
        audit.note(connection, who=who, action="retry", subject=subject, now=now, detail=detail)
    return done


def retry_posting(connection: Connection, posting: Mapping[str, Any], *, who: str, now: datetime) -> bool:
    """Have a posting tried again, as `postings.retry` does; False if that cannot be."""
    done = postings.retry(connection, posting["id"], now)
    if done:
        subject, detail = f"posting {posting['id']}", f"It was {posting['state']}."
        audit.note(connection, who=who, action="retry", subject=subject, now=now, detail=detail)
    return done


def decide(connection: Connection, what: Decision, ids: Sequence[int], *, who: str, now: datetime) -> int:
    """Let those of the messages go that are held, or decide that they are not sent; how many."""
    # Before the look at what is held: no worker changes it between that and the deed.
    account_health.read(connection)
    still = [one for one, _ in ledger.held(connection, ids=ids)] if ids else []
    count = ledger.release(connection, still, now) if what == "release" else ledger.drop(connection, still)
    audit.note_each(connection, [f"message {one}" for one in still], who=who, action=what, now=now)
    return count


def replay(connection: Connection, delivery_id: int, *, again: bool, who: str, now: datetime) -> bool:
    """Have a delivery processed once more, as `processing.replay` does; False if that cannot be now."""
    done = processing.replay(connection, delivery_id, now, again=again)
    if done:
        action = "replay again" if again else "replay"
        audit.note(connection, who=who, action=action, subject=f"delivery {delivery_id}", now=now)
    return done


def pause(connection: Connection, kind: Kind, name: str, *, who: str, now: datetime) -> bool:
    """Stop an account, a template or all sending; False if somebody had done so before."""
    done = switches.pause(connection, kind, name, who=who, now=now)
    return done and _turned(connection, "pause", kind, name, who, now)


def resume(connection: Connection, kind: Kind, name: str, *, who: str, now: datetime) -> bool:
    """Let it go on; False if it was not stopped."""
    return switches.resume(connection, kind, name) and _turned(connection, "resume", kind, name, who, now)


def _turned(connection: Connection, verb: str, kind: Kind, name: str, who: str, now: datetime) -> bool:
    audit.note(connection, who=who, action=f"{verb} {kind}", subject=name or "all sending", now=now)
    return True


def renew_report(connection: Connection, name: str, *, who: str, now: datetime) -> Period:
    """Have a connection report for its whole time from now on."""
    period = reporting.renew(connection, name, now)
    audit.note(connection, who=who, action="renew report", subject=name, now=now)
    return period


def clear_person(connection: Connection, number: str, *, who: str, now: datetime) -> int:
    """Forget what is on record against a number; in how many accounts there was something."""
    count = people.clear(connection, number) + opt_outs.clear(connection, number)
    if count:
        # Whose number it is stands nowhere but where it is needed.
        audit.note(connection, who=who, action="try again", subject="an unreachable person", now=now)
    return count


def told(
    connection: Connection,
    action: Literal["erase", "export"],
    whose: str,
    *,
    who: str,
    now: datetime,
    how_much: str = "",
) -> None:
    """Note that all that is kept of somebody was erased or told: `whose` says by what they were found, never who."""
    audit.note(connection, who=who, action=action, subject=whose, now=now, detail=how_much)


def finish_request(connection: Connection, request_id: int, *, outcome: str, who: str, now: datetime) -> bool:
    """Note that what was asked for is done, as `requests.finish` does; False if there is none to do."""
    done = requests.finish(connection, request_id, outcome=outcome, now=now)
    if done:
        audit.note(connection, who=who, action="request done", subject=f"request {request_id}", now=now, detail=outcome)
    return done


def backed_up(connection: Connection, *, who: str, now: datetime) -> None:
    """Note that somebody has taken a copy of everything."""
    audit.note(connection, who=who, action="back up", subject="the database", now=now)


def restored(connection: Connection, *, until: datetime, who: str, now: datetime) -> Restored:
    """Hold what may have been sent since the back-up, as `restorations.restored` does. Raises Misconfigured."""
    done = restorations.restored(connection, now, until)
    detail = f"{done.messages} messages are held, and what is about something before {until:%Y-%m-%d %H:%M}Z."
    audit.note(connection, who=who, action="restored", subject="the database", now=now, detail=detail)
    return done


def end_restored(connection: Connection, *, who: str, now: datetime) -> bool:
    """Let texts about what happens from now on go again; False if they did already."""
    done = restorations.end(connection, now)
    if done:
        audit.note(connection, who=who, action="end restored", subject="the database", now=now)
    return done


def resealed(connection: Connection, rows: int, *, who: str, now: datetime) -> None:
    """Note that so many rows were sealed with the newest key, if there were any."""
    if rows:
        audit.note(connection, who=who, action="reseal", subject="the database", now=now, detail=f"{rows} rows.")


def rehash(connection: Connection, *, who: str, now: datetime) -> int:
    """Key all hashes with one more secret, as `resealing.rehash` does; of how many rows."""
    count = resealing.rehash(connection)
    audit.note(connection, who=who, action="rehash", subject="the database", now=now, detail=f"{count} rows.")
    return count
