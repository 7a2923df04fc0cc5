"""What a person wrote, out of the HTML or the mail conversation that it came in."""

import html
import re

from inscriptis import get_text  # type: ignore[import-untyped]
from inscriptis.css_profiles import CSS_PROFILES  # type: ignore[import-untyped]
from inscriptis.html_properties import Display  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from inscriptis.model.html_element import HtmlElement  # type: ignore[import-untyped]
from mailparser_reply.parser import EmailMessage

from bridge.compose.budget import MAX_SIZE

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
_HTML_LIMIT = 200_000  # characters of markup, for at most MAX_SIZE of text
_SPACES = re.compile(r"[^\S\n]+")


def plain_text(written: str) -> str:
    """The newest words in `written`: see the filter `plain`."""
    written = written[:_HTML_LIMIT]
    looks_like_html = _HTML.search(written) is not None
    text = _from_html(written) if looks_like_html else html.unescape(written)
    return _tidy(_newest(_tidy(text[:MAX_SIZE])))


def _from_html(written: str) -> str:
    text: str = get_text(written, _HTML_AS_TEXT)
    # Someone who wrote nothing but a quote did mean it.
    return text if text.strip() else str(get_text(written))


def _tidy(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.replace("\u200b", "").splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _below(older: str) -> str:
    """What this person wrote below an older mail: that one was sent to them, not by them.

    Where no line of it is marked as quoted, all of it is.
    """
    lines = older.splitlines()
    own = "\n".join(line for line in lines if not line.startswith(">")).strip()
    return own if any(line.startswith(">") for line in lines) else ""


def _newest(text: str) -> str:
    """The newest part of a mail conversation, or all of it where that would leave nothing."""
    mail = EmailMessage(text=text[:_MAIL_LIMIT], languages=list(_MAIL_LANGUAGES), keep_hyphen_lists=True).read()
    replies = [reply for reply in mail.replies if reply.content]
    if not replies:
        return text
    reply = replies[0]
    if reply.headers and reply.content.startswith(reply.headers):
        return _below(reply.content.removeprefix(reply.headers))
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
