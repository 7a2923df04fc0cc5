"""Lists of many rows: a page looks at a bounded number of them, whatever it is narrowed by, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from bridge.store import browsing
from bridge.store.browsing import PIECE, STRETCH, Chosen, Page
from bridge.store.database import Database

ROWS = 200_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
# SQLite counts the instructions of its machine: so many go into a row that is read, put aside and compared.
_INSTRUCTIONS = 50
_EVERY = 500

_NUMBERED = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, :rows))",
}
_MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S.000000', 1767225600 + i * 60, 'unixepoch')",
    "postgresql": "to_timestamp(1767225600 + i * 60)",
}
# The oldest are unlike the others: a filter for them finds nothing for long.
_DELIVERIES = """
    INSERT INTO deliveries (connection, key, headers, body, received_at, unverified, state, due, attempts, deaths,
    again) {numbered} SELECT CASE WHEN i < 9 THEN 'old' ELSE 'shopify' END, 'k' || i, '{{}}', {nothing}, {moment},
    CASE WHEN i < 9 THEN 'no_secret' END, 'processed', {moment}, 1, 0, 0 FROM n
"""
_MESSAGES = """
    INSERT INTO messages (delivery_id, account, connection, template, event_kind, identity, again, state, reason,
    thread, recipient, occurred_at, created_at, due, expires_at, if_unknown, attempts, deaths, denials, released)
    {numbered} SELECT i, 'attentive', CASE WHEN i < 9 THEN 'old' ELSE 'shopify' END,
    CASE WHEN i < 9 THEN 'old' ELSE 'placed' END, 'order.created', 'order.created:' || i, 0,
    CASE WHEN i < 9 THEN 'held' ELSE 'sent' END, CASE WHEN i < 9 THEN 'sending_off' END, 'order ' || i, 'r' || i,
    {moment}, {moment}, {moment}, {moment}, 'hold', 1, 0, 0, {no} FROM n
"""

List = Callable[..., Page]
_OF_MESSAGES: list[dict[str, object]] = [
    {},
    {"connection": "old"},
    {"template": "old"},
    {"state": "held"},
    {"reason": "sending_off"},
    {"event_kind": "order.delivered"},
    {"recipient": "r7"},
    {"about": "7"},
    {"confirmed": True},
    {"state": "sent", "template": "placed"},
]
_OF_DELIVERIES: list[dict[str, object]] = [
    {},
    {"connection": "old"},
    {"state": "parked"},
    {"reason": "crashed"},
    {"unverified": True},
]
LISTS: list[tuple[List, list[dict[str, object]]]] = [
    (browsing.list_messages, _OF_MESSAGES),
    (browsing.list_deliveries, _OF_DELIVERIES),
]


@pytest.fixture
def many(database: Database) -> Database:
    """Two hundred thousand webhooks with a text each, a minute apart."""
    dialect = database.engine.dialect.name
    is_sqlite = dialect == "sqlite"
    words = {
        "numbered": _NUMBERED[dialect],
        "moment": _MOMENT[dialect],
        "nothing": "x'7b7d'" if is_sqlite else "'{}'::bytea",
        "no": "0" if is_sqlite else "false",
    }
    with database.write() as connection:
        for statement in (_DELIVERIES, _MESSAGES):
            connection.execute(text(statement.format(**words)), {"rows": ROWS})
        connection.execute(text("ANALYZE"))
    return database


@contextmanager
def _looked_at(connection: Connection) -> Iterator[Callable[[], float]]:
    """About how many rows are looked at within the block."""
    if connection.dialect.name == "sqlite":
        counted = _instructions(connection)
        yield lambda: counted[0] / _INSTRUCTIONS
        connection.connection.driver_connection.set_progress_handler(None, 0)
        return
    asked: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", remember)
    yield lambda: sum(_explained(connection, *one) for one in list(asked))
    event.remove(connection, "before_cursor_execute", remember)


def _instructions(connection: Connection) -> list[int]:
    counted = [0]

    def count() -> None:
        counted[0] += _EVERY

    connection.connection.driver_connection.set_progress_handler(count, _EVERY)
    return counted


def _explained(connection: Connection, statement: str, parameters: Any) -> float:
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    return _of_plan(cursor.fetchone()[0][0]["Plan"])


def _of_plan(plan: dict[str, Any]) -> float:
    """The rows that the scans of a plan have read."""
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return read * plan["Actual Loops"] + sum(map(_of_plan, plan.get("Plans", ())))


def test_every_filter_is_tried() -> None:
    for (_, tried), names in zip(LISTS, (browsing.MESSAGE_FILTERS, browsing.DELIVERY_FILTERS), strict=True):
        assert {name for filters in tried for name in filters} == set(names)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page gives up because the machine is slow."""
    monkeypatch.setattr(browsing, "SECONDS", 3600.0)


@pytest.mark.usefixtures("unhurried")
def test_a_page_looks_at_little_more_than_a_stretch_of_rows(many: Database) -> None:
    for of, tried in LISTS:
        for filters in tried:
            for until in (None, BEGAN + timedelta(days=100)):
                chosen = Chosen(filters=filters, since=BEGAN if until else None, until=until)
                with many.read() as connection, _looked_at(connection) as rows:
                    page = of(connection, limit=50, chosen=chosen)
                    # Those for a page, and once more to see where the stretch ends.
                    assert rows() < 2.5 * STRETCH, (of.__name__, chosen)
                assert len(page.rows) == 50 or page.looked_back_to, (of.__name__, chosen)
                assert page.older


@pytest.mark.usefixtures("unhurried")
def test_a_page_is_found_at_once_and_looking_further_back_comes_to_an_end(many: Database) -> None:
    for of, _ in LISTS:
        _check_own_rows(many, of)
        _check_time(many, of)
    assert _pages_to_the_held(many) == ROWS // STRETCH


def test_a_page_that_takes_long_gives_up_sooner_and_leaves_nothing_out(
    many: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "SECONDS", 0.0)
    assert _pages_to_the_held(many) == ROWS // PIECE


def _pages_to_the_held(many: Database) -> int:
    """How many pages are looked at until there are no more; the last one has the oldest messages."""
    pages, before = 0, None
    while pages == 0 or before:
        with many.read() as connection:
            page = browsing.list_messages(connection, limit=50, before=before, chosen=Chosen(filters={"state": "held"}))
        assert page.older is None or page.looked_back_to == BEGAN + timedelta(minutes=page.older)
        pages, before = pages + 1, page.older
    assert [row["id"] for row in page.rows] == list(range(8, 0, -1))
    return pages


def _check_own_rows(many: Database, of: List) -> None:
    """Without a filter a page looks at its own rows."""
    for before in (None, 100_000):
        with many.read() as connection, _looked_at(connection) as rows:
            page = of(connection, limit=50, before=before)
            assert rows() < 300
        newest = (before or ROWS + 1) - 1
        assert [row["id"] for row in page.rows] == list(range(newest, newest - 50, -1))


def _check_time(many: Database, of: List) -> None:
    """Ten minutes are found wherever they are."""
    chosen = Chosen(since=BEGAN + timedelta(minutes=1000), until=BEGAN + timedelta(minutes=1010))
    with many.read() as connection, _looked_at(connection) as rows:
        page = of(connection, limit=50, chosen=chosen)
        assert rows() < 1000
    assert [row["id"] for row in page.rows] == list(range(1010, 999, -1))
    assert page.older is None
