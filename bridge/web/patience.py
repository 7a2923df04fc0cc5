"""gunicorn's worker with threads, in which a slow client keeps no thread.

gunicorn's own gives a connection a thread, and the thread waits for the client: as many clients as there are threads,
each sending a byte now and then, close the door to all others. Here a thread takes what has arrived and goes on with
somebody else; only a request that is all there reaches the application. What has arrived waits in memory, within
bounds, and not for longer than `PATIENCE_SECONDS`.
"""

import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog
from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from bridge import faults
from bridge.errors import kind_and_place
from bridge.web.arriving import Verdict
from bridge.web.visits import Arrived, Room, Visit, glance, never_wait_long, refuse, unreader_of

log = structlog.get_logger()

# A connection that was told all is closed when the other side has closed it, and not later than this.
_FAREWELL_SECONDS = 2.0
_MOST_FAREWELLS = 256
_READ = 64 * 1024
# Small requests are bounded by the number of connections. All larger ones of a process share this.
_SMALL = 64 * 1024
_ROOM = 32 * 1024 * 1024

# A thread's word for a connection whose request is not all there.
_WAITS = object()

_STATUS = {Verdict.BODY_TOO_LARGE: 413, Verdict.HEADERS_TOO_LARGE: 431, None: 503}


class PatientWorker(ThreadWorker):
    """A worker whose threads wait for nobody. `largest_body` is set by who makes the server."""

    largest_body = 5 * 1024 * 1024

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._room = Room(max(_ROOM, 4 * self.largest_body))
        self._visits: dict[TConn, Visit] = {}
        self._farewells: dict[socket.socket, float] = {}

    # --- in a thread -------------------------------------------------------------------------------------------------

    def handle(self, conn: TConn) -> Any:
        """Serve the connection's next request if it is all there; otherwise leave it to the poller."""
        visit = self._visits.get(conn)
        if visit is None:
            visit = self._visits[conn] = self._welcome(conn)
        try:
            verdict = self._take(conn, visit)
        except OSError:
            return False
        if verdict is Verdict.MORE:
            return _WAITS
        if verdict is not Verdict.WHOLE:
            refuse(conn, _STATUS[verdict])
            self.refused_unread(visit.arriving.path, _STATUS[verdict])
            return False
        self._done_with(conn)
        conn.sock.setblocking(True)
        conn.data_ready = True
        conn.init()
        unreader = unreader_of(conn)
        unreader.sock = arrived = Arrived(conn.sock, bytes(visit.arriving.bytes))
        result = super().handle(conn)
        # The beginning of the next request, if it came with this one.
        unreader.unread(unreader.take_buffered() + arrived.rest())
        unreader.sock = conn.sock
        return result

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Have the application answer a request."""
        # All of it is there: who asked whether to send its body has been told, and gunicorn would tell it once more.
        req._expected_100_continue = False
        return super().handle_request(req, conn)

    def _welcome(self, conn: TConn) -> Visit:
        visit = Visit(self.largest_body)
        if not conn.initialized:
            never_wait_long(conn.sock)
        elif early := unreader_of(conn).take_buffered():
            # It came with the request before.
            visit.arriving.take(early)
        return visit

    def _take(self, conn: TConn, visit: Visit) -> Verdict | None:
        """Take what has arrived; None if there is no room for it. Raises OSError if the client has gone."""
        verdict = visit.arriving.take(b"")
        conn.sock.setblocking(False)
        while verdict is Verdict.MORE:
            try:
                data = conn.sock.recv(_READ)
            except BlockingIOError:
                if visit.was_waited_for:
                    return verdict
                # Headers and body seldom come in one piece: a moment's wait is cheaper than the way to the poller.
                visit.was_waited_for = True
                glance(conn.sock)
                continue
            if not data:
                raise ConnectionError("the client has gone")
            verdict = visit.arriving.take(data)
            if visit.arriving.asks_first and not visit.was_told_to_go_on and verdict is Verdict.MORE:
                visit.was_told_to_go_on = True
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(visit.arriving.bytes) > _SMALL:
                more = len(visit.arriving.bytes) - visit.in_room
                if not self._room.take(more):
                    return None
                visit.in_room += more
        return verdict

    def _done_with(self, conn: TConn) -> None:
        visit = self._visits.pop(conn, None)
        if visit:
            self._room.give_back(visit.in_room)

    def refused_unread(self, path: str, status: int) -> None:
        """Called for each request that was answered without having been read; `path` is empty if it did not come."""

    # --- in the main thread ------------------------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection; where there are too many, in place of the one that has been arriving for longest."""
        super().accept(listener)
        if self.nr_conns >= self.worker_connections - self.cfg.threads and self.pending_conns:
            oldest = min(self.pending_conns, key=lambda conn: self._visits[conn].until)
            self._give_up(oldest)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """What becomes of a connection that a thread has done with."""
        error = None if fs.cancelled() else fs.exception()
        if error is not None:
            # gunicorn answers and logs what goes wrong in a request: this is ours.
            log.error("request.crashed", error=kind_and_place(error))
            faults.tell(error)
        result = False if fs.cancelled() or error is not None else fs.result()
        if result is _WAITS:
            # Also while the worker stops: what has begun to arrive is taken.
            conn.sock.setblocking(False)
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        elif result:
            super().finish_request(conn, fs)
        else:
            self._done_with(conn)
            self.nr_conns -= 1
            self._say_farewell(conn.sock)

    def murder_pending(self) -> None:
        """Give up requests that take too long, and those that had not begun when the worker stops."""
        now = time.monotonic()
        for conn in list(self.pending_conns):
            visit = self._visits[conn]
            if visit.until <= now or not (self.alive or visit.arriving.bytes):
                self._give_up(conn)
        for sock, until in list(self._farewells.items()):
            if until <= now:
                self._close(sock)

    def _give_up(self, conn: TConn) -> None:
        self.pending_conns.remove(conn)
        self.poller.unregister(conn.sock)
        if self._visits[conn].arriving.bytes:
            refuse(conn, 408)
            self.refused_unread(self._visits[conn].arriving.path, 408)
        self._done_with(conn)
        self.nr_conns -= 1
        conn.close()

    def _say_farewell(self, sock: socket.socket) -> None:
        """Close a connection once the other side has: at once, it might lose the answer. gunicorn waits for that."""
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            util.close(sock)
            return
        if len(self._farewells) >= _MOST_FAREWELLS:
            self._close(next(iter(self._farewells)))
        self._farewells[sock] = time.monotonic() + _FAREWELL_SECONDS
        self.poller.register(sock, selectors.EVENT_READ, self._drain)

    def _drain(self, sock: socket.socket) -> None:
        try:
            if sock.recv(_READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        del self._farewells[sock]
        self.poller.unregister(sock)
        util.close(sock)


def worker_for(largest_body: int, base: type[PatientWorker]) -> Callable[..., PatientWorker]:
    """`base` for bodies of this size."""
    return type(base.__name__, (base,), {"largest_body": largest_body})
