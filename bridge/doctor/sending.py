"""Do texts leave: is a worker alive, is nothing stopped, paused, held or behind?"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from bridge.doctor.finding import Finding
from bridge.settings import Settings
from bridge.store import status
from bridge.store.status import Status
from bridge.wording import ago, counted


def examine(connection: Connection, given: Settings, now: datetime) -> Iterator[Finding]:
    """Everything that keeps texts from leaving."""
    found = status.read(connection, now)
    yield _workers(found)
    if found.why_behind:
        todo = "mend what it names; if it names nothing, there is more work than the workers can do"
        yield Finding(about="queue", state="warning", says=found.why_behind, todo=todo)
    yield from _switches(found, given)
    yield from _accounts(found, given, now)


def _workers(found: Status) -> Finding:
    if found.workers:
        return Finding(
            about="worker", state="ok", says=f"{counted(found.workers, 'worker')} gave a sign of life just now"
        )
    says = "no worker has given a sign of life for ten seconds: webhooks are stored, and nothing is sent"
    return Finding(about="worker", state="problem", says=says, todo="start `bridge worker`, or `bridge serve`")


def _switches(found: Status, given: Settings) -> Iterator[Finding]:
    for one in found.stopped.switches:
        yield Finding(
            about="sending", state="warning", says=f"{one.words}, by {one.who}", todo="`bridge resume` lets it go on"
        )
    if given.sending != "on":
        says = f"BRIDGE_SENDING is {given.sending}: nobody is texted, and messages wait"
        todo = "look at them (`bridge messages list --state held`), then set BRIDGE_SENDING=on"
        yield Finding(about="sending", state="warning", says=says, todo=todo)
    elif not found.stopped.switches:
        yield Finding(about="sending", state="ok", says="is on")
    if found.messages_held:
        count = counted(found.messages_held, "message waits", "messages wait")
        todo = "`bridge messages list --state held`, then `release` or `drop`"
        yield Finding(about="sending", state="warning", says=f"{count} for your decision", todo=todo)


def _accounts(found: Status, given: Settings, now: datetime) -> Iterator[Finding]:
    for account in found.accounts:
        if account.paused_until:
            since = f" since {ago(account.paused_since, now)}" if account.paused_since else ""
            says = f"{account.name} is paused{since}: {account.pause_reason}"
            todo = "correct its token or ATTENTIVE_URL; it is tried again every minute, and nothing is lost meanwhile"
            yield Finding(about="account", state="problem", says=says, todo=todo)
    used = {one.account for one in given.connections.values()} | {one.account for one in given.callers}
    for name, one in given.accounts.items():
        if name in used and not one.token:
            todo = "set ATTENTIVE_API_TOKEN" if name == "attentive" else f"set the token of {name}"
            yield Finding(about="account", state="warning", says=f"{name} has no token: its messages wait", todo=todo)
