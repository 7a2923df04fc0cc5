"""What became of a text, put on its ticket or order: once, tried again, given up with a reason. On both databases."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import conftest
import notebook
import pytest
from notebook import Notebook
from office import Office, attentive, office, peer
from sqlalchemy import update

from bridge.errors import BridgeError, LookupFailed, LookupRefused, NotThere, PostingDoubtful, PostingRefused
from bridge.policy import posting as policy
from bridge.policy.reports import report
from bridge.postings import Ended, NewPosting, Over, Posted, Posting
from bridge.reporting_back import targets
from bridge.route import routes
from bridge.store import ledger, postings, processing, tables
from bridge.store.database import Database

__all__ = ["attentive", "office", "peer"]

NOW = datetime(2026, 11, 25, 18, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANSWER = NewPosting(
    kind="answer",
    connection="zendesk",
    account="attentive",
    once="sms 1",
    text="Where is it?",
    ticket="35436",
    phone="+12125550123",
    media=("https://example.com/a.jpg", "https://example.com/b.jpg"),
    occurred_at=NOW,
    expires_at=NOW + timedelta(days=1),
)
TOLD = "---\nevent: ticket.created\nreport: {report}\n---\nWe have your request {{{{ ticket.id }}}}."


class Desk:
    """The postings of a database, a transaction for each call."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, *new: NewPosting) -> list[int]:
        with self.database.write() as connection:
            return postings.add(connection, new, NOW)

    def claim(self, owner: str = "worker-1", *, limit: int = 10, now: datetime = NOW) -> list[Posting]:
        with self.database.write() as connection:
            return postings.claim(connection, owner, limit, now)

    def finish(self, posting: Posting, then: Ended, owner: str = "worker-1") -> bool:
        with self.database.write() as connection:
            held = postings.still_held(connection, {posting.id: owner})
            postings.finish(connection, dict.fromkeys(held, then), NOW)
        return bool(held)

    def recover(self, owner: str = "worker-1") -> int:
        with self.database.write() as connection:
            return postings.recover(connection, owner)

    def rows(self) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            found = connection.execute(tables.postings.select().order_by(tables.postings.c.id))
            return [row._asdict() for row in found]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


# --- the queue -----------------------------------------------------------------------------------------------------


def test_a_posting_is_put_down_once_and_claimed_as_it_was(desk: Desk) -> None:
    assert len(desk.add(ANSWER, replace(ANSWER, once="sms 2", phone="+12125550124"))) == 2
    assert desk.add(ANSWER) == []
    first, second = desk.claim()
    assert (first.text, first.phone, first.media, first.ticket) == (ANSWER.text, ANSWER.phone, ANSWER.media, "35436")
    assert (first.attempts, first.may_be_there) == (1, False)
    assert first.mark != second.mark
    assert desk.claim("worker-2") == []


def test_answers_of_one_person_go_one_after_another_the_oldest_first(desk: Desk) -> None:
    later = replace(ANSWER, once="later", occurred_at=NOW + SECOND)
    other = replace(ANSWER, once="other", phone="+12125550124", occurred_at=NOW + SECOND)
    note = replace(ANSWER, once="note", kind="note")
    desk.add(later, ANSWER, other, note)
    first = desk.claim()
    assert [one.id for one in first] == [2, 3, 4]
    assert desk.claim() == []
    desk.finish(first[0], Ended(state="queued", due=NOW + 5 * SECOND, waiting_for="retry"))
    assert [one.id for one in desk.claim(now=NOW + SECOND)] == []
    with desk.database.read() as connection:
        assert not postings.has_due(connection, NOW + SECOND)
    (again,) = desk.claim(now=NOW + 6 * SECOND)
    assert (again.id, again.attempts) == (2, 2)
    desk.finish(again, Ended(state="posted"))
    assert [one.id for one in desk.claim(now=NOW + 6 * SECOND)] == [1]


