"""What a page of the console costs in a database that has kept a million messages, beside one that has kept a thousand.

Fills two SQLite and two PostgreSQL databases with a month each (`busy_month.py`), then asks for every page that people
look at, in turn and round by round, logged in, in this process and without a network. What a page asks for again every
few seconds is the page itself, so it costs the same. Ends with status 1 if a page takes longer than it may.

    python bench/console.py [--rows 1000000] [--few 1000] [--rounds 15] [--only sqlite,postgresql] [--server ADDRESS]

A million take 20 GB and a quarter of an hour to fill.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from flask.testing import FlaskClient
from sqlalchemy import text

import busy_month
import growth
import measuring
from bridge.settings import Settings
from bridge.sources import names
from bridge.store.database import Database
from bridge.web import create_app

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
PASSWORD = "the password of the bench"  # noqa: S105 - of a database that lives for minutes
LOGIN, COUNTING = "the login page", "SELECT count(*) FROM messages"

# A page in words, and its address, with the values of `_values`.
PAGES = {
    "overview": "/",
    "overview of a week": "/?range=7d",
    "messages": "/messages",
    "messages, page 2": "/messages?before={m_2}",
    "messages, a month deep": "/messages?before={m_deep}",
    "messages sent": "/messages?state=sent",
    "messages held, 1 in 100": "/messages?state=held",
    "messages unknown, 1 in 100,000": "/messages?state=unknown",
    "messages of a connection": "/messages?connection=zendesk",
    "messages of a connection that made none": "/messages?connection=woocommerce",
    "messages for an event": "/messages?event_kind=ticket.replied",
    "messages of a template": "/messages?template=order_placed",
    "messages of a template that has none": "/messages?template=nothing_is_so_named",
    "messages for a reason": "/messages?reason=no_phone",
    "messages for a rare reason": "/messages?reason=outcome_unknown",
    "messages to a person, 5 in all": "/messages?recipient={person}",
    "messages about an order, the newest": "/messages?about={order}",
    "messages about an order, a month old": "/messages?about=5000001",
    "messages until three weeks ago": "/messages?until={then}",
    "messages of an hour three weeks ago": "/messages?since={then}&until={later}",
    "messages unknown until three weeks ago": "/messages?state=unknown&until={then}",
    "messages that Attentive has confirmed": "/messages?confirmed=yes",
    "messages of all filters, none found": "/messages?state=refused&connection=zendesk&event_kind=ticket.replied"
    "&template=agent_replied&reason=no_phone&recipient={person}&about=5000001&since={then}",
    "a message that was sent": "/messages/{m_deep}",
    "a message that is queued": "/messages/{m}",
    "release all that are held?": "/messages/decide?what=release&all=1",
    "deliveries": "/deliveries",
    "deliveries, page 2": "/deliveries?before={d_2}",
    "deliveries, a month deep": "/deliveries?before={d_deep}",
    "deliveries processed": "/deliveries?state=processed",
    "deliveries parked, 1 in 50,000": "/deliveries?state=parked",
    "deliveries of a connection": "/deliveries?connection=zendesk",
    "deliveries of a connection that had none": "/deliveries?connection=woocommerce",
    "deliveries for a reason": "/deliveries?reason=no_template",
    "deliveries for a rare reason": "/deliveries?reason=crashed",
    "deliveries unverified, 1 in 100,000": "/deliveries?unverified=yes",
    "deliveries verified": "/deliveries?unverified=no",
    "deliveries until three weeks ago": "/deliveries?until={then}",
    "deliveries of an hour three weeks ago": "/deliveries?since={then}&until={later}",
    "deliveries parked until three weeks ago": "/deliveries?state=parked&until={then}",
    "a delivery": "/deliveries/{d_deep}",
    "what a replay of it would change": "/deliveries/{d_deep}/replay",
    "templates": "/templates",
    "a template": "/templates/order_placed",
    "a template with a delivery": "/templates/order_placed?delivery={d_deep}",
    "backtest, before it is asked to look": "/backtest",
    "connections": "/connections",
    "a connection": "/connections/shopify",
    "a connection that never had a webhook": "/connections/woocommerce",
    "stop all sending?": "/switch?kind=all",
    "audit": "/audit",
    "audit, half deep": "/audit?before={a_deep}",
}
#: What a web process pays once: the plot's spans are found, and later only counted anew every ten seconds.
FIRST = {"overview, the first of a process": "/", "overview of a week, the first of a process": "/?range=7d"}


@dataclass
class Kept:
    """A database that has kept so many messages, and the milliseconds that each page took, and this process worked."""

    engine: str
    database: Database
    rows: int
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    processor: dict[str, list[float]] = field(default_factory=dict)
    browser: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.browser = self._somebody()

    def _somebody(self) -> FlaskClient:
        """Who has logged in at a process that has just started."""
        client = create_app(Settings.from_env(names()), self.database).test_client()
        assert client.post("/console/login", data={"password": PASSWORD}).status_code == 303
        return client

    def look(self) -> None:
        """Ask for each page once, and count all messages once."""
        values = self._values()
        for page, address in PAGES.items():
            self._ask(self.browser, page, address.format(**values))
        for page, address in FIRST.items():
            self._ask(self._somebody(), page, address)
        self._ask(self.browser, LOGIN, "/login")
        with self._timed(COUNTING), self.database.read() as connection:
            assert connection.execute(text(COUNTING)).scalar_one() == self.rows

    def _ask(self, client: FlaskClient, page: str, address: str) -> None:
        with self._timed(page):
            answer = client.get(f"/console{address}")
            assert answer.status_code == 200, f"{page}: {answer.status_code}"

    def _values(self) -> dict[str, object]:
        """What the addresses are made with."""
        then, all_deliveries = datetime.now(UTC) - timedelta(days=21), self.rows * 5 // 4
        return {
            "m": self.rows,
            "m_2": self.rows - 50,
            "m_deep": self.rows // 25 + 1,
            "d_2": all_deliveries - 50,
            "d_deep": all_deliveries // 25 + 2,
            "a_deep": self.rows // 200,
            "person": busy_month.person_of(self.database),
            "order": 5_000_000 + self.rows,
            "then": f"{then:%Y-%m-%dT%H:%M}",
            "later": f"{then + timedelta(hours=1):%Y-%m-%dT%H:%M}",
        }

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began, used = time.perf_counter(), time.process_time()
        yield
        self.milliseconds.setdefault(what, []).append((time.perf_counter() - began) * 1000)
        self.processor.setdefault(what, []).append((time.process_time() - used) * 1000)

    def slow(self, most: float) -> list[str]:
        """What takes more than so many milliseconds, in words."""
        name = ENGINES[self.engine]
        medians = {page: statistics.median(self.milliseconds[page]) for page in (*PAGES, *FIRST)}
        return [f"{name}: {page}: {took:.0f} ms, more than {most:g}" for page, took in medians.items() if took > most]


def make(engine: str, rows: int, server: str, stack: ExitStack) -> Kept:
    """A database of this kind that has kept so many messages; it goes with `stack`."""
    began = time.monotonic()
    month = {"sqlite": busy_month.in_sqlite, "postgresql": partial(busy_month.in_postgresql, server=server)}
    database = month[engine](rows=rows, stack=stack)
    print(f"{ENGINES[engine]}: {rows:,} messages, filled in {time.monotonic() - began:.0f} s", flush=True)
    return Kept(engine, database, rows)


def print_table(pairs: Sequence[Sequence[Kept]]) -> None:
    """For each page and engine: median and worst with many, and how many times what it takes with few."""
    print(f"\n{measuring.conditions()}\n")
    columns = ["a page of the console"]
    for many, _ in pairs:
        name = ENGINES[many.engine]
        columns += [f"{name}, ms", f"{name}, worst", f"{name}, worked (b)", f"{name}, times (a)"]
    rows = []
    for what in (*PAGES, *FIRST, LOGIN, COUNTING):
        cells = [what]
        for many, few in pairs:
            took, beside = (statistics.median(kept.milliseconds[what]) for kept in (many, few))
            worked = statistics.median(many.processor[what])
            cells += [f"{took:.1f}", f"{max(many.milliseconds[what]):.1f}", f"{worked:.1f}", f"{took / beside:.2f}"]
        rows.append(cells)
    print(measuring.table(columns, rows))
    print(f"\n(a) the same in a database that has kept {pairs[0][1].rows:,} messages")
    print("(b) of it processor time of this process, which does not depend on what else the machine does")


def main() -> None:
    """Run the measurement and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds that are not counted")
    parser.add_argument("--only", default=",".join(ENGINES), help="which databases")
    parser.add_argument(
        "--may-take", type=float, nargs=2, default=(300, 150), metavar=("SQLITE", "POSTGRESQL"), help="ms, the median"
    )
    parser.add_argument("--server", help="address of a PostgreSQL to make databases in; default: ones made here")
    options = parser.parse_args()
    os.environ |= {"CONSOLE_PASSWORD": PASSWORD, "SHOPIFY_SECRETS": "s", "ZENDESK_SECRETS": "z"}
    os.environ |= {"KUSTOMER_SECRETS": "k", "WOOCOMMERCE_SECRETS": "w"}
    with ExitStack() as stack:
        engines, sizes = options.only.split(","), (options.rows, options.few)
        server = options.server or (stack.enter_context(growth.own_server()) if "postgresql" in engines else "")
        pairs = [tuple(make(engine, rows, server, stack) for rows in sizes) for engine in engines]
        everyone = [kept for pair in pairs for kept in pair]
        warm = time.monotonic() + options.warm_up
        while time.monotonic() < warm:
            look(everyone)
        for kept in everyone:
            kept.milliseconds.clear()
            kept.processor.clear()
        for _ in range(options.rounds):
            look(everyone)
        print_table(pairs)
        may_take = dict(zip(ENGINES, options.may_take, strict=True))
        slow = [words for many, _ in pairs for words in many.slow(may_take[many.engine])]
    for words in slow:
        print(words)
    raise SystemExit(1 if slow else 0)


def look(everyone: Sequence[Kept]) -> None:
    """Each takes a turn."""
    for kept in everyone:
        kept.look()


if __name__ == "__main__":
    main()
