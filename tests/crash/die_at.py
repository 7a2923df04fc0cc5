"""Makes a process of the product kill itself with SIGKILL at one place of the path.

The product knows nothing of this: one of its functions is wrapped before its command line is run. A web process
takes gunicorn's master with it, as a machine that goes down would.
"""

import importlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flask


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where to die: before or after a function. `only_if` is asked about the result, for `after`.

    `armed_by` is a function that must have been called before, in this process.
    """

    function: str
    when: str
    only_if: Callable[[Any], object] = lambda _: True
    armed_by: str | None = None


def _for_a_webhook(_response: object) -> bool:
    return flask.request.path.startswith("/hooks/")


def _for_a_program(_response: object) -> bool:
    return flask.request.path.startswith("/1/messages")


#: In the order in which a message meets them.
WEB = {
    "received": Point(function="bridge.pipeline:accept", when="before"),
    "verified": Point(function="bridge.store.inbox:Inbox.add", when="before"),
    "lock held, not stored": Point(function="bridge.store.inbox:Inbox._insert", when="before"),
    "stored, lock still held": Point(function="bridge.store.inbox:Inbox._insert", when="after"),
    "stored, no answer made": Point(function="bridge.store.group_commit:GroupCommit._commit", when="after"),
    "answer made, not sent": Point(function="flask:Flask.full_dispatch_request", when="after", only_if=_for_a_webhook),
    "answer sent": Point(function="flask:Flask.full_dispatch_request", when="sent", only_if=_for_a_webhook),
}
WORKER = {
    "delivery claimed, not committed": Point(function="bridge.store.processing:claim", when="after", only_if=bool),
    "delivery claimed": Point(function="bridge.pipeline:process", when="before"),
    "delivery processed, not recorded": Point(function="bridge.pipeline:process", when="after"),
    "delivery locked, its message not inserted": Point(function="bridge.store.outbox:add", when="before"),
    "message inserted, its delivery not finished": Point(function="bridge.store.outbox:add", when="after"),
    "delivery finished, not committed": Point(function="bridge.store.recording:processed", when="after"),
    "message claimed, not committed": Point(function="bridge.store.sending:claim", when="after", only_if=bool),
    "message claimed": Point(function="bridge.pipeline:deliver", when="before"),
    "about to post": Point(function="bridge.attentive.client:Client.send", when="before"),
    "posted, no answer read": Point(function="bridge.attentive.wire:_receive", when="before"),
    "answered, not recorded": Point(function="bridge.attentive.client:Client.send", when="after"),
    "message finished, its attempt not recorded": Point(function="bridge.store.sending:finish", when="after"),
    "attempt recorded, not committed": Point(function="bridge.store.sending:record", when="after"),
    "attempt committed": Point(
        function="bridge.worker:Worker._turn", when="after", armed_by="bridge.store.sending:finish"
    ),
}
START = {
    "registered, not committed": Point(function="bridge.store.workers:register", when="after"),
    "taken over, not committed": Point(function="bridge.store.workers:take_over", when="after", only_if=bool),
    "taken over": Point(
        function="bridge.worker:Worker._start", when="after", armed_by="bridge.store.workers:take_over"
    ),
}
STOP = {
    "draining": Point(function="bridge.worker:Worker._drain", when="before"),
    "given back, not committed": Point(function="bridge.store.workers:sign_off", when="after"),
}
HOLDING_BACK = {
    "messages inserted, not judged": Point(function="bridge.concluding:hold_back", when="before"),
    "the unreachable skipped, old news not replaced": Point(function="bridge.store.standing:skip", when="after"),
    "old news replaced, caps not counted": Point(function="bridge.store.standing:supersede", when="after"),
    "held back, not committed": Point(function="bridge.concluding:hold_back", when="after", only_if=bool),
    "refusals counted, not committed": Point(function="bridge.store.people:refused", when="after", only_if=bool),
    "person unreachable, not committed": Point(function="bridge.store.people:skip_waiting", when="after"),
}
JOINING = {
    "parcel looked for": Point(function="bridge.joining:join", when="after"),
    "parcels read, not written": Point(function="bridge.store.sightings:write", when="before"),
    "parcels written, no message inserted": Point(function="bridge.joining:keep", when="after"),
    "parcels and messages written, not committed": Point(function="bridge.store.recording:processed", when="after"),
    "parcels and messages committed": Point(
        function="bridge.worker:Worker._turn", when="after", armed_by="bridge.store.sightings:write"
    ),
}
HEARING = {
    "about to be heard": Point(function="bridge.concluding:hear", when="before"),
    "confirmed, its delivery not finished": Point(
        function="bridge.store.confirming:confirm", when="after", only_if=bool
    ),
    "opt-out noted, what waits not skipped": Point(function="bridge.store.opt_outs:note", when="after", only_if=bool),
    "what waits skipped, its delivery not finished": Point(
        function="bridge.store.opt_outs:skip_waiting", when="after", only_if=bool
    ),
    "heard and committed": Point(
        function="bridge.worker:Worker._turn", when="after", armed_by="bridge.concluding:hear"
    ),
}
POSTING = {
    "over, its posting not put down": Point(function="bridge.store.postings:add", when="before"),
    "posting put down, its message not told": Point(function="bridge.store.reports:told", when="before"),
    "posting claimed, not committed": Point(function="bridge.store.postings:claim", when="after", only_if=bool),
    "posting claimed": Point(function="bridge.posting:put", when="before"),
    "posted, not recorded": Point(function="bridge.posting:put", when="after"),
    "posting recorded, not committed": Point(function="bridge.store.postings:finish", when="after"),
    "posting committed": Point(
        function="bridge.worker:Worker._turn", when="after", armed_by="bridge.store.postings:finish"
    ),
}
#: What a program asks for, on its way to the disk, and up to where it is a message like all others.
ASKING = {
    "request not read": Point(function="bridge.web.messages_api:store", when="before"),
    "request read, not stored": Point(function="bridge.web.messages_api.storing:Inbox.add", when="before"),
    "request stored, lock still held": Point(function="bridge.store.inbox:Inbox._insert", when="after"),
    "request stored, not found again": Point(function="bridge.store.asked:find", when="before"),
    "request stored, no answer made": Point(function="bridge.web.messages_api:store", when="after"),
    "request's answer made, not sent": Point(
        function="flask:Flask.full_dispatch_request", when="after", only_if=_for_a_program
    ),
    "request's answer sent": Point(function="flask:Flask.full_dispatch_request", when="sent", only_if=_for_a_program),
}
FULFILLING = {
    "request claimed": Point(function="bridge.fulfilling:process", when="before"),
    "draft made, not recorded": Point(function="bridge.fulfilling:process", when="after"),
}
POINTS = {**WEB, **WORKER, **START, **STOP, **HOLDING_BACK, **JOINING, **HEARING, **POSTING, **ASKING, **FULFILLING}


def install(name: str, hit: int) -> None:
    """Make this process kill itself when the point of this name is reached for the `hit`th time."""
    point, master = POINTS[name], os.getpid()

    def die() -> None:
        if os.getpid() != master:
            os.kill(master, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    lock, reached = threading.Lock(), 0
    armed = threading.Event()
    if point.armed_by:
        _wrap(point.armed_by, lambda original, *a, **k: (original(*a, **k), armed.set())[0])
    else:
        armed.set()

    def is_time() -> bool:
        nonlocal reached
        with lock:
            reached += armed.is_set()
            return armed.is_set() and reached >= hit

    def dying(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if point.when == "before" and is_time():
            die()
        result = original(*args, **kwargs)
        if point.when != "before" and point.only_if(result) and is_time():
            if point.when == "after":
                die()
            # The server closes the response when all of it has been written to the socket.
            result.call_on_close(die)
        return result

    _wrap(point.function, dying)


def _wrap(function: str, wrapper: Callable[..., Any]) -> None:
    module, _, path = function.partition(":")
    holder: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    original = getattr(holder, name)
    setattr(holder, name, lambda *args, **kwargs: wrapper(original, *args, **kwargs))
