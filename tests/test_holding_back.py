"""What new messages are judged by: older and newer texts of their thread, caps, and who cannot be reached."""

import itertools
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from conftest import wait_until
from hypothesis import given
from hypothesis import strategies as st
from office import Office, Peer
from sqlalchemy import event, update
from sqlalchemy import text as text_of_sql

from bridge.cli.messages import messages
from bridge.policy import caps
from bridge.policy.threads import Text, superseded
from bridge.store import (
    account_health,
    answers,
    ledger,
    opt_outs,
    people,
    postings,
    processing,
    reports,
    sending,
    standing,
    tables,
)
from bridge.store.database import Database

MAYA, BEN = "+12125550123", "+14165550142"

STATUS = '---\nevent: {kind}\nthread: "order {{{{ order.id }}}}"\nsupersedes: true\n---\n{words} {{{{ order.name }}}}'
REPLIED = '---\nevent: ticket.replied\nthread: "order {{ order.id }}"\n---\n{{ ticket.comment }}'


@pytest.fixture
def shop(office: Office) -> Office:
    """An office with status texts of an order, and an agent's replies in the same thread."""
    office.write_template("shipped", STATUS.format(kind="order.shipped", words="Shipped"))
    office.write_template("out", STATUS.format(kind="order.out_for_delivery", words="Nearly there"))
    office.write_template("delivered", STATUS.format(kind="order.delivered", words="Delivered"))
    office.write_template("replied", REPLIED)
    return office


def said(attentive: Peer) -> list[str]:
    return [sent["body"] for _, sent in attentive.taken]


# --- old news ----------------------------------------------------------------------------------------------------

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def text(number: int, state: str, hours: int, *, delivery: int | None = None, is_kept: bool = False) -> Text:
    happened = NINE + timedelta(hours=hours)
    return Text(id=number, state=state, occurred_at=happened, delivery_id=delivery or number, is_kept=is_kept)


@pytest.mark.parametrize(
    ("thread", "expected"),
    [
        # is replaced
        ([text(1, "queued", 0), text(2, "queued", 1)], {1: 2}),
        ([text(1, "held", 0), text(2, "queued", 1)], {1: 2}),
        ([text(1, "queued", 0), text(2, "held", 1)], {1: 2}),
        ([text(1, "queued", 1), text(2, "queued", 0)], {2: 1}),
        ([text(1, "sent", 1), text(2, "queued", 0)], {2: 1}),
        ([text(1, "sending", 1), text(2, "queued", 0)], {2: 1}),
        ([text(1, "unknown", 1), text(2, "queued", 0)], {2: 1}),
        ([text(1, "queued", 0), text(2, "queued", 1), text(3, "queued", 2)], {1: 3, 2: 3}),
        # at the same moment the one that was received later is the newer
        ([text(1, "queued", 0), text(2, "queued", 0)], {1: 2}),
        ([text(1, "queued", 0, delivery=9), text(2, "queued", 0, delivery=3)], {2: 1}),
        # an agent's words replace a status, too
        ([text(1, "queued", 0), text(2, "queued", 1, is_kept=True)], {1: 2}),
        # is not
        ([], {}),
        ([text(1, "queued", 0)], {}),
        ([text(1, "sent", 0), text(2, "queued", 1)], {}),
        ([text(1, "sending", 0), text(2, "queued", 1)], {}),
        ([text(1, "unknown", 0), text(2, "queued", 1)], {}),
        ([text(1, "queued", 0, is_kept=True), text(2, "queued", 1)], {}),
        # two templates that answer one event
        ([text(1, "queued", 0, delivery=1), text(2, "queued", 0, delivery=1)], {}),
        # what nobody got is no news that another could be older than
        ([text(1, "skipped", 1), text(2, "queued", 0)], {}),
        ([text(1, "expired", 1), text(2, "queued", 0)], {}),
        ([text(1, "refused", 1), text(2, "queued", 0)], {}),
        ([text(1, "superseded", 1), text(2, "queued", 0)], {}),
    ],
)
def test_which_texts_are_old_news(thread: list[Text], expected: dict[int, int]) -> None:
    assert superseded(thread) == expected


