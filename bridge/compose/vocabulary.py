"""Finds misspelt names in a template before anything is sent: fields, filters, tests and tags that do not exist."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from itertools import islice
from types import NoneType
from typing import Any, get_args, get_type_hints

from jinja2 import nodes

from bridge.compose.allowed import OWN, TEXT_METHODS
from bridge.compose.front_matter import Problem
from bridge.compose.language import LANGUAGE, Language, Partial
from bridge.compose.values import EVENT_FIELDS, PARTS, ROOTS, VOCABULARY
from bridge.events import Event, LineItem

#: Names that Jinja itself provides.
_JINJA_NAMES = ("namespace", "loop", "caller", "varargs", "kwargs")
_FILTERS = tuple(name for name in LANGUAGE.filters if name not in OWN)
#: Nobody mends more than these at once, and to guess what each was meant to be takes time.
_MOST_PROBLEMS = 50
_MOST_GUESSES = 500


def did_you_mean(word: str, known: Collection[str], *, before: str = "", after: str = "") -> str:
    """`; did you mean x?` when a known word looks like this one, else nothing."""
    close = get_close_matches(word[:100], sorted(known)[:_MOST_GUESSES], n=1)
    return f"; did you mean {before}{close[0]}{after}?" if close else ""


def misspellings(tree: nodes.Template, language: Language, *, also: Collection[str] = ()) -> Iterator[Problem]:
    """What the template asks for and will never get. Lines count from the tree's own first line.

    `also` are names that the tree may use although it does not set them: a partial's, of what includes it.
    """
    return islice(_misspellings(tree, language, frozenset(also)), _MOST_PROBLEMS)


def _misspellings(tree: nodes.Template, language: Language, also: frozenset[str]) -> Iterator[Problem]:
    own = names_set(tree)
    known = {*ROOTS, *own, *also}
    items = _line_item_names(tree)
    modules = dict(_modules(tree, language))
    for node in tree.find_all(nodes.Node):
        match node:
            case nodes.Name(name=name, ctx="load") if name not in known and name not in _JINJA_NAMES:
                yield Problem(node.lineno, f"there is no {name}{did_you_mean(name, known)} ({', '.join(ROOTS)})")
            case nodes.Getattr() | nodes.Getitem():
                yield from _unknown_part(node, items)
                yield from _unknown_macro(node, modules)
            case nodes.Filter(name=name) if name not in _FILTERS:
                yield Problem(node.lineno, f"there is no filter {name}{did_you_mean(name, _FILTERS)}")
            case nodes.Test(name=name) if name not in LANGUAGE.tests:
                yield Problem(node.lineno, f"there is no test {name}{did_you_mean(name, LANGUAGE.tests)}")
            case nodes.ScopedEvalContextModifier():
                yield Problem(node.lineno, "autoescape makes HTML, and a text message is plain text")
            case nodes.Include() | nodes.Import() | nodes.FromImport():
                yield from _unknown_partial(node, language)
            case nodes.Extends() | nodes.Block():
                yield Problem(
                    node.lineno, "extends and block are not available: put what messages share into a partial"
                )
        for name in _set_by(node):
            if name in ROOTS:
                yield Problem(node.lineno, f"{name} is a word of the bridge's own: choose another name here")


def names_set(tree: nodes.Template) -> frozenset[str]:
    """The names that a template makes for itself: by set, for, macro and import."""
    return frozenset(name for node in tree.find_all(nodes.Node) for name in _set_by(node))


def _set_by(node: nodes.Node) -> Iterator[str]:
    match node:
        case nodes.Name(name=name, ctx="store" | "param"):
            yield name
        case nodes.Macro(name=name) | nodes.Import(target=name):
            yield name
        case nodes.FromImport(names=names):
            yield from (name if isinstance(name, str) else name[1] for name in names)


def _unknown_partial(node: nodes.Include | nodes.Import | nodes.FromImport, language: Language) -> Iterator[Problem]:
    """A file that is no partial of this folder, or does not have what is imported from it."""
    name = _partial_of(node)
    if name is None:
        yield Problem(node.lineno, 'the name of a partial is written out, in quotes, such as "_signature.txt"')
    elif not name.startswith("_"):
        yield Problem(node.lineno, f"{name} is no partial: its name must begin with _")
    elif name in language.broken:
        yield Problem(node.lineno, f"{name} has a problem of its own: mend it first")
    elif (partial := language.partials.get(name)) is None:
        known = language.partials
        there = f" ({', '.join(sorted(known)[:20])})" if known else ""
        yield Problem(node.lineno, f"there is no {name} in this folder{did_you_mean(name, known)}{there}")
    elif isinstance(node, nodes.FromImport):
        for asked in (one if isinstance(one, str) else one[0] for one in node.names):
            if asked not in partial.exports:
                yield Problem(node.lineno, f"{name} has no {asked}{did_you_mean(asked, partial.exports)}")


def _partial_of(node: nodes.Include | nodes.Import | nodes.FromImport) -> str | None:
    written = node.template
    return written.value if isinstance(written, nodes.Const) and isinstance(written.value, str) else None


def _modules(tree: nodes.Template, language: Language) -> Iterator[tuple[str, Partial]]:
    """The names under which partials are imported whole, where a name stands for one of them only."""
    targets = Counter(name for node in tree.find_all(nodes.Node) for name in _set_by(node))
    for node in tree.find_all(nodes.Import):
        partial = language.partials.get(_partial_of(node) or "")
        if partial is not None and targets[node.target] == 1:
            yield node.target, partial


def _unknown_macro(node: nodes.Getattr | nodes.Getitem, modules: Mapping[str, Partial]) -> Iterator[Problem]:
    name = _written_name(node)
    partial = modules.get(node.node.name) if isinstance(node.node, nodes.Name) else None
    if partial is not None and name is not None and name not in partial.exports:
        yield Problem(node.lineno, f"{partial.name} has no {name}{did_you_mean(name, partial.exports)}")


def says_nothing(tree: nodes.Template) -> bool:
    """True if no output at all can come from this body."""
    if tree.find(nodes.Include) is not None:
        return False
    outputs = (child for output in tree.find_all(nodes.Output) for child in output.nodes)
    return not any(not isinstance(child, nodes.TemplateData) or child.data.strip() for child in outputs)


def _unknown_part(node: nodes.Getattr | nodes.Getitem, items: Collection[str]) -> Iterator[Problem]:
    """A part that the vocabulary does not have. Of `raw`, of loops and of computed values anything may be asked."""
    name, owner = _written_name(node), _path(node.node)
    if name is None:
        return
    if isinstance(node.node, nodes.Const | nodes.TemplateData) and name not in TEXT_METHODS:
        hint = ': use "..." | format(value), or ~' if name in ("format", "format_map") else ""
        yield Problem(node.lineno, f"a text has no {name} here{hint}")
    if not owner or owner[0] == "raw":
        return
    fields = _fields_of(owner, items)
    if fields is None or name in fields:
        return
    whole = ".".join(owner)
    if len(owner) > 1:
        yield Problem(node.lineno, f"there is no {whole}.{name}: {whole} is a single value")
    else:
        hint = did_you_mean(name, fields, before=f"{whole}.")
        yield Problem(node.lineno, f"there is no {whole}.{name}{hint} ({', '.join(fields)})")


def _written_name(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _path(node: nodes.Node) -> tuple[str, ...]:
    """The names from the root to this node, or nothing where it is not a plain chain of names."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        name, owner = _written_name(node), _path(node.node)
        return (*owner, name) if name is not None and owner else ()
    return ()


