"""What a page of the console costs in a database that has kept a million messages, beside a count of them all.

Fills a SQLite and a PostgreSQL database with finished deliveries, messages and attempts (by SQL), and a few that are
held, refused or wait; then asks for the console's pages in turn, round by round, logged in, in this process and without
a network. Ends with status 1 if a list takes longer than it may.

    python bench/console.py [--rows 1000000] [--rounds 15] [--only sqlite,postgresql] [--server postgresql://...]
"""

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from flask.testing import FlaskClient
from sqlalchemy import text

import growth
import measuring
from bridge.settings import Settings
from bridge.sources import names
from bridge.store import schema
from bridge.store.database import Database
from bridge.web import create_app

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
#: How many milliseconds a list may take: the median of the rounds.
MAY_TAKE = {"sqlite": 300, "postgresql": 150}
PASSWORD = "the password of the bench"  # noqa: S105 - of a database that lives for minutes
BASELINE = "(a) SELECT count(*) FROM messages"

# A page in words, and its address; `{middle}` is a message in the middle of all.
PAGES = {
    "overview": "/",
    "messages": "/messages",
    "messages, from the middle on": "/messages?before={middle}",
    "messages of a connection": "/messages?connection=zendesk",
    "messages sent": "/messages?state=sent",
    "messages held, one in a thousand": "/messages?state=held",
    "messages of a template that has none": "/messages?template=nothing_is_so_named",
    "audit": "/audit",
}


@dataclass(frozen=True)
class Dialect:
    """How a database says what the rows are made of."""

    numbers: str
    when: str
    sealed: str
    letters: str

    def statements(self) -> tuple[str, ...]:
        """Rows as they are after a month; `n` counts them from 1, the newest last."""
        when, text_of = self.when, lambda words: self.sealed.format(words.encode().hex())
        state = "CASE WHEN n % 1000 = 7 THEN 'held' WHEN n % 50 = 3 THEN 'skipped' WHEN n % 100 = 9 THEN 'refused'"
        reason = "CASE WHEN n % 1000 = 7 THEN 'sending_off' WHEN n % 50 = 3 THEN 'no_phone' WHEN n % 100 = 9 THEN"
        connection = "CASE n % 4 WHEN 0 THEN 'zendesk' WHEN 1 THEN 'kustomer' ELSE 'shopify' END"
        template = "CASE n % 4 WHEN 0 THEN 'agent_replied' WHEN 1 THEN 'ticket_received' ELSE 'order_placed' END"
        kind = "CASE n % 4 WHEN 0 THEN 'ticket.replied' WHEN 1 THEN 'ticket.created' ELSE 'order.created' END"
        story = '[{"kind": "order.created", "identity": "order.created:1", "template": "order_placed"}]'
        return (
            f"""INSERT INTO deliveries (id, connection, key, signed_hash, headers, body, received_at, state, events,
                    due, attempts, deaths, again, processed_at)
                SELECT n, {connection}, 'key ' || n, 'hash ' || n, '{{}}', {text_of("{}")}, {when}, 'processed',
                    '{story}', {when}, 1, 0, 0, {when}
                FROM {self.numbers}""",
            f"""INSERT INTO messages (id, delivery_id, account, connection, template, event_kind, identity, once, again,
                    recipient, "to", body, state, reason, occurred_at, created_at, due, expires_at, if_unknown,
                    attempts, deaths, denials, released, claimed_at, sent_at)
                SELECT n, n, 'attentive', {connection}, {template}, {kind}, 'order.created:' || n, 'once ' || n, 0,
                    {self.letters}, {text_of("+12125550123")},
                    {text_of("Thanks for your order, Maya! We've got order #4182 and will let you know.")},
                    {state} ELSE 'sent' END, {reason} 'refused_by_attentive' END, {when}, {when}, {when}, {when},
                    'hold', 1, 0, 0, false, {when}, {when}
                FROM {self.numbers}""",
            f"""INSERT INTO attempts (message_id, number, started_at, seconds, outcome, status, words)
                SELECT n, 1, {when}, 0.2, 'sent', 200, {text_of("Success")} FROM {self.numbers}""",
        )


SQLITE = Dialect(
    numbers="(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)"
    " SELECT n FROM numbers) AS numbers",
    when="strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ((:rows - n) * 2592000.0 / :rows) || ' seconds')",
    sealed="X'{}'",
    letters="printf('%064x', n * 7919 % 200003)",
)
POSTGRESQL = Dialect(
    numbers="generate_series(1, :rows) AS n",
    when="now() - interval '30 days' * (1 - n::float8 / :rows)",
    sealed="'\\x{}'::bytea",
    letters="lpad(to_hex(n::bigint * 7919 % 200003), 64, '0')",
)


