"""The people, numbers and addresses of the samples: where the program prints one of them, it tells on a customer."""

import json
import re
from collections.abc import Iterator

from bridge.sources import discover
from bridge.sources.samples import load

# What people are called in the platforms' payloads.
_NAMES = {"last_name", "lastname", "family_name", "surname", "address1", "address_1", "street1", "street_1"}
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
_PHONE = re.compile(r"\+?\d[\d\s().-]{8,}\d")
_SHORTEST_NAME = 5
# Secrets that the tests give the program.
_SECRETS = {"token-of-the-tests", "shopify-secret", "zendesk-secret", "kustomer-secret"}


def _collect() -> Iterator[str]:
    for source in discover():
        for sample in load(source).values():
            text = sample.body.decode("utf-8", "replace")
            yield from _EMAIL.findall(text)
            yield from (number for number in _PHONE.findall(text) if "55501" in re.sub(r"\D", "", number))
            try:
                yield from _named(json.loads(text))
            except ValueError:
                continue


def _named(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.lower() in _NAMES and isinstance(inner, str) and len(inner) >= _SHORTEST_NAME:
                yield inner
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)


CANARIES = frozenset(_collect()) | {"+12125550123", "2125550123"} | _SECRETS
_ANY = re.compile("|".join(re.escape(one) for one in sorted(CANARIES, key=len, reverse=True)))


def found_in(text: str) -> list[str]:
    """The canaries in a text, each once."""
    return sorted(set(_ANY.findall(text)))
