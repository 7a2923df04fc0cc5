"""The front matter of a template file: what is read from it, and what it says when something is wrong."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose.front_matter import read_front_matter
from bridge.compose.template import Template, read_template
from bridge.errors import Misconfigured

KEYS = (
    "event, source, connection, when, to, media_url, link, expires, if_unknown, quiet_hours, thread, supersedes,"
    " encoding, max_segments, retry_refused, if_media_fails, shrink_media, report"
)

ACCEPTED = [
    ("event: order.shipped                  # one kind or a list", {"event": "order.shipped"}),
    ("when: shipment.tracking_url           # optional Jinja expression", {"when": "shipment.tracking_url"}),
    ("expires: 12h  #", {"expires": "12h"}),
    ("when: 'a' # behind a quote one space will do", {"when": "a"}),
    ("event: [order.shipped, order.delivered] # a list", {"event": ("order.shipped", "order.delivered")}),
    ("event:\n- order.shipped  # first\n- order.delivered", {"event": ("order.shipped", "order.delivered")}),
    ("event:\n  - order.shipped", {"event": ("order.shipped",)}),
    ("# what it is for\n\nexpires: 12h", {"expires": "12h"}),
    ('thread: "order #{{ order.id }}"', {"thread": "order #{{ order.id }}"}),
    ("thread: 'it''s'", {"thread": "it's"}),
    ("when: raw.url == 'a#b'", {"when": "raw.url == 'a#b'"}),
    ("when: >\n  raw.a and\n  raw.b # not a comment here", {"when": "raw.a and raw.b # not a comment here"}),
    ("when: order.total > 5 and\n  order.name", {"when": "order.total > 5 and order.name"}),
    # YAML 1.1 would read a boolean, a base-60 number, a date, null and an octal number.
    (
        "a: no\nb: 12:30\nc: 2026-11-23\nd: ~\ne: 010",
        {"a": "no", "b": "12:30", "c": "2026-11-23", "d": "~", "e": "010"},
    ),
    ("", {}),
]


@pytest.mark.parametrize(("front", "values"), ACCEPTED)
def test_front_matter_is_text_and_lists_of_text(front, values):
    read = read_front_matter(f"---\n{front}\n---\nHello")

    assert (dict(read.values), read.problems) == (values, ())


DOCUMENTED = """---
event: order.shipped                  # one kind or a list
source: shopify                       # optional: only this source; `connection:` likewise
when: shipment.tracking_url           # optional Jinja expression
to: customer.phone                    # Jinja expression; this is the default
media_url: raw.image.src              # optional Jinja expression -> MMS
link: client.attn.tv                  # optional Jinja text: Attentive's configured short link
expires: 12h                          # a late text is noise; default 24h after receipt
quiet_hours: 21:00-08:00              # in the person's time zone; deferred, not dropped
thread: "order {{ order.id }}"        # Jinja text: messages of one thread leave in order
supersedes: true                      # a newer one of the thread replaces an unsent older one
---
Good news{{ ", " ~ customer.first_name if customer.first_name }}! Order {{ order.name }} is on its way.
"""


def test_the_documented_example_is_read_comments_and_all():
    read = read_front_matter(DOCUMENTED)

    assert read.problems == ()
    assert (read.values["quiet_hours"], read.values["thread"]) == ("21:00-08:00", "order {{ order.id }}")
    loaded = read_template(DOCUMENTED, "t.txt")
    assert (str(loaded.quiet_hours), loaded.supersedes, loaded.expires) == ("21:00-08:00", True, timedelta(hours=12))


LOST = "everything from # on would be lost; put the value in quotes: "
REFUSED = [
    ("thread: order #{{ order.id }}", 2, LOST + 'thread: "order #{{ order.id }}"'),
    ("link: a.b #x", 2, LOST + 'link: "a.b #x"'),
    ("when: x # y", 2, LOST + 'when: "x # y"'),
    ("when: x  #y", 2, LOST + 'when: "x  #y"'),
    ('when: raw.a == "b" #c', 2, LOST + "when: 'raw.a == \"b\" #c'"),
    ("link: #x", 2, LOST + 'link: "#x"'),
    ("link:    # x", 2, LOST + 'link: "# x"'),
    ("event:\n- a # b", 3, LOST + '- "a # b"'),
    ("when: a and\n  b # c", 3, LOST + 'when: "a and b # c"'),
    ("link: {{ raw.x }}", 2, 'put the value in quotes: link: "{{ raw.x }}"'),
    ("link: {{ raw.x }}/y", 2, 'put the value in quotes: link: "{{ raw.x }}/y"'),
    ('link: {{ raw["x"] }}', 2, "put the value in quotes: link: '{{ raw[\"x\"] }}'"),
    ("link: see: this", 2, 'put the value in quotes: link: "see: this"'),
    ("when: !tag x", 2, 'put the value in quotes: when: "!tag x"'),
    ("when: *x", 2, 'put the value in quotes: when: "*x"'),
    ("when: %x", 2, 'put the value in quotes: when: "%x"'),
    (
        'when: "a" in raw.tags',
        2,
        "this line cannot be read (expected <block end>, but found '<scalar>');"
        " put the value in quotes: when: '\"a\" in raw.tags'",
    ),
    ('when: "a', 2, "a quote or a bracket that opens in this line is not closed, or not in the right place"),
    ("event: [a, b", 2, "a quote or a bracket that opens in this line is not closed, or not in the right place"),
    ("event: a\nwhen: b\nevent: c", 4, "event stands here a second time (first in line 2)"),
    (
        "event: a\n  expires: 12h",
        3,
        "this line cannot be read: if expires is a key, begin the line with it;"
        " else put the value above on one line, in quotes",
    ),
    ("event:order.shipped", 2, "this is not a line `key: value` (a colon, then a space)"),
    ("only words", 2, "this is not a line `key: value` (a colon, then a space)"),
    ("- a", 2, "the front matter must be lines of `key: value`"),
    ("when:\n  a: b", 3, "when takes a text or a list of texts, nothing nested: put the value in quotes"),
    ("event: [[a]]", 2, "event takes a text or a list of texts, nothing nested: put the value in quotes"),
    ("event: a\x00b", 1, "the front matter holds characters that cannot be read as text"),
]


@pytest.mark.parametrize(("front", "line", "problem"), REFUSED)
def test_what_yaml_would_drop_or_twist_is_a_problem_that_says_what_to_quote(front, line, problem):
    assert read_front_matter(f"---\n{front}\n---\nHello").problems == ((line, problem),)


def test_the_body_keeps_its_lines_and_knows_where_it_begins():
    read = read_front_matter("---\r\nevent: order.shipped\r\n---\r\nOne\r\n---\r\nTwo\r\n")

    assert (read.body, read.body_line) == ("One\n---\nTwo\n", 4)


@pytest.mark.parametrize("text", ["", "Hello", "\n---\nevent: order.shipped\n---\nHello"])
def test_a_file_without_front_matter_says_how_to_begin(text):
    assert problems(text) == [
        "t.txt:1: the file must begin with a line ---, and below it event: and what else the template needs"
    ]


def test_front_matter_that_is_not_closed_says_so():
    assert problems("---\nevent: order.shipped\nHello") == [
        "t.txt:1: the front matter is not closed: put a line --- between it and the message"
    ]


def test_a_line_that_cannot_be_read_is_one_problem_and_not_a_missing_key_too():
    assert problems("---\nevent:order.shipped\nexpires: 2h\n---\nHello") == [
        "t.txt:2: this is not a line `key: value` (a colon, then a space)"
    ]


def test_a_message_is_checked_even_where_the_front_matter_cannot_be_read():
    assert [problem[:8] for problem in problems("---\n'\n---\n{{ order.nmae }}")] == ["t.txt:2:", "t.txt:4:"]


def test_every_problem_of_a_file_is_told_at_once():
    text = (
        "---\nevent: order.shiped\nexpires: 2w\nlink: a #b\nwen: x\n---\nHi {{ order.nmae }}\n{{ custmer.name | uper }}"
    )

    assert problems(text) == [
        "t.txt:2: event order.shiped does not exist; did you mean order.shipped?",
        "t.txt:3: expires takes a time such as 30m, 12h or 2d",
        't.txt:4: everything from # on would be lost; put the value in quotes: link: "a #b"',
        f"t.txt:5: wen is not a key of the front matter; did you mean when? ({KEYS})",
        "t.txt:7: there is no order.nmae; did you mean order.name? (id, name, total, currency, status_url, created_at,"
        " cancel_reason, refund_amount, test, line_items)",
        "t.txt:8: there is no custmer; did you mean customer? (event, customer, order, ticket, shipment, raw)",
        "t.txt:8: there is no filter uper; did you mean upper?",
    ]


KEY_PROBLEMS = [
    ("expires: 0h", "t.txt:3: expires must be more than 0 and at most 30d"),
    ("expires: 31d", "t.txt:3: expires must be more than 0 and at most 30d"),
    ("expires: 12", "t.txt:3: expires takes a time such as 30m, 12h or 2d"),
    ("expires: ٣h", "t.txt:3: expires takes a time such as 30m, 12h or 2d"),
    ("if_unknown: retry", "t.txt:3: if_unknown is hold or resend, not retry"),
    ("if_unknown: [hold]", "t.txt:3: if_unknown takes one text, not a list"),
    ("when: [a, b]", "t.txt:3: when takes one text, not a list"),
    ("when:", "t.txt:3: when has no value: fill it in or take the line out"),
    ("source: []", "t.txt:3: source has no value: fill it in or take the line out"),
    ("source: Shopify", "t.txt:3: source Shopify is not a name (lower-case letters, digits, _ and -)"),
    (
        "when: order.id ==",
        "t.txt:3: when is not a Jinja expression: unexpected 'end of template'",
    ),
    ("when: order.id order.name", "t.txt:3: when is not a Jinja expression: more than one expression"),
    ("when: '{{ order.id }}'", "t.txt:3: when is an expression already: write it without {{ and }}"),
    (
        "media_url: https://shop.example/a.png",
        "t.txt:3: media_url takes an expression, so a text in it stands in quotes of its own:"
        " '\"https://shop.example/a.png\"'",
    ),
    (
        "to: +1 212 555 0123",
        "t.txt:3: to takes an expression, so a text in it stands in quotes of its own: '\"+1 212 555 0123\"'",
    ),
    ("to: customer.fone", "t.txt:3: there is no customer.fone; did you mean customer.phone?"),
    ("link: '{{ order.id'", "t.txt:3: unexpected end of template, expected 'end of print statement'."),
    (
        "quiet_hours: 9pm-8am",
        "t.txt:3: quiet_hours takes two times of 24 hours with a hyphen between, HH:MM-HH:MM, such as 21:00-08:00",
    ),
    ("thread: of {{ customer.fone }}", "t.txt:3: there is no customer.fone; did you mean customer.phone?"),
    ("supersedes: true", "t.txt:3: supersedes needs thread: it says which older texts a newer one replaces"),
    ("supersedes: perhaps", "t.txt:3: supersedes is true or false"),
    ("max_segments: two", "t.txt:3: max_segments takes a whole number from 1 to 10"),
    ("max_segments: 1.5", "t.txt:3: max_segments takes a whole number from 1 to 10"),
    ("max_segments: 0", "t.txt:3: max_segments takes a whole number from 1 to 10"),
    ("encoding: latin", "t.txt:3: encoding is auto or unicode, not latin"),
    ("retry_refused: soon", "t.txt:3: retry_refused takes a time such as 30m, 12h or 2d"),
    ("retry_refused: 24h", "t.txt:3: retry_refused must be less than expires, which ends before it"),
    ("if_media_fails: drop", "t.txt:3: if_media_fails is text or hold, not drop"),
    ("shrink_media: true", "t.txt:3: shrink_media needs media_url: there is no picture to shrink"),
]


@pytest.mark.parametrize(("line", "problem"), KEY_PROBLEMS)
def test_a_wrong_value_is_a_problem_with_file_and_line(line, problem):
    found = problems(f"---\nevent: order.shipped\n{line}\n---\nHello")

    assert len(found) == 1
    assert found[0].removesuffix(" (id, name, first_name, phone, email, country, locale)") == problem


@pytest.mark.parametrize("kind", ["order.shipped", "shopify.checkouts.create", "zendesk.ticket.comment_added"])
def test_an_event_is_one_of_ours_or_a_topic_of_a_source(kind):
    assert template(f"event: {kind}").events == {kind}


@pytest.mark.parametrize("kind", ["order", "Order.Shipped", "ticket.comment", "shopify..x", "shopify.checkouts/create"])
def test_an_event_that_cannot_happen_is_refused(kind):
    assert problems(f"---\nevent: {kind}\n---\nHello")[0].startswith(f"t.txt:2: event {kind} does not exist")


def test_a_template_without_an_event_is_refused():
    assert problems("---\nexpires: 2h\n---\nHello") == [
        "t.txt:1: event is missing: say which event this message answers, such as order.shipped"
    ]


def test_a_template_is_typed_and_has_defaults():
    plain = template("event: order.shipped")
    full = template(
        "event: [order.shipped, order.delivered]\nsource: shopify\nconnection: [a, b]\nexpires: 2d\nif_unknown: resend"
    )

    assert (plain.name, plain.expires.total_seconds(), plain.if_unknown, plain.to.source) == (
        "t",
        24 * 3600,
        "hold",
        "customer.phone",
    )
    assert (plain.sources, plain.connections, plain.when, plain.link, plain.media_url) == (
        set(),
        set(),
        None,
        None,
        None,
    )
    assert (full.events, full.sources, full.connections) == (
        {"order.shipped", "order.delivered"},
        {"shopify"},
        {"a", "b"},
    )
    assert (full.expires.days, full.if_unknown) == (2, "resend")


@given(
    st.lists(
        st.sampled_from(
            [
                "---",
                "\n",
                "event",
                ": ",
                "order.shipped",
                " #",
                "  # ",
                '"',
                "'",
                "{{",
                "}}",
                "[",
                "]",
                "- ",
                "\t",
                ">",
                "|",
            ]
        )
        | st.characters(codec="utf-8"),
        max_size=40,
    )
)
def test_no_front_matter_ends_in_anything_but_values_or_problems(pieces):
    try:
        found = read_template("---\n" + "".join(pieces) + "\n---\nHello", "t.txt").events
    except Misconfigured as error:
        found = error.problems

    assert found


def template(front: str) -> Template:
    return read_template(f"---\n{front}\n---\nHello", "t.txt")


def problems(text: str) -> list[str]:
    with pytest.raises(Misconfigured) as raised:
        read_template(text, "t.txt")
    return list(raised.value.problems)


def test_a_value_that_goes_on_behind_a_hash_in_the_next_line_is_told():
    front = read_front_matter("---\nevent: order.shipped\nlink: order\n  #{{ order.id }}\n---\nHello")
    assert [problem.line for problem in front.problems] == [4]
