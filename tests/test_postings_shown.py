"""Postings as people see them: in the terminal, the console and the figures; and erased with the person."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import notebook
import pytest
from click.testing import CliRunner
from forked import run
from notebook import Notebook
from office import Office
from sqlalchemy import update
from test_postings import ANSWER, NOW, TOLD, Desk, _wait_for_postings

from bridge.cli import cli
from bridge.postings import Ended
from bridge.privacy import erasing, exporting
from bridge.privacy.about import About
from bridge.reasons import Reason
from bridge.store import postings, postings_ledger, resealing, restorations, retaining, tables
from bridge.store.database import Database
from bridge.web import create_app

MAYA = "+12125550123"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def told(office: Office, tmp_path: Path) -> Iterator[Office]:
    """An office that has texted two people and could put only the first note on its ticket."""
    book = Notebook()
    office.set(NOTEBOOK_URL=book.url, **notebook.SETTINGS, TEMPLATES_DIR=str(office.folder))
    office.set(DATABASE_URL=office.database.engine.url.render_as_string(hide_password=False))
    notebook.install(tmp_path)
    office.write_template("received", TOLD.format(report="note"))
    office.start()
    office.receive("zendesk", "trigger_created", id="1", **{"ticket.id": "11", "customer.phone": MAYA})
    _wait_for_postings(office, "posted")
    book.answers = [422]
    office.receive("zendesk", "trigger_created", id="2", **{"ticket.id": "12", "customer.phone": "+12125550188"})
    _wait_for_postings(office, "posted", "failed")
    yield office
    office.stop()
    notebook.uninstall(tmp_path)
    book.close()


@pytest.fixture
def command(told: Office, tmp_path: Path) -> Command:
    """Run `bridge ...` beside the worker."""
    return lambda *arguments: run(arguments, dict(os.environ), tmp_path)


# --- shown ---------------------------------------------------------------------------------------------------------


def test_the_terminal_lists_and_shows_postings_and_retries_one(told: Office, command: Command) -> None:
    rows = json.loads(command("postings", "list", "--json").stdout)
    assert [(row["id"], row["kind"], row["ticket"], row["state"], row["reason"]) for row in rows] == [
        (2, "note", "12", "failed", "posting_refused"), (1, "note", "11", "posted", None),
    ]  # fmt: skip
    assert [row["id"] for row in json.loads(command("postings", "list", "--state", "failed", "--json").stdout)] == [2]
    shown = command("postings", "show", "2").stdout
    for words in ("note for ticket 12 of zendesk", "about    message 2", "Text sent to", "The notebook refuses this."):
        assert words in shown
    assert "posted   " in command("postings", "show", "1").stdout
    of_message = command("messages", "show", "2").stdout
    assert "posting  2, note for ticket 12 of zendesk: failed" in of_message
    assert json.loads(command("messages", "show", "2", "--json").stdout)["postings"][0]["state"] == "failed"
    assert command("postings", "retry", "1").returncode == 1
    assert command("postings", "retry", "9").returncode == 1
    assert command("postings", "retry", "2").stdout == "Posting 2 is queued.\n"
    _wait_for_postings(told, "posted", "posted")
    assert [(row["action"], row["subject"]) for row in told._all(tables.audit)] == [("retry", "posting 2")]


def test_the_console_tells_of_postings_in_the_messages_story(told: Office) -> None:
    told.set(CONSOLE_PASSWORD="operator")
    client = create_app(told.settings, told.database).test_client()
    assert client.post("/console/login", data={"password": "operator", "name": "Dana"}).status_code == 303
    assert "Note for ticket 11 of zendesk: it is there" in client.get("/console/messages/1").text
    page = client.get("/console/messages/2").text
    assert "Note for ticket 12 of zendesk: failed" in page
    assert "The notebook refuses this." in page
    assert "The platform refuses to have this put on its ticket or order." in page


def test_metrics_health_and_alerts_count_them(told: Office) -> None:
    client = create_app(told.settings, told.database).test_client()
    found = client.get("/metrics").text
    assert 'bridge_waiting{kind="postings"} 0.0' in found
    assert "bridge_postings_failed 1.0" in found
    assert client.get("/health/ready").json["postings"] == {"waiting": 0, "failed": 1}
    with told.database.read() as connection:
        now = told.database.now(connection)
        assert postings_ledger.failed_since(connection, now - timedelta(hours=1)) == {"zendesk": 1}
        assert postings_ledger.failed_since(connection, now + timedelta(hours=1)) == {}


def test_check_says_where_a_report_tells_nobody(told: Office) -> None:
    def command(*arguments: str) -> Any:
        # In this process, where the notebook is installed.
        return CliRunner().invoke(cli, arguments)

    told.write_template("placed", "---\nevent: order.created\nreport: tag\n---\nThank you for {{ order.name }}!")
    done = command("check")
    assert "report: tag through shopify tells nobody: " in done.stdout
    assert "through zendesk tells nobody" not in done.stdout
    told.set(ZENDESK_API_TOKEN=None)
    assert "report: note through zendesk tells nobody: set ZENDESK_API_TOKEN." in command("check").stdout


# --- private -------------------------------------------------------------------------------------------------------


def _content(row: dict[str, Any]) -> set[object]:
    return {row[name] for name in ("phone", "subject", "text", "text_hash", "media", "detail", "recipient")}


def test_a_persons_postings_are_told_and_erased_with_them(told: Office) -> None:
    with told.database.write() as connection:
        # One that waits, about no text of ours.
        late = datetime.now(UTC) + timedelta(hours=1)
        waiting = replace(ANSWER, subject="Lost", occurred_at=late, expires_at=late)
        (this,) = postings.add(connection, [waiting], late)
    about = About(phone=MAYA)
    kept = exporting.export(told.database, told.settings, about, None)
    assert [row["text"][:9] for row in kept["postings"]] == ["Text sent", ANSWER.text[:9]]
    done = erasing.erase(told.database, told.settings, about, None, now=datetime.now(UTC), who="terminal")
    assert done.postings == 2
    first, other, waited = Desk(told.database).rows()
    assert (_content(first), _content(waited)) == ({None}, {None})
    assert (waited["id"], waited["state"], waited["reason"]) == (this, "skipped", "erased")
    assert other["text"]
    with told.database.write() as connection:
        assert not postings.retry(connection, this, datetime.now(UTC))


def test_old_postings_lose_their_words_and_then_go_with_their_texts(told: Office) -> None:
    told.stop()
    for days, texts, rows in ((91, 0, 2), (190, 0, 1)):
        past = datetime.now(UTC) - timedelta(days=days)
        with told.database.write() as connection:
            connection.execute(update(tables.messages).values(created_at=past))
            connection.execute(update(tables.postings).values(created_at=past))
        for walk in retaining.walks(payloads=0, texts=90):
            while walk.step(told.database, datetime.now(UTC))[1]:
                pass
        found = Desk(told.database).rows()
        assert (sum(row["text"] is not None for row in found), len(found)) == (texts, rows)


def test_a_new_secret_for_the_hashes_changes_nothing(database: Database) -> None:
    desk = Desk(database)
    desk.add(ANSWER)
    with database.write() as connection:
        resealing.rehash(connection)
    assert desk.add(ANSWER) == []
    about = replace(ANSWER, once="another")
    desk.add(about)
    first, second = desk.rows()
    assert (first["recipient"], first["text_hash"]) == (second["recipient"], second["text_hash"])


def test_what_waited_in_a_back_up_is_looked_for_before_it_is_posted(database: Database) -> None:
    desk = Desk(database)
    desk.add(ANSWER, replace(ANSWER, once="other", kind="note"))
    (claimed, _) = desk.claim()
    desk.finish(claimed, Ended(state="failed", reason=Reason(code="posting_gave_up")))
    with database.write() as connection:
        restorations.restored(connection, NOW, NOW)
    (again,) = desk.claim("worker-2")
    assert again.may_be_there