def test_two_at_once_are_never_put_on_one_order_or_among_one_tickets_tags(desk: Desk) -> None:
    """Two notes on one order are read, added to and written: of two at once one would be lost."""
    note = replace(ANSWER, kind="note", ticket=None, order_id="9", phone=None)
    notes = [replace(note, once=f"note {number}") for number in range(3)]
    elsewhere = [replace(note, once="other", order_id="8"), replace(note, once="shop", connection="shop")]
    desk.add(*notes, *elsewhere, replace(ANSWER, once="tag", kind="tag"), replace(ANSWER, once="tag 2", kind="tag"))
    first = desk.claim()
    assert [one.id for one in first] == [1, 4, 5, 6]
    assert desk.claim("worker-2") == []
    with desk.database.read() as connection:
        assert not postings.has_due(connection, NOW)
    desk.finish(first[0], Ended(state="posted"))
    (second,) = desk.claim("worker-2")
    assert (second.id, second.attempts) == (2, 1)
    desk.finish(second, Ended(state="queued", due=NOW + SECOND, waiting_for="retry"), "worker-2")
    # One that waits for its next try holds up nobody.
    assert [one.id for one in desk.claim()] == [3]


def test_what_a_dead_worker_was_posting_may_be_there_and_is_given_up_after_three(desk: Desk) -> None:
    desk.add(ANSWER)
    mark = None
    for death in range(3):
        (claimed,) = desk.claim()
        assert claimed.may_be_there is (death > 0)
        assert mark in (None, claimed.mark)
        mark = claimed.mark
        assert desk.recover() == 1
        assert not desk.finish(claimed, Ended(state="posted"))
    assert desk.claim() == []
    assert [(row["state"], row["reason"]) for row in desk.rows()] == [("failed", "worker_died")]


def test_what_is_given_back_loses_no_attempt_and_is_in_no_doubt(desk: Desk) -> None:
    desk.add(ANSWER)
    desk.claim()
    with desk.database.write() as connection:
        postings.release(connection, "worker-1")
    (claimed,) = desk.claim("worker-2")
    assert (claimed.attempts, claimed.may_be_there) == (1, False)


def test_a_person_has_what_failed_tried_again_and_looked_for_where_it_may_be(desk: Desk) -> None:
    desk.add(ANSWER)
    (claimed,) = desk.claim()
    desk.finish(claimed, Ended(state="failed", doubtful_since=NOW))
    with desk.database.write() as connection:
        assert postings.retry(connection, claimed.id, NOW + timedelta(days=3))
        assert not postings.retry(connection, claimed.id, NOW + timedelta(days=3))
        assert not postings.retry(connection, 99, NOW)
    (again,) = desk.claim(now=NOW + timedelta(days=3))
    assert again.may_be_there
    assert again.expires_at == NOW + timedelta(days=4)


# --- decisions -----------------------------------------------------------------------------------------------------


def _posting(**values: Any) -> Posting:
    shared = {name: getattr(ANSWER, name) for name in Posting.__dataclass_fields__ if hasattr(ANSWER, name)}
    return Posting(**{**shared, "id": 1, "mark": "m", "attempts": 1, "may_be_there": False, **values})


@pytest.mark.parametrize(
    ("came_of_it", "state", "reason", "waits", "waiting_for", "is_doubtful"),
    [
        (Posted(remote_id="7"), "posted", None, None, None, False),
        (LookupRefused("No."), "queued", None, 60, "lookup_credentials", False),
        (LookupFailed("Later."), "queued", None, 1.5, "retry", False),
        (LookupFailed("Later.", after=30), "queued", None, 30, "retry", False),
        (LookupFailed("Tomorrow.", after=86401), "failed", "posting_gave_up", None, None, False),
        (PostingDoubtful("Hm."), "queued", None, 1.5, "retry", True),
        (NotThere("None."), "failed", "posting_refused", None, None, False),
        (PostingRefused("No."), "failed", "posting_refused", None, None, False),
    ],
)
def test_what_becomes_of_a_posting(
    came_of_it: Posted | BridgeError, state: str, reason: str | None, waits: float | None, waiting_for: str | None,
    is_doubtful: bool,
) -> None:  # fmt: skip
    then = policy.decide(_posting(), came_of_it, began=NOW - SECOND, now=NOW, jitter=0.5)
    assert (then.state, then.reason.code if then.reason else None) == (state, reason)
    assert then.due == (None if waits is None else NOW + timedelta(seconds=waits))
    assert then.waiting_for == waiting_for
    assert then.doubtful_since == (NOW - SECOND if is_doubtful else None)


