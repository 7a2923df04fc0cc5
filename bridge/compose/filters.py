"""The filters made for text messages: money, date, plain and shorten.

A filter that cannot do its work raises TemplateRuntimeError: the message is then skipped with `template_error`.
"""

import datetime as dt
import html
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, cast, get_args

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, is_currency
from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.html_properties import Display  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from inscriptis.model.html_element import HtmlElement  # type: ignore[import-untyped]
from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Context, Undefined
from mailparser_reply.parser import EmailMessage

from bridge.compose.values import MAX_TEXT, Part

DateStyle = Literal["short", "medium", "long", "full"]

#: Tags that mails and helpdesk editors write. `<name@example.com>` and `a < b` are not HTML.
_TAGS = (
    "a b i u s p br hr em h[1-6] li ol ul td th tr div img pre span body code font html table tbody strong blockquote"
)
_HTML = re.compile(rf"</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*)?/?>|<!--|<!doctype", re.IGNORECASE)
#: A quoted older mail is not what this person wrote now.
_HTML_AS_TEXT = ParserConfig(css=CSS_PROFILES["relaxed"] | {"blockquote": HtmlElement(display=Display.none)})
_MAIL_LANGUAGES = ("en", "fr", "es")
#: The mail parser's expressions are quadratic. Nobody writes a reply of this length above an older mail.
_MAIL_LIMIT = 3_000
#: Closing words above a name that the mail parser does not know.
_CLOSING = re.compile(
    r"\n+(?:warmly|warm regards|warm wishes|cheers|sincerely|yours|many thanks|take care)[^\n]{0,20},"
    r"(?:\n[^\n]{0,60}){1,4}\Z",
    re.IGNORECASE,
)
_HTML_LIMIT = 200_000  # characters of markup, for at most MAX_TEXT of text
_SPACES = re.compile(r"[^\S\n]+")
_URL = re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)+/\S*", re.IGNORECASE)


@pass_context
def money(context: Context, amount: object, currency: object = None) -> str | Undefined:
    """The amount as the customer's locale writes it: `$49.99`.

    The currency is the order's unless one is given; a code that is no ISO currency stands behind the plain number.
    """
    currency = _root(context, "order").get("currency") if currency is None else currency
    if isinstance(currency, Undefined):
        return currency
    number, code = _number(amount), str(currency).strip().upper()
    if not _is_currency(code):
        return f"{number} {code}"
    return _one_line(format_currency(number, code, locale=_locale(context)))


# Babel makes a set of all currencies for each question.
_is_currency = lru_cache(maxsize=256)(is_currency)


def _number(amount: object) -> Decimal:
    try:
        number = Decimal(str(amount).strip())
    except InvalidOperation:
        raise TemplateRuntimeError("money: this is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > 20:
        raise TemplateRuntimeError("money: this is not an amount")
    return number


@pass_context
def date(context: Context, moment: object, style: str = "medium") -> str:
    """The day as the customer's locale writes it: `Nov 23, 2026`.

    `moment` is a date, a datetime or ISO 8601 text; the day is that of its own UTC offset. `style` is short,
    medium, long or full.
    """
    if style not in get_args(DateStyle):
        raise TemplateRuntimeError(f"date: the style is one of {', '.join(get_args(DateStyle))}")
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment.strip())
        except ValueError:
            raise TemplateRuntimeError("date: this text is not an ISO 8601 date") from None
    if not isinstance(moment, dt.date):
        raise TemplateRuntimeError(f"date: a {type(moment).__name__} is not a date")
    return _one_line(format_date(moment, format=cast(DateStyle, style), locale=_locale(context)))


def _root(context: Context, name: str) -> Part:
    return cast(Part, context.resolve(name))


def _locale(context: Context) -> Locale:
    """The customer's locale, or American English where there is none or it is unknown."""
    wanted = _root(context, "customer").get("locale")
    return _locale_named("en_US" if isinstance(wanted, Undefined) else str(wanted))


@lru_cache(maxsize=256)
def _locale_named(name: str) -> Locale:
    try:
        return Locale.parse(name.strip().replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_US")


def _one_line(text: str) -> str:
    # Locale data writes no-break spaces, and one of them would turn the whole text into UCS-2.
    return _SPACES.sub(" ", text)


def plain(text: object) -> str:
    """What the person wrote, as plain text: no HTML, no quoted older mail, no signature, tidy white space.

    Of a link the visible text stays, so an address survives only where it is the text.
    """
    written = str(text)[:_HTML_LIMIT]
    looks_like_html = _HTML.search(written) is not None
    text = _from_html(written) if looks_like_html else html.unescape(written)
    return _tidy(_newest(_tidy(text[:MAX_TEXT])))


def _from_html(written: str) -> str:
    text: str = get_text(written, _HTML_AS_TEXT)
    # Someone who wrote nothing but a quote did mean it.
    return text if text.strip() else str(get_text(written))


def _tidy(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.replace("\u200b", "").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _newest(text: str) -> str:
    """The newest part of a mail conversation, or all of it where that would leave nothing."""
    mail = EmailMessage(text=text[:_MAIL_LIMIT], languages=list(_MAIL_LANGUAGES), keep_hyphen_lists=True).read()
    replies = [reply for reply in mail.replies if reply.content]
    if not replies:
        return text
    reply = replies[0]
    # The parser takes everything from "Thanks, ..." on for a signature, even where that is the message itself.
    signed = reply.signatures or ""
    if signed and len(signed) <= 200 and len(signed.splitlines()[0].split()) <= 4:
        newest = reply.content.removesuffix(signed).rstrip()
    else:
        newest = reply.content
    newest = _CLOSING.sub("", newest)
    newest = "\n".join(line for line in newest.splitlines() if not line.startswith(">")).strip()
    if len(replies) == 1 and len(text) > _MAIL_LIMIT:
        return text
    return newest or text


def shorten(text: object, limit: int) -> str:
    """The text in at most `limit` characters, cut between words with `...`; never inside a URL, which goes whole."""
    if not isinstance(limit, int) or limit < 10:
        raise TemplateRuntimeError("shorten: the limit is a number of characters, at least 10")
    whole = str(text).strip()
    if len(whole) <= limit:
        return whole
    # Three dots and not the one character for them, which is missing from GSM-7.
    end = limit - len("...")
    if not whole[end].isspace():
        between_words = max((space.start() for space in re.finditer(r"\s", whole[:end])), default=0)
        # A text without white space (Chinese, or one endless word) can only be cut inside.
        end = between_words or end
    kept = whole[:end].rstrip()
    # Some characters beyond the cut show whether it goes through a URL; all of them would be slow on a long text.
    for url in reversed(list(_URL.finditer(whole[: end + 200]))):
        if url.start() < len(kept) <= url.end():
            if url.end() == len(kept) and len(kept) + len(" ...") <= limit:
                # Dots right behind a URL would become part of it.
                return f"{kept} ..."
            kept = kept[: url.start()].rstrip()
    return kept.rstrip(",;:-.!?(").rstrip() + "..."
