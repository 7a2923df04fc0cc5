"""Reads the partials of a folder: pieces of text, and macros, that its messages share."""

from collections.abc import Collection, Iterable, Iterator

import jinja2
from jinja2 import nodes

from bridge.compose.budget import Limited
from bridge.compose.front_matter import FENCE, Problem, read_front_matter
from bridge.compose.language import LANGUAGE, Language, Partial
from bridge.compose.template import UNCOMPILABLE
from bridge.compose.vocabulary import misspellings, names_set
from bridge.errors import Misconfigured


def read_partial(text: str, path: str) -> Partial:
    """The partial in a file's text, as far as the file alone tells. `path` is how problems name the file.

    Raises Misconfigured with each problem as `path:line: what to do`.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.partition("\n")[0].rstrip() == FENCE:
        raise Misconfigured([f"{path}:1: a partial has no front matter, only text: take out the lines from --- to ---"])
    tree = _parsed(text, path)
    exports = frozenset(name for name in _exported(tree) if not name.startswith("_"))
    return Partial(name=path.rpartition("/")[2], path=path, source=text, exports=exports)


def read_language(
    partials: Iterable[Partial], *, messages: Iterable[str], broken: Iterable[str] = ()
) -> tuple[Language, dict[str, tuple[str, ...]]]:
    """The language with these partials, and the problems that each of them has among the others, by its name.

    A partial sees the names that the texts of the `messages` set, so those are no misspellings. One with problems is
    left out, like those that are `broken` already.
    """
    whole = {partial.name: partial for partial in partials}
    names = {name for text in messages for name in _set_in_message(text)} if whole else set()
    names |= {name for partial in whole.values() for name in names_set(_parsed(partial.source, partial.path))}
    problems: dict[str, tuple[str, ...]] = {}
    while True:
        language = Language(whole.values(), {*broken, *problems})
        found = {name: _problems(partial, language, names) for name, partial in whole.items()}
        worse = {name: told for name, told in found.items() if told}
        if not worse:
            return language, problems
        # What includes a broken one is broken too, and told so in the next round.
        problems |= worse
        whole = {name: partial for name, partial in whole.items() if name not in worse}


def _parsed(text: str, path: str) -> nodes.Template:
    try:
        return LANGUAGE.parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise Misconfigured([f"{path}:{error.lineno}: {error.message}"]) from None
    except UNCOMPILABLE:
        raise Misconfigured([f"{path}:1: this is not a Jinja text that can be compiled"]) from None


def _exported(tree: nodes.Template) -> Iterator[str]:
    yield from (macro.name for macro in tree.find_all(nodes.Macro))
    yield from (name.name for name in tree.find_all(nodes.Name) if name.ctx == "store")


def _set_in_message(text: str) -> Collection[str]:
    try:
        return names_set(LANGUAGE.parse(read_front_matter(text).body))
    except (jinja2.TemplateSyntaxError, *UNCOMPILABLE):
        return ()


def _problems(partial: Partial, language: Language, names: Collection[str]) -> tuple[str, ...]:
    """What is wrong with a partial among the others. Compiles it, so that no rendering has to."""
    tree = _parsed(partial.source, partial.path)
    found = list(misspellings(tree, language, also=names))
    if not found:
        try:
            with Limited():
                language.get_template(partial.name)
        except jinja2.TemplateSyntaxError as error:
            found = [Problem(error.lineno, str(error.message))]
        except UNCOMPILABLE:
            found = [Problem(1, "this is not a Jinja text that can be compiled")]
    return tuple(f"{partial.path}:{line}: {text}" for line, text in sorted(set(found)))