_THREADS = st.lists(
    st.builds(
        Text,
        id=st.integers(),
        state=st.sampled_from(["queued", "held", "sending", "sent", "unknown", "skipped", "expired", "superseded"]),
        occurred_at=st.sampled_from([NINE + timedelta(hours=hours) for hours in range(3)]),
        delivery_id=st.integers(1, 4),
        is_kept=st.booleans(),
    ),
    unique_by=lambda one: one.id,
)


@given(_THREADS, st.randoms())
def test_old_news_are_the_same_in_whatever_order_they_come(thread: list[Text], random: Any) -> None:
    shuffled = random.sample(thread, len(thread))
    assert superseded(shuffled).keys() == superseded(thread).keys()


@given(_THREADS)
def test_the_newest_text_stays_and_only_what_waits_goes(thread: list[Text]) -> None:
    by = superseded(thread)
    texts = {one.id: one for one in thread}
    for old, new in by.items():
        assert texts[old].state in ("queued", "held")
        assert not texts[old].is_kept
        assert new not in by
        assert texts[new].age > texts[old].age


@pytest.mark.parametrize("order", list(itertools.permutations(["shipped", "out_for_delivery", "delivered"])))
def test_of_an_orders_statuses_that_have_not_left_only_the_newest_leaves(
    shop: Office, attentive: Peer, order: tuple[str, ...]
) -> None:
    shop.set(BRIDGE_SENDING="hold")
    hours = {"shipped": "09:00", "out_for_delivery": "10:00", "delivered": "11:00"}
    shop.start()
    for status in order:
        shop.tell(f"order.{status}", hours[status])
    shop.wait_for_states("held", "superseded", "superseded")
    replaced = [row for row in shop.messages() if row["state"] == "superseded"]
    assert {row["reason"] for row in replaced} == {"superseded"}
    assert all(row["detail"].startswith("By message ") for row in replaced)
    shop.restart(BRIDGE_SENDING="on")
    shop.wait_for_states("sent", "superseded", "superseded")
    assert said(attentive) == ["Delivered #1"]


def test_a_late_webhook_does_not_text_what_is_old_news(shop: Office, attentive: Peer) -> None:
    shop.start()
    shop.tell("order.delivered", "11:00")
    shop.wait_for_states("sent")
    shop.tell("order.out_for_delivery", "10:00")
    shop.wait_for_states("sent", "superseded")
    assert said(attentive) == ["Delivered #1"]


def test_a_replay_of_old_news_with_again_texts_it(shop: Office, attentive: Peer) -> None:
    shop.start()
    old = shop.tell("order.shipped", "09:00")
    shop.wait_for_states("sent")
    shop.tell("order.delivered", "11:00")
    shop.wait_for_states("sent", "sent")
    with shop.database.write() as connection:
        processing.replay(connection, old, shop.database.now(connection), again=True)
    shop.wait_for_states("sent", "sent", "sent")
    assert said(attentive) == ["Shipped #1", "Delivered #1", "Shipped #1"]


def test_an_agents_words_are_never_replaced(shop: Office, attentive: Peer) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.write_template("replied", REPLIED.replace("---\n{{", "supersedes: true\n---\n{{"))
    shop.start()
    for kind, at in (("ticket.replied", "09:00"), ("order.delivered", "10:00")):
        shop.tell(kind, at, comment="It is on its way!")
    shop.wait_for_states("held", "held")
    shop.tell("ticket.replied", "08:00", comment="I am looking for it.")
    shop.wait_for_states("held", "held", "held")


def test_an_agents_words_replace_an_older_status_if_their_template_says_so(shop: Office) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.write_template("replied", REPLIED.replace("---\n{{", "supersedes: true\n---\n{{"))
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("held")
    shop.tell("ticket.replied", "10:00")
    shop.wait_for_states("held", "superseded")
    assert shop.outcomes()[0] == ("shipped", "superseded", "superseded")


def test_another_order_and_another_person_have_threads_of_their_own(shop: Office) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.tell("order.delivered", "10:00", order="2")
    shop.tell("order.delivered", "10:00", to=BEN)
    shop.wait_for_states("held", "held", "held")


