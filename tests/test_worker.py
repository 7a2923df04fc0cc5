"""The worker, whole, in this process: stored webhooks in, texts out, and what it does when something is in the way."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import wait_until
from office import Office, Peer
from sqlalchemy import Connection, select, update

from bridge import pipeline
from bridge.attentive import retry
from bridge.errors import StoreUnavailable
from bridge.events import Delivery
from bridge.housekeeping import Housekeeper
from bridge.sources.samples import load
from bridge.store import account_health, ledger, processing, sending, tables
from bridge.store import workers as registry
from bridge.worker import Worker

# --- the path ----------------------------------------------------------------------------------------------------


def test_a_stored_webhook_becomes_a_text(office: Office, attentive: Peer) -> None:
    office.start()
    delivery = office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    ((token, sent),) = attentive.taken
    assert (token, sent["type"]) == ("token-a", "TRANSACTIONAL")
    assert sent["body"].startswith("Thank you for order #")
    (message,) = office.messages()
    assert (message["delivery_id"], message["to"], message["attempts"]) == (delivery, sent["to"], 1)
    assert message["sent_at"] is not None
    (attempt,) = office.attempts()
    assert (attempt["outcome"], attempt["status"], attempt["words"]) == ("sent", 200, "Taken.")
    (found,) = office.deliveries()
    assert [line["outcome"] for line in found["events"]] == ["composed"]


def test_what_was_stored_before_the_start_is_sent_too(office: Office) -> None:
    office.receive("shopify", "orders_create")
    office.start()
    office.wait_for_states("sent")


def test_two_workers_send_each_message_once(office: Office, attentive: Peer) -> None:
    office.start("one")
    office.start("two")
    for number in range(20):
        office.receive("shopify", "orders_create", id=number, name=f"#{number}")
    office.wait_for_states(*["sent"] * 20)
    assert len({sent["body"] for _, sent in attentive.taken}) == len(attentive.taken) == 20


def test_two_connections_with_two_tokens_go_to_two_accounts(office: Office, attentive: Peer) -> None:
    office.set(
        CONNECTIONS="shop=shopify,shop-eu=shopify", SHOPIFY_SECRETS=None, ZENDESK_SECRETS=None, SHOP_SECRETS="a",
        SHOP_EU_SECRETS="b", SHOP_EU_ATTENTIVE_API_TOKEN="token-b",
    )  # fmt: skip
    office.start()
    office.receive("shop", "orders_create")
    office.receive("shop-eu", "orders_create")
    office.wait_for_states("sent", "sent")
    assert sorted(token for token, _ in attentive.taken) == ["token-a", "token-b"]
    assert {message["connection"]: message["account"] for message in office.messages()} == {
        "shop": "attentive", "shop-eu": "shop-eu",
    }  # fmt: skip


def test_a_wrong_token_of_one_account_holds_up_no_other(office: Office, attentive: Peer) -> None:
    attentive.answers = lambda token, _sent: (401 if token == "token-b" else 200, {})
    office.set(ZENDESK_ATTENTIVE_API_TOKEN="token-b")
    office.start()
    office.receive("zendesk", "trigger_created")
    wait_until(lambda: attentive.taken, "the account of Zendesk is refused")
    office.receive("shopify", "orders_create")
    wait_until(lambda: "sent" in office.states(), "the other account sends")
    with office.database.read() as connection:
        paused = account_health.look(connection)["zendesk"]
    assert paused.pause_reason == "denied"


# --- tokens and switches -------------------------------------------------------------------------------------------


def test_without_a_token_messages_wait_and_go_after_a_restart_with_one(office: Office, attentive: Peer) -> None:
    office.set(ATTENTIVE_API_TOKEN=None)
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("queued")
    assert [message["waiting_for"] for message in office.messages()] == ["token"]
    assert attentive.taken == []
    office.restart(ATTENTIVE_API_TOKEN="token-c")
    office.wait_for_states("sent")
    assert [token for token, _ in attentive.taken] == ["token-c"]


@pytest.mark.parametrize("sending", ["hold", "off"])
def test_while_sending_is_switched_off_messages_are_held_and_then_go(
    office: Office, attentive: Peer, sending: str
) -> None:
    office.set(BRIDGE_SENDING=sending)
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    assert [message["reason"] for message in office.messages()] == ["sending_off"]
    office.restart(BRIDGE_SENDING="on")
    office.wait_for_states("sent")
    assert len(attentive.taken) == 1


def test_a_released_message_goes_while_others_are_held(office: Office, attentive: Peer) -> None:
    office.set(BRIDGE_SENDING="hold")
    office.start()
    office.receive("shopify", "orders_create")
    office.receive("zendesk", "trigger_created")
    office.wait_for_states("held", "held")
    with office.database.write() as connection:
        assert ledger.release(connection, [2], datetime.now(UTC)) == 1
    office.wait_for_states("held", "sent")
    assert len(attentive.taken) == 1
    office.restart()
    assert office.states() == ["held", "sent"]


def test_a_message_released_after_its_time_gets_new_time(office: Office, attentive: Peer) -> None:
    office.set(BRIDGE_SENDING="hold")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    with office.database.write() as connection:
        late = datetime.now(UTC) + timedelta(days=3)
        ledger.release(connection, [1], late)
        (message,) = ledger.list_messages(connection, limit=1)
        found = ledger.find_message(connection, message["id"])
    assert found is not None
    assert found["expires_at"] > late
    office.wait_for_states("sent")


def test_off_is_off_even_for_what_was_released(office: Office, attentive: Peer) -> None:
    office.set(BRIDGE_SENDING="off")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    with office.database.write() as connection:
        ledger.release(connection, [1], datetime.now(UTC))
    office.receive("zendesk", "trigger_created")
    office.wait_for_states("queued", "held")
    assert attentive.taken == []
    office.restart(BRIDGE_SENDING="hold")
    office.wait_for_states("sent", "held")


# --- what goes wrong with a webhook --------------------------------------------------------------------------------


def test_a_template_that_fails_is_recorded_and_the_others_send(office: Office) -> None:
    office.write_template("broken", "---\nevent: order.created\n---\nTotal: {{ order.total / 0 }}")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("skipped", "sent")
    (broken,) = [message for message in office.messages() if message["template"] == "broken"]
    assert broken["reason"] == "template_error"
    (found,) = office.deliveries()
    assert {line["template"]: line["outcome"] for line in found["events"]} == {
        "broken": "template_error", "placed": "composed",
    }  # fmt: skip


def _crash_on_parse(worker: Worker) -> None:
    def crash(_delivery: Delivery) -> None:
        raise ZeroDivisionError("+12125550123")

    route = worker.routes["shopify"]
    worker.routes["shopify"] = replace(route, source=replace(route.source, parse=crash))  # type: ignore[arg-type]


def test_a_crash_parks_the_webhook_and_a_replay_with_a_mended_program_sends(office: Office) -> None:
    office.start(change=_crash_on_parse)
    delivery = office.receive("shopify", "orders_create")
    found = office.wait_for_delivery(state="parked")
    assert found["reason"] == "crashed"
    assert found["detail"].startswith("ZeroDivisionError at test_worker.py:")
    office.stop()
    with office.database.write() as connection:
        processing.replay(connection, delivery, office.database.now(connection), again=False)
    office.start()
    office.wait_for_states("sent")
    assert office.wait_for_delivery(state="processed")["reason"] is None


def test_a_result_that_no_database_can_hold_is_parked_and_the_others_send(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = pipeline.process

    def process_with_a_moment_nobody_can_place(delivery: Delivery, *rest: Any) -> Any:
        found = process(delivery, *rest)
        if b"#odd" not in delivery.body:
            return found
        nowhere = datetime(2026, 11, 25)  # noqa: DTZ001 - a moment without a time zone is the point
        return replace(found, drafts=tuple(replace(draft, occurred_at=nowhere) for draft in found.drafts))

    monkeypatch.setattr(pipeline, "process", process_with_a_moment_nobody_can_place)
    for number, name in enumerate(("#1", "#odd", "#3")):
        office.receive("shopify", "orders_create", id=number, name=name)
    office.start()
    office.wait_for_states("sent", "sent")
    wait_until(lambda: office.deliveries()[1]["state"] == "parked", "the odd one is set aside")
    assert office.deliveries()[1]["reason"] == "crashed"
    office.receive("shopify", "orders_create", id=4, name="#4")
    office.wait_for_states("sent", "sent", "sent")


def test_a_webhook_of_a_connection_that_is_gone_is_parked(office: Office) -> None:
    office.receive("shopify", "orders_create")
    office.set(SHOPIFY_SECRETS=None)
    office.start()
    assert office.wait_for_delivery(state="parked")["reason"] == "unknown_connection"


def test_a_replay_makes_no_second_text_and_again_makes_one(office: Office, attentive: Peer) -> None:
    office.start()
    delivery = office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    for again, states in ((False, ["sent"]), (True, ["sent", "sent"]), (False, ["sent", "sent"])):
        with office.database.write() as connection:
            processing.replay(connection, delivery, office.database.now(connection), again=again)
        office.wait_for_delivery(state="processed")
        office.wait_for_states(*states)
    assert len(attentive.taken) == 2


# --- look-ups ----------------------------------------------------------------------------------------------------


@pytest.fixture
def zendesk(office: Office, peer: Callable[[], Peer]) -> Peer:
    """Zendesk's REST API, which knows the person of the sample."""
    zendesk = peer()
    person = load("zendesk")["ticket_created_event"].lookups["user"]
    assert person is not None
    zendesk.answers = lambda _credential, _sent: (200, dict(person))
    office.set(ZENDESK_URL=zendesk.url, ZENDESK_EMAIL="agent@example.com", ZENDESK_API_TOKEN="t")
    return zendesk


