"""The Procfile as a hosting platform runs it: with PostgreSQL, a PORT, and nothing else arranged."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import senders
from conftest import Stack, wait_until
from honcho.environ import parse_procfile

_ROOT = Path(__file__).parents[1]


@pytest.fixture
def platform(tmp_path: Path, postgres_url: str) -> Iterator[Stack]:
    """What the platform gives: a database address in its own spelling, a port, and the settings."""
    stack = Stack(tmp_path, postgres_url.replace("postgresql://", "postgres://", 1))
    stack.settings |= {"PORT": str(stack.web_port), "WEB_CONCURRENCY": "2", "DYNO": "web.1"}
    stack.settings["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    yield stack
    stack.close()


def test_the_lines_of_the_procfile_receive_a_webhook_and_send_its_text(platform: Stack, tmp_path: Path) -> None:
    lines = parse_procfile((_ROOT / "Procfile").read_text()).processes
    assert set(lines) == {"release", "web", "worker"}
    platform.start_sandbox()
    env = platform.environment()
    subprocess.run(lines["release"], shell=True, env=env, cwd=tmp_path, check=True, timeout=60)  # noqa: S602 - as the platform does
    with (tmp_path / "honcho.log").open("w+") as log:
        command = [sys.executable, "-m", "honcho", "--procfile", _ROOT / "Procfile", "--app-root", tmp_path, "start"]
        runner = subprocess.Popen([*command, "--no-prefix", "web", "worker"], env=env, stdout=log, stderr=log)
        try:
            wait_until(lambda: _is_ready(platform) or runner.poll() is not None, "web is ready")
            hook = senders.order()
            assert hook.post_until_acknowledged(platform.web_url) == "stored"
            wait_until(platform.texts, "the text arrives")
            (text,) = platform.texts()
            assert hook.text in text["text"]
        finally:
            runner.send_signal(signal.SIGTERM)
            runner.wait(30)
        log.seek(0)
        said = log.read()

    assert "worker.stopped" in said
    assert "Traceback" not in said
    assert not _is_ready(platform)


def _is_ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.web_url}/health/ready", timeout=5).ok
    except requests.RequestException:
        return False
