"""The filters made for text messages: money, date, first_name, plain and shorten.

A filter that cannot do its work raises TemplateRuntimeError: the message is then skipped with `template_error`.
"""

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, is_currency
from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import Context, Undefined

from bridge import greeting
from bridge.compose.locales import locale_named
from bridge.compose.values import Missing, Part, printable
from bridge.events import Customer

DateStyle = Literal["short", "medium", "long", "full"]

_ENGLISH = Locale.parse("en_US")
#: More than any text holds; to look for URLs in more would be slow.
_LONGEST_SHORT = 2_000
#: What looks wrong before three dots.
_BEFORE_DOTS = tuple(",;:-.!?(")

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

    `moment` is a date, a datetime or ISO 8601 text. The day is that of the customer's time zone where only one is
    possible, else of the moment's own offset. `style` is short, medium, long or full.
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
    return _one_line(format_date(_at_home(context, moment), format=cast(DateStyle, style), locale=_locale(context)))


def _at_home(context: Context, moment: dt.date) -> dt.date:
    """The moment on the clock of the customer, where it is known."""
    if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
        return moment
    zones = cast(Customer, _root(context, "customer").record).time_zones
    try:
        return moment.astimezone(ZoneInfo(zones[0])) if len(zones) == 1 else moment
    except (ZoneInfoNotFoundError, ValueError, OverflowError):
        return moment


def _root(context: Context, name: str) -> Part:
    return cast(Part, context.resolve(name))


def _locale(context: Context) -> Locale:
    """The customer's locale, or American English where there is none or it is unknown."""
    wanted = _root(context, "customer").get("locale")
    found = None if isinstance(wanted, Undefined) else locale_named(str(wanted)[:50])
    return found or _ENGLISH


def _text(value: object) -> str:
    """The value as text. A long comment is no fault here: the filters are there to make it short."""
    return value if isinstance(value, str) else str(printable(value))


def _one_line(text: str) -> str:
    # Locale data writes no-break spaces, and one of them would turn the whole text into UCS-2.
    return _SPACES.sub(" ", text)


def first_name(name: object) -> str | Missing:
    """The name to greet somebody with, out of a full name; missing where it would be a guess ("Dr. Lopez", "N/A")."""
    found = greeting.first_name(_text(name))
    return Missing(name="a name | first_name") if found is None else found


def plain(text: object) -> str:
    """What the person wrote, as plain text: no HTML, no quoted older mail, no signature, tidy white space.

    Of a link the visible text stays, so an address survives only where it is the text.
    """
    # Not at the top: what reads HTML and mails takes 2 MB in every process, and many never meet a comment.
    from bridge.compose.plain_text import plain_text

    return plain_text(_text(text))


def shorten(text: object, limit: int) -> str:
    """The text in at most `limit` characters, cut between words with `...`; never inside a URL, which goes whole."""
    if not isinstance(limit, int) or not 10 <= limit <= _LONGEST_SHORT:
        raise TemplateRuntimeError(f"shorten: the limit is a number of characters, from 10 to {_LONGEST_SHORT}")
    whole = _text(text).strip()
    if len(whole) <= limit:
        return whole
    # Three dots and not the one character for them, which is missing from GSM-7.
    kept = whole[: _between_words(whole, limit - len("..."))]
    # Some characters beyond the cut show whether it goes through a URL; all of them would be slow on a long text.
    urls = list(_URL.finditer(whole[: limit + 200]))
    while True:
        kept = kept.rstrip()
        url = next((url for url in urls if url.start() < len(kept) <= url.end()), None)
        if url is None:
            if not kept.endswith(_BEFORE_DOTS):
                return f"{kept}..."
            kept = kept.rstrip("".join(_BEFORE_DOTS))
        elif url.end() == len(kept) and len(kept) + len(" ...") <= limit:
            # Dots right behind a URL would become part of it.
            return f"{kept} ..."
        else:
            kept = kept[: url.start()]


def _between_words(text: str, end: int) -> int:
    """Where to cut the text, at `end` or before it."""
    if text[end].isspace():
        return end
    last = max((space.start() for space in re.finditer(r"\s", text[:end])), default=0)
    if last:
        return last
    # A text without white space (Chinese, or one endless word) can only be cut inside, but not within a character.
    while end and (_joins(text[end]) or text[end - 1] == "\u200d" or (_is_flag(text[end]) and _is_flag(text[end - 1]))):
        end -= 1
    return end


def _joins(character: str) -> bool:
    """Whether it belongs to the character before it: an accent, a skin tone, a joiner."""
    return (
        unicodedata.category(character) in ("Mn", "Mc", "Me")
        or character in "\u200c\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
