"""What the messages API answers, as marshmallow schemas: the answers are made with them, and described by them."""

from collections.abc import Mapping
from typing import Any, cast

from marshmallow import Schema, fields

from bridge.reasons import REASONS, Reason
from bridge.store.asked import Fate, Kept
from bridge.store.sealed import is_unopened


def _told(what: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"description": what, **more}}


class TakenSchema(Schema):
    """A message that is stored."""

    id = fields.String(required=True, **_told("What to ask for with `GET /1/messages/<id>`."))
    status = fields.String(
        required=True, **_told("`known` where the same request came before.", enum=["stored", "known"])
    )
    message = fields.String(required=True, **_told("The same in words."))


class ProblemSchema(Schema):
    """Why a request is refused."""

    message = fields.String(required=True, **_told("What is wrong, in words."))


class ReasonSchema(Schema):
    """Why a message has not left."""

    code = fields.String(required=True)
    sentence = fields.String(required=True)


class AttemptSchema(Schema):
    """One time that the message was given to Attentive."""

    at = fields.DateTime(required=True, attribute="started_at")
    outcome = fields.String(required=True)
    status = fields.Integer(required=True, allow_none=True, **_told("Attentive's status code; null without an answer."))


class OutcomeSchema(Schema):
    """What came of a message."""

    id = fields.String(required=True)
    state = fields.String(
        required=True, **_told("`stored` until a worker has taken it up; then as the bridge's pages tell of messages.")
    )
    reason = fields.Nested(ReasonSchema, required=True, allow_none=True)
    waiting_for = fields.String(required=True, allow_none=True, **_told("What a queued message waits for."))
    received_at = fields.DateTime(required=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)


_TAKEN, _OUTCOME = TakenSchema(), OutcomeSchema()


def taken(kept: Kept, *, is_new: bool) -> Mapping[str, Any]:
    """The answer to a request that is stored."""
    words = "The message is stored and will be sent." if is_new else "The message was stored before."
    status = "stored" if is_new else "known"
    return cast(Mapping[str, Any], _TAKEN.dump({"id": kept.id, "status": status, "message": words}))


def outcome(fate: Fate) -> Mapping[str, Any]:
    """The answer to who asks what came of a message: nothing in it says whom it is to."""
    judged = fate.message or fate.delivery
    told = {
        "id": fate.delivery["id"],
        "state": judged["state"],
        "reason": _reason(judged),
        "waiting_for": judged["waiting_for"],
        "received_at": fate.delivery["received_at"],
        "attempts": fate.attempts,
    }
    return cast(Mapping[str, Any], _OUTCOME.dump(told))


def _reason(judged: Mapping[str, Any]) -> Mapping[str, str] | None:
    code = judged["reason"]
    # A newer program may have written one that this one does not know.
    if code not in REASONS:
        return {"code": code, "sentence": ""} if code else None
    detail = "" if is_unopened(judged["detail"]) else judged["detail"] or ""
    return {"code": code, "sentence": Reason(code=code, detail=detail).sentence}