def _make_due(office: Office) -> None:
    with office.database.write() as connection:
        due = office.database.now(connection)
        connection.execute(update(tables.deliveries).values(due=due))


def test_a_person_the_webhook_does_not_name_is_looked_up(office: Office, zendesk: Peer) -> None:
    office.start()
    office.receive("zendesk", "ticket_created_event")
    office.wait_for_states("sent")
    assert len(zendesk.taken) == 1


def test_refused_credentials_keep_the_webhook_until_they_are_right(
    office: Office, zendesk: Peer, attentive: Peer
) -> None:
    right, zendesk.answers = zendesk.answers, lambda _credential, _sent: (401, {})
    office.start()
    office.receive("zendesk", "ticket_created_event")
    found = office.wait_for_delivery(waiting_for="lookup_credentials", owner=None)
    assert found["state"] == "stored"
    assert "API_TOKEN" in found["detail"]
    office.receive("zendesk", "ticket_created_event", id="another")
    office.wait_for_delivery(waiting_for="lookup_credentials", owner=None)
    assert len(zendesk.taken) == 1, "while they are refused nobody is asked"
    office.stop()
    zendesk.answers = right
    _make_due(office)
    office.start()
    wait_until(lambda: "sent" in office.states(), "the text is sent")


def test_an_outage_of_the_platform_is_waited_out(office: Office, zendesk: Peer) -> None:
    right, zendesk.answers = zendesk.answers, lambda _credential, _sent: (503, {})
    office.start()
    office.receive("zendesk", "ticket_created_event")
    found = office.wait_for_delivery(waiting_for="lookup", owner=None)
    assert (found["state"], found["attempts"]) == ("stored", 1)
    assert office.messages() == []
    zendesk.answers = right
    _make_due(office)
    office.wait_for_states("sent")
    assert office.wait_for_delivery(state="processed")["waiting_for"] is None


