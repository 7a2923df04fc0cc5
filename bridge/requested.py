"""What a program asks for with `POST /1/messages`. Pure: read at the door to answer, and again by the worker."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError

from bridge import phone, sms
from bridge.attentive.transactional import Send, SendSchema, problems
from bridge.phone import PhoneNumber
from bridge.reasons import Reason
from bridge.settings import Settings

# As Attentive reads a number without a country's code: the one of its page's example is American.
_COUNTRY = "US"
_SCHEMA = SendSchema()
# Attentive's newer API would answer as if it had sent such a text, and tell nobody.
_BRACE = re.compile(r"[{}]")
_HTTPS = re.compile(r"\s*https://", re.IGNORECASE)


class Unfit(Exception):
    """Answer 400 with the text: this request asks for no message that could be sent."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request asks for, with its number as it was read."""

    send: Send
    number: PhoneNumber


def read(body: bytes, settings: Settings) -> Asked:
    """What a request asks for. Raises Unfit with every reason in one line."""
    try:
        payload: object = json.loads(body)
    except (ValueError, RecursionError):
        raise Unfit("The request body is not JSON.") from None
    if not isinstance(payload, dict):
        raise Unfit("The request body must be a JSON object.")
    try:
        send: Send = _SCHEMA.load(payload)
    except ValidationError as error:
        raise Unfit(problems(error)) from None
    send = replace(send, body=sms.without_controls(send.body))
    if not send.body.strip():
        raise Unfit("body: Must not be empty.")
    if wrong := [name for name in ("link", "media_url") if not _can_be_kept(getattr(send, name))]:
        raise Unfit(f"{_SCHEMA.fields[wrong[0]].data_key or wrong[0]}: Must be printable text.")
    if braces := [name for name in ("body", "link") if _BRACE.search(getattr(send, name) or "")]:
        raise Unfit(f"{braces[0]}: {Reason(code='braces_in_body').sentence}")
    if settings.is_live and send.media_url and not _HTTPS.match(send.media_url):
        raise Unfit(f"mediaUrl: {Reason(code='media_address_refused').sentence}")
    number = phone.read(send.to, _COUNTRY, allowed=settings.allowed_regions)
    if not number.allowed:
        raise Unfit(f"to: {number.reason.sentence if number.reason else 'Invalid phone number.'}")
    if settings.is_live and number.fictional:
        raise Unfit(f"to: {Reason(code='fictional_number').sentence}")
    return Asked(send=send, number=number)


def _can_be_kept(text: str | None) -> bool:
    return text is None or text == sms.without_controls(text)


def is_same(body: bytes, other: bytes) -> bool:
    """Whether two requests that were read ask for the same: a space more or fields that nobody reads change nothing."""
    return _fields(body) == _fields(other)


def as_one_text(body: bytes) -> str:
    """The fields of a request that was read, in one form however it was written."""
    return json.dumps(_fields(body), sort_keys=True)


def _fields(body: bytes) -> Mapping[str, Any]:
    payload = json.loads(body)
    names = [field.data_key or name for name, field in _SCHEMA.fields.items()]
    # `null` says what leaving it out says.
    return {name: payload[name] for name in names if payload.get(name) is not None}
