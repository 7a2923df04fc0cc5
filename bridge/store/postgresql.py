"""PostgreSQL: an engine whose connections do not wait for ever.

The server keeps `statement_timeout`, and a server that is frozen or out of reach keeps nothing. So this side has a
deadline of its own, for a whole transaction with its connecting and its commit.
"""

import math
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.url import URL

# For each address that a host's name stands for. The least that libpq takes.
_CONNECT_SECONDS = 2
_LOCK_SECONDS = 3
# So long a transaction may do nothing. A process that is stopped in the midst of one must not keep its locks from the
# others for longer than it takes them to notice that it is gone.
_IDLE_SECONDS = 5
# How both sides' kernels find out that the other machine is gone: after some ten seconds.
_NOTICE_A_LOST_PEER = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_NOTICE_A_LOST_CLIENT = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 -c tcp_user_timeout=10s"
)

Result = TypeVar("Result")


class _Deadline(threading.local):
    """Until when this thread waits for PostgreSQL."""

    at: float = math.inf


_deadline = _Deadline()


@contextmanager
def no_longer_than(seconds: float | None) -> Iterator[None]:
    """Within the block this thread waits for PostgreSQL so long in all, then psycopg.OperationalError is raised.

    None: as long as it takes.
    """
    before = _deadline.at
    _deadline.at = math.inf if seconds is None else min(before, time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.at = before


class PatientConnection(psycopg.Connection[Any]):
    """A connection that keeps the deadline of the thread which uses it, and is closed when it has passed."""

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        """What psycopg calls for everything that the server has to answer."""
        if _deadline.at == math.inf:
            return super().wait(gen, *args, **kwargs)
        return super().wait(self._until(_deadline.at, gen), *args, **kwargs)

    def _until(self, deadline: float, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """`gen`, which psycopg resumes whenever the socket is ready, and without that ten times a second."""
        ready = None
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                result: Result = end.value
                return result
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                # What the server is doing with it nobody knows, so it cannot be used any more.
                self.pgconn.finish()
                raise psycopg.OperationalError("the server does not answer")


def connect(*args: Any, **kwargs: Any) -> PatientConnection:
    """A new connection, as from psycopg.connect, or psycopg.OperationalError by this thread's deadline.

    In a thread of its own, because a host's name may be looked up for minutes, in one C function.
    """
    answer: Future[PatientConnection] = Future()

    def attempt() -> None:
        made, failure = None, None
        try:
            made = PatientConnection.connect(*args, **kwargs)
        except psycopg.Error as error:
            failure = error
        except (OSError, ValueError) as error:
            failure = psycopg.OperationalError(f"no host can have this name ({error})")
        if not answer.set_running_or_notify_cancel():
            if made:
                made.close()
        elif made:
            answer.set_result(made)
        else:
            answer.set_exception(failure)

    threading.Thread(target=attempt, name="connect", daemon=True).start()
    try:
        return answer.result(None if _deadline.at == math.inf else max(0.0, _deadline.at - time.monotonic()))
    except TimeoutError:
        if answer.cancel():
            raise psycopg.OperationalError("the server does not answer") from None
        return answer.result()


def words(error: psycopg.Error) -> str:
    """What went wrong, in one line: the lines after the driver's first may quote a row."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def connect_alone(engine: Engine) -> PatientConnection:
    """A connection outside the pool, to the engine's server; it commits every statement by itself."""
    args, kwargs = engine.dialect.create_connect_args(engine.url)
    return connect(*args, **{**kwargs, **_parameters(engine.url, ""), "autocommit": True})


def _parameters(url: URL, limits: str) -> dict[str, Any]:
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "options": " ".join((limits, _NOTICE_A_LOST_CLIENT, str(url.query.get("options", "")))),
        **_NOTICE_A_LOST_PEER,
    }


def make_engine(url: URL, *, patience: float, pool: int) -> Engine:
    """The engine for `url`, with so many connections; the server, too, ends a statement after `patience` seconds."""
    limit = round(patience * 1000)
    idle = f"-c idle_in_transaction_session_timeout={min(limit, _IDLE_SECONDS * 1000)}"
    limits = f"-c statement_timeout={limit} -c lock_timeout={_LOCK_SECONDS}s {idle}"
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool,
        # Small plans count connections, and refuse who comes too late.
        max_overflow=0,
        pool_timeout=_CONNECT_SECONDS,
        pool_pre_ping=True,
        connect_args=_parameters(url, limits),
    )

    @event.listens_for(engine, "do_connect")
    def do_connect(_dialect: Any, _record: Any, args: Any, kwargs: Any) -> PatientConnection:
        return connect(*args, **kwargs)

    return engine
