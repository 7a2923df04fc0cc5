"""A webhook processed once more: first what that would change, then by a person's word."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bridge.store import deeds, history
from bridge.store.database import Database
from bridge.store.history import Past
from bridge.web.console import masking
from bridge.web.console.access import operators_only, who
from bridge.web.console.deliveries import find
from bridge.web.console.present import Present

if TYPE_CHECKING:
    from bridge.trying.comparing import Comparison


def add(console: Blueprint, present: Present, database: Database) -> None:
    """`/console/deliveries/<id>/replay`: GET shows the difference, POST does it."""

    @console.get("/deliveries/<int:delivery_id>/replay")
    @operators_only
    def confirm_replay(delivery_id: int) -> str:
        """What would be made that was not made before."""
        with database.read() as connection:
            delivery = find(connection, delivery_id)
            past = history.of(connection, delivery_id) or abort(404)
            now = database.now(connection)
        view = present.templates()
        # Not at the top: it loads what composes texts, which most web processes never need.
        from bridge.trying import replaying

        found = replaying.replay(past, view.templates, present.routes, now)
        return render_template(
            "console/replay.html",
            delivery=delivery,
            found=found,
            words_of=_hiding(past, present),
            problems=view.problems,
            sending=present.settings.sending,
        )

    @console.post("/deliveries/<int:delivery_id>/replay")
    @operators_only
    def delivery_replay(delivery_id: int) -> Response:
        """Have it processed; with `again` even texts are made that were made before."""
        again = request.form.get("again") == "yes"
        with database.write() as connection:
            is_erased = find(connection, delivery_id)["erased_at"] is not None
            done = deeds.replay(connection, delivery_id, again=again, who=who(), now=database.now(connection))
        if is_erased:
            flash("What it said has been erased: nothing can be made of it.")
        elif done:
            flash(f"Delivery {delivery_id} is processed again.")
        else:
            flash("It is being processed right now; wait a moment.")
        return redirect(url_for("console.delivery_detail", delivery_id=delivery_id), 303)


def _hiding(past: Past, present: Present) -> Callable[["Comparison"], list[tuple[str, str]]]:
    """What tells the difference of texts without whom they are to."""
    people = masking.people_of(past.delivery, present.routes.get(past.delivery.connection))

    def words_of(one: "Comparison") -> list[tuple[str, str]]:
        written = present.written(one.template) if people is None else ()

        def hidden(text: str | None) -> str | None:
            return (
                masking.hidden(text, people, written=written, number=one.now.to if one.now else None) if text else text
            )

        before = replace(one.before, body=hidden(one.before.body)) if one.before else None
        now = replace(one.now, body=hidden(one.now.body)) if one.now else None
        from bridge.trying import telling

        return telling.difference(replace(one, before=before, now=now))

    return words_of
