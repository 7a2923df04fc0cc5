"""The texts: a live list, narrowed as one likes."""

from flask import Blueprint, render_template, request

from bridge.settings import Settings
from bridge.store import browsing
from bridge.store.database import Database

_PAGE = 50
_NARROWED_BY = ("connection", "template", "state", "reason")


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/messages`."""

    @console.get("/messages")
    def message_list() -> str:
        """The newest messages first."""
        chosen = {name: value for name in _NARROWED_BY if (value := request.args.get(name))}
        before = request.args.get("before", type=int)
        with database.read() as connection:
            page = browsing.list_messages(connection, limit=_PAGE, before=before, filters=chosen)
        return render_template(
            "console/messages.html", page=page, chosen=chosen, before=before, connections=sorted(settings.connections)
        )
