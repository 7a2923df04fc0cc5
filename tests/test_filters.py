"""The filters made for text messages, as a template uses them."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import Rendered, read_template, render
from bridge.compose.filters import plain, shorten
from bridge.events import Customer, Event, Order
from bridge.reasons import Reason


def rendered(
    source: str,
    *,
    locale: str | None = None,
    currency: str | None = "USD",
    customer: Customer | None = None,
    **raw: object,
) -> str | Reason:
    event = Event(
        kind="order.refunded",
        source="shopify",
        connection="shopify",
        occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        customer=customer or Customer(locale=locale),
        order=Order(total=Decimal("1234.50"), currency=currency),
        raw=raw,
    )
    outcome = render(read_template(f"---\nevent: order.refunded\n---\n{source}", "t.txt"), event)
    return outcome.body if isinstance(outcome, Rendered) else outcome


# -- money -------------------------------------------------------------------------------------------------------

MONEY = [
    ({}, "{{ order.total | money }}", "$1,234.50"),
    ({"locale": "en-GB", "currency": "GBP"}, "{{ order.total | money }}", "£1,234.50"),
    ({"locale": "en_CA", "currency": "CAD"}, "{{ order.total | money }}", "$1,234.50"),
    ({"currency": "CAD"}, "{{ order.total | money }}", "CA$1,234.50"),
    ({"currency": "JPY"}, "{{ 5000 | money }}", "¥5,000"),
    ({"currency": "usd"}, "{{ order.total | money }}", "$1,234.50"),
    ({"locale": "klingon", "currency": "USD"}, "{{ order.total | money }}", "$1,234.50"),
    ({"locale": "", "currency": "USD"}, "{{ order.total | money }}", "$1,234.50"),
    ({"locale": "fr", "currency": "EUR"}, "{{ order.total | money }}", "1 234,50 €"),
    ({}, '{{ order.total | money("GBP") }}', "£1,234.50"),
    ({"currency": "XXZ"}, "{{ order.total | money }}", "1234.50 XXZ"),
    ({"amount": "49.99"}, "{{ raw.amount | money }}", "$49.99"),
    ({"amount": 49.99}, "{{ raw.amount | money }}", "$49.99"),
    ({"amount": " 0 "}, "{{ raw.amount | money }}", "$0.00"),
    ({"amount": "-5"}, "{{ raw.amount | money }}", "-$5.00"),
    ({"amount": "0.1"}, "{{ (raw.amount | money) ~ '!' }}", "$0.10!"),
    ({"currency": None}, "{{ order.total | money | default('it') }}", "it"),
]


@pytest.mark.parametrize(("given_", "source", "text"), MONEY)
def test_money_reads_as_the_customer_writes_it(given_, source, text):
    assert rendered(source, **given_) == text


def test_money_uses_no_character_that_would_turn_the_text_into_ucs_2():
    assert rendered("{{ order.total | money }}", locale="fr", currency="EUR") == "1 234,50 €"
    assert "\u00a0" not in str(rendered("{{ order.total | money }}", locale="fr", currency="EUR"))


@pytest.mark.parametrize("amount", ["abc", "", "NaN", "Infinity", "1e99999", True, "12,50", [1], "--1"])
def test_money_of_what_is_no_amount_is_an_error_and_prints_nothing(amount):
    outcome = rendered("{{ raw.amount | money }}", amount=amount)

    assert isinstance(outcome, Reason)
    assert outcome.code in ("template_error", "missing_value")


def test_money_without_a_currency_names_what_is_missing():
    assert rendered("{{ order.total | money }}", currency=None) == Reason(code="missing_value", detail="order.currency")
    assert rendered("{{ order.refund_amount | money }}") == Reason(code="missing_value", detail="order.refund_amount")


# -- date --------------------------------------------------------------------------------------------------------

DATES = [
    ("{{ raw.at | date }}", None, "2026-11-23T10:00:00Z", "Nov 23, 2026"),
    ('{{ raw.at | date("long") }}', None, "2026-11-23T10:00:00Z", "November 23, 2026"),
    ('{{ raw.at | date("short") }}', None, "2026-11-23", "11/23/26"),
    ('{{ raw.at | date("full") }}', "en-GB", "2026-11-23T10:00:00.123456+00:00", "Monday, 23 November 2026"),
    ("{{ raw.at | date }}", "en_GB", datetime(2026, 11, 23, 10, tzinfo=UTC), "23 Nov 2026"),
    ("{{ raw.at | date }}", None, date(2026, 11, 23), "Nov 23, 2026"),
    # The day is the sender's own, not that of UTC.
    ("{{ raw.at | date }}", None, datetime(2026, 11, 23, 22, tzinfo=timezone(-timedelta(hours=5))), "Nov 23, 2026"),
    ("{{ raw.at | date }}", None, "2026-11-23T22:00:00-05:00", "Nov 23, 2026"),
]


@pytest.mark.parametrize(("source", "locale", "at", "text"), DATES)
def test_a_date_reads_as_the_customer_writes_it(source, locale, at, text):
    assert rendered(source, locale=locale, at=at) == text


@pytest.mark.parametrize(
    ("source", "at", "detail"),
    [
        ("{{ raw.at | date }}", "yesterday", "date: this text is not an ISO 8601 date"),
        ("{{ raw.at | date }}", 5, "date: a int is not a date"),
        ('{{ raw.at | date("lnog") }}', "2026-11-23", "date: the style is one of short, medium, long, full"),
    ],
)
def test_what_is_no_date_is_an_error_that_says_why(source, at, detail):
    assert rendered(source, at=at) == Reason(code="template_error", detail=f"t.txt:4: TemplateRuntimeError ({detail})")


IN_ZONE = [
    ((), "2026-11-23T02:00:00+00:00", "Nov 23, 2026"),
    (("America/Los_Angeles",), "2026-11-23T02:00:00+00:00", "Nov 22, 2026"),
    (("America/Los_Angeles",), "2026-11-23T02:00:00", "Nov 23, 2026"),
    (("America/Los_Angeles",), "2026-11-23", "Nov 23, 2026"),
    (("America/Los_Angeles",), date(2026, 11, 23), "Nov 23, 2026"),
    (("Pacific/Auckland",), "2026-11-23T22:00:00-05:00", "Nov 24, 2026"),
    (("America/Los_Angeles", "America/New_York"), "2026-11-23T02:00:00+00:00", "Nov 23, 2026"),
    (("Nowhere/City",), "2026-11-23T02:00:00+00:00", "Nov 23, 2026"),
    (("../etc",), "2026-11-23T02:00:00+00:00", "Nov 23, 2026"),
    (("America/Los_Angeles",), "0001-01-01T00:00:00+00:00", "Jan 1, 1"),
]


@pytest.mark.parametrize(("zones", "at", "text"), IN_ZONE)
def test_a_day_is_that_of_the_customers_clock_where_only_one_is_possible(zones, at, text):
    assert rendered("{{ raw.at | date }}", customer=Customer(time_zones=zones), at=at) == text


# -- first_name --------------------------------------------------------------------------------------------------

# The rule has its own tests: test_greeting.py.
GREETED = [
    ("{{ raw.name | first_name }}", "JANE DOE", "Jane"),
    ("{{ raw.name | first_name | default('you') }}", "Dr. Lopez", "you"),
    ("Hi{{ ' ' ~ raw.name | first_name if raw.name | first_name }}!", "N/A", "Hi!"),
    ("Hi{{ ' ' ~ raw.name | first_name if raw.name | first_name }}!", None, "Hi!"),
]


@pytest.mark.parametrize(("source", "name", "text"), GREETED)
def test_a_first_name_is_taken_from_a_whole_one(source, name, text):
    assert rendered(source, name=name) == text


def test_a_name_that_is_none_to_greet_with_is_missing():
    assert rendered("{{ raw.name | first_name }}", name="N/A") == Reason(
        code="missing_value", detail="a name | first_name"
    )
    assert rendered("{{ [1] | first_name }}").code == "missing_value"
    assert rendered("{{ [1] | shorten(20) }}").code == rendered("{{ [1] | plain }}").code == "missing_value"


# -- plain -------------------------------------------------------------------------------------------------------

PLAIN = [
    (
        "<p>Hi <b>Jane</b>,</p><p>it&#39;s on its way &amp; arrives soon.</p>",
        "Hi Jane,\n\nit's on its way & arrives soon.",
    ),
    ("<div>One<br>Two</div><ul><li>three</li><li>four</li></ul>", "One\nTwo\n* three\n* four"),
    ("See <a href='https://shop.example/returns?x=1'>our page</a>.", "See our page."),
    ("<a href='https://shop.example'>https://shop.example/r</a>", "https://shop.example/r"),
    ("Fixed!<blockquote>It broke</blockquote>", "Fixed!"),
    ("<blockquote>It broke</blockquote>", "It broke"),
    ("<p>Hi</p><style>p{color:red}</style><script>alert(1)</script>", "Hi"),
    ("<p></p>", ""),
    ("<img src='x.png'>", ""),
    ("a < b and c > d", "a < b and c > d"),
    ("Write to <help@shop.example>", "Write to <help@shop.example>"),
    ("Tom &amp; Jerry", "Tom & Jerry"),
    ("  spaced \t out\u00a0here \r\n\r\n\r\n\r\nand here", "spaced out here\n\nand here"),
    ("Sounds good.\n\nOn Mon, Nov 23, 2026 at 10:00 AM Jane <j@x.example> wrote:\n> hello\n> there", "Sounds good."),
    ("<p>Yes.</p><div>On Mon, Nov 23, 2026 Jane wrote:<blockquote>No?</blockquote></div>", "Yes."),
    ("Done.\n> is it done?", "Done."),
    ("> only a quote", "> only a quote"),
    # An answer of a picture alone, above the mail that it answers: that one's words were the customer's.
    ("On Mon, Nov 23, 2026 at 10:00 AM Jane <j@x.example> wrote:\n> Where is it?", ""),
    ("<div><br></div><blockquote>On Mon, Nov 23, 2026 at 10:00 AM, Jane wrote:<br>Where is it?</blockquote>", ""),
    ("<img src='x.png'><div>On Mon, Nov 23, 2026 Jane wrote:<blockquote>Where is it?</blockquote></div>", ""),
    ("From: Jane <j@x.example>\nSent: Monday\nTo: Us\nSubject: Where\n\nWhere is it?", ""),
    ("On Mon, Nov 23, 2026 at 10:00 AM Jane <j@x.example> wrote:\n> Where is it?\n\nOn its way!", "On its way!"),
    ("On Monday she wrote that it is late.", "On Monday she wrote that it is late."),
    ("It is on its way.\n\nBest regards,\nAnna\nShop Support", "It is on its way."),
    ("All set.\n\n--\nAnna", "All set."),
    ("It is on its way.\n\nWarmly,\nBen\nShop Support", "It is on its way."),
    ("It is on its way. Cheers, Ben", "It is on its way. Cheers, Ben"),
    ("Hi,\nmany thanks for that.\nIt is on its way.", "Hi,\nmany thanks for that.\nIt is on its way."),
    ("Please:\n- restart\n- try again", "Please:\n- restart\n- try again"),
    # What looks like a signature to the mail parser, and is the message.
    (
        "Hi Jane,\n\nThanks, we found it. Your parcel leaves today.",
        "Hi Jane,\n\nThanks, we found it. Your parcel leaves today.",
    ),
    ("Thanks for waiting!\nYour refund is out.", "Thanks for waiting!\nYour refund is out."),
    ("Best regards,\nAnna", "Best regards,\nAnna"),
    ("", ""),
]


@pytest.mark.parametrize(("written", "text"), PLAIN)
def test_plain_is_what_the_person_wrote(written, text):
    assert plain(written) == text


def test_plain_of_a_very_long_text_keeps_it_whole_and_is_quick():
    long = "On " * 10_000

    assert plain(long) == long.strip()


@given(st.text(st.sampled_from("<>/abp &;#12\n->_On wrote:\"'="), max_size=200))
def test_plain_takes_any_text(text):
    assert plain(text) == plain(text).strip()


# -- shorten -----------------------------------------------------------------------------------------------------

SHORT = [
    ("Short enough", 12, "Short enough"),
    ("Your parcel is on its way to you", 20, "Your parcel is on..."),
    ("Your parcel is, on its way", 18, "Your parcel is..."),
    ("One. Two three four five", 10, "One..."),
    ("See https://shop.example/returns for more", 30, "See..."),
    ("See https://shop.example/returns for more", 38, "See https://shop.example/returns ..."),
    ("Look at www.shop.example/returns/now please", 25, "Look at..."),
    ("Look at shop.example/returns/now please do", 25, "Look at..."),
    ("See https://shop.example/returns for more", 35, "See..."),
    ("https://a.example/b https://c.example/d and more", 20, "..."),
    ("https://shop.example/returns/and/more", 20, "..."),
    ("包裹已经发出，很快就会送到您的手中，请注意查收", 12, "包裹已经发出，很快..."),
    ("请看https://shop.example/returns/now", 20, "请看..."),
    ("a\n\nb c d e f g h", 12, "a\n\nb c d..."),
    ("See https://x.example/a -- then more", 29, "See https://x.example/a ..."),
    ("See https://x.example/a -- then more", 26, "See..."),
    ("See https://x.example/a, then more", 28, "See https://x.example/a, ..."),
    ("HTTPS://X.EXAMPLE/A-VERY-LONG-ONE is it", 20, "..."),
    # One character that people see may be several.
    ("👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻", 13, "👩‍💻👩‍💻👩‍💻..."),
    ("👍🏽👍🏽👍🏽👍🏽👍🏽👍🏽", 10, "👍🏽👍🏽👍🏽..."),
    ("e\u0301" * 10, 12, "e\u0301" * 4 + "..."),
    ("न" + "मस्ते" * 5, 10, "नमस्तेम..."),
]


@pytest.mark.parametrize(("text", "limit", "short"), SHORT)
def test_shorten_cuts_between_words_and_never_inside_a_url(text, limit, short):
    assert shorten(text, limit) == short


URLS = ("https://x.example/a", "www.x.example/b?c=d-", "x.example/c")


@given(
    st.lists(st.sampled_from([*URLS, "word", "--", "a.", "(", "end!", "包裹"]), max_size=20),
    st.sampled_from([" ", "  ", "\n", " -- "]),
    st.integers(10, 90),
)
def test_an_address_in_a_shortened_text_is_whole_and_nothing_is_glued_to_it(words, between, limit):
    short = shorten(between.join(words), limit)

    assert len(short) <= limit
    for word in short.split():
        if any(word.startswith(url[:4]) for url in URLS):
            assert word in URLS


WORDS = st.sampled_from([*"ab .,/:\nhtps", "https://x.example/a", "x.example/"])


@given(st.lists(WORDS, max_size=60).map("".join), st.integers(10, 100))
def test_a_shortened_text_fits_and_is_the_beginning_of_the_text(text, limit):
    short = shorten(text, limit)

    assert len(short) <= limit
    whole = text.strip()
    assert short == whole if len(whole) <= limit else whole.startswith(short.removesuffix("...").rstrip())


@pytest.mark.parametrize("limit", ["9", "-1", "'20'", "none", "2.5", "2001", "true"])
def test_shorten_needs_a_sensible_limit(limit):
    assert rendered(f"{{{{ 'x' | shorten({limit}) }}}}") == Reason(
        code="template_error",
        detail="t.txt:4: TemplateRuntimeError (shorten: the limit is a number of characters, from 10 to 2000)",
    )
