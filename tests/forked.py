"""The product's processes without the wait for Python: imported once, and each process forked from there.

They are real processes all the same, with the command line as their beginning.
"""

import multiprocessing
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import commandline
from commandline import Prepare
from conftest import Process, Stack

from bridge import sources
from bridge.cli import COMMANDS
from bridge.store import schema
from bridge.store.database import Database

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["pytest", *(place.partition(":")[0] for place in COMMANDS.values())]
    + ["bridge.web.server", "bridge.web.app", "bridge.worker"]
    + [f"bridge.sources.{name}" for name in sources.discover()]
)


class Forked(Process):
    """A command of the product. `prepare` is called in its process before the command line is run."""

    def __init__(
        self, arguments: Sequence[str], env: Mapping[str, str], log: Path, prepare: Prepare | None = None
    ) -> None:
        self._log = log
        log.touch()
        self._forked = _FORKS.Process(
            target=commandline.run, args=(arguments, env, log.parent, log, log, prepare), daemon=True
        )
        self._forked.start()

    @property
    def pid(self) -> int:
        assert self._forked.pid
        return self._forked.pid

    @property
    def is_running(self) -> bool:
        return self._forked.is_alive()

    def wait(self, seconds: float = 30) -> int:
        self._forked.join(seconds)
        assert self._forked.exitcode is not None
        return self._forked.exitcode

    def terminate(self) -> int:
        if self.is_running:
            self._forked.terminate()
        return self.wait()


def run(arguments: Sequence[str], env: Mapping[str, str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run `bridge <arguments>` in `directory` to its end."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        forked = _FORKS.Process(target=commandline.run, args=(arguments, env, directory, out, err), daemon=True)
        forked.start()
        forked.join(60)
        assert forked.exitcode is not None, arguments
        return subprocess.CompletedProcess(
            list(arguments), forked.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


class ForkedStack(Stack):
    """The product as forked processes."""

    def start(self, *arguments: str, **settings: str) -> Process:
        return self.start_prepared(None, *arguments, **settings)

    def start_prepared(self, prepare: Prepare | None, *arguments: str, **settings: str) -> Process:
        log = self.directory / f"{arguments[0]}-{len(self._processes)}.log"
        process = Forked(arguments, self.environment(**settings), log, prepare)
        self._processes.append(process)
        return process

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return run(arguments, self.environment(**settings), self.directory)

    def open_database(self) -> Database:
        return Database(self.database_url.replace("postgresql://", "postgresql+psycopg://", 1))

    def migrate(self) -> None:
        """What `bridge db upgrade` does."""
        database = self.open_database()
        schema.upgrade(database)
        database.dispose()
