"""Translations: the same message in other words, chosen by the customer's locale."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bridge.compose import Rendered, TemplateFolder, render
from bridge.compose.locales import choose
from bridge.errors import Misconfigured
from bridge.events import Customer, Event, Order
from bridge.reasons import Reason
from bridge.trying import rehearsal

BASE = (
    "---\nevent: order.shipped\nlink: en.attn.tv\nmax_segments: 2\n---\n"
    'Your order is {{ order.total | money("CAD") }}\n'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "one.txt").write_text(BASE)
    (tmp_path / "one.fr.txt").write_text('Commande de {{ order.total | money("CAD") }}\n')
    (tmp_path / "one.fr-CA.txt").write_text(
        "---\n# Au Canada.\nlink: fr.attn.tv\nmedia_url: raw.image\nmax_segments: 3\nencoding: unicode\n---\n"
        'Votre commande est de {{ order.total | money("CAD") }}\n'
    )
    (tmp_path / "one.zh_Hant.txt").write_text("您的訂單\n", "utf-8")
    return tmp_path


def event(locale: str | None) -> Event:
    return Event(
        kind="order.shipped",
        source="shopify",
        connection="shop",
        occurred_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
        customer=Customer(phone="+12125550123", locale=locale),
        order=Order(total=Decimal("1234.50")),
        raw={"image": "https://shop.example/mug.png"},
    )


CHOSEN = [
    (None, None, "Your order is CA$1,234.50"),
    ("", None, "Your order is CA$1,234.50"),
    ("en-US", None, "Your order is CA$1,234.50"),
    ("de", None, "Your order is 1.234,50 CA$"),
    ("klingon", None, "Your order is CA$1,234.50"),
    ("fr", "fr", "Commande de 1 234,50 $CA"),
    ("FR", "fr", "Commande de 1 234,50 $CA"),
    ("fr-FR", "fr", "Commande de 1 234,50 $CA"),
    ("fr_BE", "fr", "Commande de 1 234,50 $CA"),
    ("fr-ZZ", "fr", None),
    ("fr-CA", "fr_CA", "Votre commande est de 1 234,50 $"),
    ("fr_ca", "fr_CA", "Votre commande est de 1 234,50 $"),
    (" fr-CA ", "fr_CA", "Votre commande est de 1 234,50 $"),
    ("zh-TW", "zh_Hant", "您的訂單"),
    ("zh-CN", None, None),
    ("frr", None, None),
    ("f" * 10_000, None, None),
    ("-" * 10_000, None, None),
]


@pytest.mark.parametrize(("locale", "chosen", "text"), CHOSEN)
def test_a_customer_gets_the_message_in_their_language_and_else_the_base(path, locale, chosen, text):
    (template,) = TemplateFolder(path).current()
    rendered = render(template, event(locale))

    assert isinstance(rendered, Rendered)
    assert rendered.locale == chosen
    if text is not None:
        assert rendered.body == text


def test_a_translation_says_otherwise_only_what_its_front_matter_says(path):
    (template,) = TemplateFolder(path).current()

    assert template.name == template.for_locale("fr").name == template.for_locale("fr-CA").name == "one"
    french, canadian = render(template, event("fr")), render(template, event("fr-CA"))
    assert isinstance(french, Rendered)
    assert isinstance(canadian, Rendered)
    assert (french.link, french.media_url, french.to) == ("en.attn.tv", None, "+12125550123")
    assert (canadian.link, canadian.media_url) == ("fr.attn.tv", "https://shop.example/mug.png")
    assert [(one.max_segments, one.encoding) for one in (template, template.for_locale("fr"))] == [(2, "auto")] * 2
    assert (template.for_locale("fr-CA").max_segments, template.for_locale("fr-CA").encoding) == (3, "unicode")
    assert template.for_locale("fr-CA").expires == template.expires


def test_a_failure_in_a_translation_names_its_file_and_line(path):
    (path / "one.fr.txt").write_text("a\n{{ 1 / 0 }}")
    (path / "one.fr-CA.txt").write_text("---\nlink: x.example\n---\n{{ 1 / 0 }}")
    (template,) = TemplateFolder(path).current()

    for locale, place in (("fr", "one.fr.txt:2"), ("fr-CA", "one.fr-CA.txt:4")):
        assert render(template, event(locale)) == Reason(
            code="template_error", detail=f"{path.as_posix()}/{place}: ZeroDivisionError (division by zero)"
        )


REFUSED = [
    ("one.de.txt", "---\nevent: order.paid\n---\nHallo", 2, "event belongs in one.txt: a translation has only link,"),
    ("one.de.txt", "---\nexpires: 2h\nquiet_hours: 1\n---\nHallo", 2, "expires belongs in one.txt: a translation has"),
    ("one.de.txt", "---\nexpire: 2h\n---\nHallo", 2, "expire is not a key of the front matter (link, media_url,"),
    ("one.de.txt", "---\nmax_segments: 99\n---\nHallo", 2, "max_segments takes a whole number from 1 to 10"),
    ("one.de.txt", "---\nlink: x\nHallo", 1, "the front matter is not closed"),
    ("one.de.txt", "a\n{{ order.nmae }}", 2, "there is no order.nmae; did you mean order.name?"),
    ("one.de.txt", "---\nlink: x\n---\n{{ order.nmae }}", 4, "there is no order.nmae; did you mean order.name?"),
    ("one.de.txt", "\n", 1, "there is no message here"),
    ("one.xx.txt", "Hello", 1, "xx is no language that is known: rename the file as in one.fr.txt or .fr-CA.txt"),
    ("one.shipped.txt", "Hello", 1, "shipped is no language that is known"),
    ("one.fr.ca.txt", "Hello", 1, "a template's name has letters, digits, _ and - only"),
    ("two.fr.txt", "Bonjour", 1, "there is no two.txt that this could be a translation of"),
    ("one.fr_CA.txt", "Bonjour", 1, "one.fr-CA.txt is of the same language: keep one of the two"),
    ("one.FR.txt", "Bonjour", 1, "one.fr.txt is of the same language: keep one of the two"),
]


@pytest.mark.parametrize(("name", "text", "line", "problem"), REFUSED)
def test_what_is_no_translation_is_a_problem_with_file_and_line(path, name, text, line, problem):
    (path / name).write_text(text)
    with pytest.raises(Misconfigured) as raised:
        TemplateFolder(path)

    assert any(one.startswith(f"{path.as_posix()}/{name}:{line}: {problem}") for one in raised.value.problems), (
        raised.value.problems
    )


def test_a_broken_translation_keeps_its_old_words_and_a_removed_one_gives_way_to_the_base(path):
    folder = TemplateFolder(path)
    (path / "one.fr.txt").write_text("{{ order.nmae }}")

    def text(locale: str) -> str:
        rendered = render(folder.current()[0], event(locale))
        assert isinstance(rendered, Rendered)
        return rendered.body

    assert text("fr") == "Commande de 1 234,50 $CA"
    assert len(folder.problems) == 1
    (path / "one.txt").write_text(BASE.replace("Your", "Our"))
    assert text("en") == "Our order is CA$1,234.50"
    assert text("fr") == "Commande de 1 234,50 $CA"
    (path / "one.fr.txt").unlink()
    assert text("fr").startswith("Our order is")
    assert folder.problems == ()


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("fr-CA", {"fr", "fr_CA"}, "fr_CA"),
        ("fr-CA", {"fr"}, "fr"),
        ("fr", {"fr_CA"}, None),
        ("pt-BR", {"pt", "pt_PT"}, "pt"),
        ("zh-TW", {"zh_Hant_TW", "zh"}, "zh_Hant_TW"),
        ("zh-TW", {"zh"}, "zh"),
        ("en", set(), None),
        (None, {"fr"}, None),
    ],
)
def test_the_nearest_language_is_chosen(wanted, there, chosen):
    assert choose(wanted, there) == chosen


def test_a_translations_own_segments_and_encoding_count_for_its_text(tmp_path):
    (tmp_path / "one.txt").write_text("---\nevent: order.cancelled\nmax_segments: 1\n---\nThat’s it.")
    (tmp_path / "one.fr.txt").write_text(
        "---\nmax_segments: 2\nencoding: unicode\n---\nC’est tout" + ", vraiment" * 10 + ".", "utf-8"
    )
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    templates = TemplateFolder(tmp_path).current()
    drafts = [
        draft
        for stage in rehearsal.bare_stages("Juniper & Pine")
        if stage.source.name == "shopify"
        for _, draft in rehearsal.texts(list(rehearsal.rehearse(stage, templates, now)))
    ]

    # The recorded order is of a customer whose locale is fr-CA. Above one segment, and with its own apostrophe.
    assert [(draft.state, draft.reason) for draft in drafts] == [("queued", None)]
    assert drafts[0].body == "C’est tout" + ", vraiment" * 10 + "."
