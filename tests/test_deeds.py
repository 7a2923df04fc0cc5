"""What people do in the terminal stands on the audit list as what they do in the console does."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from forked import ForkedStack
from office import Office
from sqlalchemy import insert

from bridge.cli import setup
from bridge.store import tables
from bridge.store.hashing import hashes
from bridge.web import create_app

NUMBER = "+12125550123"


@pytest.fixture
def terminal(office: Office, tmp_path: Path) -> ForkedStack:
    """The commands over the office's database, run by dana."""
    stack = ForkedStack(tmp_path, office.database.url.render_as_string(hide_password=False))
    stack.settings |= {"LOGNAME": "dana", "SHOPIFY_VERIFICATION": "report"}
    return stack


def listed(office: Office) -> list[tuple[str, str, str]]:
    return [(row["who"], row["action"], row["subject"]) for row in office._all(tables.audit)]


def run(terminal: ForkedStack, *arguments: str, status: int = 0) -> None:
    done = terminal.run(*arguments)
    assert done.returncode == status, done.stderr


def held(office: Office, count: int) -> None:
    office.set(BRIDGE_SENDING="hold")
    for number in range(count):
        office.tell("order.created", f"09:0{number}", order=str(number))
    office.start()
    office.wait_for_states(*["held"] * count)
    office.stop()


def test_what_is_decided_about_texts_is_on_the_list(office: Office, terminal: ForkedStack) -> None:
    held(office, 4)
    run(terminal, "messages", "release", "1")
    run(terminal, "messages", "drop", "2")
    run(terminal, "messages", "retry", "2")
    run(terminal, "messages", "drop", "--template", "placed")
    deeds = [("release", 1), ("drop", 2), ("retry", 2), ("drop", 3), ("drop", 4)]
    assert listed(office) == [("terminal: dana", action, f"message {one}") for action, one in deeds]


def test_what_was_not_done_is_not_on_the_list(office: Office, terminal: ForkedStack) -> None:
    held(office, 1)
    run(terminal, "messages", "release", "1")
    before = listed(office)
    run(terminal, "messages", "release", "1", status=1)
    run(terminal, "messages", "retry", "7", status=1)
    run(terminal, "deliveries", "replay", "7", status=1)
    run(terminal, "people", "clear", NUMBER, status=1)
    run(terminal, "resume", "--all")
    assert listed(office) == before


def test_a_replay_a_pause_and_a_renewal_are_on_the_list(office: Office, terminal: ForkedStack) -> None:
    held(office, 1)
    run(terminal, "deliveries", "replay", "1")
    run(terminal, "deliveries", "replay", "1", "--again")
    run(terminal, "pause", "--template", "placed")
    run(terminal, "resume", "--template", "placed")
    run(terminal, "connections", "renew", "shopify")
    assert listed(office) == [
        ("terminal: dana", "replay", "delivery 1"),
        ("terminal: dana", "replay again", "delivery 1"),
        ("terminal: dana", "pause template", "placed"),
        ("terminal: dana", "resume template", "placed"),
        ("terminal: dana", "renew report", "shopify"),
    ]


def test_trying_a_person_again_is_on_the_list_without_the_number(office: Office, terminal: ForkedStack) -> None:
    with office.database.write() as connection:
        now = office.database.now(connection)
        row = {
            "account": "attentive", "recipient": hashes(connection).of(NUMBER), "to": NUMBER, "refusals": 3,
            "refused_at": now, "unreachable_until": now + timedelta(days=1),
        }  # fmt: skip
        connection.execute(insert(tables.people).values(**row))
    run(terminal, "people", "clear", NUMBER)
    assert listed(office) == [("terminal: dana", "try again", "an unreachable person")]


def test_what_is_told_and_erased_of_a_person_is_on_the_list_without_whose(
    office: Office, terminal: ForkedStack
) -> None:
    held(office, 1)
    number = office.messages()[0]["to"]
    run(terminal, "export", "--phone", number)
    run(terminal, "erase", "--phone", number, "--yes")
    run(terminal, "erase", "--phone", number, "--yes")
    with office.database.write() as connection:
        asked = {"connection": "shopify", "kind": "export", "asked_at": office.database.now(connection)}
        connection.execute(insert(tables.requests).values(**asked))
    run(terminal, "requests", "done", "1")
    run(terminal, "requests", "done", "1", status=1)
    assert listed(office) == [
        ("terminal: dana", "export", "a phone number"),
        ("terminal: dana", "erase", "a phone number"),
        ("terminal: dana", "request done", "request 1"),
    ]


def test_what_is_done_to_the_whole_database_is_on_the_list(office: Office, terminal: ForkedStack) -> None:
    held(office, 1)
    deeds = ["restored", "end restored"]
    if office.database.is_sqlite:
        run(terminal, "db", "backup", "monday.db")
        deeds.insert(0, "back up")
    run(terminal, "db", "restored")
    run(terminal, "db", "restored", "--end")
    run(terminal, "db", "restored", "--end")
    assert listed(office) == [("terminal: dana", deed, "the database") for deed in deeds]


def test_the_console_shows_what_was_done_in_the_terminal(office: Office, terminal: ForkedStack) -> None:
    held(office, 1)
    run(terminal, "messages", "drop", "1")
    office.set(CONSOLE_PASSWORD="operator", TEMPLATES_DIR=str(office.folder))
    client = create_app(office.settings, office.database).test_client()
    assert client.post("/console/login", data={"password": "operator"}).status_code == 303
    assert "<td>terminal: dana</td><td>drop</td><td>message 1</td>" in client.get("/console/audit").text
    assert "terminal: dana decided that it is not sent" in client.get("/console/messages/1").text


def test_a_user_without_a_name_is_called_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert setup.who() == f"terminal: user {os.getuid()}"
