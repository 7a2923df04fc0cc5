"""A database as a busy month leaves it: so many messages, the webhooks they were made of, and their attempts.

Filled by SQL, with no worker, so that a million take minutes. Five webhooks come for four messages, their bodies are
the recorded samples' (a Shopify order has 9 KB); some messages were refused, skipped or are held, the newest wait.
"""

import json
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

import growth
from bridge.sources import samples
from bridge.store import schema
from bridge.store.database import Database
from bridge.store.hashing import hashes

#: The number of a person with five messages among any number of others', and the text they are found by.
PHONE = "+12125550123"
DAYS = 30

# Which sample came through which connection, by the rest of the delivery's number divided by four; the last also for 3.
_CAME = (("zendesk", "trigger_replied"), ("kustomer", "message_create_out"), ("shopify", "orders_create"))
_MADE = (("agent_replied", "ticket.replied"), ("agent_replied", "ticket.replied"), ("order_placed", "order.created"))
_STORY = json.dumps(
    [{"kind": "order.created", "identity": "order.created:1", "template": "t", "outcome": "composed", "detail": ""}]
)
_TEXT = "Thanks for your order, Maya! We've got order #4182 and will let you know when it's on its way."

# The first that is true: the state that a message is in, and why.
_STATES = {
    "n > :rows - :rows / 200": ("queued", None),
    "n % 100000 = 11": ("unknown", "outcome_unknown"),
    "n % 100 = 7": ("held", "sending_off"),
    "n % 50 = 3": ("skipped", "no_phone"),
    "n % 100 = 9": ("refused", "refused_by_attentive"),
}
_TRIED = "n <= :rows - :rows / 200 AND n % 100 <> 7 AND n % 50 <> 3"


@dataclass(frozen=True)
class Dialect:
    """How a database counts from 1 to `:last` as `n`, and writes a moment, bytes, JSON, and a person's hash."""

    numbers: str
    when: str
    sealed: str
    json: str
    somebody: str

    def statements(self, person: str) -> Iterator[str]:
        """What fills the tables; `:rows` is how many messages there are, the newest last. `person` is a hash."""
        yield self._deliveries()
        yield self._messages(person)
        for number, some in ((1, _TRIED), (2, f"{_TRIED} AND n % 25 = 0")):
            yield f"""INSERT INTO attempts (message_id, number, started_at, seconds, outcome, status, words)
                SELECT n, {number}, {self._at("n", ":rows", number)}, 0.2,
                    CASE WHEN n % 100 = 9 THEN 'refused' ELSE 'sent' END, 200, {self._bytes(b"Success")}
                FROM {self.numbers.replace(":last", ":rows")} WHERE {some}"""
        yield f"""INSERT INTO audit (at, who, action, subject, detail)
            SELECT {self._at("n", ":rows / 100")}, 'operator', 'reveal', 'message ' || n, ''
            FROM {self.numbers.replace(":last", ":rows / 100")}"""
        yield "INSERT INTO accounts (name, failures) VALUES ('attentive', 0)"

    def _deliveries(self) -> str:
        come = [(name, samples.load(name)[sample]) for name, sample in _CAME]
        connection = _case("n", [f"'{name}'" for name, _ in come])
        body = _case("n", [self._bytes(sample.body) for _, sample in come])
        headers = _case("n", [self._json(json.dumps(dict(sample.headers))) for _, sample in come])
        at = self._at("n", ":last")
        return f"""INSERT INTO deliveries (id, connection, key, signed_hash, headers, body, received_at, unverified,
                state, reason, events, due, attempts, deaths, again, processed_at)
            SELECT n, {connection}, 'key ' || n, 'hash ' || n, {headers}, {body}, {at},
                CASE WHEN n % 100000 = 14 THEN 'other_secret' END,
                CASE WHEN n > :last - 10 THEN 'stored' WHEN n % 50000 = 21 THEN 'parked' ELSE 'processed' END,
                CASE WHEN n % 50000 = 21 THEN 'crashed' WHEN n % 5 = 0 THEN 'no_template' END,
                CASE WHEN n % 5 = 0 THEN {self._json("[]")} ELSE {self._json(_STORY)} END, {at}, 1, 0, 0, {at}
            FROM {self.numbers}""".replace(":last", ":rows * 5 / 4")

    def _messages(self, person: str) -> str:
        state = " ".join(f"WHEN {one} THEN '{state}'" for one, (state, _) in _STATES.items())
        reason = " ".join(f"WHEN {one} THEN {_quoted(why)}" for one, (_, why) in _STATES.items())
        connection = _case("d", [f"'{name}'" for name, _ in _CAME])
        template = _case("d", [f"'{name}'" for name, _ in _MADE])
        kind = _case("d", [f"'{kind}'" for _, kind in _MADE])
        recipient = f"CASE WHEN n % (:rows / 5) = 1 THEN '{person}' ELSE {self.somebody} END"
        at = self._at("n", ":rows")
        return f"""INSERT INTO messages (id, delivery_id, account, connection, template, event_kind, identity, once,
                again, day, recipient, "to", body, state, reason, thread, occurred_at, created_at, due, expires_at,
                if_unknown, attempts, deaths, denials, released, claimed_at, sent_at)
            SELECT n, d, 'attentive', {connection}, {template}, {kind}, 'order.created:' || (5000000 + n),
                'once ' || n, 0, 20000 + n * {DAYS} / :rows, {recipient}, {self._bytes(PHONE.encode())},
                {self._bytes(_TEXT.encode())}, CASE {state} ELSE 'sent' END,
                CASE {reason} END, 'order ' || (5000000 + n), {at}, {at}, {at}, {at}, 'hold', 1, 0, 0, false, {at}, {at}
            FROM (SELECT n, n + (n - 1) / 4 AS d FROM {self.numbers}) AS made""".replace(":last", ":rows")

    def _at(self, number: str, last: str, seconds: int = 0) -> str:
        return self.when.format(seconds=f"(({last} - {number}) * {DAYS * 86400.0} / ({last}) - {seconds})")

    def _bytes(self, content: bytes) -> str:
        return self.sealed.format(content.hex())

    def _json(self, text: str) -> str:
        return self.json.format(_quoted(text))