def test_a_person_the_platform_does_not_know_is_skipped(office: Office, zendesk: Peer) -> None:
    zendesk.answers = lambda _credential, _sent: (404, {})
    office.start()
    office.receive("zendesk", "ticket_created_event")
    office.wait_for_states("skipped")
    assert [message["reason"] for message in office.messages()] == ["person_not_found"]


def test_a_look_up_that_is_not_set_up_says_which_settings_to_set(office: Office) -> None:
    office.set(ZENDESK_URL="https://example.zendesk.com")
    office.start()
    office.receive("zendesk", "ticket_created_event")
    office.wait_for_states("skipped")
    (message,) = office.messages()
    assert message["reason"] == "lookup_not_configured"
    assert message["detail"] == "Set ZENDESK_EMAIL, ZENDESK_API_TOKEN."


# --- what goes wrong with an account --------------------------------------------------------------------------------


@pytest.fixture
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.2)
    monkeypatch.setattr(retry, "_FIRST_DELAY", 0.1)
    monkeypatch.setattr(retry, "_LONGEST_UNKNOWN_DELAY", 0.1)


@pytest.mark.usefixtures("_short_pauses")
@pytest.mark.parametrize("status", [401, 307])
def test_an_account_that_is_wrong_keeps_its_messages_and_resumes_by_a_probe(
    office: Office, attentive: Peer, status: int
) -> None:
    attentive.answers = lambda _token, _sent: (status, {"message": "Invalid API token."})
    office.set(WORKER_THREADS="1")
    office.start()
    office.receive("shopify", "orders_create")
    office.receive("zendesk", "trigger_created")
    wait_until(lambda: len(office.attempts()) >= 3, "the account is probed")
    assert set(office.states()) <= {"queued", "sending"}
    attentive.answers = lambda _token, _sent: (200, {})
    office.wait_for_states("sent", "sent")
    with office.database.read() as connection:
        account = account_health.look(connection)["attentive"]
    assert (account.paused_until, account.failures) == (None, 0)


