"""What a request to POST /v1/text/send must look like."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from bridge.attentive.sandbox.schemas import Exactly, read_recipient
from bridge.attentive.transactional import REQUIRED, Send, not_blank

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_FULL_ADDRESS = re.compile(r"https?://\S*[^\s.,;:!?)]")
_LONGEST_NAME = 255


@dataclass(frozen=True, kw_only=True)
class TextSend(Send):
    """A message as the newer API understood it."""

    name: str | None = None
    short_links: bool = False


def shorten(body: str) -> str:
    """The body with its fully qualified links as short ones, each always the same."""

    def short(found: re.Match[str]) -> str:
        return f"https://attn.tv/{hashlib.blake2b(found[0].encode(errors='replace'), digest_size=3).hexdigest()}"

    return _FULL_ADDRESS.sub(short, body)


class TextSendSchema(Schema):
    """The parameters table of the page. Fields it does not name, such as `link`, are ignored."""

    class Meta:  # noqa: D106  # marshmallow's options
        unknown = "exclude"

    to = fields.String(allow_none=True, load_default=None)
    subscriber = fields.Raw(data_key="subscriberExternalId", allow_none=True, load_default=None)
    type = fields.String(
        data_key="subscriptionType",
        required=True,
        validate=validate.OneOf(("MARKETING", "TRANSACTIONAL"), error="Must be MARKETING or TRANSACTIONAL."),
        error_messages=REQUIRED,
    )
    body = fields.String(required=True, validate=not_blank, error_messages=REQUIRED)
    media_url = fields.String(data_key="mediaUrl", allow_none=True, load_default=None)
    short_links = Exactly(bool, data_key="useShortLinks", required=True, error_messages=REQUIRED)
    name = fields.String(
        data_key="messageName", allow_none=True, load_default=None, validate=validate.Length(1, _LONGEST_NAME)
    )

    @validates_schema
    def _belong_together(self, data: Mapping[str, Any], **_: object) -> None:
        if (data["to"] is None) == (data["subscriber"] is None):
            raise ValidationError("Give to or subscriberExternalId, and not both.", "to")
        if data["subscriber"] is not None:
            raise ValidationError("The sandbox knows people by their numbers only.", "subscriberExternalId")
        if not _E164.fullmatch(data["to"]):
            raise ValidationError("Must be a number with its country code, such as +12125550123.", "to")
        if data["short_links"] and data["name"] is None:
            raise ValidationError("Missing, and useShortLinks requires it.", "messageName")
        # Whether it is one that can be texted.
        try:
            read_recipient(data["to"])
        except ValidationError as error:
            raise ValidationError(error.messages, "to") from None

    @post_load
    def _make(self, data: Mapping[str, Any], **_: object) -> TextSend:
        return TextSend(**{key: value for key, value in data.items() if key != "subscriber"})
