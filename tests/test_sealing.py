"""Personal data sealed in the database: unreadable to a thief, found all the same; keys exchanged while all runs."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Stack, wait_until
from office import Office, Peer
from raw_rows import raw_bytes
from sqlalchemy import select, text

from bridge import sealing
from bridge.cli import sealing as commands
from bridge.errors import Misconfigured
from bridge.messages import Picture
from bridge.sealing import CannotOpen, Keys
from bridge.sources.samples import load
from bridge.store import audit, hashing, people, pictures, resealing, schema, sightings, tables, unlocking
from bridge.store.database import Database
from bridge.store.sealed import UNOPENED_WORDS, Sealed

OLD, NEW, OTHER = (sealing.read_key(sealing.new_key()) for _ in range(3))
MAYA = "+12125550123"
PLACE = b"messages.to"


# --- the seal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"x", b"+12125550123", bytes(range(256)) * 40, b"\x00S1 not sealed", b"\x00P1"])
@pytest.mark.parametrize("keys", [Keys(), Keys((NEW,)), Keys((NEW, OLD))])
def test_what_is_sealed_opens(keys: Keys, value: bytes) -> None:
    stored = keys.seal(value, PLACE)
    assert keys.open(stored, PLACE) == value
    assert keys.is_current(stored)
    if keys:
        assert value not in stored
        assert stored != keys.seal(value, PLACE)


def test_an_older_key_opens_and_the_newest_seals() -> None:
    stored = Keys((OLD,)).seal(b"Maya", PLACE)
    both = Keys((NEW, OLD))
    assert both.open(stored, PLACE) == b"Maya"
    assert not both.is_current(stored)
    assert Keys((NEW,)).open(both.seal(b"Maya", PLACE), PLACE) == b"Maya"
    assert both.open(b"from before there were keys", PLACE) == b"from before there were keys"
    assert not both.is_current(b"from before there were keys")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda stored: stored[:-1],
        lambda stored: stored[:10],
        lambda stored: stored[:3],
        lambda stored: stored[:-1] + bytes([stored[-1] ^ 1]),
        lambda stored: stored[:8] + bytes([stored[8] ^ 1]) + stored[9:],
    ],
)
def test_what_was_changed_does_not_open(spoil: Callable[[bytes], bytes]) -> None:
    keys = Keys((NEW, OLD))
    with pytest.raises(CannotOpen):
        keys.open(spoil(keys.seal(b"Maya", PLACE)), PLACE)


def test_a_value_opens_neither_in_another_place_nor_with_another_key() -> None:
    stored = Keys((NEW,)).seal(b"Maya", PLACE)
    with pytest.raises(CannotOpen):
        Keys((NEW,)).open(stored, b"messages.body")
    for keys in (Keys((OTHER, OLD)), Keys()):
        with pytest.raises(CannotOpen):
            keys.open(stored, PLACE)


@pytest.mark.parametrize("wrong", ["secret", "c2hvcnQ=", "=" * 44, "A" * 43, "A" * 42 + "é=", "A" * 60])
def test_a_key_that_is_none_is_refused_without_its_words(wrong: str) -> None:
    with pytest.raises(ValueError, match="bridge keys new") as refused:
        sealing.read_key(wrong)
    assert wrong not in str(refused.value)


def test_keys_do_not_show_in_what_is_printed() -> None:
    keys = Keys((NEW,))
    assert repr(NEW) not in repr(keys)
    assert keys == Keys((NEW,)) != Keys((OLD,))


# --- the database ------------------------------------------------------------------------------------------------

_Open = Callable[..., Database]


@pytest.fixture
def opened(database_url: str) -> Iterator[_Open]:
    """Opens one migrated database with these keys."""
    made: list[Database] = []

    def open_with(*keys: bytes) -> Database:
        made.append(Database(database_url.replace("postgresql://", "postgresql+psycopg://", 1), keys=Keys(keys)))
        schema.upgrade(made[-1])
        with made[-1].write() as connection:
            unlocking.check(connection, Keys(keys))
            unlocking.seal_secrets(connection, Keys(keys))
        return made[-1]

    yield open_with
    for one in made:
        one.dispose()


@pytest.fixture
def work(tmp_path: Path, attentive: Peer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Database], Office]]:
    """An office over a database; the one before is closed."""
    monkeypatch.setattr("bridge.worker._BEAT_SECONDS", 0.05)
    (tmp_path / "templates").mkdir()
    offices: list[Office] = []

    def over(database: Database) -> Office:
        for one in offices:
            one.stop()
        offices.append(Office(database, tmp_path / "templates", monkeypatch))
        offices[-1].set(
            ATTENTIVE_URL=attentive.url, ATTENTIVE_API_TOKEN="token-a", SHOPIFY_SECRETS="s", ZENDESK_SECRETS="z",
            AFTERSHIP_SECRETS="a", CAP_PER_PERSON_PER_DAY="0", QUIET_HOURS="off",
        )  # fmt: skip
        offices[-1].start()
        return offices[-1]

    yield over
    attentive.is_closing.set()
    for one in offices:
        one.stop()


def _canaries(sample: str = "orders_create") -> list[bytes]:
    body = json.loads(load("shopify")[sample].body)
    customer = body["customer"]
    words = [body["email"], customer["first_name"], customer["last_name"], body["shipping_address"]["address1"]]
    return [str(word).encode() for word in words if word] + [b"2125550123", b"Thank you for order"]


def _wait_until_over(office: Office) -> None:
    wait_until(lambda: {row["state"] for row in office.deliveries()} == {"processed"}, "all is processed")
    wait_until(lambda: set(office.states()) == {"sent"}, "all is sent")


def test_every_personal_column_is_sealed_for_its_own_place() -> None:
    sealed = [c for table in tables.metadata.sorted_tables for c in table.c if isinstance(c.type, Sealed)]
    assert len(sealed) > 10
    assert [c for c in sealed if c.type.place != f"{c.table.name}.{c.name}"] == []


def test_a_thief_of_the_database_reads_nothing_personal(
    opened: _Open, work: Callable[[Database], Office], attentive: Peer
) -> None:
    canaries = _canaries()
    assert len(canaries) >= 5
    office = work(opened(NEW))
    office.receive("shopify", "orders_create", phone=MAYA)
    office.wait_for_states("sent")
    ((_, sent),) = attentive.taken
    assert sent["to"] == MAYA
    with office.database.write() as connection:
        people.refused(connection, [("attentive", MAYA)], datetime.now(UTC))
        pictures.keep(connection, [Picture(name="one", content=b"picture-canary")], datetime.now(UTC))
    office.stop()
    raw = raw_bytes(office.database)
    assert b"order.created" in raw
    assert [word for word in [*canaries, b"picture-canary", MAYA.encode()] if word in raw] == []
    # The phone's hash cannot be made without the secret, which is sealed.
    assert hashing.search_hash(MAYA).encode() not in raw
    assert office.messages()[0]["recipient"].encode() in raw
    assert office.messages()[0]["to"] == MAYA


def test_without_keys_a_thief_reads_all_of_it(opened: _Open, work: Callable[[Database], Office]) -> None:
    office = work(opened())
    office.receive("shopify", "orders_create", phone=MAYA)
    office.wait_for_states("sent")
    office.stop()
    raw = raw_bytes(office.database)
    assert [word for word in _canaries() if word not in raw] == []


def test_keys_set_and_exchanged_change_nothing_but_who_can_read(
    opened: _Open, work: Callable[[Database], Office], attentive: Peer
) -> None:
    """The same person, order and parcel are known throughout, whichever key their rows are sealed with."""
    for number, keys in enumerate([(), (OLD,), (NEW, OLD)]):
        office = work(opened(*keys))
        office.write_template("shipped", "---\nevent: order.shipped\n---\nParcel {{ shipment.tracking_number }}")
        office.receive("shopify", "orders_create", id=1000 + number, phone=MAYA)
        # The same order again, as a webhook of its own.
        office.receive("shopify", "orders_create", id=1000, note=str(number), phone=MAYA)
        _wait_until_over(office)
    assert len(office.messages()) == len(attentive.taken) == 3
    assert len({row["recipient"] for row in office.messages()}) == 1
    with office.database.write() as connection:
        now = datetime.now(UTC)
        known = sightings.find(connection, "attentive", ["order:1000", "order:1001", "order:1002"])
        for _ in range(people.UNREACHABLE_AFTER):
            people.refused(connection, [("attentive", MAYA)], now)
    assert len(known) == 3

    rows = commands._reseal(office.database)
    assert rows[0]["messages"] == 2
    assert not rows[1]
    assert commands._reseal(office.database) == ({}, {})
    office = work(opened(NEW))
    assert {row["to"] for row in office.messages()} == {MAYA}
    office.receive("shopify", "orders_create", id=1003, phone=MAYA)
    wait_until(lambda: office.states()[-1] == "skipped", "they are unreachable")
    assert office.messages()[-1]["reason"] == "unreachable"


def test_rows_are_resealed_while_the_worker_goes_on(opened: _Open, work: Callable[[Database], Office]) -> None:
    office = work(opened())
    for number in range(30):
        office.receive("shopify", "orders_create", id=number, name=f"#{number}")
    office.wait_for_states(*["sent"] * 30)
    office = work(opened(NEW))
    for number in range(30, 50):
        office.receive("shopify", "orders_create", id=number, name=f"#{number}")
    rows, unopened = commands._reseal(office.database)
    office.wait_for_states(*["sent"] * 50)
    assert rows["deliveries"] == 30
    assert not unopened
    office.stop()
    assert [word for word in _canaries()[:3] if word in raw_bytes(office.database)] == []


def test_with_another_key_or_none_the_program_does_not_start(opened: _Open, work: Callable[[Database], Office]) -> None:
    office = work(opened(OLD))
    office.receive("shopify", "orders_create")
    office.wait_for_states("sent")
    with pytest.raises(Misconfigured, match="DATA_KEYS: none of its keys opens the newest rows"):
        opened(NEW)
    with pytest.raises(Misconfigured, match="DATA_KEYS: is not set, but this database is sealed"):
        opened()
    opened(NEW, OLD)


def test_a_row_that_no_key_opens_is_set_aside_and_the_others_go_on(
    opened: _Open, work: Callable[[Database], Office], attentive: Peer
) -> None:
    office = work(opened(NEW))
    office.set(BRIDGE_SENDING="hold")
    office.restart()
    office.receive("shopify", "orders_create", id=1)
    office.wait_for_states("held")
    office.stop()
    lost = Keys((OTHER,))
    with office.database.write() as connection:
        raw = text("UPDATE messages SET body = :body")
        connection.execute(raw, {"body": lost.seal(b"Thank you", b"messages.body")})
    delivery = office.receive("shopify", "orders_create", id=2)
    with office.database.write() as connection:
        sealed = {"body": lost.seal(b"{}", b"deliveries.body"), "id": delivery}
        connection.execute(text("UPDATE deliveries SET body = :body WHERE id = :id"), sealed)
    office.receive("shopify", "orders_create", id=3)
    office.set(BRIDGE_SENDING="on")
    office.start()
    office.wait_for_states("failed", "sent")
    wait_until(lambda: [row["state"] for row in office.deliveries()] == ["processed", "parked", "processed"], "parked")
    assert [row["reason"] for row in office.deliveries()] == [None, "cannot_open", None]
    assert [row["reason"] for row in office.messages()] == ["cannot_open", None]
    assert office.messages()[0]["body"] == UNOPENED_WORDS
    assert len(attentive.taken) == 1
    # Their words are not stored by accident.
    rows, unopened = commands._reseal(office.database)
    assert (rows, unopened) == ({}, {"deliveries": 1, "messages": 1})


def test_hashes_get_a_secret_on_top_and_everybody_is_still_known(
    opened: _Open, work: Callable[[Database], Office], attentive: Peer
) -> None:
    office = work(opened())
    with office.database.write() as connection:
        # As a database from before there was a secret.
        connection.execute(tables.hash_secrets.delete())
        hashing.forget(connection)
    office.receive("shopify", "orders_create", id=1, phone=MAYA)
    office.wait_for_states("sent")
    office.stop()
    assert office.messages()[0]["recipient"] == hashing.search_hash(MAYA)
    with office.database.write() as connection:
        people.refused(connection, [("attentive", MAYA)], datetime.now(UTC))
        assert resealing.rehash(connection) >= 3
        assert people.clear(connection, MAYA) == 1
        assert list(sightings.find(connection, "attentive", ["order:1"])) == ["order:1"]
    assert office.messages()[0]["recipient"] != hashing.search_hash(MAYA)
    office = work(opened(NEW))
    office.receive("shopify", "orders_create", id=1, note="again", phone=MAYA)
    wait_until(lambda: office.deliveries()[-1]["reason"] == "already_texted", "it is known")
    assert len(attentive.taken) == 1


# --- the commands ------------------------------------------------------------------------------------------------


def test_the_commands_make_keys_exchange_them_and_refuse_wrong_ones(stack_on_both: Stack) -> None:
    stack = stack_on_both
    old, new = (stack.run("keys", "new").stdout.strip() for _ in range(2))
    assert old != new
    stack.settings["DATA_KEYS"] = old
    stack.start_all()
    assert stack.run("trigger", "shopify", "orders_create", "--url", stack.web_url).returncode == 0
    wait_until(lambda: len(stack.texts()) == 1, "the text is there")
    assert stack.run("check", DATA_KEYS="").returncode == 2
    wrong = stack.run("check", DATA_KEYS=new)
    assert wrong.returncode == 2
    assert "DATA_KEYS: none of its keys opens" in wrong.stderr
    assert new not in wrong.stderr + wrong.stdout
    # The release step fails, and the processes that have the right key stay.
    release = stack.run("db", "upgrade", DATA_KEYS=new)
    assert (release.returncode, "none of its keys opens" in release.stderr) == (2, True)
    served = stack.run("serve", DATA_KEYS="")
    assert (served.returncode, served.stderr.count("\n")) == (2, 1)
    assert "DATA_KEYS: is not set, but this database is sealed" in served.stderr
    garbled = stack.run("check", DATA_KEYS=f"{old},mistyped")
    assert "DATA_KEYS: key 2 must be 32 random bytes" in garbled.stderr
    stack.settings["DATA_KEYS"] = f"{new},{old}"
    told = stack.run("db", "reseal")
    assert told.returncode == 0, told.stderr
    assert "the others can go from DATA_KEYS" in told.stdout
    assert stack.run("messages", "list", DATA_KEYS=new).returncode == 0
    assert stack.run("messages", "list", DATA_KEYS=old).returncode == 2
    refused = stack.run("db", "rehash")
    assert (refused.returncode, "a worker is running" in refused.stderr) == (1, True)


def test_the_command_gives_hashes_a_new_secret_and_it_stays(stack_on_both: Stack) -> None:
    stack = stack_on_both
    stack.settings |= {"BRIDGE_SENDING": "hold", "LOGNAME": "dana"}
    assert stack.run("db", "upgrade").returncode == 0
    processes = [stack.start_web(), stack.start_worker()]
    assert stack.run("trigger", "shopify", "orders_create", "--url", stack.web_url).returncode == 0
    wait_until(lambda: '"held"' in stack.run("messages", "list", "--json").stdout, "the text is held")
    assert [process.terminate() for process in processes] == [0, 0]
    stack.settings["DATA_KEYS"] = sealing.new_key()
    assert stack.run("db", "reseal").returncode == 0
    database = Database(stack.database_url, keys=Keys((sealing.read_key(stack.settings["DATA_KEYS"]),)))
    before = _recipients(database)
    told = stack.run("db", "rehash")
    assert told.returncode == 0, told.stderr
    after = _recipients(database)
    with database.read() as connection:
        assert len(hashing.hashes(connection).secrets) == 2
        noted = [(row["who"], row["action"]) for row in audit.list_newest(connection, limit=10)]
    database.dispose()
    assert len(after) == 1
    assert not after & before
    assert noted == [("terminal: dana", "rehash"), ("terminal: dana", "reseal")]


def _recipients(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(tables.messages.c.recipient)).scalars())
