"""What several sources know about a person, put together."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

from bridge.events import Customer, Order, PhoneCandidate, Place

_Part = TypeVar("_Part", Customer, Order)

# The first word of "Dr. Lopez" is no name to greet with.
_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam", "the", "caller", "guest", "customer"}
)


def first_name(name: str | None) -> str | None:
    """The name to greet somebody with, from their full name; None where that would be a guess.

    "Ana Lopez" gives "Ana"; "Dr. Lopez", "Lopez, Ana", "Caller +1 212 555 0123" and "ana@example.com" give None.
    """
    words = (name or "").split()
    if not words or any(character.isdigit() or character in "@/,&" for character in name or ""):
        return None
    word = words[0]
    letters = word.replace("-", "").replace("'", "").replace("’", "")
    return word if len(letters) > 1 and letters.isalpha() and letters.lower() not in _TITLES else None


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
