"""Several of our own commands as child processes that live and die together.

Like honcho's manager, but patient: honcho kills what has not stopped after five seconds, and a worker that is
sending needs up to 25 to know what became of its messages.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO

_PATIENCE_SECONDS = 28.0
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child must not have to.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Ask Linux for a SIGTERM when our parent dies: killed outright it cannot stop us, and we would keep its port."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """Child processes by name. As a context manager it stops them all at the end, in order, and waits for them."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._signalled: int | None = None

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `bridge <arguments>`; its output goes where ours goes unless `output` is given."""
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "bridge", *arguments],
            env=_environment(env or {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            # Control-C goes to the whole group of a terminal; a child must hear it from us, once.
            start_new_session=True,
            preexec_fn=_end_with_parent if _LIBC else None,
        )

    def ended(self) -> str | None:
        """The name of a child that has ended by itself, if any."""
        return next((name for name, child in self._running.items() if child.poll() is not None), None)

    def run(self) -> int:
        """Wait until a signal comes or a child ends, stop all, and return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)
        while self._signalled is None and self.ended() is None:
            time.sleep(0.1)
        return 0 if self._signalled is not None else 1

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._signalled = number

    def stop(self) -> None:
        """Ask all to stop, the first started first; kill what does not in time."""
        for child in self._running.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for child in self._running.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()

    def __enter__(self) -> "Children":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    """Ours with what is given in place of it; a setting that is given is not read from a file as well."""
    inherited = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in given}
    return {**inherited, **given}
