"""A request to `POST /1/messages` as Attentive's page has it: what both the sandbox and our own messages API are sent.

https://docs.attentive.com/pages/api-reference/transactional-messages-api
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

#: Far above any text; it keeps what is remembered small.
LARGEST_REQUEST = 64 * 1024

REQUIRED: dict[str, Any] = {"required": "Missing.", "null": "Missing."}


@dataclass(frozen=True, kw_only=True)
class Send:
    """A message as it is asked for."""

    to: str
    body: str
    type: str
    link: str | None = None
    media_url: str | None = None


def not_blank(text: str) -> None:
    """Raises ValidationError where a text has nothing to read."""
    if not text.strip():
        raise ValidationError("Must not be empty.")


class SendSchema(Schema):
    """The parameters table of Attentive's page. Fields it does not name are ignored; `to` is as it was written."""

    class Meta:  # noqa: D106  # marshmallow's options
        unknown = "exclude"

    to = fields.String(required=True, error_messages=REQUIRED)
    body = fields.String(required=True, validate=not_blank, error_messages=REQUIRED)
    type = fields.String(
        required=True,
        validate=validate.Equal("TRANSACTIONAL", error="Must be TRANSACTIONAL, in capitals."),
        error_messages=REQUIRED,
    )
    link = fields.String(allow_none=True, load_default=None)
    media_url = fields.String(data_key="mediaUrl", allow_none=True, load_default=None)

    @post_load
    def _make(self, data: Mapping[str, Any], **_: object) -> Send:
        return Send(**data)


def problems(error: ValidationError) -> str:
    """Every problem in one line: `to: Missing. type: Missing.`."""
    return " ".join(_lines(error.messages, ()))


def _lines(messages: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _lines(inner, path if key == "_schema" else (*path, str(key)))
    else:
        where = f"{'.'.join(path)}: " if path else ""
        yield from (f"{where}{message}" for message in messages)


def bearer_token(header: str) -> str | None:
    """The token of an `Authorization` header; None where there is none."""
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