def _case(number: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {rest} THEN {value}" for rest, value in enumerate(values[:-1]))
    return f"CASE {number} % 4 {cases} ELSE {values[-1]} END"


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else "'{}'".format(text.replace("'", "''"))


SQLITE = Dialect(
    numbers="(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
    " SELECT n FROM numbers) AS numbers",
    when="strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || {seconds} || ' seconds')",
    sealed="X'{}'",
    json="{}",
    somebody="printf('%064x', n * 7919 % 200003)",
)
POSTGRESQL = Dialect(
    numbers="generate_series(1, :last) AS n",
    when="now() - interval '1 second' * {seconds}::float8",
    sealed="'\\x{}'::bytea",
    json="{}::json",
    somebody="lpad(to_hex(n::bigint * 7919 % 200003), 64, '0')",
)


def person_of(database: Database) -> str:
    """The hash that the person with `PHONE` is found by in this database."""
    with database.read() as connection:
        return hashes(connection).of(PHONE)


def in_sqlite(rows: int, stack: ExitStack) -> Database:
    """A migrated SQLite database after such a month; it goes with `stack`."""
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-month-"))) / "bridge.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    person = person_of(database)
    # A log would hold everything once more. If the machine stops meanwhile, so does the bench.
    database.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        indices = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        made = indices.fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        for statement in SQLITE.statements(person):
            connection.execute(statement.replace(":rows", str(rows)))
        for _, definition in made:
            connection.execute(definition)
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    stack.callback(database.dispose)
    return database


def in_postgresql(rows: int, server: str, stack: ExitStack) -> Database:
    """A migrated PostgreSQL database on `server` after such a month; it goes with `stack`."""
    name = f"month_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    stack.callback(_drop, server, name)
    address = psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name}
    with psycopg.connect(**address, autocommit=True) as connection:
        database = Database(growth.url_of(connection))
        stack.callback(database.dispose)
        schema.upgrade(database)
        growth.fill(connection, rows, POSTGRESQL.statements(person_of(database)))
        for table in ("deliveries", "messages"):
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    return database


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