def test_the_tries_grow_rarer_and_end_after_a_day() -> None:
    delays = [
        policy.decide(_posting(attempts=number), LookupFailed(), began=NOW, now=NOW, jitter=0.0).due
        for number in (1, 2, 5, 20)
    ]
    assert [(due - NOW).total_seconds() for due in delays if due] == [1, 2, 16, 300]
    late = NOW + timedelta(days=1)
    desk = policy.Can(title="Desk", kinds=frozenset({"answer"}))
    then = policy.before_posting(_posting(), can=desk, missing=(), now=late)
    assert then
    assert then.reason
    assert then.reason.code == "posting_gave_up"


@pytest.mark.parametrize(
    ("values", "kinds", "missing", "code", "words"),
    [
        (
            {"kind": "tag"},
            {"note", "answer"},
            (),
            "posting_not_possible",
            "Desk takes no tag on its tickets, but answer",
        ),
        (
            {"kind": "note", "ticket": None, "order_id": "9"},
            {"note"},
            (),
            "posting_not_possible",
            "orders, but nothing.",
        ),
        ({"kind": "note", "ticket": None}, {"note"}, (), "posting_not_possible", "neither a ticket nor an order"),
        ({}, (), (), "posting_not_possible", "The bridge writes nothing to Desk."),
        ({}, {"answer"}, ("ZENDESK_URL",), "posting_not_configured", "Set ZENDESK_URL, then `bridge postings retry 1`"),
        ({"ticket": None}, {"answer"}, (), None, ""),
    ],
)
def test_what_cannot_be_put_there_says_why(
    values: dict[str, Any], kinds: Collection[Any], missing: tuple[str, ...], code: str | None, words: str
) -> None:
    desk = policy.Can(title="Desk", kinds=frozenset(kinds))
    then = policy.before_posting(_posting(**values), can=desk, missing=missing, now=NOW)
    assert (then.state if then else None) == ("skipped" if code else None)
    reason = then.reason if then else None
    assert (reason.code if reason else None) == code
    assert words in (reason.sentence if reason else "")


OVER = Over(
    id=7, account="attentive", connection="zendesk", template="received", identity="t1", to="+12125550123",
    body="We have it.", link=None, state="sent", reason=None, detail=None, report="note", ticket="35436",
    order_id="9", is_unverified=False, is_erased=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Text sent to the customer (number ending 0123): \u201cWe have it.\u201d"),
        ({"link": "a.attn.tv"}, "Text sent to the customer (number ending 0123): \u201cWe have it. a.attn.tv\u201d"),
        ({"report": "tag"}, "sms-sent"),
        ({"report": "tag", "state": "unknown", "reason": "outcome_unknown"}, "sms-unknown"),
        ({"report": "tag", "state": "expired", "reason": "expired"}, "sms-not-sent"),
        ({"report": "tag", "state": "held", "reason": "cap_per_person"}, None),
        (
            {"state": "skipped", "reason": "no_phone", "to": None, "body": None},
            "No text was sent to the customer. No phone number is known for this person.",
        ),
        (
            {"state": "refused", "reason": "refused_by_attentive", "detail": "Not subscribed."},
            "No text was sent to the customer (number ending 0123). Attentive refused this message. Not subscribed.",
        ),
        (
            {
                "state": "refused",
                "reason": "refused_by_attentive",
                "detail": "No subscriber (212) 555-0123 of 2025550142.",
            },
            "No text was sent to the customer (number ending 0123). Attentive refused this message."
            " No subscriber \u2026 of 2025550142.",
        ),
        ({"state": "held", "reason": "sending_off"}, None),
        ({"state": "skipped", "reason": "already_texted"}, None),
        ({"state": "skipped", "reason": "no_phone", "is_unverified": True}, None),
        ({"state": "sent", "is_erased": True}, None),
        ({"state": "sent", "report": "none"}, None),
    ],
)
def test_a_colleague_is_told_in_words(values: dict[str, Any], text: str | None) -> None:
    made = report(replace(OVER, **values), is_on=True, now=NOW)
    assert (made.text if made else None) == text


def test_a_note_of_a_text_is_on_the_ticket_and_without_one_on_the_order() -> None:
    made = report(OVER, is_on=True, now=NOW)
    assert made
    assert (made.ticket, made.order_id, made.expires_at) == ("35436", None, NOW + timedelta(days=1))
    of_order = report(replace(OVER, ticket=None), is_on=True, now=NOW)
    assert of_order
    assert (of_order.ticket, of_order.order_id) == (None, "9")


