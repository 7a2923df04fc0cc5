"""RECEIVE through the real server: every answer of the contract, and what is kept of a request."""

import http.client
import json
import resource
import socket
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import requests
import senders
from conftest import Process, Stack, children_of, wait_until
from prometheus_client.parser import text_string_to_metric_families
from senders import Webhook

from bridge.messages import AccountHealth
from bridge.sources import samples
from bridge.store import account_health
from bridge.store.database import Database

TRIGGER = samples.load("zendesk")["trigger_created"].body
LIMIT = 5 * 1024 * 1024


class Receiving(Stack):
    """Web in two processes, and a worker that sends nothing."""

    web: Process

    def rows(self, query: str) -> list[sqlite3.Row]:
        """What the database holds, read past the product."""
        with sqlite3.connect(self.directory / "bridge.db") as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(query).fetchall()
        connection.close()
        return found

    def everything_stored(self) -> bytes:
        """Every byte of the database's files."""
        return b"".join(path.read_bytes() for path in self.directory.glob("bridge.db*"))


@pytest.fixture(scope="module")
def receiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiving]:
    """For tests that only send webhooks and look."""
    directory = tmp_path_factory.mktemp("receiving")
    stack = Receiving(directory, f"sqlite:///{directory / 'bridge.db'}")
    del stack.settings["KUSTOMER_SECRETS"]
    stack.settings |= {
        "CONNECTIONS": "shopify=shopify, zendesk=zendesk, help-desk=kustomer",
        "SHOPIFY_SECRETS": "the-newer-secret,shopify-secret",
        "HELP_DESK_SECRETS": "kustomer-secret",
        "HELP_DESK_SIGNATURE_HEADER": "X-Kustomer-Signature",
        "BRIDGE_SENDING": "hold",
        "WEB_CONCURRENCY": "2",
    }
    assert stack.run("db", "upgrade").returncode == 0
    stack.web = stack.start_web()
    stack.start_worker()
    # Web answers before the worker has announced itself.
    wait_until(lambda: _metrics(stack)[("bridge_workers", "")] == 1, "the worker is counted")
    yield stack
    stack.close()


