"""What a request must look like: marshmallow schemas that name every problem at once."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import phonenumbers
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validates_schema

from bridge.attentive.transactional import REQUIRED, SendSchema

#: "Currently, Attentive only supports phone numbers from the United States, Canada, and the United Kingdom."
REGIONS = ("US", "CA", "GB")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong on purpose. The default is: nothing."""

    latency_ms: float = 0
    status: int | None = None
    retry_after: float | str | None = None
    drop: bool = False
    hang_after_accept: float = 0
    share: float = 1.0
    count: int | None = None

    def effect(self) -> dict[str, object]:
        """The parts that differ from nothing, under their names in the API; empty when nothing goes wrong."""
        return {field.name: value for field in _FAULT_FIELDS if (value := getattr(self, field.name)) != field.default}


_FAULT_FIELDS = dataclasses.fields(Fault)


@lru_cache(maxsize=10_000)
def read_recipient(number: str) -> str:
    """The E.164 form of a number as people write it; without a country code it is read as a US number.

    Raises ValidationError that says why nobody can be texted there.
    """
    try:
        parsed = phonenumbers.parse(number, "US")
    except phonenumbers.NumberParseException:
        raise ValidationError("Invalid phone number.") from None
    # The library reads 1-800-FLOWERS and "x5"; a carrier does not.
    if parsed.extension or any(character.isalpha() for character in number):
        raise ValidationError("Invalid phone number: letters and extensions cannot be texted.")
    if not phonenumbers.is_valid_number(parsed):
        raise ValidationError("Invalid phone number.")
    if phonenumbers.region_code_for_number(parsed) not in REGIONS:
        raise ValidationError("Only numbers of the United States, Canada and the United Kingdom are supported.")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class _Recipient(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        return read_recipient(super()._deserialize(value, attr, data, **kwargs))


class RecipientSchema(SendSchema):
    """What Attentive's page says of a message, with the numbers that it delivers to: loads to E.164."""

    to = _Recipient(required=True, error_messages=REQUIRED)


class SubscribersSchema(Schema):
    """`{"all": true}` or `{"subscribers": [numbers]}`; loads to a frozenset of E.164, or None for everybody."""

    class Meta:  # noqa: D106
        unknown = RAISE

    all = fields.Raw(validate=lambda value: _must(value is True, "Must be true, or give `subscribers` instead."))
    subscribers = fields.List(_Recipient())

    @validates_schema
    def _one_of_them(self, data: Mapping[str, Any], **_: object) -> None:
        if len(data) != 1:
            raise ValidationError('Give {"all": true} or {"subscribers": ["+12125550123", ...]}.')

    @post_load
    def _make(self, data: Mapping[str, Any], **_: object) -> frozenset[str] | None:
        return frozenset(data["subscribers"]) if "subscribers" in data else None


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValidationError(otherwise)


class Exactly(fields.Raw):
    """A JSON value of just these types: no text that looks like a number, no number that looks like a bool."""

    def __init__(self, *types: type, low: float | None = None, high: float | None = None, **rest: Any) -> None:
        super().__init__(**rest)
        self.types, self.low, self.high = types, low, high

    def _validate(self, value: Any) -> None:
        names = {bool: "true or false", int: "a whole number", float: "a number"}
        _must(type(value) in self.types, f"Must be {names[self.types[-1]]}.")
        if self.low is not None and self.high is not None:
            _must(self.low <= value <= self.high, f"Must be from {self.low} to {self.high}.")


def _retry_after(value: object) -> None:
    if isinstance(value, str):
        try:
            if not (value.isascii() and value.isprintable()):
                raise ValueError
            parsedate_to_datetime(value)
        except ValueError:
            raise ValidationError("Must be seconds or an HTTP date.") from None
    else:
        _must(type(value) in (int, float) and 0 <= value <= 86_400, "Must be seconds (0 to 86400) or an HTTP date.")  # type: ignore[operator]  # checked just before


class FaultSchema(Schema):
    """The faults that can be ordered; loads to a Fault."""

    class Meta:  # noqa: D106
        unknown = RAISE

    latency_ms = Exactly(int, float, low=0, high=600_000)
    status = Exactly(int, low=200, high=599)
    retry_after = fields.Raw(validate=_retry_after)
    drop = Exactly(bool)
    hang_after_accept = Exactly(int, float, low=0, high=3_600)
    share = Exactly(int, float, low=0, high=1)
    count = Exactly(int, low=1, high=1_000_000_000)

    @post_load
    def _make(self, data: Mapping[str, Any], **_: object) -> Fault:
        return Fault(**data)
