"""The sandbox answers as Attentive's page says; every accept table stands beside its refuse table."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.attentive.sandbox import create_app
from bridge.attentive.sandbox.newest import KEPT, Newest
from bridge.attentive.sandbox.schemas import Fault
from bridge.attentive.sandbox.state import Given, Outcome, Sandbox
from bridge.attentive.transactional import Send

AUTHORIZED = {"Authorization": "Bearer 1a2b3c4d5"}
GOOD: dict[str, Any] = {"to": "212-555-0123", "body": "Your order is on its way.", "type": "TRANSACTIONAL"}

Post = Callable[..., TestResponse]


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    def send(headers: dict[str, str] = AUTHORIZED, **fields: object) -> TestResponse:
        return client.post("/1/messages", json=GOOD | fields, headers=headers)

    return send


def test_a_message_reaches_the_phone_with_the_brand_before_it(client: FlaskClient, post: Post) -> None:
    assert post(link="client.attn.tv").status_code == 200
    (message,) = client.get("/api/messages").json
    received_at = message.pop("received_at")
    assert message == {
        "to": "+12125550123",
        "body": "Your order is on its way.",
        "type": "TRANSACTIONAL",
        "link": "client.attn.tv",
        "mediaUrl": None,
        "text": "Your Shop: Your order is on its way.",
    }
    assert abs(datetime.now(UTC) - datetime.fromisoformat(received_at)) < timedelta(minutes=1)


def test_a_brand_of_ones_own_stands_before_every_text() -> None:
    client = create_app(brand="Müller & Sons").test_client()
    client.post("/1/messages", json=GOOD, headers=AUTHORIZED)
    assert client.get("/api/messages").json[0]["text"] == "Müller & Sons: Your order is on its way."
    assert "Müller &amp; Sons" in client.get("/").text


def test_messages_stand_oldest_first_and_a_limit_gives_the_newest(client: FlaskClient, post: Post) -> None:
    for body in ("one", "two", "three"):
        post(body=body)
    assert [row["body"] for row in client.get("/api/messages").json] == ["one", "two", "three"]
    assert [row["body"] for row in client.get("/api/messages?limit=2").json] == ["two", "three"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "100001", "1.5", "", "९", "9" * 5000])
def test_a_limit_that_is_none_is_refused(client: FlaskClient, limit: str) -> None:
    assert client.get("/api/messages", query_string={"limit": limit}).status_code == 400


NUMBERS = {
    "212-555-0123": "+12125550123",
    "(212) 555 0123": "+12125550123",
    "212.555.0199": "+12125550199",
    "1 212 555 0100": "+12125550100",
    "+12125550123": "+12125550123",
    "+1 (416) 555-0134": "+14165550134",
    "506-234-5678": "+15062345678",
    "+447400123456": "+447400123456",
    "+44 (0)7400 123456": "+447400123456",
    "+44 121 234 5678": "+441212345678",
}


@pytest.mark.parametrize(("given", "e164"), NUMBERS.items())
def test_a_number_is_read_as_people_write_it(client: FlaskClient, post: Post, given: str, e164: str) -> None:
    assert post(to=given).status_code == 200
    assert client.get("/api/messages").json[0]["to"] == e164


@pytest.mark.parametrize(
    "number",
    [
        "",
        "   ",
        "555-555-555",
        "555-555-5555",
        "2125550123456",
        "07400 123456",
        "+4915123456789",
        "+33612345678",
        "+12425550123",
        "212-555-0123 x5",
        "212-555-0123 ext. 5",
        "1-800-FLOWERS",
        "tel:+12125550123",
        "nobody",
        "+" * 1000,
    ],
)
def test_a_number_that_cannot_be_texted_is_refused(client: FlaskClient, post: Post, number: str) -> None:
    answer = post(to=number)
    assert answer.status_code == 400
    assert answer.json["message"].startswith("to: ")
    assert client.get("/api/messages").json == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", None),
        ("to", 2125550123),
        ("to", ["+12125550123"]),
        ("body", None),
        ("body", ""),
        ("body", " \n\t"),
        ("body", 5),
        ("body", {"text": "hello"}),
        ("type", None),
        ("type", ""),
        ("type", "transactional"),
        ("type", "MARKETING"),
        ("type", 1),
        ("link", 5),
        ("mediaUrl", 5),
        ("mediaUrl", ""),
        ("mediaUrl", "cat.png"),
        ("mediaUrl", "file:///etc/passwd.png"),
        ("mediaUrl", "http:///cat.png"),
        ("mediaUrl", "http://[::1/cat.png"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(client: FlaskClient, post: Post, field: str, value: object) -> None:
    answer = post(**{field: value})
    assert answer.status_code == 400
    assert answer.json["message"].startswith(f"{field}: ")
    assert client.get("/api/messages").json == []


def test_every_missing_field_is_named_at_once(client: FlaskClient) -> None:
    answer = client.post("/1/messages", json={}, headers=AUTHORIZED)
    assert (answer.status_code, answer.json) == (400, {"message": "to: Missing. body: Missing. type: Missing."})


@pytest.mark.parametrize(
    "fields", [{"link": None, "mediaUrl": None}, {"unknown": 1}, {"body": "❤ \ud83d"}, {"body": "{}"}]
)
def test_what_the_page_does_not_forbid_is_taken(post: Post, fields: dict[str, object]) -> None:
    assert post(**fields).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 60_000, "application/json"),
        (b'{"to": ' + b"1" * 5_000 + b"}", "application/json"),
        (b'{"body": "' + b"x" * 70_000 + b'"}', "application/json"),
        (b'{"to": "212-555-0123", "body": "x", "type": "TRANSACTIONAL"}', "text/plain"),
        (b"to=212-555-0123&body=x&type=TRANSACTIONAL", "application/x-www-form-urlencoded"),
    ],
)
def test_a_request_that_is_no_json_object_is_refused(client: FlaskClient, body: bytes, content_type: str) -> None:
    answer = client.post("/1/messages", data=body, headers=AUTHORIZED | {"Content-Type": content_type})
    assert answer.status_code == 400
    assert answer.json["message"]


@pytest.mark.parametrize("header", ["Bearer 1a2b3c4d5", "bearer 1a2b3c4d5", "Bearer  1a2b3c4d5"])
def test_a_bearer_token_is_taken(post: Post, header: str) -> None:
    assert post(headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "1a2b3c4d5", "Basic MWEyYjNjNGQ1", "Token 1a2b3c4d5"]
)
def test_without_a_token_everything_is_forbidden(client: FlaskClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for payload in (GOOD, {}):
        answer = client.post("/1/messages", json=payload, headers=headers)
        assert (answer.status_code, answer.json) == (403, {"message": "Invalid API token."})
    assert client.get("/api/messages").json == []


def test_only_listed_tokens_are_valid_when_some_are_listed() -> None:
    client = create_app(tokens=frozenset({"first", "second"})).test_client()
    answers = [
        client.post("/1/messages", json=GOOD, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in ("first", "second", "third", "FIRST")
    ]
    assert answers == [200, 200, 403, 403]


def test_a_repeated_message_is_suppressed_within_the_window(client: FlaskClient, post: Post) -> None:
    first, again, in_other_dress = post(), post(), post(to="+1 (212) 555-0123", link="client.attn.tv")
    assert first.status_code == again.status_code == in_other_dress.status_code == 200
    assert first.json == again.json
    assert len(client.get("/api/messages").json) == 1
    assert [row["suppressed"] for row in client.get("/api/attempts").json] == [False, True, True]


@pytest.mark.parametrize("other", [{"to": "212-555-0124"}, {"body": "Your order is on its way!"}])
def test_another_message_is_not_suppressed(client: FlaskClient, post: Post, other: dict[str, str]) -> None:
    post()
    post(**other)
    assert len(client.get("/api/messages").json) == 2


def test_the_same_words_of_another_brand_are_not_suppressed(client: FlaskClient, post: Post) -> None:
    post()
    post(headers={"Authorization": "Bearer another"})
    assert len(client.get("/api/messages").json) == 2


def test_a_window_of_nothing_suppresses_nothing() -> None:
    client = create_app(duplicate_window=0).test_client()
    for _ in range(2):
        client.post("/1/messages", json=GOOD, headers=AUTHORIZED)
    assert len(client.get("/api/messages").json) == 2


def test_the_window_runs_from_the_first_message_and_is_not_extended() -> None:
    seconds = iter([0, 40, 59.9, 60, 61])
    start = datetime(2026, 11, 23, 10, tzinfo=UTC)
    sandbox = Sandbox(now=lambda: start + timedelta(seconds=next(seconds)))
    sent = Outcome(status=200, message="", send=Send(to="+12125550123", body="x", type="TRANSACTIONAL"))
    given = Given(token="t", payload={})
    taken = [sandbox.record(given, sent, Fault()).send is not None for _ in range(5)]
    assert taken == [True, False, False, True, False]


def test_of_the_same_message_sent_at_once_one_is_taken() -> None:
    app = create_app()

    def post(_: int) -> int:
        return app.test_client().post("/1/messages", json=GOOD, headers=AUTHORIZED).status_code

    with ThreadPoolExecutor(16) as senders:
        assert set(senders.map(post, range(64))) == {200}
    assert len(app.test_client().get("/api/messages").json) == 1
    assert len(app.test_client().get("/api/attempts").json) == 64


def test_the_memory_keeps_only_the_newest() -> None:
    rows = Newest(most=3)
    for number in range(5):
        rows.append({"body": number})
    assert rows.last(KEPT) == [b'{"body": 2}', b'{"body": 3}', b'{"body": 4}']
    assert rows.last(2) == [b'{"body": 3}', b'{"body": 4}']


def test_the_memory_keeps_fewer_of_what_is_long() -> None:
    rows = Newest(most=3, most_bytes=100)
    for length in (30, 30, 60):
        rows.append({"body": "x" * length})
    assert [len(row) for row in rows.last(KEPT)] == [72]
    rows.clear()
    for _ in range(2):
        rows.append({"body": "x" * 30})
    assert len(rows.last(KEPT)) == 2


@pytest.mark.parametrize("field", ["to", "body", "more"])
def test_what_is_nested_as_deeply_as_can_be_read_spoils_no_list(client: FlaskClient, field: str) -> None:
    for depth in (100, 900, 950, 1000, 20_000):
        nested = "[" * depth + "]" * depth
        body = json.dumps({**GOOD, "body": str(depth), field: "@"}).replace('"@"', nested)
        client.post("/1/messages", data=body, headers={**AUTHORIZED, "Content-Type": "application/json"})
    assert client.get("/api/attempts").status_code == client.get("/api/messages").status_code == 200
    assert len(client.get("/api/attempts").json) == 5


def test_an_attempt_tells_what_was_asked_and_answered_but_never_the_token(client: FlaskClient, post: Post) -> None:
    post()
    post(type="marketing")
    post(headers={})
    taken, refused, forbidden = client.get("/api/attempts").json
    assert taken.items() >= {
        "to": "212-555-0123", "number": "+12125550123", "body": GOOD["body"], "status": 200, "taken": True,
        "suppressed": False, "message": "The message was sent successfully.", "note": None, "fault": None,
    }.items()  # fmt: skip
    assert (refused["status"], refused["taken"]) == (400, False)
    assert refused["message"] == "type: Must be TRANSACTIONAL, in capitals."
    assert forbidden["status"] == 403
    assert "1a2b3c4d5" not in client.get("/api/attempts").text


def test_clearing_forgets_messages_attempts_and_duplicates_but_not_settings(client: FlaskClient, post: Post) -> None:
    client.put("/api/subscribers", json={"subscribers": ["212-555-0123"]})
    post()
    assert client.delete("/api/messages").status_code == 204
    assert client.get("/api/messages").json == client.get("/api/attempts").json == []
    assert client.get("/api/subscribers").json == {"subscribers": ["+12125550123"]}
    post()
    assert len(client.get("/api/messages").json) == 1


def test_an_unchanged_list_is_not_sent_again(client: FlaskClient, post: Post) -> None:
    post()
    tag = client.get("/api/messages").headers["ETag"]
    assert client.get("/api/messages", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/api/messages?limit=1", headers={"If-None-Match": tag}).status_code == 200
    post(body="another")
    assert len(client.get("/api/messages", headers={"If-None-Match": tag}).json) == 2
    restarted = create_app().test_client()
    assert restarted.get("/api/messages", headers={"If-None-Match": tag}).status_code == 200


def test_everybody_is_subscribed_until_somebody_says_who_is(client: FlaskClient, post: Post) -> None:
    assert client.get("/api/subscribers").json == {"all": True}
    assert client.put("/api/subscribers", json={"subscribers": ["(212) 555-0123", "+12125550123"]}).json == {
        "subscribers": ["+12125550123"]
    }
    assert post().status_code == 200
    stranger = post(to="+447400123456")
    assert stranger.status_code == 400
    assert "not an opted-in subscriber" in stranger.json["message"]
    client.put("/api/subscribers", json={"subscribers": []})
    assert post(body="again").status_code == 400
    assert client.put("/api/subscribers", json={"all": True}).json == {"all": True}
    assert post(to="+447400123456").status_code == 200


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"all": False},
        {"all": 1},
        {"all": None},
        {"all": True, "subscribers": []},
        {"subscribers": None},
        {"subscribers": "+12125550123"},
        {"subscribers": [2125550123]},
        {"subscribers": ["+12125550123", "+4915123456789"]},
        {"subscriber": ["+12125550123"]},
        [],
        None,
    ],
)
def test_subscribers_that_make_no_sense_are_refused_and_change_nothing(client: FlaskClient, setting: object) -> None:
    answer = client.put("/api/subscribers", json=setting)
    assert answer.status_code == 400
    assert answer.json["message"]
    assert client.get("/api/subscribers").json == {"all": True}


def test_the_page_runs_nothing_from_elsewhere_and_nothing_inline(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.headers["Content-Security-Policy"] == "default-src 'self'; img-src * data:"
    assert "bridge trigger shopify orders_create" in page.text
    assert "<style" not in page.text
    assert " style=" not in page.text
    assert " on" + "click" not in page.text
    assert page.text.count("<script") == page.text.count("<script src=") == 3
    for name in ("phone.css", "phone.js", "texts.js", "segments.js", "tools.js", "reply.js", "icon.svg"):
        with client.get(f"/static/{name}") as static:
            assert static.status_code == 200
            assert not any(word in static.text for word in ("innerHTML", "insertAdjacentHTML", "document.write"))


def test_an_unknown_route_or_method_is_answered_in_json(client: FlaskClient) -> None:
    assert (client.get("/nothing").status_code, client.get("/1/messages").status_code) == (404, 405)
    assert client.get("/nothing").json["message"]
