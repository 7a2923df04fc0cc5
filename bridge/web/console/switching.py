"""Stopping an account, a template or all sending by hand, and letting it go on: asked first, then done."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bridge.settings import Settings
from bridge.store import deeds, status, switches
from bridge.store.database import Database
from bridge.store.switches import KINDS, LONGEST_NAME, Kind
from bridge.web.console.access import operators_only, who


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/switch?kind=…&name=…`."""

    @console.get("/switch")
    def switch() -> str:
        """What stopping it would do, or since when it is stopped and by whom; and the button."""
        kind, name = _asked_for(settings)
        with database.read() as connection:
            stopped = switches.read(connection)
            found = status.read(connection, database.now(connection))
        return render_template(
            "console/switch.html", kind=kind, name=name, switch=stopped.find(kind, name), status=found
        )

    @console.post("/switch")
    @operators_only
    def turn_switch() -> Response:
        """Stop it, or let it go on: `to` says which, so that a second click changes nothing."""
        kind, name = _asked_for(settings)
        with database.write() as connection:
            turn = deeds.pause if request.form.get("to") == "pause" else deeds.resume
            turn(connection, kind, name, who=who(), now=database.now(connection))
        return redirect(url_for("console.overview"), 303)


def _asked_for(settings: Settings) -> tuple[Kind, str]:
    """What is to be stopped: an account of the settings, a template of any name, or all. Else 404."""
    kind, name = request.values.get("kind", ""), " ".join(request.values.get("name", "").split())
    is_known = {
        "account": name in {account.name for account in settings.accounts.values()},
        "template": 0 < len(name) <= LONGEST_NAME,
        "all": name == "",
    }
    if kind not in KINDS or not is_known[kind]:
        abort(404, description="there is nothing of this name to stop")
    return kind, name
