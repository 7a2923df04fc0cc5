"""Tests beside a template: how their file is read, and what is told of one that does not pass."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from forked import run
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.compose import Template, TemplateFolder, read_template
from bridge.errors import Misconfigured
from bridge.sources import discover
from bridge.trying import beside, rehearsal
from bridge.trying.template_tests import TemplateTest, read_tests

SHIPPED = Path(__file__).parents[1] / "templates"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STAGES = rehearsal.bare_stages("Juniper & Pine")

TEMPLATE = """---
event: order.shipped
when: shipment.tracking_url
thread: "order {{ order.id }}"
---
Hi {{ customer.first_name or "there" }}, {{ order.name or "it" }} left: {{ shipment.tracking_url }}
"""
EVENT = """- name: a name
  event:
    event: order.shipped
    customer: {first_name: Jane}
    order: {id: 5, name: "#1001"}
    shipment: {tracking_url: "https://t.example/1"}
"""


def template(text: str = TEMPLATE) -> Template:
    return read_template(text, "templates/shipped.txt")


def read(text: str, of: Template | None = None) -> tuple[TemplateTest, ...]:
    return read_tests(text, "templates/shipped.tests.yaml", of or template())


def problems(text: str) -> Sequence[str]:
    with pytest.raises(Misconfigured) as caught:
        read(text)
    return caught.value.problems


def told(folder: Path, tests: str, text: str = TEMPLATE) -> beside.Verdict:
    """The verdict of these tests beside this template."""
    (folder / "shipped.txt").write_text(text)
    (folder / "shipped.tests.yaml").write_text(tests)
    (one,) = TemplateFolder(folder).current()
    verdict = beside.run_beside(one, STAGES, NOW)
    assert verdict is not None
    return verdict


# the file


def test_values_are_text_and_nothing_else() -> None:
    (test,) = read(
        EVENT.replace("first_name: Jane", "first_name: no, id: 12:30, locale: 007") + "  not_sent: no_phone\n"
    )

    assert test.event
    assert test.event["customer"] == {"first_name": "no", "id": "12:30", "locale": "007"}
    assert test.event["order"] == {"id": "5", "name": "#1001"}


def test_a_text_of_several_lines_ends_without_its_last_line_feed() -> None:
    one, two = read(EVENT + "  text: |\n    Hi\n\n    there\n- {name: b, sample: shopify/orders_create, text: [x, y]}")

    assert one.texts == ("Hi\n\nthere",)
    assert two.texts == ("x", "y")
    assert two.sample == ("shopify", "orders_create")
    assert (one.line, two.line) == (1, 11)


#: what is put behind or into EVENT -> the problem that must be told.
FAULTS = [
    ("", ":1: the file must be a list of tests"),
    ("name: x", ":1: the file must be a list of tests"),
    ("- just words", ":1: a test is a name, an event or a sample"),
    (EVENT, ":1: say what is expected: text, max_segments, to or thread, or not_sent"),
    (EVENT + "  txt: Hi\n", ":7: there is no txt; did you mean text?"),
    (EVENT + "  not_sent: no_fone\n", ":7: there is no reason no_fone; did you mean no_phone?"),
    (EVENT + "  not_sent: no_phone\n  text: Hi\n", ":8: what is not sent has no text"),
    (EVENT + "  max_segments: many\n", ":7: max_segments takes a whole number"),
    (EVENT + "  max_segments: 0\n", ":7: max_segments takes a whole number"),
    (EVENT + "  text: \n", ":7: text takes the text of the message"),
    (EVENT + "  text: {a: b}\n", ":7: text takes the text of the message"),
    (EVENT + "  text: Order #1001 #1002 left\n", ':7: everything from # on would be lost; put the value in quotes'),
    (EVENT + "  text: Order: left\n", ':7: this line cannot be read (mapping values are not allowed here)'),
    (EVENT + '  text: "Order left\n', ":7: a quote or a bracket that opens in this line is not closed"),
    (EVENT + "  to: +1\n  to: +2\n", ":8: to stands here a second time (first in line 7)"),
    (EVENT + "  text: a\n" + EVENT + "  text: b\n", ":8: there is a test of this name in line 1"),
    (EVENT + "  sample: shopify/orders_create\n  text: a\n", ":1: give either event: and its parts, or sample:"),
    ("- name: x\n  text: a\n", ":1: give either event: and its parts, or sample:"),
    (EVENT + "  set: {a: b}\n  text: a\n", ":7: set changes values of a sample"),
    (EVENT.replace("- name: a name\n", "- \n") + "  text: a\n", "name is missing"),
    (EVENT.replace("order.shipped", "order.created") + "  text: a\n", ":3: shipped does not answer order.created"),
    (EVENT.replace("    event: order.shipped\n", "") + "  text: a\n", ":2: event: is missing in it"),
    (EVENT.replace("first_name", "frist_name") + "  text: a\n", "4: there is no customer.frist_name; did"),
    (EVENT.replace("    order:", "    oder:") + "  text: a\n", ":5: an event has no oder; did you mean order?"),
    (EVENT.replace("{first_name: Jane}", "Jane") + "  text: a\n", ":4: customer takes lines below it"),
    (EVENT.replace("Jane", "[Jane]") + "  text: a\n", "4: customer.first_name takes one text"),
    (EVENT.replace("{first", "&a {first").replace("{id: 5,", "{id: *a,") + "  text: a\n", "this repeats another part"),
    ("- {name: x, sample: orders_create, text: a}", ":1: takes <source>/<name>, such as shopify/orders_create"),
    ("- {name: x, sample: shopify/order_create, text: a}", ":1: shopify has no sample order_create; did"),
    ("- name: x\n  sample: shopify/orders_create\n  set: {no.body: 5}\n  text: a", ":3: no.body: there is no 'no'"),
    ("- name: x\n  sample: shopify/orders_create\n  set: [a]\n  text: a", ":3: set takes lines `path: value`"),
    ("- name: x\n  event: order.shipped\n  text: a", ":2: event takes the lines of a canonical body"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), FAULTS)
def test_a_fault_in_the_file_is_told_with_its_line(text: str, problem: str) -> None:
    found = problems(text)

    assert all(one.startswith("templates/shipped.tests.yaml:") for one in found)
    assert any(problem in one for one in found), found


def test_all_faults_of_a_file_are_told_at_once() -> None:
    found = problems(
        EVENT
        + "  txt: a\n  not_sent: nothing\n"
        + EVENT.replace("a name", "b").replace("order: ", "oder: ")
        + "  to: a\n"
    )

    assert [one.split(":")[1] for one in found] == ["7", "8", "13"]


LINES = """
- name: a
  name: b
  event:
    event: order.shipped
  event: {event: order.shipped}
  text: x
  text: [x, {a: b}]
  to: 5
