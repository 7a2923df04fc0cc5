"""Messages: made once, claimed by one worker, finished once, given back or taken over. On both databases."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bridge import claiming
from bridge.concluding import Done, conclude
from bridge.events import Delivery
from bridge.holding_back import Caps
from bridge.messages import AccountHealth, Attempt, Draft, Message, Next, Outcome, Processed
from bridge.reasons import Reason
from bridge.store import account_health, ledger, outbox, processing, recording, sending
from bridge.store.database import Database
from bridge.store.hashing import hashes
from bridge.store.inbox import Inbox
from bridge.store.tables import attempts, messages

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TOKENS = ("attentive", "other")
NO_CAPS = Caps(per_person=0, per_template=0)

DRAFT = Draft(
    template="order_shipped",
    event_kind="order.shipped",
    identity="order.shipped:1",
    account="attentive",
    to="+12125550123",
    body="On its way.",
    occurred_at=NOW,
    expires_at=NOW + timedelta(hours=24),
)
SKIPPED = replace(DRAFT, state="skipped", reason=Reason(code="no_phone"), to=None, body=None)


class Outbox:
    """The outbox of a database with one delivery in it, a transaction for each call."""

    def __init__(self, database: Database) -> None:
        self.database = database
        inbox = Inbox(database)
        inbox.add(
            Delivery(connection="shop", headers={}, body=b"{}", received_at=NOW),
            key="e1",
            signed_bytes=None,
            headers={},
        )

    def insert(self, draft: Draft = DRAFT, *, again: int = 0, waiting_for: str | None = None) -> bool:
        (is_new,) = self.insert_all([draft], again=again, waiting_for=waiting_for)
        return is_new

    def insert_all(self, drafts: Sequence[Draft], *, again: int = 0, waiting_for: str | None = None) -> list[bool]:
        values: Any = {"delivery_id": 1, "source_connection": "shop", "again": again, "now": NOW}
        with self.database.write() as connection:
            made = hashes(connection)
            rows = [outbox.row_of(draft, made, waiting_for=waiting_for, **values) for draft in drafts]
            return [one.is_new for one in outbox.add(connection, rows)]

    def insert_many(self, count: int, draft: Draft = DRAFT) -> None:
        assert all(self.insert_all([replace(draft, identity=f"{draft.account}:{number}") for number in range(count)]))

    def claim(
        self,
        owner: str = "worker-1",
        *,
        limit: int = 100,
        now: datetime = NOW,
        tokens: tuple[str, ...] = TOKENS,
        requests_per_second: float = 100_000,
    ) -> list[Message]:
        claimed = self.claim_with_moments(
            owner, limit=limit, now=now, tokens=tokens, requests_per_second=requests_per_second
        )
        return [one.message for one in claimed]

    def claim_with_moments(
        self, owner: str, *, limit: int, now: datetime, tokens: tuple[str, ...], requests_per_second: float
    ) -> list[claiming.Claimed]:
        """As the worker's turn does it."""
        with self.database.write() as connection:
            account_health.add(connection, tokens)
            health, claimed = claiming.claim(
                connection,
                owner,
                limit,
                now,
                account_health.read(connection),
                names=sending.accounts_with_due(connection, tokens, now),
                requests_per_second=requests_per_second,
                released_only=False,
            )
            account_health.save(connection, list(health.values()))
        return claimed

    def finish(self, message: Message, then: Next, *, owner: str = "worker-1", now: datetime = NOW) -> None:
        with self.database.write() as connection:
            assert sending.still_held(connection, {message.id: owner}) == {message.id}
            sending.finish(connection, [sending.Finished(message=message, attempt=None, then=then)], now)

    def conclude(self, message: Message, result: Attempt | Next, *, owner: str = "worker-1") -> list[str]:
        """Record a result as the worker's turn does; what is said of it."""
        with self.database.write() as connection:
            health = account_health.read(connection)
            done = Done(work=message, result=result, owner=owner)
            health, sayings = conclude(
                connection, [done], health, tokens=TOKENS, caps=NO_CAPS, window_of=lambda _account: 60, now=NOW
            )
            account_health.save(connection, list(health.values()))
        return [saying.event for saying in sayings]

    def health(self, name: str = "attentive") -> AccountHealth:
        with self.database.read() as connection:
            return account_health.look(connection)[name]

    def release(self, *, but: tuple[int, ...] = (), owner: str = "worker-1") -> None:
        with self.database.write() as connection:
            sending.release(connection, owner, but=but)

    def recover(self, owner: str = "worker-1") -> int:
        with self.database.write() as connection:
            return sending.recover(connection, owner)

    def pause(self, name: str, until: datetime, reason: str = "denied") -> None:
        with self.database.write() as connection:
            health = AccountHealth(name=name, failures=1, paused_until=until, pause_reason=reason, paused_since=NOW)
            account_health.save(connection, [health])

    def settle(self, sending: str = "on", tokens: tuple[str, ...] = TOKENS) -> None:
        with self.database.write() as connection:
            recording.settle_waiting(connection, NOW, tokens=tokens, sending=sending)

    def change(self, **values: object) -> None:
        with self.database.write() as connection:
            connection.execute(update(messages).values(**values))

    def rows(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(messages).order_by(messages.c.id)))

    def row(self) -> Any:
        (row,) = self.rows()
        return row

    def attempts(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(attempts).order_by(attempts.c.id)))


