"""The connections' pages: what to paste where, the first webhook, what was refused, and what others' pages may hold."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import senders
from conftest import wait_until
from flask.testing import FlaskClient
from forked import ForkedStack
from office import Office
from sqlalchemy import insert

from bridge import rotation, sources
from bridge.settings import Settings
from bridge.store import refusals, secret_use
from bridge.store.refusals import Refusal
from bridge.store.tables import audit, reporting
from bridge.web import create_app
from bridge.web.console import guides

PASSWORD = "p"


def open_console(office: Office, password: str = PASSWORD, **settings: str) -> FlaskClient:
    office.set(CONSOLE_PASSWORD="p", CONSOLE_VIEWER_PASSWORD="v", **settings)
    client = create_app(Settings.from_env(sources.names()), office.database).test_client()
    assert client.post("/console/login", data={"password": password, "name": "Dana"}).status_code == 303
    return client


def token(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    return found[1]


@pytest.mark.parametrize("source", sources.names())
def test_each_platform_has_its_page_with_the_address_to_paste(office: Office, source: str) -> None:
    client = open_console(office, CONNECTIONS=f"mine={source}", MINE_SECRETS="s3cret-of-mine-123")
    answer = client.get("/console/connections/mine")
    shown = answer.text
    assert answer.status_code == 200
    assert "/hooks/mine" in shown
    assert f"/hooks/{source}<" not in shown
    assert "&lt;your bridge&gt;" not in shown
    assert "s3cret-of-mine-123" not in shown
    assert "step by step" in shown
    assert "<script>" not in shown
    assert "style=" not in shown


def test_the_address_is_the_public_one_where_it_is_set(office: Office) -> None:
    shown = open_console(office, PUBLIC_URL="http://bridge.example.com").get("/console/connections/shopify").text
    assert "<code>http://bridge.example.com/hooks/shopify</code>" in shown
    assert "set <code>PUBLIC_URL</code>" not in shown
    office.set(PUBLIC_URL=None)
    shown = open_console(office).get("/console/connections/shopify").text
    assert "<code>http://localhost/hooks/shopify</code>" in shown
    assert "set <code>PUBLIC_URL</code>" in shown


def test_who_writes_the_body_gets_it_to_copy(office: Office) -> None:
    shown = open_console(office).get("/console/connections/zendesk").text
    assert "The body to paste, as JSON" in shown
    assert "{{ticket.requester.phone}}" in shown.replace("&#39;", "'")
    assert "The body to paste" not in open_console(office).get("/console/connections/shopify").text


def test_it_waits_for_the_first_webhook_and_turns_green(office: Office) -> None:
    client = open_console(office)
    shown = client.get("/console/connections/shopify").text
    assert "Waiting for the first webhook" in shown
    assert 'hx-trigger="every 2s"' in shown
    with office.database.write() as connection:
        secret_use.note(connection, {("shopify", rotation.fingerprint("shopify", "s")): datetime.now(UTC)})
    shown = client.get("/console/connections/shopify").text
    assert "Genuine webhooks come" in shown
    assert "Waiting for the first" not in shown
    assert "secret 1 of 1: last used less than a minute ago" in shown
    assert rotation.fingerprint("shopify", "s") in shown


def test_what_was_refused_is_told_with_its_cause_and_runs_as_no_html(office: Office) -> None:
    seen = {"bytes": 12, "user_agent": "<img src=x>", "content_type": "a/b", "headers": ["<x>"]}
    refused = Refusal(connection="shopify", cause="other_secret", detail="d", seen=seen, count=3, was_stored=False)
    with office.database.write() as connection:
        refusals.add(connection, [refused], datetime.now(UTC))
    client = open_console(office)
    shown = client.get("/console/connections/shopify").text
    assert "None of the configured secrets made this signature" in shown
    assert "at least 3 times" in shown
    assert "&lt;img src=x&gt;" in shown
    assert "<img" not in shown
    assert "Webhooks come, but nothing proves them" in shown
    assert "/console/help/troubleshooting#my-webhooks-are-refused" in shown
    assert "at least 3" in client.get("/console/connections").text
    assert "at least 3" in client.get("/console/").text


def test_an_operator_has_a_connection_report_for_another_day(office: Office) -> None:
    client = open_console(office, SHOPIFY_VERIFICATION="report")
    ended = datetime.now(UTC) - timedelta(hours=1)
    with office.database.write() as connection:
        row = {"connection": "shopify", "since": ended - timedelta(days=1), "until": ended}
        connection.execute(insert(reporting).values(**row))
    assert "report has ended" in client.get("/console/connections").text
    assert "report ended 60 minutes ago" in client.get("/console/connections/shopify").text
    renewed = client.post("/console/connections/shopify/renew", data={"token": token(client)})
    assert renewed.status_code == 303
    assert "report, for 24 hours more" in client.get("/console/connections/shopify").text
    with office.database.read() as connection:
        last = connection.execute(audit.select().order_by(audit.c.id.desc())).first()
    assert last
    assert (last.who, last.action, last.subject) == ("Dana", "renew report", "shopify")
    viewer = open_console(office, "v")
    assert "another 24 hours" not in viewer.get("/console/connections/shopify").text
    assert viewer.post("/console/connections/shopify/renew", data={"token": token(viewer)}).status_code == 403


def test_one_that_enforces_is_not_renewed(office: Office) -> None:
    client = open_console(office)
    answer = client.post("/console/connections/shopify/renew", data={"token": token(client)})
    assert answer.status_code == 409
    assert "SHOPIFY_VERIFICATION=report" in answer.text


def test_a_connection_that_is_not_there_is_404(office: Office) -> None:
    client = open_console(office)
    assert client.get("/console/connections/nobody").status_code == 404
    assert client.post("/console/connections/nobody/renew", data={"token": token(client)}).status_code == 404


def test_every_page_of_the_documentation_opens_and_its_links_lead_somewhere(office: Office) -> None:
    client = open_console(office)
    pages = sorted(path.stem for path in guides._folder().glob("*.md"))
    assert len(pages) > 20
    shown = {page: client.get(f"/console/help/{page}").text for page in pages}
    for page, text in shown.items():
        assert text.count("<h1") == 1, page
        for target, _, anchor in re.findall(r'href="/console/help/([\w-]+)(#([^"]*))?"', text):
            assert target in shown, (page, target)
            assert not anchor or f'id="{anchor}"' in shown[target], (page, target, anchor)


@pytest.mark.parametrize("page", ["nobody", "..", "%2e%2e%2fREADME", "a.md", "README"])
def test_no_other_file_is_a_page(office: Office, page: str) -> None:
    assert open_console(office).get(f"/console/help/{page}").status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        '[x](other.md"onclick="alert(1))',
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](/console/logout)",
        "[x](../../etc/passwd.md)",
    ],
)
def test_what_a_page_says_never_runs(text: str) -> None:
    shown = guides.as_html(text, lambda page, anchor: f"/console/help/{page}#{anchor}")
    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search(r'(href|src)="(javascript|data|/console/logout|\.\.)', shown)
    assert not re.search(r"<[^>]+ on\w+=", shown)


def test_a_connection_of_another_name_has_its_own_settings_on_its_page() -> None:
    text = "Put it into `SHOPIFY_SECRETS`; URL `https://<your bridge>/hooks/shopify`, not /hooks/shopify-old."
    told = guides.for_connection(text, source="shopify", name="eu", prefix="EU", url="https://b.example")
    assert told == "Put it into `EU_SECRETS`; URL `https://b.example/hooks/eu`, not /hooks/shopify-old."


def test_a_real_webhook_turns_the_page_of_a_real_server_green(tmp_path: Path, database_url: str) -> None:
    stack = ForkedStack(tmp_path, database_url)
    try:
        stack.migrate()
        stack.start_web(CONSOLE_PASSWORD=PASSWORD)
        browser = requests.Session()
        browser.post(f"{stack.web_url}/console/login", data={"password": PASSWORD}, timeout=10).raise_for_status()

        def page() -> str:
            return browser.get(f"{stack.web_url}/console/connections/shopify", timeout=10).text

        assert "Waiting for the first webhook" in page()
        forged = senders.shopify("orders/create", senders.order().body, secret="not ours")
        assert forged.post(stack.web_url).status_code == 401
        wait_until(lambda: "Webhooks come, but nothing proves them" in page(), "it says that one was refused", 20)
        assert "None of the configured secrets made this signature" in page()
        senders.order().post(stack.web_url).raise_for_status()
        wait_until(lambda: "Genuine webhooks come" in page(), "it turns green", 20)
    finally:
        stack.close()
