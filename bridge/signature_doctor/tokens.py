"""What is wrong with a token: there is none, it is written differently, or it stands in another place."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, unquote, urlsplit

from bridge.events import Delivery
from bridge.signing import verbatim

_LONGEST = 2048
_MOST_HEADERS = 60
_MOST_VALUES = 20
_WORD_BEFORE = re.compile(r"(bearer|token|basic|apikey|secret)[ :=]+", re.IGNORECASE)

#: A proof as it stands: where, and what is there. Where it is expected stands first.
_Place = tuple[str, str]


def places(delivery: Delivery, header: str) -> tuple[list[_Place], list[_Place]]:
    """What stands where a token may, and what stands elsewhere."""
    right, wrong = [(f"the {header} header", delivery.headers.get(header, ""))], []
    authorization = delivery.headers.get("authorization", "")[:_LONGEST]
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "basic":
        user, password = _basic(rest)
        right.append(("the Basic password", password))
        wrong.append(("the Basic user name, and belongs into the password", user))
    else:
        wrong.append((f"the Authorization header, and belongs into {header} or the Basic password", authorization))
    for name, value in _query(delivery.url):
        right.append(("the address", value)) if name == "token" else wrong.append(
            ("the address under another name than token=", value)
        )
    for name, value in list(delivery.headers.items())[:_MOST_HEADERS]:
        if name not in (header, "authorization") and len(value) <= _LONGEST:
            called = f"the {name} header" if re.fullmatch(r"[a-z0-9-]{1,60}", name) else "another header"
            wrong.append((f"{called}, and belongs into {header}", value))
    return [place for place in right if place[1]], [place for place in wrong if place[1]]


def diagnose(
    delivery: Delivery, secrets: Sequence[str], header: str, others: Mapping[str, Sequence[str]]
) -> tuple[str, str] | None:
    """The cause and the detail of a token that was refused; None if nothing about it is known."""
    right, wrong = places(delivery, header)
    for where, value in right:
        for name, theirs in others.items():
            if _is_one_of(value, theirs):
                return "other_connection", f"It has the token of the connection {name}."
        for how, read in _readings(value):
            if _is_one_of(read, secrets):
                return "token_form", f"In {where} {how}."
    for where, value in wrong:
        if any(_is_one_of(read, secrets) for _, read in [("", value), *_readings(value)]):
            return "other_header", f"It stands in {where}."
    return None


def _readings(value: str) -> Iterator[tuple[str, str]]:
    """How a value may have been meant, and what it then is."""
    value = value[:_LONGEST]
    yield "there are blanks or line breaks around it", value.strip()
    yield "there are quotes around it", value.strip().strip("\"'`<>").strip()
    bare = value.strip()
    if before := _WORD_BEFORE.match(bare):
        yield f"the word {before[1].lower()} stands before it", bare[before.end() :].strip()
    yield "it is percent-encoded", unquote(value)
    user, password = _basic(bare)
    yield "it is encoded as base64", password or user


def _is_one_of(value: str, secrets: Sequence[str]) -> bool:
    given = value.encode("utf-8", "replace")
    return any(hmac.compare_digest(given, verbatim(secret)) for secret in secrets if secret)


def _basic(encoded: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return "", ""
    user, _, password = pair.partition(":")
    return user, password


def _query(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url[:8192]).query, max_num_fields=_MOST_VALUES)
    except ValueError:
        return []
