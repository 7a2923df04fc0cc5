"""The first page: is all well, and if not, what is wrong?"""

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Blueprint, render_template, request

from bridge import connection_report
from bridge.messages import AccountHealth
from bridge.settings import Settings
from bridge.store import browsing, figures, requests, status
from bridge.store.database import Database
from bridge.store.status import Status
from bridge.web.console import plot
from bridge.web.console.plot import Plot

# How many spans of how long a plot shows.
_RANGES = {"24h": (timedelta(hours=1), 24), "7d": (timedelta(hours=6), 28)}
_NAMES = {"24h": "24 hours", "7d": "7 days"}
# Every open page asks every few seconds.
_GOOD_FOR_SECONDS = 10.0

#: Why an account rests, by what it was answered last.
PAUSE_WORDS = {
    "denied": "Attentive does not accept its API token, or ATTENTIVE_URL leads elsewhere",
    "failing": "Attentive cannot be reached, or answers with errors or too late",
    "slow_down": "Attentive asked for fewer texts at a time",
}


@dataclass
class _Plots:
    """The plots that were drawn last, one of each range. For all threads of a web process."""

    database: Database
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _drawn: dict[str, tuple[float, Plot]] = field(default_factory=dict)
    _known: figures.Known = field(default_factory=figures.Known)

    def get(self, chosen: str) -> Plot:
        """The plot of a range, a few seconds old at most. Who asks while it is drawn waits for the one that is."""
        with self._lock:
            drawn_at, drawn = self._drawn.get(chosen, (float("-inf"), None))
            if drawn is None or time.monotonic() - drawn_at > _GOOD_FOR_SECONDS:
                drawn = self._draw(chosen)
                self._drawn[chosen] = time.monotonic(), drawn
            return drawn

    def _draw(self, chosen: str) -> Plot:
        step, steps = _RANGES[chosen]
        with self.database.read() as connection:
            now = self.database.now(connection)
            found = figures.over_time(connection, now, step=step, steps=steps, known=self._known)
        oldest = min(moment for moment in (now - step * steps for step, steps in _RANGES.values())) - timedelta(days=1)
        self._known.forget(before=oldest)
        return plot.draw(found)


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/`."""
    plots = _Plots(database)

    @console.get("/")
    def overview() -> str:
        """What came in and went out lately, how full the queue is, how accounts and connections fare."""
        chosen = request.args.get("range", "24h")
        chosen = chosen if chosen in _RANGES else "24h"
        with database.read() as connection:
            now = database.now(connection)
            found = status.read(connection, now)
            templates = browsing.template_names(connection)
            asked = requests.open_(connection)
            reports = connection_report.read_all(connection, settings.connections, now)
        return render_template(
            "console/overview.html",
            status=found,
            settings=settings,
            plot=plots.get(chosen),
            series=[name for name, _ in plot.SERIES],
            size=(plot.WIDTH, plot.HEIGHT),
            chosen=chosen,
            ranges=_NAMES,
            reports=reports,
            asked=asked,
            pause_words=PAUSE_WORDS,
            templates=templates,
            accounts=_accounts(settings, found),
            known_accounts={account.name for account in settings.accounts.values()},
            with_token={account.name for account in settings.accounts.values() if account.token},
        )


def _accounts(settings: Settings, found: Status) -> list[AccountHealth]:
    """Those of the settings, and those that others have messages for."""
    known = {account.name: AccountHealth(name=account.name) for account in settings.accounts.values()}
    return list((known | {one.name: one for one in found.accounts}).values())
