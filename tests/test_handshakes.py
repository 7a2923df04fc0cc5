"""What platforms send before they send webhooks, through the real server: answered as each expects, and not stored."""

import sqlite3
from collections.abc import Iterator

import pytest
import requests
from conftest import Stack

SYNC = b'{"type":"sync","authorization":{"id":"cmp_j9p2"}}'


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("handshakes")
    stack = Stack(directory, f"sqlite:///{directory / 'bridge.db'}")
    stack.settings |= {"INTERCOM_SECRETS": "topsecret", "FRONT_SECRETS": "topsecret"}
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_web()
    yield stack
    stack.close()


def stored(stack: Stack) -> int:
    with sqlite3.connect(stack.directory / "bridge.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM deliveries").fetchone()
    connection.close()
    return int(count)


def test_intercoms_look_at_an_address_finds_it(stack: Stack) -> None:
    answer = requests.head(f"{stack.web_url}/hooks/intercom", timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    # Others do not look, and a look at them is what it always was.
    assert requests.head(f"{stack.web_url}/hooks/kustomer", timeout=10).status_code == 405
    assert requests.head(f"{stack.web_url}/hooks/nobody", timeout=10).status_code == 404
    assert stored(stack) == 0


def test_fronts_challenge_is_repeated_as_plain_text_that_no_browser_takes_for_a_page(stack: Stack) -> None:
    answer = requests.post(
        f"{stack.web_url}/hooks/front", data=SYNC, headers={"X-Front-Challenge": "c4a11en9e"}, timeout=10
    )
    assert (answer.status_code, answer.text) == (200, "c4a11en9e")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert stored(stack) == 0


@pytest.mark.parametrize("challenge", ["<script>alert(1)</script>", "x" * 513, "two words", ""])
def test_a_challenge_that_is_none_is_a_webhook_without_a_signature(stack: Stack, challenge: str) -> None:
    answer = requests.post(
        f"{stack.web_url}/hooks/front", data=SYNC, headers={"X-Front-Challenge": challenge}, timeout=10
    )
    assert answer.status_code == 401
    assert "script" not in answer.text


def test_a_challenge_with_another_body_lets_nothing_in(stack: Stack) -> None:
    for body in (b'{"type":"inbound_received"}', b"no JSON"):
        answer = requests.post(
            f"{stack.web_url}/hooks/front", data=body, headers={"X-Front-Challenge": "c4a11en9e"}, timeout=10
        )
        assert answer.status_code == 401
    assert stored(stack) == 0
