"""The webhooks that came in: a live list, and the story of each."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, render_template
from sqlalchemy import Connection

from bridge.reasons import REASONS
from bridge.store import audit, browsing, ledger
from bridge.store.database import Database
from bridge.web.console import timeline
from bridge.web.console.access import operators_only, who
from bridge.web.console.choosing import Form
from bridge.web.console.present import Present
from bridge.web.console.proof import proof

_PAGE = 50
_MOST_MESSAGES = 200
# More of a body than anybody reads would only hold the browser up.
_MOST_SHOWN = 200_000


def add(console: Blueprint, present: Present, database: Database) -> None:
    """`/console/deliveries` and `/console/deliveries/<id>`."""

    @console.get("/deliveries")
    def delivery_list() -> str:
        """The newest webhooks first."""
        form = Form(browsing.DELIVERY_FILTERS)
        with database.read() as connection:
            page = browsing.list_deliveries(connection, limit=_PAGE, before=form.before, chosen=form.chosen)
        connections = present.settings.senders
        return render_template(
            "console/deliveries.html", page=page, form=form, connections=connections, reasons=sorted(REASONS)
        )

    @console.get("/deliveries/<int:delivery_id>")
    def delivery_detail(delivery_id: int) -> str:
        """The story, without what the webhook says."""
        return _page(delivery_id, present, database)

    @console.get("/deliveries/<int:delivery_id>/reveal")
    @operators_only
    def confirm_body(delivery_id: int) -> str:
        """Ask first."""
        with database.read() as connection:
            find(connection, delivery_id)
        return render_template(
            "console/confirm.html",
            question="Show what the webhook says?",
            lines=["It may hold names, numbers and addresses. That you looked is written on the audit list."],
            endpoint="console.delivery_reveal",
            values={"delivery_id": delivery_id},
            back="console.delivery_detail",
            button="Show",
        )

    @console.post("/deliveries/<int:delivery_id>/reveal")
    @operators_only
    def delivery_reveal(delivery_id: int) -> str:
        """The story with the body, on record."""
        with database.write() as connection:
            body = find(connection, delivery_id)["body"]
            now = database.now(connection)
            audit.note(connection, who=who(), action="reveal", subject=f"delivery {delivery_id}", now=now)
        return _page(delivery_id, present, database, body=pretty(body))


def find(connection: Connection, delivery_id: int) -> Mapping[str, Any]:
    """The delivery. Aborts with 404."""
    found = ledger.find_delivery(connection, delivery_id) if delivery_id < 2**63 else None
    if found is None:
        abort(404, description=f"There is no delivery {delivery_id}.")
    return found


def pretty(body: bytes) -> str:
    """A body as a person reads it: JSON with its lines, anything else as it is."""
    text = body.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    # Half of a surrogate pair, which JSON can carry, no page can.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}\n… ({len(text)} characters in all)"


def _page(delivery_id: int, present: Present, database: Database, *, body: str | None = None) -> str:
    with database.read() as connection:
        delivery = find(connection, delivery_id)
        messages = ledger.list_messages(connection, limit=_MOST_MESSAGES, delivery_id=delivery_id)
        done = audit.of(connection, f"delivery {delivery_id}")
    steps = timeline.in_order(
        timeline.of_delivery(delivery, proof(delivery, present.settings)), timeline.of_people(done)
    )
    return render_template(
        "console/delivery.html", delivery=delivery, messages=messages, steps=steps, body=body, is_live=body is None
    )
