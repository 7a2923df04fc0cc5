"""The product's processes without the wait for Python: imported once, and each process forked from there.

They are real processes all the same, with the command line as their beginning.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conftest import Process, Stack

from bridge import sources
from bridge.cli import main
from bridge.store import schema
from bridge.store.database import Database

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["pytest", "bridge.cli.serve", "bridge.web.server", "bridge.web.app", "bridge.worker"]
    + [f"bridge.sources.{name}" for name in sources.discover()]
)

Prepare = Callable[[], None]


class Forked(Process):
    """A command of the product. `prepare` is called in its process before the command line is run."""

    def __init__(
        self, arguments: Sequence[str], env: Mapping[str, str], log: Path, prepare: Prepare | None = None
    ) -> None:
        self._log = log
        log.touch()
        self._forked = _FORKS.Process(target=_be, args=(arguments, env, log, prepare), daemon=True)
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


def _be(arguments: Sequence[str], env: Mapping[str, str], log: Path, prepare: Prepare | None) -> None:
    os.chdir(log.parent)
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    if prepare:
        prepare()
    sys.argv = ["bridge", *arguments]
    main()


class ForkedStack(Stack):
    """The product as forked processes."""

    def start(self, *arguments: str, **settings: str) -> Process:
        return self.start_prepared(None, *arguments, **settings)

    def start_prepared(self, prepare: Prepare | None, *arguments: str, **settings: str) -> Process:
        log = self.directory / f"{arguments[0]}-{len(self._processes)}.log"
        process = Forked(arguments, self.environment(**settings), log, prepare)
        self._processes.append(process)
        return process

    def open_database(self) -> Database:
        return Database(self.database_url.replace("postgresql://", "postgresql+psycopg://", 1))

    def migrate(self) -> None:
        database = self.open_database()
        schema.upgrade(database)
        database.dispose()