@pytest.fixture
def stack_on_postgres(tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    stack = Stack(tmp_path, postgres_url)
    yield stack
    stack.close()


def test_a_new_webhook_is_stored_and_its_repeat_is_known(stack_on_both: Stack) -> None:
    assert stack_on_both.run("db", "upgrade").returncode == 0
    stack_on_both.start_web()
    hook = senders.order()

    answers = [hook.post(stack_on_both.web_url) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json() for answer in answers] == [{"status": "stored"}, {"status": "known"}, {"status": "known"}]


@pytest.mark.parametrize(
    "hook",
    [
        senders.order(),
        senders.shopify("orders/create", b'{"id": 5, "note": "the newer secret"}', secret="the-newer-secret"),
        senders.shopify("orders/create", b'{"id": 6, "note": "the older secret"}'),
        # A header that HTTP says nothing about, an encoding that is not what it says: the bytes are what is signed.
        senders.order().with_headers(Content_Type="text/plain; charset=nonsense"),
        senders.order().with_headers(X_Shopify_Topic="caf\xe9/no such topic"),
    ],
    ids=lambda hook: hook.connection,
)
def test_a_genuine_webhook_is_stored(receiving: Receiving, hook: Webhook) -> None:
    answer = hook.post(receiving.web_url)

    assert (answer.status_code, answer.json()) == (200, {"status": "stored"}), answer.text


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_a_zendesk_webhook_signed_within_five_minutes_is_stored(receiving: Receiving, minutes: int) -> None:
    hook = senders.zendesk(TRIGGER, at=datetime.now(UTC) + timedelta(minutes=minutes))

    assert hook.post(receiving.web_url).json() == {"status": "stored"}


def test_the_signatures_of_the_vendors_own_examples_are_accepted(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web(SHOPIFY_SECRETS="test_secret_key", KUSTOMER_SECRETS="topsecret")
    shopify = requests.post(
        f"{stack.web_url}/hooks/shopify",
        data=b'{"foo": "bar"}',
        headers={"X-Shopify-Hmac-SHA256": "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="},
        timeout=10,
    )
    kustomer = requests.post(
        f"{stack.web_url}/hooks/kustomer",
        data='{"hello":"wörld"}'.encode(),
        headers={"X-Kustomer-Webhook-Signature": "1b12189167a7a55d022fd9965fd996699d43baf7807f21bb2267c65e7072f135"},
        timeout=10,
    )

    assert (shopify.status_code, kustomer.status_code) == (200, 200)


_SIGNATURE = "X-Shopify-Hmac-Sha256"
_FORGERIES = {
    "missing": None,
    "empty": b"",
    "of another body": senders.order().headers[_SIGNATURE].encode(),
    "garbage": b"!!not base64!!",
    "hex": b"00" * 32,
    "non-ASCII": "Unterschrift für Gänse".encode("latin-1"),
    "no text at all": b"\xff\xfe\x80\x81",
    "huge": b"A" * 8_000,
    "a thousand signatures": b",".join([b"QUJD"] * 1000),
}


@pytest.mark.parametrize("forgery", _FORGERIES)
def test_a_forged_webhook_is_refused_and_not_stored(receiving: Receiving, forgery: str) -> None:
    hook = senders.order(note=f"forged: {forgery}")
    headers = {name: value.encode() for name, value in hook.headers.items() if name != _SIGNATURE}
    if (signature := _FORGERIES[forgery]) is not None:
        headers[_SIGNATURE] = signature

    status, _, body = _raw_post(receiving, "/hooks/shopify", hook.body, headers)

    assert status == 401, body
    assert f"forged: {forgery}".encode() not in receiving.everything_stored()


def test_a_signature_by_a_secret_that_is_not_ours_is_refused(receiving: Receiving) -> None:
    assert senders.shopify("orders/create", b"{}", secret="").post(receiving.web_url).status_code == 401
    assert senders.shopify("orders/create", b"{}", secret="not-ours").post(receiving.web_url).status_code == 401
    # Another connection's secret is as good as none.
    assert senders.shopify("orders/create", b"{}", secret="zendesk-secret").post(receiving.web_url).status_code == 401


@pytest.mark.parametrize("minutes", [-6, 6, -24 * 60])
def test_a_zendesk_webhook_signed_too_long_ago_or_ahead_is_refused(receiving: Receiving, minutes: int) -> None:
    hook = senders.zendesk(TRIGGER, at=datetime.now(UTC) + timedelta(minutes=minutes))

    assert hook.post(receiving.web_url).status_code == 401


def test_a_fresh_timestamp_on_an_old_signature_is_refused(receiving: Receiving) -> None:
    old = senders.zendesk(TRIGGER, at=datetime.now(UTC) - timedelta(minutes=6))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert old.with_headers(X_Zendesk_Webhook_Signature_Timestamp=now).post(receiving.web_url).status_code == 401


def test_a_captured_request_with_a_new_id_is_known(receiving: Receiving) -> None:
    hook = senders.order()
    assert hook.post(receiving.web_url).json() == {"status": "stored"}

    again = hook.with_headers(X_Shopify_Event_Id="another", X_Shopify_Webhook_Id="another")

    assert again.post(receiving.web_url).json() == {"status": "known"}


def test_the_signature_header_of_kustomer_is_the_one_that_is_set(receiving: Receiving) -> None:
    body = samples.load("kustomer")["message_create_out"].body
    overridden = senders.kustomer(body, header="X-Kustomer-Signature")
    documented = senders.kustomer(body)

    assert documented.post(receiving.web_url, "/hooks/help-desk").status_code == 401
    assert overridden.post(receiving.web_url, "/hooks/help-desk").json() == {"status": "stored"}


@pytest.mark.parametrize("path", ["/hooks/nobody", "/hooks/kustomer", "/hooks/intercom", "/hooks/help_desk"])
def test_an_unknown_or_unconfigured_connection_is_not_found(receiving: Receiving, path: str) -> None:
    assert senders.order().post(receiving.web_url, path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/hooks/shopify/", "/hooks//shopify", "/hooks/./shopify", "/hooks/Shopify", "/hooks", "/hooks/",
     "/hooks/shopify/orders", "/hooks/shopify%2f", "/hooks/..%2fshopify", "/hooks/shopify\\"],
)  # fmt: skip
def test_an_address_that_is_nearly_right_is_not_found_and_never_redirected(receiving: Receiving, path: str) -> None:
    hook = senders.order()
    headers = {name: value.encode() for name, value in hook.headers.items()}

    status, answered, _ = _raw_post(receiving, path, hook.body, headers)

    assert status == 404
    assert "Location" not in answered


def test_a_doubled_first_slash_does_no_harm(receiving: Receiving) -> None:
    assert senders.order().post(receiving.web_url, "//hooks/shopify").json() == {"status": "stored"}


def test_a_header_that_no_server_reads_is_refused_and_not_stored(receiving: Receiving) -> None:
    hook = senders.order(note="forged: endless").with_headers(X_Shopify_Hmac_Sha256="A" * 100_000)

    assert hook.post(receiving.web_url).status_code == 431
    assert b"forged: endless" not in receiving.everything_stored()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_another_method_is_not_allowed(receiving: Receiving, method: str) -> None:
    assert requests.request(method, f"{receiving.web_url}/hooks/shopify", timeout=10).status_code == 405


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT])
def test_a_body_over_the_limit_is_too_large(receiving: Receiving, size: int, connection: str) -> None:
    hook = senders.shopify("orders/create", b" " * size).with_headers(Connection=connection)

    assert hook.post(receiving.web_url).status_code == 413


