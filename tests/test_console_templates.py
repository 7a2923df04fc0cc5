"""The console's pages of templates: what each is for, what it makes of samples and webhooks, and what would change."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from office import Office

from bridge import sms
from bridge.web import create_app
from bridge.web.console import backtest, marks

PASSWORD, VIEWER = "correct horse", "only looking"
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def client(office: Office, tmp_path: Path) -> FlaskClient:
    """An operator's browser."""
    office.set(CONSOLE_PASSWORD=PASSWORD, CONSOLE_VIEWER_PASSWORD=VIEWER, TEMPLATES_DIR=str(office.folder))
    client = create_app(office.settings, office.database).test_client()
    log_in(client, PASSWORD)
    return client


def log_in(client: FlaskClient, password: str) -> None:
    client.delete_cookie("bridge_console", path="/console")
    assert client.post("/console/login", data={"password": password}).status_code == 303


def act(client: FlaskClient, path: str, **form: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    answer = client.post(path, data={"token": found[1], **form})
    assert answer.status_code == 200, answer.text
    return answer.text


def words(page: str) -> str:
    """What a person reads, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def receive(office: Office) -> int:
    office.receive("shopify", "orders_create")
    office.start()
    office.wait_for_states("sent")
    return max(row["id"] for row in office.deliveries())


def test_the_list_tells_of_every_message(office: Office, client: FlaskClient) -> None:
    office.write_template(
        "placed",
        "---\nevent: order.created\nsource: shopify\nquiet_hours: 21:00-08:00\n"
        "expires: 2d\n---\nThanks {{ order.name }}",
    )
    (office.folder / "placed.fr.txt").write_text("Merci {{ order.name }}")
    (office.folder / "placed.tests.yaml").write_text(
        "- name: thanks\n  sample: shopify/orders_create\n  max_segments: 1\n"
    )
    shown = words(client.get("/console/templates").text)
    assert "placed also in fr order.created only from shopify quiet 21:00-08:00 expires after 2 days" in shown
    assert "× 1 segment" in shown
    assert "1 passed" in shown
    assert "received ticket.created" in shown


def test_a_broken_folder_is_told_in_words(office: Office, client: FlaskClient) -> None:
    office.write_template("placed", "---\nevent: order.created\n---\nThanks {{ order.nmae }}")
    shown = words(client.get("/console/templates").text)
    assert "To be mended" in shown
    assert "placed.txt:4: there is no order.nmae" in shown
    assert "received" in shown
    detail = client.get("/console/templates/placed")
    assert detail.status_code == 200
    assert "there is no order.nmae" in detail.text
    office.write_template("placed", "---\nevent: order.created\n---\nThanks {{ order.name }}")
    assert "To be mended" not in client.get("/console/templates").text


def test_without_any_template_the_page_says_what_that_means(office: Office, client: FlaskClient) -> None:
    for path in office.folder.glob("*.txt"):
        path.unlink()
    shown = words(client.get("/console/templates").text)
    assert "there is no template here" in shown
    assert "No template can be read" in shown


def test_a_changed_template_is_shown_as_it_is_now(office: Office, client: FlaskClient) -> None:
    assert "Thank you for order" in client.get("/console/templates/placed").text
    office.write_template("placed", "---\nevent: order.created\n---\nMany thanks for {{ order.name }}")
    assert "Many thanks for" in client.get("/console/templates/placed").text


def test_a_failed_test_beside_a_template_is_told(office: Office, client: FlaskClient) -> None:
    client.get("/console/templates")
    (office.folder / "placed.tests.yaml").write_text("- name: wrong\n  sample: shopify/orders_create\n  text: No.\n")
    assert "1 problem" in words(client.get("/console/templates").text)
    assert "wrong: the text is another" in client.get("/console/templates/placed").text


def test_what_stands_in_a_template_never_runs_as_html(office: Office, client: FlaskClient) -> None:
    office.write_template("placed", f"---\nevent: order.created\n---\n{NASTY} {{{{ order.name }}}}")
    shown = client.get("/console/templates/placed").text
    assert NASTY not in shown
    assert shown.count("&lt;script&gt;") == 2


def test_there_is_no_page_of_a_template_that_is_not_there(client: FlaskClient) -> None:
    for name in ("nothing", "..", "%2e%2e%2fsecret", "_footer", "1"):
        assert client.get(f"/console/templates/{name}").status_code in {404, 308}


def test_a_preview_marks_what_makes_a_text_cost_more(office: Office, client: FlaskClient) -> None:
    office.write_template("placed", "---\nevent: order.created\n---\n💚 {{ order.name }} " + "x" * 80)
    shown = client.get("/console/templates/placed?sample=shopify/orders_create").text
    assert '<mark title="GREEN HEART">💚</mark>' in shown
    assert "2 segments" in words(shown)
    assert shown.count("<meter") == 2
    assert "With the sample shopify/orders_create" in shown


def test_a_preview_is_in_the_language_that_is_chosen(office: Office, client: FlaskClient) -> None:
    (office.folder / "placed.fr.txt").write_text("Merci pour {{ order.name }}")
    page = "/console/templates/placed?sample=shopify/orders_create"
    bubble = re.compile(r"<blockquote[^>]*>(.*?)</blockquote>")
    assert bubble.findall(client.get(f"{page}&locale=fr").text)[0].startswith("Merci")
    assert bubble.findall(client.get(f"{page}&locale=-").text)[0].startswith("Thank you")
    assert client.get(f"{page}&locale=xx").status_code == 200


def test_the_text_of_a_delivery_is_shown_to_operators_who_are_put_on_record(
    office: Office, client: FlaskClient
) -> None:
    office.write_template(
        "placed", "---\nevent: order.created\n---\nDear {{ customer.name }}, thanks for {{ order.name }}"
    )
    delivery = receive(office)
    page = "/console/templates/placed"
    hidden = client.get(page, query_string={"delivery": delivery}).text
    assert "The text is hidden" in hidden
    assert "Dear" not in re.sub(r"<pre.*?</pre>", "", hidden, flags=re.DOTALL)
    assert "5550123" not in hidden
    revealed = act(client, page, delivery=str(delivery))
    assert "Dear " in re.sub(r"<pre.*?</pre>", "", revealed, flags=re.DOTALL)
    assert f"delivery {delivery}" in client.get("/console/audit").text
    log_in(client, VIEWER)
    assert "Show the text" not in client.get(page, query_string={"delivery": delivery}).text
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    assert client.post(page, data={"token": found[1], "delivery": delivery}).status_code == 403


@pytest.mark.parametrize("delivery", ["999999", "0", "-1", "x", "९", "9" * 5000, ""])
def test_a_delivery_that_there_is_not_is_no_trouble(client: FlaskClient, delivery: str) -> None:
    answer = client.get("/console/templates/placed", query_string={"delivery": delivery})
    assert answer.status_code == 200


def test_a_backtest_shows_what_would_be_different_and_whose_texts_only_on_record(
    office: Office, client: FlaskClient
) -> None:
    receive(office)
    assert "0 differences" in words(client.get("/console/backtest?since=1d").text)
    office.write_template("placed", "---\nevent: order.created\n---\nMany thanks for order {{ order.name }}!")
    counted = client.get("/console/backtest?since=1d").text
    assert "other text" in counted
    assert "<ins>" not in counted
    assert "2125550123" not in counted
    revealed = act(client, "/console/backtest", since="1d", template="placed")
    assert "<del>" in revealed
    assert "Many</ins>" in revealed or "Many thanks</ins>" in revealed
    assert "texts of the last day" in client.get("/console/audit").text


def test_a_backtest_of_many_webhooks_looks_at_the_newest_and_offers_to_look_further(
    office: Office, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        office.receive("shopify", "orders_create", id=number + 1)
    monkeypatch.setattr(backtest, "STEPS", (2, 5))
    shown = client.get("/console/backtest?since=1d").text
    assert "2 deliveries looked at" in shown
    assert "Look further back" in shown
    further = client.get("/console/backtest?since=1d&most=5").text
    assert "3 deliveries looked at" in further
    assert "Look further back" not in further


def test_a_backtest_that_takes_long_says_how_far_it_came(
    office: Office, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        office.receive("shopify", "orders_create", id=number + 1)
    monkeypatch.setattr(backtest, "_BATCH", 1)
    monkeypatch.setattr(backtest, "_SECONDS", -1.0)
    shown = client.get("/console/backtest?since=1d").text
    assert "This takes longer than a page may" in shown
    assert "1 delivery looked at" in shown


def test_a_backtest_page_opens_without_playing_anything(client: FlaskClient) -> None:
    for query in ("", "?since=", "?since=9y", "?since=1d&template=nothing", "?since=1d&most=x"):
        assert client.get(f"/console/backtest{query}").status_code == 200


@pytest.mark.parametrize(
    "text", ["", "x", "x" * 160, "x" * 161, "x" * 152 + "€" + "x" * 40, "💚" * 35, "é—é" + "💚" * 100, "\ud800"]
)
def test_a_ruler_has_the_whole_text_and_as_many_segments_as_it_costs(text: str) -> None:
    made, measure = marks.bubble(text), sms.measure(text)
    assert "".join(run.text for part in made.segments for run in part.runs) == text
    assert len(made.segments) == measure.segments
    assert sum(part.units for part in made.segments) == measure.units
    assert all(part.units <= part.room for part in made.segments)


def test_a_web_process_loads_what_composes_texts_only_when_somebody_looks(office: Office) -> None:
    program = """
import sys
from bridge import sources
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web import create_app
settings = Settings.from_env(sources.names())
client = create_app(settings, Database(settings.database_url)).test_client()
client.post("/console/login", data={"password": "correct horse"})
for page in ("", "messages", "audit", "templates"):
    assert client.get(f"/console/{page}").status_code == 200
    print(page, "bridge.compose" in sys.modules, "babel" in sys.modules)
"""
    url = office.database.url.render_as_string(hide_password=False)
    office.set(CONSOLE_PASSWORD=PASSWORD, TEMPLATES_DIR=str(office.folder), DATABASE_URL=url)
    told = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [
        " False False",
        "messages False False",
        "audit False False",
        "templates True True",
    ]


def test_a_webhook_that_needs_a_look_up_says_so_and_nobody_is_asked(office: Office, client: FlaskClient) -> None:
    office.set(ZENDESK_URL="http://127.0.0.1:1", ZENDESK_EMAIL="a@b.example", ZENDESK_API_TOKEN="t")
    client = create_app(office.settings, office.database).test_client()
    log_in(client, PASSWORD)
    office.write_template("placed", "---\nevent: ticket.created\n---\nWe have {{ ticket.subject }}")
    delivery = office.receive("zendesk", "ticket_created_event")
    shown = words(client.get("/console/templates/placed", query_string={"delivery": delivery}).text)
    assert "no platform is asked here" in shown
    assert f"bridge preview placed --delivery {delivery}" in shown
