"""`bridge top`: what it shows is what is there, once, as JSON, and live in a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import Any

import senders
from conftest import Stack, wait_until


def _shown(stack: Stack) -> dict[str, Any]:
    done = stack.run("top", "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_top_shows_what_is_there(stack_on_both: Stack) -> None:
    stack = stack_on_both
    stack.start_all(WORKER_NAME="bench-1")
    stack.set_faults(status=400, count=1)
    assert senders.order().post(stack.web_url).status_code == 200
    forged = senders.order().with_headers(X_Shopify_Hmac_Sha256=senders.base64_hmac("another", b"body"))
    assert forged.post(stack.web_url).status_code == 401
    wait_until(lambda: _shown(stack)["refusals"] and _shown(stack)["reasons"], "both are told")

    found = _shown(stack)
    assert (found["queue"]["deliveries"], found["queue"]["messages"], found["wrong"]) == (0, 0, [])
    # At once, and not when the clock's minute is over.
    assert found["last_minute"] == {"webhooks": 1, "messages": {"refused": 1}}
    ((worker,), (account,)) = found["workers"], found["accounts"]
    assert (worker["name"], worker["silent_seconds"] < 10) == ("bench-1", True)
    assert (account["name"], account["state"]) == ("attentive", "open")
    (shop,) = (one for one in found["connections"] if one["name"] == "shopify")
    assert (shop["refused_24h"], shop["last_webhook"] is not None) == (1, True)
    assert [(one["connection"], one["cause"]) for one in found["refusals"]] == [("shopify", "other_secret")]
    (reason,) = found["reasons"]
    assert (reason["state"], reason["reason"]) == ("refused", "refused_by_attentive")
    assert "+1212" not in json.dumps(found)

    assert stack.run("pause", "--account", "attentive").returncode == 0
    assert _shown(stack)["accounts"][0]["state"] == "stopped by hand"
    once = stack.run("top", "--once").stdout
    for word in ("bench-1", "stopped by hand", "refused_by_attentive", "other_secret", "zendesk"):
        assert word in once


def test_top_is_live_in_a_terminal_and_ends_with_control_c(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "top", "--every", "0.5"],
        env={**stack.environment(), "TERM": "xterm", "COLUMNS": "120", "LINES": "50"},
        cwd=stack.directory, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
    )  # fmt: skip
    os.close(inside)
    seen = b""
    deadline = time.monotonic() + 30
    # Drawn more than once: it is live.
    while seen.count(b"waiting: 0 deliveries") < 3 and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 65536)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            if not (more := os.read(terminal, 65536)):
                break
        except OSError:
            break  # the terminal has nobody on its other side any more
        seen += more
    assert process.wait(20) == 0
    os.close(terminal)
    assert seen.count(b"waiting: 0 deliveries") >= 3
    assert b"Traceback" not in seen
