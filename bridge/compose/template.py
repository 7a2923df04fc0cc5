"""A template: one file that says which events it answers, and the message it makes of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Literal, TypeVar

import jinja2
from jinja2 import nodes

from bridge.compose import locales
from bridge.compose.budget import Limited
from bridge.compose.front_matter import FENCE, FrontMatter, Problem, read_front_matter
from bridge.compose.keys import read_keys
from bridge.compose.language import LANGUAGE, Language
from bridge.compose.vocabulary import misspellings, says_nothing
from bridge.errors import Misconfigured
from bridge.postings import Report
from bridge.quiet_hours import QuietHours

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
    """One message file, checked and compiled. Empty `sources` and `connections` mean every one of them.

    `translations` are the same message in other words, by Babel's name of their locale, which is each one's `locale`.
    """

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
    thread: Code | None = None
    expires: timedelta
    if_unknown: Literal["hold", "resend"]
    quiet_hours: QuietHours | None = None
    supersedes: bool = False
    encoding: Literal["auto", "unicode"] = "auto"
    max_segments: int | None = None
    retry_refused: timedelta | None = None
    if_media_fails: Literal["text", "hold"] = "text"
    shrink_media: bool = False
    report: Report = "none"
    locale: str | None = None
    translations: Mapping[str, "Template"] = field(default_factory=dict, hash=False)

    def for_locale(self, wanted: str | None) -> "Template":
        """The message as a customer of this locale gets it: its translation, where there is one."""
        chosen = locales.choose(wanted, self.translations)
        return self if chosen is None else self.translations[chosen]


@dataclass(frozen=True, kw_only=True)
class Translation:
    """The file of a translation, checked and compiled: what it says in place of the message's own file."""

    path: str
    locale: str
    instead: Mapping[str, Any]

    def of(self, base: Template) -> Template:
        """The message in this language."""
        return replace(base, path=self.path, locale=self.locale, translations={}, **self.instead)


#: Keys whose typed values are the template's fields of the same name.
_AS_THEY_ARE = (
    *("expires", "if_unknown", "quiet_hours", "supersedes", "encoding", "max_segments", "retry_refused"),
    *("if_media_fails", "shrink_media", "report"),
)


Read = TypeVar("Read", Template, Translation)


def read_template(text: str, path: str, language: Language = LANGUAGE) -> Template:
    """The template in a file's text. `path` is how problems name the file; its stem is the template's name.

    Raises Misconfigured with every problem found, each as `path:line: what to do`.
    """
    reader = _Reader(read_front_matter(text), path, language)
    with Limited():
        return reader.checked(reader.template())


def read_translation(text: str, path: str, locale: str, language: Language = LANGUAGE) -> Translation:
    """The translation in a file's text: the text alone, or below front matter with what belongs to a text.

    Raises Misconfigured with every problem found, each as `path:line: what to do`.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    has_front_matter = lines[0].rstrip() == FENCE
    front = (
        read_front_matter(text)
        if has_front_matter
        else FrontMatter(values={}, lines={}, body="\n".join(lines), body_line=1, problems=())
    )
    reader = _Reader(front, path, language)
    with Limited():
        return reader.checked(reader.translation(locale))


class _Reader:
    """Collects the problems of one file while its parts are read."""

    def __init__(self, front: FrontMatter, path: str, language: Language) -> None:
        self.front, self.path, self.language = front, path, language
        self.problems: list[Problem] = list(front.problems)

    def checked(self, read: Read | None) -> Read:
        """What was read. Raises Misconfigured with the problems, if there are any."""
        if self.problems or read is None:
            raise Misconfigured(f"{self.path}:{line}: {problem}" for line, problem in sorted(set(self.problems)))
        return read

    def template(self) -> Template | None:
        """The template, or None where there is a problem."""
        if not self.front.lines and self.problems:
            # Nothing is known of the keys, but the message below them can have problems of its own.
            if self.front.body:
                self._body(self.front.body, self.front.body_line)
            return None
        values, problems = read_keys(self.front)
        self.problems += problems
        when = self._expression("when", values["when"]) if "when" in values else None
        to = self._expression("to", values.get("to", "customer.phone"))
        thread = self._body(values["thread"], self.front.lines["thread"]) if "thread" in values else None
        words = self._words(values)
        if "body" not in words or to is None or self.problems:
            return None
        return Template(
            name=PurePath(self.path).stem,
            path=self.path,
            events=frozenset(values["event"]),
            to=to,
            sources=frozenset(values.get("source", ())),
            connections=frozenset(values.get("connection", ())),
            when=when,
            thread=thread,
            **words,
            **{key: values[key] for key in _AS_THEY_ARE if key in values},
        )

    def translation(self, locale: str) -> Translation | None:
        """The translation, or None where there is a problem."""
        base = f"{PurePath(self.path).stem.partition('.')[0]}.txt"
        values, problems = read_keys(self.front, translation_of=base)
        self.problems += problems
        own = {key: values[key] for key in ("encoding", "max_segments") if key in self.front.values and key in values}
        words = self._words(values)
        return None if self.problems else Translation(path=self.path, locale=locale, instead=words | own)

    def _words(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What there is of the parts that differ from language to language, compiled."""
        words = {
            "body": self._body(self.front.body, self.front.body_line),
            "link": self._body(values["link"], self.front.lines["link"]) if "link" in values else None,
            "media_url": self._expression("media_url", values["media_url"]) if "media_url" in values else None,
        }
        return {key: code for key, code in words.items() if code is not None}

    def _problem(self, key: str, text: str) -> None:
        self.problems.append(Problem(self.front.lines.get(key, 1), f"{key} {text}"))

    def _expression(self, key: str, source: str) -> Code | None:
        line = self.front.lines.get(key, 1)
        if advice := _no_expression(source):
            self._problem(key, advice)
            return None
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
        found = [Problem(line + problem.line - 1, problem.text) for problem in misspellings(tree, self.language)]
        self.problems += found
        if found:
            return None
        return Code(source=source, line=line, compiled=self.language.compile_body(tree, self.path))


def _no_expression(source: str) -> str | None:
    """What to do about a value that is a text or an address and no expression; None if it may be one."""
    if source.startswith("{{"):
        return "is an expression already: write it without {{ and }}"
    if re.fullmatch(r"https?://\S+|\+[\d ().-]+", source):
        # A bare number would be arithmetic, and read in the country of each customer.
        return f"takes an expression, so a text in it stands in quotes of its own: '\"{source}\"'"
    return None