def test_a_released_text_is_not_replaced(shop: Office, attentive: Peer) -> None:
    shop.set(BRIDGE_SENDING="off")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("held")
    with shop.database.write() as connection:
        ledger.release(connection, [1], shop.database.now(connection))
    shop.tell("order.delivered", "10:00")
    shop.wait_for_states("queued", "held")


def test_a_thread_without_its_value_is_none(shop: Office) -> None:
    shop.write_template("shipped", '---\nevent: order.shipped\nthread: "{{ raw.nothing }}"\nsupersedes: true\n---\nHi')
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("sent")
    assert [row["thread"] for row in shop.messages()] == [None]


def test_a_text_that_may_have_left_is_no_old_news(shop: Office, attentive: Peer) -> None:
    # Nobody knows whether it was taken; a repeat would be dropped for some seconds yet.
    shop.set(ATTENTIVE_DUPLICATE_WINDOW="3600")
    attentive.answers = lambda _token, sent: (502 if sent["body"].startswith("Shipped") else 200, {})
    shop.start()
    shop.tell("order.shipped", "09:00")
    wait_until(lambda: shop.messages() and shop.messages()[0]["unknown_since"] is not None, "its outcome is unknown")
    with shop.database.write() as connection:
        later = shop.database.now(connection) + timedelta(minutes=5)
        connection.execute(update(tables.messages).values(due=later))
    shop.tell("order.delivered", "10:00")
    wait_until(lambda: len(shop.messages()) == 2, "the newer text is made")
    assert shop.outcomes()[0] == ("shipped", "queued", None)
    attentive.answers = lambda _token, _sent: (200, {})
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).values(due=shop.database.now(connection)))
    shop.wait_for_states("sent", "sent")
    assert said(attentive)[-2:] == ["Shipped #1", "Delivered #1"]


def test_a_sender_whose_clock_is_fast_does_not_make_the_news_of_others_old(shop: Office, attentive: Peer) -> None:
    shop.start()
    values = {"event": "order.shipped", "customer.phone": MAYA, "order.id": "1", "order.name": "#1"}
    shop.receive("zendesk", "trigger_order_shipped", id="a", occurred_at="2099-01-01T00:00:00Z", **values)
    shop.wait_for_states("sent")
    (early,) = shop.messages()
    assert early["occurred_at"] <= early["created_at"]
    values["event"] = "order.delivered"
    now = datetime.now(UTC).isoformat()
    shop.receive("zendesk", "trigger_order_shipped", id="b", occurred_at=now, **values)
    shop.wait_for_states("sent", "sent")
    assert said(attentive) == ["Shipped #1", "Delivered #1"]


def test_a_text_behind_an_earlier_one_says_what_it_waits_for(shop: Office, attentive: Peer) -> None:
    attentive.answers = lambda _token, _sent: (503, {})
    shop.start()
    shop.tell("ticket.replied", "09:00", comment="One")
    wait_until(
        lambda: shop.messages() and shop.messages()[0]["waiting_for"] == "retry", "the first is tried again later"
    )
    shop.stop()
    shop.tell("ticket.replied", "10:00", comment="Two")
    with shop.database.write() as connection:
        later = shop.database.now(connection) + timedelta(minutes=5)
        connection.execute(update(tables.messages).values(due=later))
    shop.start()
    wait_until(lambda: len(shop.messages()) == 2, "the second is made")
    with shop.database.read() as connection:
        rows = ledger.list_messages(connection, limit=9)
        (one,) = ledger.list_messages(connection, limit=9, message_id=2)
    assert [(row["id"], row["waiting_for"]) for row in rows] == [(2, "thread"), (1, "retry")]
    assert one["waiting_for"] == "thread"


# --- caps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cap", "counted", "new", "held"),
    [
        (2, [1, 2, 3], [1, 2, 3], [3]),
        (2, [1, 2, 3, 4], [3, 4], [4, 3]),
        (1, [1, 2, 3], [3], [3]),
        # nothing is held
        (0, [1, 2, 3], [1, 2, 3], []),
        (3, [1, 2, 3], [1, 2, 3], []),
        (2, [1, 2], [], []),
        (2, [], [], []),
        # what no longer counts is held by nothing
        (1, [1], [2], []),
        (1, [1, 2], [3], []),
    ],
)
def test_the_newest_beyond_a_cap_are_held(cap: int, counted: list[int], new: list[int], held: list[int]) -> None:
    assert caps.beyond(cap, counted, new) == held


