"""Finds what a template does to addresses: punctuation glued to them, addresses that are cut, or hide where they lead.

Judged on the Jinja tree, by what the template's author wrote: an agent's own sentence is not blamed. What the tree
does not tell (a macro, a variable that is set in several places) passes.
"""

from collections.abc import Iterator

from jinja2 import nodes

from bridge.compose import links
from bridge.compose.front_matter import Problem
from bridge.compose.language import LANGUAGE, Partial
from bridge.compose.link_shapes import EMPTY, Piece, Reader, Shape
from bridge.compose.template import Code, Template


def link_problems(template: Template) -> list[str]:
    """What is wrong with the addresses in a template's text and `link`, in every language, as `path:line: words`."""
    texts = (template, *template.translations.values())
    return [f"{one.path}:{line}: {words}" for one in texts for line, words in _of_one(one)]


def partial_problems(partial: Partial) -> list[str]:
    """The same of a piece that templates share, judged by itself."""
    problems, _ = _lint(partial.source, 1)
    return [f"{partial.path}:{line}: {words}" for line, words in problems]


def _of_one(template: Template) -> list[Problem]:
    problems, body = _lint(template.body.source, template.body.line)
    if template.link is None:
        return problems
    more, link = _lint(template.link.source, template.link.line)
    return sorted({*problems, *more, *_only_in_link(template.link, link, body)})


def _lint(source: str, first_line: int) -> tuple[list[Problem], Shape]:
    """The problems of one text, and its shape."""
    tree = LANGUAGE.parse(source)
    reader = Reader(tree)
    try:
        shape = reader.body(tree.body)
        for macro in tree.find_all(nodes.Macro):
            reader.body(macro.body)
    except RecursionError:
        return [Problem(first_line, "this text is nested too deeply to be judged: make it simpler")], EMPTY
    # In the order of the lines, each once: a branch may be walked through several times.
    found = {*reader.changed, *_glued(reader.pairs), *_shorteners(tree), *_glued_words(tree)}
    return sorted(Problem(first_line + line - 1, text) for line, text in found), shape


def _glued(pairs: set[tuple[Piece, Piece]]) -> Iterator[Problem]:
    """Punctuation that the template puts right before or behind the value of an address."""
    for left, right in pairs:
        if left.address and right.text and _is_glue(right.text):
            yield _behind(left.address, right.text, right.line)
        elif right.address and left.text and links.is_glue_before(left.text[-1]):
            yield _before(right.address, left.text[-1], right.line)


def _is_glue(text: str) -> bool:
    """Whether a text that follows an address begins with what will be taken for a part of it."""
    if text[0] == "?":
        # A query that the template adds on purpose.
        return not text[1:2].isalnum()
    return links.is_glue_behind(text[0])


def _glued_words(tree: nodes.Template) -> Iterator[Problem]:
    """The same for addresses that the template spells out."""
    for line, text in _words(tree):
        for address in links.addresses(text):
            here = line + text[: address.start].count("\n")
            if address.behind:
                yield _behind(address.text, address.behind, here)
            if address.before:
                yield _before(address.text, address.before, here)


def _behind(address: str, glue: str, line: int) -> Problem:
    mark = glue[0]
    return Problem(
        line,
        f"{mark} right behind the address {address} becomes part of it on some phones:"
        f" leave it out, or put the address at the end of a line or before a space",
    )


def _before(address: str, mark: str, line: int) -> Problem:
    return Problem(
        line,
        f"{mark} right before the address {address} keeps some phones from making it a link:"
        f" write a space between them, or leave it out",
    )


def _shorteners(tree: nodes.Template) -> Iterator[Problem]:
    for line, text in _words(tree):
        if host := links.public_shortener(text):
            yield Problem(
                line,
                f"carriers block texts with addresses of the public shortener {host}:"
                f" write the full address, or one of your own domain or of Attentive's (client.attn.tv)",
            )


def _words(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Everything that the template itself says, with its line."""
    for data in tree.find_all(nodes.TemplateData):
        yield data.lineno, data.data
    for const in tree.find_all(nodes.Const):
        if isinstance(const.value, str):
            yield const.lineno, const.value


def _only_in_link(code: Code, link: Shape, body: Shape) -> Iterator[Problem]:
    """Attentive: "If you want to include a URL, it must be sent with the body". Its own short link is a bare domain."""
    for address in sorted(link.addresses - body.addresses):
        yield Problem(
            code.line,
            f"link is for the short domain that Attentive has configured, such as client.attn.tv;"
            f" an address to be sent must stand in the text itself: write {address} there",
        )
