"""The pages of docs/, shipped with the package, as HTML that is safe wherever they come from."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_PACKAGE = Path(__file__).parents[2]
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_ANYBODYS = re.compile(r"https://<your\s+bridge>")
# Where a link to a page and an anchor on it leads; None: nowhere.
Link = Callable[[str, str], str | None]


def find(name: str) -> str | None:
    """The text of a page; None if there is none of this name."""
    if not _NAME.fullmatch(name):
        return None
    path = _folder() / f"{name}.md"
    return path.read_text("utf-8") if path.is_file() else None


def for_connection(text: str, *, source: str, name: str, prefix: str, url: str) -> str:
    """A source's page as the page of one connection: with its address and the names of its settings."""
    text = _ANYBODYS.sub(lambda _: url, text)
    if name != source:
        text = re.sub(rf"/hooks/{re.escape(source)}\b(?!-)", f"/hooks/{name}", text)
        text = re.sub(rf"\b{re.escape(source.upper())}_(?=[A-Z])", f"{prefix}_", text)
    return text


def bodies_to_paste(text: str) -> list[str]:
    """The JSON documents that a page gives to copy."""
    return re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def as_html(text: str, link: Link, *, below: int = 0) -> Markup:
    """The page; `link` says where a link to another page (its name, its anchor) leads. HTML in it is shown, not run.

    Its headings begin `below` so many levels of others.
    """
    tokens = _markdown().parse(text)
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and after is not None:
            token.attrSet("id", _anchor(after.content))
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + below)}"
        if token.type == "table_open":
            # Wide ones scroll, also for who has only a keyboard.
            token.attrSet("tabindex", "0")
        # How a column is aligned: no style may stand in a page.
        token.attrs.pop("style", None)
        for child in _links(token):
            _lead(child, link)
    return Markup(_markdown().renderer.render(tokens, _markdown().options, {}))  # noqa: S704 - HTML is off in it  # nosec B704


def _links(token: Token) -> Iterator[Token]:
    return (child for child in token.children or () if child.type == "link_open")


def _lead(token: Token, link: Link) -> None:
    parts = urlsplit(str(token.attrGet("href") or ""))
    if parts.scheme or not parts.path:
        return
    page = re.fullmatch(r"([a-z][a-z0-9_-]*)\.md", parts.path)
    target = link(page[1], parts.fragment) if page else None
    # Without an address it is no link.
    token.attrs = {"href": target} if target else {}


def _anchor(title: str) -> str:
    """As GitHub names a heading's place."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _folder() -> Path:
    packaged = _PACKAGE / "shipped_docs"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "docs"
