"""What a template sees of an event: every value knows its dotted name, and nothing unfit for a text prints.

A missing value is falsy, can be asked for its parts, and raises MissingValue when it would be printed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, time
from decimal import Decimal
from typing import Any, NoReturn

from jinja2 import Undefined, UndefinedError
from jinja2.exceptions import SecurityError, TemplateRuntimeError

from bridge.compose.budget import FREE, paid, step, step_over
from bridge.events import Customer, Event, LineItem, Order, Shipment, Ticket

#: root -> the dataclass whose fields are its vocabulary. `raw` is the sender's and free; `event` is EVENT_FIELDS.
PARTS: Mapping[str, type] = {"customer": Customer, "order": Order, "ticket": Ticket, "shipment": Shipment}
#: record -> the fields of it that templates may use.
VOCABULARY: Mapping[type, tuple[str, ...]] = {
    record: tuple(field.name for field in fields(record) if field.metadata.get("template", True))
    for record in (*PARTS.values(), LineItem)
}
EVENT_FIELDS = ("kind", "source", "connection", "occurred_at")
ROOTS = ("event", *PARTS, "raw")

#: What prints as it is, beside text.
_SINGLE = (int, float, Decimal, date, time)

#: Digits before the point, or zeros behind it, that no number of a shop or a helpdesk has. Arithmetic with more hangs.
_MOST_DIGITS = 100


class MissingValue(UndefinedError):
    """A template would print something that is missing or is no single value. The message is its dotted name."""


class Missing(Undefined):
    """An absent value: like None in tests and comparisons, never printed; keeps the dotted name it was asked by."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: object = None,
        name: str | None = None,
        exc: type[TemplateRuntimeError] = MissingValue,
    ) -> None:
        super().__init__(hint, obj, name, exc)

    @property
    def name(self) -> str | None:
        """The dotted name, or None where Jinja itself made the value and knows none."""
        return self._undefined_name

    @property
    def _undefined_message(self) -> str:
        return self._undefined_hint or str(self._undefined_name)

    def part(self, name: str) -> "Missing":
        """What a missing value's part is: missing too, under the longer name."""
        if self._undefined_exception is SecurityError:
            return self
        return Missing(name=f"{self._undefined_message}{name}")

    def _fail(self, *_args: object, **_named: object) -> NoReturn:
        raise self._undefined_exception(self._undefined_message)

    # What would print or call it raises; ordering is false, as SQL has it for NULL; slices are missing too.
    __str__ = __repr__ = __format__ = __call__ = __int__ = __float__ = _fail

    def __lt__(self, other: object) -> bool:  # type: ignore[override]
        return False

    __le__ = __gt__ = __ge__ = __lt__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Missing)

    def __hash__(self) -> int:
        return hash(None)

    def __getitem__(self, _key: object) -> "Missing":  # type: ignore[override]
        return self


class _Named:
    """A value that is not text: printing it raises MissingValue with its dotted name."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def _refuse(self, *_args: object) -> NoReturn:
        raise MissingValue(self.path)

    __str__ = __repr__ = __format__ = _refuse


class Part(_Named):
    """A record of the vocabulary, such as `customer`: false when nothing of it is known."""

    __slots__ = ("_names", "_record")

    def __init__(self, record: object, names: tuple[str, ...], path: str) -> None:
        super().__init__(path)
        self._record, self._names = record, names

    @property
    def record(self) -> object:
        """What it wraps, for the language's own filters."""
        return self._record

    def __bool__(self) -> bool:
        values = (getattr(self._record, name) for name in self._names)
        return any(value is not None and value != () and value is not False for value in values)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def get(self, name: str) -> object:
        """The field as a template sees it; Missing where there is none."""
        return wrap(getattr(self._record, name) if name in self._names else None, f"{self.path}.{name}")


class RawObject(_Named, Mapping[str, object]):
    """An object of the payload. Its keys come before Python's methods, so `raw.items` is the sender's field."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Mapping[str, object], path: str) -> None:
        super().__init__(path)
        self._raw = raw

    def __getitem__(self, key: str) -> object:
        return wrap(self._raw[key], f"{self.path}.{key}")

    def __iter__(self) -> Iterator[str]:
        return step_over(iter(self._raw))

    def __len__(self) -> int:
        return len(self._raw)


class ValueList(_Named, Sequence[object]):
    """A list, of the payload or of records."""

    __slots__ = ("_values",)

    def __init__(self, values: Sequence[object], path: str) -> None:
        super().__init__(path)
        self._values = values

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ValueList(self._values[index], self.path)
        return wrap(self._values[index], f"{self.path}[{index}]")

    def __iter__(self) -> Iterator[object]:
        for index, value in enumerate(self._values):
            step()
            yield wrap(value, f"{self.path}[{index}]")

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def wrap(value: object, path: str) -> object:
    """A value as a template sees it, named `path`. Nested values are wrapped when they are asked for."""
    if value is None:
        return Missing(name=path)
    if isinstance(value, str):
        return value
    if (names := VOCABULARY.get(type(value))) is not None:
        return Part(value, names, path)
    if isinstance(value, Mapping):
        return RawObject(value, path)
    if isinstance(value, list | tuple):
        return ValueList(value, path)
    if isinstance(value, float | Decimal) and not _is_sensible(value):
        return Missing(name=path)
    return value


def _is_sensible(number: float | Decimal) -> bool:
    # NaN is no number, and one with a million zeros would be written out.
    return math.isfinite(number) and (isinstance(number, float) or abs(number.adjusted()) <= _MOST_DIGITS)


def context(event: Event) -> dict[str, object]:
    """The names of a template: every one of ROOTS, whatever the event holds."""
    roots = {name: wrap(getattr(event, name), name) for name in (*PARTS, "raw")}
    return {"event": Part(event, EVENT_FIELDS, "event"), **roots}


def printable(value: object) -> object:
    """`value`, if it is one that can stand in a text.

    Raises MissingValue: it is missing, or is no single value (a list, a record, a function).
    """
    if isinstance(value, str):
        return value if len(value) < FREE else paid(value)
    if isinstance(value, _SINGLE) and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    if isinstance(value, Undefined):
        # A Missing raises here. Jinja's own Undefined is what an inline `if` without `else` gives: it prints nothing.
        return str(value)
    raise MissingValue(value.path if isinstance(value, _Named) else f"a {type(value).__name__}, which is not text")
