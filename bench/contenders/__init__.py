"""What is measured side by side. Each contender starts from nothing for every round."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).parents[1]
PROGRAMS = BENCH / "programs"
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one contender runs in one round: a new directory, the port to listen on, and Attentive's port."""

    directory: Path
    port: int
    attentive_port: int


@dataclass
class Running:
    """The processes of a contender, by what they do: `web`, `worker`, `database` (Celery's broker is one)."""

    place: Place
    settings: Mapping[str, str] = field(default_factory=dict)
    pids: dict[str, list[int]] = field(default_factory=dict)
    #: How many webhooks are stored for good, where they are.
    stored: Callable[[], int] | None = None
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, role: str, arguments: Sequence[str]) -> None:
        """Start one process; `stop` ends it."""
        with (self.place.directory / f"{role}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments,
                env=self._environment(),
                cwd=self.place.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pids.setdefault(role, []).append(process.pid)
        self._processes.append(process)
        self._closing.callback(_end, process)

    def has_ended(self) -> bool:
        """Whether one of the processes has ended by itself."""
        return any(process.poll() is not None for process in self._processes)

    def run(self, arguments: Sequence[str]) -> None:
        """Run one command to its end."""
        subprocess.run(
            arguments, env=self._environment(), cwd=self.place.directory, check=True, stdout=subprocess.DEVNULL
        )

    def at_the_end(self, call: Callable[[], object]) -> None:
        """Have `stop` call this, once the processes that are started later have ended."""
        self._closing.callback(call)

    def stop(self) -> None:
        """End all processes, the last started first."""
        self._closing.close()

    def logs(self) -> str:
        """The last lines of each process."""
        files = sorted(self.place.directory.glob("*.log"))
        return "\n".join(f"== {file.name}\n" + file.read_text("utf-8", "replace")[-2000:] for file in files)

    def _environment(self) -> dict[str, str]:
        """Nothing of the machine's own settings gets in."""
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH")
        return {**{name: os.environ[name] for name in kept if name in os.environ}, **self.settings}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One program to measure.

    `start`     starts it in a new place; what it has started must be ended by `Running.stop`, also when it fails
    `sends`     whether it sends texts, or only acknowledges
    `why_not`   why it cannot be measured on this machine, in words
    `version`   what it is made of
    """

    key: str
    title: str
    start: Callable[[Running], None]
    sends: bool = True
    why_not: Callable[[], str | None] = lambda: None
    version: Callable[[], str] = lambda: ""


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
