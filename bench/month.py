"""What a month of 50,000 messages a day does to the work of the database, on SQLite and on PostgreSQL.

Messages are made, claimed and finished by statements of their own, so that tables and indices look as traffic leaves
them: dead rows, and vacuum as it comes by itself. Days beyond the month are deleted in small batches, as retention
does. Then new messages go the whole way (stored, claimed, finished, listed) through the product's own functions: in an
empty database, in the month's, and in the month's while old days are deleted beside it.

    python bench/month.py [--days 33] [--kept 30] [--a-day 50000] [--rounds 10] [--on sqlite postgresql]
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import bindparam, text
from sqlalchemy.sql.elements import TextClause

import growth
import measuring
from bridge.store import account_health, ledger, schema
from bridge.store.database import Database
from bridge.store.sealed import Moment
from bridge.store.workers import register

# Deliveries that are deleted in one transaction, each with its message and attempt: nobody waits long for it.
BATCH = 100
BETWEEN_BATCHES = 0.05

_NUMBERS = """WITH RECURSIVE numbers(n) AS
    (SELECT CAST(:first AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"""
_RANDOM = {"sqlite": "lower(hex(randomblob(16)))", "postgresql": "gen_random_uuid()::text"}
_BYTES = {"sqlite": "CAST('{}' AS BLOB)", "postgresql": "convert_to('{}', 'UTF8')"}
_STORY = (
    """[{"kind"\\: "order.created", "identity"\\: "order.created", "template"\\: "order_created", """
    """"outcome"\\: "composed", "detail"\\: ""}]"""
)


def statements(dialect: str) -> list[TextClause]:
    """What happens to the messages of a day, in order."""
    key, content = _RANDOM[dialect], _BYTES[dialect]
    words = content.format("Thanks for your order, Maya! We have got order #4182 and tell you when it is on its way.")
    made = (
        f"""INSERT INTO deliveries (id, connection, key, signed_hash, headers, body, received_at, state, due, attempts,
                deaths, again)
            {_NUMBERS} SELECT n, 'shopify', {key}, substr({key} || {key}, 1, 64), '{{}}',
                {content.format('{"id": 5728193046}')}, :at, 'stored', :at, 0, 0, 0 FROM numbers""",
        "UPDATE deliveries SET owner = 'w', claimed_at = :at, attempts = 1 WHERE id BETWEEN :first AND :last",
        f"""UPDATE deliveries SET owner = NULL, state = 'processed', processed_at = :at, events = '{_STORY}'
            WHERE id BETWEEN :first AND :last""",
        f"""INSERT INTO messages (id, delivery_id, account, connection, template, event_kind, identity, once, again,
                day, recipient, "to", body, state, occurred_at, created_at, due, expires_at, if_unknown, attempts,
                deaths, denials, released)
            {_NUMBERS} SELECT n, n, '{growth.ACCOUNT}', 'shopify', 'order_created', 'order.created',
                'order.created:' || n, 'order.created:' || n || ' ' || substr({key}, 1, 32), 0, :day,
                substr({key} || {key}, 1, 64), {content.format("+12125550123")}, {words}, 'queued', :at, :at, :at,
                :at, 'hold', 0, 0, 0, :no FROM numbers""",
        """UPDATE messages SET state = 'sending', owner = 'w', claimed_at = :at, attempts = 1
            WHERE id BETWEEN :first AND :last""",
        "UPDATE messages SET state = 'sent', owner = NULL, sent_at = :at WHERE id BETWEEN :first AND :last",
        f"""INSERT INTO attempts (id, message_id, number, started_at, seconds, outcome, status, words)
            {_NUMBERS} SELECT n, n, 1, :at, 0.2, 'sent', 200, {content.format("Success")} FROM numbers""",
    )
    return [_typed(text(one)) for one in made]


def _typed(statement: TextClause) -> TextClause:
    return statement.bindparams(bindparam("at", type_=Moment()))


class Kept(growth.Kept):
    """A database of either kind; what is listed is measured too."""

    def work(self, count: int) -> None:
        """As in growth, and then the lists."""
        super().work(count)
        with self.timed("list 50 messages", 1), self.database.read() as connection:
            ledger.list_messages(connection, limit=50)
        with self.timed("list 50 held ones", 1), self.database.read() as connection:
            ledger.list_messages(connection, limit=50, state="held")
        with self.timed("list 50 deliveries", 1), self.database.read() as connection:
            ledger.list_deliveries(connection, limit=50)

    def _written(self) -> float:
        """Not measured here."""
        return 0.0


class Retention:
    """Deletes the oldest deliveries with what was made of them, a batch at a time, up to the id `last`."""

    def __init__(self, database: Database, last: int) -> None:
        self._database, self._last = database, last
        self.next = 1
        self.milliseconds: list[float] = []

    def batch(self) -> bool:
        """Delete one; False if none is left."""
        if self.next > self._last:
            return False
        values = {"first": self.next, "last": min(self.next + BATCH - 1, self._last)}
        began = time.perf_counter()
        with self._database.write() as connection:
            for table, column in (("attempts", "message_id"), ("messages", "delivery_id"), ("deliveries", "id")):
                connection.execute(text(f"DELETE FROM {table} WHERE {column} BETWEEN :first AND :last"), values)
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        self.next += BATCH
        return True

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Deletes in another thread while the block runs."""
        enough = threading.Event()

        def delete() -> None:
            while not enough.wait(BETWEEN_BATCHES) and self.batch():
                pass

        thread = threading.Thread(target=delete)
        thread.start()
        yield
        enough.set()
        thread.join()


def live(database: Database, options: argparse.Namespace) -> Retention:
    """Have the traffic of so many days; what is left to delete at the end is that of the days beyond the month."""
    dialect = "sqlite" if database.is_sqlite else "postgresql"
    day = statements(dialect)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(options.days):
        at = today - timedelta(days=options.days - number)
        values = {
            "at": at, "first": number * options.a_day + 1, "last": (number + 1) * options.a_day, "no": False,
            "day": (at - datetime(1970, 1, 1, tzinfo=UTC)).days,
        }  # fmt: skip
        for statement in day:
            with database.engine.begin() as connection:
                if not database.is_sqlite:
                    connection.execute(text("SET LOCAL statement_timeout = 0"))
                known = {name: value for name, value in values.items() if name in statement._bindparams}
                connection.execute(statement, known)
    if not database.is_sqlite:
        _number_on(database)
    return Retention(database, (options.days - options.kept) * options.a_day)


def _number_on(database: Database) -> None:
    with database.write() as connection:
        for table in ("deliveries", "messages", "attempts"):
            numbered = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            connection.execute(text(numbered))


def made(database: Database) -> Kept:
    """The migrated database with a worker and an account."""
    schema.upgrade(database)
    kept = Kept(database, 0)
    with database.write() as connection:
        register(connection, kept.me, database.now(connection))
        account_health.add(connection, [growth.ACCOUNT])
    return kept


def measure(new: Callable[[str], Database], options: argparse.Namespace, kind: str) -> None:
    """Fill, work, and print a table for one kind of database."""
    few, many = made(new("empty")), made(new("month"))
    began = time.monotonic()
    retention = live(many.database, options)
    rows = options.days * options.a_day
    print(f"\n{kind}: {rows:,} messages in {time.monotonic() - began:.0f} s, {size(many.database):.2f} GB", flush=True)
    for kept in (few, many):
        kept.work(options.count)
        kept.milliseconds.clear()
    columns: dict[str, dict[str, list[float]]] = {"empty": {}, "a month": {}, "with retention": {}}
    for _ in range(options.rounds):
        for name, kept in (("empty", few), ("a month", many)):
            kept.work(options.count)
            _keep(columns[name], kept)
    for _ in range(options.rounds):
        with retention.going_on():
            many.work(options.count)
        _keep(columns["with retention"], many)
    print_table(columns)
    # So quick a round that none was deleted beside it.
    if not retention.milliseconds:
        retention.batch()
    slowest = max(retention.milliseconds)
    beside = statistics.median(retention.milliseconds)
    while retention.batch():
        pass
    print(f"a batch of {BATCH} deletes: median {beside:.0f} ms, slowest {slowest:.0f} ms")
    print(f"without the days beyond the month: {size(many.database):.2f} GB")
    if not many.database.is_sqlite:
        print(f"dead rows: {dead(many.database)}")
    for kept in (few, many):
        kept.database.dispose()


def _keep(column: dict[str, list[float]], kept: Kept) -> None:
    for step, times in kept.milliseconds.items():
        column.setdefault(step, []).extend(times)
    kept.milliseconds.clear()


def size(database: Database) -> float:
    """Gigabytes on the disk."""
    if database.is_sqlite:
        return Path(database.url.database or "").stat().st_size / 1e9
    with database.read() as connection:
        return float(connection.execute(text("SELECT pg_database_size(current_database()) / 1e9")).scalar_one())


def dead(database: Database) -> str:
    """What is dead in each table, and how often it has been vacuumed."""
    asked = "SELECT relname, n_live_tup, n_dead_tup, autovacuum_count FROM pg_stat_user_tables WHERE n_live_tup > 1000"
    with database.read() as connection:
        found = connection.execute(text(f"{asked} ORDER BY relname")).all()
    return ", ".join(f"{row[0]} {row[2]:,} of {row[1]:,} (vacuumed {row[3]} times)" for row in found)


def print_table(columns: dict[str, dict[str, list[float]]]) -> None:
    """Milliseconds for each step, median and slowest, and what they are of the empty database's."""
    print(f"{measuring.conditions()}\n")
    rows = []
    for step in columns["empty"]:
        medians = {name: statistics.median(times[step]) for name, times in columns.items()}
        ratio = medians["with retention"] / medians["empty"]
        rows.append((step, *(f"{one:.3f}" for one in medians.values()), f"{ratio:.2f}"))
    print(measuring.table(("ms for each, median", *columns, "ratio"), rows))


def main() -> None:
    """Run the measurement and print a table for each kind of database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=33)
    parser.add_argument("--kept", type=int, default=30, help="days that are not deleted")
    parser.add_argument("--a-day", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=320, help="deliveries in a round")
    parser.add_argument("--on", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    options = parser.parse_args()
    with ExitStack() as stack:
        if "sqlite" in options.on:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-month-")))
            measure(lambda name: Database(f"sqlite:///{folder / name}.db"), options, "SQLite")
        if "postgresql" in options.on:
            server = stack.enter_context(growth.own_server())
            measure(lambda name: _postgresql(server, name), options, "PostgreSQL")


def _postgresql(server: str, name: str) -> Database:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(**(psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name})) as connection:
        return Database(growth.url_of(connection))


if __name__ == "__main__":
    main()
