"""A template: one file that says which events it answers, and the message it makes of them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Literal

import jinja2
from jinja2 import nodes

from bridge.compose.front_matter import FrontMatter, Problem, read_front_matter
from bridge.compose.keys import read_keys
from bridge.compose.language import LANGUAGE
from bridge.compose.vocabulary import misspellings, says_nothing
from bridge.errors import Misconfigured
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


#: Keys whose typed values are the template's fields of the same name.
_AS_THEY_ARE = (
    *("expires", "if_unknown", "quiet_hours", "supersedes", "encoding", "max_segments", "retry_refused"),
    *("if_media_fails", "shrink_media"),
)


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
        values, problems = read_keys(self.front)
        self.problems += problems
        when, media_url = (
            self._expression(key, values[key]) if key in values else None for key in ("when", "media_url")
        )
        to = self._expression("to", values.get("to", "customer.phone"))
        link, thread = (
            self._body(values[key], self.front.lines[key]) if key in values else None for key in ("link", "thread")
        )
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
            thread=thread,
            **{key: values[key] for key in _AS_THEY_ARE if key in values},
        )

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
