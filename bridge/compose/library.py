"""What the files of a folder come to together: messages, their translations, and the partials they share."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath

from bridge.compose.language import Language, Partial
from bridge.compose.locales import locale_named
from bridge.compose.partials import read_language, read_partial
from bridge.compose.template import Template, Translation, read_template, read_translation
from bridge.errors import Misconfigured

_MESSAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.txt")
_TRANSLATION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)\.([^.]+)\.txt")

Problems = tuple[str, ...]
Read = Template | Translation | Partial
#: name -> what stands in the file, or why it cannot be read.
Texts = Mapping[str, str | Problems]


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as last read: `good` is its last good version, None if it never was."""

    good: Read | None
    problems: Problems = ()


def read_files(texts: Texts, folder: PurePath, before: Mapping[str, File]) -> dict[str, File]:
    """Every file of a folder by its name; `before` is how they were read last.

    A file with problems keeps its last good version, and what uses it goes on with that.
    """
    partials, language = _partials(texts, folder, before)
    messages = {
        name: _attempt(partial(_read_message, name, texts, folder, language), before.get(name))
        for name in texts
        if name not in partials
    }
    return partials | messages


def templates_of(files: Mapping[str, File]) -> tuple[Template, ...]:
    """The messages by name, each with its translations, as they last were good."""
    translations: dict[str, dict[str, Translation]] = {}
    for name, file in sorted(files.items()):
        if isinstance(file.good, Translation):
            translations.setdefault(name.partition(".")[0], {})[file.good.locale] = file.good
    bases = (file.good for _, file in sorted(files.items()) if isinstance(file.good, Template))
    return tuple(
        replace(base, translations={locale: one.of(base) for locale, one in translations.get(base.name, {}).items()})
        for base in bases
    )


def _attempt(read: Callable[[], Read], old: File | None) -> File:
    try:
        return File(good=read())
    except Misconfigured as error:
        return File(good=old.good if old else None, problems=error.problems)


def _partials(texts: Texts, folder: PurePath, before: Mapping[str, File]) -> tuple[dict[str, File], Language]:
    read = {
        name: _attempt(partial(_read_partial, name, texts, folder), before.get(name))
        for name in texts
        if name.startswith("_")
    }
    messages = [text for name, text in texts.items() if name not in read and isinstance(text, str)]
    language, problems = _language(read, messages)
    if problems:
        for name, told in problems.items():
            old = before.get(name)
            read[name] = File(good=old.good if old else None, problems=told)
        language, still = _language(read, messages)
        # Its last good version has become a bad one, by what has changed around it.
        read |= {name: File(good=None, problems=problems.get(name, told)) for name, told in still.items()}
    return read, language


def _language(read: Mapping[str, File], messages: list[str]) -> tuple[Language, dict[str, Problems]]:
    good = {name: file.good for name, file in read.items() if isinstance(file.good, Partial)}
    return read_language(good.values(), messages=messages, broken=read.keys() - good.keys())


def _read_partial(name: str, texts: Texts, folder: PurePath) -> Partial:
    return read_partial(_readable(texts[name]), (folder / name).as_posix())


def _read_message(name: str, texts: Texts, folder: PurePath, language: Language) -> Template | Translation:
    path = (folder / name).as_posix()
    if _MESSAGE.fullmatch(name):
        return read_template(_readable(texts[name]), path, language)
    named = _TRANSLATION.fullmatch(name)
    if named is None:
        raise Misconfigured([f"{path}:1: a template's name has letters, digits, _ and - only: rename the file"])
    base, code = f"{named[1]}.txt", named[2]
    locale = locale_named(code)
    if locale is None:
        raise Misconfigured(
            [f"{path}:1: {code} is no language that is known: rename the file as in {named[1]}.fr.txt or .fr-CA.txt"]
        )
    if base not in texts:
        raise Misconfigured([f"{path}:1: there is no {base} that this could be a translation of"])
    twin = next((other for other in sorted(texts) if other != name and _is_same(other, named[1], locale)), None)
    if twin is not None:
        raise Misconfigured([f"{path}:1: {twin} is of the same language: keep one of the two"])
    return read_translation(_readable(texts[name]), path, str(locale), language)


def _is_same(name: str, base: str, locale: object) -> bool:
    named = _TRANSLATION.fullmatch(name)
    return named is not None and named[1] == base and locale_named(named[2]) == locale


def _readable(text: str | Problems) -> str:
    if isinstance(text, str):
        return text
    raise Misconfigured(text)
