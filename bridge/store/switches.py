"""What a person has stopped by hand: an account, a template, or all sending. Intake goes on.

Workers look here in the transaction that claims, so once a switch is committed nothing more is claimed of what it
stops; what a worker has claimed already still leaves. The messages wait, and their time goes on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from sqlalchemy import Connection, delete, select

from bridge.store import account_health
from bridge.store.tables import inserts, switches
from bridge.store.wakeup import notify

Kind = Literal["account", "template", "all"]
KINDS: tuple[Kind, ...] = ("account", "template", "all")

#: What messages wait for that are stopped by hand.
PAUSED_BY_HAND = "paused_by_hand"

#: The longest name that can be stopped.
LONGEST_NAME = 300


@dataclass(frozen=True, kw_only=True)
class Switch:
    """What is stopped, since when, and by whom. All sending has no name."""

    kind: Kind
    name: str
    since: datetime
    who: str

    @property
    def what(self) -> str:
        """`account attentive`."""
        return "all sending" if self.kind == "all" else f"{self.kind} {self.name}"

    @property
    def words(self) -> str:
        """`account attentive is paused by hand`."""
        return f"{self.what} is {'stopped' if self.kind == 'all' else 'paused'} by hand"


@dataclass(frozen=True)
class Stopped:
    """Everything that is stopped."""

    switches: tuple[Switch, ...] = ()

    @cached_property
    def templates(self) -> frozenset[str]:
        """The paused templates."""
        return frozenset(one.name for one in self.switches if one.kind == "template")

    @cached_property
    def accounts(self) -> frozenset[str]:
        """The paused accounts."""
        return frozenset(one.name for one in self.switches if one.kind == "account")

    @cached_property
    def is_all(self) -> bool:
        """Whether nothing is sent at all."""
        return any(one.kind == "all" for one in self.switches)

    def lets(self, accounts: Collection[str]) -> list[str]:
        """Those of the accounts that may send."""
        return [] if self.is_all else [name for name in accounts if name not in self.accounts]

    def those_of(self, *, account: str, template: str) -> tuple[Switch, ...]:
        """What stops a message of this account and template."""
        of = {("all", ""), ("account", account), ("template", template)}
        return tuple(one for one in self.switches if (one.kind, one.name) in of)

    def find(self, kind: str, name: str) -> Switch | None:
        """One switch, if it is there."""
        return next((one for one in self.switches if (one.kind, one.name) == (kind, name)), None)


def read(connection: Connection) -> Stopped:
    """What is stopped now."""
    return Stopped(tuple(Switch(**row._asdict()) for row in connection.execute(_ALL)))


def pause(connection: Connection, kind: Kind, name: str, *, who: str, now: datetime) -> bool:
    """Stop it; False if somebody had done so before."""
    # As every turn of a worker begins: none is between its look at the switches and its claim.
    account_health.read(connection)
    row = {"kind": kind, "name": name, "since": now, "who": who[:100]}
    return connection.execute(_ADD[connection.dialect.name], row).first() is not None


def resume(connection: Connection, kind: Kind, name: str) -> bool:
    """Let it go on; False if it was not stopped. The workers are told."""
    account_health.read(connection)
    done = connection.execute(delete(switches).where(switches.c.kind == kind, switches.c.name == name))
    notify(connection)
    return done.rowcount == 1


_ALL = select(switches).order_by(switches.c.kind, switches.c.name)
_ADD = {name: made.on_conflict_do_nothing().returning(switches.c.kind) for name, made in inserts(switches).items()}
