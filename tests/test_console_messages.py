"""The console's messages and deliveries: found, told from beginning to end, and decided on."""

import re
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from office import Office
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from bridge import pipeline
from bridge.events import Delivery
from bridge.route import routes
from bridge.sources.samples import load
from bridge.store import erasing, switches, tables
from bridge.store.inbox import Inbox
from bridge.web import create_app

GREETING = (
    "---\nevent: order.created\n---\n"
    "Hi {{ customer.first_name }}! Order {{ order.name }} is here • {{ customer.email }}"
)


@pytest.fixture
def client(office: Office) -> FlaskClient:
    """An operator's browser."""
    office.set(CONSOLE_PASSWORD="operator", CONSOLE_VIEWER_PASSWORD="viewer", TEMPLATES_DIR=str(office.folder))
    return _logged_in(office, "operator")


def _logged_in(office: Office, password: str) -> FlaskClient:
    client = create_app(office.settings, office.database).test_client()
    assert client.post("/console/login", data={"password": password, "name": "Dana"}).status_code == 303
    return client


def _post(client: FlaskClient, path: str, **form: object) -> str:
    found = re.search(r'name="token" value="([^"]+)"', client.get("/console/").text)
    assert found
    answer = client.post(path, data={"token": found[1], **form}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def _text(page: str) -> str:
    """What stands on a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def _audit(office: Office) -> list[tuple[str, str, str]]:
    return [
        (row["who"], row["action"], row["subject"]) for row in office._all(tables.audit) if row["action"] != "login"
    ]


def _listed(client: FlaskClient, page: str, **query: object) -> list[int]:
    answer = client.get(f"/console/{page}", query_string=query)
    assert answer.status_code == 200
    return [int(one) for one in re.findall(rf'href="/console/{page}/(\d+)"', answer.text)]


def _found(client: FlaskClient, **form: str) -> list[int]:
    """Find messages by the form, which leaves no number in an address."""
    page = _post(client, "/console/messages/find", **form)
    assert "only the chosen one" in page
    assert form["phone"] not in page
    return [int(one) for one in re.findall(r'href="/console/messages/(\d+)"', page)]


def _send(office: Office, *, states: int = 1, state: str = "sent") -> None:
    office.receive("shopify", "orders_create")
    office.start()
    office.wait_for_states(*[state] * states)
    office.stop()


def test_a_message_tells_its_whole_story_without_whom_it_is_to(office: Office, client: FlaskClient) -> None:
    office.write_template("placed", GREETING)
    _send(office)
    page = client.get("/console/messages/1").text
    told = _text(page)
    for step in (
        "Webhook 1 received through shopify",
        "Verified with the connection&#39;s secret.",
        "it matched and made a text",
        "Text made by placed for order.created",
        "Attempt 1: Attentive took it, status 200",
        "Taken.",
    ):
        assert step in told
    person = _person(office)
    assert person.first_name
    assert person.phone
    for secret in (person.first_name, person.email or "", person.phone, office.messages()[0]["to"]):
        assert secret not in page
    assert "Hi •" in told
    assert '<mark title="BULLET">•</mark>' in page
    assert "units of UCS-2" in told


def _person(office: Office):
    route = routes(office.settings)["shopify"]
    row = office.deliveries()[0]
    parsed = route.parse(
        Delivery(connection="shopify", headers=row["headers"], body=row["body"], received_at=row["received_at"]),
        row["received_at"],
    )
    return parsed[0].customer


def test_the_number_and_the_name_are_shown_to_an_operator_who_is_on_record_for_it(
    office: Office, client: FlaskClient
) -> None:
    office.write_template("placed", GREETING)
    _send(office)
    assert "on the audit list" in client.get("/console/messages/1/reveal").text
    shown = _post(client, "/console/messages/1/reveal")
    assert office.messages()[0]["to"] in shown
    assert _person(office).name in shown
    assert f"Hi {_person(office).first_name}!" in shown
    assert _audit(office) == [("Dana", "reveal", "message 1")]
    assert "Dana looked at what is hidden" in _text(client.get("/console/messages/1").text)


def test_a_body_is_shown_escaped_and_only_on_record(office: Office, client: FlaskClient) -> None:
    office.receive("zendesk", "trigger_order_shipped", **{"ticket.comment": "<script>alert(1)</script> é"})
    assert "alert(1)" not in client.get("/console/deliveries/1").text
    shown = _post(client, "/console/deliveries/1/reveal")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; é" in shown
    assert "<script>alert" not in shown
    assert _audit(office) == [("Dana", "reveal", "delivery 1")]


@pytest.mark.parametrize(
    "path",
    ["/console/messages/1/reveal", "/console/messages/1/retry", "/console/messages/decide",
     "/console/deliveries/1/reveal", "/console/deliveries/1/replay"],
)  # fmt: skip
def test_a_viewer_may_do_nothing(office: Office, client: FlaskClient, path: str) -> None:
    office.set(BRIDGE_SENDING="hold")
    _send(office, state="held")
    viewer = _logged_in(office, "viewer")
    assert viewer.get(path, query_string={"what": "release", "id": 1}).status_code == 403
    found = re.search(r'name="token" value="([^"]+)"', viewer.get("/console/").text)
    assert found
    form = {"token": found[1], "what": "release", "id": 1}
    assert viewer.post(path, data=form).status_code == 403
    assert office.states() == ["held"]
    assert _audit(office) == []
    for page in ("/console/messages", "/console/messages/1", "/console/deliveries/1"):
        shown = viewer.get(page)
        assert shown.status_code == 200
        assert "…</a>" not in shown.text
        assert 'type="checkbox"' not in shown.text


def test_held_ones_are_let_go_together_after_a_question(office: Office, client: FlaskClient) -> None:
    office.set(BRIDGE_SENDING="hold")
    office.start()
    for order in ("1", "2", "3"):
        office.receive("shopify", "orders_create", id=order)
    office.wait_for_states("held", "held", "held")
    assert client.get("/console/messages").text.count('name="id"') == 3
    query = {"what": "release", "id": [1, 3, 77]}
    asked = client.get("/console/messages/decide", query_string=query).text
    assert "Release 2 held messages?" in asked
    assert "1 of those you chose are not held any more" in asked
    said = _post(client, "/console/messages/decide", **query)
    assert "2 released. 1 had been decided on already." in said
    office.wait_for_states("sent", "held", "sent")
    assert _audit(office) == [("Dana", "release", "message 1"), ("Dana", "release", "message 3")]
    assert "Dana let it go" in _text(client.get("/console/messages/1").text)
    _post(client, "/console/messages/decide", what="drop", id=2)
    assert [row["reason"] for row in office.messages() if row["id"] == 2] == ["dropped"]
    assert "Send it on" in client.get("/console/messages/2").text


def test_all_that_are_held_for_a_reason_are_dropped_at_once(office: Office, client: FlaskClient) -> None:
    office.set(BRIDGE_SENDING="hold")
    office.start()
    for order in ("1", "2"):
        office.receive("shopify", "orders_create", id=order)
    office.wait_for_states("held", "held")
    form = {"what": "drop", "all": "1", "reason": "sending_off"}
    assert "Drop 2 held messages?" in client.get("/console/messages/decide", query_string=form).text
    _post(client, "/console/messages/decide", **form)
    assert office.states() == ["skipped", "skipped"]
    assert len(_audit(office)) == 2


def test_no_word_about_many_lets_go_what_nothing_proves(office: Office, client: FlaskClient) -> None:
    office.set(BRIDGE_SENDING="hold")
    _send(office, state="held")
    with office.database.write() as connection:
        connection.execute(update(tables.messages).values(reason="unverified"))
    asked = client.get("/console/messages/decide", query_string={"what": "release", "all": "1"}).text
    assert "1 stay held: nothing proves" in asked
    _post(client, "/console/messages/decide", what="release", all="1")
    assert office.states() == ["held"]
    _post(client, "/console/messages/decide", what="release", id=1)
    assert office.states() == ["queued"]


@pytest.mark.parametrize(
    "asked", [{"what": "release"}, {"id": "1"}, {"what": "burn", "id": "1"}, {"what": "drop", "id": "x"}]
)
def test_nothing_is_decided_that_was_not_asked_for(office: Office, client: FlaskClient, asked: dict[str, str]) -> None:
    assert client.get("/console/messages/decide", query_string=asked).status_code == 400


def test_a_refused_message_is_sent_on_after_a_question(office: Office, client: FlaskClient) -> None:
    with office.database.read() as connection:
        assert connection.execute(select(tables.messages)).first() is None
    _send(office)
    with office.database.write() as connection:
        connection.execute(update(tables.messages).values(state="unknown", reason="outcome_unknown"))
    assert "may get this text a second time" in client.get("/console/messages/1/retry").text
    assert "Message 1 is queued." in _post(client, "/console/messages/1/retry")
    assert office.states() == ["queued"]
    assert _audit(office) == [("Dana", "retry", "message 1")]
    assert "It is queued, and cannot be sent on." in _post(client, "/console/messages/1/retry")
    assert len(_audit(office)) == 1


def test_a_replay_shows_first_what_it_would_make(office: Office, client: FlaskClient) -> None:
    _send(office)
    asked = client.get("/console/deliveries/1/replay").text
    assert "Nothing would be made: no text is missing" in asked
    office.write_template("also", "---\nevent: order.created\n---\nAlso thank you, {{ customer.name }}.")
    fresh = _logged_in(office, "operator")
    asked = fresh.get("/console/deliveries/1/replay").text
    assert "1 text would be made" in asked
    assert "<strong>also</strong>" in asked
    assert "2125550123" not in asked
    assert "Delivery 1 is processed again." in _post(fresh, "/console/deliveries/1/replay")
    office.start()
    office.wait_for_states("sent", "sent")
    office.stop()
    assert _audit(office) == [("Dana", "replay", "delivery 1")]
    _post(fresh, "/console/deliveries/1/replay", again="yes")
    assert office.deliveries()[0]["again"] == 1
    assert _audit(office)[-1] == ("Dana", "replay again", "delivery 1")


def test_broken_templates_do_not_keep_anybody_from_the_story(office: Office, client: FlaskClient) -> None:
    _send(office)
    office.write_template("placed", "---\nevents: order.created\n---\nHi")
    fresh = _logged_in(office, "operator")
    assert fresh.get("/console/messages/1").status_code == 200
    asked = fresh.get("/console/deliveries/1/replay")
    assert asked.status_code == 200
    assert "The templates have problems" in asked.text


def test_the_story_says_which_secret_proved_the_webhook(office: Office, client: FlaskClient) -> None:
    office.set(SHOPIFY_SECRETS="new,s")
    office.receive("shopify", "orders_create")
    office.set(SHOPIFY_SECRETS="newer,new,s")
    assert "Verified with secret 2 of 3." in _logged_in(office, "operator").get("/console/deliveries/1").text
    office.set(SHOPIFY_SECRETS="newer")
    gone = _logged_in(office, "operator").get("/console/deliveries/1").text
    assert "Verified with a secret that is no longer configured." in gone


def test_the_story_says_why_nothing_proves_a_webhook(office: Office, client: FlaskClient) -> None:
    sample = load("shopify")["orders_create"]
    route = routes(office.settings)["shopify"]
    forged = Delivery(connection="shopify", headers=sample.headers, body=sample.body, received_at=datetime.now(UTC))
    assert pipeline.accept(forged, route, Inbox(office.database), keeps=lambda _refused: True).unverified
    shown = _text(client.get("/console/deliveries/1").text)
    assert "Not verified: What proves the request is missing from it." in shown
    assert _listed(client, "deliveries", unverified="yes") == [1]
    assert _listed(client, "deliveries", unverified="no") == []


def test_where_a_platform_was_asked_for_the_person_only_the_templates_own_words_are_shown(
    office: Office, client: FlaskClient
) -> None:
    """Nobody can say which of the other words are a name."""
    office.write_template(
        "received", "---\nevent: ticket.created\nto: '\"+12125550123\"'\n---\nHi Alex, dear {{ ticket.id }}"
    )
    office.receive("zendesk", "ticket_created_event")
    office.start()
    office.wait_for_states("sent")
    body = office.messages()[0]["body"]
    shown = _text(client.get("/console/messages/1").text)
    assert "Hi Alex, dear •" in shown
    assert body not in shown
    assert body in _text(_post(client, "/console/messages/1/reveal"))


def test_lists_are_narrowed_by_whom_what_and_when(office: Office, client: FlaskClient) -> None:
    office.start()
    office.receive("shopify", "orders_create", id="4711")
    office.receive("shopify", "orders_create", id="4712")
    office.wait_for_states("sent", "sent")
    to, identity = office.messages()[0]["to"], office.messages()[0]["identity"]
    assert _listed(client, "messages") == [2, 1]
    assert _found(client, phone=to, state="sent") == [2, 1]
    assert _found(client, phone="+1 (212) 555-0199") == []
    assert _listed(client, "messages", about=identity.rpartition(":")[2]) == [1]
    assert _listed(client, "messages", about="471") == []
    assert _listed(client, "messages", about="%") == []
    assert _listed(client, "messages", event_kind="order.created", template="placed", state="sent") == [2, 1]
    for page in ("messages", "deliveries"):
        assert _listed(client, page, since="2026-01-01T00:00", until="2099-01-01T00:00") == [2, 1]
        assert _listed(client, page, until="2020-01-01T00:00") == []
        assert _listed(client, page, before=2) == [1]
        assert "is no time" in client.get(f"/console/{page}?since=soon").text
    assert "cannot be read" in _post(client, "/console/messages/find", phone="call-me")
    assert _listed(client, "deliveries", connection="shopify", state="processed") == [2, 1]


@pytest.mark.parametrize("page", ["messages/99", "deliveries/99", f"messages/{2**70}", f"deliveries/{2**70}"])
def test_what_is_not_there_is_told_in_words(client: FlaskClient, page: str) -> None:
    shown = client.get(f"/console/{page}")
    assert shown.status_code == 404
    assert "There is no" in shown.text


def test_a_message_without_a_number_says_so(office: Office, client: FlaskClient) -> None:
    office.receive("shopify", "orders_create", **{"phone": None, "customer.phone": None})
    office.start()
    office.wait_for_delivery(state="processed")
    office.stop()
    with office.database.write() as connection:
        connection.execute(update(tables.messages).values(to=None, body=None, state="skipped", reason="no_phone"))
    shown = _text(client.get("/console/messages/1").text)
    assert "No text was made." in shown
    assert "No phone number is known for this person." in shown


def test_a_webhook_the_bridge_failed_on_is_told_all_the_same(office: Office, client: FlaskClient) -> None:
    _send(office)
    with office.database.write() as connection:
        connection.execute(update(tables.deliveries).values(body=b"\xff{", state="parked", reason="crashed"))
    assert client.get("/console/messages/1").status_code == 200
    assert "Set aside" in client.get("/console/deliveries/1").text
    assert "\ufffd{" in _post(client, "/console/deliveries/1/reveal")


def _policy_of(answer: TestResponse) -> str:
    return str(answer.headers["Content-Security-Policy"])


def _with_picture(office: Office, address: str) -> None:
    office.write_template("placed", f"---\nevent: order.created\nmedia_url: \"'{address}'\"\n---\nThanks")
    office.set(BRIDGE_SENDING="hold")
    _send(office, state="held")


def test_a_picture_is_asked_for_only_on_a_click(office: Office, client: FlaskClient) -> None:
    _with_picture(office, "https://cdn.example:8443/a.png?size=1")
    before = client.get("/console/messages/1")
    assert "<img" not in before.text
    assert "img-src 'self';" in _policy_of(before)
    assert "Your browser then asks https://cdn.example:8443 for it." in before.text
    after = client.get("/console/messages/1?picture=show")
    assert '<img class="picture" src="https://cdn.example:8443/a.png?size=1"' in after.text
    assert "img-src 'self' https://cdn.example:8443;" in _policy_of(after)
    # What renews the page keeps it.
    assert 'hx-get="/console/messages/1?picture=show"' in after.text


def test_a_picture_whose_address_tells_the_person_comes_only_with_the_number(
    office: Office, client: FlaskClient
) -> None:
    _with_picture(office, "https://cdn.example/dana@shop.example.png")
    for query in ("", "?picture=show"):
        page = client.get(f"/console/messages/1{query}")
        assert "<img" not in page.text
        assert "dana@" not in page.text
        assert "img-src 'self';" in _policy_of(page)
    assert "<img" not in _post(client, "/console/messages/1/reveal")
    assert '<img class="picture"' in _post(client, "/console/messages/1/reveal", picture="show")


@pytest.mark.parametrize("address", ["https://cdn.example;script-src/a.png", "ftp://cdn.example/a.png", "//x/a.png"])
def test_no_address_of_a_picture_changes_the_policy(office: Office, client: FlaskClient, address: str) -> None:
    _with_picture(office, "https://cdn.example/a.png")
    with office.database.write() as connection:
        connection.execute(update(tables.messages).values(media_url=address))
    page = client.get("/console/messages/1?picture=show")
    assert "<img" not in page.text
    assert "img-src 'self';" in _policy_of(page)
    assert address in page.text


STOPS = {"account": "attentive", "template": "placed", "all": ""}


@pytest.mark.parametrize("kind", STOPS)
def test_a_text_that_is_stopped_by_hand_says_so_wherever_it_stands(
    office: Office, client: FlaskClient, kind: switches.Kind
) -> None:
    office.receive("shopify", "orders_create")
    office.restart(ATTENTIVE_API_TOKEN=None)
    office.wait_for_states("queued")
    office.stop()
    assert "waits for token" in _text(client.get("/console/messages").text)
    with office.database.write() as connection:
        switches.pause(connection, kind, STOPS[kind], who="Dana", now=office.database.now(connection))
    what = "all sending" if kind == "all" else f"{kind} {STOPS[kind]}"
    # No worker runs that could have written it down.
    assert office.messages()[0]["waiting_for"] == "token"
    for page in ("messages", "messages?state=queued", "deliveries/1"):
        assert f"paused by hand: {what}" in _text(client.get(f"/console/{page}").text)
    assert f"Paused by hand: {what}. It waits" in _text(client.get("/console/messages/1").text)


def test_a_text_whose_account_rests_says_so_in_the_list(office: Office, client: FlaskClient) -> None:
    office.receive("shopify", "orders_create")
    office.restart(ATTENTIVE_API_TOKEN=None)
    office.wait_for_states("queued")
    office.stop()
    with office.database.write() as connection:
        connection.execute(update(tables.accounts).values(paused_until=office.database.now(connection)))
    assert "waits for account" in _text(client.get("/console/messages").text)


def test_what_was_erased_is_told_with_its_day_and_offers_nothing(office: Office, client: FlaskClient) -> None:
    _send(office)
    office.start()
    office.receive("shopify", "customers_data_request")
    office.wait_for_delivery(state="processed")
    assert "a person wants to be told what is kept of them" in _text(client.get("/console/").text)
    with office.database.write() as connection:
        now = datetime.now(UTC)
        erasing.messages_of(connection, [1], now)
        erasing.deliveries_of(connection, [1], now)
    for page, words in (("messages", "Text and person were erased on"), ("deliveries", "What it said was erased on")):
        told = client.get(f"/console/{page}/1").text
        assert words in _text(told)
        assert "Show number" not in told
        assert "Replay…" not in told
    asked = client.get("/console/deliveries/1/replay").text
    assert "nothing can be made of it" in _text(asked)
    assert "Make what is missing" not in asked
    assert "Send again" not in asked
    # From a page that was open before.
    assert "nothing can be made of it" in _text(_post(client, "/console/deliveries/1/replay", again="yes"))


def test_a_message_that_a_program_asked_for_is_told_like_others(office: Office) -> None:
    office.set(CONSOLE_PASSWORD="operator", API_TOKENS="billing:0123456789abcdef", TEMPLATES_DIR=str(office.folder))
    client = _logged_in(office, "operator")
    message = {"to": "+12125550123", "body": "Your code is 1234.", "type": "TRANSACTIONAL"}
    header = {"Authorization": "Bearer 0123456789abcdef"}
    mine = client.post("/1/messages", json=message, headers=header).json["id"]  # type: ignore[index]
    office.start()
    office.wait_for_states("sent")
    assert "billing" in client.get("/console/messages?connection=billing").text
    assert "billing" in client.get("/console/deliveries?connection=billing").text
    assert "+12125550123" not in client.get("/console/messages/1").text
    assert client.get(f"/console/deliveries/{mine}").status_code == 200
    assert "A program asked for this text" in client.get(f"/console/deliveries/{mine}/replay").text
    assert "Your code is 1234." in _post(client, "/console/messages/1/reveal")
