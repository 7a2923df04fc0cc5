"""What is measured side by side. Each contender starts from nothing for every round."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).parents[1]
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one contender runs in one round: a new directory, the port to listen on, and the port of the fake."""

    directory: Path
    port: int
    fake_port: int


@dataclass
class Running:
    """The processes of a contender by what they do: `web`, `worker`, `database`, `other`."""

    place: Place
    settings: Mapping[str, str] = field(default_factory=dict)
    pids: dict[str, list[int]] = field(default_factory=dict)
    #: Called once all processes have ended: how many webhooks are stored for good, where anything is.
    stored: Callable[[], int] | None = None
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, role: str, arguments: Sequence[str]) -> None:
        """Start one process; it is ended by `stop`."""
        with (self.place.directory / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments,
                env=self.environment(),
                cwd=self.place.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pids.setdefault(role, []).append(process.pid)
        self._closing.callback(_end, process)

    def run(self, arguments: Sequence[str]) -> None:
        """Run one command to its end."""
        subprocess.run(arguments, env=self.environment(), cwd=self.place.directory, check=True, capture_output=True)

    def at_the_end(self, call: Callable[[], object]) -> None:
        """Have `call` called by `stop`, after the processes that are started later have ended."""
        self._closing.callback(call)

    def stop(self) -> None:
        """End all processes, the last started first."""
        self._closing.close()

    def logs(self) -> str:
        """The last lines of each process."""
        files = sorted(self.place.directory.glob("*.log"))
        return "\n".join(f"== {file.name}\n" + file.read_text("utf-8", "replace")[-2000:] for file in files)

    def environment(self) -> dict[str, str]:
        """The environment of the processes: nothing of the machine's own settings gets in."""
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH")
        return {**{name: os.environ[name] for name in kept if name in os.environ}, **self.settings}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One program to measure. `why_not` says in words why it cannot be measured here, if so."""

    key: str
    title: str
    sends: bool
    start: Callable[[Place], Running]
    why_not: Callable[[], str | None] = lambda: None
    versions: Callable[[], str] = lambda: ""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_noop(place: Place) -> Running:
    """(a): the Flask application that does nothing."""
    running = Running(place)
    running.start("web", [sys.executable, str(BENCH / "contenders/noop.py"), str(place.port)])
    return running
