"""Hides whom a text is to: names, numbers and addresses become dots, one for each character."""

import re
from collections.abc import Collection, Iterable, Sequence

from bridge import joining
from bridge.errors import BridgeError
from bridge.events import Customer, Delivery, Nothing
from bridge.route import Route

_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+")
_WORD = re.compile(r"[^\W_]+")
_SHORTEST = 2


def people_of(delivery: Delivery, route: Route | None) -> list[Customer] | None:
    """The people a delivery is about; None where it does not say itself who they are. Raises StoreUnavailable."""
    if route is None:
        return None
    try:
        parsed = route.parse(delivery, delivery.received_at)
        if isinstance(parsed, Nothing):
            return None
        events = [joining.join(event, route).event for event in parsed]
    except BridgeError:
        return None
    # A platform that was asked for the person may have told a name.
    is_told = all(_names(event.customer) or not (event.lookup or route.source.joins) for event in events)
    return [event.customer for event in events] if is_told else None


def hidden(text: str, people: Sequence[Customer] | None, *, written: Collection[str], number: str | None) -> str:
    """The text without whom it is to, as long as before.

    Where nobody knows the `people`, only the words are shown that the template has `written` itself.
    """
    text = _EMAIL.sub(_dots, text)
    if people is None:
        known = {word.casefold() for one in written for word in _WORD.findall(one)}
        return _WORD.sub(lambda word: word[0] if word[0].casefold() in known else _dots(word), text)
    secrets = {number or "", *(one for person in people for one in (*_names(person), *_phones(person)))} - {""}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _dots, text, flags=re.IGNORECASE)
    return text


def names_of(people: Iterable[Customer] | None) -> list[str]:
    """The names of people, each once, as they are written."""
    return list(dict.fromkeys(one.name or one.first_name or "" for one in people or () if _names(one)))


def _names(person: Customer) -> list[str]:
    names = [name.strip() for name in (person.name, person.first_name) if name and name.strip()]
    return names + [word for name in names for word in _WORD.findall(name) if len(word) >= _SHORTEST]


def _phones(person: Customer) -> list[str]:
    return [number for number in (person.phone, *(one.number for one in person.phones)) if number]


def _dots(found: re.Match[str]) -> str:
    return "".join("•" if character.isalnum() else character for character in found[0])
