"""One text and its whole story."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from bridge import sms
from bridge.events import Delivery
from bridge.store import audit, deeds, ledger, postings_ledger
from bridge.store.database import Database
from bridge.web.console import masking, timeline
from bridge.web.console.access import operators_only, who
from bridge.web.console.foreign_pictures import Picture, origin, page_with
from bridge.web.console.marks import Bubble, bubble
from bridge.web.console.present import Present
from bridge.web.console.proof import proof

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A message with all that belongs to it."""

    message: Row
    delivery: Row
    attempts: list[Row]
    postings: list[Row]
    done: list[Row]
    waiting_for: str | None
    stopped: tuple[str, ...]
    replacement: int | None
    now: datetime


def add(console: Blueprint, present: Present, database: Database) -> None:
    """`/console/messages/<id>`, and what may be done with one."""

    @console.get("/messages/<int:message_id>")
    def message_detail(message_id: int) -> str | Response:
        """The story, without whom it is to; with `picture=show` also with the picture."""
        return _page(
            _find(database, message_id), present, reveals=False, pictures=request.args.get("picture") == "show"
        )

    @console.get("/messages/<int:message_id>/reveal")
    @operators_only
    def confirm_reveal(message_id: int) -> str:
        """Ask first."""
        _find(database, message_id)
        return _confirm(
            message_id,
            "message_reveal",
            "Show the number and the name?",
            ["That you looked is written on the audit list."],
            "Show",
        )

    @console.post("/messages/<int:message_id>/reveal")
    @operators_only
    def message_reveal(message_id: int) -> str | Response:
        """The story with the number and the name, on record."""
        found = _find(database, message_id)
        with database.write() as connection:
            now = database.now(connection)
            audit.note(connection, who=who(), action="reveal", subject=f"message {message_id}", now=now)
        return _page(found, present, reveals=True, pictures=request.form.get("picture") == "show")

    @console.get("/messages/<int:message_id>/retry")
    @operators_only
    def confirm_retry(message_id: int) -> str:
        """Ask first."""
        message = _find(database, message_id).message
        lines = ["It goes out with its text as it is: at once, or when the quiet hours of the person are over."]
        if message["state"] == "unknown":
            lines.append("Nobody can tell whether it left. The person may get this text a second time.")
        return _confirm(message_id, "message_retry", f"Send message {message_id} on?", lines, "Send it on")

    @console.post("/messages/<int:message_id>/retry")
    @operators_only
    def message_retry(message_id: int) -> Response:
        """Queue it again."""
        with database.write() as connection:
            message = ledger.find_message(connection, message_id) or _none(message_id)
            done = deeds.retry(connection, message, who=who(), now=database.now(connection))
            other = ledger.replacement(connection, message)
        if done:
            flash(f"Message {message_id} is queued.")
        elif other is not None:
            flash(f"Message {other} has taken its place.")
        else:
            flash(f"It is {message['state']}, and cannot be sent on.")
        return redirect(url_for("console.message_detail", message_id=message_id), 303)


def is_retryable(message: Row) -> bool:
    """Whether a person may send it on."""
    can = message["state"] in ledger.RETRYABLE or (
        message["state"] == "skipped" and message["reason"] in ledger.RETRYABLE_REASONS
    )
    return can and message["state"] != "held" and message["to"] is not None


def _find(database: Database, message_id: int) -> _Found:
    """The message. Aborts with 404."""
    if message_id >= 2**63:
        _none(message_id)
    with database.read() as connection:
        message = ledger.find_message(connection, message_id) or _none(message_id)
        listed = ledger.list_messages(connection, limit=1, message_id=message_id)
        return _Found(
            message=message,
            delivery=ledger.find_delivery(connection, message["delivery_id"]) or _none(message_id),
            attempts=ledger.list_attempts(connection, message_id),
            postings=postings_ledger.of_message(connection, message_id),
            done=audit.of(connection, f"message {message_id}", f"delivery {message['delivery_id']}"),
            waiting_for=listed[0]["waiting_for"],
            stopped=listed[0]["stopped"],
            replacement=ledger.replacement(connection, message),
            now=database.now(connection),
        )


def _none(message_id: int) -> Row:
    abort(404, description=f"There is no message {message_id}.")


def _page(found: _Found, present: Present, *, reveals: bool, pictures: bool) -> str | Response:
    message, delivery = found.message, found.delivery
    reveals = reveals and session.get("role") == "operator"
    received = Delivery(
        id=delivery["id"],
        connection=delivery["connection"],
        headers=delivery["headers"],
        body=delivery["body"],
        received_at=delivery["received_at"],
    )
    # What the bridge failed on would fail here too.
    route = present.routes.get(delivery["connection"]) if delivery["reason"] != "crashed" else None
    people = masking.people_of(received, route)
    steps = timeline.in_order(
        timeline.of_delivery(delivery, proof(delivery, present.settings), template=message["template"]),
        timeline.of_message(message, found.attempts, found.waiting_for, found.stopped),
        timeline.of_postings(found.postings),
        timeline.of_people(found.done),
    )

    def hides(words: str) -> str:
        return words if reveals else masking.hidden(words, people or [], written=(), number=message["to"])

    picture = _picture(message, delivery, hides, is_asked_for=pictures)
    page = render_template(
        "console/message.html",
        message=message,
        picture=picture,
        delivery=delivery,
        steps=steps,
        now=found.now,
        bubble=_bubble(message, people, present, reveals=reveals),
        hides=hides,
        names=masking.names_of(people) if reveals else [],
        reveals=reveals,
        is_retryable=is_retryable(message) and found.replacement is None,
        replacement=found.replacement,
        is_live=not reveals,
    )
    return page_with(page, picture.origin) if picture and picture.is_shown else page


def _picture(message: Row, delivery: Row, hides: Callable[[str], str], *, is_asked_for: bool) -> Picture | None:
    address = message["media_url"]
    found = origin(address)
    # Where nothing proves the webhook, a stranger has chosen the server that would be asked.
    if found is None or delivery["unverified"]:
        return None
    is_personal = hides(address) != address
    return Picture(address=address, origin=found, is_personal=is_personal, is_shown=is_asked_for and not is_personal)


def _bubble(message: Row, people: Any, present: Present, *, reveals: bool) -> Bubble | None:
    if not message["body"]:
        return None
    account = present.settings.accounts.get(message["account"])
    brand = account.brand if account else None
    text = sms.with_brand(message["body"], brand)
    if reveals:
        return bubble(text)
    prefix = len(text) - len(message["body"])
    written = present.written(message["template"]) if people is None else ()
    body = masking.hidden(message["body"], people, written=written, number=message["to"])
    return bubble(text, text[:prefix] + body)


def _confirm(message_id: int, endpoint: str, question: str, lines: list[str], button: str) -> str:
    return render_template(
        "console/confirm.html",
        question=question,
        lines=lines,
        endpoint=f"console.{endpoint}",
        values={"message_id": message_id},
        back="console.message_detail",
        button=button,
    )