@given(st.integers(0, 5), st.lists(st.sets(st.integers(), max_size=6), max_size=8))
def test_however_texts_arrive_no_more_than_the_cap_go(cap: int, batches: list[set[int]]) -> None:
    gone: set[int] = set()
    for batch in batches:
        new = batch - gone
        gone |= new - set(caps.beyond(cap, gone | new, new))
    seen = set().union(*batches)
    assert len(gone) == (min(cap, len(seen)) if cap else len(seen))


def test_texts_beyond_a_persons_cap_are_held_and_go_when_they_are_released(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="3")
    shop.start()
    for number in range(5):
        shop.tell("order.shipped", "09:00", order=str(number))
    shop.tell("order.shipped", "09:00", order="6", to=BEN)
    shop.wait_for_states("sent", "sent", "sent", "sent", "held", "held")
    held = [row for row in shop.messages() if row["state"] == "held"]
    assert {(row["reason"], row["detail"]) for row in held} == {("cap_per_person", "CAP_PER_PERSON_PER_DAY is 3.")}
    assert sum(sent["to"] == MAYA for _, sent in attentive.taken) == 3
    with shop.database.write() as connection:
        ledger.release(connection, [row["id"] for row in held], shop.database.now(connection))
    shop.wait_for_states(*["sent"] * 6)


def test_what_waits_only_for_the_switch_counts_towards_the_cap(shop: Office, attentive: Peer) -> None:
    shop.set(BRIDGE_SENDING="hold", CAP_PER_PERSON_PER_DAY="2")
    shop.start()
    for number in range(4):
        shop.tell("order.shipped", "09:00", order=str(number))
    shop.wait_for_states("held", "held", "held", "held")
    shop.restart(BRIDGE_SENDING="on")
    shop.wait_for_states("sent", "sent", "held", "held")
    assert len(attentive.taken) == 2


def test_a_day_later_a_person_may_be_texted_again(shop: Office) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="1")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("sent")
    with shop.database.write() as connection:
        yesterday = shop.database.now(connection) - timedelta(hours=24, seconds=1)
        connection.execute(update(tables.messages).values(sent_at=yesterday, due=yesterday))
    shop.tell("order.shipped", "09:00", order="2")
    shop.wait_for_states("sent", "sent")
    shop.tell("order.shipped", "09:00", order="3")
    shop.wait_for_states("sent", "sent", "held")


def test_what_has_waited_for_days_counts_towards_the_cap(shop: Office) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="1", ATTENTIVE_API_TOKEN=None)
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("queued")
    with shop.database.write() as connection:
        now = shop.database.now(connection)
        connection.execute(
            update(tables.messages).values(due=now - timedelta(hours=30), expires_at=now + timedelta(days=9))
        )
    shop.tell("order.shipped", "09:00", order="2")
    shop.wait_for_states("queued", "held")


def test_a_template_that_runs_wild_is_held(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_TEMPLATE_PER_MINUTE="2")
    shop.start()
    for number in range(4):
        shop.tell("order.shipped", "09:00", order=str(number), to=f"+1212555010{number}")
    shop.tell("order.delivered", "10:00", order="9", to=BEN)
    shop.wait_for_states("sent", "sent", "sent", "held", "held")
    assert [outcome for outcome in shop.outcomes() if outcome[1] == "held"] == [
        ("shipped", "held", "cap_per_template")
    ] * 2


def test_a_text_that_a_person_asks_for_once_more_has_no_cap(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="1")
    shop.start()
    delivery = shop.tell("order.shipped", "09:00")
    shop.wait_for_states("sent")
    with shop.database.write() as connection:
        processing.replay(connection, delivery, shop.database.now(connection), again=True)
    shop.wait_for_states("sent", "sent")


def test_workers_without_a_token_do_not_count_past_each_other(shop: Office) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="7", ATTENTIVE_API_TOKEN=None)
    for number in range(150):
        shop.tell("order.shipped", "09:00", order=str(number))
    for name in ("one", "two", "three"):
        shop.start(name)
    shop.wait_for_states(*["queued"] * 7, *["held"] * 143)