@pytest.fixture
def box(database: Database) -> Outbox:
    return Outbox(database)


# --- once --------------------------------------------------------------------------------------------------------


def test_a_message_is_made_once(box: Outbox) -> None:
    assert box.insert()
    assert not box.insert()
    assert not box.insert(replace(DRAFT, body="Other words.", occurred_at=NOW + SECOND))
    assert [row.body for row in box.rows()] == ["On its way."]


def test_of_two_that_come_together_the_first_is_made(box: Outbox) -> None:
    """Two webhooks about one parcel, processed in one turn."""
    other = replace(DRAFT, identity="order.shipped:2")
    assert box.insert_all([DRAFT, SKIPPED, DRAFT, other, SKIPPED]) == [True, True, False, True, True]
    assert box.insert_all([SKIPPED, other, DRAFT]) == [True, False, False]


@pytest.mark.parametrize(
    "change",
    [{"account": "other"}, {"template": "x"}, {"identity": "order.shipped:2"}, {"to": "+12125550124"}],
    ids=lambda change: next(iter(change)),
)
def test_another_account_template_event_or_person_makes_another_message(box: Outbox, change: dict[str, str]) -> None:
    assert box.insert()
    assert box.insert(replace(DRAFT, **change))  # type: ignore[arg-type]


def test_messages_that_come_one_after_the_other_stand_together_in_the_index(box: Outbox) -> None:
    """An index that is written to at random places costs a read and a logged page for every message."""
    box.insert_all([replace(DRAFT, identity=f"order.shipped:{number}") for number in range(100, 200)])
    assert [row.id for row in sorted(box.rows(), key=lambda row: row.once)] == list(range(1, 101))


def test_an_event_without_identity_is_its_delivery(box: Outbox) -> None:
    assert box.insert(replace(DRAFT, identity=None))
    assert not box.insert(replace(DRAFT, identity=None))
    assert box.row().identity == "delivery:1"


def test_a_skipped_message_does_not_use_its_identity_up(box: Outbox) -> None:
    assert box.insert(SKIPPED)
    assert box.insert(SKIPPED)
    assert box.insert()
    assert [row.state for row in box.rows()] == ["skipped", "skipped", "queued"]


@pytest.mark.parametrize("state", ["held", "expired"])
def test_a_held_or_expired_message_does_use_its_identity_up(box: Outbox, state: str) -> None:
    assert box.insert(replace(DRAFT, state=state, reason=Reason(code="expired")))  # type: ignore[arg-type]
    assert not box.insert()


def test_again_makes_a_second_message_and_only_one(box: Outbox) -> None:
    assert box.insert()
    assert box.insert(again=1)
    assert not box.insert(again=1)


def test_many_threads_make_one_message(box: Outbox) -> None:
    start = threading.Barrier(8)

    def insert(_: int) -> bool:
        start.wait(10)
        return box.insert()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(insert, range(8))) == [False] * 7 + [True]


@pytest.mark.parametrize(
    "body", ["a\x00b", "caf\xe9 🎉", "\ud83d", "x" * 100_000], ids=["NUL", "emoji", "half", "long"]
)
def test_a_text_comes_back_as_it_was_put_in(box: Outbox, body: str) -> None:
    assert box.insert(replace(DRAFT, body=body, link="client.attn.tv", media_url="https://example.com/a.png"))
    (claimed,) = box.claim()
    assert (claimed.body, claimed.link, claimed.media_url) == (body, "client.attn.tv", "https://example.com/a.png")


