"""The console while the database is away: said in words, on pages and in what renews itself, and nobody is let in."""

import re
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from browser import Visit, violations
from conftest import Stack, wait_until
from flask.testing import FlaskClient
from office import Office
from playwright.sync_api import expect

from bridge.store import schema
from bridge.store.database import WEB_PATIENCE, Database
from bridge.web import create_app
from soaking.postgres import Postgres

AWAY = "The database does not answer just now"
PAGES = ("/", "/messages", "/messages/1", "/deliveries", "/deliveries/1", "/connections", "/audit", "/switch?kind=all")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that may be frozen and killed: no other test's."""
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = Postgres(Path(directory) / "data")
        yield server
        server.end()


@pytest.fixture
def own(postgres: Postgres) -> Iterator[Database]:
    """A web process's view of that PostgreSQL."""
    database = Database(postgres.url.replace("postgresql://", "postgresql+psycopg://", 1), patience=WEB_PATIENCE)
    schema.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture
def browser_at(office: Office, own: Database) -> FlaskClient:
    """An operator's browser at a console over it."""
    office.set(CONSOLE_PASSWORD="operator", TEMPLATES_DIR=str(office.folder))
    client = create_app(office.settings, own).test_client()
    assert client.post("/console/login", data={"password": "operator"}).status_code == 303
    return client


def token_of(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    return found[1]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_without_the_database_every_page_and_action_says_so(browser_at: FlaskClient, postgres: Postgres) -> None:
    token = token_of(browser_at)
    postgres.die(signal.SIGQUIT)
    try:
        for page in PAGES:
            answer = browser_at.get(f"/console{page}")
            assert answer.status_code == 503, page
            assert answer.headers["Retry-After"] == "10"
            assert AWAY in answer.text
            assert "Try again</a>" in answer.text
            assert "<nav" in answer.text
            piece = browser_at.get(f"/console{page}", headers={"HX-Request": "true"})
            assert (piece.status_code, piece.mimetype) == (503, "text/plain")
            assert piece.text.startswith(f"{AWAY}.")
            assert len(piece.text) < 150
        answer = browser_at.post("/console/switch", data={"token": token, "kind": "all", "to": "pause"})
        assert (answer.status_code, "Look before you do it again" in answer.text) == (503, True)
    finally:
        postgres.start()
    assert "Let it go on" not in browser_at.get("/console/").text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_hangs_is_given_up_in_time(browser_at: FlaskClient, postgres: Postgres) -> None:
    postgres.freeze()
    try:
        for _ in range(3):
            began = time.monotonic()
            assert browser_at.get("/console/messages").status_code == 503
            assert time.monotonic() - began < WEB_PATIENCE + 1
    finally:
        postgres.thaw()


def _login_is_refused_in_words(client: FlaskClient) -> None:
    answer = client.post("/console/login?next=/console/audit", data={"password": "operator", "name": "Dana"})
    assert answer.status_code == 503
    assert AWAY in answer.text
    assert 'type="password"' in answer.text
    # Nobody is in who is not on the audit list.
    assert "Set-Cookie" not in answer.headers
    assert client.get("/console/audit").status_code == 303


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nobody_is_logged_in_while_postgresql_is_away(office: Office, own: Database, postgres: Postgres) -> None:
    office.set(CONSOLE_PASSWORD="operator")
    client = create_app(office.settings, own).test_client()
    assert client.get("/console/login").status_code == 200
    postgres.die(signal.SIGQUIT)
    try:
        assert client.get("/console/login").status_code == 200
        _login_is_refused_in_words(client)
    finally:
        postgres.start()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nobody_is_logged_in_while_sqlite_is_locked(office: Office, database: Database) -> None:
    office.set(CONSOLE_PASSWORD="operator")
    client = create_app(office.settings, database).test_client()
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        _login_is_refused_in_words(client)
    # It is not asked again at once after it did not answer.
    wait_until(
        lambda: client.post("/console/login", data={"password": "operator"}).status_code == 303, "somebody is logged in"
    )


def test_a_name_that_no_database_can_hold_is_told_apart_from_an_outage(office: Office) -> None:
    office.set(CONSOLE_PASSWORD="operator")
    client = create_app(office.settings, office.database).test_client()
    answer = client.post("/console/login", data={"password": "operator", "name": "Da\0na"})
    # SQLite holds it.
    assert answer.status_code == (303 if office.database.is_sqlite else 400)
    if answer.status_code == 400:
        assert "cannot keep" in answer.text


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("npm_packages")
def test_a_page_that_is_open_says_why_there_is_no_news_and_goes_on(
    tmp_path: Path, postgres: Postgres, visit: Visit
) -> None:
    stack = Stack(tmp_path, postgres.url)
    stack.settings["CONSOLE_PASSWORD"] = "operator"
    try:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_web()
        page = visit(f"{stack.web_url}/console/audit")
        page.get_by_label("Password").fill("operator")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Deliveries").click()
        expect(page.get_by_text("No webhook has come in yet.")).to_be_visible()
        trouble = page.locator("#trouble")
        expect(trouble).to_have_text("")
        postgres.die(signal.SIGQUIT)
        try:
            expect(trouble).to_contain_text(f"{AWAY}.")
            expect(page.get_by_text("No webhook has come in yet.")).to_be_visible()
            page.evaluate("document.querySelector('#trouble p').kept = true")
            page.wait_for_event("response", lambda response: response.status == 503)
            page.wait_for_timeout(300)
            assert page.evaluate("document.querySelector('#trouble p').kept")
            assert violations(page) == []
        finally:
            postgres.start()
        done = stack.run("trigger", "shopify", "orders_create", "--url", stack.web_url)
        assert done.returncode == 0, done.stderr
        expect(page.get_by_role("row").nth(1)).to_contain_text("shopify")
        expect(trouble).to_have_text("")
    finally:
        stack.close()
