"""The texts: a live list, narrowed as one likes."""

from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bridge import phone
from bridge.events import KINDS
from bridge.reasons import REASONS
from bridge.settings import Settings
from bridge.store import browsing
from bridge.store.database import Database
from bridge.store.hashing import hashes
from bridge.web.console.choosing import Form

_PAGE = 50


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/messages`."""

    @console.get("/messages")
    def message_list() -> str:
        """The newest messages first."""
        form = Form(browsing.MESSAGE_FILTERS)
        with database.read() as connection:
            page = browsing.list_messages(connection, limit=_PAGE, before=form.before, chosen=form.chosen)
        return render_template(
            "console/messages.html",
            page=page,
            form=form,
            connections=settings.senders,
            kinds=KINDS,
            reasons=sorted(REASONS),
        )

    @console.post("/messages/find")
    def find_messages() -> Response:
        """The list as the form narrows it: a phone number is posted, since addresses end up in logs and histories."""
        names = (*browsing.MESSAGE_FILTERS, "since", "until")
        wanted = {name: value for name in names if (value := request.form.get(name, "").strip())}
        number = request.form.get("phone", "").strip()
        read = phone.read(number) if number else None
        if read and read.e164:
            with database.read() as connection:
                wanted["recipient"] = hashes(connection).of(read.e164)
        elif read:
            flash("The phone number cannot be read. Write it with its country: +1 212 555 0123.")
        return redirect(f"{url_for('console.message_list')}?{urlencode(wanted)}", 303)
