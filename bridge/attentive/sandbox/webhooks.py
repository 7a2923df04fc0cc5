"""The webhooks that Attentive sends: a text left, somebody left, came back or answered. Off until an address is given.

As Attentive's documentation has them: signed with hex HMAC-SHA256 of the body, without an id, tried again for a while,
in no order. Trouble can be ordered: they come late, in another order, several times, or not at all.
"""

import hashlib
import heapq
import hmac
import itertools
import json
import threading
import time
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import requests
from flask import Blueprint, abort, current_app, request
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from bridge.attentive.sandbox import state
from bridge.attentive.sandbox.schemas import read_recipient
from bridge.attentive.transactional import problems

#: What is answered otherwise than with 2xx is tried again after so many seconds.
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_TIMEOUT = 10
#: What is held up so that others overtake it waits for so long.
_OVERTAKEN_AFTER = 1.0
#: Beyond that the oldest would be lost anyway: nobody listens.
_MOST_WAITING = 10_000
_LONGEST_TEXT = 1600
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"})
_START = frozenset({"START", "UNSTOP", "YES"})

webhooks = Blueprint("webhooks", __name__, url_prefix="/api")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where webhooks go, and what goes wrong with them on purpose. Without an address there are none."""

    url: str | None = None
    signing_key: str | None = field(default=None, repr=False)
    delay_ms: int = 0
    reorder: bool = False
    repeat: int = 1
    drop: float = 0.0

    def shown(self) -> dict[str, object]:
        """All but the key."""
        if self.url is None:
            return {}
        return {name: value for name, value in asdict(self).items() if name != "signing_key"}


class TargetSchema(Schema):
    """What `PUT /api/webhooks` takes; loads to a Target."""

    class Meta:  # noqa: D106
        unknown = RAISE

    url = fields.URL(require_tld=False, schemes={"http", "https"})
    signing_key = fields.String(validate=validate.Length(min=1, max=500))
    delay_ms = fields.Integer(strict=True, validate=validate.Range(0, 600_000))
    reorder = fields.Boolean()
    repeat = fields.Integer(strict=True, validate=validate.Range(1, 10))
    drop = fields.Float(validate=validate.Range(0, 1))

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Target:
        if data and "url" not in data:
            raise ValidationError("Missing.", "url")
        return Target(**data)


class Webhooks:
    """Sends webhooks from a thread of its own, which is there once there is something to send."""

    def __init__(self, target: Target, *, brand: str) -> None:
        self.brand = brand
        self._target = target
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, int, Target, bytes]] = []
        self._numbers = itertools.count()
        self._told = 0
        self._thread: threading.Thread | None = None

    @property
    def target(self) -> Target:
        """Where they go."""
        return self._target

    @target.setter
    def target(self, target: Target) -> None:
        with self._changed:
            self._target, self._told = target, 0

    def tell(self, kind: str, number: str, **more: object) -> None:
        """Send one about this number, as ordered. It is only noted here: who sends texts does not wait for it."""
        with self._changed:
            target, before = self._target, self._told
            if target.url is None:
                return
            self._told += 1
            share = Fraction(str(target.drop))
            if int(self._told * share) > int(before * share):
                return
            late = _OVERTAKEN_AFTER if target.reorder and before % 2 == 0 else 0.0
            due = time.monotonic() + target.delay_ms / 1000 + late
            body = json.dumps(self._payload(kind, number, more)).encode()
            for _ in range(target.repeat):
                self._put(due, 0, target, body)

    def _payload(self, kind: str, number: str, more: dict[str, object]) -> dict[str, object]:
        digits = number.removeprefix("+")
        return {
            "type": kind,
            "timestamp": time.time_ns() // 1_000_000,
            "company": {"display_name": self.brand, "company_id": "Q29tcGFueTox"},
            "subscriber": {"external_id": digits, "phone": number, "email": None, "external_identifiers": {}},
            **more,
        }

    def _put(self, due: float, tries: int, target: Target, body: bytes) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            return
        heapq.heappush(self._waiting, (due, next(self._numbers), tries, target, body))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting or self._waiting[0][0] > time.monotonic():
                    self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
                _, _, tries, target, body = heapq.heappop(self._waiting)
            if not _post(target, body) and tries < len(_PAUSES):
                with self._changed:
                    self._put(time.monotonic() + _PAUSES[tries], tries + 1, target, body)


def _post(target: Target, body: bytes) -> bool:
    headers = {"Content-Type": "application/json"}
    if target.signing_key:
        signature = hmac.new(target.signing_key.encode(), body, hashlib.sha256).hexdigest()
        headers["x-attentive-hmac-sha256"] = signature
    try:
        answer = requests.post(str(target.url), data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
    except requests.RequestException:
        return False
    return answer.ok


def current() -> Webhooks:
    """Those of the application that answers this request."""
    found: Webhooks = current_app.extensions["webhooks"]
    return found


def tell_sent(send_to: str, text: str) -> None:
    """Tell that a text has left for a phone."""
    message = {"type": "TRANSACTIONAL", "text": text, "to_phone": send_to}
    current().tell("sms.sent", send_to, subscription={"type": "TRANSACTIONAL"}, message=message)


@webhooks.get("/webhooks")
def get_webhooks() -> dict[str, object]:
    """Where webhooks go, without the key; `{}` when there are none."""
    return current().target.shown()


@webhooks.put("/webhooks")
def put_webhooks() -> dict[str, object]:
    """Say where they go and what goes wrong with them; `{}` ends them."""
    current().target = _load(TargetSchema())
    return get_webhooks()


@webhooks.post("/phone")
def answer_text() -> dict[str, object]:
    """Write from a phone: `{"number": "+12125550123", "text": "Thanks!"}`.

    STOP and its like opt out of texts and START comes back; anything else is an answer that Attentive passes on.
    """
    given = request.get_json()
    number, text = (given.get(name) for name in ("number", "text")) if isinstance(given, dict) else (None, None)
    if not isinstance(number, str) or not isinstance(text, str) or not 0 < len(text.strip()) <= _LONGEST_TEXT:
        abort(400, f"Give number and text (up to {_LONGEST_TEXT} characters), each a text.")
    try:
        number = read_recipient(number)
    except ValidationError as error:
        abort(400, problems(error))
    state.current().wrote(number, text)
    word = text.strip().upper()
    if word in _STOP | _START:
        is_out = word in _STOP
        state.current().opt(number, out=is_out)
        current().tell(
            "sms.unsubscribed" if is_out else "sms.subscribed", number, subscription={"type": "TRANSACTIONAL"}
        )
        return {"number": number, "opted_out": is_out}
    message = {"type": "INBOUND", "text": text, "to_phone": "+18335550142"}
    current().tell("sms.inbound_message", number, message=message)
    return {"number": number, "opted_out": state.current().is_out(number)}


def _load(schema: Schema) -> Any:
    try:
        return schema.load(request.get_json())
    except ValidationError as error:
        abort(400, problems(error))
