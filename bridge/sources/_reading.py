"""From bytes of a stranger's making to values the rest can rely on: JSON objects, topic names, delivery keys."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from bridge.errors import Unreadable

# Real webhooks nest a dozen deep. What is deeper would only break whoever walks it later.
_DEEPEST = 100
# The largest orders have some thousand. A body of nothing else would take thirty times its size of memory.
_MOST_CONTAINERS = 200_000
_CONTAINERS = frozenset({dict, list})

# Only escapes can bring a NUL or half a surrogate pair through a JSON reader; most bodies have none of them.
_NEEDS_CLEANING = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATES = re.compile("[\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9._:/+=-]{1,200}", re.ASCII)
_NOT_IN_TOPICS = re.compile(r"[^a-z0-9._-]+", re.ASCII)


def read_object(body: bytes, *, advice: str) -> Mapping[str, object]:
    """The JSON object in `body`. Numbers with a point are Decimals with the sender's digits, NaN is None, text
    holds nothing a database or an encoder would refuse; of a repeated key the last value counts.

    Raises Unreadable, which ends with `advice`: what to set at the platform so that it sends JSON.
    """
    return _as_object(_read_json(body, advice), advice)


def read_written_object(body: bytes, *, advice: str) -> Mapping[str, object]:
    """The same of a body that somebody wrote by hand, with placeholders in it; no key may stand twice in an object.

    Where a platform fills them in without a care for quotation marks, a customer's words could end their text and bring
    keys of their own, such as another person's number. Raises Unreadable.
    """
    try:
        return _as_object(_read_json(body, advice, _JSON_ONCE), advice)
    except _StandsTwice as error:
        why = "The same key stands twice: perhaps a text that was filled in has quotation marks in it."
        raise Unreadable(f"{why} {advice}") from error


def _as_object(value: object, advice: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Unreadable(f"The body is JSON, but not an object. {advice}")
    return value


def read_objects(body: bytes, *, advice: str) -> Sequence[Mapping[str, object]]:
    """The JSON objects in the list that `body` is, or the one that it is, as `read_object` reads it.

    Raises Unreadable, also where something else stands in the list.
    """
    value = _read_json(body, advice)
    values = value if isinstance(value, list) else [value]
    objects = [item for item in values if isinstance(item, dict)]
    if not objects or len(objects) < len(values):
        raise Unreadable(f"The body is JSON, but no list of objects. {advice}")
    return objects


def _read_json(body: bytes, advice: str, reader: json.JSONDecoder | None = None) -> object:
    if not body.strip():
        raise Unreadable(f"The body is empty. {advice}")
    if len(body) > _MOST_CONTAINERS and body.count(b"{") + body.count(b"[") > _MOST_CONTAINERS:
        raise Unreadable(f"The body has too many parts. {advice}")
    try:
        value: object = (reader or _JSON).decode(body.decode("utf-8-sig"))
        _refuse_depth(value)
        return _clean(value) if _NEEDS_CLEANING.search(body) else value
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 text. {advice}") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON (line {error.lineno}, column {error.colno}). {advice}") from error
    except (RecursionError, ValueError) as error:
        # ValueError: an integer of thousands of digits.
        raise Unreadable(f"The body is nested too deeply or holds an impossible number. {advice}") from error


def clean_text(text: str) -> str:
    """`text` without NUL, which PostgreSQL refuses, and with U+FFFD for lone surrogates, which no encoding takes."""
    text = text.replace("\x00", "")
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def bounded_key(text: str | None) -> str | None:
    """A delivery key that is as given if it is short and plain, else its SHA-256; None for nothing."""
    text = (text or "").strip()
    if not text or _PLAIN_KEY.fullmatch(text):
        return text or None
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def key_in_body(body: bytes, name: str = "id") -> str | None:
    """The delivery key of platforms that send the event's own id in the body; None where there is none to read."""
    try:
        found = read_object(body, advice="").get(name)
    except Unreadable:
        return None
    return None if isinstance(found, bool) or not isinstance(found, str | int) else bounded_key(clean_text(str(found)))


def identity_of(kind: str, *parts: str | None) -> str | None:
    """What tells an event from others of its kind, e.g. `order.shipped:1073459962`; None where a part is unknown."""
    known = [part for part in parts if part]
    return bounded_key(":".join([kind, *known])) if len(known) == len(parts) else None


def native_kind(source: str, topic: str) -> str:
    """The kind of an event that has none of our words: `<source>.<topic>`, with a point for each slash."""
    return f"{source}.{_NOT_IN_TOPICS.sub('_', topic.lower().replace('/', '.'))[:100]}"


def _decimal(digits: str) -> Decimal | None:
    try:
        return Decimal(digits)
    except InvalidOperation:  # an exponent beyond what a Decimal can hold
        return None


class _StandsTwice(Exception):
    """A key stands twice in an object."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _StandsTwice
    return made


# Made once: json.loads would make one for every body.
_JSON = json.JSONDecoder(parse_float=_decimal, parse_constant=lambda _: None)
_JSON_ONCE = json.JSONDecoder(parse_float=_decimal, parse_constant=lambda _: None, object_pairs_hook=_once)


def _refuse_depth(value: object) -> None:
    # Level by level: a call for each of the hundred objects in an order would cost as much as parsing it.
    level: list[Any] = [[value]]
    for _ in range(_DEEPEST + 2):
        level = [
            item
            for outer in level
            for item in (outer.values() if type(outer) is dict else outer)
            if type(item) in _CONTAINERS
        ]
        if not level:
            return
    raise RecursionError


def _clean(value: object) -> object:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
