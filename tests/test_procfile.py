"""The Procfiles as a hosting platform runs them: with PostgreSQL, a PORT, and nothing else arranged."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dynos
import psycopg
import pytest
import requests
import senders
from conftest import Stack, answers, free_port, wait_until
from dynos import Dyno

TWO_DYNOS, ONE_DYNO = dynos.ROOT / "Procfile", dynos.ROOT / "deploy/one-dyno/Procfile"
#: All that Heroku's smallest plan, essential-0, allows.
SMALL_PLAN = 20


@pytest.fixture
def small_plan(postgres_url: str) -> Iterator[str]:
    """The address of a database whose owner may open no more connections than Heroku's smallest plan allows."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        # No superuser: nobody would count its connections.
        connection.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {SMALL_PLAN}")
        connection.execute(f"ALTER DATABASE {name} OWNER TO {name}")
        connection.execute(f"ALTER SCHEMA public OWNER TO {name}")
    yield postgres_url.replace("//postgres:@", f"//{name}@", 1)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])
        connection.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        connection.execute(f"DROP OWNED BY {name}")
        connection.execute(f"DROP ROLE {name}")


class Platform(Stack):
    """What the platform gives: a database address in its own spelling, a port, and the settings of app.json."""

    def __init__(self, directory: Path, database_url: str) -> None:
        super().__init__(directory, database_url.replace("postgresql://", "postgres://", 1))
        self.settings |= {**dynos.presets(), "PORT": str(self.web_port), "BRIDGE_SENDING": "on"}
        self.settings["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.dynos: list[Dyno] = []

    def run_dyno(self, line: str, name: str, **settings: str) -> Dyno:
        dyno = Dyno(name, line, self.environment(**settings), self.directory)
        self.dynos.append(dyno)
        return dyno

    def release(self, procfile: Path) -> None:
        dyno = self.run_dyno(dynos.lines(procfile)["release"], "release.1")
        dyno.wait(60)
        assert "Migrated the database" in dyno.log, dyno.log

    def start_dynos(self, procfile: Path, **settings: str) -> list[Dyno]:
        """Every dyno but the release's, once the web dyno can take webhooks."""
        lines = {name: line for name, line in dynos.lines(procfile).items() if name != "release"}
        started = [self.run_dyno(line, f"{name}.1", **settings) for name, line in lines.items()]
        url = f"http://127.0.0.1:{settings.get('PORT', self.web_port)}/health/ready"
        wait_until(lambda: answers(url) or not all(dyno.is_running for dyno in started), "web is ready", 60)
        assert all(dyno.is_running for dyno in started), [dyno.log for dyno in started]
        return started

    def close(self) -> None:
        for dyno in self.dynos:
            dyno.kill()
        super().close()


@pytest.fixture
def platform(tmp_path: Path, small_plan: str) -> Iterator[Platform]:
    platform = Platform(tmp_path, small_plan)
    yield platform
    platform.close()


@pytest.mark.parametrize("procfile", [TWO_DYNOS, ONE_DYNO], ids=["web and worker", "one dyno"])
def test_the_lines_of_the_procfile_receive_a_webhook_and_send_its_text(
    platform: Platform, procfile: Path, tmp_path: Path
) -> None:
    lines = dynos.lines(procfile)
    platform.start_sandbox()
    env = platform.environment(DYNO="web.1")
    subprocess.run(lines.pop("release"), shell=True, env=env, cwd=tmp_path, check=True, timeout=60)  # noqa: S602 - as the platform does
    with (tmp_path / "honcho.log").open("w+") as log:
        command = [sys.executable, "-m", "honcho", "--procfile", procfile, "--app-root", tmp_path, "start"]
        runner = subprocess.Popen([*command, "--no-prefix", *lines], env=env, stdout=log, stderr=log)
        try:
            ready = f"{platform.web_url}/health/ready"
            wait_until(lambda: answers(ready) or runner.poll() is not None, "web is ready")
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
    assert procfile == TWO_DYNOS or "Paste into shopify: https://YOUR-ADDRESS/hooks/shopify" in said
    assert "Traceback" not in said
    assert not answers(ready)


def test_a_release_without_a_database_fails_before_anything_is_replaced(platform: Platform) -> None:
    del platform.settings["DATABASE_URL"]

    for procfile in (TWO_DYNOS, ONE_DYNO):
        dyno = platform.run_dyno(dynos.lines(procfile)["release"], "release.1")
        dyno.wait(60)
        assert "heroku addons:create heroku-postgresql" in dyno.log


@pytest.mark.parametrize("procfile", [TWO_DYNOS, ONE_DYNO], ids=["web and worker", "one dyno"])
def test_dynos_are_gone_before_they_would_be_killed_and_lose_nothing(platform: Platform, procfile: Path) -> None:
    platform.start_sandbox()
    platform.release(procfile)
    # Attentive takes the first text and then says nothing, and the worker would wait for it longer than it may.
    running = platform.start_dynos(procfile, ATTENTIVE_READ_TIMEOUT="120")
    platform.set_faults(hang_after_accept=60, count=1)
    first, second = senders.order(), senders.order()
    first.post(platform.web_url).raise_for_status()
    wait_until(lambda: first.text in str(platform.texts()), "the first text is under way")

    # And a request is under way that never comes to its end.
    threading.Thread(target=_post_half, args=(platform.web_port,), daemon=True).start()
    time.sleep(0.5)
    second.post(platform.web_url).raise_for_status()
    stopping = [dyno.ask_to_stop() for dyno in running]
    took = [one.seconds() for one in stopping]
    again = platform.start_dynos(procfile)
    wait_until(lambda: second.text in str(platform.texts()), "the second text arrives")
    wait_until(lambda: _waiting(platform) == 0, "nothing is left to send", 60)

    assert max(took) < dynos.KILLED_AFTER
    assert _times_seen(platform, first, second) == {first.text: 1, second.text: 1}
    assert "Traceback" not in "".join(dyno.log for dyno in [*running, *again])


def _post_half(port: int) -> None:
    """A client that promises more of a webhook than it sends, and stays on the line."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /hooks/shopify HTTP/1.1\r\nHost: bridge\r\nContent-Length: 5000\r\n\r\nhalf")
        line.settimeout(60)
        while line.recv(1000):
            pass


def _waiting(platform: Platform) -> int:
    listed = platform.run("messages", "list", "--json").stdout
    return listed.count('"queued"') + listed.count('"sending"')


def _times_seen(platform: Platform, *hooks: senders.Webhook) -> dict[str, int]:
    texts = [text["text"] for text in platform.texts()]
    return {hook.text: sum(hook.text in text for text in texts) for hook in hooks}


@pytest.mark.parametrize(("procfile", "most"), [(TWO_DYNOS, 9), (ONE_DYNO, 9)], ids=["web and worker", "one dyno"])
def test_a_deploy_under_load_loses_nothing_and_needs_no_more_connections_than_a_small_plan_has(
    platform: Platform, procfile: Path, most: int, postgres_url: str
) -> None:
    platform.start_sandbox()
    platform.set_faults(latency_ms=200)
    platform.release(procfile)
    old = platform.start_dynos(procfile)
    new_port = str(free_port())
    ports = [str(platform.web_port)]
    with ThreadPoolExecutor(24) as pool, Counting(postgres_url) as counting:
        hooks = [senders.order() for _ in range(200)]
        posting = [pool.submit(_post_somewhere, hook, ports) for hook in hooks[:100]]
        looking = [pool.submit(_look_around, ports) for _ in range(30)]
        wait_until(platform.texts, "the first texts arrive")
        of_one_generation = counting.most
        # Heroku starts the new dynos when it asks the old ones to stop.
        new = platform.start_dynos(procfile, PORT=new_port)
        posting += [pool.submit(_post_somewhere, hook, ports) for hook in hooks[100:]]
        ports.insert(0, new_port)
        for stopping in [dyno.ask_to_stop() for dyno in old]:
            stopping.seconds()
        for future in [*posting, *looking]:
            future.result()
        wait_until(lambda: len(platform.texts()) >= len(hooks), "all texts arrive", 60)

    assert _times_seen(platform, *hooks) == {hook.text: 1 for hook in hooks}
    assert 3 <= of_one_generation <= most
    assert counting.most <= 2 * most < SMALL_PLAN
    said = "".join(dyno.log for dyno in [*old, *new])
    assert "Traceback" not in said
    assert "too many connections" not in said


def _post_somewhere(hook: senders.Webhook, ports: list[str]) -> None:
    """Post until a dyno acknowledges, as Heroku's router and a platform's repeats do together."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for port in list(ports):
            try:
                if hook.post(f"http://127.0.0.1:{port}").status_code == 200:
                    return
            except requests.RequestException:
                continue
        time.sleep(0.05)
    raise AssertionError("not acknowledged")


def _look_around(ports: list[str]) -> None:
    """What monitors and people ask for meanwhile: each needs a connection of the pool."""
    for path in ("/health/ready", "/metrics") * 5:
        for port in list(ports):
            try:
                requests.get(f"http://127.0.0.1:{port}{path}", timeout=30)
            except requests.RequestException:
                continue


class Counting(threading.Thread):
    """Counts what PostgreSQL has open for the bridge, again and again; `most` is the most it has seen."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._ended = threading.Event()
        self.most = 0

    def run(self) -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._ended.is_set():
                (count,) = connection.execute(query).fetchone() or (0,)
                self.most = max(self.most, count)
                time.sleep(0.005)

    def __enter__(self) -> "Counting":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(10)
