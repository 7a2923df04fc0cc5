"""The overview: the plot and its numbers, accounts, and stopping by hand through the page."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import wait_until
from flask.testing import FlaskClient
from office import Office
from sqlalchemy import insert, update

from bridge.settings import Settings
from bridge.sources import names
from bridge.store import figures
from bridge.store.database import Database
from bridge.store.figures import Figures
from bridge.store.tables import accounts, audit, deliveries, messages
from bridge.web import create_app
from bridge.web.console import plot

PASSWORD = "p"
NOW = datetime(2026, 11, 25, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def client(office: Office) -> FlaskClient:
    """An operator's browser, whose plots are as new as can be."""
    office.set(CONSOLE_PASSWORD="p", CONSOLE_VIEWER_PASSWORD="v")
    return create_app(Settings.from_env(names()), office.database).test_client()


def log_in(client: FlaskClient, password: str = PASSWORD) -> None:
    assert client.post("/console/login", data={"password": password, "name": "Dana"}).status_code == 303


def token(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    return found[1]


def turn(client: FlaskClient, to: str, kind: str, name: str = "") -> int:
    sent = {"token": token(client), "kind": kind, "name": name, "to": to}
    return client.post("/console/switch", data=sent).status_code


def put(database: Database, received: list[datetime], made: list[tuple[datetime, str]]) -> None:
    """Webhooks received then, and messages made then that are in these states."""
    with database.write() as connection:
        for number, at in enumerate(received):
            connection.execute(insert(deliveries).values(**_delivery(number, at)))
        for at, state in made:
            connection.execute(insert(messages).values(**_message(at, state)))


def _delivery(number: int, at: datetime) -> dict[str, Any]:
    return {
        "connection": "shopify", "key": str(number), "headers": {}, "body": b"", "received_at": at, "due": at,
        "state": "processed", "attempts": 1, "deaths": 0, "again": 0,
    }  # fmt: skip


def _message(at: datetime, state: str) -> dict[str, Any]:
    return {
        "delivery_id": 1, "account": "attentive", "connection": "shopify", "template": "placed", "again": 0,
        "event_kind": "order.created", "identity": "1", "state": state, "occurred_at": at, "created_at": at, "due": at,
        "expires_at": at, "if_unknown": "hold", "attempts": 0, "deaths": 0, "denials": 0, "released": False,
    }  # fmt: skip


def test_each_span_counts_what_came_and_what_became_of_it(database: Database) -> None:
    put(
        database,
        [NOW - 5 * HOUR, NOW - HOUR, NOW - HOUR, NOW],
        [(NOW - 5 * HOUR, "sent"), (NOW - HOUR, "sent"), (NOW - HOUR, "held"), (NOW, "queued"), (NOW, "queued")],
    )
    known = figures.Known()
    for _ in range(2):
        with database.read() as connection:
            found = figures.over_time(connection, NOW, step=HOUR, steps=3, known=known)
        assert [one.since.hour for one in found] == [8, 9, 10]
        assert [one.accepted for one in found] == [0, 2, 1]
        assert [dict(one.messages) for one in found] == [{}, {"sent": 1, "held": 1}, {"queued": 2}]
    # Where they end, and what came in the one that is over for long enough.
    assert len(known.edges) == 2 * 3
    assert set(known.came.values()) == {0, 2}
    known.forget(before=NOW)
    assert known == figures.Known()


def test_counting_stops_and_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put(database, [NOW] * 3, [])
    monkeypatch.setattr(figures, "COUNTED_TO", 3)
    with database.read() as connection:
        (found,) = figures.over_time(connection, NOW, step=HOUR, steps=1)
    assert found.is_at_least
    assert plot.draw([found]).is_at_least


def test_an_empty_database_has_a_plot_of_nothing(database: Database) -> None:
    with database.read() as connection:
        found = figures.over_time(connection, NOW, step=HOUR, steps=24)
    assert len(found) == 24
    assert plot.draw(found).is_empty


def test_spans_end_at_round_moments() -> None:
    moments = figures.moments_until(NOW, step=6 * HOUR, steps=2)
    assert [f"{one:%d %H:%M}" for one in moments] == ["25 00:00", "25 06:00", "25 12:00"]
    at_midnight = figures.moments_until(NOW.replace(hour=0, minute=0), step=HOUR, steps=1)
    assert [f"{one:%d %H:%M}" for one in at_midnight] == ["25 00:00", "25 01:00"]


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 4), (3, 4), (4, 4), (5, 8), (9, 20), (21, 40), (4000, 4000), (4001, 8000)]
)
def test_the_scale_ends_at_a_number_that_four_lines_part(highest: int, top: int) -> None:
    drawn = plot.draw([Figures(since=NOW, until=NOW + HOUR, accepted=highest)])
    assert [tick.number for tick in drawn.across] == [top * part // 4 for part in range(5)]


def test_the_bars_of_a_span_stand_on_each_other() -> None:
    made = {"sent": 4, "queued": 1, "sending": 1, "refused": 2, "expired": 1, "unheard_of": 9}
    drawn = plot.draw([Figures(since=NOW, until=NOW + HOUR, accepted=3, messages=made)])
    assert [bar.series for bar in drawn.bars] == ["sent", "waiting", "refused", "not sent"]
    assert drawn.totals == (4, 2, 0, 2, 1)
    for lower, upper in zip(drawn.bars, drawn.bars[1:], strict=False):
        assert upper.y + upper.height == pytest.approx(lower.y, abs=0.2)


def test_the_page_draws_and_tells_the_same_numbers(office: Office, client: FlaskClient) -> None:
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    log_in(client)
    for chosen in ("24h", "7d", "no such range"):
        shown = client.get("/console/", query_string={"range": chosen}).text
        assert "1 webhooks accepted" in shown
        assert '<rect class="bar sent"' in shown
        assert "<title id=" in shown
        assert "style=" not in shown
        assert re.search(r"<th scope=\"row\"><time [^>]+>[^<]+</time></th><td>1</td><td>1</td><td>0</td>", shown)


def test_without_anything_the_page_says_how_to_begin(client: FlaskClient) -> None:
    log_in(client)
    shown = client.get("/console/").text
    assert "Nothing came in the last 24 hours" in shown
    assert "<svg" not in shown
    assert 'class="alarm">none' in shown


def test_a_paused_account_is_told_with_why_since_when_and_the_next_try(office: Office, client: FlaskClient) -> None:
    now = datetime.now(UTC)
    with office.database.write() as connection:
        values = {"failures": 3, "pause_reason": "denied", "paused_since": now - HOUR, "paused_until": now + HOUR}
        connection.execute(insert(accounts).values(name="attentive", **values))
    log_in(client)
    shown = client.get("/console/").text
    assert "does not accept its API token" in shown
    assert (now - HOUR).isoformat(timespec="minutes")[:16] in shown
    assert (now + HOUR).isoformat(timespec="minutes")[:16] in shown
    with office.database.write() as connection:
        connection.execute(update(accounts).values(pause_reason="unheard_of"))
    assert "unheard_of" in client.get("/console/").text


@pytest.mark.parametrize(("kind", "name"), [("account", "attentive"), ("template", "placed"), ("all", "")])
def test_an_operator_stops_it_and_lets_it_go_on(office: Office, client: FlaskClient, kind: str, name: str) -> None:
    log_in(client)
    asked = client.get("/console/switch", query_string={"kind": kind, "name": name}).text
    assert "Stop it" in asked
    assert turn(client, "pause", kind, name) == 303
    assert turn(client, "pause", kind, name) == 303
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("queued")
    shown = client.get("/console/").text
    assert "by hand" in shown
    assert "by Dana" in shown
    asked = client.get("/console/switch", query_string={"kind": kind, "name": name}).text
    assert "Let it go on" in asked
    assert office.states() == ["queued"]
    assert turn(client, "resume", kind, name) == 303
    office.wait_for_states("sent")
    with office.database.read() as connection:
        done = [(row.who, row.action, row.subject) for row in connection.execute(audit.select().order_by(audit.c.id))]
    subject = name or "all sending"
    assert done[1:] == [("Dana", f"pause {kind}", subject), ("Dana", f"resume {kind}", subject)]


def test_a_viewer_sees_what_is_stopped_and_changes_nothing(client: FlaskClient) -> None:
    log_in(client, "v")
    assert turn(client, "pause", "all") == 403
    asked = client.get("/console/switch?kind=all").text
    assert "Stop all sending?" in asked
    assert "you may only look" in asked
    assert ">Stop it<" not in asked


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "kind=",
        "kind=x&name=y",
        "kind=account&name=nobody",
        "kind=all&name=x",
        "kind=template&name=",
        "kind=template&name=" + "x" * 301,
    ],
)
def test_what_cannot_be_stopped_is_404(client: FlaskClient, asked: str) -> None:
    log_in(client)
    assert client.get(f"/console/switch?{asked}").status_code == 404


def test_a_name_runs_as_no_html(client: FlaskClient) -> None:
    log_in(client)
    assert turn(client, "pause", "template", "<b>x</b>") == 303
    for page in ("/console/", "/console/switch?kind=template&name=<b>x</b>", "/console/audit"):
        shown = client.get(page).text
        assert "&lt;b&gt;x" in shown
        assert "<b>x" not in shown


def test_the_page_offers_the_templates_that_made_texts(office: Office, client: FlaskClient) -> None:
    office.start()
    office.tell("order.created", "09:00")
    office.tell("ticket.created", "09:01")
    wait_until(lambda: len(office.states()) == 2, "texts are made")
    log_in(client)
    offered = re.findall(r'<option value="(\w+)">', client.get("/console/").text)
    assert offered == ["placed", "received"]
