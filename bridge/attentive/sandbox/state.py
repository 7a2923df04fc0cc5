"""What the sandbox remembers, in memory and bounded; every method may be called from any thread."""

import hashlib
import itertools
import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from flask import Flask, current_app
from marshmallow import ValidationError

from bridge.attentive.sandbox.newest import KEPT, Newest, Row
from bridge.attentive.sandbox.quota import Quota
from bridge.attentive.sandbox.schemas import Fault, read_recipient
from bridge.attentive.transactional import Send

#: Fingerprints of recent messages, for suppressing duplicates; 16 bytes each.
KEPT_FINGERPRINTS = 200_000

_NO_FAULT = Fault()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one POST is answered: `send` is the message if it was taken, `note` what the sender is not told.

    A `status` of None means that the connection is closed without an answer. `drops_repeats` says whether a message
    that repeats a recent one is suppressed.
    """

    status: int | None
    message: str | None
    send: Send | None = None
    note: str | None = None
    drops_repeats: bool = True


@dataclass(frozen=True, kw_only=True)
class Given:
    """One POST as it came: the fields as given, before anything is judged."""

    token: str | None
    payload: object
    unreadable: str | None = None
    path: str = "/1/messages"

    def field(self, name: str) -> object:
        """The JSON value of a field, None where there is none."""
        return self.payload.get(name) if isinstance(self.payload, dict) else None

    def number(self) -> str | None:
        """`to` as E.164, None where it cannot be read: whose conversation a refused message belongs to."""
        to = self.field("to")
        try:
            return read_recipient(to) if isinstance(to, str) else None
        except ValidationError:
            return None


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Sandbox:
    """The memory of one sandbox: messages, attempts, subscribers and faults."""

    def __init__(
        self,
        *,
        brand: str = "Your Shop",
        duplicate_window: timedelta = timedelta(seconds=60),
        tokens: frozenset[str] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.brand = brand
        self.tokens = tokens
        self.quota = Quota()
        self._window = duplicate_window
        self._now = now
        self._lock = threading.Lock()
        self._start = uuid.uuid4().hex[:8]
        self._changes = itertools.count(1)
        self._version = 0
        self._messages = Newest()
        self._attempts = Newest()
        self._answers = Newest()
        self._recent: OrderedDict[bytes, datetime] = OrderedDict()
        self._subscribers: frozenset[str] | None = None
        self._opted_out: set[str] = set()
        self._fault = Fault()
        self._share_seen = 0

    @property
    def version(self) -> str:
        """Changes whenever messages or attempts do, and with every start."""
        return f"{self._start}-{self._version}"

    def knows(self, token: str | None) -> bool:
        """Whether this bearer token is valid."""
        return bool(token) and (self.tokens is None or token in self.tokens)

    def record(self, given: Given, outcome: Outcome, fault: Fault) -> Outcome:
        """Keep the attempt and, unless it repeats a recent one, the message; the outcome with what was found."""
        with self._lock:
            now = self._now()
            send = outcome.send if outcome.drops_repeats else None
            suppressed = send is not None and self._repeats(send, given.token, now)
            if suppressed:
                seconds = self._window.total_seconds()
                outcome = replace(outcome, send=None, note=f"Suppressed: the same message within {seconds:g} seconds.")
            if outcome.send:
                self._messages.append(self._message_row(outcome.send, now))
            self._attempts.append(_attempt_row(given, outcome, fault, now) | {"suppressed": suppressed})
            self._version = next(self._changes)
            return outcome

    def _repeats(self, send: Send, token: str | None, now: datetime) -> bool:
        """Whether the same message went out within the window, which runs from the first one and is not extended."""
        while self._recent and (
            next(iter(self._recent.values())) <= now - self._window or len(self._recent) > KEPT_FINGERPRINTS
        ):
            self._recent.popitem(last=False)
        # The token is part of it: the same words from another brand are another message.
        same = json.dumps([token, send.to, send.body, send.media_url]).encode()
        fingerprint = hashlib.blake2b(same, digest_size=16).digest()
        if fingerprint in self._recent:
            return True
        self._recent[fingerprint] = now
        return False

    def _message_row(self, send: Send, now: datetime) -> Row:
        return {
            "to": send.to,
            "body": send.body,
            "type": send.type,
            "link": send.link,
            "mediaUrl": send.media_url,
            "text": self.as_read(send.body),
            "received_at": _iso(now),
        }

    def as_read(self, body: str) -> str:
        """A text as the person reads it, with the brand before it."""
        return f"{self.brand}: {body}" if self.brand else body

    def messages(self, newest: int = KEPT) -> list[bytes]:
        """The messages that reached a phone, each as JSON, oldest first; only the `newest` so many."""
        with self._lock:
            return self._messages.last(newest)

    def attempts(self, newest: int = KEPT) -> list[bytes]:
        """Every POST with its answer, each as JSON, oldest first; only the `newest` so many."""
        with self._lock:
            return self._attempts.last(newest)

    def answers(self, newest: int = KEPT) -> list[bytes]:
        """What was written on phones, each as JSON, oldest first; only the `newest` so many."""
        with self._lock:
            return self._answers.last(newest)

    def wrote(self, number: str, text: str) -> None:
        """Keep what somebody wrote on their phone."""
        with self._lock:
            self._answers.append({"from": number, "text": text, "received_at": _iso(self._now())})
            self._version = next(self._changes)

    def clear(self) -> None:
        """Forget messages, attempts and duplicates; subscribers, opt-outs and faults stay."""
        with self._lock:
            self._messages.clear()
            self._attempts.clear()
            self._answers.clear()
            self._recent.clear()
            self.quota.clear()
            self._version = next(self._changes)

    @property
    def subscribers(self) -> frozenset[str] | None:
        """Who is opted in, as E.164; None is everybody."""
        return self._subscribers

    @subscribers.setter
    def subscribers(self, numbers: frozenset[str] | None) -> None:
        self._subscribers = numbers

    def opt(self, number: str, *, out: bool) -> None:
        """Note that somebody wants no texts, or wants them again."""
        with self._lock:
            (self._opted_out.add if out else self._opted_out.discard)(number)

    def is_out(self, number: str) -> bool:
        """Whether this person wants no texts."""
        return number in self._opted_out

    @property
    def fault(self) -> Fault:
        """The faults in force, with the count that is left."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        with self._lock:
            self._fault = fault
            self._share_seen = 0

    def next_fault(self) -> Fault:
        """What goes wrong with the next request; uses up one of `count`.

        A share is spread evenly (0.5 is every second request), so that a test sees the same each time.
        """
        with self._lock:
            fault = self._fault
            if fault == _NO_FAULT:
                return fault
            share = Fraction(str(fault.share))
            before, self._share_seen = self._share_seen, self._share_seen + 1
            if int(self._share_seen * share) == int(before * share):
                return Fault()
            if fault.count is not None:
                self._fault = replace(fault, count=fault.count - 1) if fault.count > 1 else Fault()
            return replace(fault, share=1.0, count=None)


def _attempt_row(given: Given, outcome: Outcome, fault: Fault, now: datetime) -> Row:
    return {
        "received_at": _iso(now),
        "path": given.path,
        "to": given.field("to"),
        "number": outcome.send.to if outcome.send else given.number(),
        "body": given.field("body"),
        "status": outcome.status,
        "message": outcome.message,
        "note": outcome.note,
        "taken": outcome.send is not None,
        "fault": fault.effect() or None,
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def install(app: Flask, sandbox: Sandbox) -> None:
    """Make `sandbox` the memory of this application."""
    app.extensions["sandbox"] = sandbox


def current() -> Sandbox:
    """The memory of the application that answers this request."""
    sandbox = current_app.extensions["sandbox"]
    assert isinstance(sandbox, Sandbox)  # noqa: S101  # tells the type checker what install() put there
    return sandbox