@pytest.mark.usefixtures("_short_pauses")
def test_a_message_that_alone_is_forbidden_is_refused_in_the_end(office: Office, attentive: Peer) -> None:
    attentive.answers = lambda _token, sent: (403 if "request" in sent["body"] else 200, {"message": "No."})
    office.set(WORKER_THREADS="1")
    office.start()
    office.receive("zendesk", "trigger_created")
    wait_until(lambda: office.attempts(), "it is forbidden")
    for number in range(40):
        if "refused" in office.states():
            break
        office.receive("shopify", "orders_create", id=number, name=f"#{number}")
        wait_until(lambda: "queued" not in office.states()[1:], "the others pass")
    wait_until(lambda: set(office.states()[1:]) == {"sent"}, "the others pass")
    forbidden = office.messages()[0]
    assert (forbidden["state"], forbidden["reason"], forbidden["denials"]) == ("refused", "refused_alone", 2)
    with office.database.read() as connection:
        assert account_health.look(connection)["attentive"].paused_until is None


@pytest.mark.usefixtures("_short_pauses")
def test_a_refusal_is_kept_with_attentives_words(office: Office, attentive: Peer) -> None:
    attentive.answers = lambda _token, _sent: (400, {"message": "Invalid or unmatched phone number."})
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("refused")
    (message,) = office.messages()
    assert message["reason"] == "refused_by_attentive"
    assert message["detail"] == "Attentive said 400: Invalid or unmatched phone number."


@pytest.mark.usefixtures("_short_pauses")
def test_a_hiccup_is_tried_again_with_the_same_body(office: Office, attentive: Peer) -> None:
    statuses = iter([503, 502, 200])
    attentive.answers = lambda _token, _sent: (next(statuses), {})
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    assert [attempt["outcome"] for attempt in office.attempts()] == ["not_sent", "unknown", "sent"]
    assert len({json.dumps(sent) for _, sent in attentive.taken}) == 1


