"""Reads the tests beside a template: `order_shipped.tests.yaml`, a list of what goes in and what is expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, validate

from bridge.compose import Template
from bridge.compose.front_matter import Problem
from bridge.compose.keys import MOST_SEGMENTS
from bridge.compose.plain_yaml import Document, Path, Value, read_plain_yaml
from bridge.compose.vocabulary import did_you_mean
from bridge.errors import Misconfigured
from bridge.reasons import REASONS
from bridge.sources import samples
from bridge.sources._canonical import FIELDS

#: Behind the template's name.
SUFFIX = ".tests.yaml"
_A_FEW = f"takes a whole number from 1 to {MOST_SEGMENTS}"
_ROOT_FIELDS = ("event", "id", "occurred_at", *FIELDS)


@dataclass(frozen=True, kw_only=True)
class TemplateTest:
    """One test: an `event` (a canonical body) or a `sample` (source, name) with `values`, and what is expected.

    `texts` are the messages it makes, one each, without the brand. `line` is where the test stands.
    """

    name: str
    line: int
    event: Mapping[str, Any] | None = None
    sample: tuple[str, str] | None = None
    values: Mapping[str, object] = field(default_factory=dict)
    texts: tuple[str, ...] | None = None
    max_segments: int | None = None
    not_sent: str | None = None
    to: str | None = None
    thread: str | None = None


def path_beside(template: Template) -> PurePath:
    """Where the tests of a template would stand."""
    return PurePath(template.path).with_name(f"{template.name}{SUFFIX}")


def read_tests(text: str, path: str, template: Template) -> tuple[TemplateTest, ...]:
    """The tests in a file's text. Raises Misconfigured with every problem found, each as `path:line: what to do`."""
    document = read_plain_yaml(text)
    reader = _Reader(document, template)
    tests = reader.tests()
    if reader.problems:
        raise Misconfigured(f"{path}:{line}: {problem}" for line, problem in sorted(set(reader.problems)))
    return tests


def _text(**more: Any) -> fields.String:
    required = "is missing: say in a sentence what this test shows"
    return fields.String(error_messages={"invalid": "takes one text", "required": required}, **more)


class _Texts(fields.Field[tuple[str, ...]]):
    """A text, or a list of them: one for each message."""

    def _deserialize(self, value: Any, *_args: Any, **_named: Any) -> tuple[str, ...]:
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValidationError("takes the text of the message, or a list of them if there are several")
        return tuple(text.rstrip("\n") for text in texts)


class _TestSchema(Schema):
    """The keys of a test, and what each takes."""

    name = _text(required=True, validate=validate.Length(min=1, error="has no value"))
    event = fields.Dict(
        error_messages={"invalid": "takes the lines of a canonical body, event: and below it the parts"}
    )
    sample = _text()
    set = fields.Dict(error_messages={"invalid": "takes lines `path: value`"})
    text = _Texts()
    max_segments = fields.Integer(
        validate=validate.Range(1, MOST_SEGMENTS, error=_A_FEW), error_messages={"invalid": _A_FEW}
    )
    not_sent = _text()
    to = _text()
    thread = _text()


_SCHEMA = _TestSchema()
_KEYS = tuple(_SCHEMA.fields)
_OF_A_TEXT = ("text", "max_segments", "to", "thread")