def test_while_nothing_is_sent_nobody_is_told_of_what_did_not_leave() -> None:
    assert report(replace(OVER, state="skipped", reason="no_phone"), is_on=False, now=NOW) is None
    assert report(OVER, is_on=False, now=NOW) is not None


# --- the whole way -------------------------------------------------------------------------------------------------


@pytest.fixture
def book(office: Office, tmp_path: Path) -> Iterator[Notebook]:
    """The helpdesk behind the office's connection `zendesk`."""
    book = Notebook()
    office.set(NOTEBOOK_URL=book.url, **notebook.SETTINGS)
    notebook.install(tmp_path)
    office.write_template("received", TOLD.format(report="note"))
    yield book
    office.stop()
    notebook.uninstall(tmp_path)
    book.close()


def _wait_for_postings(office: Office, *states: str) -> list[dict[str, Any]]:
    desk = Desk(office.database)
    conftest.wait_until(
        lambda: [row["state"] for row in desk.rows()] == list(states),
        f"postings are {states}: {[(row['state'], row['reason'], row['waiting_for']) for row in desk.rows()]}",
        15,
    )
    return desk.rows()


def test_a_sent_text_is_noted_once_on_its_ticket(office: Office, book: Notebook) -> None:
    office.start()
    delivery = office.receive("zendesk", "trigger_created")
    office.wait_for_states("sent")
    (row,) = _wait_for_postings(office, "posted")
    body = office.messages()[0]["body"]
    assert book.texts == [f"Text sent to the customer (number ending {office.messages()[0]['to'][-4:]}): “{body}”"]
    assert book.notes[0]["ticket"] == office.messages()[0]["ticket"] == row["posted_on"]
    assert row["remote_id"] == "1"
    # Processed once more it makes no text, and so no note.
    with office.database.write() as connection:
        assert processing.replay(connection, delivery, datetime.now(UTC), again=False)
    office.wait_for_delivery(state="processed", reason="already_texted")
    assert len(book.notes) == 1


@pytest.mark.parametrize(("answers", "tries"), [([503], 2), ([429], 2), ([599], 2), ([599, 503], 2), ([500, 599], 3)])
def test_a_platform_with_hiccups_has_one_note(office: Office, book: Notebook, answers: list[int], tries: int) -> None:
    book.answers = list(answers)
    office.start()
    office.receive("zendesk", "trigger_created")
    (row,) = _wait_for_postings(office, "posted")
    assert row["attempts"] == tries
    assert len(book.notes) == 1


@pytest.mark.parametrize(
    ("answer", "state", "reason", "words"),
    [
        (404, "failed", "posting_refused", "The notebook has no such ticket."),
        (422, "failed", "posting_refused", "The notebook refuses this."),
        (418, "failed", "crashed", "ZeroDivisionError at notebook.py"),
    ],
)
def test_what_the_platform_refuses_is_over_with_its_words_and_may_be_tried_again(
    office: Office, book: Notebook, answer: int, state: str, reason: str, words: str
) -> None:
    book.answers = [answer]
    office.start()
    office.receive("zendesk", "trigger_created")
    (row,) = _wait_for_postings(office, state)
    assert row["reason"] == reason
    assert words in row["detail"]
    with office.database.write() as connection:
        assert postings.retry(connection, row["id"], datetime.now(UTC))
    _wait_for_postings(office, "posted")
    assert len(book.notes) == 1


def test_refused_credentials_wait_for_a_minute(office: Office, book: Notebook) -> None:
    book.answers = [401]
    office.start()
    office.receive("zendesk", "trigger_created")
    desk = Desk(office.database)
    conftest.wait_until(lambda: desk.rows() and desk.rows()[0]["waiting_for"] == "lookup_credentials", "it waits", 15)
    (row,) = desk.rows()
    assert row["due"] - row["claimed_at"] > timedelta(seconds=55)


def test_a_connection_without_its_settings_says_which(office: Office, book: Notebook) -> None:
    office.set(ZENDESK_API_TOKEN=None)
    office.start()
    office.receive("zendesk", "trigger_created")
    (row,) = _wait_for_postings(office, "skipped")
    assert (row["reason"], row["detail"][:26]) == ("posting_not_configured", "Set ZENDESK_API_TOKEN, the")
    assert book.notes == []


