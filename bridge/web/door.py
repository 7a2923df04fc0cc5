"""What a web process remembers of the webhooks it refuses, and of the secrets that prove the others.

A request only leaves a few bytes in memory. A thread of its own writes them down every few seconds, and finds out why
a webhook was refused: so strangers can neither drive the database nor slow genuine webhooks.
"""

import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bridge import faults, rotation
from bridge.errors import BadSignature, StoreUnavailable, kind_and_place
from bridge.events import Delivery
from bridge.route import Route
from bridge.signature_doctor.signatures import sentence
from bridge.store import refusals, secret_use
from bridge.store.database import Database
from bridge.store.refusals import Refusal
from bridge.web.finding_out import FindingOut
from bridge.web.reports import Reports

log = structlog.get_logger()

# How long what happens is collected before it is written.
_EVERY_SECONDS = 3.0
# The use of a secret is told to the minute.
_USE_SECONDS = 60.0
# One transaction is small, whatever happens.
_ROWS_AT_ONCE = 20
_MOST_HEADERS = 40
_LONGEST_WORDS = 80
# A larger body is not looked at to find out why its webhook was refused, and not kept in report mode.
_LARGEST_BODY = 256 * 1024

_HEADER_NAME = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)

# Connection, cause, whether it was stored.
_Kind = tuple[str, str, bool]
# Connection, and the secret's place in its setting.
_Secret = tuple[str, int]


@dataclass(kw_only=True)
class _Refused:
    """How many webhooks of one kind were refused since that was last written down, and what one of them looked like."""

    text: str
    seen: Mapping[str, object]
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """One refused webhook of a connection, to find out why; none of it is written down."""

    kind: _Kind
    delivery: Delivery


