"""The scripts in bench/ run and count right. How fast anything is depends on the machine, and is not tested."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

import console
from bridge.settings import Settings
from bridge.sources import names
from bridge.store import browsing
from bridge.store.database import Database
from bridge.web import create_app

BENCH = Path(__file__).parents[1] / "bench"
Rows = dict[str, dict[str, str]]


def run(script: str, *options: str, **environment: str) -> tuple[str, Rows]:
    """What a script prints, and its table: contender -> column -> cell."""
    return run_bare(script, "--rounds", "1", "--warm-up", "0.1", *options, **environment)


def run_bare(script: str, *options: str, **environment: str) -> tuple[str, Rows]:
    """The same with no options but these."""
    finished = subprocess.run(
        [sys.executable, str(BENCH / script), *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout, rows_of(finished.stdout)


def rows_of(printed: str) -> Rows:
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    columns, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def figure(row: dict[str, str], column: str) -> float:
    return float(row[column].replace(",", ""))


def test_ingest_compares_the_bridge_with_an_application_that_does_nothing() -> None:
    _, rows = run("ingest.py", "--seconds", "0.7", "--only", "noop,sqlite")
    noop, bridge = rows["(a) Flask, no-op"], rows["bridge, SQLite"]
    assert figure(noop, "of (a)") == 1
    assert figure(bridge, "of (a)") > 0
    for row in (noop, bridge):
        assert figure(row, "webhooks/s") > 0
        assert 0 < figure(row, "ack p50 ms") <= figure(row, "ack p99 ms") <= figure(row, "ack max ms") + 0.5
        assert figure(row, "PSS MB") > 10
        assert (row["not 200"], row["lost"]) == ("0", "0")
    assert noop["worker"] == "-"
    assert figure(bridge, "worker") > 0


def test_deliver_follows_every_webhook_to_its_text_and_names_what_it_cannot_measure() -> None:
    printed, rows = run("deliver.py", "--seconds", "0.7", "--only", "sqlite,celery,node-red", PATH="")
    assert list(rows) == ["bridge, SQLite"]
    row = rows["bridge, SQLite"]
    assert figure(row, "accepted/s") > 0
    assert figure(row, "delivered/s") > 0
    assert 0 < figure(row, "e2e p50 ms") <= figure(row, "e2e p99 ms")
    assert (row["not 200"], row["lost"], row["twice"]) == ("0", "0", "0")
    for rival in ("(b) Flask, Celery and Redis", "(c) Node-RED"):
        assert f"{rival}: not measured: " in printed


def test_process_tells_what_reading_and_composing_each_sample_costs() -> None:
    command = [sys.executable, str(BENCH / "process.py"), "--rounds", "1", "--deliveries", "40"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True).stdout
    rows = rows_of(printed)
    assert {"shopify orders_create", "zendesk trigger_replied", "kustomer conversation_create"} <= rows.keys()
    for row in rows.values():
        assert 0 < figure(row, "this version: parse") < figure(row, "this version: whole")


@pytest.mark.parametrize("script", ["ack.py", "idle.py"])
def test_the_other_scripts_start(script: str) -> None:
    said = subprocess.run([sys.executable, str(BENCH / script), "--help"], capture_output=True, text=True, check=True)
    assert "--seconds" in said.stdout


def test_console_asks_both_databases_for_every_page() -> None:
    _, rows = run("console.py", "--rows", "3000", "--few", "1000", "--may-take", "60000", "60000")
    assert rows.keys() >= {*console.PAGES, *console.FIRST, console.LOGIN, console.COUNTING}
    for row in rows.values():
        for engine in ("SQLite", "PostgreSQL"):
            assert 0 < figure(row, f"{engine}, ms") <= figure(row, f"{engine}, worst")
            assert figure(row, f"{engine}, times (a)") > 0


def test_console_fails_where_a_page_takes_longer_than_it_may() -> None:
    options = ("--rows", "1000", "--rounds", "1", "--warm-up", "0.1", "--only", "sqlite", "--may-take", "0", "0")
    command = [sys.executable, str(BENCH / "console.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stderr
    assert "SQLite: messages sent: " in done.stdout


# They only ask whether it is meant, or have nothing from the database in them; the login page has a row of its own.
LEFT_OUT = {"confirm_body", "confirm_retry", "confirm_reveal", "help_page", "login", "missing", "static"}


def test_console_leaves_no_page_and_no_filter_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_PASSWORD", "a password")
    app = create_app(Settings.from_env(names()), Database(f"sqlite:///{tmp_path / 'bridge.db'}"))
    roads = app.url_map.bind("localhost")
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {page.removeprefix("console.") for page in pages if page.startswith("console.")}
    narrowed = defaultdict(set)
    for address in console.PAGES.values():
        path, _, query = address.format_map(defaultdict(lambda: 1)).partition("?")
        page = roads.match(f"/console{path}")[0].removeprefix("console.")
        narrowed[page] |= dict(parse_qsl(query)).keys()
    assert narrowed.keys() == pages - LEFT_OUT
    times = {"before", "since", "until"}
    assert narrowed["message_list"] == {*browsing.MESSAGE_FILTERS, *times}
    assert narrowed["delivery_list"] == {*browsing.DELIVERY_FILTERS, *times}


def test_growth_works_in_a_small_and_a_large_database() -> None:
    _, rows = run_bare("growth.py", "--rows", "10", "1000", "--rounds", "1", "--count", "32")
    for step in ("store", "claim a delivery", "finish a message, insert its attempt"):
        assert figure(rows[step], "10 kept") > 0
        assert figure(rows[step], "1,000 kept") > 0


def test_a_month_is_filled_worked_in_and_deleted_on_both_databases() -> None:
    options = ("--days", "3", "--kept", "2", "--a-day", "300", "--rounds", "1", "--count", "32")
    printed, rows = run_bare("month.py", *options)
    assert "SQLite: 900 messages" in printed
    assert "PostgreSQL: 900 messages" in printed
    for step in ("store", "claim a message", "list 50 held ones"):
        assert min(figure(rows[step], column) for column in ("empty", "a month", "with retention")) > 0
    assert printed.count("a batch of 100 deletes") == 2


def test_upgrading_is_timed_while_webhooks_come_in() -> None:
    printed, rows = run_bare("upgrading.py", "--rows", "100", "--since", "0003")
    assert figure(rows["0003"], "s to migrate") > 0
    assert figure(rows["0003"], "slowest") >= figure(rows["0003"], "ms to store, median")
    assert printed.startswith("100 messages")
