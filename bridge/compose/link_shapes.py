"""What the texts that a Jinja tree can make begin and end with, as far as addresses go.

Each part of a template has a *shape*: the pieces a text of it may begin with and end with, and whether it may be empty.
Branches are united, so an `if` costs no more than its parts. Where shapes meet, the reader notes which pieces may come
to stand side by side.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import nodes

from bridge.compose import links
from bridge.compose.address_fields import address_of, is_path
from bridge.compose.front_matter import Problem

#: What leaves an address whole. `shorten` never cuts inside one.
_HARMLESS = ("trim", "string", "shorten", "strip", "lstrip", "rstrip", "printable")
#: What prints something else than its text.
_READS_ONLY = ("length", "count", "wordcount", "find", "startswith", "endswith")
_DEFAULTS = ("default", "d")
_MOST_PIECES = 16


class Piece(NamedTuple):
    """One end of a text: the author's words, an address (by the name of its value), or neither: something unknown.

    `is_value` says of the unknown that it is a single value, which has no spaces around it.
    """

    line: int
    text: str = ""
    address: str = ""
    is_value: bool = False


@dataclass(frozen=True, kw_only=True)
class Shape:
    """See above. `addresses` names every address inside."""

    starts: frozenset[Piece] = frozenset()
    ends: frozenset[Piece] = frozenset()
    may_be_empty: bool = False
    addresses: frozenset[str] = frozenset()

    def then(self, other: "Shape") -> "Shape":
        """This, with the other right behind it."""
        begun = next((end.address for end in sorted(self.ends) if end.address), "")
        # `https://shop.example/?id=` with a value behind it is one address.
        ends = {Piece(end.line, address=begun) if begun and end.is_value else end for end in other.ends}
        return Shape(
            starts=_few(self.starts | other.starts) if self.may_be_empty else self.starts,
            ends=_few(self.ends | ends) if other.may_be_empty else frozenset(ends),
            may_be_empty=self.may_be_empty and other.may_be_empty,
            addresses=self.addresses | other.addresses,
        )

    def either(self, other: "Shape") -> "Shape":
        """This or the other."""
        return Shape(
            starts=_few(self.starts | other.starts),
            ends=_few(self.ends | other.ends),
            may_be_empty=self.may_be_empty or other.may_be_empty,
            addresses=self.addresses | other.addresses,
        )


def _few(pieces: frozenset[Piece] | set[Piece]) -> frozenset[Piece]:
    """At most so many of them: what has a thousand branches is judged by the last."""
    return frozenset(pieces if len(pieces) <= _MOST_PIECES else sorted(pieces)[-_MOST_PIECES:])


EMPTY = Shape(may_be_empty=True)


class Reader:
    """Reads the shapes of one tree. On the way `pairs` collects neighbours, `changed` the addresses that are cut or
    changed."""

    def __init__(self, tree: nodes.Template) -> None:
        self.changed: list[Problem] = []
        self.pairs: set[tuple[Piece, Piece]] = set()
        self._set = _set_once(tree)
        self._known: dict[str, Shape] = {}

    def body(self, body: Iterable[nodes.Node]) -> Shape:
        """The shape of statements, one behind the other."""
        whole = EMPTY
        for node in body:
            whole = self._then(whole, self._statement(node))
        return whole

    def _then(self, left: Shape, right: Shape) -> Shape:
        self.pairs |= {(end, start) for end in left.ends for start in right.starts}
        return left.then(right)

    def _statement(self, node: nodes.Node) -> Shape:
        match node:
            case nodes.Output():
                return self._joined(node.nodes)
            case nodes.If():
                shape = self.body(node.body).either(self.body(node.else_))
                for branch in node.elif_:
                    shape = shape.either(self.body(branch.body))
                return shape
            case nodes.For():
                once = self.body(node.body)
                return self._then(once, once).either(once).either(self.body(node.else_))
            case nodes.With() | nodes.Scope():
                return self.body(node.body)
            case nodes.FilterBlock():
                return self._filtered(node.filter, self.body(node.body))
            case nodes.CallBlock() | nodes.Include():
                return _unknown(node)
        return EMPTY

    def _joined(self, expressions: Sequence[nodes.Node]) -> Shape:
        whole = EMPTY
        for expression in expressions:
            whole = self._then(whole, self.expression(expression))
        return whole

    def expression(self, node: nodes.Node) -> Shape:
        """The shape of what an expression prints."""
        if address := address_of(node):
            return _address(node, address)
        match node:
            case nodes.TemplateData():
                return _words(node.lineno, node.data)
            case nodes.Const():
                return _words(node.lineno, str(node.value))
            case nodes.Name() if node.name in self._set or node.name in self._known:
                return self._named(node.name)
            case nodes.CondExpr():
                other = self.expression(node.expr2) if node.expr2 else EMPTY
                return self.expression(node.expr1).either(other)
            case nodes.Concat():
                return self._joined(node.nodes)
            case nodes.Add():
                return self._joined([node.left, node.right])
            case nodes.Or() | nodes.And():
                return self.expression(node.left).either(self.expression(node.right))
            case nodes.Filter():
                return self._filtered(node, self.expression(node.node) if node.node else EMPTY)
            case nodes.Call(node=nodes.Getattr(node=owner, attr=method)):
                return self._through(node, method, self.expression(owner))
            case nodes.Getitem():
                return self._through(node, "[...]", self.expression(node.node))
        return _unknown(node)

    def _named(self, name: str) -> Shape:
        if name not in self._known:
            # Taken out first, so that a name set to itself ends.
            value = self._set.pop(name)
            self._known[name] = self.expression(value) if isinstance(value, nodes.Expr) else self.body([value])
        return self._known[name]

    def _filtered(self, node: nodes.Filter, inner: Shape) -> Shape:
        if node.name in _DEFAULTS and node.args:
            return inner.either(self.expression(node.args[0]))
        if node.name == "format" and isinstance(node.node, nodes.Const):
            return self._formatted(node.node, node.args)
        return self._through(node, node.name, inner)

    def _formatted(self, pattern: nodes.Const, values: Sequence[nodes.Node]) -> Shape:
        """`"See %s." | format(ticket.url)`."""
        words = re.split(r"%[^a-zA-Z%]*[a-zA-Z]", str(pattern.value))
        whole = _words(pattern.lineno, words[0])
        for text, value in zip(words[1:], values, strict=False):
            whole = self._then(self._then(whole, self.expression(value)), _words(pattern.lineno, text))
        return whole

    def _through(self, node: nodes.Node, name: str, inner: Shape) -> Shape:
        """What is left of a shape behind a filter, a method or brackets."""
        if name in _HARMLESS:
            return inner
        if name not in _READS_ONLY:
            for address in sorted(inner.addresses):
                words = f"{name} would cut or change the address {address}, which then leads nowhere: print it as it is"
                self.changed.append(Problem(node.lineno, words))
        return _unknown(node)


def _unknown(node: nodes.Node) -> Shape:
    piece = frozenset({Piece(node.lineno, is_value=is_path(node) and not isinstance(node, nodes.Name))})
    return Shape(starts=piece, ends=piece)


def _address(node: nodes.Node, name: str) -> Shape:
    piece = frozenset({Piece(node.lineno, address=name)})
    return Shape(starts=piece, ends=piece, addresses=frozenset({name}))


def _words(line: int, text: str) -> Shape:
    """The shape of literal words. One that ends within an address goes on as one: `https://x.example/?id=` ~ id."""
    if not text:
        return EMPTY
    found = list(links.addresses(text))
    last = line + text.count("\n")
    end = Piece(last, text=text[-1])
    if found and not found[-1].behind and text.endswith(found[-1].text):
        end = Piece(last, address=found[-1].text)
    return Shape(
        # Spaces and lines before it count: the first character is what stands right behind an address.
        starts=frozenset({Piece(line, text=text)}),
        ends=frozenset({end}),
        addresses=frozenset(address.text for address in found),
    )


def _set_once(tree: nodes.Template) -> dict[str, nodes.Node]:
    """What each name stands for that is set in one place only: an expression, or the scope of a block."""
    stored = [name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"]
    found: dict[str, nodes.Node] = {}
    for one in tree.find_all(nodes.Assign):
        if isinstance(one.target, nodes.Name):
            found[one.target.name] = one.node
    for block in tree.find_all(nodes.AssignBlock):
        if isinstance(block.target, nodes.Name) and block.filter is None:
            found[block.target.name] = nodes.Scope(block.body, lineno=block.lineno)
    return {name: value for name, value in found.items() if stored.count(name) == 1}