def test_the_platforms_of_which_nothing_is_known_are_skipped(office: Office, book: Notebook) -> None:
    office.set(CONNECTIONS="zendesk=zendesk,mine=generic", MINE_SECRETS="m")
    now = datetime.now(UTC)
    with office.database.write() as connection:
        lost = [
            replace(ANSWER, connection=name, once=name, occurred_at=now, expires_at=now + timedelta(hours=1))
            for name in ("mine", "gone")
        ]
        postings.add(connection, lost, now)
    office.start()
    rows = _wait_for_postings(office, "skipped", "skipped")
    assert [row["reason"] for row in rows] == ["posting_not_possible", "unknown_connection"]
    assert book.notes == []


def test_texts_leave_while_the_helpdesk_hangs(office: Office, book: Notebook) -> None:
    book.is_open.clear()
    office.start()
    for number in range(8):
        office.receive("zendesk", "trigger_created", id=f"e{number}", **{"ticket.id": f"{number}"})
    office.wait_for_states(*["sent"] * 8)
    conftest.wait_until(lambda: len(Desk(office.database).rows()) == 8, "the notes wait")
    book.is_open.set()
    _wait_for_postings(office, *["posted"] * 8)
    assert len(book.notes) == 8


def test_what_a_person_or_the_time_ended_is_told_too(office: Office, book: Notebook) -> None:
    office.set(CAP_PER_PERSON_PER_DAY="1")
    office.start()
    for number in range(3):
        office.receive("zendesk", "trigger_created", id=f"e{number}", **{"ticket.id": f"{number}"})
    office.wait_for_states("sent", "held", "held")
    _wait_for_postings(office, *["posted"] * 3)
    held = [row["id"] for row in office.messages() if row["state"] == "held"]
    with office.database.write() as connection:
        assert ledger.drop(connection, held[:1]) == 1
        of_last = update(tables.messages).where(tables.messages.c.id == held[1])
        connection.execute(of_last.values(state="expired", reason="expired"))
    _wait_for_postings(office, *["posted"] * 5)
    assert sorted(text.partition("(")[0] for text in book.texts) == [
        "A text to the customer ", "A text to the customer ", "No text was sent to the customer ",
        "No text was sent to the customer ", "Text sent to the customer ",
    ]  # fmt: skip


def test_a_skipped_text_is_told_once_however_often_it_is_replayed(office: Office, book: Notebook) -> None:
    office.start()
    delivery = office.receive("zendesk", "trigger_created", **{"customer.phone": ""})
    _wait_for_postings(office, "posted")
    with office.database.write() as connection:
        assert processing.replay(connection, delivery, datetime.now(UTC), again=False)
    office.wait_for_states("skipped", "skipped")
    conftest.wait_until(lambda: all(row["reported"] for row in office.messages()), "both are told")
    assert len(Desk(office.database).rows()) == len(book.notes) == 1


def test_a_carriers_text_is_told_on_the_order_of_the_one_shop_there_is(office: Office, book: Notebook) -> None:
    office.set(CONNECTIONS="zendesk=zendesk,shop=zendesk,aftership=aftership", SHOP_SECRETS="s", AFTERSHIP_SECRETS="a")
    way = routes(office.settings)
    about_order = replace(OVER, connection="aftership", ticket=None)
    # Both of them take notes on orders: nobody can tell whose this is.
    assert targets(way).of(about_order) == "aftership"
    one = targets({name: way[name] for name in ("shop", "aftership")})
    assert one.of(about_order) == "shop"
    assert one.of(replace(about_order, account="other")) == "aftership"
    assert one.of(replace(OVER, connection="shop")) == "shop"
    # WooCommerce takes no notes, and the other shop has none of its orders.
    office.set(
        CONNECTIONS="shopify=shopify,woocommerce=woocommerce,aftership=aftership",
        SHOPIFY_SECRETS="s",
        WOOCOMMERCE_SECRETS="w",
    )
    of_both = targets(routes(office.settings))
    assert [of_both.of(replace(about_order, connection=one)) for one in ("woocommerce", "aftership", "shopify")] == [
        "woocommerce", "aftership", "shopify",
    ]  # fmt: skip
    assert book.notes == []


def test_a_template_without_a_report_puts_nothing_anywhere(office: Office, book: Notebook) -> None:
    office.write_template("received", TOLD.format(report="none"))
    office.start()
    office.receive("zendesk", "trigger_created")
    office.wait_for_states("sent")
    assert (Desk(office.database).rows(), book.notes) == ([], [])
