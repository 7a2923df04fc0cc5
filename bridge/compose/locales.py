"""Which languages there are, and which translation a person reads."""

from collections.abc import Collection, Iterator
from functools import lru_cache

from babel import Locale, UnknownLocaleError


@lru_cache(maxsize=256)
def locale_named(name: str) -> Locale | None:
    """The locale that `fr`, `fr-CA` or `fr_CA` names; None for a name that is nobody's."""
    try:
        return Locale.parse(name.strip().replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return None


def choose(wanted: str | None, there: Collection[str]) -> str | None:
    """Of the locales there are, the one to write to this person in: fr-CA, else fr, else None.

    `there` holds Babel's own names (fr_CA).
    """
    if not wanted or not there:
        return None
    return next((name for name in _fallbacks(wanted[:50]) if name in there), None)


@lru_cache(maxsize=256)
def _fallbacks(wanted: str) -> tuple[str, ...]:
    """The locale as written, then without its last parts; each also as Babel completes it (zh_TW: zh_Hant_TW)."""
    return tuple(dict.fromkeys(_shorter_and_shorter(wanted)))


def _shorter_and_shorter(wanted: str) -> Iterator[str]:
    parts = wanted.strip().replace("-", "_").split("_")
    while parts:
        locale = locale_named("_".join(parts))
        if locale is not None:
            known = str(locale).split("_")
            while known:
                yield "_".join(known)
                known.pop()
        parts.pop()