def test_workers_do_not_count_past_each_other(shop: Office, attentive: Peer) -> None:
    shop.set(CAP_PER_PERSON_PER_DAY="7")
    for number in range(40):
        shop.tell("order.shipped", "09:00", order=str(number))
    for name in ("one", "two", "three"):
        shop.start(name)
    shop.wait_for_states(*["sent"] * 7, *["held"] * 33)
    assert len(attentive.taken) == 7


# --- who cannot be reached -------------------------------------------------------------------------------------------


def refusing(attentive: Peer) -> threading.Event:
    """Have every text answered 400 until the event is set."""
    accepts = threading.Event()
    attentive.answers = lambda _token, _sent: (200, {}) if accepts.is_set() else (400, {"message": "Not subscribed."})
    return accepts


def test_after_three_refusals_in_a_row_a_person_is_not_tried(shop: Office, attentive: Peer) -> None:
    refusing(attentive)
    shop.start()
    for number in range(3):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states(*["refused"] * (number + 1))
    shop.tell("order.shipped", "09:00", order="4")
    shop.wait_for_states("refused", "refused", "refused", "skipped")
    assert shop.outcomes()[-1] == ("shipped", "skipped", "unreachable")
    assert len(attentive.taken) == 3
    # Everybody else is.
    shop.tell("order.shipped", "09:00", order="5", to=BEN)
    shop.wait_for_states("refused", "refused", "refused", "refused", "skipped")
    with shop.database.read() as connection:
        (listed,) = people.list_unreachable(connection, shop.database.now(connection))
    assert (listed["to"], listed["refusals"]) == (MAYA, 3)
    assert timedelta(hours=23) < listed["unreachable_until"] - datetime.now(UTC) <= timedelta(hours=24)


def test_what_waits_for_an_unreachable_person_is_skipped(shop: Office, attentive: Peer) -> None:
    refusing(attentive)
    shop.set(WORKER_THREADS="1", ATTENTIVE_RATE="2")
    for number in range(6):
        shop.tell("order.shipped", "09:00", order=str(number))
    shop.start()
    shop.wait_for_states("refused", "refused", "refused", "skipped", "skipped", "skipped")
    assert len(attentive.taken) == 3


def test_a_success_clears_the_record_and_so_does_a_person(shop: Office, attentive: Peer) -> None:
    accepts = refusing(attentive)
    shop.start()
    for number in range(2):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states(*["refused"] * (number + 1))
    accepts.set()
    shop.tell("order.shipped", "09:00", order="3")
    shop.wait_for_states("refused", "refused", "sent")
    accepts.clear()
    for number in range(4, 7):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states("sent", *["refused"] * (number - 1))
    accepts.set()
    shop.tell("order.shipped", "09:00", order="7")
    shop.wait_for_states("sent", *["refused"] * 5, "skipped")
    with shop.database.write() as connection:
        assert people.clear(connection, MAYA) == 1
    shop.tell("order.shipped", "09:00", order="8")
    shop.wait_for_states("sent", "sent", *["refused"] * 5, "skipped")


def test_a_day_later_an_unreachable_person_is_tried_again(shop: Office, attentive: Peer) -> None:
    accepts = refusing(attentive)
    shop.start()
    for number in range(3):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states(*["refused"] * (number + 1))
    with shop.database.write() as connection:
        past = shop.database.now(connection) - timedelta(seconds=1)
        connection.execute(update(tables.people).values(unreachable_until=past))
    accepts.set()
    shop.tell("order.shipped", "09:00", order="4")
    shop.wait_for_states("refused", "refused", "refused", "sent")


def test_a_skipped_text_of_an_unreachable_person_can_be_sent_on(shop: Office, attentive: Peer) -> None:
    accepts = refusing(attentive)
    shop.start()
    for number in range(4):
        shop.tell("order.shipped", "09:00", order=str(number))
        wait_until(lambda number=number: len(shop.messages()) == number + 1, "the message is made")
        wait_until(lambda: shop.states()[-1] in ("refused", "skipped"), "it is over")
    accepts.set()
    with shop.database.write() as connection:
        message = ledger.find_message(connection, 4)
        assert message is not None
        assert ledger.retry(connection, message, shop.database.now(connection))
    shop.wait_for_states("refused", "refused", "refused", "sent")


