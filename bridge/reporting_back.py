"""What became of texts, put down for their tickets and orders in the transaction that is under way.

Whoever brings a message to its end leaves a row that an index of few rows finds: the worker's own turn in the same
transaction, everybody else's (a person's, a bulk's) with the next beat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from bridge.policy.reports import report
from bridge.postings import Over
from bridge.route import Route
from bridge.store import postings, reports


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The connections of carriers, and of each account the one that has its orders, if it is one."""

    carriers: frozenset[str] = frozenset()
    of_orders: Mapping[str, str] = field(default_factory=dict)

    def of(self, message: Over) -> str:
        """The connection that has the ticket or order of a message: a carrier's text is about an order of the shop.

        Another shop's order is its own, though nothing can be put there: nobody else has it.
        """
        if message.connection not in self.carriers or message.ticket or not message.order_id:
            return message.connection
        return self.of_orders.get(message.account, message.connection)


def targets(routes: Mapping[str, Route]) -> Targets:
    """Those of these connections."""
    shops: dict[str, list[str]] = {}
    for name, route in routes.items():
        # Another shop may have it, also one whose orders take nothing.
        if route.desk and route.desk.order_kinds and not route.has_many_shops:
            shops.setdefault(route.account.name, []).append(name)
    # Of several shops that number their orders alike nobody can tell which one it is.
    return Targets(
        carriers=frozenset(name for name, route in routes.items() if route.source.joins),
        of_orders={account: of[0] for account, of in shops.items() if len(of) == 1},
    )


def report_back(connection: Connection, now: datetime, *, is_on: bool, targets: Targets) -> int:
    """Put down what is to be told now, and where; how many postings are new. `is_on`: texts are being sent."""
    over = reports.untold(connection)
    if not over:
        return 0
    told = [(message, report(message, is_on=is_on, now=now)) for message in over]
    new = [replace(one, connection=targets.of(message)) for message, one in told if one]
    made = postings.add(connection, new, now)
    reports.told(connection, [message.id for message in over])
    return len(made)
