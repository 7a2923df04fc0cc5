"""The sandbox fails as ordered: over real connections where the connection is the point."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient

from bridge.attentive.sandbox import create_app

ROOT = Path(__file__).parent.parent
HEADERS = {"Authorization": "Bearer t"}


WITH_WERKZEUG = """
import sys
from werkzeug.serving import make_server
from bridge.attentive.sandbox import create_app
make_server("127.0.0.1", 0, create_app(), threaded=True, fd=int(sys.argv[1])).serve_forever()
"""


def message(body: str = "Your order is on its way.") -> dict[str, str]:
    return {"to": "212-555-0123", "body": body, "type": "TRANSACTIONAL"}


@pytest.fixture
def client() -> FlaskClient:
    return create_app().test_client()


def statuses(client: FlaskClient, count: int) -> list[int]:
    return [
        client.post("/1/messages", json=message(str(number)), headers=HEADERS).status_code for number in range(count)
    ]


@pytest.fixture(scope="module", params=["gunicorn", "werkzeug"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a running sandbox and the file its log goes to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The server is handed a socket that listens already: no other program can take its port.
        port, descriptor = listener.getsockname()[1], str(listener.fileno())
        commands = {
            "gunicorn": ["-m", "gunicorn", "-k", "gthread", "--threads", "64", "--graceful-timeout", "1",
                         "-b", f"fd://{descriptor}", "bridge.attentive.sandbox:create_app()"],
            "werkzeug": ["-c", WITH_WERKZEUG, descriptor],
        }  # fmt: skip
        log = tmp_path_factory.mktemp("sandbox") / "log"
        # A developer's own settings for gunicorn are not under test.
        environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(log.parent)}
        environment.pop("GUNICORN_CMD_ARGS", None)
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, *commands[request.param]],
                env=environment, stdout=output, stderr=output, cwd=log.parent, pass_fds=[listener.fileno()],
            )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_up(url, log)
        yield url, log
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_until_up(url: str, log: Path) -> None:
    """Return once a request is answered: it waits in the listening socket until the server takes it."""
    try:
        requests.get(f"{url}/api/messages", timeout=30)
    except requests.RequestException as error:
        raise AssertionError(f"the sandbox did not start: {log.read_text()}") from error


def order(url: str, **faults: object) -> None:
    requests.delete(f"{url}/api/messages", timeout=5).raise_for_status()
    requests.put(f"{url}/api/faults", json=faults, timeout=5).raise_for_status()


def post(url: str, timeout: float = 5) -> requests.Response:
    return requests.post(f"{url}/1/messages", json=message(), headers=HEADERS, timeout=timeout)


def rows(url: str, what: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = requests.get(f"{url}/api/{what}", timeout=5).json()
    return found


def test_a_dropped_connection_takes_no_message_and_leaves_no_traceback(server: tuple[str, Path]) -> None:
    url, log = server
    order(url, drop=True, count=1)
    with pytest.raises(requests.ConnectionError):
        post(url)
    assert rows(url, "messages") == []
    (attempt,) = rows(url, "attempts")
    assert (attempt["status"], attempt["taken"], attempt["fault"]) == (None, False, {"drop": True})
    assert post(url).status_code == 200
    assert "Traceback" not in log.read_text()


def test_a_hang_takes_the_message_and_then_closes_without_an_answer(server: tuple[str, Path]) -> None:
    url, log = server
    order(url, hang_after_accept=0.7, count=1)
    start = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        post(url)
    assert 0.6 < time.monotonic() - start < 4
    assert len(rows(url, "messages")) == 1
    (attempt,) = rows(url, "attempts")
    assert (attempt["status"], attempt["taken"]) == (None, True)
    assert post(url).status_code == 200
    assert len(rows(url, "messages")) == 1, "the repeat is a duplicate"
    assert "Traceback" not in log.read_text()


def test_a_hang_holds_no_thread_once_the_client_has_given_up(server: tuple[str, Path]) -> None:
    url, log = server
    order(url, hang_after_accept=600, count=70)
    for _ in range(70):  # more than there are threads
        with pytest.raises(requests.ReadTimeout):
            post(url, timeout=0.03)
    order(url)
    assert post(url, timeout=5).status_code == 200
    assert "Traceback" not in log.read_text()


def test_a_status_is_answered_with_its_retry_after_and_takes_no_message(server: tuple[str, Path]) -> None:
    url, _ = server
    order(url, status=429, retry_after=7, count=1)
    answer = post(url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert rows(url, "messages") == []
    assert post(url).status_code == 200


def test_latency_delays_the_answer(client: FlaskClient) -> None:
    client.put("/api/faults", json={"latency_ms": 120})
    start = time.monotonic()
    assert statuses(client, 1) == [200]
    assert time.monotonic() - start >= 0.12
    assert client.get("/api/attempts").json[0]["fault"] == {"latency_ms": 120}


def test_faults_clear_themselves_after_their_count(client: FlaskClient) -> None:
    client.put("/api/faults", json={"status": 500, "count": 2})
    assert statuses(client, 1) == [500]
    assert client.get("/api/faults").json == {"status": 500, "count": 1}
    assert statuses(client, 2) == [500, 200]
    assert client.get("/api/faults").json == {}


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.1, 2), (0.25, 5), (0.5, 10), (1, 20), (1.0, 20)])
def test_a_share_of_requests_meets_the_fault(client: FlaskClient, share: float, expected: int) -> None:
    client.put("/api/faults", json={"status": 503, "share": share})
    assert statuses(client, 20).count(503) == expected


def test_an_odd_success_takes_the_message(client: FlaskClient) -> None:
    client.put("/api/faults", json={"status": 202})
    assert statuses(client, 1) == [202]
    assert len(client.get("/api/messages").json) == 1
    assert client.post("/1/messages", json={}, headers=HEADERS).status_code == 400


def test_a_hang_over_a_bad_message_takes_nothing(client: FlaskClient) -> None:
    client.application.testing = True  # under a test client there is no connection to close: it is an error to see
    client.put("/api/faults", json={"hang_after_accept": 0.01})
    with pytest.raises(ConnectionAbortedError):
        client.post("/1/messages", json={}, headers=HEADERS)
    assert client.get("/api/messages").json == []
    assert "Missing" in client.get("/api/attempts").json[0]["note"]


EVERYTHING = {
    "latency_ms": 50, "status": 500, "retry_after": 1, "drop": True, "hang_after_accept": 30, "share": 0.5, "count": 10,
}  # fmt: skip


@pytest.mark.parametrize(
    "faults",
    [{}, EVERYTHING, {"latency_ms": 0.5}, {"hang_after_accept": 0.5}, {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}],
)
def test_faults_are_shown_as_ordered_and_nothing_clears_them(client: FlaskClient, faults: dict[str, object]) -> None:
    assert client.put("/api/faults", json=faults).json == faults
    assert client.get("/api/faults").json == faults
    assert client.put("/api/faults", json={}).json == {}
    assert statuses(client, 1) == [200]


@pytest.mark.parametrize(
    "faults",
    [
        {"latency": 50},
        {"latency_ms": "50"},
        {"latency_ms": -1},
        {"latency_ms": True},
        {"status": "500"},
        {"status": 500.0},
        {"status": 99},
        {"status": 600},
        {"status": None},
        {"retry_after": "soon"},
        {"retry_after": -1},
        {"retry_after": []},
        {"drop": "true"},
        {"drop": 1},
        {"hang_after_accept": "30"},
        {"hang_after_accept": 10**9},
        {"share": 1.1},
        {"share": -0.1},
        {"share": "1"},
        {"share": float("nan")},
        {"count": 0},
        {"count": 1.5},
        {"count": True},
        [],
        None,
        "drop",
    ],
)
def test_faults_that_make_no_sense_are_refused_and_change_nothing(client: FlaskClient, faults: object) -> None:
    client.put("/api/faults", json={"status": 503})
    assert client.put("/api/faults", json=faults).status_code == 400
    assert client.get("/api/faults").json == {"status": 503}


def test_every_problem_with_the_faults_is_named_at_once(client: FlaskClient) -> None:
    words = client.put("/api/faults", json={"latency": 1, "drop": "yes", "count": 0}).json["message"]
    assert all(name in words for name in ("latency: ", "drop: ", "count: "))
    assert "not JSON" in client.put("/api/faults", data=b"{").json["message"]
