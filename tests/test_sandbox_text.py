"""The sandbox as Attentive's newer API: what its pages say, and where they say nothing, the harder way."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.attentive.sandbox import create_app
from bridge.attentive.sandbox.quota import REQUESTS_PER_SECOND, Quota

AUTHORIZED = {"Authorization": "Bearer app-token"}
GOOD: dict[str, Any] = {
    "to": "+12125550123",
    "subscriptionType": "TRANSACTIONAL",
    "body": "On its way: https://example.com/t/1.",
    "useShortLinks": False,
    "messageName": "order_shipped",
}

Post = Callable[..., TestResponse]


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


@pytest.fixture
def post(client: FlaskClient) -> Post:
    def send(headers: dict[str, str] = AUTHORIZED, **fields: object) -> TestResponse:
        given = {name: value for name, value in (GOOD | fields).items() if value is not ...}
        return client.post("/v1/text/send", json=given, headers=headers)

    return send


def test_a_message_is_shown_like_one_of_the_legacy_api(client: FlaskClient, post: Post) -> None:
    answer = post(link="client.attn.tv")
    assert (answer.status_code, answer.json) == (200, {"message": "The message was sent successfully."})
    legacy = {"to": "+12125550123", "body": GOOD["body"], "type": "TRANSACTIONAL"}
    assert client.post("/1/messages", json=legacy, headers=AUTHORIZED).status_code == 200
    new, old = client.get("/api/messages").json
    # There is no `link` here, so it is ignored as any field that the page does not name.
    assert {**new, "received_at": ""} == {**old, "received_at": ""}
    assert new["text"] == "Your Shop: On its way: https://example.com/t/1."
    assert [row["path"] for row in client.get("/api/attempts").json] == ["/v1/text/send", "/1/messages"]


@pytest.mark.parametrize(
    "fields",
    [
        {"subscriptionType": "MARKETING"},
        {"messageName": None},
        {"messageName": ...},
        {"useShortLinks": True},
        {"mediaUrl": None, "subscriberExternalId": None},
        {"to": "+447400123456"},
    ],
    ids=str,
)
def test_what_the_page_allows_is_taken(client: FlaskClient, post: Post, fields: dict[str, object]) -> None:
    assert post(**fields).status_code == 200
    assert len(client.get("/api/messages").json) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"useShortLinks": ...}, "useShortLinks: Missing."),
        ({"useShortLinks": None}, "useShortLinks: Missing."),
        ({"useShortLinks": "false"}, "useShortLinks: Must be true or false."),
        ({"useShortLinks": True, "messageName": None}, "messageName: Missing, and useShortLinks requires it."),
        ({"subscriptionType": ...}, "subscriptionType: Missing."),
        ({"subscriptionType": "transactional"}, "subscriptionType: Must be MARKETING or TRANSACTIONAL."),
        ({"to": ...}, "to: Give to or subscriberExternalId, and not both."),
        ({"subscriberExternalId": 7}, "to: Give to or subscriberExternalId, and not both."),
        ({"to": None, "subscriberExternalId": 7}, "subscriberExternalId: The sandbox knows people by their numbers"),
        ({"to": "212-555-0123"}, "to: Must be a number with its country code"),
        ({"to": "+4915123456789"}, "to: Only numbers of the United States, Canada and the United Kingdom"),
        ({"body": " "}, "body: Must not be empty."),
        ({"messageName": ""}, "messageName: "),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_in_words(
    client: FlaskClient, post: Post, fields: dict[str, object], words: str
) -> None:
    answer = post(**fields)
    assert answer.status_code == 400
    assert answer.json["message"].startswith(words)
    assert client.get("/api/messages").json == []


@pytest.mark.parametrize("body", ["Hi {{ name }}", "}", "{"])
def test_a_brace_is_answered_as_if_it_were_sent_and_reaches_nobody(client: FlaskClient, post: Post, body: str) -> None:
    answer = post(body=body)
    assert (answer.status_code, answer.json["message"]) == (200, "The message was sent successfully.")
    assert client.get("/api/messages").json == []
    (attempt,) = client.get("/api/attempts").json
    assert (attempt["taken"], "curly brace" in attempt["note"]) == (False, True)


def test_short_links_take_the_place_of_long_ones(client: FlaskClient, post: Post) -> None:
    post(useShortLinks=True)
    (message,) = client.get("/api/messages").json
    assert message["text"].startswith("Your Shop: On its way: https://attn.tv/")
    assert "example.com" not in message["text"]
    assert message["text"].endswith(".")


def test_a_repeat_is_not_dropped(client: FlaskClient, post: Post) -> None:
    assert [post().status_code for _ in range(2)] == [200, 200]
    assert len(client.get("/api/messages").json) == 2


def test_only_subscribers_are_texted(client: FlaskClient, post: Post) -> None:
    client.put("/api/subscribers", json={"subscribers": ["+12125550199"]})
    assert post().json["message"].startswith("to: Unmatched phone number")
    assert post(to="+12125550199").status_code == 200


def test_the_21st_name_of_a_day_is_refused_and_the_old_ones_are_not(post: Post) -> None:
    assert {post(messageName=f"name {number}").status_code for number in range(20)} == {200}
    refused = post(messageName="one more")
    assert (refused.status_code, refused.json["message"]) == (
        400, "messageName: At most 20 different ones in 24 hours."
    )  # fmt: skip
    assert post(messageName="name 3").status_code == 200
    assert post({"Authorization": "Bearer another-token"}, messageName="one more").status_code == 200


def test_every_answer_tells_what_is_left_of_a_second() -> None:
    client = create_app().test_client()
    left = [_left(client) for _ in range(3)]
    assert left == [("150", "149"), ("150", "148"), ("150", "147")]


def _left(client: FlaskClient) -> tuple[str, str]:
    headers = client.post("/v1/text/send", json=GOOD, headers=AUTHORIZED).headers
    return headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]


def test_what_comes_too_fast_is_answered_429(client: FlaskClient, post: Post) -> None:
    quota = client.application.extensions["sandbox"].quota = Quota(lambda: 0.0)
    for _ in range(REQUESTS_PER_SECOND):
        quota.use("app-token")
    answer = post()
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (429, "0")
    assert "Retry-After" not in answer.headers
    assert client.get("/api/messages").json == []
    assert post({"Authorization": "Bearer another-token"}).status_code == 200


def test_a_second_later_there_is_room_again() -> None:
    now = 0.0
    quota = Quota(lambda: now)
    assert [quota.use("t") for _ in range(REQUESTS_PER_SECOND + 1)][-2:] == [0, -1]
    now = 0.99
    assert quota.use("t") == -1
    now = 1.0
    assert quota.use("t") == REQUESTS_PER_SECOND - 1


def test_a_token_is_looked_at() -> None:
    client = create_app(brand="Juniper", tokens=frozenset({"good"})).test_client()
    good, bad = {"Authorization": "Bearer good"}, {"Authorization": "Bearer bad"}
    assert client.post("/v1/text/send", json=GOOD, headers=bad).status_code == 401
    assert (client.get("/v1/me", headers=bad).status_code, client.get("/v1/me").status_code) == (401, 401)
    me = client.get("/v1/me", headers=good)
    assert (me.status_code, me.json) == (200, {"companyName": "Juniper"})
    # Looking is no attempt to send.
    assert len(client.get("/api/attempts").json) == 1


def test_faults_are_ordered_for_this_api_too(client: FlaskClient, post: Post) -> None:
    client.put("/api/faults", json={"status": 503, "retry_after": 2, "count": 1})
    answer = post()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert post().status_code == 200
