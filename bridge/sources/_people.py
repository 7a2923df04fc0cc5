"""What several sources know about a person, put together."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

from bridge.events import Customer, Order, PhoneCandidate, Place, Shipment

_Part = TypeVar("_Part", Customer, Order, Shipment)


def candidates(numbers: Iterable[tuple[Place, str | None, str | None]]) -> tuple[PhoneCandidate, ...]:
    """The phone numbers on record, in order, from (where it stood, number, country of the record).

    One that stands in several places is a candidate in each, for any of them may be the one that is preferred.
    """
    found = (
        PhoneCandidate(number=number, country=country, where=where) for where, number, country in numbers if number
    )
    return tuple(dict.fromkeys(found))


def fill(known: _Part, found: _Part) -> _Part:
    """`known` with what only `found` has. What is known stays; all phone numbers of both are kept, known ones first."""
    absent: dict[str, object] = {
        field.name: getattr(found, field.name)
        for field in fields(known)
        if getattr(known, field.name) in (None, (), False) and getattr(found, field.name) is not None
    }
    if isinstance(known, Customer) and isinstance(found, Customer):
        absent["phones"] = tuple(dict.fromkeys((*known.phones, *found.phones)))
    return replace(known, **absent)  # type: ignore[arg-type]  # each value comes from the field of its own name
