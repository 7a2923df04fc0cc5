"""marshmallow fields that read what platforms really send.

A platform's optional value must never cost a text: what is absent, null, empty or of the wrong type is None (or an
empty part), unknown keys are ignored, and ids are text whatever their JSON type. So loading a schema made of these
fields does not fail, and every name of the schema is in what it loads.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, missing

from bridge.signing import read_timestamp
from bridge.sources._reading import clean_text

_MONEY = re.compile(r"[+-]?\d{1,15}(\.\d{1,6})?", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)

# Two letters that people write for a country, and that ISO 3166 does not know.
_COUNTRY_ALIASES = {"UK": "GB"}

_TEXT_OR_NUMBER = (str, int, Decimal)

# A time outside of these is a default, a typo or an attack, and nobody can add an hour to the calendar's last one.
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class Reading(Schema):
    """Reads one JSON object of a platform with fields that never refuse; keys it does not name are ignored."""

    class Meta:
        """What a platform adds to its payloads tomorrow must not break today's reading."""

        unknown = EXCLUDE

    def __init__(self) -> None:
        super().__init__()
        self._readers = [
            (name, field.data_key or name, field.read)
            for name, field in self.fields.items()
            if isinstance(field, Tolerant)
        ]

    def load(self, data: Any, **_: Any) -> Any:
        """What `make` makes of the fields as read.

        marshmallow's own loop is there to collect refusals. There are none, and an order has ten objects to read.
        """
        return self.make({name: read(data.get(key)) for name, key, read in self._readers})

    def make(self, values: dict[str, Any]) -> Any:
        """The values as they are. A schema that reads one of our own records makes it here."""
        return values


def read(schema: Schema, value: object) -> Any:
    """What `schema` makes of `value`; of anything but an object, what it makes of an empty one."""
    return schema.load(value if isinstance(value, dict) else {})


def text_of(value: object) -> str | None:
    """Text without space around it. A number is its digits; "", lists, objects and flags are None."""
    if isinstance(value, bool) or not isinstance(value, _TEXT_OR_NUMBER):
        return None
    return clean_text(str(value)).strip() or None


class Tolerant(fields.Field[Any]):
    """A field that never refuses: a subclass says in `read` what it makes of a value; None stands for absent too."""

    def __init__(self, data_key: str | None = None) -> None:
        super().__init__(data_key=data_key)

    def deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        """The value as `read` reads it, for marshmallow's own loop."""
        return self.read(None if value is missing else value)

    def read(self, value: object) -> Any:
        """What `value` means, or None."""
        raise NotImplementedError


class Text(Tolerant):
    """Text, or an id: see `text_of`."""

    def read(self, value: object) -> str | None:
        """The text, or None."""
        return text_of(value)


class Line(Tolerant):
    """A name, which stands in the middle of a sentence: on one line, with single blanks."""

    def read(self, value: object) -> str | None:
        """The text, or None."""
        return " ".join((text_of(value) or "").split()) or None


class FirstText(Tolerant):
    """The first readable text of a list, e.g. of `tracking_numbers`."""

    def read(self, value: object) -> str | None:
        """The text, or None."""
        texts = map(text_of, value) if isinstance(value, list) else iter(())
        return next((text for text in texts if text), None)


class Country(Tolerant):
    """An ISO 3166 code of two letters, in upper case; None for a country's name."""

    def read(self, value: object) -> str | None:
        """The code, or None."""
        code = (text_of(value) or "").upper()
        return _COUNTRY_ALIASES.get(code, code) if _COUNTRY.fullmatch(code) else None


class Amount(Tolerant):
    """A Decimal that prints the sender's own digits, from text or a number; None for "1,50" or "12 EUR"."""

    def read(self, value: object) -> Decimal | None:
        """The amount, or None."""
        text = text_of(value)
        return Decimal(text) if text and _MONEY.fullmatch(text) else None


class Moment(Tolerant):
    """A moment, in its own offset, from an ISO-8601 text; None for a time without an offset, which would be a guess."""

    def read(self, value: object) -> datetime | None:
        """The moment, or None."""
        try:
            moment = read_timestamp(value) if isinstance(value, str) else None
        except ValueError:
            return None
        return moment if moment and _EARLIEST <= moment <= _LATEST else None


class Flag(Tolerant):
    """True, False, or None where it is neither; "true" and "false" count, as user-written JSON quotes everything."""

    def read(self, value: object) -> bool | None:
        """The flag, or None."""
        if isinstance(value, str):
            return {"true": True, "false": False}.get(value.strip().lower())
        return value if isinstance(value, bool) else None


class Part(Tolerant):
    """An object inside, read by another schema; an empty one where it is absent."""

    def __init__(self, schema: type[Schema], data_key: str | None = None) -> None:
        super().__init__(data_key=data_key)
        self._schema = schema()

    def read(self, value: object) -> Any:
        """What the schema makes of the object."""
        return read(self._schema, value)


class Parts(Part):
    """A list of objects as a tuple, each read by another schema; whatever else stands in the list is left out."""

    def read(self, value: object) -> Any:
        """The objects as read."""
        items = value if isinstance(value, list) else ()
        return tuple(read(self._schema, item) for item in items if isinstance(item, dict))
