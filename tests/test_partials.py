"""Partials and macros: shared by the messages of a folder, as strict as they are, and kept up with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.compose import Rendered, TemplateFolder, render
from bridge.errors import Misconfigured
from bridge.events import Customer, Event, LineItem, Order
from bridge.reasons import Reason

FRONT = "---\nevent: order.shipped\n---\n"
MACROS = "{% macro greeting(word) %}{{ word }}{{ ', ' ~ customer.first_name if customer.first_name }}{% endmacro %}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "_signature.txt").write_text("Yours, the {{ event.source }} team")
    (tmp_path / "_macros.txt").write_text(MACROS)
    return tmp_path


def event(**parts: object) -> Event:
    known = {
        "customer": Customer(first_name="Jane", phone="+12125550123"),
        "order": Order(name="#1001", line_items=(LineItem(title="Mug"), LineItem(title="Cup"))),
    }
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    return Event(kind="order.shipped", source="shopify", connection="shop", occurred_at=at, **(known | parts))


def said(path: Path, body: str, **parts: object) -> str | Reason:
    (path / "one.txt").write_text(FRONT + body)
    (template,) = TemplateFolder(path).current()
    rendered = render(template, event(**parts))
    return rendered.body if isinstance(rendered, Rendered) else rendered


def problems(path: Path, body: str = "Hello") -> list[str]:
    (path / "one.txt").write_text(FRONT + body)
    with pytest.raises(Misconfigured) as raised:
        TemplateFolder(path)
    return [problem.removeprefix(f"{path.as_posix()}/") for problem in raised.value.problems]


SAID = [
    ('Hi. {% include "_signature.txt" %}', "Hi. Yours, the shopify team"),
    ('Hi. {% include "_signature.txt" without context %}', "Hi. Yours, the shopify team"),
    ('{% from "_macros.txt" import greeting %}{{ greeting("Hi") }}!', "Hi, Jane!"),
    ('{% from "_macros.txt" import greeting as hi %}{{ hi("Hi") }}!', "Hi, Jane!"),
    ('{% from "_macros.txt" import greeting without context %}{{ greeting("Hi") }}!', "Hi, Jane!"),
    ('{% import "_macros.txt" as m %}{{ m.greeting("Hi") }}!', "Hi, Jane!"),
    ('{% set who = "Ana" %}{% include "_who.txt" %}', "It is Ana, Mug and Cup"),
    ('{% for who in ["Ana", "Ben"] %}{% include "_who.txt" %}. {% endfor %}',
     "It is Ana, Mug and Cup. It is Ben, Mug and Cup."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), SAID)
def test_a_message_says_what_its_partials_say(path, body, text):
    if "_who.txt" in body:
        (path / "_who.txt").write_text('It is {{ who }}{% include "_items.txt" %}')
    (path / "_items.txt").write_text(", {{ order.line_items | map(attribute='title') | join(' and ') }}")

    assert said(path, body) == text


def test_a_link_may_use_a_partial(path):
    (path / "_link.txt").write_text("{{ event.source }}.attn.tv")
    (path / "one.txt").write_text("---\nevent: order.shipped\nlink: '{% include \"_link.txt\" %}'\n---\nHello")
    rendered = render(TemplateFolder(path).current()[0], event())

    assert isinstance(rendered, Rendered)
    assert rendered.link == "shopify.attn.tv"


REFUSED = [
    (
        '{% include "_signatur.txt" %}',
        "there is no _signatur.txt in this folder; did you mean _signature.txt? (_macros",
    ),
    ('a\n{% include "_a" ~ "b" %}', "the name of a partial is written out, in quotes"),
    ("{% include customer.name %}", "the name of a partial is written out, in quotes"),
    ('{% include ["_signature.txt"] %}', "the name of a partial is written out, in quotes"),
    ('{% include "_none.txt" ignore missing %}', "there is no _none.txt in this folder"),
    ('{% include "one.txt" %}', "one.txt is no partial: its name must begin with _"),
    ('{% include "/etc/passwd" %}', "/etc/passwd is no partial: its name must begin with _"),
    ('{% include "_../../etc/passwd" %}', "there is no _../../etc/passwd in this folder"),
    (
        '{% from "_macros.txt" import greting %}{{ greting("Hi") }}',
        "_macros.txt has no greting; did you mean greeting?",
    ),
    ('{% import "_macros.txt" as m %}{{ m.greting("Hi") }}', "_macros.txt has no greting; did you mean greeting?"),
    ('{% import "_macros.txt" as order %}Hi', "order is a word of the bridge's own: choose another name here"),
    (
        '{% from "_macros.txt" import greeting as raw %}Hi',
        "raw is a word of the bridge's own: choose another name here",
    ),
    ('{% extends "_signature.txt" %}', "extends and block are not available: put what messages share into a partial"),
    ("{% block a %}Hi{% endblock %}", "extends and block are not available: put what messages share into a partial"),
]


@pytest.mark.parametrize(("body", "problem"), REFUSED)
def test_what_is_no_partial_of_the_folder_is_a_problem_where_it_is_named(path, body, problem):
    line = 5 if body.startswith("a\n") else 4

    assert problems(path, body)[0].startswith(f"one.txt:{line}: {problem}")


BROKEN = [
    ("---\nevent: order.shipped\n---\nHi", 1, "a partial has no front matter, only text: take out the lines from"),
    ("a\n{{ order.nmae }}", 2, "there is no order.nmae; did you mean order.name?"),
    ("a\n{{ ordr }}", 2, "there is no ordr; did you mean order?"),
    ("a\n{{ order.name | uper }}", 2, "there is no filter uper; did you mean upper?"),
    ("a\n{{ order.name", 2, "unexpected end of template, expected 'end of print statement'."),
    ("a\n{% extends '_macros.txt' %}", 2, "extends and block are not available"),
    ("a\n{% include '_signature.txt' %}{% include 'x.txt' %}", 2, "x.txt is no partial"),
    ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", 1, "this is not a Jinja text that can be compiled"),
]


@pytest.mark.parametrize(("text", "line", "problem"), BROKEN)
def test_a_problem_in_a_partial_names_its_file_and_line_and_so_does_what_includes_it(path, text, line, problem):
    (path / "_broken.txt").write_text(text)
    (path / "_outer.txt").write_text('{% include "_broken.txt" %}')

    found = problems(path, 'a\n{% include "_outer.txt" %}')

    assert found[0].startswith(f"_broken.txt:{line}: {problem}"), found
    assert found[1:] == [
        "_outer.txt:1: _broken.txt has a problem of its own: mend it first",
        "one.txt:5: _outer.txt has a problem of its own: mend it first",
    ]


def test_a_partial_may_use_what_any_message_of_the_folder_sets_and_nothing_else(path):
    (path / "_who.txt").write_text("{{ who }}")
    (path / "two.txt").write_text(FRONT + "{% set who = 'Ana' %}{% include '_who.txt' %}")

    (path / "one.txt").write_text(FRONT + "a{% include '_who.txt' %}")
    folder = TemplateFolder(path)
    assert render(folder.current()[0], event()) == Reason(code="missing_value", detail="who")
    (path / "two.txt").unlink()
    assert problems(path) == ["_who.txt:1: there is no who (event, customer, order, ticket, shipment, raw)"]


STRICT = [
    ("{{ raw.tags }}", {"raw": {"tags": ["a"]}}, "raw.tags"),
    ("{{ 'a' ~ raw.tags }}", {"raw": {"tags": ["a"]}}, "raw.tags"),
    ("{{ raw['x'] }}", {}, "raw.x"),
    ("{{ customer.email | upper }}", {}, "customer.email"),
]


@pytest.mark.parametrize(("text", "parts", "name"), STRICT)
def test_a_partial_prints_no_more_than_a_message_does(path, text, parts, name):
    (path / "_inner.txt").write_text(text)
    (path / "_macro.txt").write_text("{% macro m() %}" + text + "{% endmacro %}")

    missing = Reason(code="missing_value", detail=name)
    assert said(path, 'a{% include "_inner.txt" %}', **parts) == missing
    assert said(path, '{% import "_macro.txt" as x %}{{ x.m() }}', **parts) == missing


@pytest.mark.parametrize(
    "text", ["{{ ''.__class__ }}", "{{ customer.__init__ }}", "{{ [1].append(2) }}", "{{ 'x' * 999999999 }}"]
)
def test_a_partial_is_in_the_sandbox_too(path, text):
    (path / "_inner.txt").write_text(text)
    try:
        outcome = said(path, 'a{% include "_inner.txt" %}')
    except Misconfigured:
        return
    assert isinstance(outcome, Reason)


def test_a_failure_in_a_partial_names_its_file_and_line(path):
    (path / "_inner.txt").write_text("a\n{{ order.name + 1 }}")
    (path / "_macro.txt").write_text("\n\n{% macro m() %}\n{{ 1 / 0 }}{% endmacro %}")

    assert said(path, 'a{% include "_inner.txt" %}') == Reason(
        code="template_error",
        detail=f'{path.as_posix()}/_inner.txt:2: TypeError (can only concatenate str (not "int") to str)',
    )
    assert said(path, '{% import "_macro.txt" as x %}{{ x.m() }}') == Reason(
        code="template_error", detail=f"{path.as_posix()}/_macro.txt:4: ZeroDivisionError (division by zero)"
    )


# -- the folder keeps up -------------------------------------------------------------------------------------------


def text_of(folder: TemplateFolder) -> str | Reason:
    rendered = render(folder.current()[0], event())
    return rendered.body if isinstance(rendered, Rendered) else rendered


@pytest.fixture
def folder(path: Path) -> TemplateFolder:
    (path / "one.txt").write_text(FRONT + 'Hi. {% include "_signature.txt" %}')
    (path / "_new.txt").write_text("new")
    return TemplateFolder(path)


def test_a_changed_partial_changes_what_includes_it_and_no_rendering_under_way(path, folder):
    (under_way,) = folder.current()
    (path / "_signature.txt").write_text("Bye")

    assert text_of(folder) == "Hi. Bye"
    assert text_of(folder) == "Hi. Bye"
    rendered = render(under_way, event())
    assert isinstance(rendered, Rendered)
    assert rendered.body == "Hi. Yours, the shopify team"


def test_a_broken_partial_keeps_its_old_version_for_old_and_new_messages_and_is_told_once(path, folder):
    (path / "_signature.txt").write_text("{{ order.nmae }}")
    with capture_logs() as logs:
        assert text_of(folder) == text_of(folder) == "Hi. Yours, the shopify team"

    told = [(line["event"], line["template"], line["kept"]) for line in logs]
    assert told == [("template.broken", "_signature.txt", True)]
    assert [problem.rpartition("/")[2] for problem in folder.problems] == [
        "_signature.txt:1: there is no order.nmae; did you mean order.name? (id, name, total, currency, status_url,"
        " created_at, cancel_reason, refund_amount, test, line_items)"
    ]

    (path / "one.txt").write_text(FRONT + 'Hello. {% include "_signature.txt" %}')
    assert text_of(folder) == "Hello. Yours, the shopify team"
    (path / "_signature.txt").write_text("Bye")
    assert text_of(folder) == "Hello. Bye"
    assert folder.problems == ()


def test_a_removed_partial_or_macro_breaks_what_uses_it_and_that_keeps_its_old_version(path, folder):
    (path / "_signature.txt").unlink()
    with capture_logs() as logs:
        assert text_of(folder) == "Hi. Yours, the shopify team"

    told = sorted((line["event"], line["template"]) for line in logs)
    assert told == [("template.broken", "one.txt"), ("template.removed", "_signature.txt")]
    (path / "_signature.txt").write_text("Bye")
    with capture_logs() as logs:
        assert text_of(folder) == "Hi. Bye"
    assert sorted((line["event"], line["template"]) for line in logs) == [
        ("template.loaded", "_signature.txt"),
        ("template.loaded", "one.txt"),
    ]


def test_a_message_with_a_new_partial_that_was_never_good_is_broken_too(path, folder):
    (path / "_new.txt").write_text("{{ order.nmae }}")
    (path / "_newer.txt").write_text("{{ order.nmae }}")
    (path / "one.txt").write_text(FRONT + '{% include "_new.txt" %}')
    assert text_of(folder) == "new"

    (path / "one.txt").write_text(FRONT + '{% include "_newer.txt" %}')
    assert text_of(folder) == "new"
    assert "_newer.txt has a problem of its own: mend it first" in folder.problems[-1]


def test_a_folder_of_partials_alone_has_no_message(path):
    with pytest.raises(Misconfigured, match="there is no template here"):
        TemplateFolder(path)
