"""What Attentive does to us, played by the sandbox to the real worker: a text arrives once, or there is a reason."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import senders
from conftest import wait_until
from forked import ForkedStack
from senders import Webhook

from bridge.store import ledger


class Sending(ForkedStack):
    """Sandbox, web and worker; with what became of the messages."""

    def start_with(self, faults: Mapping[str, object] | None = None, **settings: str) -> None:
        self.settings |= settings
        self.migrate()
        self.start_sandbox()
        self.set_faults(**(faults or {}))
        self.start_web()
        self.worker = self.start_worker()

    def accept(self, hook: Webhook | None = None) -> Webhook:
        hook = hook or senders.order()
        assert hook.post(self.web_url).json() == {"status": "stored"}
        return hook

    def messages(self) -> list[dict[str, Any]]:
        """All messages, the oldest first, with their attempts and what the list says they wait for."""
        database = self.open_database()
        with database.read() as connection:
            found = [
                {
                    **(ledger.find_message(connection, row["id"]) or {}),
                    "waiting_for": row["waiting_for"],
                    "attempts": ledger.list_attempts(connection, row["id"]),
                }
                for row in reversed(ledger.list_messages(connection, limit=1000))
            ]
        database.dispose()
        return found

    def wait_for_state(self, state: str) -> list[dict[str, Any]]:
        def arrived() -> bool:
            found = self.messages()
            return bool(found) and all(message["state"] == state for message in found)

        wait_until(arrived, f"every message is {state}: {[message['state'] for message in self.messages()]}")
        return self.messages()

    def attempts(self) -> list[dict[str, Any]]:
        """Every POST as the sandbox saw it."""
        found: list[dict[str, Any]] = requests.get(f"{self.sandbox_url}/api/attempts", timeout=10).json()
        return found


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[Sending]:
    stack = Sending(tmp_path, f"sqlite:///{tmp_path / 'bridge.db'}")
    yield stack
    stack.close()


def _outcomes(message: Mapping[str, Any]) -> list[str]:
    return [attempt["outcome"] for attempt in message["attempts"]]


@pytest.mark.parametrize(
    ("faults", "outcomes"),
    [
        ({"hang_after_accept": 30, "count": 1}, ["unknown", "sent"]),
        ({"drop": True, "count": 1}, ["unknown", "sent"]),
        ({"status": 502, "count": 1}, ["unknown", "sent"]),
        ({"status": 504, "count": 1}, ["unknown", "sent"]),
        ({"status": 500, "count": 2}, ["not_sent", "not_sent", "sent"]),
        ({"status": 503, "retry_after": 1, "count": 1}, ["not_sent", "sent"]),
        ({"status": 408, "count": 1}, ["not_sent", "sent"]),
        ({"latency_ms": 200}, ["sent"]),
        ({"status": 202}, ["sent"]),
    ],
    ids=str,
)
def test_whatever_happened_to_a_send_the_text_is_on_the_phone_once(
    sending: Sending, faults: dict[str, object], outcomes: list[str]
) -> None:
    sending.start_with(faults, ATTENTIVE_READ_TIMEOUT="0.5")
    hook = sending.accept()

    (message,) = sending.wait_for_state("sent")

    assert _outcomes(message) == outcomes
    assert [hook.text in text["text"] for text in sending.texts()] == [True]
    # Byte for byte, or Attentive would not know the repeat for one.
    assert {attempt["body"] for attempt in sending.attempts()} == {message["body"]}


def test_while_attentive_cannot_be_reached_the_text_waits_and_then_arrives(sending: Sending) -> None:
    sending.migrate()
    sending.start_web()
    sending.start_worker()
    hook = sending.accept()
    wait_until(lambda: any(message["attempts"] for message in sending.messages()), "a first attempt has failed")
    (message,) = sending.messages()
    assert (_outcomes(message)[0], message["state"]) == ("not_sent", "queued")

    sending.start_sandbox()
    sending.wait_for_state("sent")

    assert [hook.text in text["text"] for text in sending.texts()] == [True]


def test_too_fast_slows_the_account_as_long_as_attentive_says(sending: Sending) -> None:
    sending.start_with({"status": 429, "retry_after": 2, "count": 1}, WORKER_THREADS="1")
    for _ in range(3):
        sending.accept()

    sending.wait_for_state("sent")

    first, *later = [_moment(attempt) for attempt in sending.attempts()]
    assert len(later) == 3
    assert (later[0] - first).total_seconds() >= 2
    assert len(sending.texts()) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_refused_account_pauses_and_its_messages_wait_while_webhooks_are_accepted(
    sending: Sending, status: int
) -> None:
    sending.start_with({"status": status}, WORKER_THREADS="1")
    sending.accept()
    wait_until(lambda: _paused(sending), "the account is paused")

    for _ in range(3):
        sending.accept()
    wait_until(lambda: len(sending.messages()) == 4, "every webhook has its message")

    assert {message["state"] for message in sending.messages()} == {"queued"}
    assert {message["waiting_for"] for message in sending.messages()} == {"account"}
    assert [attempt["status"] for attempt in sending.attempts()] == [status]
    assert requests.get(f"{sending.web_url}/health/ready", timeout=10).status_code == 200
    assert '"account.paused"' in sending.worker.log


def test_a_paused_account_probes_by_itself_and_goes_on_when_the_fault_is_over(sending: Sending) -> None:
    sending.start_with({"status": 401, "count": 1})
    first = sending.accept()
    wait_until(lambda: _paused(sending), "the account is paused")
    hooks = [first, *(sending.accept() for _ in range(3))]

    sending.wait_for_state("sent")

    refused, probe, *rest = sending.attempts()
    assert (refused["status"], probe["status"]) == (401, 200)
    assert (_moment(probe) - _moment(refused)).total_seconds() >= 5
    assert len(rest) == 3
    assert not _paused(sending)
    assert sorted(hook.text for hook in hooks for text in sending.texts() if hook.text in text["text"]) == sorted(
        hook.text for hook in hooks
    )


def _moment(attempt: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(attempt["received_at"])


def _paused(stack: Sending) -> bool:
    accounts = requests.get(f"{stack.web_url}/health/ready", timeout=10).json()["accounts"]
    return any(account["paused"] for account in accounts.values())


def test_a_person_who_is_not_subscribed_is_refused_once_in_attentives_words(sending: Sending) -> None:
    sending.start_with()
    requests.put(
        f"{sending.sandbox_url}/api/subscribers", json={"subscribers": ["+12125550199"]}, timeout=10
    ).raise_for_status()
    sending.accept()

    (message,) = sending.wait_for_state("refused")

    assert message["reason"] == "refused_by_attentive"
    assert "not an opted-in subscriber" in message["detail"]
    assert len(sending.attempts()) == 1


def test_an_unknown_message_is_not_repeated_after_the_window_until_a_person_says_so(sending: Sending) -> None:
    sending.start_with({"hang_after_accept": 30}, ATTENTIVE_READ_TIMEOUT="0.3", ATTENTIVE_DUPLICATE_WINDOW="1")
    hook = sending.accept()

    (message,) = sending.wait_for_state("unknown")
    assert message["reason"] == "outcome_unknown"
    assert [hook.text in text["text"] for text in sending.texts()] == [True]
    shown = sending.run("messages", "show", str(message["id"]))
    assert "may or may not have taken this message" in shown.stdout

    posted = len(sending.attempts())
    first = _moment(sending.attempts()[0])
    wait_until(lambda: (datetime.now(UTC) - first).total_seconds() > 1, "the sandbox's window is over, too")
    sending.set_faults()
    assert sending.run("messages", "retry", str(message["id"])).returncode == 0
    sending.wait_for_state("sent")

    # Attentive has it twice now, by a person's decision.
    assert [hook.text in text["text"] for text in sending.texts()] == [True, True]
    assert len(sending.attempts()) == posted + 1


def test_a_killed_workers_message_is_unknown_after_the_window(sending: Sending) -> None:
    sending.start_with({"hang_after_accept": 30}, ATTENTIVE_DUPLICATE_WINDOW="1")
    sending.accept()
    wait_until(sending.texts, "the message is under way")
    sending.worker.kill()
    claimed_at = sending.messages()[0]["claimed_at"]
    wait_until(lambda: (datetime.now(claimed_at.tzinfo) - claimed_at).total_seconds() > 1, "the window is over")
    sending.set_faults()
    sending.start_worker()

    (message,) = sending.wait_for_state("unknown")

    assert message["reason"] in ("outcome_unknown", "worker_died")
    assert len(sending.attempts()) == 1


def test_a_template_may_ask_for_the_repeat_of_an_unknown_message(
    sending: Sending, write_template: Callable[[str, str], Path]
) -> None:
    folder = write_template("urgent", "---\nevent: order.created\nif_unknown: resend\n---\nUrgent: {{ order.name }}\n")
    sending.start_with(
        {"hang_after_accept": 30, "count": 1},
        ATTENTIVE_READ_TIMEOUT="0.3",
        ATTENTIVE_DUPLICATE_WINDOW="0.1",
        TEMPLATES_DIR=str(folder),
    )
    hook = sending.accept()

    (message,) = sending.wait_for_state("sent")

    assert _outcomes(message) == ["unknown", "sent"]
    assert [text["body"] for text in sending.texts()] == [f"Urgent: {hook.text}"] * 2


@pytest.fixture
def write_template(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a template file; its folder."""

    def write(name: str, text: str) -> Path:
        folder = tmp_path / "messages"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.txt").write_text(text)
        return folder

    return write
