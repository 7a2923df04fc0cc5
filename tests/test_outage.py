"""What a sender gets while pieces die under the web process, and how soon all is well again."""

import http.client
import os
import signal
import time

import senders
from conftest import Stack, wait_until


def test_a_web_process_whose_parent_was_killed_leaves_its_port_to_the_next(stack: Stack) -> None:
    assert stack.run("db", "upgrade").returncode == 0
    web = stack.start_web()
    sender = http.client.HTTPConnection("127.0.0.1", stack.web_port, timeout=5)
    assert _answers(sender)
    sender.auto_open = 0

    os.kill(web.pid, signal.SIGKILL)
    killed_at = time.monotonic()
    # A busy sender keeps its connection, and so kept the orphan alive, which answered nobody else.
    wait_until(lambda: not _answers(sender), "the orphan closes the connection", 5)
    stack.start_web()

    hook = senders.order()
    assert hook.post(stack.web_url).json() == {"status": "stored"}
    assert time.monotonic() - killed_at < 10


def _answers(sender: http.client.HTTPConnection) -> bool:
    try:
        sender.request("GET", "/health/live")
        return sender.getresponse().read() != b""
    except (OSError, http.client.HTTPException):
        return False
