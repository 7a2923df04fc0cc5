"""gunicorn, configured: the process that runs the application."""

import gc
import logging
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from bridge.web import arriving
from bridge.web.patience import PatientWorker, worker_for

log = structlog.get_logger()

# Threads wait for the disk most of the time.
_THREADS = 8
# Asked for every few seconds.
_ROUTINE = ("/health/", "/metrics")
_LONGEST_PATH = 200
_LARGEST_BODY = 5 * 1024 * 1024
_MEMORY = Path("/dev/shm")  # noqa: S108 # nosec B108 - gunicorn's own advice for containers


class _QuietLogger(Logger):
    """gunicorn's log lines through the standard library's loggers, in the program's own format."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to the program."""
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True

    def access(self, resp: Any, req: Any, environ: MutableMapping[str, Any], request_time: timedelta) -> None:
        """A line for each request, where `accesslog` is set: without the query, and without who asked."""
        if not self.cfg.accesslog:
            return
        path = str(environ.get("PATH_INFO", ""))
        log.log(
            logging.DEBUG if path.startswith(_ROUTINE) else logging.INFO,
            "http.request",
            method=req.method,
            path=path[:_LONGEST_PATH],
            status=int(str(resp.status).partition(" ")[0]),
            bytes=getattr(resp, "sent", None),
            seconds=round(request_time.total_seconds(), 4),
        )


class _Worker(PatientWorker):
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

    def refused_unread(self, path: str, status: int) -> None:
        """Have the application count it."""
        # gunicorn knows no more than that it can be called.
        if count := cast(Flask, self.wsgi).extensions.get("count_unread"):
            count(path, status)


def _heartbeat_in_memory() -> dict[str, str]:
    """gunicorn's heartbeat is a file; on a disk it would stall with the disk, and gunicorn kill a healthy worker."""
    return {"worker_tmp_dir": str(_MEMORY)} if _MEMORY.is_dir() else {}


def _keep_shared(_arbiter: object) -> None:
    """Leave what is loaded to all processes in common: a garbage collection would write to, and so copy, all of it."""
    gc.freeze()


class Server(BaseApplication):
    """A gunicorn that serves what `make_app` returns; `make_app` runs in each worker process, after the fork.

    `close_app` runs there at the orderly end, once no request is under way. A request with a larger body than
    `largest_body` is answered 413 before it is read.
    """

    def __init__(
        self,
        make_app: Callable[[], Flask],
        *,
        close_app: Callable[[Flask], None] | None = None,
        largest_body: int = _LARGEST_BODY,
        **options: object,
    ) -> None:
        self._make_app = make_app
        self._close_app = close_app
        self._app: Flask | None = None
        self._options = {
            "worker_class": worker_for(largest_body, _Worker),
            "limit_request_fields": arriving.MOST_HEADERS,
            "limit_request_field_size": arriving.LONGEST_HEADER,
            "threads": _THREADS,
            "logger_class": _QuietLogger,
            # Heroku's router answers for itself after 30 seconds; what is under way must be done before.
            "graceful_timeout": 25,
            "timeout": 60,
            "keepalive": 15,
            # Whom to believe is decided in one place: see proxies.py.
            "forwarded_allow_ips": "",
            "when_ready": _keep_shared,
            "worker_exit": self._close,
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
        self._app = self._make_app()
        return self._app

    def _close(self, _arbiter: object, _worker: object) -> None:
        if self._close_app is not None and self._app is not None:
            self._close_app(self._app)