def test_what_is_sent_on_after_it_was_skipped_is_not_made_once_more(shop: Office, attentive: Peer) -> None:
    delivery = skip_as_unreachable(shop, attentive)
    assert send_on(shop, 1)
    shop.wait_for_states("sent")
    with shop.database.write() as connection:
        people.clear(connection, MAYA)
        processing.replay(connection, delivery, shop.database.now(connection), again=False)
    shop.wait_for_delivery(state="processed", reason="already_texted")
    assert said(attentive) == ["Shipped #1"]


def test_what_was_skipped_and_made_once_more_is_not_sent_on(shop: Office, attentive: Peer) -> None:
    delivery = skip_as_unreachable(shop, attentive)
    with shop.database.write() as connection:
        people.clear(connection, MAYA)
        processing.replay(connection, delivery, shop.database.now(connection), again=False)
    shop.wait_for_states("skipped", "sent")
    assert not send_on(shop, 1)
    with shop.database.read() as connection:
        message = ledger.find_message(connection, 1)
        assert message is not None
        assert ledger.replacement(connection, message) == 2
    assert said(attentive) == ["Shipped #1"]


def skip_as_unreachable(shop: Office, attentive: Peer) -> int:
    """Receive a delivery whose text is skipped, because its person is unreachable; the delivery's id."""
    shop.start()
    with shop.database.write() as connection:
        now = shop.database.now(connection)
        people.refused(connection, [("attentive", MAYA)] * people.UNREACHABLE_AFTER, now)
    delivery = shop.tell("order.shipped", "09:00")
    shop.wait_for_states("skipped")
    return delivery


def send_on(shop: Office, message_id: int) -> bool:
    with shop.database.write() as connection:
        message = ledger.find_message(connection, message_id)
        assert message is not None
        return ledger.retry(connection, message, shop.database.now(connection))


def test_old_refusals_are_forgotten_and_new_ones_are_not(shop: Office) -> None:
    with shop.database.write() as connection:
        now = shop.database.now(connection)
        people.refused(connection, [("attentive", MAYA)] * people.UNREACHABLE_AFTER, now - timedelta(days=7, minutes=1))
        people.refused(connection, [("attentive", BEN)], now - timedelta(days=6))
        people.forget(connection, now)
        assert [row.to for row in connection.execute(tables.people.select())] == [BEN]


def test_other_refusals_than_400_say_nothing_about_the_person(shop: Office, attentive: Peer) -> None:
    attentive.answers = lambda _token, _sent: (422, {})
    shop.start()
    for number in range(4):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states(*["refused"] * (number + 1))


def test_a_refused_text_is_tried_once_more_if_its_template_says_so(shop: Office, attentive: Peer) -> None:
    text = STATUS.format(kind="order.shipped", words="Shipped").replace("supersedes:", "retry_refused: 1m\nsupersedes:")
    shop.write_template("shipped", text)
    accepts = refusing(attentive)
    shop.start()
    shop.tell("order.shipped", "09:00")
    wait_until(lambda: shop.messages() and shop.messages()[0]["refusals"] == 1, "it is refused once")
    (message,) = shop.messages()
    assert (message["state"], message["waiting_for"]) == ("queued", "retry")
    assert timedelta(seconds=50) < message["due"] - datetime.now(UTC) <= timedelta(seconds=60)
    accepts.set()
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).values(due=shop.database.now(connection)))
    shop.wait_for_states("sent")
    assert [attempt["status"] for attempt in shop.attempts()] == [400, 200]


def test_it_is_tried_once_more_and_not_twice(shop: Office, attentive: Peer) -> None:
    text = STATUS.format(kind="order.shipped", words="Shipped").replace("supersedes:", "retry_refused: 1m\nsupersedes:")
    shop.write_template("shipped", text)
    refusing(attentive)
    shop.start()
    shop.tell("order.shipped", "09:00")
    wait_until(lambda: shop.messages() and shop.messages()[0]["refusals"] == 1, "it is refused once")
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).values(due=shop.database.now(connection)))
    shop.wait_for_states("refused")
    assert len(attentive.taken) == 2
    with shop.database.read() as connection:
        (known,) = connection.execute(tables.people.select()).all()
    assert known.refusals == 1


