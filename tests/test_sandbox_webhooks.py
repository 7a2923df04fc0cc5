"""The webhooks that the sandbox sends as Attentive does, and what the bridge's own processes make of them."""

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import senders
from conftest import Stack, wait_until
from flask.testing import FlaskClient

from bridge.attentive.sandbox import Target, create_app
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages

KEY = "signing-key-of-the-tests"
MAYA = "+12125550123"


class Listener:
    """Keeps the webhooks that come, with their signatures; answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str | None, bytes]] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.heard.append((self.headers["x-attentive-hmac-sha256"], body))
                self.send_response(listener.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/attentive"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self) -> list[str]:
        """The texts that are told of, as they came."""
        return [json.loads(body)["message"]["text"] for _, body in self.heard]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.heard) >= count, f"{count} webhooks, of which came {len(self.heard)}")
        return [json.loads(body) for _, body in self.heard]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def client(listener: Listener) -> FlaskClient:
    return create_app(brand="Juniper", target=Target(url=listener.url, signing_key=KEY)).test_client()


def send(client: FlaskClient, body: str) -> int:
    message = {"to": MAYA, "body": body, "type": "TRANSACTIONAL"}
    return client.post("/1/messages", json=message, headers={"Authorization": "Bearer any"}).status_code


def write(client: FlaskClient, text: str) -> Any:
    return client.post("/api/phone", json={"number": "212-555-0123", "text": text}).json


def test_a_text_that_is_delivered_is_told_signed(client: FlaskClient, listener: Listener) -> None:
    assert send(client, "Hello!") == 200
    (told,) = listener.wait_for(1)
    assert (told["type"], told["subscriber"]["phone"]) == ("sms.sent", MAYA)
    assert told["message"] == {"type": "TRANSACTIONAL", "text": "Juniper: Hello!", "to_phone": MAYA}
    ((signature, body),) = listener.heard
    assert signature == hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()


def test_a_text_by_the_newer_api_is_told_as_it_is_shown_and_one_that_attentive_drops_is_not(
    client: FlaskClient, listener: Listener
) -> None:
    message = {"to": MAYA, "subscriptionType": "TRANSACTIONAL", "useShortLinks": False, "messageName": "shipped"}
    for more in (
        {"body": "Left {out}"},
        {"body": "Hello!"},
        {"body": "See https://example.com/1", "useShortLinks": True},
    ):
        answer = client.post("/v1/text/send", json=message | more, headers={"Authorization": "Bearer any"})
        assert answer.status_code == 200
    told = listener.wait_for(2)
    assert [one["type"] for one in told] == ["sms.sent"] * 2
    assert listener.told() == [one["text"] for one in client.get("/api/messages").json]
    assert "https://example.com" not in listener.told()[1]


def test_stop_start_and_answers_are_told_and_who_stopped_is_refused(client: FlaskClient, listener: Listener) -> None:
    assert write(client, " stop ") == {"number": MAYA, "opted_out": True}
    assert send(client, "Hello!") == 400
    assert write(client, "Start") == {"number": MAYA, "opted_out": False}
    assert send(client, "Hello!") == 200
    assert write(client, "Stop it, please") == {"number": MAYA, "opted_out": False}
    told = listener.wait_for(4)
    assert sorted(one["type"] for one in told) == [
        "sms.inbound_message", "sms.sent", "sms.subscribed", "sms.unsubscribed",
    ]  # fmt: skip
    (inbound,) = (one for one in told if one["type"] == "sms.inbound_message")
    assert (inbound["message"]["type"], inbound["message"]["text"]) == ("INBOUND", "Stop it, please")


def test_what_was_written_is_kept_until_the_phone_is_cleared(client: FlaskClient) -> None:
    for text in ("Thanks!", "STOP"):
        write(client, text)
    kept = client.get("/api/answers")
    assert [(row["from"], row["text"]) for row in kept.json] == [(MAYA, "Thanks!"), (MAYA, "STOP")]
    assert client.get("/api/answers", headers={"If-None-Match": kept.headers["ETag"]}).status_code == 304
    client.delete("/api/messages")
    assert client.get("/api/answers").json == []


@pytest.mark.parametrize(
    "given", [{}, [], {"number": MAYA}, {"number": "1", "text": "a"}, {"number": MAYA, "text": " "}]
)
def test_what_nobody_can_write_is_refused(client: FlaskClient, given: object) -> None:
    assert client.post("/api/phone", json=given).status_code == 400


def test_what_is_answered_otherwise_is_tried_again(client: FlaskClient, listener: Listener) -> None:
    listener.status = 503
    send(client, "Hello!")
    listener.wait_for(2)
    listener.status = 200
    listener.wait_for(3)
    assert len({body for _, body in listener.heard}) == 1


def test_they_come_repeated_out_of_order_late_or_not_at_all(client: FlaskClient, listener: Listener) -> None:
    trouble = {"url": listener.url, "repeat": 2, "reorder": True}
    assert client.put("/api/webhooks", json=trouble | {"signing_key": "k"}).json == trouble | {
        "delay_ms": 0, "drop": 0.0,
    }  # fmt: skip
    send(client, "One")
    send(client, "Two")
    listener.wait_for(4)
    assert listener.told() == ["Juniper: Two"] * 2 + ["Juniper: One"] * 2
    listener.heard.clear()
    client.put("/api/webhooks", json={"url": listener.url, "drop": 0.5, "delay_ms": 200})
    for number in range(4):
        send(client, f"Number {number}")
    assert listener.heard == []
    listener.wait_for(2)
    assert listener.told() == ["Juniper: Number 0", "Juniper: Number 2"]
    assert client.put("/api/webhooks", json={}).json == {}


@pytest.mark.parametrize(
    "given", [{"repeat": 2}, {"url": "ftp://a"}, {"url": "http://a", "repeat": 0}, {"url": "http://a", "more": 1}]
)
def test_what_cannot_be_ordered_is_refused(client: FlaskClient, given: object) -> None:
    assert client.put("/api/webhooks", json=given).status_code == 400


def test_the_bridge_confirms_and_mirrors_what_the_sandbox_tells(stack_on_both: Stack) -> None:
    stack = stack_on_both
    stack.settings |= {"ATTENTIVE_SECRETS": KEY, "ATTENTIVE_BRAND": "Your Shop"}
    assert stack.run("db", "upgrade").returncode == 0
    hook = f"{stack.web_url}/hooks/attentive"
    stack.start_sandbox("--webhooks", hook, "--signing-key", KEY)
    stack.start_web()
    stack.start_worker()
    trouble = {"url": hook, "signing_key": KEY, "repeat": 2, "reorder": True}
    requests.put(f"{stack.sandbox_url}/api/webhooks", json=trouble, timeout=10).raise_for_status()
    database = Database(stack.database_url.replace("postgresql://", "postgresql+psycopg://"))

    def rows(table: Any) -> list[Any]:
        with database.read() as connection:
            return list(connection.execute(table.select().order_by(table.c.id)))

    orders = [senders.order() for _ in range(4)]
    for one in orders:
        one.post_until_acknowledged(stack.web_url)
    wait_until(
        lambda: [row.confirmed_at is not None for row in rows(messages)] == [True] * 4, "all are confirmed, once each"
    )
    assert {row.state for row in rows(messages)} == {"sent"}
    told = Counter(row.reason for row in rows(deliveries) if row.connection == "attentive")
    assert set(told) <= {"confirms", None}

    def wrote(text: str) -> None:
        given = {"number": rows(messages)[0].to, "text": text}
        requests.post(f"{stack.sandbox_url}/api/phone", json=given, timeout=10).raise_for_status()

    # In its own order from here on: what is awaited comes before the next.
    requests.put(f"{stack.sandbox_url}/api/webhooks", json=trouble | {"reorder": False}, timeout=10).raise_for_status()
    wrote("STOP")
    wait_until(lambda: rows(deliveries)[-1].reason == "opt_out_noted", "the opt-out is noted")
    senders.order().post_until_acknowledged(stack.web_url)
    wait_until(lambda: len(rows(messages)) == 5, "the text is made")
    assert (rows(messages)[-1].state, rows(messages)[-1].reason) == ("skipped", "opted_out")
    wrote("START")
    wait_until(lambda: rows(deliveries)[-1].reason == "opt_in_noted", "they are back")
    senders.order().post_until_acknowledged(stack.web_url)
    wait_until(lambda: rows(messages)[-1].confirmed_at is not None, "they are texted again")
    database.dispose()
