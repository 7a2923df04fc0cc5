"""The keys of the front matter: what each takes, typed, and what is wrong with a value in words."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from bridge import quiet_hours
from bridge.compose.front_matter import FrontMatter, Problem
from bridge.compose.vocabulary import did_you_mean
from bridge.events import KINDS
from bridge.quiet_hours import QuietHours

LONGEST = timedelta(days=30)
#: No network joins more, and no person reads them.
MOST_SEGMENTS = 10
_A_FEW = f"takes a whole number from 1 to {MOST_SEGMENTS}"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NATIVE_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")


class _Duration(fields.Field[timedelta]):
    """`30m`, `12h` or `2d`."""

    def _deserialize(self, value: Any, *_args: Any, **_named: Any) -> timedelta:
        found = re.fullmatch(r"([0-9]{1,6})([mhd])", value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("takes a time such as 30m, 12h or 2d")
        duration = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if not timedelta(0) < duration <= LONGEST:
            raise ValidationError("must be more than 0 and at most 30d")
        return duration


class _QuietHours(fields.Field[QuietHours]):
    """`21:00-08:00`."""

    def _deserialize(self, value: Any, *_args: Any, **_named: Any) -> QuietHours:
        try:
            return quiet_hours.parse(value if isinstance(value, str) else "")
        except ValueError as error:
            raise ValidationError(str(error)) from None


def kind_problem(kind: str) -> str | None:
    """What is wrong with the name of an event, or None: one of ours, or a source's own topic."""
    if kind in KINDS:
        return None
    # Our own first words are not names of sources, so order.shiped is a typing error and no native topic.
    ours = kind.split(".")[0] in {known.split(".")[0] for known in KINDS}
    if ours or not _NATIVE_KIND.fullmatch(kind):
        hint = did_you_mean(kind, KINDS) or f" (one of {', '.join(KINDS)}, or <source>.<its own topic>)"
        return f"{kind} does not exist{hint}"
    return None


def _known_kind(kind: str) -> None:
    if problem := kind_problem(kind):
        raise ValidationError(problem)


def _text(**more: Any) -> fields.String:
    only = "takes one text, not a list"
    return fields.String(error_messages={"invalid": only}, **more)


def _names() -> fields.List[str]:
    rule = validate.Regexp(r"[a-z][a-z0-9_-]*\Z", error="{input} is not a name (lower-case letters, digits, _ and -)")
    return fields.List(_text(validate=rule), validate=validate.Length(min=1, error="has no value"))


def _one_of(*choices: str) -> fields.String:
    rule = validate.OneOf(choices, error=f"is {' or '.join(choices)}, not {{input}}")
    return _text(load_default=choices[0], validate=rule)


def _flag() -> fields.Boolean:
    return fields.Boolean(load_default=False, error_messages={"invalid": "is true or false"})


class _FrontMatterSchema(Schema):
    """The keys of the front matter, and what each takes."""

    event = fields.List(
        _text(validate=_known_kind),
        required=True,
        validate=validate.Length(min=1, error="has no value"),
        error_messages={"required": "is missing: say which event this message answers, such as order.shipped"},
    )
    source = _names()
    connection = _names()
    when = _text()
    to = _text()
    media_url = _text()
    link = _text()
    expires = _Duration(load_default=timedelta(hours=24))
    if_unknown = _one_of("hold", "resend")
    quiet_hours = _QuietHours()
    thread = _text()
    supersedes = _flag()
    encoding = _one_of("auto", "unicode")
    max_segments = fields.Integer(
        validate=validate.Range(1, MOST_SEGMENTS, error=_A_FEW), error_messages={"invalid": _A_FEW}
    )
    retry_refused = _Duration()
    if_media_fails = _one_of("text", "hold")
    shrink_media = _flag()
    report = _one_of("none", "note", "tag")

    @pre_load
    def one_is_a_list(self, values: Mapping[str, object], **_named: Any) -> dict[str, object]:
        """`event: x` means the same as `event: [x]`."""
        lists = ("event", "source", "connection")
        return {key: [v] if key in lists and isinstance(v, str) else v for key, v in values.items()}

    @validates_schema
    def some_keys_need_another(self, values: Mapping[str, Any], **_named: Any) -> None:
        """What says nothing without another key is a mistake."""
        if values.get("supersedes") and "thread" not in values:
            raise ValidationError("needs thread: it says which older texts a newer one replaces", "supersedes")
        if values.get("shrink_media") and "media_url" not in values:
            raise ValidationError("needs media_url: there is no picture to shrink", "shrink_media")
        if "expires" in values and values.get("retry_refused", timedelta(0)) >= values["expires"]:
            raise ValidationError("must be less than expires, which ends before it", "retry_refused")


_SCHEMA = _FrontMatterSchema()
KEYS = tuple(_SCHEMA.fields)
#: Keys that belong to a text, and may be another in each language.
TEXT_KEYS = ("link", "media_url", "max_segments", "encoding")
_TRANSLATION_SCHEMA = _FrontMatterSchema(only=TEXT_KEYS, partial=True)


def read_keys(front: FrontMatter, *, translation_of: str | None = None) -> tuple[dict[str, Any], list[Problem]]:
    """The values that are as they should be, typed, and what is wrong with the others.

    `translation_of` is the name of the file whose translation this is: then it has TEXT_KEYS only.
    """
    schema = _SCHEMA if translation_of is None else _TRANSLATION_SCHEMA
    problems: list[Problem] = []
    known = {}
    for key, value in front.values.items():
        if translation_of is not None and key in {*KEYS} - {*TEXT_KEYS}:
            only = f"a translation has only {', '.join(TEXT_KEYS)} of its own"
            problems.append(_problem(front, key, f"belongs in {translation_of}: {only}"))
        elif key not in schema.fields:
            hint = f"{did_you_mean(key, schema.fields)} ({', '.join(schema.fields)})"
            problems.append(_problem(front, key, f"is not a key of the front matter{hint}"))
        elif value in ("", ()) or (isinstance(value, tuple) and "" in value):
            problems.append(_problem(front, key, "has no value: fill it in or take the line out"))
        else:
            known[key] = value
    try:
        typed: dict[str, Any] = schema.load(known)
    except ValidationError as error:
        for key, messages in error.messages_dict.items():
            # A line that could not be read has told its own problem; its key is not missing as well.
            if key in front.lines or not (problems or front.problems):
                problems += [_problem(front, key, message) for message in _flat(messages)]
        typed = dict(error.valid_data or {})
    return typed, problems


def _problem(front: FrontMatter, key: str, text: str) -> Problem:
    return Problem(front.lines.get(key, 1), f"{key} {text}")


def _flat(messages: object) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for nested in messages.values():
            yield from _flat(nested)
    elif isinstance(messages, list):
        yield from (str(message) for message in messages)
