"""Addresses in texts: what the templates may not do to them, and which of them carriers block a text for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from test_template_fuzz import FRONT, WHOLE, slow

from bridge import drafting, sources
from bridge.compose import TemplateFolder, read_template
from bridge.compose.link_lint import link_problems, partial_problems
from bridge.compose.links import PUBLIC_SHORTENERS, public_shortener
from bridge.connections import Account, Connection
from bridge.errors import Misconfigured
from bridge.events import Customer, Event, Ticket
from bridge.messages import Draft
from bridge.phone import ALLOWED_REGIONS
from bridge.route import Route

SHIPPED = TemplateFolder(Path(__file__).parents[1] / "templates").current()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def problems(body: str, *front: str) -> list[str]:
    """What is wrong with the addresses of a template, as `line: words`."""
    text = "\n".join(("---", "event: ticket.replied", *front, "---", body))
    return [problem.removeprefix("t.txt:") for problem in link_problems(read_template(text, "t.txt"))]


FINE = [
    "Track it here: {{ shipment.tracking_url }}",
    "{{ ticket.url }} is where to read on.",
    "Read {{ ticket.url }}\n. Thanks",
    "Read {{ ticket.url }} ({{ ticket.id }}).",
    '{{ "Read it here: " ~ ticket.url if ticket.url }}',
    "{% if ticket.url %}{{ ticket.url }}{% endif %}\nThanks.",
    "{{ ticket.url }}{% if order.id %} . {% endif %}",
    "{{ ticket.url }}?utm_source=sms",
    "{{ order.status_url }}/returns",
    "https://shop.example/orders?id={{ order.id }} is your order.",
    "https://shop.example/wiki/Mercury_(planet) is hot",
    "Write to help@shop.example.",
    "We are shop.example.",
    "At 10/12/2026, and/or later: 24.12/25.12.",
    "{{ ticket.comment }}.",
    "{{ ticket.url | trim }} {{ ticket.url | shorten(40) }} {{ ticket.url.strip() }}",
    "{{ ticket.url | default('https://shop.example/help') }}",
    "{{ ticket.url if ticket.url | length < 40 else 'https://shop.example/help' }}",
    "{% if 'dhl' in shipment.tracking_url | lower %}DHL{% endif %} has it",
    "{{ raw.tracking_urls[0] }} and {{ raw.tracking_urls | first }} too",
    "{{ raw.tracking_urls | join(' ') }}",
    "{% for url in raw.tracking_urls %}{{ url }} {% endfor %}",
    "{% set link = ticket.url %}{{ link }} and more.",
    "{{ raw.curly | upper }}. {{ raw.url_count }}. {{ order.name[:5] }}.",
]

#: body -> a piece of each problem, in order.
WRONG = [
    ("{{ shipment.tracking_url }}.", ["4: . right behind the address shipment.tracking_url"]),
    ("Hi\n{{ order.status_url }}!", ["5: ! right behind the address order.status_url"]),
    (
        "({{ ticket.url }})",
        ["4: ( right before the address ticket.url", "4: ) right behind the address ticket.url"],
    ),
    ("Track:{{ ticket.url }}", ["4: : right before the address ticket.url"]),
    ("“{{ ticket.url }}”", ["4: “ right before", "4: ” right behind"]),
    ("{{ ticket.url }}? Ask us.", ["4: ? right behind"]),
    ('{{ "See " ~ ticket.url ~ ", or ask." }}', ["4: , right behind the address ticket.url"]),
    ('{{ "See " + ticket.url + "." }}', ["4: . right behind"]),
    ('{{ "See %s." | format(ticket.url) }}', ["4: . right behind"]),
    ('{{ ticket.url if ticket.url else "us" }}.', ["4: . right behind"]),
    ('{{ ticket.url or "us" }}.', ["4: . right behind"]),
    ("{% if ticket.url %}{{ ticket.url }}{% else %}us{% endif %}.", ["4: . right behind"]),
    ("{{ ticket.url }}{% if order.id %}\n{% else %}.{% endif %}", ["5: . right behind"]),
    ("{{ ticket.url }}{{ customer.name if customer.id }}!", ["4: ! right behind"]),
    ("{% set link = ticket.url | trim %}\n{{ link }}.", ["5: . right behind the address ticket.url"]),
    ("{% set x %}See {{ ticket.url }}{% endset %}{{ x }}.", ["4: . right behind"]),
    ("{% macro m() %}{{ ticket.url }}.{% endmacro %}{{ m() }}", ["4: . right behind"]),
    ("{% for item in order.line_items %}{{ ticket.url }},{% endfor %}", ["4: , right before", "4: , right behind"]),
    ("{{ raw.url_of_url }}.", ["4: . right behind the address raw.url_of_url"]),
    ("{{ raw.order.statusUrl }}.", ["4: . right behind the address raw.order.statusUrl"]),
    ("{{ raw.tracking_urls[0] }}.", ["4: . right behind the address raw.tracking_urls[0]"]),
    ("{{ raw.tracking_urls | first }}.", ["4: . right behind the address raw.tracking_urls | first"]),
    ("Look\n\nSee https://shop.example/z, now", ["6: , right behind the address https://shop.example/z"]),
    ("See (www.shop.example/z)", ["4: ( right before the address www", "4: ) right behind the address www"]),
    ("See shop.example/z.", ["4: . right behind the address shop.example/z"]),
    ("https://shop.example/?id={{ order.id }}.", ["4: . right behind the address https://shop.example/?id="]),
    ("{{ ticket.url[:20] }}", ["4: [...] would cut or change the address ticket.url"]),
    ("{{ ticket.url[0] }}", ["4: [...] would cut or change"]),
    ("{{ ticket.url | upper }}", ["4: upper would cut"]),
    ("{{ ticket.url | lower }}", ["4: lower would cut"]),
    ("{{ ticket.url | title }}", ["4: title would cut"]),
    ("{{ ticket.url | urlencode }}", ["4: urlencode would cut"]),
    ("{{ ticket.url | replace('https://', '') }}", ["4: replace would cut"]),
    ("{{ ticket.url.split('?')[0] }}", ["4: split would cut"]),
    ("{{ ticket.url.upper() }}", ["4: upper would cut"]),
    ("{{ ('See ' ~ ticket.url) | upper }}", ["4: upper would cut"]),
    ("{{ 'See https://shop.example/z' | upper }}", ["4: upper would cut or change the address https://shop.example/z"]),
    ("{% filter upper %}{{ ticket.url }}{% endfilter %}", ["4: upper would cut"]),
    ("Look: https://bit.ly/3x", ["4: carriers block texts with addresses of the public shortener bit.ly"]),
    ('Look\n{{ "tinyurl.com/3x" if ticket.id else "us" }}', ["5: carriers block"]),
]


@pytest.mark.parametrize("body", FINE)
def test_an_address_that_arrives_whole_is_no_problem(body: str) -> None:
    assert problems(body) == []


@pytest.mark.parametrize(("body", "expected"), WRONG)
def test_an_address_that_would_lead_nowhere_is_a_problem_with_its_line(body: str, expected: list[str]) -> None:
    found = problems(body)

    assert len(found) == len(expected), found
    for problem, piece in zip(found, expected, strict=True):
        assert piece in problem


@pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template.name)
def test_the_shipped_templates_leave_addresses_whole(template) -> None:
    assert link_problems(template) == []


def test_translations_and_partials_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "replied.txt").write_text("---\nevent: ticket.replied\n---\n{% include '_end.txt' %}\n")
    (tmp_path / "replied.fr.txt").write_text("\nVoici : {{ ticket.url }}!\n")
    (tmp_path / "_end.txt").write_text("See\n{{ ticket.url }}.\n")
    folder = TemplateFolder(tmp_path)
    (template,), (partial,) = folder.current(), folder.partials

    (in_french,), (in_partial,) = link_problems(template), partial_problems(partial)

    assert in_french.startswith(f"{tmp_path}/replied.fr.txt:2: ! right behind")
    assert in_partial.startswith(f"{tmp_path}/_end.txt:2: . right behind")


@pytest.mark.parametrize(
    ("link", "body"),
    [
        ("client.attn.tv", "Hello"),
        ("https://shop.example/z", "See https://shop.example/z now"),
        ('"{{ order.status_url }}"', "See {{ order.status_url }} now"),
    ],
)
def test_attentives_short_domain_and_what_stands_in_the_body_too_may_be_the_link(link: str, body: str) -> None:
    assert problems(body, f"link: {link}") == []


@pytest.mark.parametrize(
    ("link", "body", "named"),
    [
        ("https://shop.example/z", "Hello", "https://shop.example/z"),
        ("https://shop.example/z", "See https://shop.example/y now", "https://shop.example/z"),
        ("shop.example/z", "Hello", "shop.example/z"),
        ('"{{ order.status_url }}"', "Hello", "order.status_url"),
    ],
)
def test_an_address_only_in_link_is_a_problem_that_says_where_it_belongs(link: str, body: str, named: str) -> None:
    (problem,) = problems(body, f"link: {link}")

    assert problem.startswith("3: link is for the short domain")
    assert f"write {named} there" in problem


#: text -> the shortener it is held for.
SHORTENED = [
    ("See https://bit.ly/3x", "bit.ly"),
    ("See HTTP://BIT.LY/3x", "bit.ly"),
    ("See bit.ly/3x.", "bit.ly"),
    ("(t.co/3x)", "t.co"),
    ("See https://www.tinyurl.com/3x", "tinyurl.com"),
    ("See https://preview.tinyurl.com/3x", "tinyurl.com"),
    ("See http://is.gd:80/x", "is.gd"),
    ("See https://shop.example/a then https://ow.ly/x", "ow.ly"),
    ("Words—bit.ly/3x", "bit.ly"),
    ("See https://someone@bit.ly/3x", "bit.ly"),
]
NOT_SHORTENED = [
    "See https://shop.example/bit.ly/3x",
    "See https://shop.example/?to=https://bit.ly/3x",
    "See https://notbit.ly/3x",
    "See https://bit.ly.shop.example/3x",
    "See chat.co/3x",
    "Write to jane@t.co/x",
    "We met at. bit.ly",
    "client.attn.tv",
    "",
]


@pytest.mark.parametrize(("text", "host"), SHORTENED)
def test_a_public_shortener_is_found_in_a_text(text: str, host: str) -> None:
    assert public_shortener(text) == host


@pytest.mark.parametrize("text", NOT_SHORTENED)
def test_an_address_of_ones_own_is_no_public_shortener(text: str) -> None:
    assert public_shortener(text) is None


def test_a_bare_link_can_be_a_public_shortener() -> None:
    assert public_shortener("Hello", "bit.ly") == "bit.ly"
    assert public_shortener("Hello", "client.attn.tv") is None


def test_the_list_of_shorteners_has_those_that_carriers_name() -> None:
    assert {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly"} < PUBLIC_SHORTENERS
    assert {"rebrand.ly", "rb.gy", "shorturl.at", "tiny.cc", "lnkd.in"} < PUBLIC_SHORTENERS


def test_ten_thousand_dots_and_letters_are_searched_in_no_time() -> None:
    for hostile in ("a." * 50_000, "a" * 100_000, "www." * 25_000, "https://" * 12_000, "a-." * 30_000):
        assert public_shortener(hostile) is None


#: What takes a while where each branch is walked through, each name followed anew or each pair kept.
LARGE = {
    "branches": "{{ '.' if order.id }}" * 3000,
    "names": "{% set a = ticket.url %}"
    + "".join(f"{{% set {'a' * n}a = {'a' * n} ~ {'a' * n} %}}" for n in range(1, 60))
    + "{{ " + "a" * 60 + " }}",
    "depth": "{{ " + "(" * 60 + "ticket.url" + ")" * 60 + " }}",
    "length": "https://shop.example/z " * 2700,
    "loops": "{% for x in raw.a %}" * 15 + "{{ ticket.url }} " + "{% endfor %}" * 15,
    "sum": "{{ " + " ~ ".join(["ticket.url"] * 3000) + " }}",
}  # fmt: skip


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
@pytest.mark.timeout(10)
def test_a_template_as_large_as_allowed_is_judged_in_no_time(body: str) -> None:
    tree_of = read_template(f"---\nevent: ticket.replied\n---\nHi {body}", "t.txt")

    assert all(problem.startswith("t.txt:4: ") for problem in link_problems(tree_of))


@slow
@given(body=WHOLE)
def test_no_template_that_loads_ends_the_judging_in_anything_but_problems(body: str) -> None:
    try:
        template = read_template(f"{FRONT}{body}", "t.txt")
    except Misconfigured:
        return
    assert all(problem.startswith("t.txt:") for problem in link_problems(template))


# What an agent writes reaches the text only when it is rendered.


def drafted(comment: str, phone: str = "+12125550123", sending: str = "on") -> Draft:
    """The message that a reply with this comment makes."""
    source = sources.discover()["zendesk"]
    route = Route(
        connection=Connection(name="zendesk", source="zendesk", secrets=()),
        source=source,
        account=Account(name="attentive"),
        allowed_regions=frozenset(ALLOWED_REGIONS),
        is_live=False,
        sending=sending,
    )
    event = Event(
        kind="ticket.replied",
        source="zendesk",
        connection="zendesk",
        occurred_at=NOW,
        customer=Customer(phone=phone),
        ticket=Ticket(comment=comment),
    )
    template = next(one for one in SHIPPED if one.name == "agent_replied")
    return drafting.draft(template, event, route, received_at=NOW, now=NOW)[0]


def test_a_reply_with_a_public_shortener_waits_for_a_person() -> None:
    draft = drafted("It is at bit.ly/3x, Jane")

    assert (draft.state, draft.reason and draft.reason.code) == ("held", "public_shortener")
    assert draft.reason
    assert draft.reason.detail == "bit.ly"
    assert draft.body
    assert draft.to


@pytest.mark.parametrize("comment", ["It is at https://shop.example/x.", "Is it (https://shop.example/x)?"])
def test_an_agents_own_sentence_is_not_blamed(comment: str) -> None:
    assert drafted(comment).state == "queued"


def test_a_shortener_holds_also_what_waits_for_sending_to_be_switched_on() -> None:
    draft = drafted("It is at bit.ly/3x", sending="hold")

    assert draft.reason
    assert draft.reason.code == "public_shortener"


def test_a_number_that_cannot_be_texted_says_more_than_a_shortener() -> None:
    draft = drafted("It is at bit.ly/3x", phone="+1 212 555 FLOW")

    assert draft.state == "skipped"
