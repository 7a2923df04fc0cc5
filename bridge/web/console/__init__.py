"""The console: what support teams look at instead of logs. Off unless a password or OpenID Connect is set.

Each page is a module with one function `add(blueprint, …)`; `access.py` stands before all of them.
"""

from typing import NoReturn

from flask import Blueprint, abort, render_template
from werkzeug.exceptions import HTTPException

from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web.console import (
    access,
    audit,
    backtest,
    connections,
    deciding,
    deliveries,
    filters,
    help_pages,
    message,
    messages,
    outage,
    overview,
    replay,
    switching,
    template_pages,
)
from bridge.web.console.present import Present
from bridge.web.console.workshop import Workshop


def blueprint(settings: Settings, database: Database) -> Blueprint:
    """`/console/` with all its pages."""
    console = Blueprint(
        "console",
        __name__,
        url_prefix="/console",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    console.register_error_handler(HTTPException, _as_page)
    outage.add(console, settings)
    filters.add(console, settings)
    access.add(console, settings, database)
    overview.add(console, settings, database)
    switching.add(console, settings, database)
    connections.add(console, settings, database)
    help_pages.add(console)
    workshop = Workshop(settings)
    present = Present(settings, database, workshop)
    messages.add(console, settings, database)
    message.add(console, present, database)
    deciding.add(console, settings, database)
    deliveries.add(console, present, database)
    replay.add(console, present, database)
    template_pages.add(console, settings, database, workshop)
    backtest.add(console, settings, database, workshop)
    audit.add(console, database)
    console.get("/<path:page>")(missing)
    return console


def missing(page: str) -> NoReturn:  # noqa: ARG001 - Flask gives it
    """An address that leads nowhere, told as a page and not as the JSON that webhooks get."""
    abort(404, description="There is no such page in the console.")


def _as_page(error: HTTPException) -> tuple[str, int]:
    return render_template("console/error.html", name=error.name, description=error.description), error.code or 500
