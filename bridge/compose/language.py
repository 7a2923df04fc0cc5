"""The language of the templates: Jinja in a sandbox, plain text, with a short list of filters.

What a template can ask for is an allow-list: a filter that makes HTML, repeats text without end or prints a
structure has no place in a text message.
"""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import wraps
from typing import Any

from jinja2 import Template, Undefined, nodes, pass_environment
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from bridge.compose.filters import date, money, plain, shorten
from bridge.compose.values import MAX_TEXT, Missing, Part, RawObject, ValueList, bounded, printable

MAX_NUMBER_BITS = 256

#: Jinja's filters that read a text: they refuse what cannot be printed.
TEXT_FILTERS = ("capitalize", "lower", "string", "title", "trim", "upper", "urlencode", "wordcount")
#: Jinja's other filters that make sense in a message.
VALUE_FILTERS = (
    *("abs", "count", "first", "float", "int", "items", "last", "length", "list", "map", "max", "min"),
    *("reject", "rejectattr", "reverse", "select", "selectattr", "sort", "sum", "unique"),
)
#: What a text can be asked for; `.format` would print what `printable` refuses, `.ljust` fills memory.
TEXT_METHODS = (
    *("capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "islower", "isnumeric"),
    *("isupper", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "rpartition", "rsplit"),
    *("rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper"),
)


def _passing_missing(name: str, filter_: Callable[..., Any], *, text: bool = False) -> Callable[..., Any]:
    """The filter, giving back a missing value as it is, so that its name survives and `default` still works."""
    # A filter marked with pass_context (or the like) gets that first and the value second.
    position = 1 if hasattr(filter_, "jinja_pass_arg") else 0

    @wraps(filter_)
    def passing(*arguments: Any, **named: Any) -> Any:
        value = arguments[position]
        if isinstance(value, Undefined):
            return value
        if text:
            printable(value)
        result = filter_(*arguments, **named)
        if isinstance(result, Missing) and result.name is None:
            # "the first of nothing": Jinja knows no name for it.
            return Missing(name=f"{value.path if isinstance(value, ValueList) else 'a list'} | {name}")
        return bounded(result) if isinstance(result, str | list) else result

    return passing


@pass_environment
def _join(environment: "Language", values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = (environment.getitem(value, attribute) for value in values)
    pieces, size = [], 0
    for value in values:
        pieces.append(str(printable(value)))
        size += len(pieces[-1]) + len(separator)
        _within(size)
    return separator.join(pieces)


def _replace(text: object, old: str, new: str) -> str:
    whole, put = str(text), str(printable(new))
    _within(len(whole) + whole.count(old) * len(put))
    return whole.replace(old, put)


def _format(pattern: object, *values: object) -> str:
    return _percent(str(pattern), values)


def _percent(pattern: str, values: tuple[object, ...]) -> str:
    if re.search(r"%[^a-zA-Z%]*(\*|[0-9]{3})", pattern):
        raise TemplateRuntimeError("format: a width of three digits is no text message")
    put = tuple(printable(value) for value in values)
    _within(len(pattern) + sum(len(value) for value in put if isinstance(value, str)))
    return pattern % put


def _within(size: int) -> None:
    if size > MAX_TEXT:
        raise TemplateRuntimeError(f"the text grows beyond {MAX_TEXT} characters")


def _filters() -> dict[str, Callable[..., Any]]:
    own: dict[str, Callable[..., Any]] = {
        "join": _join,
        "replace": _replace,
        "format": _format,
        "money": money,
        "date": date,
        "plain": plain,
        "shorten": shorten,
    }
    found: dict[str, Callable[..., Any]] = {name: _passing_missing(name, filter_) for name, filter_ in own.items()}
    found |= {name: _passing_missing(name, JINJA_FILTERS[name]) for name in VALUE_FILTERS}
    found |= {name: _passing_missing(name, JINJA_FILTERS[name], text=True) for name in TEXT_FILTERS}
    # The one Jinja filter that is asked about missing values must see them.
    return found | {name: JINJA_FILTERS[name] for name in ("d", "default")}


class _Strict(NodeTransformer):
    """Rewrites what Jinja's own code would let through."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Concat:  # noqa: N802 (the visitor's naming)
        # Jinja's ~ prints whatever stands beside it: let each side pass the same rule as an output.
        sides = [self.visit(side) for side in node.nodes]
        filtered = [nodes.Filter(side, "printable", [], [], None, None, lineno=node.lineno) for side in sides]
        return nodes.Concat(filtered, lineno=node.lineno)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            # A key written in the template is a name like any other, and may be shown in a reason.
            return nodes.Getattr(node.node, node.arg.value, node.ctx, lineno=node.lineno)
        return node


class Language(ImmutableSandboxedEnvironment):
    """Jinja as the templates speak it. One instance serves all threads: it is not changed after it is made."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        # No escaping: the output is plain text, and & must arrive as &.
        super().__init__(undefined=Missing, finalize=printable, autoescape=False)
        self.globals = {"namespace": self.globals["namespace"]}
        self.filters = _filters() | {"printable": printable}
        self.tests = dict(self.tests, none=lambda value: value is None or isinstance(value, Undefined))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The part of a value behind a dot; Missing where there is none."""
        if isinstance(obj, Part):
            return obj.get(attribute)
        if isinstance(obj, Missing):
            return obj.part(f".{attribute}")
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, RawObject):
            return obj[attribute] if attribute in obj else Missing(name=f"{obj.path}.{attribute}")
        if isinstance(obj, ValueList):
            return Missing(name=f"{obj.path}.{attribute}")
        if isinstance(obj, str) and attribute not in TEXT_METHODS:
            return self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The part of a value in brackets; Missing where there is none."""
        # A key computed at run time may hold a person's data, and a missing value's name is shown and logged.
        key = f"[{argument}]" if isinstance(argument, int) else "[...]"
        if isinstance(obj, Missing):
            return obj.part(key)
        if isinstance(obj, Part):
            return obj.get(argument) if argument in obj else Missing(name=f"{obj.path}{key}")
        if isinstance(obj, Undefined | str) and isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, RawObject | ValueList):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                return Missing(name=f"{obj.path}{key}")
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The result of an operator that could print a structure or fill the memory."""
        if operator == "**":
            raise SecurityError("the operator ** is not available")
        if operator == "%" and isinstance(left, str):
            return _percent(left, right if isinstance(right, tuple) else (right,))
        if operator == "*" and not all(isinstance(side, int | float | Decimal | Undefined) for side in (left, right)):
            raise SecurityError("only numbers can be multiplied")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > MAX_NUMBER_BITS:
            raise TemplateRuntimeError("the number grows beyond any sum of money")
        return bounded(result) if isinstance(result, str | list | tuple) else result

    def compile_body(self, tree: nodes.Template, filename: str) -> Template:
        """The compiled body; errors while it renders name `filename`."""
        tree = _Strict().visit(tree)
        tree.set_environment(self)
        code = self.compile(tree, name=None, filename=filename)
        # Not make_globals(): each rendering copies them, and copying its ChainMap takes longer than a short text.
        return self.template_class.from_code(self, code, self.globals, None)

    def parse_expression(self, source: str) -> nodes.Template:
        """An expression's tree: a template that sets `result` to it.

        Raises TemplateSyntaxError.
        """
        parser = Parser(self, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("more than one expression", parser.stream.current.lineno, None, None)
        return nodes.Template([nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)], lineno=1)


LANGUAGE = Language()
