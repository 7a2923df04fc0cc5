"""The log: JSON lines, documented event by event, that are joined by their ids and tell nothing that is anybody's."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import senders
from conftest import Stack, wait_until

from bridge.tally import METRICS
from bridge.watching.rules import KINDS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/observing.md").read_text("utf-8")
LEVELS = ("debug", "info", "warning", "error")
# What stands in an event's name only when it is said.
STATES = {
    "delivery.": ("processed", "parked"),
    "message.": ("queued", "sent", "refused", "unknown", "failed", "skipped", "expired", "superseded", "held"),
    "posting.": ("queued", "posted", "failed", "skipped"),
}
JOINING = {"delivery", "message", "attempt", "connection", "account", "template"}
EVERYWHERE = {"event", "level", "timestamp"} | JOINING


def _section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"## {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def _rows(title: str) -> list[list[str]]:
    lines = [line for line in _section(title).splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _documented() -> dict[str, tuple[set[str], set[str]]]:
    """event -> its levels and fields."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for events, levels, fields, _ in _rows("Log"):
        for event in re.findall(r"`([^`]+)`", events):
            assert event not in found
            found[event] = set(levels.split(", ")), set(re.findall(r"`(\w+)`", fields))
    return found


DOCUMENTED = _documented()


def _said() -> Iterator[tuple[str, str | None, set[str]]]:
    """What the code says: event, level where it is written beside it, fields that are."""
    for path in sorted((ROOT / "bridge").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            fields = {one.arg for one in node.keywords if one.arg}
            if isinstance(node.func, ast.Attribute) and _is_log(node.func.value):
                if node.func.attr in LEVELS:
                    for event in _names(node.args[0], tree):
                        yield event, node.func.attr, fields
                elif node.func.attr == "log":
                    for event in _names(node.args[1], tree):
                        yield event, None, fields
            elif isinstance(node.func, ast.Name) and node.func.id == "Saying":
                (event_node,) = [one.value for one in node.keywords if one.arg == "event"]
                for event in _names(event_node, tree):
                    yield event, None, set()


def _is_log(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "log") or (isinstance(node, ast.Attribute) and node.attr == "log")


def _names(node: ast.expr, tree: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        start = node.values[0]
        assert isinstance(start, ast.Constant)
        return [f"{start.value}{state}" for state in STATES[str(start.value)]]
    if isinstance(node, ast.Name):
        # A variable that was given one of a few names.
        given = [one.value for one in ast.walk(tree) if isinstance(one, ast.Assign)
                 and any(isinstance(target, ast.Name) and target.id == node.id for target in one.targets)]  # fmt: skip
        found = [str(one.value) for value in given for one in ast.walk(value) if isinstance(one, ast.Constant)]
        return [one for one in found if re.fullmatch(r"\w+\.\w+", one)]
    # A saying, whose name stands where it is made.
    assert isinstance(node, ast.Attribute)
    assert node.attr == "event"
    return []


SAID = list(_said())


def test_every_event_of_the_log_is_documented_and_every_documented_one_exists() -> None:
    assert len(SAID) > 40
    assert {event for event, _, _ in SAID} == DOCUMENTED.keys()


def test_levels_and_fields_are_the_documented_ones() -> None:
    for event, level, fields in SAID:
        levels, known = DOCUMENTED[event]
        assert level is None or level in levels, event
        assert fields <= known | JOINING, event
    assert all(levels <= set(LEVELS) for levels, _ in DOCUMENTED.values())


def test_every_metric_is_documented_with_its_labels() -> None:
    documented = {name.strip("`"): re.findall(r"`(\w+)`", labels) for name, labels, _ in _rows("Metrics")}
    counted = {metric.name: list(metric.labels) for metric in METRICS}
    assert {name: documented[name] for name in counted} == counted


def test_every_kind_of_alert_is_documented_with_its_cure() -> None:
    documented = {name.strip("`"): (meaning, cure) for name, meaning, cure in _rows("Alerts")}
    assert documented == {name: (kind.meaning, kind.cure) for name, kind in KINDS.items()}


def _lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_lines_are_json_joined_by_ids_and_tell_no_query_number_or_body(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    stack.start_sandbox()
    web, worker = stack.start_web(LOG_LEVEL="DEBUG"), stack.start_worker(LOG_LEVEL="DEBUG")
    stack.set_faults(status=500, count=1)
    assert senders.order().post(stack.web_url, "/hooks/shopify?query-canary=1").status_code == 200
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256="Zm9yZ2Vk")
    assert forged.post(stack.web_url).status_code == 401
    requests.get(f"{stack.web_url}/nowhere?query-canary=1", timeout=10)
    wait_until(stack.texts, "the text arrives")
    lettered = stack.run("trigger", "shopify", "orders_create_lettered_phone", "--url", stack.web_url)
    assert lettered.returncode == 0, lettered.stderr
    ends = ("message.sent", "message.skipped")
    wait_until(lambda: all(end in worker.log for end in ends) and "hook.refused" in web.log, "all is said")
    (text,) = stack.texts()
    assert web.terminate() == 0
    worker.terminate()

    for process in (web, worker):
        assert len(_lines(process.log)) == len(process.log.splitlines())
        for secret in ("query-canary", text["to"], text["to"][-7:], text["body"], "token-of-the-tests"):
            assert secret not in process.log
        for line in _lines(process.log):
            if "logger" not in line:
                levels, fields = DOCUMENTED[line["event"]]
                assert line["level"] in levels, line
                assert line.keys() <= fields | EVERYWHERE, line

    said = {line["event"]: line for line in _lines(worker.log) if line.get("delivery") == 1}
    assert said["delivery.processed"]["delivery"] == said["message.made"]["delivery"] == 1
    (skipped,) = (line for line in _lines(worker.log) if line["event"] == "message.skipped")
    assert (skipped["delivery"], skipped["connection"], skipped["reason"]) == (2, "shopify", "phone_has_letters")
    for event, attempt in (("message.queued", 1), ("message.sent", 2)):
        ids = {name: said[event][name] for name in sorted(JOINING)}
        assert ids == {
            "account": "attentive", "attempt": attempt, "connection": "shopify", "delivery": 1, "message": 1,
            "template": said["message.made"]["template"],
        }  # fmt: skip
    asked = [line for line in _lines(web.log) if line["event"] == "http.request" and line["level"] == "info"]
    assert [(line["method"], line["path"], line["status"]) for line in asked] == [
        ("POST", "/hooks/shopify", 200), ("POST", "/hooks/shopify", 401), ("GET", "/nowhere", 404),
        ("POST", "/hooks/shopify", 200),
    ]  # fmt: skip
    started = [line for line in _lines(web.log) if line.get("logger") == "gunicorn.error"]
    assert any("Listening at" in line["event"] for line in started)


def test_requests_are_not_told_where_that_is_switched_off(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web(ACCESS_LOG="off", LOG_LEVEL="DEBUG")
    web.terminate()
    assert "Listening at" in web.log
    assert "http.request" not in web.log


@pytest.mark.parametrize("how", ["exc_info=True", "exc_info=error"])
def test_a_traceback_of_a_library_is_told_by_kind_and_place(stack: Stack, how: str) -> None:
    code = (
        "import logging\nfrom bridge.cli import logs\nlogs.set_up('INFO')\n"
        "try:\n    raise ValueError('canary')\n"
        f"except ValueError as error:\n    logging.getLogger('flask').error('failed', {how})\n"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    (line,) = _lines(done.stdout)
    assert (line["event"], line["error"], line["logger"]) == ("failed", "ValueError at <string>:5", "flask")
    assert "canary" not in done.stdout + done.stderr
