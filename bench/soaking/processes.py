"""The product's processes, as a platform keeps them: what ends is started again. And a PostgreSQL that can die."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

# A machine that others use too takes its time.
_START_SECONDS = 90.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    """The process ids of the children of `pid`, as far as there are any."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid: int) -> bool:
    """Whether this process runs; one that has ended and waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Running:
    """One of the product's commands, in a process group of its own. `port` is where it answers, if it does."""

    def __init__(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path, port: int | None = None
    ) -> None:
        self.name, self.port = name, port
        #: Whether it is wanted: what ends by itself is then started again.
        self.is_wanted = True
        self.is_frozen = False
        self._command = [sys.executable, "-m", "bridge", *arguments]
        self._env, self._log = env, log
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[int] = []

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of its latest life."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it; nothing to do if it runs."""
        self.is_wanted = True
        if not self.is_running:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
                )

    def kill(self) -> None:
        """SIGKILL, for its children too, at the same moment."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reap()

    def end(self) -> None:
        """Kill all there is of it."""
        self.is_wanted = False
        if self.is_running:
            self.kill()
        for orphan in filter(is_alive, self._orphans):
            os.kill(orphan, signal.SIGKILL)

    def kill_child(self) -> bool:
        """SIGKILL for one of its children only; False if it has none just now."""
        children = children_of(self.pid)
        for child in children[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return bool(children)

    def kill_parent(self) -> None:
        """SIGKILL for the process itself; its children are left to notice."""
        self._orphans = [*filter(is_alive, self._orphans), *children_of(self.pid)]
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def terminate(self) -> None:
        """Ask it to stop; it is not started again until `start`."""
        self.is_wanted = False
        os.kill(self.pid, signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it as a machine that sleeps; it does not know."""
        self.is_frozen = True
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.is_frozen = False
        os.killpg(self.pid, signal.SIGCONT)

    def _reap(self) -> None:
        # A process that nobody has waited for keeps its id, and so looks alive to others.
        if self._process:
            self._process.wait()


class Product:
    """Sandbox, webs and workers over the database at `url`; logs and the rest go to `directory`."""

    def __init__(self, directory: Path, url: str, settings: Mapping[str, str], *, webs: int, workers: int) -> None:
        sandbox_port = free_port()
        self.sandbox_url = f"http://127.0.0.1:{sandbox_port}"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        self._directory = directory
        self._env = {**inherited, **settings, "DATABASE_URL": url, "ATTENTIVE_URL": self.sandbox_url}
        self.sandbox = self._made("sandbox", ["sandbox", "--port", str(sandbox_port)], port=sandbox_port)
        self.webs = []
        for number in range(1, webs + 1):
            port = free_port()
            self.webs.append(self._made(f"web-{number}", ["web", "--port", str(port)], port=port))
        self.workers = [self._made(f"worker-{number}", ["worker"]) for number in range(1, workers + 1)]

    def _made(self, name: str, arguments: Sequence[str], port: int | None = None) -> Running:
        env = {**self._env, "WORKER_NAME": name}
        return Running(name, arguments, env, self._directory / f"{name}.log", port)

    def start(self) -> None:
        """Migrate the database and start everything; returns when all of it answers."""
        upgrade = [sys.executable, "-m", "bridge", "db", "upgrade"]
        subprocess.run(upgrade, env=self._env, check=True, stdout=subprocess.DEVNULL)
        for process in (self.sandbox, *self.webs, *self.workers):
            process.start()
        self._wait_for(f"{self.sandbox_url}/api/faults")
        for web in self.webs:
            self._wait_for(f"http://127.0.0.1:{web.port}/health/ready")

    def _wait_for(self, url: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if requests.get(url, timeout=5).ok:
                    return
            time.sleep(0.05)
        logs = "\n".join(f"{log.name}:\n{log.read_text()}" for log in self._directory.glob("*.log"))
        raise SystemExit(f"not ready within {_START_SECONDS:g} s: {url}\n{logs}")

    def supervise(self) -> list[str]:
        """Start again what has ended by itself; the names."""
        ended = [process for process in (*self.webs, *self.workers) if process.is_wanted and not process.is_running]
        for process in ended:
            process.start()
        return [process.name for process in ended]

    def waiting(self) -> int | None:
        """How many deliveries and messages wait or are under way; None if no web process can tell."""
        for web in self.webs:
            with contextlib.suppress(requests.RequestException, KeyError):
                queue = requests.get(f"http://127.0.0.1:{web.port}/health/ready", timeout=5).json()["queue"]
                return int(queue["deliveries"] + queue["messages"])
        return None

    def set_faults(self, faults: Mapping[str, object]) -> None:
        """Order this trouble from the sandbox."""
        requests.put(f"{self.sandbox_url}/api/faults", json=faults, timeout=30).raise_for_status()

    def end(self) -> None:
        """Kill all that runs."""
        for process in (*self.webs, *self.workers, self.sandbox):
            process.end()
