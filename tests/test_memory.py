"""What each process loads: memory is what a second web process or a small dyno runs out of first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import requests
from conftest import Process, Stack, answers, free_port, wait_until
from senders import order

# What migrates, talks to another database than ours, or looks a person up: nobody needs it all the time.
SELDOM = {
    "alembic",
    "cryptography",
    "psycopg",
    "requests",
    "urllib3",
    "inscriptis",
    "lxml",
    "mailparser_reply",
    "PIL",
    "rich.console",
}
COMPOSING = {"bridge.compose", "bridge.drafting", "babel", "yaml"}


def loaded_by(process: Process) -> set[str]:
    """All modules that the process and its children have loaded."""
    return set(re.findall(r"\|\s+([\w.]+)$", process.log, re.MULTILINE))


def test_the_processes_load_only_what_taking_and_sending_an_order_needs(stack: Stack) -> None:
    stack.settings["PYTHONPROFILEIMPORTTIME"] = "1"
    stack.run("db", "upgrade")
    stack.start_sandbox()
    # Look-ups are configured, and only the worker makes them.
    web = stack.start_web(ZENDESK_URL="https://example.zendesk.com", ZENDESK_EMAIL="a@b.example", ZENDESK_API_TOKEN="t")
    worker = stack.start_worker()
    order().post(stack.web_url).raise_for_status()
    wait_until(stack.texts, "the text arrives")
    for_web, for_worker = loaded_by(web), loaded_by(worker)
    assert {"flask", "gunicorn", "sqlite3"} <= for_web
    assert {"bridge.compose", "phonenumbers", "sqlite3"} <= for_worker
    assert for_web & (SELDOM | COMPOSING | {"phonenumbers.data.region_US"}) == set()
    assert for_worker & (SELDOM | {"flask", "gunicorn", "phonenumbers.timezone"}) == set()


def test_of_the_platforms_only_those_that_are_connected_are_loaded() -> None:
    program = """
import sys
from bridge import sources
from bridge.route import routes
from bridge.settings import Settings
routes(Settings.from_env(sources.names()))
print(*sorted(name for name in sys.modules if name.startswith("bridge.sources.") and "._" not in name))
"""
    settings = {**os.environ, "KUSTOMER_SECRETS": "s"}
    told = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["bridge.sources.kustomer"]


COUNTING = """
import gc, sys
from flask import Flask
from bridge.web.server import Server
app = Flask("counting")
app.get("/")(lambda: str(gc.get_freeze_count()))
Server(lambda: app, bind=sys.argv[1], workers=1).run()
"""


def test_a_garbage_collection_in_a_web_process_leaves_alone_what_it_shares(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = Process([sys.executable, "-c", COUNTING, address], {**os.environ}, tmp_path / "log")
    try:
        wait_until(lambda: answers(f"http://{address}/"), "it answers")
        assert int(requests.get(f"http://{address}/", timeout=10).text) > 10_000
    finally:
        server.terminate()