# --- stopping and dying ---------------------------------------------------------------------------------------------


class Hold:
    """Lets Attentive take a message and answer only when told to."""

    def __init__(self, attentive: Peer) -> None:
        self.taken, self.go = threading.Event(), threading.Event()
        self._attentive = attentive
        attentive.answers = self._answer

    def _answer(self, _token: str, _sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.taken.set()
        wait_until(lambda: self.go.is_set() or self._attentive.is_closing.is_set(), "the answer may go")
        return 200, {}


def workers_of(office: Office) -> list[Any]:
    with office.database.read() as connection:
        return list(connection.execute(select(tables.workers)))


def test_a_worker_that_stops_records_what_was_under_way(office: Office, attentive: Peer) -> None:
    hold = Hold(attentive)
    worker = office.start()
    office.receive("shopify", "orders_create")
    assert hold.taken.wait(10)
    worker.stop()
    later = office.receive("zendesk", "trigger_created")
    hold.go.set()
    office.stop()
    assert office.states() == ["sent"]
    (waiting,) = [delivery for delivery in office.deliveries() if delivery["id"] == later]
    assert (waiting["state"], waiting["owner"], waiting["attempts"]) == ("stored", None, 0)
    assert workers_of(office) == []


def test_what_is_under_way_at_a_stop_is_recorded_before_the_housekeeper_ends(
    office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def erase(_self: Housekeeper) -> bool:
        has_begun.set()
        return may_end.wait(20)

    monkeypatch.setattr(Housekeeper, "_turn", erase)
    hold = Hold(attentive)
    worker = office.start()
    office.receive("shopify", "orders_create")
    assert hold.taken.wait(10)
    assert has_begun.wait(10)
    worker.stop()
    hold.go.set()
    began = time.monotonic()
    office.wait_for_states("sent")
    assert time.monotonic() - began < 4.5
    may_end.set()


def test_a_worker_that_cannot_wait_any_longer_gives_back_what_is_under_way(
    office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.worker._DRAIN_SECONDS", 0.1)
    hold = Hold(attentive)
    office.start()
    office.receive("shopify", "orders_create")
    assert hold.taken.wait(10)
    office.stop()
    (message,) = office.messages()
    assert (message["state"], message["owner"]) == ("queued", None)
    assert message["unknown_since"] == message["claimed_at"]
    assert workers_of(office) == []
    hold.go.set()


def test_a_worker_that_stops_without_a_database_ends_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def unavailable() -> Iterator[Connection]:
        raise StoreUnavailable("gone")
        yield

    worker = office.start()
    wait_until(lambda: workers_of(office), "the worker is registered")
    monkeypatch.setattr(worker.database, "write", unavailable)
    office.stop()
    monkeypatch.undo()
    assert len(workers_of(office)) == 1, "the others will find it dead"


def test_a_dead_workers_message_is_taken_over(office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    office.set(BRIDGE_SENDING="on")
    dead = registry.Identity(name="dead", host="elsewhere")
    office.receive("shopify", "orders_create")
    office.receive("zendesk", "trigger_created")
    office.set(BRIDGE_SENDING="off")
    office.start()
    office.wait_for_states("held", "held")
    office.stop()
    with office.database.write() as connection:
        now = office.database.now(connection)
        registry.register(connection, dead, now - registry.DEAD_AFTER * 2)
        ledger.release(connection, [1, 2], datetime.now(UTC))
        sending.claim(connection, dead.id, "attentive", 1, now)
    office.set(BRIDGE_SENDING="on")
    office.start()
    office.wait_for_states("sent", "sent")
    assert [row.name for row in workers_of(office)] == ["worker"]
    assert sorted(message["deaths"] for message in office.messages()) == [0, 1]


def test_a_worker_that_was_taken_for_dead_goes_on_under_a_new_id(office: Office) -> None:
    worker = office.start()
    wait_until(lambda: workers_of(office), "the worker is registered")
    before = worker.id
    with office.database.write() as connection:
        connection.execute(tables.workers.delete())
    wait_until(lambda: workers_of(office), "the worker is registered again")
    assert worker.id != before
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")


@pytest.mark.parametrize("table", ["deliveries", "messages"])
def test_what_was_claimed_in_a_commit_whose_answer_was_lost_is_given_back(
    office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """The rows are this worker's, alive as it is, and it does not know that it has them."""
    write, lost = office.database.write, []

    @contextlib.contextmanager
    def write_and_lose_the_answer() -> Iterator[Connection]:
        claimed = False
        with write() as connection:
            yield connection
            if threading.current_thread() is not threading.main_thread() and not lost:
                owned = select(tables.metadata.tables[table].c.id).where(
                    tables.metadata.tables[table].c.owner.is_not(None)
                )
                claimed = connection.execute(owned).first() is not None
        if claimed:
            lost.append(True)
            raise StoreUnavailable("the connection broke at the commit")

    monkeypatch.setattr(office.database, "write", write_and_lose_the_answer)
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    assert lost == [True]
    (message,) = office.messages()
    assert (message["attempts"], message["deaths"], message["unknown_since"]) == (1, 0, None)
    assert len(attentive.taken) == 1


def test_a_database_that_is_gone_for_a_while_is_waited_for(
    office: Office, attentive: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failures = office.database.write, [True] * 2
    hold = Hold(attentive)

    @contextlib.contextmanager
    def sometimes() -> Iterator[Connection]:
        if hold.go.is_set() and failures and threading.current_thread() is not threading.main_thread():
            failures.pop()
            raise StoreUnavailable("gone")
        with write() as connection:
            yield connection

    monkeypatch.setattr(office.database, "write", sometimes)
    office.start()
    office.receive("shopify", "orders_create")
    assert hold.taken.wait(10)
    hold.go.set()
    office.wait_for_states("sent")
    assert len(attentive.taken) == 1


def test_what_comes_back_from_a_dead_worker_is_held_by_one_that_holds(office: Office, attentive: Peer) -> None:
    dead = registry.Identity(name="dead", host="elsewhere")
    office.set(BRIDGE_SENDING="off")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    office.stop()
    with office.database.write() as connection:
        now = office.database.now(connection)
        registry.register(connection, dead, now - registry.DEAD_AFTER * 2)
        connection.execute(update(tables.messages).values(state="sending", reason=None, owner=dead.id, claimed_at=now))
    office.set(BRIDGE_SENDING="hold")
    office.start()
    office.wait_for_states("held")
    assert attentive.taken == []


def test_what_nobody_in_the_list_of_workers_owns_is_taken_up_at_a_start(office: Office, attentive: Peer) -> None:
    office.set(BRIDGE_SENDING="off")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    office.stop()
    with office.database.write() as connection:
        now = office.database.now(connection)
        connection.execute(update(tables.messages).values(state="sending", reason=None, owner="nobody", claimed_at=now))
    office.set(BRIDGE_SENDING="on")
    office.start()
    office.wait_for_states("sent")


def test_a_message_that_was_late_when_it_was_composed_can_be_retried(office: Office, attentive: Peer) -> None:
    office.set(BRIDGE_SENDING="hold")
    office.start()
    office.receive("shopify", "orders_create")
    office.wait_for_states("held")
    with office.database.write() as connection:
        now = office.database.now(connection)
        connection.execute(update(tables.messages).values(expires_at=now - timedelta(hours=1)))
        found = ledger.find_message(connection, 1)
        assert found is not None
        assert ledger.retry(connection, found, now)
    office.wait_for_states("sent")
