"""A template: one file that says which events it answers, and the message it makes of them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Literal

import jinja2
from jinja2 import nodes
from marshmallow import Schema, ValidationError, fields, pre_load, validate

from bridge.compose.front_matter import FrontMatter, Problem, read_front_matter
from bridge.compose.language import LANGUAGE
from bridge.compose.vocabulary import did_you_mean, misspellings, says_nothing
from bridge.errors import Misconfigured
from bridge.events import KINDS

LONGEST = timedelta(days=30)
#: Keys of the design that this version does not know yet. Ignoring them would text at night, or out of order.
PLANNED = ("quiet_hours", "thread", "supersedes", "max_segments", "encoding", "retry_refused")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NATIVE_KIND = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")
#: Jinja's parser and Python's compiler give up on nonsense in their own ways.
UNCOMPILABLE = (SyntaxError, RecursionError, MemoryError, ValueError, TypeError, ArithmeticError, AssertionError)


@dataclass(frozen=True, kw_only=True)
class Code:
    """Something compiled: its source, the line of the file that its first line stands in, and what Jinja made of it."""

    source: str
    line: int
    compiled: jinja2.Template


@dataclass(frozen=True, kw_only=True)
class Template:
    """One message file, checked and compiled. Empty `sources` and `connections` mean every one of them."""

    name: str
    path: str
    events: frozenset[str]
    body: Code
    to: Code
    sources: frozenset[str] = frozenset()
    connections: frozenset[str] = frozenset()
    when: Code | None = None
    media_url: Code | None = None
    link: Code | None = None
    expires: timedelta
    if_unknown: Literal["hold", "resend"]


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


def _known_kind(kind: str) -> None:
    if kind in KINDS:
        return
    # Our own first words are not names of sources, so order.shiped is a typing error and no native topic.
    ours = kind.split(".")[0] in {known.split(".")[0] for known in KINDS}
    if ours or not _NATIVE_KIND.fullmatch(kind):
        hint = did_you_mean(kind, KINDS) or f" (one of {', '.join(KINDS)}, or <source>.<its own topic>)"
        raise ValidationError(f"{kind} does not exist{hint}")


def _text(**more: Any) -> fields.String:
    only = "takes one text, not a list"
    return fields.String(error_messages={"invalid": only}, **more)


def _names() -> fields.List[str]:
    rule = validate.Regexp(r"[a-z][a-z0-9_-]*\Z", error="{input} is not a name (lower-case letters, digits, _ and -)")
    return fields.List(_text(validate=rule), validate=validate.Length(min=1, error="has no value"))


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
    if_unknown = _text(
        load_default="hold", validate=validate.OneOf(("hold", "resend"), error="is hold or resend, not {input}")
    )

    @pre_load
    def one_is_a_list(self, values: Mapping[str, object], **_named: Any) -> dict[str, object]:
        """`event: x` means the same as `event: [x]`."""
        lists = ("event", "source", "connection")
        return {key: [v] if key in lists and isinstance(v, str) else v for key, v in values.items()}


_SCHEMA = _FrontMatterSchema()


def read_template(text: str, path: str) -> Template:
    """The template in a file's text. `path` is how problems name the file; its stem is the template's name.

    Raises Misconfigured with every problem found, each as `path:line: what to do`.
    """
    front = read_front_matter(text)
    reader = _Reader(front, path)
    template = reader.template()
    if reader.problems or template is None:
        raise Misconfigured(f"{path}:{line}: {problem}" for line, problem in sorted(set(reader.problems)))
    return template


class _Reader:
    """Collects the problems of one file while its parts are read."""

    def __init__(self, front: FrontMatter, path: str) -> None:
        self.front, self.path = front, path
        self.problems: list[Problem] = list(front.problems)

    def template(self) -> Template | None:
        if not self.front.lines and self.problems:
            # Nothing is known of the keys, but the message below them can have problems of its own.
            if self.front.body:
                self._body(self.front.body, self.front.body_line)
            return None
        values = self._typed()
        when, media_url = (
            self._expression(key, values[key]) if key in values else None for key in ("when", "media_url")
        )
        to = self._expression("to", values.get("to", "customer.phone"))
        link = self._body(values["link"], self.front.lines["link"]) if "link" in values else None
        body = self._body(self.front.body, self.front.body_line)
        if body is None or to is None or self.problems:
            return None
        return Template(
            name=PurePath(self.path).stem,
            path=self.path,
            events=frozenset(values["event"]),
            body=body,
            to=to,
            sources=frozenset(values.get("source", ())),
            connections=frozenset(values.get("connection", ())),
            when=when,
            media_url=media_url,
            link=link,
            expires=values["expires"],
            if_unknown=values["if_unknown"],
        )

    def _typed(self) -> dict[str, Any]:
        """The values that are as they should be, typed."""
        known = {}
        for key, value in self.front.values.items():
            if key in PLANNED:
                self._problem(key, "is not available yet: take the line out")
            elif key not in _SCHEMA.fields:
                self._problem(
                    key,
                    f"is not a key of the front matter{did_you_mean(key, _SCHEMA.fields)}"
                    f" ({', '.join(_SCHEMA.fields)})",
                )
            elif value in ("", ()) or (isinstance(value, tuple) and "" in value):
                self._problem(key, "has no value: fill it in or take the line out")
            else:
                known[key] = value
        try:
            typed: dict[str, Any] = _SCHEMA.load(known)
        except ValidationError as error:
            for key, messages in error.messages_dict.items():
                # A line that could not be read has told its own problem; its key is not missing as well.
                if key not in self.front.lines and self.problems:
                    continue
                for message in _flat(messages):
                    self._problem(key, message)
            typed = dict(error.valid_data or {})
        return typed

    def _problem(self, key: str, text: str) -> None:
        self.problems.append(Problem(self.front.lines.get(key, 1), f"{key} {text}"))

    def _expression(self, key: str, source: str) -> Code | None:
        line = self.front.lines.get(key, 1)
        try:
            return self._compiled(LANGUAGE.parse_expression(source), source, line)
        except jinja2.TemplateSyntaxError as error:
            self._problem(key, f"is not a Jinja expression: {error.message}")
        except UNCOMPILABLE:
            self._problem(key, "is not a Jinja expression that can be compiled")
        return None

    def _body(self, source: str, line: int) -> Code | None:
        try:
            tree = LANGUAGE.parse(source)
            code = self._compiled(tree, source, line)
            if code is not None and says_nothing(tree):
                self.problems.append(Problem(line, "there is no message here"))
            return code
        except jinja2.TemplateSyntaxError as error:
            self.problems.append(Problem(line + error.lineno - 1, f"{error.message}"))
        except UNCOMPILABLE:
            self.problems.append(Problem(line, "this is not a Jinja text that can be compiled"))
        return None

    def _compiled(self, tree: nodes.Template, source: str, line: int) -> Code | None:
        found = [Problem(line + problem.line - 1, problem.text) for problem in misspellings(tree)]
        self.problems += found
        if found:
            return None
        return Code(source=source, line=line, compiled=LANGUAGE.compile_body(tree, self.path))


def _flat(messages: object) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for nested in messages.values():
            yield from _flat(nested)
    elif isinstance(messages, list):
        yield from (str(message) for message in messages)