def test_the_log_of_a_person_made_unreachable_names_nobody(shop: Office, attentive: Peer, capsys: Any) -> None:
    refusing(attentive)
    shop.start()
    for number in range(3):
        shop.tell("order.shipped", "09:00", order=str(number))
        shop.wait_for_states(*["refused"] * (number + 1))
    shop.stop()
    said = capsys.readouterr()
    assert "person.unreachable" in said.out + said.err
    assert MAYA[1:] not in said.out + said.err
    assert json.dumps("Not subscribed.") not in said.out


# --- quiet hours -----------------------------------------------------------------------------------------------------


def around_now() -> str:
    """Quiet hours that hold now in New York, and end within two hours."""
    now = datetime.now(ZoneInfo("America/New_York"))
    return f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"


def test_a_text_at_night_waits_for_the_morning_and_goes_when_quiet_hours_are_switched_off(
    shop: Office, attentive: Peer
) -> None:
    shop.set(QUIET_HOURS="template")
    shop.write_template("shipped", f"---\nevent: order.shipped\nquiet_hours: {around_now()}\n---\nShipped")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.tell("order.delivered", "10:00", order="2")
    shop.wait_for_states("queued", "sent")
    (waits,) = [row for row in shop.messages() if row["state"] == "queued"]
    assert (waits["waiting_for"], waits["attempts"], waits["zones"]) == ("quiet_hours", 0, ("America/New_York",))
    assert timedelta(hours=1, minutes=58) < waits["due"] - datetime.now(UTC) <= timedelta(hours=2)
    shop.restart(QUIET_HOURS="off")
    shop.wait_for_states("sent", "sent")


def test_a_text_that_would_be_too_late_by_morning_is_held(shop: Office, attentive: Peer) -> None:
    shop.set(QUIET_HOURS="template")
    shop.write_template("shipped", f"---\nevent: order.shipped\nquiet_hours: {around_now()}\nexpires: 1h\n---\nShipped")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("held")
    (held,) = shop.messages()
    assert held["reason"] == "quiet_until_expiry"
    with shop.database.write() as connection:
        ledger.release(connection, [held["id"]], shop.database.now(connection))
    # A person wants it sent, and still not at night.
    wait_until(lambda: shop.messages()[0]["waiting_for"] == "quiet_hours", "it waits for the morning")
    (waits,) = shop.messages()
    assert waits["expires_at"] == waits["due"] + timedelta(hours=1)
    assert (waits["attempts"], attentive.taken) == (0, [])


def test_a_text_that_was_held_up_until_the_night_waits_for_the_morning(shop: Office, attentive: Peer) -> None:
    shop.set(QUIET_HOURS="template", ATTENTIVE_API_TOKEN=None)
    free = datetime.now(ZoneInfo("America/New_York")) + timedelta(hours=3)
    shop.write_template(
        "shipped", f"---\nevent: order.shipped\nquiet_hours: {free:%H:%M}-{free + timedelta(hours=1):%H:%M}\n---\nHi"
    )
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("queued")
    with shop.database.write() as connection:
        connection.execute(update(tables.messages).values(quiet_hours=around_now()))
    shop.restart(ATTENTIVE_API_TOKEN="token-b")
    wait_until(lambda: shop.messages()[0]["waiting_for"] == "quiet_hours", "it turns back at the door")
    assert (shop.messages()[0]["attempts"], shop.attempts(), attentive.taken) == (0, [], [])


def test_what_waits_for_the_morning_tells_so_without_a_token_too(shop: Office, attentive: Peer) -> None:
    shop.set(QUIET_HOURS="template", ATTENTIVE_API_TOKEN=None)
    shop.write_template("shipped", f"---\nevent: order.shipped\nquiet_hours: {around_now()}\n---\nShipped")
    shop.tell("order.shipped", "09:00")
    shop.start()
    shop.wait_for_states("queued")
    shop.restart()
    shop.restart(ATTENTIVE_API_TOKEN="token-b")
    assert [row["waiting_for"] for row in shop.messages()] == ["quiet_hours"]
    # So the switch finds it.
    shop.restart(QUIET_HOURS="off")
    shop.wait_for_states("sent")


