"""Reads nested YAML as texts, lists and mappings and nothing else, as the front matter is read: without its traps."""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridge.compose.front_matter import Problem, cut_by_comment, yaml_problem

#: What stands in a file: a text, a list or a mapping.
Value = str | list["Value"] | dict[str, "Value"]
#: The way to a value: the keys and list indices that lead there.
Path = tuple[str | int, ...]

_DEEPEST = 10


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file's content. `lines` says where each value stands; with `problems` it holds what could be read."""

    value: Value | None
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]


def read_plain_yaml(text: str) -> Document:
    """The content of a YAML text, with every problem found on the way. An empty text is None."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    reader = _Reader(lines)
    value = None
    try:
        root = yaml.compose("\n".join(lines), Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        reader.problems.append(yaml_problem(error, lines))
    except (yaml.YAMLError, ValueError, RecursionError):
        reader.problems.append(Problem(1, "the file holds characters that cannot be read as text"))
    else:
        value = reader.value(root, ()) if root is not None else None
    return Document(value=value, lines=reader.lines, problems=tuple(reader.problems))


class _Reader:
    """Collects the lines and problems of one file while its values are read."""

    def __init__(self, text: list[str]) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._text = text
        self._seen: set[int] = set()

    def value(self, node: Node, path: Path) -> Value:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if id(node) in self._seen or len(path) > _DEEPEST:
            self.problems.append(Problem(line, "this repeats another part of the file (& and *): write it out"))
            return ""
        self._seen.add(id(node))
        if isinstance(node, ScalarNode):
            self.problems += cut_by_comment(
                str(path[-1]) if path and isinstance(path[-1], str) else "-", node, self._text
            )
            return str(node.value)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, MappingNode)  # noqa: S101 - for the type checker: YAML has no other nodes
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            here = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key, str):
                self.problems.append(Problem(here, "this is not a line `key: value`"))
            elif key in found:
                first = self.lines[(*path, key)]
                self.problems.append(Problem(here, f"{key} stands here a second time (first in line {first})"))
            else:
                self.lines[(*path, key)] = here
                found[key] = self.value(value_node, (*path, key))
        return found
