"""gunicorn, configured: the process that runs the application."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

# Threads wait for the disk most of the time.
_THREADS = 8
_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn's own advice for containers


class _QuietLogger(Logger):
    """gunicorn's log lines through the standard library's loggers, in the program's own format."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to the program."""
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True


class _Worker(ThreadWorker):
    """gunicorn's worker, that also closes its busy connections when its parent has been killed.

    As it is, it goes on answering who keeps a connection open, for all of `graceful_timeout`. Meanwhile it accepts
    nobody else and keeps the port from the process that is started in its parent's place.
    """

    def is_parent_alive(self) -> bool:
        """gunicorn asks this once a second, and stops if it is not so."""
        is_alive: bool = super().is_parent_alive()
        if not is_alive:
            self.alive = False
        return is_alive


def _heartbeat_in_memory() -> dict[str, str]:
    """gunicorn's heartbeat is a file; on a disk it would stall with the disk, and gunicorn kill a healthy worker."""
    return {"worker_tmp_dir": str(_MEMORY)} if _MEMORY.is_dir() else {}


def _keep_shared(_arbiter: object) -> None:
    """Leave what is loaded to all processes in common: a garbage collection would write to, and so copy, all of it."""
    gc.freeze()


class Server(BaseApplication):
    """A gunicorn that serves what `make_app` returns; `make_app` runs in each worker process, after the fork."""

    def __init__(self, make_app: Callable[[], Flask], **options: object) -> None:
        self._make_app = make_app
        self._options = {
            "worker_class": _Worker,
            "threads": _THREADS,
            "logger_class": _QuietLogger,
            # Heroku's router answers for itself after 30 seconds; what is under way must be done before.
            "graceful_timeout": 25,
            "timeout": 60,
            "keepalive": 15,
            # Whom to believe is decided in one place: see proxies.py.
            "forwarded_allow_ips": "",
            "when_ready": _keep_shared,
            **_heartbeat_in_memory(),
            **options,
        }
        super().__init__()

    def load_config(self) -> None:
        """gunicorn asks for its configuration here."""
        for name, value in self._options.items():
            self.cfg.set(name, value)
        if "control_socket_disable" in self.cfg.settings:
            # Newer gunicorns open a control socket in the home directory; nobody here has a use for it.
            self.cfg.set("control_socket_disable", True)

    def load(self) -> Any:
        """gunicorn asks for the application here, in the worker process."""
        return self._make_app()
