"""Held texts: let go or dropped, one or many, after a question."""

from collections.abc import Sequence

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from bridge.settings import Settings
from bridge.store import deeds, ledger
from bridge.store.database import Database
from bridge.store.deeds import Decision
from bridge.web.console.access import operators_only, who

# Workers wait meanwhile, and PostgreSQL takes some ten thousand ids in a statement.
_AT_ONCE = 1000
_MOST = 500
_WORDS: dict[Decision, tuple[str, str]] = {"release": ("Release", "released"), "drop": ("Drop", "dropped")}


def add(console: Blueprint, settings: Settings, database: Database) -> None:
    """`/console/messages/decide`: GET asks, POST does it."""

    @console.get("/messages/decide")
    @operators_only
    def confirm_decide() -> str:
        """Ask first, and say how many of the chosen are held still."""
        what, template, reason, ids = _asked(request.args.get("what", ""))
        with database.read() as connection:
            chosen, unproven = _chosen(connection, what, ids, template, reason)
        verb = _WORDS[what][0]
        return render_template(
            "console/decide.html",
            question=f"{verb} {len(chosen)} held message{'' if len(chosen) == 1 else 's'}?",
            what=what,
            verb=verb,
            chosen=chosen,
            ids=ids,
            template=template,
            reason=reason,
            unproven=unproven,
            sending=settings.sending,
            back=url_for("console.message_list", state="held"),
        )

    @console.post("/messages/decide")
    @operators_only
    def decide() -> Response:
        """Do it, and write each down."""
        what, template, reason, ids = _asked(request.form.get("what", ""))
        with database.read() as connection:
            chosen, _ = _chosen(connection, what, ids, template, reason)
        count = 0
        for begin in range(0, len(chosen), _AT_ONCE):
            with database.write() as connection:
                some, now = chosen[begin : begin + _AT_ONCE], database.now(connection)
                count += deeds.decide(connection, what, some, who=who(), now=now)
        gone = len(ids) - count if ids else 0
        said = f"{count} {_WORDS[what][1]}." + (f" {gone} had been decided on already." if gone > 0 else "")
        if what == "release" and settings.sending == "off" and count:
            said += " They leave when BRIDGE_SENDING is no longer off."
        flash(said)
        if len(ids) == 1:
            return redirect(url_for("console.message_detail", message_id=ids[0]), 303)
        return redirect(url_for("console.message_list", state="held"), 303)


def _asked(given: str) -> tuple[Decision, str, str, list[int]]:
    """What to do, and with which: of a template, for a reason, or those with these ids. Aborts with 400."""
    ids = [int(one) for one in request.values.getlist("id") if one.isascii() and one.isdecimal() and len(one) < 19]
    template, reason = request.values.get("template", ""), request.values.get("reason", "")
    what = next((one for one in _WORDS if one == given), None)
    if what is None:
        abort(400, description="Choose whether to release or to drop.")
    if not ids and not request.values.get("all"):
        abort(400, description="No message was chosen. Tick some in the list first.")
    if len(ids) > _MOST:
        abort(400, description=f"Choose at most {_MOST} at once.")
    return what, template, reason, ids


def _chosen(connection: Connection, what: str, ids: Sequence[int], template: str, reason: str) -> tuple[list[int], int]:
    """The ids of those that are held, and how many of them stay because nothing proves their webhooks."""
    found = ledger.held(connection, ids=ids, template=template or None, reason=reason or None)
    chosen = ledger.decidable(found, releases=what == "release", one_by_one=bool(ids or reason))
    return chosen, len(found) - len(chosen)