def test_a_body_at_the_limit_is_stored(receiving: Receiving) -> None:
    hook = senders.shopify("orders/create", b'{"id": 7}'.ljust(LIMIT))

    assert hook.post(receiving.web_url).json() == {"status": "stored"}


def test_a_chunked_body_is_read_and_held_to_the_limit(receiving: Receiving) -> None:
    hook = senders.order()
    large = senders.shopify("orders/create", b" " * (LIMIT + 1))

    def post(hook: Webhook) -> int:
        chunks = (hook.body[start : start + 4096] for start in range(0, len(hook.body), 4096))
        answer = requests.post(
            f"{receiving.web_url}/hooks/shopify", data=chunks, headers=dict(hook.headers), timeout=10
        )
        return answer.status_code

    at_the_limit = senders.shopify("orders/create", b'{"id": 8}'.ljust(LIMIT))

    assert post(hook) == 200
    assert post(at_the_limit) == 200
    assert hook.post(receiving.web_url).json() == {"status": "known"}
    assert post(large) == 413


_UNREADABLE = {
    "nothing": b"",
    "half of it": b'{"id": 1, "name": ',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "XML": b"<?xml version='1.0'?><order/>",
    "a list": b"[1, 2]",
    "null": b"null",
    "a number too long to read": b'{"id": ' + b"9" * 5000 + b"}",
    "too deep": b"[" * 100_000,
    "too many parts": b'{"a":[' + b"{}," * 250_000 + b"{}]}",
    "zero bytes": b"\x00" * 10,
}


@pytest.mark.parametrize("case", _UNREADABLE)
def test_a_signed_body_that_cannot_be_read_is_acknowledged_and_parked(receiving: Receiving, case: str) -> None:
    hook = senders.shopify("orders/create", _UNREADABLE[case])

    assert hook.post(receiving.web_url).json() == {"status": "stored"}

    key = f"orders/create:{hook.headers['X-Shopify-Event-Id']}"
    query = f"SELECT state, reason, body FROM deliveries WHERE key = '{key}'"  # noqa: S608 - our own id
    wait_until(lambda: receiving.rows(query)[0]["state"] != "stored", "the worker has looked at it")
    (row,) = receiving.rows(query)
    assert (row["state"], row["reason"]) == ("parked", "unreadable_body")
    assert row["body"] == hook.body