# --- by hand, while workers work -------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["release", "drop", "retry"])
def test_what_a_person_decides_waits_for_a_worker_that_judges_by_it(shop: Office, act: str) -> None:
    shop.set(BRIDGE_SENDING="hold")
    shop.start()
    shop.tell("order.shipped", "09:00")
    shop.wait_for_states("held")
    shop.stop()
    with shop.database.write() as connection:
        account_health.add(connection, ["attentive"])

    def decide() -> None:
        with shop.database.write() as connection:
            message = ledger.find_message(connection, 1)
            assert message is not None
            now = shop.database.now(connection)
            if act == "release":
                assert ledger.release(connection, [1], now) == 1
            elif act == "drop":
                assert ledger.drop(connection, [1]) == 1
            else:
                assert ledger.retry(connection, message, now)

    thread = threading.Thread(target=decide)
    with shop.database.write() as connection:
        account_health.read(connection)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(10)
    assert shop.states() == ["skipped" if act == "drop" else "queued"]


@pytest.mark.parametrize("act", ["release", "drop"])
def test_more_held_messages_than_are_decided_at_once_are_all_decided(
    shop: Office, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr("bridge.cli.messages._AT_ONCE", 2)
    # A command's own database is closed with its process.
    monkeypatch.setattr("bridge.cli.setup.open_database", lambda _settings: shop.database)
    shop.set(BRIDGE_SENDING="off")
    shop.start()
    for number in range(5):
        shop.tell("order.shipped", "09:00", order=str(number))
    shop.wait_for_states(*["held"] * 5)
    shop.stop()
    done = CliRunner().invoke(messages, [act, "--all"])
    assert (done.exit_code, done.output.partition(".")[0]) == (0, "5 released" if act == "release" else "5 dropped")
    assert set(shop.states()) == {"queued" if act == "release" else "skipped"}


# --- in a large database ---------------------------------------------------------------------------------------------


def test_no_statement_of_a_turn_goes_through_a_whole_table(database: Database) -> None:
    plans: list[str] = []
    is_sqlite = database.is_sqlite

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "WITH")) and not many:
            cursor.execute(("EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN ") + statement, values)
            plans.extend(str(row[-1]) for row in cursor.fetchall())

    with database.write() as connection:
        now = database.now(connection)
        if not is_sqlite:
            # As a new database plans: tests before this one have left statistics of rows that are gone.
            connection.execute(text_of_sql("TRUNCATE messages CASCADE"))
            # Empty tables are gone through at once, whatever their indices.
            connection.execute(text_of_sql("SET LOCAL enable_seqscan = off"))
        event.listen(connection.engine, "before_cursor_execute", explain)
        try:
            standing.texts_of(connection, [("attentive", "order 1", "r"), ("attentive", "order 2", "s")])
            standing.counted_by_person(connection, [("attentive", "r")], now)
            standing.counted_by_template(connection, ["shipped"], now)
            people.unreachable(connection, [("attentive", "r"), ("attentive", "s")], now)
            people.reached(connection, [("attentive", MAYA), ("attentive", BEN)])
            people.refused(connection, [("attentive", MAYA), ("attentive", BEN)], now)
            sending.claim(connection, "me", "attentive", 2, now)
            opt_outs.skip_waiting(connection, "attentive", MAYA, now)
            reports.untold(connection)
            postings.has_due(connection, now)
            answers.candidates(connection, "attentive", MAYA, now)
        finally:
            event.remove(connection.engine, "before_cursor_execute", explain)
    # Few rows are in these two indices.
    whole = re.compile(
        r"SCAN (messages|earlier|people|postings)(?! USING INDEX ix_messages_(held|to_report))"
        r"|Seq Scan on (messages|people|postings)"
    )
    assert [line for line in plans if whole.search(line)] == []
    for index in ("ix_messages_news", "ix_messages_thread", "ix_messages_day_recipient"):
        assert any(index in line for line in plans), index
