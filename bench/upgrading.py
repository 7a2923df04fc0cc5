"""How long migrating a PostgreSQL takes that has kept a million messages, and how long webhooks wait meanwhile.

Fills a database of an earlier version (by SQL), then migrates it to the present one while deliveries are stored one
after the other, as a web process does.

    python bench/upgrading.py [--rows 1000000] [--since 0002 0003 0004 0005]
"""

import argparse
import threading
import time

import psycopg
from alembic import command
from sqlalchemy import text

import growth
import measuring
from bridge.store import schema
from bridge.store.database import Database

_STORE = """INSERT INTO deliveries (connection, key, headers, body, received_at, state, due, attempts, deaths, again)
    VALUES ('zendesk', gen_random_uuid()::text, '{}', '', now(), 'stored', now(), 0, 0, 0)"""


def measure(server: str, version: str, rows: int) -> tuple[float, float, float]:
    """Seconds that migrating took, and milliseconds of a delivery in the middle and at worst meanwhile."""
    name = f"since_{version}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(
        **(psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name}), autocommit=True
    ) as connection:
        database = Database(growth.url_of(connection))
        with database.migrate() as migrating:
            config = schema._config()
            config.attributes["connection"] = migrating
            command.upgrade(config, version)
            migrating.commit()
        growth.fill(connection, rows)
    waits: list[float] = []
    is_over = threading.Event()

    def store() -> None:
        while not is_over.wait(0.005):
            began = time.perf_counter()
            with database.write() as connection:
                connection.execute(text(_STORE))
            waits.append((time.perf_counter() - began) * 1000)

    thread = threading.Thread(target=store)
    thread.start()
    began = time.perf_counter()
    schema.upgrade(database)
    took = time.perf_counter() - began
    is_over.set()
    thread.join()
    database.dispose()
    return took, sorted(waits)[len(waits) // 2], max(waits)


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--since", nargs="+", default=["0002", "0003", "0004", "0005"])
    options = parser.parse_args()
    lines = []
    with growth.own_server() as server:
        for version in options.since:
            took, median, worst = measure(server, version, options.rows)
            lines.append((version, f"{took:.1f}", f"{median:.1f}", f"{worst:.0f}"))
    print(f"{options.rows:,} messages, {measuring.conditions()}\n")
    print(measuring.table(("from version", "s to migrate", "ms to store, median", "slowest"), lines))


if __name__ == "__main__":
    main()