def test_two_web_processes_answer_and_know_each_others_deliveries(receiving: Receiving) -> None:
    processes = children_of(receiving.web.pid)
    assert len(processes) == 2
    hooks = [senders.order() for _ in range(40)]

    # A new connection for each, so that the kernel spreads them.
    told = [hook.with_headers(Connection="close").post(receiving.web_url).json()["status"] for hook in hooks * 2]

    assert told == ["stored"] * 40 + ["known"] * 40


def test_credentials_and_unlisted_headers_and_the_query_are_neither_stored_nor_logged(receiving: Receiving) -> None:
    hook = senders.order().with_headers(
        Authorization="Bearer marker-authorization",
        Cookie="session=marker-cookie",
        X_Bridge_Token="marker-token",
        X_Forwarded_For="198.51.100.7, marker-forwarded",
        User_Agent="marker-agent",
        X_Anything_Else="marker-else",
    )
    path = "/hooks/shopify?token=marker-query&X-Bridge-Token=marker-query-two"
    assert hook.post(receiving.web_url, path).status_code == 200
    assert hook.with_headers(X_Shopify_Hmac_Sha256="no").post(receiving.web_url, path).status_code == 401
    assert hook.post(receiving.web_url, "/hooks/nobody?token=marker-query").status_code == 404

    key = f"orders/create:{hook.headers['X-Shopify-Event-Id']}"
    (row,) = receiving.rows(f"SELECT headers FROM deliveries WHERE key = '{key}'")  # noqa: S608 - our own id
    assert set(json.loads(row["headers"])) == {name.lower() for name in hook.headers if "Shopify" in name} | {
        "content-type"
    }
    assert b"marker-" not in receiving.everything_stored()
    assert "marker-" not in receiving.web.log


def test_no_phone_number_or_body_reaches_the_log(receiving: Receiving) -> None:
    hook = senders.order(phone="+12125550177", note="a very private note")
    assert hook.post(receiving.web_url).status_code == 200
    assert hook.with_headers(X_Shopify_Hmac_Sha256="no").post(receiving.web_url).status_code == 401
    query = "SELECT count(*) AS waiting FROM deliveries WHERE state = 'stored'"
    wait_until(lambda: receiving.rows(query)[0]["waiting"] == 0, "the worker is done")

    logs = "".join(path.read_text("utf-8", "replace") for path in receiving.directory.glob("*.log"))

    assert "5550177" not in logs
    assert "private note" not in logs


def test_live_and_ready_say_so(receiving: Receiving) -> None:
    assert requests.get(f"{receiving.web_url}/health/live", timeout=10).json() == {"status": "ok"}
    ready = requests.get(f"{receiving.web_url}/health/ready", timeout=10)

    assert ready.status_code == 200
    assert ready.json()["workers"] == 1