# --- claiming ----------------------------------------------------------------------------------------------------


def test_what_is_due_is_claimed_once_and_the_longest_due_first(box: Outbox) -> None:
    box.insert_many(3)
    box.insert(replace(DRAFT, identity="later"))
    with box.database.write() as connection:
        connection.execute(update(messages).where(messages.c.id == 2).values(due=NOW - SECOND))
        connection.execute(update(messages).where(messages.c.id == 4).values(due=NOW + SECOND))
    assert [message.id for message in box.claim(limit=1)] == [2]
    assert [message.id for message in box.claim()] == [1, 3]
    assert box.claim() == []
    assert [message.id for message in box.claim(now=NOW + SECOND)] == [4]


def test_what_may_have_left_is_claimed_before_all_that_waited_longer(box: Outbox) -> None:
    """Attentive drops the repeat only for a short while, and a backlog may take longer than that."""
    box.insert_many(20)
    with box.database.write() as connection:
        connection.execute(update(messages).where(messages.c.id == 20).values(due=NOW + SECOND, unknown_since=NOW))
    assert [message.id for message in box.claim(limit=1, now=NOW + SECOND)] == [20]
    assert len(box.claim(limit=100, now=NOW + SECOND)) == 19


@pytest.mark.parametrize("state", ["skipped", "held", "expired"])
def test_what_is_not_queued_is_not_claimed(box: Outbox, state: str) -> None:
    box.insert(replace(DRAFT, state=state, reason=Reason(code="no_phone")))  # type: ignore[arg-type]
    assert box.claim() == []


def test_two_owners_never_get_the_same_message(box: Outbox) -> None:
    box.insert_many(40)
    start = threading.Barrier(4)

    def take(worker: int) -> list[int]:
        start.wait(10)
        mine: list[int] = []
        while claimed := box.claim(f"worker-{worker}", limit=3):
            mine += [message.id for message in claimed]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [message for mine in pool.map(take, range(4)) for message in mine]
    assert sorted(taken) == list(range(1, 41))


def test_messages_of_an_account_without_a_token_are_left(box: Outbox) -> None:
    box.insert_many(1)
    box.insert_many(1, replace(DRAFT, account="other"))
    assert [message.account for message in box.claim(tokens=("other",))] == ["other"]
    assert box.claim(tokens=()) == []


@pytest.mark.parametrize("reason", ["denied", "failing", "slow_down"])
def test_messages_of_a_paused_account_are_left_and_others_are_not(box: Outbox, reason: str) -> None:
    box.insert_many(2)
    box.insert_many(2, replace(DRAFT, account="other"))
    box.pause("attentive", NOW + SECOND, reason)
    assert {message.account for message in box.claim()} == {"other"}


@pytest.mark.parametrize("reason", ["denied", "failing"])
def test_after_a_pause_one_message_probes_until_it_has_an_answer(box: Outbox, reason: str) -> None:
    box.insert_many(3)
    box.pause("attentive", NOW, reason)
    (probe,) = box.claim()
    assert box.claim() == []
    assert box.claim("worker-2") == []
    box.finish(probe, Next(state="queued", due=NOW + SECOND))
    assert len(box.claim("worker-2")) == 1


def test_two_workers_never_probe_at_once(box: Outbox) -> None:
    box.insert_many(20)
    box.pause("attentive", NOW)
    start = threading.Barrier(8)

    def probe(worker: int) -> int:
        start.wait(10)
        return len(box.claim(f"worker-{worker}"))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(probe, range(8))) == 1


def test_after_a_slow_down_all_may_go(box: Outbox) -> None:
    box.insert_many(3)
    box.pause("attentive", NOW, "slow_down")
    assert len(box.claim()) == 3


def test_a_probe_is_not_more_than_there_is_room_for(box: Outbox) -> None:
    box.insert_many(2)
    box.pause("attentive", NOW)
    assert box.claim(limit=0) == []
    assert len(box.claim(limit=1)) == 1


def test_accounts_share_the_room_and_leave_each_other_what_they_do_not_use(box: Outbox) -> None:
    box.insert_many(50)
    box.insert_many(3, replace(DRAFT, account="other"))
    first = [message.account for message in box.claim(limit=10)]
    assert first.count("other") == 3
    assert first.count("attentive") >= 5
    assert [message.account for message in box.claim(limit=10)] == ["attentive"] * 10


# --- threads -----------------------------------------------------------------------------------------------------


