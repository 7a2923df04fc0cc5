"""No template hangs a worker or fills its memory, whatever its source and the event: it ends with a reason."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bridge.compose import Rendered, TemplateFolder, match, read_template, render
from bridge.compose.budget import MAX_STEPS, Limited, TooMuch, step
from bridge.errors import Misconfigured
from bridge.events import Customer, Event
from bridge.reasons import Reason

FRONT = "---\nevent: order.shipped\n---\n"
RAW = {
    "list": [1] * 300_000,
    "ten": list(range(10)),
    "words": ["x" * 1000] * 3000,
    "text": "a" * 2_000_000,
    "dots": "a." * 100_000,
    "mail": "On " * 20_000,
    "html": "<div>" * 20_000 + "x",
    "object": {f"key{number}": number for number in range(200_000)},
    "huge": Decimal("1e999999999"),
    "large": Decimal("1e90"),
}
SIXTY = "{% for i in '" + "x" * 60 + "' %}"
LITERAL = "y" * 40_000


def event(**raw: object) -> Event:
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    customer = Customer(name="Jane", phone="+12125550123")
    return Event(kind="order.shipped", source="s", connection="c", occurred_at=at, customer=customer, raw=raw or RAW)


ENDLESS = {
    "a loop over a large payload": "{% for i in raw.list %}{% endfor %}x",
    "loops in loops": "{% for i in raw.list %}{% for j in raw.list %}{% endfor %}{% endfor %}x",
    "a loop that passes everything over": "{% for i in raw.list if i > 5 %}{% endfor %}x",
    "a loop over letters": "{% for c in raw.text %}{% endfor %}x",
    "a loop over an object": "{% for key, value in raw.object | items %}{% endfor %}x",
    "a loop that calls itself": "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
    "{{ m(40) }}x",
    "a caller that calls": "{% macro a() %}{{ caller() }}{% endmacro %}"
    "{% macro b() %}{% call a() %}{{ b() }}{% endcall %}{% endmacro %}{{ b() }}",
    "sorting by many keys": "{{ raw.words | sort(attribute='" + ",".join("a" * 20_000) + "') | list | length }}",
    "a sum of a large payload": "{{ raw.list | sum }}",
    "searching it": "{{ 5 in raw.list }}x",
    "comparing it": "{{ raw.object == raw.object }}x",
    "searching a list for each of its items": "{% set b = "
    + str(list(range(9000)))
    + " %}{% for i in 'xxxxxxxxxxxx' %}{{ b | select('in', b) | list | length }}{% endfor %}",
    "lists of lists": f"{{% set n = namespace(x=[1], y=[1]) %}}{SIXTY}{{% set n.x = [n.x, n.x] %}}"
    "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
    "tuples of tuples": f"{{% set n = namespace(x=(1,)) %}}{SIXTY}{{% set n.x = (n.x, n.x) %}}{{% endfor %}}"
    "{{ [n.x] | unique | list | length }}",
    "dicts of dicts": f"{{% set n = namespace(x={{1: 1}}) %}}{SIXTY}"
    "{% set n.x = {1: n.x, 2: n.x} %}{% endfor %}x",
    "arguments of arguments": "{% macro m(n) %}{% if n %}{{ m(n - 1, varargs, varargs) }}{% endif %}{% endmacro %}"
    "{{ m(60, 1) }}x",
    "filters on filters": "{% set n = namespace(x=raw.ten) %}{% for i in raw.list %}{% set n.x = n.x | map('string') %}"
    "{% endfor %}{{ n.x | list | length }}",
    "many pieces of a text": "{% set n = namespace(x=[]) %}{% for i in raw.list %}"
    "{% set n.x = n.x + [raw.dots[loop.index:40000]] %}{% endfor %}{{ n.x | length }}",
    "many long texts": "{% set t = '" + LITERAL + "' %}{% set n = namespace(x=[]) %}{% for i in raw.list %}"
    "{% set n.x = n.x + [t ~ loop.index] %}{% endfor %}{{ n.x | length }}",
    "endless output": f"{{% for i in raw.list %}}{LITERAL}{{% endfor %}}",
    "two long outputs": f"{LITERAL}{LITERAL}",
    "endless output of a macro": f"{{% macro m() %}}{{% for i in raw.ten %}}{LITERAL}{{% endfor %}}{{% endmacro %}}"
    "{{ m() | length }}",
    "endless output in a set": f"{{% set x %}}{{% for i in raw.ten %}}{LITERAL}{{% endfor %}}{{% endset %}}x",
    "nothing, again and again": "{% for i in raw.list %}" + "{{ '' if i else 1 }}" * 500 + "{% endfor %}",
    "splitting a large text": "{{ raw.text.split('a') | length }}",
    "a slow filter in a loop": "{% for i in raw.list %}{% set x = raw.mail | plain %}{% endfor %}x",
    "another": "{% for i in raw.list %}{% set x = raw.html | plain %}{% endfor %}x",
    "a third": "{% for i in raw.list %}{% set x = raw.dots | shorten(2000) %}{% endfor %}x",
    "a number of a billion digits": "{{ raw.huge | int }}",
    "one in a format": "{{ '%d' | format(raw.huge) }}",
    "one that is computed": f"{{% set n = namespace(x=raw.large) %}}{SIXTY}{{% set n.x = n.x * n.x %}}{{% endfor %}}"
    "{{ n.x | int }}",
    "bytes": "{% set n = raw.ten[5] %}{{ n.to_bytes(999999999, 'big') | length }}",
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_template_without_end_ends_with_a_reason_that_names_the_place(body):
    template = read_template(f"---\nevent: order.shipped\n---\n{body}", "t.txt")
    began = time.thread_time()
    outcome = render(template, event())

    assert time.thread_time() - began < 2
    assert isinstance(outcome, Reason)
    if outcome.code == "template_error":
        assert outcome.detail.startswith("t.txt:4: ")
    else:
        assert (outcome.code, outcome.detail) == ("missing_value", "raw.huge")


def test_a_condition_ends_too():
    template = read_template(
        "---\nevent: order.shipped\nwhen: raw.list | sort | list | length > 1\n---\nHello", "t.txt"
    )

    assert match([template], event()).reason == Reason(
        code="template_error",
        detail="t.txt:3: TooMuch (it takes more than 100000 steps: loops, or macros that call each other, without end)",
    )


INCLUDES = {
    "one that includes itself": {"_a.txt": "\n{% include '_a.txt' %}"},
    "two that include each other": {"_a.txt": "\n{% include '_b.txt' %}", "_b.txt": "{% include '_a.txt' %}"},
    "two that include each other twice": {
        "_a.txt": "\n{% include '_b.txt' %}{% include '_b.txt' %}",
        "_b.txt": "{% include '_a.txt' %}{% include '_a.txt' %}",
    },
    "one that imports itself": {"_a.txt": "\n{% import '_a.txt' as a %}"},
    "macros of two partials": {
        "_a.txt": "{% import '_b.txt' as b %}{{ b.m() }}",
        "_b.txt": "\n{% macro m() %}{% include '_a.txt' %}{% endmacro %}",
    },
    "doubling with an end": {
        "_a.txt": "{% import '_b.txt' as b %}{{ b.m(30) }}",
        "_b.txt": "\n{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}",
    },
}


@pytest.mark.parametrize("files", INCLUDES.values(), ids=INCLUDES.keys())
def test_partials_that_include_each_other_without_end_end_with_a_reason_that_names_one(tmp_path: Path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "one.txt").write_text(FRONT + "a\n{% include '_a.txt' %}")
    (template,) = TemplateFolder(tmp_path).current()
    began = time.thread_time()
    outcome = render(template, event())

    assert time.thread_time() - began < 2
    assert isinstance(outcome, Reason)
    assert outcome.code == "template_error"
    place, _, words = outcome.detail.removeprefix(f"{tmp_path.as_posix()}/").partition(": ")
    assert place in ("_a.txt:1", "_a.txt:2", "_b.txt:1", "_b.txt:2")
    assert words.startswith(
        ("RecursionError (includes or macros that call each other without end)", "TooMuch (it takes more than")
    )


LARGE = {
    "parentheses": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "lists in lists": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "conditions in conditions": "{% if 1 %}" * 2500 + "x" + "{% endif %}" * 2500,
    "conditions": "{% if raw.a %}x{% endif %}" * 2000,
    "a chain of conditions": "{% if raw.a %}x" + "{% elif raw.b %}y" * 3000 + "{% endif %}",
    "loops in loops": "{% for i in raw.a %}" * 400 + "{% endfor %}" * 400,
    "macros in macros": "{% macro m() %}" * 300 + "x" + "{% endmacro %}" * 300,
    "misspelt names": "".join(f"{{% set abc{number} = 1 %}}{{{{ abd{number} }}}}" for number in range(1500)),
    "a long sum": "{{ 1" + "+1" * 20_000 + " }}",
    "a long chain of filters": "{{ 'x'" + " | upper" * 6000 + " }}",
    "a chain of growing filters": "{{ 'x'" + " | replace('x', 'xxxxxxxxxx')" * 1500 + " }}",
    "a long text of parts": "{{ raw.a" + " ~ raw.a" * 5000 + " }}",
    "a number": "{{ " + "9" * 60_000 + " }}",
    "a long path": "{{ raw" + ".a" * 20_000 + " }}",
    "signs": "{{ " + "-" * 20_000 + "1 }}",
    "braces": "{" * 60_000,
    "comments": "{#" * 30_000,
    "many calls": "{{ raw" + ".a()" * 10_000 + " }}",
    "a dictionary": "{{ {" + "1: 1," * 10_000 + "} | length }}",
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE.keys())
def test_a_large_template_is_read_or_refused_in_time(body):
    began = time.thread_time()
    problems: tuple[str, ...] = ()
    try:
        assert isinstance(render(read_template(FRONT + body, "t.txt"), event()), Reason | Rendered)
    except Misconfigured as refused:
        problems = refused.problems

    assert all(problem.startswith("t.txt:4: ") for problem in problems)
    assert len(problems) <= 50
    # Twice what the slowest takes; what grew with the square of the size would take minutes.
    assert time.thread_time() - began < 5


def test_an_order_of_many_items_is_no_trouble():
    lines = [{"title": f"Mug {number}", "price": "9.50", "note": None} for number in range(250)]
    body = (
        "{% macro line(item) %}{{ item.title | upper | trim }} {{ item.price | money('USD') }}"
        "{{ item.note | plain | shorten(20) if item.note }}{% endmacro %}"
        "{% for item in raw.lines | sort(attribute='title') %}{{ line(item) }}{{ ', ' if not loop.last }}{% endfor %}"
    )
    rendered = render(read_template(FRONT + body, "t.txt"), event(lines=lines))

    assert isinstance(rendered, Rendered)
    assert rendered.body.startswith("MUG 0 $9.50, MUG 1 $9.50, MUG 10 $9.50")


def test_a_mail_of_megabytes_is_shortened():
    mail = "<p>Hello Jane, it is on its way.</p>" + "<p>Sent from my phone</p>" * 100_000
    rendered = render(read_template(FRONT + "{{ raw.mail | plain | shorten(40) }}", "t.txt"), event(mail=mail))

    assert isinstance(rendered, Rendered)
    assert rendered.body == "Hello Jane, it is on its way.\n\nSent..."


def test_each_thread_and_each_rendering_has_a_budget_of_its_own():
    def spend() -> None:
        step(MAX_STEPS - 1)

    with Limited():
        spend()
        other = threading.Thread(target=lambda: [spend(), ended.append(True)])
        ended: list[bool] = []
        other.start()
        other.join()
        assert ended
        with pytest.raises(TooMuch):
            spend()
    with Limited():
        spend()
