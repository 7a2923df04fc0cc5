"""Reads the front matter of a template file: `---`, lines of `key: value`, `---`, and the message below.

YAML, but without its traps: values are text and nothing else, and what YAML would silently drop or turn into a
structure is a problem that names the line and says what to quote.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

FENCE = "---"
_KEY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*))?$")
#: What a comment behind an unquoted value looks like: set off by two spaces, and one behind the #.
_COMMENT = re.compile(r" {2,}#(?: .*)?$")
#: Characters that start something else than a text in YAML: a mapping, an alias, a tag ...
_NOT_TEXT = tuple("{}]&*!%@`,")


class Problem(NamedTuple):
    """What is wrong with a template file, and in which line."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True)
class FrontMatter:
    """A template file, taken apart. `values` are texts or tuples of texts; `lines` says where each key stands.

    `body_line` is the number of the body's first line. With `problems`, the rest holds what could be read.
    """

    values: Mapping[str, str | tuple[str, ...]]
    lines: Mapping[str, int]
    body: str
    body_line: int
    problems: tuple[Problem, ...]


def read_front_matter(text: str) -> FrontMatter:
    """The front matter and the body of a template file's text, with every problem found on the way."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[0].rstrip() != FENCE:
        return _unusable("the file must begin with a line ---, and below it event: and what else the template needs")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        return _unusable("the front matter is not closed: put a line --- between it and the message")
    # Line 1 of what YAML reads is line 1 of the file, so that its line numbers are ours.
    front = ["", *lines[1:end]]
    problems = list(_unreadable_lines(front))
    for problem in problems:
        front[problem.line - 1] = ""
    values, value_lines, more = _read_yaml(front)
    return FrontMatter(
        values=values,
        lines=value_lines,
        body="\n".join(lines[end + 1 :]),
        body_line=end + 2,
        problems=tuple(sorted({*problems, *more})),
    )


def quoted(value: str) -> str:
    """The value as YAML takes it literally."""
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _unusable(problem: str) -> FrontMatter:
    return FrontMatter(values={}, lines={}, body="", body_line=1, problems=(Problem(1, problem),))


def _unreadable_lines(front: list[str]) -> Iterator[Problem]:
    """Problems that show in one line, told before YAML tells them in its own words."""
    for number, line in enumerate(front, 1):
        if number > 1 and re.match(r"\s+#(?! |$)", line):
            yield Problem(number, "everything from # on would be lost; put the value on one line, in quotes")
            continue
        if not line.strip() or line[0] in " \t#" or re.match(r"-(\s|$)", line):
            continue
        found = _KEY.match(line)
        if found is None:
            yield Problem(number, "this is not a line `key: value` (a colon, then a space)")
            continue
        key, value = found[1], (found[2] or "").strip()
        unquoted = re.split(r"(?:^|\s)#", value)[0]
        plain = not value.startswith(('"', "'", "[", "|", ">"))
        if value.startswith(_NOT_TEXT) or (plain and re.search(r":(\s|$)", unquoted)):
            yield Problem(number, f"put the value in quotes: {key}: {quoted(value)}")


def _read_yaml(front: list[str]) -> tuple[dict[str, str | tuple[str, ...]], dict[str, int], list[Problem]]:
    try:
        root = yaml.compose("\n".join(front), Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        problem = yaml_problem(error, front)
        indented = re.match(r"\s+([A-Za-z_][\w-]*)[ \t]*:\s", front[problem.line - 1])
        if indented and "not allowed here" in (error.problem or ""):
            advice = (
                f"if {indented[1]} is a key, begin the line with it; else put the value above on one line, in quotes"
            )
            return {}, {}, [Problem(problem.line, f"this line cannot be read: {advice}")]
        return {}, {}, [problem]
    except (yaml.YAMLError, ValueError, RecursionError):
        # A control character, or brackets hundreds deep.
        return {}, {}, [Problem(1, "the front matter holds characters that cannot be read as text")]
    values: dict[str, str | tuple[str, ...]] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    if root is None:
        return values, lines, problems
    if not isinstance(root, MappingNode):
        return values, lines, [Problem(root.start_mark.line + 1, "the front matter must be lines of `key: value`")]
    for key_node, value_node in root.value:
        line = key_node.start_mark.line + 1
        key = key_node.value
        if not isinstance(key, str):
            problems.append(Problem(line, "this is not a line `key: value`"))
        elif key in lines:
            problems.append(Problem(line, f"{key} stands here a second time (first in line {lines[key]})"))
        else:
            lines[key] = line
            values[key] = _value(key, value_node, front, problems)
    return values, lines, problems


def _value(key: str, node: Node, front: list[str], problems: list[Problem]) -> str | tuple[str, ...]:
    line = node.start_mark.line + 1
    if isinstance(node, ScalarNode):
        problems += cut_by_comment(key, node, front)
        return str(node.value)
    if isinstance(node, SequenceNode) and all(isinstance(item, ScalarNode) for item in node.value):
        for item in node.value:
            problems += cut_by_comment("-", item, front)
        return tuple(str(item.value) for item in node.value)
    problems.append(Problem(line, f"{key} takes a text or a list of texts, nothing nested: put the value in quotes"))
    return ""


def cut_by_comment(key: str, node: ScalarNode, front: list[str]) -> Iterator[Problem]:
    """The problem that YAML drops what follows ` #` behind an unquoted value: of `thread: order #{{ order.id }}` all
    but "order"."""
    if node.style is not None:
        return
    number = node.end_mark.line
    if number >= len(front):
        return
    rest = front[number][node.end_mark.column :]
    if re.match(r" *#", rest) and (not node.value or not _COMMENT.match(rest)):
        whole = f"{node.value}{rest}".strip()
        lead = "-" if key == "-" else f"{key}:"
        yield Problem(
            number + 1, f"everything from # on would be lost; put the value in quotes: {lead} {quoted(whole)}"
        )


def yaml_problem(error: yaml.MarkedYAMLError, front: list[str]) -> Problem:
    """What YAML has found wrong with these lines, and what to do."""
    started = (error.context or "").startswith(("while scanning a quoted", "while parsing a flow"))
    mark = error.context_mark if started and error.context_mark else error.problem_mark or error.context_mark
    line = min(mark.line, len(front) - 1) if mark else 0
    if started:
        return Problem(
            line + 1, "a quote or a bracket that opens in this line is not closed, or not in the right place"
        )
    # A key may stand deeper, or begin an entry of a list.
    found = _KEY.match(front[line].lstrip("- "))
    words = error.problem or "it is not YAML"
    if found is None or not found[2]:
        return Problem(line + 1, f"this line cannot be read ({words})")
    return Problem(
        line + 1, f"this line cannot be read ({words}); put the value in quotes: {found[1]}: {quoted(found[2])}"
    )