def of_thread(box: Outbox, *minutes: int, thread: str = "order 1", account: str = "attentive") -> None:
    for number, minute in enumerate(minutes):
        draft = replace(
            DRAFT, account=account, thread=thread, identity=f"{account} {thread} {number}",
            occurred_at=NOW + timedelta(minutes=minute),
        )  # fmt: skip
        assert box.insert(draft)


def test_messages_of_one_thread_leave_in_the_order_things_happened(box: Outbox) -> None:
    of_thread(box, 3, 1, 2, 1)
    left = []
    while claimed := box.claim():
        (message,) = claimed
        left.append(message.id)
        box.finish(message, Next(state="sent"))
    assert left == [2, 4, 3, 1]


def test_threads_do_not_hold_up_one_another(box: Outbox) -> None:
    of_thread(box, 1, 2)
    of_thread(box, 1, 2, thread="order 2")
    of_thread(box, 1, 2, account="other")
    box.insert(DRAFT)
    assert sorted(message.id for message in box.claim()) == [1, 3, 5, 7]


@pytest.mark.parametrize(
    ("state", "blocks"),
    [
        ("queued", True), ("sending", True),
        ("sent", False), ("refused", False), ("unknown", False), ("failed", False), ("skipped", False),
        ("expired", False), ("superseded", False), ("held", False),
    ],
)  # fmt: skip
def test_only_what_is_on_its_way_holds_its_thread_up(box: Outbox, state: str, blocks: bool) -> None:
    of_thread(box, 1, 2)
    with box.database.write() as connection:
        first = update(messages).where(messages.c.id == 1)
        connection.execute(first.values(state=state, due=NOW + timedelta(hours=1)))
    assert [message.id for message in box.claim()] == ([] if blocks else [2])


# --- finishing ---------------------------------------------------------------------------------------------------

ATTEMPT = Attempt(outcome=Outcome.UNKNOWN, started_at=NOW, seconds=0.5, status=502, words="Bad gateway")


def test_an_attempt_is_recorded_with_what_becomes_of_the_message(box: Outbox) -> None:
    box.insert()
    (message,) = box.claim()
    assert box.conclude(message, ATTEMPT) == ["message.queued"]
    row = box.row()
    assert (row.state, row.owner, row.waiting_for, row.unknown_since) == ("queued", None, "retry", NOW)
    assert NOW <= row.due <= NOW + 5 * SECOND
    (attempt,) = box.attempts()
    assert (attempt.number, attempt.outcome, attempt.status, attempt.words) == (1, "unknown", 502, "Bad gateway")
    assert box.health().failures == 1
    (again,) = box.claim(now=row.due)
    assert (again.attempts, again.unknown_since) == (2, NOW)


def test_a_sent_message_has_its_time_and_no_reason(box: Outbox) -> None:
    box.insert()
    (message,) = box.claim()
    assert box.conclude(message, replace(ATTEMPT, outcome=Outcome.SENT, status=200)) == ["message.sent"]
    assert (box.row().state, box.row().sent_at, box.row().reason) == ("sent", NOW, None)


def test_denials_are_counted_from_the_first(box: Outbox) -> None:
    box.insert()
    for number in (1, 2):
        (message,) = box.claim(now=NOW + number * SECOND)
        box.finish(message, Next(state="queued", due=NOW, denied=True), now=NOW + number * SECOND)
    assert (box.row().denials, box.row().first_denied_at) == (2, NOW + SECOND)


def test_a_worker_that_was_taken_for_dead_cannot_finish_but_its_attempt_is_on_record(box: Outbox) -> None:
    box.insert()
    (message,) = box.claim()
    box.recover()
    (taken,) = box.claim("worker-2")
    assert box.conclude(message, ATTEMPT) == ["message.taken_over"]
    assert box.row().owner == "worker-2"
    assert len(box.attempts()) == 1
    assert box.conclude(taken, Next(state="sent"), owner="worker-2") == ["message.sent"]
    assert box.conclude(taken, Next(state="refused"), owner="worker-2") == ["message.taken_over"]
    assert box.row().state == "sent"


def test_what_is_recorded_again_after_a_commit_whose_answer_was_lost_counts_once(box: Outbox) -> None:
    box.insert()
    (message,) = box.claim()
    for _ in range(2):
        box.conclude(message, ATTEMPT)
    assert len(box.attempts()) == 1
    assert box.health().failures == 1


