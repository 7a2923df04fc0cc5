"""What a template may say, what it must never print, and which templates answer an event."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import Matched, Rendered, Template, match, read_template, render
from bridge.compose.values import MissingValue, wrap
from bridge.errors import Misconfigured
from bridge.events import Customer, Event, LineItem, Order, Shipment, Ticket
from bridge.reasons import Reason

RAW = {
    "items": [{"title": "Mug", "price": "9.50", "sku": None}, {"title": "Cup", "price": "4.00"}],
    "tags": ["vip", "eu"],
    "holes": ["a", None],
    "empty": [],
    "note": "",
    "count": 2,
    "paid": True,
    "nothing": None,
    "x-key": "dashed",
    "address": {"city": "Leeds", "lines": ["1 High St"]},
}


def event(kind: str = "order.shipped", **parts: object) -> Event:
    known = {
        "customer": Customer(name="Jane Doe", first_name="Jane", phone="+12125550123"),
        "order": Order(
            id="450789469",
            name="#1001",
            total=Decimal("49.90"),
            currency="USD",
            line_items=(LineItem(title="Mug", quantity=Decimal("2")), LineItem(title=None)),
        ),
        "shipment": Shipment(),
        "ticket": Ticket(id="35436"),
        "raw": RAW,
    }
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    return Event(kind=kind, source="shopify", connection="shop-eu", occurred_at=at, **(known | parts))


def template(body: str = "Hello", front: str = "", kind: str = "order.shipped") -> Template:
    return read_template(f"---\nevent: {kind}\n{front}\n---\n{body}\n", "t.txt")


def body(source: str, **parts: object) -> str:
    rendered = render(template(source), event(**parts))
    assert isinstance(rendered, Rendered), rendered
    return rendered.body


def reason(source: str, front: str = "", **parts: object) -> Reason:
    rendered = render(template(source, front), event(**parts))
    assert isinstance(rendered, Reason), rendered
    return rendered


def problems(source: str) -> list[str]:
    with pytest.raises(Misconfigured) as raised:
        template(source)
    return list(raised.value.problems)


# -- values ------------------------------------------------------------------------------------------------------

SAID = [
    ("{{ customer.first_name }}", "Jane"),
    ("{{ order.total }}", "49.90"),
    ("{{ order.total * 2 }}", "99.80"),
    ("{{ event.kind }} {{ event.source }} {{ event.connection }}", "order.shipped shopify shop-eu"),
    ("{{ raw.items[0].title }} {{ raw['items'][1]['title'] }} {{ raw['x-key'] }}", "Mug Cup dashed"),
    ("{{ raw.items | length }} {{ raw.count }}", "2 2"),
    ("{{ raw.items | map(attribute='title') | join(' and ') }}", "Mug and Cup"),
    ("{{ raw.items | join(', ', attribute='title') }}", "Mug, Cup"),
    ("{{ raw.tags[:1] | join }}{{ ' yes' if 'vip' in raw.tags }}", "vip yes"),
    ("{% for item in order.line_items[:1] %}{{ item.quantity }} {{ item.title }}{% endfor %}", "2 Mug"),
    ("{{ raw.address.lines | first }}, {{ raw.address.city | upper }}", "1 High St, LEEDS"),
    ("{% for key, value in raw.address | items if key == 'city' %}{{ value }}{% endfor %}", "Leeds"),
    ("{{ '%s of %d' | format(order.name, 3) }} {{ 'a%s' % order.id }}", "#1001 of 3 a450789469"),
    ("{% set n = namespace(x=0) %}{% for i in raw.items %}{% set n.x = n.x + 1 %}{% endfor %}{{ n.x }}", "2"),
    ("{% macro hi(name) %}Hi {{ name }}{% endmacro %}{{ hi(customer.first_name) }}", "Hi Jane"),
    ("Tom & <Jerry>", "Tom & <Jerry>"),
    ("  a  \n\n\n\n b\t\n", "a\n\n b"),
    # What is missing is like None in tests, false in comparisons, and gives way to a default.
    ("a{{ ', ' ~ shipment.carrier if shipment.carrier }}!", "a!"),
    ("a{{ (shipment.carrier if shipment.carrier) | upper }}!", "a!"),
    ("{{ shipment.carrier | default('the carrier') }}", "the carrier"),
    ("{{ shipment.carrier | upper | default('the carrier') }}", "the carrier"),
    ("{{ raw.a.b[0].c | plain | shorten(20) | default('deep') }}", "deep"),
    ("{{ shipment.carrier or 'us' }}", "us"),
    ("{{ 'x' if shipment.carrier is none and shipment.carrier is not defined }}", "x"),
    ("{{ 'x' if raw.nothing == none and raw.nothing == raw.other }}", "x"),
    ("{{ 'less' if raw.other < 5 else 'not less' }}", "not less"),
    ("{{ 'in' if 'x' in raw.other else 'not in' }}{% for x in raw.other %}{{ x }}{% endfor %}", "not in"),
    ("{{ 'known' if order else 'unknown' }} {{ 'known' if shipment else 'unknown' }}", "known unknown"),
]


@pytest.mark.parametrize(("source", "said"), SAID)
def test_a_body_says_what_the_event_knows(source, said):
    assert body(source) == said


NOT_SAID = [
    ("{{ shipment.carrier }}", "shipment.carrier"),
    ("{{ shipment.carrier | upper }}", "shipment.carrier"),
    ("{{ shipment.carrier | plain | shorten(20) }}", "shipment.carrier"),
    ("{{ 'a' ~ shipment.carrier }}", "shipment.carrier"),
    ("{{ order.total + order.refund_amount }}", "order.refund_amount"),
    ("{{ order.total - raw.a.b }}", "raw.a.b"),
    ("{{ -raw.discount }}", "raw.discount"),
    ("{{ raw.nothing }}", "raw.nothing"),
    ("{{ raw['x-other'] }}", "raw.x-other"),
    ("{{ raw.address.zip.code }}", "raw.address.zip.code"),
    ("{{ raw.items[0].sku }}", "raw.items[0].sku"),
    ("{{ raw.items[7].title }}", "raw.items[7].title"),
    ("{{ raw.empty | first }}", "raw.empty | first"),
    ("{{ raw.empty | max }}", "raw.empty | max"),
    ("{{ raw.holes | join }}", "raw.holes[1]"),
    ("{{ order.line_items | map(attribute='title') | join(', ') }}", "order.line_items[1].title"),
    ("{% set x = raw.foo %}{{ x }}", "raw.foo"),
    ("{{ raw.get('note') }}", "raw.get"),
    ("{{ raw.address.items }}", "raw.address.items"),
    # Structures, however they come to stand in the text.
    ("{{ raw.items }}", "raw.items"),
    ("{{ raw.address }}", "raw.address"),
    ("{{ customer }}", "customer"),
    ("{{ order.line_items }}", "order.line_items"),
    ("{{ order.line_items[0] }}", "order.line_items[0]"),
    ("{{ '' ~ raw.tags }}", "raw.tags"),
    ("{{ '%s' | format(raw.tags) }}", "raw.tags"),
    ("{{ '%s' % raw.address }}", "raw.address"),
    ("{{ [raw.address] | join }}", "raw.address"),
    ("{{ raw.tags | string }}", "raw.tags"),
    ("{{ raw.address | upper }}", "raw.address"),
    ("{{ 'x' | replace('x', raw.tags) }}", "raw.tags"),
    ("{{ [1] | upper }}", "a list, which is not text"),
    ("{{ raw.tags | list }}", "a list, which is not text"),
    ("{{ [1] ~ '' }}", "a list, which is not text"),
    ("{{ [[1]] | join }}", "a list, which is not text"),
    ("{{ '%s' % ([1],) }}", "a list, which is not text"),
    ("{{ raw.tags | map('upper') }}", "a generator, which is not text"),
    ("{{ none }}", "a NoneType, which is not text"),
    ("{{ customer.name.upper }}", "a builtin_function_or_method, which is not text"),
]


@pytest.mark.parametrize(("source", "name"), NOT_SAID)
def test_what_is_missing_or_no_text_is_never_printed_and_named(source, name):
    assert reason(source) == Reason(code="missing_value", detail=name)


@pytest.mark.parametrize("value", [None, {}, [], Customer()])
@pytest.mark.parametrize("printed", [str, repr, "{}".format, "%s".__mod__])
def test_no_way_round_the_language_prints_a_value_that_is_no_text(value, printed):
    with pytest.raises(MissingValue, match=r"^raw\.x$"):
        printed(wrap(value, "raw.x"))


def test_a_key_that_was_computed_is_not_named_because_it_may_be_a_persons_data():
    assert reason("{{ raw[customer.phone] }}").detail == "raw[...]"
    assert reason("{{ raw.address[customer.name].x }}").detail == "raw.address[...].x"


def test_every_root_exists_for_an_event_that_knows_nothing():
    bare = Event(kind="order.shipped", source="s", connection="c", occurred_at=datetime(2026, 1, 1, tzinfo=UTC))

    rendered = render(template("a{{ customer.name or order.id or ticket.url or shipment.id or raw.x or 'b' }}"), bare)

    assert rendered == Rendered(to=None, body="ab", link=None, media_url=None)


def test_an_empty_body_is_never_sent():
    assert reason("{{ raw.note }}") == Reason(code="empty_body", detail="t")


@pytest.mark.parametrize("source", ["{% raw %}{{ name }}{% endraw %}", "{{ '{' }}", "a } b"])
def test_a_brace_in_a_text_looks_like_an_unfilled_placeholder(source):
    assert reason(source) == Reason(code="braces_in_body", detail="t")


def test_a_failing_template_names_the_line_and_no_persons_data():
    assert reason("Hi\n{{ customer.name + 1 }}").detail == (
        't.txt:6: TypeError (can only concatenate str (not "int") to str)'
    )
    assert reason("{{ customer.name | shorten }}").code == "template_error"
    assert reason("{{ 1 / 0 }}").detail == "t.txt:5: ZeroDivisionError (division by zero)"
    assert reason("{{ [1].index(customer.name) }}").detail == "t.txt:5: ValueError"
    assert "Jane" not in reason("{{ customer.name | money('USD') }}").detail
    assert "Jane" not in reason("{{ customer.name | date }}").detail


ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ customer.__class__ }}",
    "{{ raw.__init__.__globals__ }}",
    "{{ raw.tags.append('x') }}",
    "{{ order.total.__class__ }}",
    "{{ (customer.name.upper)['__self__'] }}",
    "{{ namespace.__init__ }}",
    "{{ self.__init__ }}",
    "{{ loop.__class__ }}",
    "{{ raw | map(attribute='__class__') | join }}",
    "{{ [''] | map(attribute='__class__') | join }}",
    "{{ '{0.__class__}'.format(customer) }}",
    "{{ customer.name.format(1) }}",
    "{{ customer | attr('name') }}",
    "{{ lipsum() }}",
    "{{ range(9) | join }}",
    "{{ cycler(1) }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 'x' * 999999999 }}",
    "{{ [1] * 999999999 }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ '%*d' | format(999999999, 1) }}",
    "{{ 'x'.ljust(999999999) }}",
    "{{ customer.name.zfill(999999999) }}",
    "{% set name = customer.name %}{{ name.ljust(20) }}",
    "{% set text = 'x{0}' %}{{ text.format(customer.name) }}",
    "{% set n = namespace(x='xx') %}{% for a in '" + "x" * 50 + "' %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x='xx') %}{% for a in '" + "x" * 50 + "' %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=9) %}{% for a in '" + "x" * 50 + "' %}{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x='xx') %}{% for a in '" + "x" * 50 + "' %}"
    "{% set n.x = [n.x, n.x] | join %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x='xx') %}{% for a in '" + "x" * 50 + "' %}"
    "{% set n.x = n.x | replace('x', 'xx') %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=[1]) %}{% for a in '" + "x" * 50 + "' %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x[0] }}",
    "{% set n = namespace(x='xx') %}{% for a in '" + "x" * 50 + "' %}"
    "{% set n.x = '%s%s' | format(n.x, n.x) %}{% endfor %}{{ n.x }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% extends 'x' %}",
    "{{ customer.name | safe }}",
    "{% autoescape true %}{{ customer.name }}{% endautoescape %}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_template_cannot_leave_its_sandbox_or_fill_the_memory(source):
    try:
        loaded = template(source)
    except Misconfigured:
        return
    assert isinstance(render(loaded, event()), Reason)


# -- the other expressions ---------------------------------------------------------------------------------------


def test_to_link_and_media_url_are_taken_from_the_event():
    front = (
        "to: raw.shipping.phone or customer.phone\n"
        'link: "{{ event.connection }}.attn.tv"\n'
        "media_url: raw.image.src if order.total > 10"
    )
    with_image = RAW | {"image": {"src": "https://shop.example/mug.png"}}

    assert render(template(front=front), event(raw=with_image)) == Rendered(
        to="+12125550123", body="Hello", link="shop-eu.attn.tv", media_url="https://shop.example/mug.png"
    )
    assert render(template(front=front), event(customer=Customer())) == Rendered(
        to=None, body="Hello", link="shop-eu.attn.tv", media_url=None
    )


def test_a_phone_that_is_a_number_in_the_payload_becomes_text():
    rendered = render(template(front="to: raw.phone"), event(raw={"phone": 12125550123}))

    assert isinstance(rendered, Rendered)
    assert rendered.to == "12125550123"


def test_a_link_follows_the_rules_of_the_body():
    assert reason("Hello", 'link: "{{ shipment.tracking_url }}"') == Reason(
        code="missing_value", detail="shipment.tracking_url"
    )
    assert reason("Hello", "link: \"{{ '{' }}\"").code == "braces_in_body"


@pytest.mark.parametrize("key", ["to", "media_url"])
def test_an_expression_that_gives_a_structure_is_a_mistake_and_named(key):
    assert reason("Hello", f"{key}: raw.address") == Reason(code="missing_value", detail="raw.address")


# -- match -------------------------------------------------------------------------------------------------------


def matched(*templates: Template) -> Matched:
    return match(templates, event())


TRUE = [
    "order.name",
    "raw.count == 2",
    "not shipment.carrier",
    "order.total > 49",
    "'vip' in raw.tags",
    "'x' ~ raw.count",
]
FALSE = [
    "shipment.carrier",
    "shipment",
    "raw.no.such.thing",
    "raw.other > 5",
    "order.refund_amount + 1 > 0",
    "raw.empty",
    "raw.note",
    "'a' ~ raw.other",
    "raw.other | float > 3",
]


@pytest.mark.parametrize("when", TRUE)
def test_a_template_answers_when_its_condition_holds(when):
    answering = template(front=f"when: {when}" if "'" not in when else f'when: "{when}"')

    assert matched(answering) == Matched(templates=(answering,), passed_over=(), reason=None)


@pytest.mark.parametrize("when", FALSE)
def test_in_a_condition_what_is_missing_is_false(when):
    waiting = template(front=f'when: "{when}"')
    condition_false = Reason(code="condition_false", detail=f"t: {when}")

    assert matched(waiting) == Matched(templates=(), passed_over=((waiting, condition_false),), reason=condition_false)


def test_a_condition_that_fails_says_so():
    failing = template(front="when: order.name > 5")

    found = matched(failing)

    assert found.reason == Reason(
        code="template_error", detail="t.txt:3: TypeError ('>' not supported between instances of 'str' and 'int')"
    )


def test_a_template_answers_only_its_kinds_sources_and_connections():
    any_shop, this_shop = template(), template(front="source: [shopify, woocommerce]\nconnection: shop-eu")
    other_kind = template(kind="order.delivered")
    other_source, other_shop = template(front="source: woocommerce"), template(front="connection: [shop-us, shop-ca]")

    found = matched(any_shop, this_shop, other_kind, other_source, other_shop)

    assert found == Matched(
        templates=(any_shop, this_shop),
        passed_over=(
            (other_source, Reason(code="no_template", detail="t is for source woocommerce only.")),
            (other_shop, Reason(code="no_template", detail="t is for connection shop-ca, shop-us only.")),
        ),
        reason=None,
    )


def test_an_event_that_no_template_answers_says_which():
    assert matched(template(kind="order.delivered")).reason == Reason(code="no_template", detail="order.shipped")
    assert matched().reason == Reason(code="no_template", detail="order.shipped")


def test_a_condition_that_was_not_met_says_more_than_a_template_for_another_shop():
    found = matched(template(front="connection: shop-us"), template(front="when: shipment.carrier"))

    assert found.reason == Reason(code="condition_false", detail="t: shipment.carrier")


def test_a_topic_of_the_senders_own_reaches_its_template():
    own = template(kind="shopify.checkouts.create")

    assert match([own], event(kind="shopify.checkouts.create")).templates == (own,)


# -- vocabulary --------------------------------------------------------------------------------------------------

CORRECT = [
    "{{ customer.name.split(' ')[0] }}",
    "{{ order.created_at.year }}",
    "{{ order.total.copy_abs() }}",
    "{{ raw.whatever.there.may['be'] }}",
    "{{ order['name'] }}",
    "{% for item in order.line_items %}{{ item.title }}{{ loop.index }}{% endfor %}",
    "{% for item in raw.items %}{{ item.anything }}{% endfor %}",
    "{% set name = customer.name %}{{ name }}",
    "{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
    "{{ order.line_items | selectattr('title') | list | length }}",
]


@pytest.mark.parametrize("source", CORRECT)
def test_names_that_exist_are_no_problem(source):
    assert template(source).body.source.strip() == source


MISSPELT = [
    ("{{ order.nmae }}", "there is no order.nmae; did you mean order.name? (id, name, total,"),
    ("a\n{{ order['nmae'] }}", "there is no order.nmae; did you mean order.name?"),
    ("{{ event.identity }}", "there is no event.identity (kind, source, connection, occurred_at)"),
    ("{{ customer.phones }}", "there is no customer.phones; did you mean customer.phone?"),
    ("{{ customer.name.first }}", "there is no customer.name.first: customer.name is a single value"),
    ("{{ order.test.x }}", "there is no order.test.x: order.test is a single value"),
    ("{% for i in order.line_items %}{{ i.titel }}{% endfor %}", "there is no i.titel; did you mean i.title?"),
    ("{% if custmer.name %}a{% endif %}", "there is no custmer; did you mean customer?"),
    ("{{ x }}", "there is no x (event, customer, order, ticket, shipment, raw)"),
    ("{{ order.name | uper }}", "there is no filter uper; did you mean upper?"),
    ("{% if order.name %}a{% else %}{{ 1 | mony }}{% endif %}", "there is no filter mony; did you mean money?"),
    ("{{ order.name | escape }}", "there is no filter escape"),
    ("{{ order.name | printable }}", "there is no filter printable"),
    ("{{ 'a' if order.name is definde }}", "there is no test definde; did you mean defined?"),
    ("{% set order = 1 %}{{ order }}", "order is a word of the bridge's own: choose another name here"),
    ("{% for customer in raw.x %}a{% endfor %}", "customer is a word of the bridge's own: choose another name here"),
    ("{{ '{}'.format(1) }}", 'a text has no format here: use "..." | format(value), or ~'),
    ("{% include 'x' %}", "x is no partial: its name must begin with _"),
    ("{{ order.name", "unexpected end of template, expected 'end of print statement'."),
    ("a\n{% if order.name %}b", "Unexpected end of template. Jinja was looking for the following tags: 'elif' or"),
    ("{{ order..name }}", "expected name or number"),
    ("", "there is no message here"),
    ("  \n{# a comment #}{% set x = 1 %}\n", "there is no message here"),
    ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "this is not a Jinja text that can be compiled"),
]


@pytest.mark.parametrize(("source", "problem"), MISSPELT)
def test_a_misspelt_name_is_found_when_the_template_is_loaded(source, problem):
    found = problems(source)
    line = 6 if source.startswith("a\n") else 5

    assert found[0].startswith(f"t.txt:{line}: {problem}"), found


# -- nothing but a text or a reason ------------------------------------------------------------------------------

PIECES = [
    *(
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "{# ",
        " #}",
        "{%- ",
        "-%}",
        "\n",
        " ",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        ":",
        "=",
    ),
    *(
        "customer",
        ".name",
        "order",
        ".total",
        ".line_items",
        "raw",
        ".items",
        "[0]",
        "x",
        "1",
        "0",
        "9.5",
        "'a'",
        "none",
    ),
    *(
        "if ",
        "else ",
        "elif ",
        "endif",
        "for ",
        "in ",
        "endfor",
        "set ",
        "endset",
        "macro ",
        "endmacro",
        "call ",
        "filter ",
    ),
    *(
        " | ",
        "money",
        "date",
        "plain",
        "shorten(20)",
        "join",
        "map",
        "sort",
        "default",
        "first",
        "int",
        "upper",
        "length",
    ),
    *(
        " + ",
        " - ",
        " * ",
        " / ",
        " ** ",
        " % ",
        " ~ ",
        " == ",
        " < ",
        " and ",
        " not ",
        " is ",
        "defined",
        "__class__",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_template_ends_in_anything_but_problems_a_text_or_a_reason(source):
    try:
        outcome = render(template(source), event())
    except Misconfigured:
        return

    assert isinstance(outcome, Rendered | Reason)


@given(st.lists(st.sampled_from(PIECES[6:]), min_size=1, max_size=12).map("".join))
def test_no_condition_ends_in_anything_but_problems_an_answer_or_a_reason(source):
    quoted = source.replace("'", "''")
    try:
        outcome = match([template(front=f"when: '{quoted}'")], event())
    except Misconfigured:
        return

    assert isinstance(outcome, Matched)


def test_a_slice_of_what_has_none_is_an_error_of_the_template_and_no_warning_of_pythons():
    assert reason("{{ 1[0:2] }}").code == "template_error"
    assert body("{{ customer.name[:4] }}{{ raw.other[1:2] | default('-') }}{{ 'abc'[::-1] }}") == "Jane-cba"
