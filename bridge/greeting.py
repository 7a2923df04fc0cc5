"""The name to greet somebody with, out of what people and programs write into the field for it."""

import re
import unicodedata
from itertools import pairwise


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The first word of "Dr. Lopez" is no name to greet with.
_TITLES = _words(
    "mr mrs ms miss mx dr prof sir madam dame lord lady rev fr mme mlle monsieur madame sr sra srta señor señora"
    " herr frau the caller guest customer dear hello hi"
)
# Nor is the first half of a surname, as in "de la Cruz".
_PARTICLES = _words("de del della der den des du la le los las von und y e bin ibn")
# What is written where no name is known, or where somebody tried the form.
_PLACEHOLDERS = _words(
    "null none nil undefined nan test tester testing unknown anonymous anon nobody noname no name firstname first"
    " your full user admin default sample example blank empty dummy asdf qwerty"
)
# An address, a list, a company, a handle, or a placeholder that was not filled in: no name anywhere in it.
_NOT_A_NAME = frozenset("@/\\,;:&<>{}[]|=_#%+")
_APOSTROPHES = "'’ʼ‘`"
_BETWEEN_LETTERS = frozenset(f"-‐·{_APOSTROPHES}")
_LONGEST = 30

# Characters that nobody sees, and that are not between two letters that they shape (as in Persian or Hindi).
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_JOINERS = re.compile("(?<![\u0600-\u0dff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u0dff])")
_PART = re.compile(rf"([-‐·{_APOSTROPHES}])")


def first_name(*names: str | None) -> str | None:
    """The name to greet with from the first of `names` that has one; None where that would be a guess.

    Give a field made for first names before one for full names. "ANA LOPEZ" gives "Ana"; "Dr. Lopez", "Lopez, Ana",
    "J. Smith", "Caller +1 212 555 0123", "ana@example.com", "N/A" and "." give None.
    """
    return next((found for name in names if name and (found := _greeting(name[:500])) is not None), None)


def _greeting(name: str) -> str | None:
    # Letters in fancy dress (𝓐𝓷𝓪, ＡＮＡ) are letters; accents become one with theirs.
    text = _JOINERS.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", name)))
    if any(character.isnumeric() or character in _NOT_A_NAME for character in text):
        return None
    words = [word for word in ("".join(map(_space_for_control, text))).split() if not _is_ornament(word)]
    if not words:
        return None
    word = _without_ornaments(words[0])
    letters = "".join(character for character in word if character not in _BETWEEN_LETTERS)
    if not _is_name(word, letters) or letters.casefold() in _TITLES | _PLACEHOLDERS:
        return None
    is_alone = len(words) == 1
    if (word in ("NA", "na")) if is_alone else (word.lower() in _PARTICLES):
        return None
    return _in_mixed_case(word)


def _space_for_control(character: str) -> str:
    return " " if unicodedata.category(character) == "Cc" else character


def _is_ornament(word: str) -> bool:
    """An emoji beside a name. A lone dot or dash is not: it stands in the place of the name."""
    return all(unicodedata.category(character) in ("So", "Sk", "Sm", "Cf", "Mn", "Me") for character in word)


def _without_ornaments(word: str) -> str:
    """The word without quotes, hearts and exclamation marks around it. The dot of "J." stays, to tell by."""
    start, end = 0, len(word)
    while start < end and not word[start].isalpha():
        start += 1
    while end > start and word[end - 1] != "." and not _is_letter_or_mark(word[end - 1]):
        end -= 1
    return word[start:end]


def _is_letter_or_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character in "\u200c\u200d"


def _is_name(word: str, letters: str) -> bool:
    if len(word) > _LONGEST or not all(map(_is_letter_or_mark, letters)):
        return False
    seen = [character for character in letters.lower() if character.isalpha()]
    if letters.isascii() and (len(set(seen)) < 2 or re.search(r"(.)\1\1", letters.casefold())):
        # "xx", "Aaaah": fingers, not a person.
        return False
    return len(seen) > 1 and not any(a in _BETWEEN_LETTERS and b in _BETWEEN_LETTERS for a, b in pairwise(word))


def _in_mixed_case(word: str) -> str:
    """`JANE` and `jane` as `Jane`; a word that has both cases is somebody's own way to write it."""
    has_upper, has_lower = (any(map(is_case, word)) for is_case in (str.isupper, str.islower))
    if has_upper == has_lower or (word.isascii() and len(word) < 4 and has_upper and not re.search("[AEIOUY]", word)):
        # No cases at all (李小龙), both (McDonald), or initials that somebody goes by (TJ).
        return word
    return "".join(map(_capitalised, _PART.split(word)))


def _capitalised(part: str) -> str:
    if re.fullmatch(r"mc[a-z]{4,}", part, re.ASCII | re.IGNORECASE):
        return f"Mc{part[2:].capitalize()}"
    # Python lowers the Turkish İ to an i with a second dot.
    return part[:1].title() + part[1:].lower().replace("i\u0307", "i")