class Door:
    """The memory of one web process. Make it after a fork: its thread would not survive one."""

    def __init__(self, database: Database, routes: Mapping[str, Route]) -> None:
        self.reports = Reports(routes)
        self._database = database
        self._finding_out = FindingOut(routes=routes)
        self._prints = {
            (name, index): (name, rotation.fingerprint(name, secret))
            for name, route in routes.items()
            for index, secret in enumerate(route.connection.secrets)
        }
        self._lock = threading.Lock()
        self._refused: dict[_Kind, _Refused] = {}
        self._kept: dict[str, _Kept] = {}
        self._met: dict[str, int] = {}
        self._used: dict[_Secret, float] = {}
        # The use that was written down last, and when that was.
        self._written: dict[_Secret, tuple[float, float]] = {}
        self._news = threading.Event()
        self._is_closing = threading.Event()

    def open(self) -> None:
        """Start the thread; it ends with the process."""
        threading.Thread(target=self._run, name="door", daemon=True).start()

    def close(self) -> None:
        """Have the thread end soon."""
        self._is_closing.set()
        self._news.set()

    def keeps(self, delivery: Delivery) -> bool:
        """Whether a webhook that cannot be verified is stored all the same."""
        size = len(delivery.body)
        return size <= _LARGEST_BODY and self.reports.takes(delivery.connection, size)

    def used(self, connection: str, secret: int) -> None:
        """Remember that this secret of the connection has just proven a webhook."""
        self._used[connection, secret] = time.monotonic()
        if not self._news.is_set():
            self._news.set()

    def refused(self, delivery: Delivery, error: BadSignature, *, was_stored: bool = False) -> None:
        """Remember that nothing proves this webhook."""
        kind = (delivery.connection, error.cause, was_stored)
        with self._lock:
            if kind not in self._refused:
                self._refused[kind] = _Refused(text=str(error), seen=_seen(delivery))
            self._refused[kind].count += 1
            met = self._met[delivery.connection] = self._met.get(delivery.connection, 0) + 1
            # Each is as likely to be the one that is looked at: no flood hides a genuine sender's for long.
            if len(delivery.body) <= _LARGEST_BODY and random.random() * met < 1:  # noqa: S311 - no secret
                self._kept[delivery.connection] = _Kept(kind=kind, delivery=delivery)
        self._news.set()

    def _run(self) -> None:
        while not self._is_closing.is_set():
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - a thread that ends would leave no record of anything
                log.error("door.crashed", error=kind_and_place(error))
                faults.tell(error)
            self._news.wait(_EVERY_SECONDS if self.reports.names or not self.reports.is_settled else None)
            self._is_closing.wait(_EVERY_SECONDS)

    def turn(self) -> None:
        """Write down what has happened, and look who reports. The thread does it every few seconds."""
        self._news.clear()
        refused, kept = self._take()
        used = self._unwritten()
        # In another order each time: the time for finding out may be used up before the last of them.
        in_turn = random.sample(list(refused.items()), len(refused))
        found = [self._told(kind, one, kept.get(kind[0])) for kind, one in in_turn]
        try:
            if found or used or not self.reports.is_settled:
                self._write(found, used)
            elif self.reports.names:
                with self._database.read() as connection:
                    self.reports.read(connection, self._database.now(connection))
        except StoreUnavailable as error:
            self._put_back(refused)
            log.warning("door.database_unavailable", error=str(error))
            return
        for one in found:
            fields = {"connection": one.connection, "cause": one.cause, "reason": one.detail, "count": one.count}
            log.warning("hook.refused", **fields, stored=one.was_stored)

    def _write(self, found: Sequence[Refusal], used: Mapping[_Secret, float]) -> None:
        with self._database.write() as connection:
            now, steady = self._database.now(connection), time.monotonic()
            if self.reports.is_settled:
                self.reports.read(connection, now)
            else:
                self.reports.settle(connection, now)
            refusals.add(connection, found, now)
            secret_use.note(
                connection,
                {self._prints[key]: now - timedelta(seconds=steady - at) for key, at in used.items()},
            )
        self.reports.is_settled = True
        self._written |= {key: (at, steady) for key, at in used.items()}

    def _take(self) -> tuple[dict[_Kind, _Refused], dict[str, _Kept]]:
        """What was refused since the last time, so far as one transaction takes it."""
        with self._lock:
            kinds = list(self._refused)[:_ROWS_AT_ONCE]
            if len(self._refused) > len(kinds):
                self._news.set()
            kept, self._kept, self._met = self._kept, {}, {}
            return {kind: self._refused.pop(kind) for kind in kinds}, kept

    def _put_back(self, refused: Mapping[_Kind, _Refused]) -> None:
        with self._lock:
            for kind, one in refused.items():
                one.count += self._refused[kind].count if kind in self._refused else 0
                self._refused[kind] = one
        self._news.set()

    def _unwritten(self) -> dict[_Secret, float]:
        """The secrets that were used since that was written down last, once a minute."""
        now = time.monotonic()
        found = {}
        for key, at in self._used.copy().items():
            written, when = self._written.get(key, (float("-inf"), float("-inf")))
            if at > written and now - when >= _USE_SECONDS:
                found[key] = at
        return found

    def _told(self, kind: _Kind, refused: _Refused, kept: _Kept | None) -> Refusal:
        """A kind of refusal with its probable cause, as far as one of them tells."""
        name, cause, was_stored = kind
        detail, seen = sentence(refused.text), refused.seen
        if kept is not None and kept.kind == kind:
            seen = _seen(kept.delivery)
            if found := self._finding_out.ask(kept.delivery):
                cause, detail = found.cause, found.detail
        return Refusal(
            connection=name,
            cause=cause,
            detail=detail,
            seen=seen,
            count=refused.count,
            was_stored=was_stored,
        )


def _seen(delivery: Delivery) -> dict[str, object]:
    """What a request looked like: sizes and names, nothing of its content and no proof of it."""
    names = [name for name in delivery.headers if _HEADER_NAME.fullmatch(name)]
    return {
        "bytes": len(delivery.body),
        "headers": names[:_MOST_HEADERS],
        "content_type": _printable(delivery.headers.get("content-type", "")),
        "user_agent": _printable(delivery.headers.get("user-agent", "")),
    }


def _printable(text: str) -> str:
    return "".join(one for one in text[:_LONGEST_WORDS] if one.isascii() and one.isprintable())
