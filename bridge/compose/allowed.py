"""What of Jinja a template may use: an allow-list of filters, methods and tests, made strict and counted.

A filter that makes HTML, repeats text without end or prints a structure has no place in a text message.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

from jinja2 import Environment, Undefined, pass_environment
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

from bridge.compose.budget import join_bounded, paid, step, step_over
from bridge.compose.filters import date, first_name, money, plain, shorten
from bridge.compose.values import Missing, ValueList, printable

#: Jinja's filters that read a text: they refuse what cannot be printed.
TEXT_FILTERS = ("capitalize", "lower", "string", "title", "trim", "upper", "urlencode", "wordcount")
#: Jinja's other filters that make sense in a message.
VALUE_FILTERS = (
    *("abs", "count", "first", "float", "int", "items", "last", "length", "list", "map", "max", "min"),
    *("reject", "rejectattr", "reverse", "select", "selectattr", "sort", "unique"),
)
#: What a text can be asked for; `.format` would print what `printable` refuses, `.ljust` fills memory.
TEXT_METHODS = (
    *("capitalize", "casefold", "count", "endswith", "find", "isalnum", "isalpha", "isdigit", "islower", "isnumeric"),
    *("isupper", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "rpartition", "rsplit"),
    *("rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper"),
)


_READ_AT_MOST = 200_000


def _passing_missing(name: str, filter_: Callable[..., Any], *, text: bool = False) -> Callable[..., Any]:
    """The filter, giving back a missing value as it is, so that its name survives and `default` still works."""
    # A filter marked with pass_context (or the like) gets that first and the value second.
    position = 1 if hasattr(filter_, "jinja_pass_arg") else 0

    @wraps(filter_)
    def passing(*arguments: Any, **named: Any) -> Any:
        value = arguments[position]
        if isinstance(value, Undefined):
            return value
        step(_cost(value))
        if text:
            printable(value)
        result = filter_(*arguments, **named)
        if isinstance(result, Missing) and result.name is None:
            # "the first of nothing": Jinja knows no name for it.
            return Missing(name=f"{value.path if isinstance(value, ValueList) else 'a list'} | {name}")
        if isinstance(result, str | list):
            return paid(result)
        return step_over(result) if isinstance(result, Iterator) else result

    return passing


def _cost(value: object) -> int:
    """The steps of going through the value. What the payload holds is counted when it is gone through."""
    if isinstance(value, str):
        # No more for a mail of megabytes: the filters that take one look at its beginning only.
        return 1 + min(len(value), _READ_AT_MOST) // 50
    return 1 + len(value) if isinstance(value, list | tuple | dict) else 1


@pass_environment
def _join(environment: Environment, values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = (environment.getitem(value, attribute) for value in values)
    return join_bounded(piece for value in values for piece in (separator, str(printable(value))))[len(separator) :]


def _replace(text: object, old: str, new: str) -> str:
    whole, put = str(printable(text)), str(printable(new))
    step((len(whole) + whole.count(old) * len(put)) // 50)
    return whole.replace(old, put)


def _format(pattern: object, *values: object) -> str:
    return percent(str(pattern), values)


def percent(pattern: str, values: tuple[object, ...]) -> str:
    """`pattern % values`, of values that can stand in a text."""
    if re.search(r"%[^a-zA-Z%]*(\*|[0-9]{3})", pattern):
        raise TemplateRuntimeError("format: a width of three digits is no text message")
    return paid(str(printable(pattern)) % tuple(printable(value) for value in values))


def _sum(environment: Environment, values: Iterable[object], attribute: str | int | None = None) -> object:
    # Jinja's takes a start to add to, and lists are added in quadratic time.
    return JINJA_FILTERS["sum"](environment, values, attribute)


#: Filters that Strict writes into a tree, and nobody into a template.
OWN = ("printable", "paid", "sliced")


def filters() -> dict[str, Callable[..., Any]]:
    """Every filter by its name, with those for the language's own use: OWN."""
    own: dict[str, Callable[..., Any]] = {
        "join": _join,
        "sum": pass_environment(_sum),
        "replace": _replace,
        "format": _format,
        "money": money,
        "date": date,
        "first_name": first_name,
        "plain": plain,
        "shorten": shorten,
    }
    found: dict[str, Callable[..., Any]] = {name: _passing_missing(name, filter_) for name, filter_ in own.items()}
    found |= {name: _passing_missing(name, JINJA_FILTERS[name]) for name in VALUE_FILTERS}
    found |= {name: _passing_missing(name, JINJA_FILTERS[name], text=True) for name in TEXT_FILTERS}
    # The one Jinja filter that is asked about missing values must see them.
    return (
        found
        | {name: JINJA_FILTERS[name] for name in ("d", "default")}
        | {
            "printable": printable,
            "paid": paid,
            "sliced": _sliced,
        }
    )


def _sliced(value: Any, start: Any, stop: Any, stride: Any) -> Any:
    return paid(value[start:stop:stride])


def tests() -> dict[str, Any]:
    """Jinja's tests; `none` is true of what is missing too."""
    found: dict[str, Any] = dict(JINJA_TESTS)
    return found | {"none": lambda value: value is None or isinstance(value, Undefined), "in": _is_in}


def _is_in(value: object, container: Any) -> bool:
    # As a test it can be asked of every item of a list, at once.
    step(_cost(container))
    return value in container
