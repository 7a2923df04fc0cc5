"""Addresses in a text: where they stand, what is glued to them, and which hide where they lead. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Addresses that belong to everybody: carriers block a text for them, because they hide where they lead. CTIA's
#: Messaging Principles and Best Practices (May 2023), 5.3.2 "Embedded Website Links"; Twilio lists the refusal as
#: https://www.twilio.com/docs/api/errors/30963
PUBLIC_SHORTENERS = frozenset(
    {
        *("adf.ly", "bc.vc", "bit.do", "bit.ly", "bitly.com", "bitly.ws", "bl.ink", "buff.ly", "clck.ru"),
        *("cutt.ly", "dlvr.it", "goo.gl", "goo.su", "is.gd", "lnkd.in", "ow.ly", "qr.ae", "rb.gy"),
        *("rebrand.ly", "s.id", "shorte.st", "shorturl.at", "snip.ly", "soo.gd", "surl.li", "t.co", "t.ly"),
        *("t2m.io", "tiny.cc", "tiny.one", "tinyurl.com", "trib.al", "u.to", "v.gd", "x.gd"),
    }
)

#: An address as phones make it tappable: with a scheme, with www, or a domain with a path.
_ADDRESS = re.compile(r"https?://\S+|(?<![\w.@-])www\.\S+|(?<![\w.@-])(?:[\w-]+\.)+[a-z]{2,}/\S*", re.IGNORECASE)
_HOST = re.compile(r"(?:https?://)?(?:[^/?#\s]*@)?([\w.-]+)", re.IGNORECASE)
#: What may stand at the end of an address, or right before one: the others are taken for a part of it, or break it.
_FITS_BEHIND = frozenset("/&=#-_~%+@*$|")
_FITS_BEFORE = frozenset("/&=#-_~%+@*$|?")
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address in a text, without the punctuation that is glued to it. `start` is its place in the text."""

    text: str
    start: int
    before: str = ""
    behind: str = ""


def addresses(text: str) -> Iterator[Address]:
    """The addresses of a text, each with the punctuation right before and right behind it."""
    for found in _ADDRESS.finditer(text):
        whole = found[0]
        end = len(whole)
        while end and is_glue_behind(whole[end - 1]) and not _is_balanced(whole[:end]):
            end -= 1
        before = text[found.start() - 1 : found.start()]
        yield Address(
            text=whole[:end],
            start=found.start(),
            before=before if before and is_glue_before(before) else "",
            behind=whole[end:],
        )


def public_shortener(text: str, link: str | None = None) -> str | None:
    """The first public shortener that the text has an address of, or that `link` is one of; or None."""
    for found in _ADDRESS.finditer(f"{text} {link}/" if link else text):
        host = _HOST.match(found[0])
        # All of them are names of two parts; what stands before is theirs too.
        name = ".".join(host[1].lower().rstrip(".").rsplit(".", 2)[-2:]) if host else ""
        if name in PUBLIC_SHORTENERS:
            return name
    return None


def is_glue_behind(character: str) -> bool:
    """Whether the character, right behind an address, is taken for a part of it though it is none."""
    return character not in _FITS_BEHIND and unicodedata.category(character)[0] in "PS"


def is_glue_before(character: str) -> bool:
    """Whether the character, right before an address, may keep a phone from seeing where it begins."""
    return character not in _FITS_BEFORE and unicodedata.category(character)[0] in "PS"


def _is_balanced(address: str) -> bool:
    """Whether the address ends in a bracket that it opens itself, as `/wiki/Mercury_(planet)` does."""
    opening = _CLOSING.get(address[-1])
    return opening is not None and address.count(opening) >= address.count(address[-1])