def test_a_paused_account_and_a_long_queue_do_not_make_web_unready(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web()
    for _ in range(60):
        assert senders.order().post(stack.web_url).status_code == 200
    now = datetime.now(UTC)
    database = Database(stack.database_url)
    with database.write() as connection:
        paused = AccountHealth(
            name="attentive", failures=9, paused_until=now + timedelta(hours=1), pause_reason="denied", paused_since=now
        )
        account_health.save(connection, [paused])
    database.dispose()

    ready = requests.get(f"{stack.web_url}/health/ready", timeout=10)

    assert ready.status_code == 200
    assert ready.json()["queue"]["deliveries"] == 60
    assert ready.json()["accounts"]["attentive"] | {"since": None, "next_probe": None} == {
        "paused": True, "reason": "denied", "since": None, "next_probe": None, "oldest_seconds": 0.0,
        "confirmed": None,
    }  # fmt: skip
    assert senders.order().post(stack.web_url).json() == {"status": "stored"}
    assert _metrics(stack)[("bridge_account_paused", "attentive")] == 1
    assert _metrics(stack)[("bridge_waiting", "deliveries")] == 61


def test_the_metrics_are_what_prometheus_reads(receiving: Receiving) -> None:
    found = _metrics(receiving)

    assert {name for name, _ in found} >= {"bridge_waiting", "bridge_oldest_waiting_seconds", "bridge_workers"}
    assert found[("bridge_workers", "")] == 1


def _metrics(stack: Stack) -> dict[tuple[str, str], float]:
    """The samples by name and label."""
    answer = requests.get(f"{stack.web_url}/metrics", timeout=10)
    assert answer.status_code == 200
    return {
        (sample.name, "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _assert_unavailable(stack: Stack) -> None:
    """Nothing can be stored: senders are told to come again, in time for the most impatient of them."""
    before = time.monotonic()
    answer = senders.order().post(stack.web_url)
    assert time.monotonic() - before < 5
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "10")
    assert requests.get(f"{stack.web_url}/health/ready", timeout=10).status_code == 503
    assert requests.get(f"{stack.web_url}/health/live", timeout=10).status_code == 200
    # A forged one learns nothing of it.
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256="no")
    assert forged.post(stack.web_url).status_code == 401


def _assert_available(stack: Stack) -> None:
    assert senders.order().post(stack.web_url).json() == {"status": "stored"}
    assert requests.get(f"{stack.web_url}/health/ready", timeout=10).status_code == 200


def test_without_its_tables_web_answers_503_until_they_are_back(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web()
    database = sqlite3.connect(stack.directory / "bridge.db")
    _assert_available(stack)

    database.execute("ALTER TABLE deliveries RENAME TO elsewhere")
    _assert_unavailable(stack)
    assert requests.get(f"{stack.web_url}/metrics", timeout=10).status_code == 503
    assert "hook.not_stored" in web.log
    assert "Traceback" not in web.log
    database.execute("ALTER TABLE elsewhere RENAME TO deliveries")
    database.close()

    _assert_available(stack)


def test_while_another_program_locks_the_file_web_answers_503(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web()
    database = sqlite3.connect(stack.directory / "bridge.db", isolation_level=None)

    database.execute("BEGIN IMMEDIATE")
    before = time.monotonic()
    answer = senders.order().post(stack.web_url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert time.monotonic() - before < 5
    database.execute("ROLLBACK")
    database.close()

    wait_until(lambda: requests.get(f"{stack.web_url}/health/ready", timeout=10).ok, "the file is asked for again", 2)
    _assert_available(stack)


def test_a_full_disk_is_answered_503_and_harms_nothing(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web()
    kept = senders.order()
    assert kept.post(stack.web_url).json() == {"status": "stored"}
    (process,) = children_of(web.pid)
    unlimited = resource.prlimit(process, resource.RLIMIT_FSIZE)

    # No file of this process may grow beyond what the journal is now.
    full = (stack.directory / "bridge.db-wal").stat().st_size
    resource.prlimit(process, resource.RLIMIT_FSIZE, (full, unlimited[1]))
    _assert_unavailable(stack)
    assert "hook.not_stored" in web.log
    resource.prlimit(process, resource.RLIMIT_FSIZE, unlimited)

    _assert_available(stack)
    assert kept.post(stack.web_url).json() == {"status": "known"}
    with sqlite3.connect(stack.directory / "bridge.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


def test_while_postgresql_refuses_connections_web_answers_503(stack_on_postgres: Stack, postgres_server) -> None:  # type: ignore[no-untyped-def]
    stack = stack_on_postgres
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web()
    _assert_available(stack)
    name = stack.database_url.partition("?")[0].rpartition("/")[2]

    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        _assert_unavailable(stack)
        assert requests.get(f"{stack.web_url}/metrics", timeout=10).status_code == 503
        assert "Traceback" not in web.log
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    _assert_available(stack)


def test_a_web_process_that_is_started_while_the_database_is_away_answers_503_and_says_why(stack: Stack) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"postgresql://user:hidden-password@127.0.0.1:{nobody.getsockname()[1]}/bridge"
        web = stack.start_web(DATABASE_URL=address)
        _assert_unavailable(stack)

    assert "the database does not answer" in web.log
    assert "Traceback" not in web.log
    assert "hidden-password" not in web.log


def _raw_post(
    stack: Stack, path: str, body: bytes, headers: dict[str, bytes]
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """POST with the path and the header bytes exactly as given."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.web_port, timeout=10)
    connection.request("POST", path, body, headers)  # type: ignore[arg-type]  # bytes are sent as they are
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, answer.headers, read