def _fields_of(owner: tuple[str, ...], items: Collection[str]) -> Collection[str] | None:
    """The names that may follow `owner`, or None where anything may."""
    root, *rest = owner
    if root in items:
        return VOCABULARY[LineItem] if not rest else None
    if root not in ROOTS:
        return None
    record: type[Any] = Event if root == "event" else PARTS[root]
    fields = EVENT_FIELDS if root == "event" else VOCABULARY[record]
    if not rest:
        return fields
    if len(rest) > 1 or rest[0] not in fields:
        return None
    return _PARTS_OF_VALUES.get(_type_of(record, rest[0]))


def _type_of(record: type[Any], field: str) -> type | None:
    hint = get_type_hints(record)[field]
    kinds: list[type] = [kind for kind in get_args(hint) if kind is not NoneType]
    return kinds[0] if kinds else hint


#: What may be asked of a single value. A datetime or a number has methods of its own; a list has none.
_PARTS_OF_VALUES: Mapping[Any, Collection[str]] = {
    str: TEXT_METHODS,
    Decimal: tuple(name for name in dir(Decimal) if not name.startswith("_")),
    datetime: tuple(name for name in dir(datetime) if not name.startswith("_")),
    bool: (),
}


def _line_item_names(tree: nodes.Template) -> frozenset[str]:
    """Names that are only ever an item of `order.line_items`."""
    loops = [loop for loop in tree.find_all(nodes.For) if _path(loop.iter) == ("order", "line_items")]
    items = [loop.target.name for loop in loops if isinstance(loop.target, nodes.Name)]
    set_names = [name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"]
    return frozenset(item for item in items if set_names.count(item) == 1)
