"""The console: who gets in, what each may do, and that nothing a stranger wrote runs as HTML."""

import re

import pytest
from flask.testing import FlaskClient
from office import Office

from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.web import create_app

PASSWORD, VIEWER = "correct horse", "only looking"


@pytest.fixture
def client(database: Database, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser without a session."""
    monkeypatch.setenv("CONSOLE_PASSWORD", PASSWORD)
    monkeypatch.setenv("CONSOLE_VIEWER_PASSWORD", VIEWER)
    monkeypatch.setenv("SHOPIFY_SECRETS", "s")
    return create_app(Settings.from_env(names()), database).test_client()


def log_in(client: FlaskClient, password: str = PASSWORD, **form: str) -> None:
    answer = client.post("/console/login", data={"password": password, **form})
    assert answer.status_code == 303, answer.text


def token(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    return found[1]


PAGES = ["/console/", "/console/messages", "/console/templates", "/console/backtest", "/console/audit"]


def test_without_a_password_there_is_no_console(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_app(Settings.from_env(names()), database).test_client()
    for page in (*PAGES, "/console/login", "/console/static/console.css"):
        assert client.get(page).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_for_the_password_first(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 303
    assert answer.location.startswith("/console/login?next=")
    assert client.get(page, headers={"HX-Request": "true"}).status_code == 401
    log_in(client)
    shown = client.get(page)
    assert shown.status_code == 200
    assert "unsafe" not in shown.headers["Content-Security-Policy"]
    assert "<script>" not in shown.text
    assert shown.headers["X-Frame-Options"] == "DENY"


def test_no_page_is_forgotten(client: FlaskClient) -> None:
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint.startswith("console.")]
    assert len(rules) > 4
    for rule in rules:
        if rule.endpoint in {"console.login", "console.static"}:
            continue
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in rule.methods & {"GET", "POST"}:
            assert client.open(path, method=method).status_code in {303, 401}, rule


def test_every_action_needs_the_sessions_token(client: FlaskClient) -> None:
    log_in(client)
    for rule in client.application.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "POST" in rule.methods and rule.endpoint != "console.login":
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            for sent in ({}, {"token": ""}, {"token": "x"}, {"token": "ä"}):
                assert client.post(path, data=sent).status_code == 403, rule


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper(), "x" * 100_000])
def test_a_wrong_password_is_refused(client: FlaskClient, password: str) -> None:
    assert client.post("/console/login", data={"password": password}).status_code == 401
    assert client.get("/console/").status_code == 303


def test_after_ten_wrong_passwords_even_the_right_one_waits(client: FlaskClient) -> None:
    for _ in range(10):
        assert client.post("/console/login", data={"password": "wrong"}).status_code == 401
    assert client.post("/console/login", data={"password": PASSWORD}).status_code == 429


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/console/messages?state=held", "/console/messages?state=held"),
        ("https://evil.example/console/", "/console/"),
        ("//evil.example", "/console/"),
        ("/console/\\evil", "/console/"),
        ("/console/logout", "/console/"),
        ("/hooks/shopify", "/console/"),
        ("", "/console/"),
    ],
)
def test_the_login_leads_to_a_page_of_the_console_and_nowhere_else(
    client: FlaskClient, wanted: str, led_to: str
) -> None:
    answer = client.post("/console/login", query_string={"next": wanted}, data={"password": PASSWORD})
    assert answer.location == led_to


def test_a_session_ends_with_the_log_out(client: FlaskClient) -> None:
    log_in(client)
    assert client.post("/console/logout", data={"token": token(client)}).status_code == 303
    assert client.get("/console/").status_code == 303


def test_a_login_is_on_the_audit_list(client: FlaskClient) -> None:
    log_in(client, name="Dana <b>")
    shown = client.get("/console/audit").text
    assert "Dana &lt;b&gt;" in shown
    assert "Dana <b>" not in shown


def test_another_web_process_knows_the_session(client: FlaskClient, database: Database) -> None:
    log_in(client)
    cookie = client.get_cookie("bridge_console", path="/console")
    assert cookie
    assert cookie.http_only
    other = create_app(Settings.from_env(names()), database).test_client()
    other.set_cookie("bridge_console", cookie.value, path="/console")
    assert other.get("/console/").status_code == 200


def test_numbers_are_masked_in_the_list(office: Office, client: FlaskClient) -> None:
    office.receive("shopify", "orders_create")
    office.start()
    office.wait_for_states("sent", "sent") if len(office.states()) > 1 else office.wait_for_states("sent")
    log_in(client)
    shown = client.get("/console/messages").text
    assert "sent" in shown
    assert "2125550123" not in shown
    assert "••23" in shown
