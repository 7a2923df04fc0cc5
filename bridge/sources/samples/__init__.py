"""Recorded samples of what each platform sends, for `bridge trigger`, `demo`, `preview`, `check` and the tests.

A sample is a file `<source>/<name>.json`:

    about     one sentence that says what happened
    headers   as the platform sends them, without the signature
    body      the JSON body; or `text`, a raw body that is sent as it is
    fresh     paths in the body (dotted, list index as number) of the ids that make each firing a new occurrence
    phone     paths in the body that `bridge trigger --to` writes a number to
    lookups   what the platform's REST API answers where the bridge would ask: by what is asked for ("customer"). With
              a carrier's sample also "sighting", what a shop told before: {identity, customer, order, shipment} in
              our words, the identity being that of the shop's events without their kind
    expect    {"events": ["order.created"]}, {"unreadable": true} or {"nothing": "<reason code>"}

Samples of one platform tell one story and share its ids: an order, its payment, its parcel.
"""

import json
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from bridge import sources

_PREFIX = re.compile(r"^(?:(?:[A-Za-z]+[:/_#]+)+|#)")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One webhook as a platform sends it, unsigned."""

    name: str
    about: str
    headers: Mapping[str, str]
    body: bytes
    fresh: tuple[str, ...] = ()
    phone: tuple[str, ...] = ()
    lookups: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    expect: Mapping[str, object] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, object]) -> "Sample":
        """The sample with each path set to its value. A last name that is new is added; all before it must exist.

        Raises ValueError that names the path and what is there instead.
        """
        if not values:
            return self
        body = self._json(values)
        for path, value in values.items():
            parent, last = _parent(body, path)
            if isinstance(parent, list):
                parent[_index(parent, last, path)] = value
            else:
                parent[last] = value
        return replace(self, body=_compact(body))

    def refreshed(self) -> "Sample":
        """The sample with new ids at its `fresh` paths, of the same length and type. Equal ids stay equal, also where
        one has a prefix: 5728193046 and "gid://shopify/Order/5728193046"."""
        if not self.fresh:
            return self
        body = self._json(self.fresh)
        ids = {path: _value(body, path) for path in self.fresh}
        new = {_bare(old): _another(_bare(old)) for old in ids.values()}
        return self.with_values({path: _renewed(old, new, path) for path, old in ids.items()})

    def _json(self, paths: Iterable[str]) -> object:
        try:
            return json.loads(self.body)
        except ValueError as error:
            wanted = ", ".join(paths)
            raise ValueError(f"{wanted}: the body of the sample {self.name} is no JSON to set values in") from error


@cache
def load(source: str) -> Mapping[str, Sample]:
    """The samples of a source by name, sorted; empty if it has none."""
    if not source.isidentifier():
        return {}
    folder = files(__name__).joinpath(source)
    if not folder.is_dir():
        # A package of somebody else's keeps its samples at home.
        theirs = sources.find(source).samples if source in sources.names() else None
        if theirs is None:
            return {}
        folder = theirs
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))
    return {name.removesuffix(".json"): _read(name, folder.joinpath(name).read_text("utf-8")) for name in found}


def value_of(text: str) -> object:
    """What a person writes for a value: JSON where it is JSON (5, null, true, [], "5"), else the text itself."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _read(filename: str, text: str) -> Sample:
    content = json.loads(text)
    unknown = set(content) - {"about", "headers", "body", "text", "fresh", "phone", "lookups", "expect"}
    if unknown:
        raise ValueError(f"{filename}: unknown keys {', '.join(sorted(unknown))}")
    return Sample(
        name=filename.removesuffix(".json"),
        about=content["about"],
        headers={name.lower(): value for name, value in content["headers"].items()},
        body=content["text"].encode() if "text" in content else _compact(content["body"]),
        fresh=tuple(content.get("fresh", ())),
        phone=tuple(content.get("phone", ())),
        lookups=content.get("lookups", {}),
        expect=content["expect"],
    )


def _compact(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _parent(body: object, path: str) -> tuple[dict[str, object] | list[object], str]:
    """What holds the last step of `path`, and that step."""
    *steps, last = path.split(".")
    value = body
    for walked, step in enumerate(steps, start=1):
        value = _step(value, step, path)
        if not isinstance(value, dict | list):
            there = "null" if value is None else "a value"
            raise ValueError(f"{path}: {'.'.join(steps[:walked])} is {there} in this sample, with nothing inside")
    if not isinstance(value, dict | list):
        raise ValueError(f"{path}: the body of this sample is no object")
    return value, last


def _value(body: object, path: str) -> object:
    parent, last = _parent(body, path)
    return _step(parent, last, path)


def _step(value: object, step: str, path: str) -> object:
    if isinstance(value, list):
        return value[_index(value, step, path)]
    if isinstance(value, dict) and step in value:
        return value[step]
    raise ValueError(f"{path}: there is no {step!r} in this sample")


def _index(items: list[object], step: str, path: str) -> int:
    if not (step.isascii() and step.isdigit() and int(step) < len(items)):
        raise ValueError(f"{path}: {step!r} is no index of a list of {len(items)}")
    return int(step)


def _bare(old: object) -> str:
    """An id without the words before it: "48213" of "zen:ticket:48213"."""
    return _PREFIX.sub("", str(old), count=1)


def _renewed(old: object, new: Mapping[str, str], path: str) -> object:
    if isinstance(old, int) and not isinstance(old, bool):
        return int(new[_bare(old)])
    if isinstance(old, str):
        return old.removesuffix(_bare(old)) + new[_bare(old)]
    raise ValueError(f"{path}: {old!r} is no id")


def _another(old: str) -> str:
    """Another id like `old`: as long, with the same kinds of characters, and the same first one."""
    hexadecimal = all(character in string.hexdigits + "-" for character in old)
    alphabets = [string.digits]
    # Letters among many digits are the T and Z of a time, and the like.
    if hexadecimal:
        alphabets += ["abcdef", "ABCDEF"]
    elif sum(character.isdigit() for character in old) < 6:
        alphabets += [string.ascii_lowercase, string.ascii_uppercase]
    choices = [next((alphabet for alphabet in alphabets if character in alphabet), character) for character in old]
    renewed = old
    while renewed == old and any(len(choice) > 1 for choice in choices[1:]):
        renewed = old[:1] + "".join(secrets.choice(choice) for choice in choices[1:])
    return renewed