def test_what_is_released_loses_no_attempt_and_keeps_its_due_time(box: Outbox) -> None:
    box.insert_many(2)
    before = box.rows()
    box.claim()
    box.release(owner="worker-2")
    assert [row.state for row in box.rows()] == ["sending", "sending"]
    box.release(but=(2,))
    first, second = box.rows()
    assert (first.state, first.owner, first.attempts, first.due) == ("queued", None, 0, before[0].due)
    assert first.unknown_since is None
    assert second.state == "sending"


def test_what_a_dead_worker_was_sending_is_unknown_since_it_was_claimed(box: Outbox) -> None:
    box.insert()
    box.claim(now=NOW + SECOND)
    assert box.recover() == 1
    assert box.recover() == 0
    row = box.row()
    assert (row.state, row.owner, row.unknown_since, row.deaths) == ("queued", None, NOW + SECOND, 1)


def test_a_death_does_not_make_an_older_doubt_younger(box: Outbox) -> None:
    box.insert()
    (message,) = box.claim()
    box.finish(message, Next(state="queued", due=NOW, unknown_since=NOW - SECOND))
    box.claim(now=NOW + SECOND)
    box.recover()
    assert box.row().unknown_since == NOW - SECOND


def test_a_message_that_three_workers_died_over_waits_for_a_person(box: Outbox) -> None:
    box.insert(replace(DRAFT, if_unknown="resend"))
    for death in range(3):
        assert len(box.claim(f"worker-{death}")) == 1
        box.recover(f"worker-{death}")
    assert box.claim() == []
    assert (box.row().state, box.row().reason, box.row().owner) == ("unknown", "worker_died", None)
    with box.database.write() as connection:
        found = ledger.find_message(connection, 1)
        assert found is not None
        assert ledger.retry(connection, found, NOW)
    assert len(box.claim()) == 1


# --- accounts ----------------------------------------------------------------------------------------------------


def test_an_accounts_health_is_kept_and_replaced(box: Outbox) -> None:
    first = AccountHealth(name="attentive", failures=3, paused_until=NOW, pause_reason="denied", paused_since=NOW)
    second = AccountHealth(name="attentive", last_success_at=NOW)
    for health in (first, second):
        with box.database.write() as connection:
            account_health.save(connection, [health])
            assert account_health.read(connection) == {"attentive": health}


# --- expiring ----------------------------------------------------------------------------------------------------


def expire(box: Outbox, now: datetime) -> int:
    with box.database.write() as connection:
        return recording.expire(connection, now).total()


def test_a_queued_message_expires_when_its_time_is_over(box: Outbox) -> None:
    box.insert(waiting_for="token")
    assert expire(box, DRAFT.expires_at - SECOND) == 0
    assert expire(box, DRAFT.expires_at) == 1
    assert (box.row().state, box.row().reason, box.row().waiting_for) == ("expired", "expired", None)


def test_a_message_that_may_have_left_is_unknown_and_not_expired(box: Outbox) -> None:
    box.insert()
    box.claim()
    box.recover()
    assert expire(box, DRAFT.expires_at) == 1
    assert (box.row().state, box.row().reason) == ("unknown", "outcome_unknown")


@pytest.mark.parametrize("state", ["sending", "sent", "held", "skipped", "unknown"])
def test_what_is_not_queued_does_not_expire(box: Outbox, state: str) -> None:
    box.insert()
    box.change(state=state)
    assert expire(box, DRAFT.expires_at) == 0


# --- a worker's start ---------------------------------------------------------------------------------------------

HELD = replace(DRAFT, state="held", reason=Reason(code="sending_off"))