-
  sample: shopify/orders_create
  set: {a.b: 1, name: null}
  set: {line_items.0: &x [*x]}
  not_sent: no_phone
  max_segments: 99999999999999999999
  &a : *a
    customer: {phone: !!binary aa}
    order: {total: {a: 1}}
? - a
: b
---
{
]
"""


@given(st.one_of(st.lists(st.sampled_from(LINES.splitlines()), max_size=12).map("\n".join), st.text(max_size=200)))
@example("- " * 500)
@example("[" * 500)
@example("- {name: x, sample: shopify/orders_create, set: {line_items.0.price: 5, '': 1}, text: x}")
def test_no_file_of_tests_ends_in_anything_but_tests_or_problems(text: str) -> None:
    with contextlib.suppress(Misconfigured):
        assert read(text)


# running them

PASSING = [
    EVENT + '  text: "Hi Jane, #1001 left: https://t.example/1"\n',
    EVENT + '  to: "+12125550123"\n  thread: order 5\n  max_segments: 1\n',
    EVENT.replace("https://t.example/1", "") + "  not_sent: condition_false\n",
    EVENT.replace("first_name: Jane", 'phone: ""') + "  not_sent: no_phone\n",
    EVENT.replace("first_name: Jane", "phone: 1-800-FLOWERS") + "  not_sent: phone_has_letters\n",
    '- name: a\n  sample: shopify/fulfillments_create\n  to: "+12125550123"\n',
    "- name: a\n  sample: shopify/fulfillments_create_no_tracking\n  not_sent: condition_false\n",
    "- name: a\n  sample: shopify/fulfillments_create\n"
    '  set: {tracking_url: "https://t.example/9", tracking_urls: [null, {a: 5}]}\n  text: "Hi Maya, #4182 left: https://t.example/9"\n',
    "- name: a\n  sample: shopify/customers_create\n  not_sent: no_template\n",
]


@pytest.mark.parametrize("tests", PASSING)
def test_what_comes_out_as_expected_passes(tmp_path: Path, tests: str) -> None:
    assert told(tmp_path, tests) == beside.Verdict(passed=1)


#: tests -> what is expected, and what is got instead.
FAILING = [
    (EVENT + "  text: Hi Jane\n", "the text is another", "Hi Jane", "Hi Jane, #1001 left: https://t.example/1"),
    (
        EVENT + "  not_sent: condition_false\n",
        "what becomes of it",
        "not sent (condition_false)",
        "Hi Jane, #1001 left",
    ),
    (
        EVENT.replace("https://t.example/1", "") + "  text: Hi\n",
        "what becomes of it",
        "Hi",
        "not sent (condition_false)",
    ),
    (
        EVENT.replace("first_name: Jane", 'phone: ""') + "  not_sent: phone_invalid\n",
        "what becomes of it",
        "not sent (phone_invalid)",
        "not sent (no_phone)",
    ),
    (EVENT + '  to: "+12125550199"\n', "the recipient", "+12125550199", "+12125550123"),
    (EVENT + "  thread: order 6\n", "the thread", "order 6", "order 5"),
    (
        EVENT.replace("#1001", "#" + "1" * 154) + "  max_segments: 1\n",
        "the number of segments",
        "at most 1",
        "2 (206 GSM-7 units with the brand)",
    ),
    (EVENT + "  text: [a, b]\n", "the number of messages", "2", "1: Hi Jane"),
]


@pytest.mark.parametrize(("tests", "what", "expected", "got"), FAILING)
def test_what_comes_out_otherwise_is_told_with_both_sides(
    tmp_path: Path, tests: str, what: str, expected: str, got: str
) -> None:
    verdict = told(tmp_path, tests)

    assert verdict.passed == 0
    (problem,) = verdict.problems
    head, first, second = problem.split("\n")
    assert head.startswith(f"{tmp_path}/shipped.tests.yaml:1: a name: {what}")
    assert first.strip().startswith(f"expected: {expected}")
    assert second.strip().startswith(f"got:      {got}")


def test_a_text_of_several_lines_is_told_below_itself(tmp_path: Path) -> None:
    verdict = told(tmp_path, EVENT + "  text: |\n    Hi\n    there\n")

    assert "expected: Hi\n              there\n" in verdict.problems[0]


def test_a_template_for_one_source_or_connection_is_tested_as_that(tmp_path: Path) -> None:
    text = TEMPLATE.replace("Hi", "{{ event.source }} {{ event.connection }}:")
    # A connection that is not configured here is played by the first source.
    for front, said in (
        ("source: shopify", "shopify shopify"),
        ("connection: shop-eu", f"{next(iter(discover()))} shop-eu"),
    ):
        tests = EVENT + f'  text: "{said}: Jane, #1001 left: https://t.example/1"\n'
        verdict = told(tmp_path, tests, text.replace("when:", f"{front}\nwhen:"))
        assert verdict.problems == (), front


def test_quiet_hours_regions_preferred_phones_and_sending_do_not_matter_to_a_test(tmp_path: Path) -> None:
    settings = {"BRIDGE_SENDING": "off", "ALLOWED_REGIONS": "GB", "PHONE_PREFERENCE": "shipping"}
    done = run(["check"], {**settings, "TEMPLATES_DIR": str(SHIPPED)}, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert " tests passed, no problem." in done.stdout


# `bridge check`


def test_every_shipped_template_has_tests_and_they_pass() -> None:
    templates = TemplateFolder(SHIPPED).current()
    for one in templates:
        verdict = beside.run_beside(one, STAGES, NOW)
        assert verdict is not None, one.name
        assert verdict.problems == ()
        assert verdict.passed >= 3, one.name
        tests = read((SHIPPED / f"{one.name}.tests.yaml").read_text("utf-8"), one)
        assert any(test.not_sent for test in tests), one.name
        assert sum(test.texts is not None for test in tests) >= 2, one.name


def check(folder: Path, **files: str) -> tuple[int, str, str]:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    done = run(["check"], {"TEMPLATES_DIR": str(folder)}, folder)
    return done.returncode, done.stdout, done.stderr


def test_check_counts_the_tests_that_pass_and_ends_with_1_for_one_that_does_not(tmp_path: Path) -> None:
    good = EVENT + '  text: "Hi Jane, #1001 left: https://t.example/1"\n'
    status, out, err = check(tmp_path, shipped__txt=TEMPLATE, shipped__tests__yaml=good)
    assert (status, err) == (0, "")
    assert "1 test passed, no problem" in out

    bad = good + EVENT.replace("a name", "another").replace("Jane", "Joe") + "  text: Hi Jane\n"
    status, out, err = check(tmp_path, shipped__tests__yaml=bad)
    assert status == 1
    assert f"bridge: {tmp_path}/shipped.tests.yaml:8: another: the text is another\n" in err
    assert "    expected: Hi Jane\n    got:      Hi Joe, #1001 left: https://t.example/1\n" in err
    assert "1 test passed, what stands above" in out


def test_check_finds_tests_that_belong_to_no_template(tmp_path: Path) -> None:
    status, _, err = check(tmp_path, shipped__txt=TEMPLATE, shiped__tests__yaml=EVENT)

    assert status == 1
    assert f"{tmp_path}/shiped.tests.yaml:1: there is no template shiped for these tests" in err


def test_check_finds_tests_that_would_never_run_because_of_how_their_name_ends(tmp_path: Path) -> None:
    status, _, err = check(tmp_path, shipped__txt=TEMPLATE, shipped__tests__yml=EVENT)

    assert status == 1
    assert f"{tmp_path}/shipped.tests.yml:1: these tests do not run: rename the file to shipped.tests.yaml\n" in err


@pytest.mark.parametrize(
    ("front", "settings", "problem"),
    [
        ("source: shopfy", {}, "there is no source shopfy; did you mean shopify? ("),
        ("connection: shop-us", {"SHOPIFY_SECRETS": "x"}, "there is no connection shop-us (shopify)"),
        ("connection: [shopify, shoppify]", {"SHOPIFY_SECRETS": "x"}, "there is no connection shoppify; did you mean"),
    ],
)
def test_check_finds_a_source_or_connection_that_there_is_not(
    tmp_path: Path, front: str, settings: dict[str, str], problem: str
) -> None:
    (tmp_path / "shipped.txt").write_text(TEMPLATE.replace("when:", f"{front}\nwhen:"))
    done = run(["check"], {"TEMPLATES_DIR": str(tmp_path), **settings}, tmp_path)

    assert done.returncode == 1
    assert f"bridge: {tmp_path}/shipped.txt: {problem}" in done.stderr


@pytest.mark.parametrize(
    ("front", "settings"),
    [
        ("source: shopify", {}),
        ("connection: shop-us", {}),
        ("connection: shop-us", {"SHOP_US_SECRETS": "x", "CONNECTIONS": "shop-us=shopify"}),
    ],
)
def test_check_takes_a_source_that_there_is_and_a_connection_that_may_come(
    tmp_path: Path, front: str, settings: dict[str, str]
) -> None:
    (tmp_path / "shipped.txt").write_text(TEMPLATE.replace("when:", f"{front}\nwhen:"))
    done = run(["check"], {"TEMPLATES_DIR": str(tmp_path), **settings}, tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_check_tells_of_tests_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "shipped.tests.yaml").write_bytes(b"- name: x\n  text: \xff\n")
    status, _, err = check(tmp_path, shipped__txt=TEMPLATE)

    assert status == 1
    assert f"{tmp_path}/shipped.tests.yaml:2: this line is not UTF-8" in err


def test_check_finds_what_a_template_does_to_an_address(tmp_path: Path) -> None:
    status, _, err = check(tmp_path, shipped__txt=TEMPLATE.replace("tracking_url }}\n", "tracking_url }}.\n"))

    assert status == 1
    assert f"bridge: {tmp_path}/shipped.txt:6: . right behind the address shipment.tracking_url" in err


def test_check_tells_the_sample_that_a_text_is_too_long_with(tmp_path: Path) -> None:
    long = TEMPLATE.replace("when:", "max_segments: 1\nwhen:").replace(
        "Hi", "Hi there and very good news for you too" * 4
    )
    status, out, err = check(tmp_path, shipped__txt=long)

    assert status == 1
    assert "shipped.txt: shopify/fulfillments_create: The text is longer than its template allows" in err
    assert "  thread order {{ order.id }}; at most 1 segment\n" in out


def test_check_tells_of_a_list_that_a_text_cannot_print_without_saying_that_there_is_none(tmp_path: Path) -> None:
    listing = "---\nevent: order.created\n---\nYou ordered {{ order.line_items }}\n"
    status, _, err = check(tmp_path, listing__txt=listing)

    told = "no sample has order.line_items as a value that can stand in a text, so this message would never be sent"
    assert (status, err) == (1, f"bridge: {tmp_path}/listing.txt: {told}\n")


def test_a_template_that_no_sample_reaches_is_shown(tmp_path: Path) -> None:
    status, out, _ = check(tmp_path, shipped__txt=TEMPLATE.replace("order.shipped", "shopify.nothing.at_all"))

    assert status == 0
    assert "no sample reaches it" in out
