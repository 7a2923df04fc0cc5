"""Whatever stands in the files of a folder and in an event: problems with file and line, texts or reasons, in time."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePath

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.compose import Matched, Rendered, match, read_template, render
from bridge.compose.library import read_files, templates_of
from bridge.errors import Misconfigured
from bridge.events import Customer, Event, LineItem, Order, Shipment, Ticket
from bridge.reasons import Reason

PLACE = re.compile(r"templates/(one|two|one\.fr|_part|_macros)\.txt:\d+: .", re.DOTALL)
FRONT = "---\nevent: order.shipped\n---\n"
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)

# -- sources grown from a grammar of Jinja -----------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        *("customer.name", "customer.locale", "order", "order.total", "order.line_items", "order.created_at"),
        *(
            "ticket.comment",
            "shipment",
            "event.occurred_at",
            "raw",
            "raw.a",
            "raw.b",
            "raw.list",
            "raw.deep",
            "raw['k y']",
        ),
        *("x", "n.x", "m", "m.f", "loop", "loop.index", "caller", "varargs", "self", "ordr", "raw[0]", "raw.list[0:2]"),
    ]
)
LITERALS = st.sampled_from(
    [
        "1",
        "0",
        "-1",
        "9.5",
        "1e308",
        "10 ** 9",
        "'a'",
        '"%s %d"',
        "'ünï\u200d💕'",
        "''",
        "none",
        "true",
        "[]",
        "{}",
        "()",
    ]
)
FILTERS = st.sampled_from(
    [
        *("money", "date", "plain", "first_name", "shorten(20)", "shorten", "shorten('a')", "join", "join(', ')"),
        *("join(attribute='a')", "default('x')", "default", "map('upper')", "map(attribute='a')", "map('nosuch')"),
        *("select", "select('in', raw.list)", "selectattr('a', 'equalto', 1)", "reject('defined')", "sort", "unique"),
        *("sort(attribute='a,b', reverse=true)", "sum", "sum('a')", "first", "last", "max", "min", "reverse", "list"),
        *("length", "count", "int", "float", "abs", "items", "upper", "title", "trim", "urlencode", "wordcount"),
        *(
            "string",
            "replace('a', 'b')",
            "replace('', 'b')",
            "format(1, 2)",
            "format(raw)",
            "uper",
            "printable",
            "paid",
        ),
        *("money('GBP')", "money(raw.a)", "date('full')", "date(raw)", "safe", "tojson", "attr('x')"),
    ]
)
OPERATORS = st.sampled_from(
    ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "not in", "and", "or", "|", "is"]
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} | {}".format, inner, FILTERS),
        st.builds("({}) {} ({})".format, inner, OPERATORS, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} if {})".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}, {}: 1}}".format, inner, inner),
        st.builds("{}({})".format, NAMES, inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({})[{}:{}]".format, inner, inner, inner),
        st.builds(
            "({}).{}".format, inner, st.sampled_from(["a", "upper()", "split()", "__class__", "format(1)", "items"])
        ),
        st.builds(
            "({} is {})".format, inner, st.sampled_from(["defined", "none", "in raw.list", "sameas 1", "nosuch"])
        ),
        st.builds("namespace(x={})".format, inner),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, LITERALS), _grow, max_leaves=6)
TEXTS = st.one_of(
    st.sampled_from(["Hello ", "{", "}", "{{", "%}", "#}", "\n", "\r\n", "\u2028", "💕", "---\n"]), st.text(max_size=8)
)
PARTIAL_NAMES = st.sampled_from(["'_part.txt'", "'_macros.txt'", "'two.txt'", "'_none.txt'", "x", "['_part.txt']"])


def _blocks(body: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, body, body),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, body, body),
        st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, EXPRESSIONS, body),
        st.builds("{{% for x in {} if {} %}}{}{{% else %}}a{{% endfor %}}".format, EXPRESSIONS, EXPRESSIONS, body),
        st.builds("{{% for x in {} recursive %}}{}{{{{ loop(x) }}}}{{% endfor %}}".format, EXPRESSIONS, body),
        st.builds("{{% macro m(a, b={}) %}}{}{{% endmacro %}}{{{{ m({}) }}}}".format, EXPRESSIONS, body, EXPRESSIONS),
        st.builds("{{% call m({}) %}}{}{{% endcall %}}".format, EXPRESSIONS, body),
        st.builds("{{% set x %}}{}{{% endset %}}{{{{ x }}}}".format, body),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, FILTERS, body),
        st.builds("{{% with x = {} %}}{}{{% endwith %}}".format, EXPRESSIONS, body),
        st.builds("{{% raw %}}{}{{% endraw %}}".format, body),
        st.builds("{{% block b %}}{}{{% endblock %}}".format, body),
    )


STATEMENTS = st.one_of(
    TEXTS,
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    st.builds("{{%- set x = {} -%}}".format, EXPRESSIONS),
    st.builds("{{% set n = namespace(x={}) %}}{{% set n.x = {} %}}".format, EXPRESSIONS, EXPRESSIONS),
    st.builds("{{% include {} %}}".format, PARTIAL_NAMES),
    st.builds("{{% import {} as m %}}{{{{ m.f({}) }}}}".format, PARTIAL_NAMES, EXPRESSIONS),
    st.builds("{{% from {} import f as m, g %}}{{{{ m({}) }}}}".format, PARTIAL_NAMES, EXPRESSIONS),
    st.builds("{{# {} #}}".format, TEXTS),
    st.sampled_from(
        ["{% endif %}", "{% extends '_part.txt' %}", "{% nosuch %}", "{{ ", "{% if", "{% autoescape true %}"]
    ),
)
WHOLE = st.recursive(STATEMENTS, _blocks, max_leaves=5)
# What was whole, with a piece cut out or doubled.
BROKEN = st.builds(lambda text, a, b: text[: max(a, 0)] + text[b:], WHOLE, st.integers(0, 60), st.integers(0, 60))
BODIES = st.one_of(WHOLE, WHOLE, BROKEN)

# -- events ------------------------------------------------------------------------------------------------------

STRINGS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\ud800", "a\udfff", "שלום \u202e", "مرحبا", "e\u0301" * 30, "x" * 60_000, "{{ x }}", "\x00", "NaN"]
    ),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(),
    st.sampled_from([10**400, Decimal("1e999999"), Decimal("-0"), Decimal("sNaN"), 1e308]),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.sampled_from(["a", "b", "k y", "items", "__class__", ""]), inner),
    ),
    max_leaves=8,
)
DEEP: object = "deep"
for _ in range(90):
    DEEP = {"a": [DEEP]}
MOMENTS = st.sampled_from(
    [
        datetime(2026, 11, 23, 10, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12))),
    ]
)
PERHAPS = st.one_of(st.none(), STRINGS)
EVENTS = st.builds(
    lambda at, **parts: Event(kind="order.shipped", source="s", connection="c", occurred_at=at, **parts),
    MOMENTS,
    customer=st.builds(
        Customer,
        name=PERHAPS,
        first_name=PERHAPS,
        phone=PERHAPS,
        locale=st.one_of(PERHAPS, st.sampled_from(["fr", "fr-CA", "en_US", "zh-TW", "ar", "fa-IR", "-", "fr__"])),
    ),
    order=st.builds(
        Order,
        name=PERHAPS,
        total=st.one_of(st.none(), st.decimals()),
        currency=PERHAPS,
        created_at=st.one_of(st.none(), MOMENTS),
        line_items=st.lists(st.builds(LineItem, title=PERHAPS), max_size=3).map(tuple),
    ),
    ticket=st.builds(Ticket, comment=PERHAPS),
    shipment=st.builds(Shipment, carrier=PERHAPS),
    raw=st.fixed_dictionaries(
        {"list": st.lists(JSON, max_size=5), "deep": st.just(DEEP)},
        optional={"a": JSON, "b": JSON, "k y": JSON, "": JSON},
    ),
)


def outcomes(texts: dict[str, str], event: Event) -> None:
    """Read the files and render what is good of them; fails if anything comes but what the first line promises."""
    began = time.thread_time()
    files = read_files(texts, PurePath("templates"), {})
    for name, file in files.items():
        for problem in file.problems:
            assert PLACE.match(problem), problem
        assert (file.good is None) == bool(file.problems), name
    assert time.thread_time() - began < 4
    for template in templates_of(files):
        began = time.thread_time()
        outcome = render(template, event)
        assert isinstance(outcome, Rendered | Reason)
        if isinstance(outcome, Reason) and outcome.code == "template_error":
            assert PLACE.match(outcome.detail), outcome
        assert isinstance(match([template], event), Matched)
        assert time.thread_time() - began < 2


@slow
@given(body=BODIES, french=BODIES, part=BODIES, macros=BODIES, event=EVENTS)
@example(body="{{ '%d' | format(raw.a) }}", french="x", part="", macros="", event=Event(
    kind="order.shipped", source="s", connection="c", occurred_at=datetime(2026, 1, 1, tzinfo=UTC), raw={"a": 1e308}
))  # fmt: skip
def test_no_folder_ends_in_anything_but_problems_texts_and_reasons(body, french, part, macros, event):
    outcomes(
        {
            "one.txt": FRONT + body,
            "one.fr.txt": french,
            "two.txt": FRONT + "{% include '_part.txt' %}{% from '_macros.txt' import f, g %}{{ f(raw.a) }}{{ g(x) }}",
            "_part.txt": part,
            "_macros.txt": "{% macro f(a) %}" + macros + "{% endmacro %}{% set g = f %}",
        },
        event,
    )


@slow
@given(body=WHOLE, event=EVENTS)
def test_no_message_of_whole_statements_ends_in_anything_else(body, event):
    outcomes(
        {"one.txt": FRONT + body, "_part.txt": "Bye", "_macros.txt": "{% macro f(a) %}{{ a }}{% endmacro %}"}, event
    )


@slow
@given(when=EXPRESSIONS, to=EXPRESSIONS, media=EXPRESSIONS, event=EVENTS)
def test_no_expression_ends_in_anything_else(when, to, media, event):
    lines = (
        f"{key}: '{text}'".replace("\n", " ")
        for key, text in {
            "when": when.replace("'", "''"),
            "to": to.replace("'", "''"),
            "media_url": media.replace("'", "''"),
        }.items()
    )
    outcomes({"one.txt": "\n".join(["---", "event: order.shipped", *lines, "---", "Hello"])}, event)


# -- front matter ------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *("event", "source", "connection", "when", "to", "media_url", "link", "expires", "if_unknown", "thread"),
        *("supersedes", "max_segments", "encoding", "retry_refused", "if_media_fails", "shrink_media", "quiet_hours"),
        *("evnt", "", "a b", "-"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "order.shipped",
                "[order.shipped, order.paid]",
                "[",
                "]",
                "{",
                "}",
                "'",
                '"',
                "'a",
                '"a',
                "|",
                ">",
                "&a",
                "*a",
            ),
            *("!!python/object:os.system", "@", "`", "no", "12:30", "2h", "99999999d", "0m", "# a", "a # b", "a  # b"),
            *(
                "[[a]]",
                "{a: b}",
                "? a",
                "- a",
                "a: b",
                "%",
                "~",
                "null",
                "true",
                "5",
                "1e9",
                "<<",
                "\t",
                "\u2028",
                "💕",
            ),
        ]
    ),
    st.text(max_size=12),
    EXPRESSIONS,
)
LINES = st.one_of(
    st.builds("{}: {}".format, KEYS, VALUES),
    st.builds("{}:{}".format, KEYS, VALUES),
    st.builds("  {}".format, VALUES),
    st.builds("- {}".format, VALUES),
    st.sampled_from(["---", "...", "# a comment", "", " ", "\t", "%YAML 1.1", "event: order.shipped"]),
    st.text(max_size=15),
)


@slow
@given(
    lines=st.lists(LINES, max_size=8), french=st.lists(LINES, max_size=4), ending=st.sampled_from(["\n", "\r\n", "\r"])
)
def test_no_front_matter_ends_in_anything_but_problems_or_a_message(lines, french, ending):
    event = Event(kind="order.shipped", source="s", connection="c", occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    whole = ["---", "event: order.shipped", *lines, "---", "Hello"]
    outcomes({"one.txt": ending.join(whole), "one.fr.txt": ending.join(["---", *french, "---", "Bonjour"])}, event)


@slow
@given(st.text(max_size=200))
def test_no_text_at_all_is_more_than_a_problem(text):
    problems: tuple[str, ...] = ()
    try:
        read_template(text, "templates/one.txt")
    except Misconfigured as refused:
        problems = refused.problems
    assert all(PLACE.match(problem) for problem in problems)