@pytest.mark.parametrize(
    ("draft", "waiting_for", "released", "sending", "tokens", "state", "then_waiting_for"),
    [
        (DRAFT, None, False, "on", TOKENS, "queued", None),
        (DRAFT, "token", False, "on", TOKENS, "queued", None),
        (DRAFT, "retry", False, "on", TOKENS, "queued", "retry"),
        (DRAFT, None, False, "on", (), "queued", "token"),
        (DRAFT, None, False, "hold", TOKENS, "held", None),
        (DRAFT, None, False, "off", TOKENS, "held", None),
        (DRAFT, None, True, "hold", TOKENS, "queued", None),
        (DRAFT, None, True, "off", TOKENS, "queued", None),
        (HELD, None, False, "on", TOKENS, "queued", None),
        (HELD, "token", False, "on", TOKENS, "queued", None),
        (HELD, None, False, "on", (), "queued", "token"),
        (HELD, None, False, "hold", TOKENS, "held", None),
        (HELD, None, False, "off", (), "held", None),
        (SKIPPED, None, False, "on", TOKENS, "skipped", None),
        (SKIPPED, None, False, "hold", (), "skipped", None),
    ],
)  # fmt: skip
def test_waiting_messages_follow_the_settings_of_a_starting_worker(
    box: Outbox,
    draft: Draft,
    waiting_for: str | None,
    released: bool,
    sending: str,
    tokens: tuple[str, ...],
    state: str,
    then_waiting_for: str | None,
) -> None:
    box.insert(draft, waiting_for=waiting_for)
    box.change(released=released)
    box.settle(sending, tokens)
    row = box.row()
    assert (row.state, row.waiting_for) == (state, then_waiting_for)
    assert row.reason == {"held": "sending_off", "skipped": "no_phone"}.get(state)


def test_switching_on_and_off_again_loses_no_message(box: Outbox) -> None:
    box.insert()
    states = []
    for switch in ("hold", "on", "off", "on"):
        box.settle(switch)
        states.append(box.row().state)
    assert states == ["held", "queued", "held", "queued"]
    assert len(box.claim()) == 1


# --- recording what a delivery came to -----------------------------------------------------------------------------


def line(kind: str, template: str, outcome: str, identity: str = "order.shipped:1") -> dict[str, str]:
    return {"kind": kind, "identity": identity, "template": template, "outcome": outcome, "detail": ""}


def record(box: Outbox, result: Processed, *, owner: str = "worker-1", tokens: tuple[str, ...] = TOKENS) -> list[str]:
    with box.database.write() as connection:
        (claimed,) = processing.claim(connection, "worker-1", 1, NOW)
        done = Done(work=claimed, result=result, owner=owner)
        _, sayings = conclude(
            connection, [done], {}, tokens=tokens, caps=NO_CAPS, window_of=lambda _account: 60, now=NOW
        )
    return [saying.event for saying in sayings]


def found_delivery(box: Outbox) -> Any:
    with box.database.read() as connection:
        return ledger.find_delivery(connection, 1)


def test_a_delivery_and_its_messages_are_recorded_together(box: Outbox) -> None:
    story = (line("order.shipped", "order_shipped", "composed"),)
    assert record(box, Processed(drafts=(DRAFT,), story=story)) == ["delivery.processed", "message.made"]
    found = found_delivery(box)
    assert (found["state"], found["reason"], found["events"]) == ("processed", None, list(story))
    assert (box.row().delivery_id, box.row().connection, box.row().waiting_for) == (1, "shop", None)


def test_a_worker_that_lost_its_delivery_makes_no_message(box: Outbox) -> None:
    result = Processed(drafts=(DRAFT,), story=(line("order.shipped", "order_shipped", "composed"),))
    assert record(box, result, owner="x") == ["delivery.taken_over"]
    assert box.rows() == []


def test_a_message_of_an_account_without_a_token_waits_for_one(box: Outbox) -> None:
    record(box, Processed(drafts=(DRAFT,), story=(line("order.shipped", "order_shipped", "composed"),)), tokens=())
    assert box.row().waiting_for == "token"


def test_a_delivery_whose_messages_exist_says_so(box: Outbox) -> None:
    box.insert()
    record(box, Processed(drafts=(DRAFT,), story=(line("order.shipped", "order_shipped", "composed"),)))
    found = found_delivery(box)
    assert found["reason"] == "already_texted"
    assert [event["outcome"] for event in found["events"]] == ["already_texted"]


def test_the_line_of_the_message_that_exists_says_so_and_no_other(box: Outbox) -> None:
    """Two parcels: the first has no tracking yet, the second was texted before, the third is new."""
    box.insert(replace(DRAFT, identity="order.shipped:2"))
    story = (
        line("order.shipped", "order_shipped", "condition_false", "order.shipped:1"),
        line("order.shipped", "order_shipped", "composed", "order.shipped:2"),
        line("order.shipped", "order_shipped", "composed", "order.shipped:3"),
    )
    drafts = tuple(replace(DRAFT, identity=f"order.shipped:{number}") for number in (2, 3))
    record(box, Processed(drafts=drafts, story=story))
    found = found_delivery(box)
    assert found["reason"] is None
    assert [event["outcome"] for event in found["events"]] == ["condition_false", "already_texted", "composed"]