@dataclass
class Kept:
    """A database that has kept so many rows, and the milliseconds that each page took."""

    engine: str
    database: Database
    rows: int
    milliseconds: dict[str, list[float]] = field(default_factory=dict)

    def browser(self) -> FlaskClient:
        """Somebody who has logged in."""
        client = create_app(Settings.from_env(names()), self.database).test_client()
        assert client.post("/console/login", data={"password": PASSWORD}).status_code == 303
        return client

    def look(self, client: FlaskClient) -> None:
        """Ask for each page once, and count all messages once."""
        for page, address in PAGES.items():
            with self._timed(page):
                answer = client.get("/console" + address.format(middle=self.rows // 2))
                assert answer.status_code == 200, f"{page}: {answer.status_code}"
        with self._timed(BASELINE), self.database.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM messages")).scalar_one() == self.rows

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.milliseconds.setdefault(what, []).append((time.perf_counter() - began) * 1000)

    def cells(self, what: str) -> list[str]:
        """The milliseconds of a page, and its share of counting all messages."""
        times, counted = self.milliseconds[what], statistics.median(self.milliseconds[BASELINE])
        return [measuring.over_rounds(times, "{:.1f}".format), f"{statistics.median(times) / counted:.2f}"]

    def slow(self) -> list[str]:
        """What takes longer than it may, in words."""
        medians = {page: statistics.median(self.milliseconds[page]) for page in PAGES}
        name, most = ENGINES[self.engine], MAY_TAKE[self.engine]
        return [f"{name}: {page}: {took:.0f} ms, more than {most}" for page, took in medians.items() if took > most]


def in_sqlite(folder: str, rows: int) -> Database:
    """A migrated SQLite database that has kept so many of each."""
    path = Path(folder) / "bridge.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    with sqlite3.connect(path) as connection:
        # What is not synced is lost with the machine, and so is the bench.
        connection.execute("PRAGMA synchronous = OFF")
        indices = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        made = indices.fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        for statement in SQLITE.statements():
            connection.execute(statement.replace(":rows", str(rows)))
        for _, definition in made:
            connection.execute(definition)
        connection.commit()
    connection.close()
    return database


def in_postgresql(server: str, rows: int) -> Database:
    """A migrated PostgreSQL database on `server` that has kept so many of each."""
    name = f"console_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    address = psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name}
    with psycopg.connect(**address, autocommit=True) as connection:
        database = Database(growth.url_of(connection))
        schema.upgrade(database)
        growth.fill(connection, rows, POSTGRESQL.statements())
        for table in ("deliveries", "messages"):
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {rows})")
    return database


def make(engine: str, rows: int, server: str | None, stack: ExitStack) -> Kept:
    """A database of this kind that has kept so many rows; it goes with `stack`."""
    began = time.monotonic()
    if engine == "sqlite":
        database = in_sqlite(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-console-")), rows)
    else:
        database = in_postgresql(server or stack.enter_context(growth.own_server()), rows)
        if server:
            stack.callback(_drop, server, str(database.url.database))
    stack.callback(database.dispose)
    print(f"{ENGINES[engine]}: {rows:,} rows of each kind, filled in {time.monotonic() - began:.0f} s", flush=True)
    return Kept(engine, database, rows)


def _drop(server: str, name: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")


def look(looking: Sequence[tuple[Kept, FlaskClient]]) -> None:
    """Each takes a turn."""
    for kept, browser in looking:
        kept.look(browser)


def print_table(all_kept: Sequence[Kept]) -> None:
    """Milliseconds for each page and database, and their share of counting all messages."""
    print(f"\n{measuring.conditions()}\n")
    columns = ["a page of the console"]
    for kept in all_kept:
        columns += [f"{ENGINES[kept.engine]}, ms", "of (a)"]
    rows = [[what, *(cell for kept in all_kept for cell in kept.cells(what))] for what in (*PAGES, BASELINE)]
    print(measuring.table(columns, rows))


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds that are not counted")
    parser.add_argument("--only", default=",".join(ENGINES), help="which databases")
    parser.add_argument("--server", help="address of a PostgreSQL to make a database in; default: one made here")
    options = parser.parse_args()
    os.environ |= {"CONSOLE_PASSWORD": PASSWORD, "SHOPIFY_SECRETS": "s", "ZENDESK_SECRETS": "z"}
    with ExitStack() as stack:
        all_kept = [make(engine, options.rows, options.server, stack) for engine in options.only.split(",")]
        browsers = [kept.browser() for kept in all_kept]
        looking = list(zip(all_kept, browsers, strict=True))
        warm = time.monotonic() + options.warm_up
        while time.monotonic() < warm:
            look(looking)
        for kept in all_kept:
            kept.milliseconds.clear()
        for _ in range(options.rounds):
            look(looking)
        print_table(all_kept)
        slow = [words for kept in all_kept for words in kept.slow()]
    for words in slow:
        print(words)
    raise SystemExit(1 if slow else 0)


if __name__ == "__main__":
    main()
