"""The name to greet somebody with: what may stand behind "Hi", and what never does."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import sources
from bridge.events import Delivery
from bridge.greeting import first_name
from bridge.sources import samples

GREETED = [
    ("Jane", "Jane"),
    ("Jane Doe", "Jane"),
    ("JANE DOE", "Jane"),
    ("jane", "Jane"),
    ("  jane \t doe ", "Jane"),
    ("ana-maria lopez", "Ana-Maria"),
    ("ANA-MARIA", "Ana-Maria"),
    ("Jean-luc", "Jean-luc"),
    ("O'NEIL", "O'Neil"),
    ("o’neil", "O’Neil"),
    ("D'ANGELO RUSSELL", "D'Angelo"),
    ("n'golo", "N'Golo"),
    ("McDonald", "McDonald"),
    ("MCKENNA", "McKenna"),
    ("MACY", "Macy"),
    ("DeShawn", "DeShawn"),
    ("LaToya", "LaToya"),
    ("TJ Maxx", "TJ"),
    ("Al", "Al"),
    ("JO", "Jo"),
    ("Ng", "Ng"),
    ("Bo", "Bo"),
    ("Na Li", "Na"),
    ("Testa", "Testa"),
    ("Nulla", "Nulla"),
    ("Maya (work)", "Maya"),
    ('"Ana" Lopez', "Ana"),
    ("Ana!", "Ana"),
    ("*~Ana~*", "Ana"),
    ("Ana Lopez, MD".replace(",", ""), "Ana"),
    # Accents, other alphabets, and scripts without capitals or written from the right.
    ("JOSÉ", "José"),
    ("JOSE\u0301 GARCÍA", "José"),
    ("zoë", "Zoë"),
    ("ŁUKASZ", "Łukasz"),
    ("İBRAHİM", "İbrahim"),
    ("ΓΙΩΡΓΟΣ", "Γιωργος"),
    ("ольга петрова", "Ольга"),
    ("გიორგი", "გიორგი"),
    ("李小龙", "李小龙"),
    ("田中さくら", "田中さくら"),
    ("김민준", "김민준"),
    ("محمد علي", "محمد"),
    ("מִרְיָם", "מִרְיָם"),
    ("\u200fמשה\u200f", "משה"),
    ("प्रिया शर्मा", "प्रिया"),
    ("علی\u200cرضا", "علی\u200cرضا"),
    # What nobody sees, and what stands around a name.
    ("J\u200bane", "Jane"),
    ("\ufeffJane\u2060", "Jane"),
    ("Ja\u00adne", "Jane"),
    ("Jane\u200d Doe", "Jane"),
    ("Jane\x00Doe", "Jane"),
    ("💕Anna💕", "Anna"),
    ("💕 Anna 💕", "Anna"),
    ("Anna❤️", "Anna"),
    ("Anna👩🏽‍💻", "Anna"),
    ("🇨🇦 Marc", "Marc"),
    ("𝓐𝓷𝓷𝓪", "Anna"),
    ("ＡＮＮＡ", "Anna"),
]

NOT_GREETED = [
    *("", " ", ".", "-", "--", "?", "'", "💕", "💕💕", "\u200b", "\ufeff", "\u0301", "\ud800"),
    *("N/A", "n/a", "NA", "na", "null", "NULL", "None", "nil", "undefined", "test", "TEST", "Test User", "tester"),
    *("unknown", "Anonymous", "Guest", "guest user", "Customer", "No-Name", "first name", "noname"),
    *("ana@example.com", "www.example.com", "https://x.example", "@ana", "#1001", "+1 212", "212-555-0123", "4ever"),
    *("Caller +1 212 555 0123", "{{customer.name}}", "{name}", "<Ana>", "[Ana]", "first_name", "Ana=1", "$%&"),
    *("Dr. Lopez", "DR LOPEZ", "Mrs. Smith", "Mr", "Mme Roy", "Señora García", "The Smiths", "Dear Ana", "Sir"),
    *("Lopez, Ana", "Ana & Ben", "Ana/Ben", "Ana; Ben", "Shop & Co", "Ana|Ben", "Ana\\Ben"),
    *("J. Smith", "J Smith", "J.R. Smith", "J", "j.", "Wm. Penn", "St. John", "A-", "李", "李 小龙"),
    *("de la Cruz", "De La Cruz", "von Neumann", "bin Laden", "E Jones"),
    *(
        "xx",
        "XXX",
        "aaa",
        "Aaaana",
        "zzzzz",
        "a" * 31,
        "ab" * 16,
        "Ana-" * 20,
        "x" * 100_000,
        "Ana💕Maria",
        "Ana--Maria",
    ),
    *("Ana.Maria", "½", "²", "Ⅷ", "௧", "一 2"),
]


@pytest.mark.parametrize(("name", "greeting"), GREETED)
def test_a_name_is_greeted_as_its_bearer_would_write_it(name, greeting):
    assert first_name(name) == greeting


@pytest.mark.parametrize("name", NOT_GREETED)
def test_what_is_no_first_name_is_not_greeted(name):
    assert first_name(name) is None


def test_the_first_name_that_is_usable_counts():
    assert first_name(None, "", ".", "ana lopez", "Ben") == "Ana"
    assert first_name(None, "N/A") is None
    assert first_name() is None


@given(st.text(max_size=60))
def test_a_greeting_is_a_word_of_letters_and_stays_what_it_is(name):
    greeting = first_name(name)

    if greeting is not None:
        assert greeting.split() == [greeting]
        assert first_name(greeting) == greeting
        assert all(unicodedata.category(character)[0] in "LM" or character in "-‐·'’ʼ‘`‌‍" for character in greeting)


@pytest.mark.parametrize(
    ("sample", "path", "written", "greeting"),
    [
        ("shopify/orders_create", "customer.first_name", "MAYA", "Maya"),
        ("shopify/orders_create", "customer.first_name", "maya", "Maya"),
        ("shopify/orders_create", "customer.first_name", ".", None),
        ("kustomer/customer_create", "data.attributes.firstName", "MAYA", "Maya"),
        ("zendesk/trigger_created", "customer.name", "MAYA ROY", "Maya"),
        ("zendesk/trigger_created", "customer.name", "Roy, Maya", None),
    ],
)
def test_every_sources_first_name_is_one_to_greet_with(sample, path, written, greeting):
    source, _, name = sample.partition("/")
    recorded = samples.load(source)[name].with_values({path: written})
    (event,) = sources.discover()[source].parse(
        Delivery(
            connection=source,
            headers=recorded.headers,
            body=recorded.body,
            received_at=datetime(2026, 11, 23, tzinfo=UTC),
        )
    )

    assert event.customer.first_name == greeting
