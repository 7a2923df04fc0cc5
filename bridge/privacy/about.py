"""Whose data is asked for, and whether a webhook's body tells of them. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

import phonenumbers

from bridge.events import Customer, Order
from bridge.sighting import order_keys

# A number as people write it, also within a sentence.
_WRITTEN = re.compile(r"\+?\d(?:[\s().\u2010-\u2015/-]*\d){6,18}")
_NO_DIGIT = re.compile(r"\D+")
_DEEPEST = 60

#: A value and the names of the fields it stands in, the innermost last.
_Value = tuple[tuple[str, ...], str]


@dataclass(frozen=True, kw_only=True)
class About:
    """Whose: a person by phone number (E.164), e-mail or the platform's own id, orders by id or name, or a whole shop.

    `shop` is the domain that Shopify's webhooks name.
    """

    phone: str | None = None
    email: str | None = None
    customer: str | None = None
    orders: tuple[str, ...] = ()
    shop: str | None = None

    @property
    def words(self) -> str:
        """What is asked for, without saying whose."""
        parts = {"a phone number": self.phone, "an e-mail address": self.email, "a customer": self.customer,
                 "orders": self.orders, "a shop": self.shop}  # fmt: skip
        return ", ".join(name for name, value in parts.items() if value) or "nobody"


def is_told_by(body: bytes, about: About) -> bool:
    """Whether a body mentions the person, or names one of the orders in a field for it."""
    ways = _ways_to_write(about.phone) if about.phone else frozenset()
    text = body.decode("utf-8", "replace")
    if not _may_be_told_by(text, about, ways):
        return False
    email = _pattern(about.email) if about.email else None
    orders = {_name(order) for order in about.orders}
    for path, value in _values(text):
        if ways and any(re.sub(r"\D", "", run) in ways for run in _WRITTEN.findall(value)):
            return True
        if email and email.search(value):
            return True
        if orders and _is_of_order(path) and _name(value) in orders:
            return True
        if about.customer and _is_of_customer(path) and value == about.customer:
            return True
    return False


def _may_be_told_by(text: str, about: About, ways: frozenset[str]) -> bool:
    """A quick look that most bodies do not pass. One that writes characters as numbers is always looked at closely."""
    if "\\u" in text or "%" in text:
        return True
    lower = _name(text)
    wanted = [about.email.lower() if about.email else None, about.customer, *map(_name, about.orders)]
    if any(one in lower for one in wanted if one):
        return True
    digits = _NO_DIGIT.sub("", text) if ways else ""
    return any(way in digits for way in ways)


def is_of_person(customer: Customer, about: About) -> bool:
    """Whether this is the person's record."""
    ways = _ways_to_write(about.phone) if about.phone else frozenset()
    numbers = [customer.phone or "", *(candidate.number for candidate in customer.phones)]
    if ways and any(re.sub(r"\D", "", number) in ways for number in numbers):
        return True
    return bool(about.email and customer.email and customer.email.casefold() == about.email.casefold())


def is_one_of(order: Order, about: About) -> bool:
    """Whether it is one of the orders."""
    wanted = {_name(one) for one in about.orders}
    return any(key.partition(":")[2] in wanted for key in order_keys(order))


def _ways_to_write(e164: str) -> frozenset[str]:
    """The digits of a number with its country's code, however one dials it, and without."""
    full = e164.lstrip("+")
    national = phonenumbers.national_significant_number(phonenumbers.parse(e164))
    return frozenset({full, f"00{full}", f"011{full}", national, f"0{national}"})


def _pattern(email: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.+-]){re.escape(email)}(?!\.?\w|-)", re.IGNORECASE)


def _name(order: str) -> str:
    return re.sub(r"[#\s]+", "", order).lower()


def _is_of_order(path: tuple[str, ...]) -> bool:
    field, parents = path[-1].lower() if path else "", [name.lower() for name in path[:-1]]
    is_reference = field in {"id", "name", "number", "reference"}
    return "order" in field or (is_reference and bool(parents) and "order" in parents[-1])


def _is_of_customer(path: tuple[str, ...]) -> bool:
    names = [name.lower() for name in path]
    return names[-1:] == ["customer_id"] or names[-2:] == ["customer", "id"]


def _values(text: str) -> Iterator[_Value]:
    try:
        yield from _leaves(json.loads(text), ())
    except (ValueError, RecursionError):
        for name, value in parse_qsl(text):
            yield (name,), value
        yield (), text


def _leaves(value: object, path: tuple[str, ...]) -> Iterator[_Value]:
    if len(path) > _DEEPEST:
        yield path, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    elif isinstance(value, str) and value[:1] in ("{", "[") and value[-1:] in ("}", "]"):
        # A webhook within a webhook's field.
        yield path, value
        try:
            yield from _leaves(json.loads(value), (*path, ""))
        except (ValueError, RecursionError):
            return
    elif value is not None and not isinstance(value, bool):
        yield path, str(value)
