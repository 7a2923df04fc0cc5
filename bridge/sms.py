"""What a text costs: its encoding, its segments, and the form in which it is sent.

A text of GSM-7 characters holds 160 of them, any other 70. One curly quote therefore doubles the price of a
message, so harmless characters are replaced on the way out, but only where that really gets the text to GSM-7.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["GSM-7", "UCS-2"]

#: 3GPP TS 23.038, section 6.2.1, in the order of its table without 0x1B, which is no character but the escape to
#: the extension table of 6.2.1.1: https://www.etsi.org/deliver/etsi_ts/123000_123099/123038/
GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "\f^{}\\[~]|€"

#: Units of a text's only segment, and of each of several: these give up 6 octets to say how they join.
#: 3GPP TS 23.040, section 9.2.3.24.1.
_ROOM: dict[Encoding, tuple[int, int]] = {"GSM-7": (160, 153), "UCS-2": (70, 67)}

_UNITS_IN_GSM = {**dict.fromkeys(GSM_BASIC, 1), **dict.fromkeys(GSM_EXTENSION, 2)}
_NOT_GSM = re.compile(f"[^{re.escape(GSM_BASIC + GSM_EXTENSION)}]")

#: Unicode's categories Cc, but for the line feed, and Cs.
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

#: What a reader does not miss, and what it becomes.
_HARMLESS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼ′‵", "'"),
        **dict.fromkeys("“”„‟″‶", '"'),
        "‴": "'''",
        "‷": "'''",
        "⁗": "''''",
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        "…": "...",
        # every Unicode space but the plain one, then the two separators
        **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a", " "),
        **dict.fromkeys("\u202f\u205f\u3000", " "),
        **dict.fromkeys("\u2028\u2029", "\n"),
        # of no width: soft hyphen, zero-width space, joiners, direction marks, word joiner, selectors, BOM
        **dict.fromkeys("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
        **dict.fromkeys("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ""),
    }
)


@dataclass(frozen=True, kw_only=True)
class Character:
    """A character that forces UCS-2: its Unicode name and where it stands, in code points from 0."""

    character: str
    name: str
    positions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a text costs. `units` are septets (GSM-7) or UTF-16 code units (UCS-2); an empty text has 0 segments."""

    encoding: Encoding
    units: int
    segments: int
    characters: tuple[Character, ...] = ()


def measure(text: str) -> Measure:
    """What this text costs exactly as it is given, in encoding, units and segments. Never raises."""
    characters = _beyond_gsm(text)
    encoding, widths = _widths(text, characters)
    return Measure(
        encoding=encoding,
        units=sum(widths),
        segments=_count_segments(widths, *_ROOM[encoding]),
        characters=characters,
    )


def units_left(text: str) -> int:
    """How many units more the last segment of this text holds, exactly as it is given; 0 for an empty text."""
    encoding, widths = _widths(text, _beyond_gsm(text))
    single, each = _ROOM[encoding]
    if not widths:
        return 0
    if sum(widths) <= single:
        return single - sum(widths)
    return each - _fill(widths, each)[1]


def parts(text: str) -> list[str]:
    """The text, exactly as it is given, cut where its segments end; nothing for an empty text."""
    encoding, widths = _widths(text, _beyond_gsm(text))
    single, each = _ROOM[encoding]
    room = single if sum(widths) <= single else each
    found, used = [""] if text else [], 0
    for character, width in zip(text, widths, strict=True):
        if used + width > room:
            found.append("")
            used = 0
        found[-1] += character
        used += width
    return found


def as_sent(text: str, brand: str | None) -> str:
    """The text as the person reads it: downgraded, with the brand that Attentive puts before every message.

    An empty text stays empty: it is never sent.
    """
    return with_brand(downgrade(text, brand), brand)


def with_brand(body: str, brand: str | None) -> str:
    """A body that is ready to leave, with the brand that Attentive puts before it; an empty one stays empty."""
    return _prefix(brand) + body if body else ""


def without_controls(text: str) -> str:
    """The text without control characters, and without halves of surrogate pairs, which no encoding can carry."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def downgrade(text: str, brand: str | None = None) -> str:
    """The text in GSM-7 where replacing only harmless characters achieves that, else the text as it is.

    Curly quotes, primes, dashes, ellipses, special spaces and stray characters of no width are harmless. The `brand`
    that Attentive prepends is judged with the text: where the brand itself needs UCS-2 nothing is gained, and nothing
    is replaced. Control characters go in any case: a tab becomes a space, every line ending a line feed. An emoji
    needs UCS-2, so a text with one keeps its joiners and selectors.
    """
    clean = without_controls(text)
    plain = unicodedata.normalize("NFC", clean.translate(_HARMLESS))
    return clean if _beyond_gsm(_prefix(brand) + plain) else plain


def _prefix(brand: str | None) -> str:
    return f"{brand.strip()}: " if brand and brand.strip() else ""


def _beyond_gsm(text: str) -> tuple[Character, ...]:
    """The characters that GSM-7 does not have, in the order of their first position."""
    positions: dict[str, list[int]] = {}
    for found in _NOT_GSM.finditer(text):
        positions.setdefault(found[0], []).append(found.start())
    return tuple(
        # Control characters have no name of their own.
        Character(character=c, name=unicodedata.name(c, f"U+{ord(c):04X}"), positions=tuple(where))
        for c, where in positions.items()
    )


def _widths(text: str, beyond_gsm: Sequence[Character]) -> tuple[Encoding, list[int]]:
    """The text's encoding, and how many units each of its characters takes in it."""
    if beyond_gsm:
        return "UCS-2", [2 if c > "\uffff" else 1 for c in text]
    return "GSM-7", [_UNITS_IN_GSM[c] for c in text]


def _count_segments(widths: Sequence[int], single: int, each: int) -> int:
    """How many segments characters of these widths fill."""
    if sum(widths) <= single:
        return 1 if widths else 0
    return _fill(widths, each)[0]


def _fill(widths: Iterable[int], each: int) -> tuple[int, int]:
    """How many segments of `each` units they take, and how much of the last. No character is split over two."""
    segments, used = 1, 0
    for width in widths:
        if used + width > each:
            segments, used = segments + 1, 0
        used += width
    return segments, used
