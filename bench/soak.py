"""Kills everything again and again under a stream of webhooks, and counts what became of each of them.

Starts the product as it is deployed (several gunicorns, several workers, one database) and the sandbox as Attentive.
While a shop sends signed orders at a steady rate, some of them twice and each until it is acknowledged, web and worker
processes are killed, stopped and frozen, PostgreSQL is killed, and Attentive fails in every way the sandbox knows.
Then all is well again, and every acknowledged order must be accounted for exactly once: sent and seen on the phone
once, or with a reason why not. Exit status 1 if one is not.

    python bench/soak.py [--seconds 60] [--rate 20] [--postgresql | --database-url URL] [--seed 1]
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bridge.store.database import Database
from soaking.postgres import Postgres
from soaking.processes import Product
from soaking.reckoning import reckon, recoveries
from soaking.result import Progress, Result
from soaking.shop import SECRET, Shop
from soaking.troubles import Troubles
from soaking.witness import Witness

SETTINGS = {
    "SHOPIFY_SECRETS": SECRET,
    "ATTENTIVE_API_TOKEN": "soak",
    # All texts go to the same few people.
    "CAP_PER_PERSON_PER_DAY": "0",
    "QUIET_HOURS": "off",
    # Short, so that what hangs is noticed many times in a run.
    "ATTENTIVE_READ_TIMEOUT": "2",
    "ATTENTIVE_DUPLICATE_WINDOW": "60",
    "WEB_CONCURRENCY": "1",
    "WORKER_THREADS": "16",
}


def main() -> None:
    """Run the soak and print a table."""
    options = _options()
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="bridge-soak-") as directory:
        result = run(options, Path(directory))
    print(json.dumps(result.as_json(), indent=2) if options.json else result.as_table())
    sys.exit(0 if result.reckoning.is_good else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20, help="orders a second")
    parser.add_argument("--every", type=float, default=3, help="seconds between two kills, on average")
    parser.add_argument("--webs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the choice and the times of the troubles")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database-url", help="an empty database; default: a new SQLite file")
    where.add_argument("--postgresql", action="store_true", help="start a PostgreSQL, and kill it too")
    # An account that was paused for long, and a message that has failed often, take their time.
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait at the end until all is settled")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--keep-logs", type=Path, help="a folder for the logs of the processes and of the troubles")
    return parser.parse_args()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit("asked to stop")


def run(options: argparse.Namespace, directory: Path) -> Result:
    """Start everything, make trouble for `options.seconds`, let it end well, and reckon."""
    postgres = Postgres(directory / "postgres") if options.postgresql else None
    url = postgres.url if postgres else options.database_url or f"sqlite:///{directory}/soak.db"
    product = Product(directory, url, SETTINGS, webs=options.webs, workers=options.workers)
    try:
        product.start()
        driver = url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+psycopg://", 1)
        return _soak(options, product, Database(driver), postgres, directory / "troubles.log")
    finally:
        product.end()
        if postgres:
            postgres.end()
        if options.keep_logs:
            shutil.copytree(directory, options.keep_logs, ignore=lambda _, names: _but_logs(names), dirs_exist_ok=True)


def _but_logs(names: Sequence[str]) -> list[str]:
    return [name for name in names if not name.endswith(".log")]


def _soak(
    options: argparse.Namespace, product: Product, database: Database, postgres: Postgres | None, diary: Path
) -> Result:
    shop = Shop(options.rate, [web.port for web in product.webs if web.port], options.seed)
    witness = Witness(product.sandbox_url)
    # Faults pause the account for seconds after their end: texts should flow for most of the time.
    calm = min(15.0, max(6.0, options.seconds / 5))
    troubles = Troubles(product, database, postgres, options.seed, every=options.every, calm=calm, diary=diary)
    began = time.monotonic()
    for each in (witness, shop, troubles):
        each.start()
    progress = Progress(began, shop, witness, troubles)
    while time.monotonic() - began < options.seconds and not (troubles.error or witness.error):
        time.sleep(0.2)
        progress.say_now_and_then()
    shop.close()
    troubles.end()
    took = _settle(product, shop, progress, options.patience)
    shop.end()
    witness.end()
    reckoning, numbers = reckon(database, shop, witness)
    found = recoveries(troubles, shop, witness, numbers)
    database.dispose()
    return Result(options, reckoning, found, shop, witness, troubles, settled_after=took)


def _settle(product: Product, shop: Shop, progress: Progress, patience: float) -> float:
    """Wait until everything is acknowledged and nothing waits any more; how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if not shop.unacknowledged and product.waiting() == 0:
            break
        time.sleep(0.5)
        progress.say_now_and_then()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
