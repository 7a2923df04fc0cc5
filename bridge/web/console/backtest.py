"""What the last hours or days would have looked like with the templates as they are now. Nothing is sent."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from bridge.settings import Settings
from bridge.store import audit
from bridge.store.database import Database
from bridge.web.console import access
from bridge.web.console.workshop import Workshop

if TYPE_CHECKING:
    from bridge.compose import Template
    from bridge.trying.backtest import Backtest

#: How far back, by the value of the choice.
SPANS = {
    "1h": ("the last hour", timedelta(hours=1)),
    "1d": ("the last day", timedelta(days=1)),
    "7d": ("the last week", timedelta(days=7)),
    "30d": ("the last 30 days", timedelta(days=30)),
}
#: How many webhooks are looked at: at first, and when somebody wants to see more.
STEPS = (1000, 5000, 20_000)

_DIFFERENCES = 50
_BATCH = 50
# Meanwhile this process receives webhooks more slowly, so it is no time to be generous with; the command line has it.
_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Played:
    """What was found, and how much of what there was has been looked at: `until` is set where time ran out."""

    found: "Backtest"
    about: int
    most: int
    begins: datetime | None
    until: datetime | None

    @property
    def further(self) -> int | None:
        """The next larger number of webhooks to look at, where there are more of them."""
        if self.until is not None or self.about <= self.most:
            return None
        return next((step for step in STEPS if step > self.most), None)


def add(console: Blueprint, settings: Settings, database: Database, workshop: Workshop) -> None:
    """`/console/backtest`."""
    # One at a time: two would share the processor, and neither would come far.
    turn = Lock()

    def show(values: Mapping[str, str], *, reveals: bool) -> str | tuple[str, int]:
        view = workshop.look()
        span, name = values.get("since", ""), values.get("template", "")
        chosen = [one for one in view.templates if name in ("", one.name)]
        page = {"view": view, "spans": SPANS, "since": span, "template": name, "reveals": reveals}
        if span not in SPANS or not chosen:
            return render_template("console/backtest.html", **page)
        if not turn.acquire(blocking=False):
            return render_template("console/backtest.html", **page, is_busy=True), 503
        try:
            most = next((step for step in STEPS if str(step) == values.get("most")), STEPS[0])
            played = _play(settings, database, chosen, SPANS[span][1], most, only=name or None)
        finally:
            turn.release()
        return render_template("console/backtest.html", **page, played=played, **_told(played))

    @console.get("/backtest")
    def backtest() -> str | tuple[str, int]:
        """What would be different, without anybody's text."""
        return show(request.args, reveals=False)

    @console.post("/backtest")
    @access.operators_only
    def backtest_reveal() -> str | tuple[str, int]:
        """The same with the texts, which are people's: looking at them is on record."""
        with database.write() as connection:
            audit.note(
                connection,
                who=access.who(),
                action="backtest",
                subject=request.form.get("template") or "all templates",
                now=database.now(connection),
                detail=f"texts of {SPANS[request.form['since']][0]}" if request.form.get("since") in SPANS else "",
            )
        return show(request.form, reveals=True)


def _play(
    settings: Settings,
    database: Database,
    templates: "list[Template]",
    span: timedelta,
    most: int,
    *,
    only: str | None,
) -> Played:
    """The newest `most` webhooks of this time, the oldest of them first, until they or the seconds end."""
    from bridge.store import history
    from bridge.trying.backtest import Backtest, routes_of_the_past

    with database.read() as connection:
        since = database.now(connection) - span
    found = Backtest(
        templates=templates,
        routes=routes_of_the_past(settings, database, looks_up=False),
        cap_per_person=settings.cap_per_person,
        looks_up=False,
        most=_DIFFERENCES,
        only=only,
    )
    about = history.count_about(database, since)
    deadline = time.monotonic() + _SECONDS
    begins = until = None
    for batch in history.since(database, since, batch=_BATCH, most=most):
        if begins and time.monotonic() > deadline:
            break
        found.look_at(batch)
        if batch:
            begins, until = begins or batch[0].delivery.received_at, batch[-1].delivery.received_at
    else:
        until = None
    return Played(found=found, about=about, most=most, begins=begins, until=until)


def _told(played: Played) -> dict[str, object]:
    """The same in words, for the page."""
    from bridge.trying import telling

    columns, rows = telling.table(played.found)
    hint = "`bridge backtest --look-up` asks the platforms"
    return {
        "columns": columns,
        "rows": rows,
        "summary": list(telling.summary(played.found, hint=hint)),
        "differences": list(_differences(played.found)),
        "not_shown": played.found.different - len(played.found.differences),
    }


def _differences(found: "Backtest") -> Iterator[dict[str, object]]:
    from bridge.trying import telling

    for one in reversed(found.differences):
        yield {
            "received_at": one.received_at,
            "delivery_id": one.delivery_id,
            "template": one.template,
            "people": telling.people(one),
            "said": telling.said(found, one),
            "words": telling.difference(one),
        }