class _Reader:
    """Collects the problems of one file while its tests are read."""

    def __init__(self, document: Document, template: Template) -> None:
        self._document, self._template = document, template
        self.problems: list[Problem] = list(document.problems)

    def tests(self) -> tuple[TemplateTest, ...]:
        value = self._document.value
        if not isinstance(value, list) or not value:
            if not self.problems:
                self._problem((), "the file must be a list of tests, each beginning with a line - name: and a sentence")
            return ()
        found = [test for number, one in enumerate(value) if (test := self._test(number, one)) is not None]
        names: dict[str, int] = {}
        for test in found:
            if (first := names.setdefault(test.name, test.line)) != test.line:
                self.problems.append(Problem(test.line, f"there is a test of this name in line {first}"))
        return tuple(found)

    def _test(self, number: int, value: Value) -> TemplateTest | None:
        if not isinstance(value, dict):
            self._problem((number,), "a test is a name, an event or a sample, and what is expected")
            return None
        for key in value.keys() - {*_KEYS}:
            self._problem((number, key), f"there is no {key}{did_you_mean(key, _KEYS)} ({', '.join(_KEYS)})")
        try:
            typed = _SCHEMA.load({key: one for key, one in value.items() if key in _KEYS})
        except ValidationError as error:
            for key, messages in error.messages_dict.items():
                self._problem((number, key), f"{key} {_first(messages)}")
            return None
        before = len(self.problems)
        self._check_input(number, typed)
        self._check_expectation(number, typed)
        if len(self.problems) > before:
            return None
        source, _, name = typed.get("sample", "").partition("/")
        return TemplateTest(
            name=typed["name"],
            line=self._document.lines[(number,)],
            event=typed.get("event"),
            sample=(source, name) if name else None,
            values=_values(typed),
            texts=typed.get("text"),
            **{key: typed[key] for key in ("max_segments", "not_sent", "to", "thread") if key in typed},
        )

    def _check_input(self, number: int, test: Mapping[str, Any]) -> None:
        if ("event" in test) == ("sample" in test):
            self._problem((number,), "give either event: and its parts, or sample: and the name of one")
            return
        if "set" in test and "sample" not in test:
            self._problem((number, "set"), "set changes values of a sample; write them into the event itself")
        if "event" in test:
            for path, words in _event_problems(test["event"], self._template):
                self._problem((number, "event", *path), words)
            return
        source, _, name = test["sample"].partition("/")
        known = samples.load(source)
        if not known:
            self._problem((number, "sample"), "takes <source>/<name>, such as shopify/orders_create")
        elif name not in known:
            self._problem((number, "sample"), f"{source} has no sample {name}{did_you_mean(name, known)}")
        else:
            try:
                known[name].with_values(_values(test))
            except ValueError as error:
                self._problem((number, "set"), str(error))

    def _check_expectation(self, number: int, test: Mapping[str, Any]) -> None:
        of_a_text = [key for key in _OF_A_TEXT if key in test]
        if "not_sent" not in test:
            if not of_a_text:
                self._problem((number,), "say what is expected: text, max_segments, to or thread, or not_sent")
            return
        if test["not_sent"] not in REASONS:
            hint = did_you_mean(test["not_sent"], REASONS)
            self._problem((number, "not_sent"), f"there is no reason {test['not_sent']}{hint} (see `docs/reasons.md`)")
        if of_a_text:
            self._problem((number, of_a_text[0]), f"what is not sent has no {of_a_text[0]}: take one of the two out")

    def _problem(self, path: Path, text: str) -> None:
        while path and path not in self._document.lines:
            path = path[:-1]
        self.problems.append(Problem(self._document.lines.get(path, 1), text))


def _event_problems(event: Mapping[str, Any], template: Template) -> Iterator[tuple[Path, str]]:
    """What is wrong with a canonical body, and where."""
    for key in event.keys() - {*_ROOT_FIELDS}:
        yield (key,), f"an event has no {key}{did_you_mean(key, _ROOT_FIELDS)} ({', '.join(_ROOT_FIELDS)})"
    kind = event.get("event")
    if kind is None:
        yield (), f"event: is missing in it: say which one, such as {min(template.events)}"
    elif kind not in template.events:
        yield ("event",), f"{template.name} does not answer {kind} (it answers {', '.join(sorted(template.events))})"
    for part, names in FIELDS.items():
        values = event.get(part, {})
        if not isinstance(values, Mapping):
            yield (part,), f"{part} takes lines below it: {', '.join(names)}"
            continue
        for name, value in values.items():
            if name not in names:
                yield (
                    (part, name),
                    f"there is no {part}.{name}{did_you_mean(name, names, before=f'{part}.')} ({', '.join(names)})",
                )
            elif not isinstance(value, str):
                yield (part, name), f"{part}.{name} takes one text"


def _values(test: Mapping[str, Any]) -> dict[str, object]:
    return {path: _json(value) for path, value in test.get("set", {}).items()}


def _json(value: Value) -> object:
    """The value as a webhook's JSON may have it."""
    if isinstance(value, list):
        return [_json(one) for one in value]
    if isinstance(value, dict):
        return {key: _json(one) for key, one in value.items()}
    return samples.value_of(value)


def _first(messages: object) -> str:
    while not isinstance(messages, str):
        messages = next(iter(messages.values() if isinstance(messages, Mapping) else cast("list[object]", messages)))
    return messages
