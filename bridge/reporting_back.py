"""What became of texts, put down for their tickets and orders in the transaction that is under way.

Whoever brings a message to its end leaves a row that an index of few rows finds: the worker's own turn in the same
transaction, everybody else's (a person's, a bulk's) with the next beat.
"""

from datetime import datetime

from sqlalchemy import Connection

from bridge.policy.reports import report
from bridge.store import postings, reports


def report_back(connection: Connection, now: datetime, *, is_on: bool) -> int:
    """Put down what is to be told now; how many postings are new. `is_on` says whether texts are being sent."""
    over = reports.untold(connection)
    if not over:
        return 0
    new = [one for message in over if (one := report(message, is_on=is_on, now=now))]
    made = postings.add(connection, new, now)
    reports.told(connection, [message.id for message in over])
    return len(made)
