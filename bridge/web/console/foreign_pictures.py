"""The picture of a text: its server would learn who looks, when and from where, so it is asked only on a click."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, make_response

from bridge.web.console.access import policy

# What may stand in a policy: no character of it can end the directive.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A text's picture. `is_personal`: its address tells whom the text is to, who is hidden on the page."""

    address: str
    origin: str
    is_personal: bool
    is_shown: bool


def origin(address: str | None) -> str | None:
    """Whose server a picture is on, `https://cdn.example`; None where there is no address that a browser may ask."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return None
    found = f"{parts.scheme}://{parts.netloc}"
    return found if _ORIGIN.fullmatch(found) else None


def page_with(page: str, picture_of: str) -> Response:
    """The page, allowed to load pictures from this origin."""
    answer = make_response(page)
    answer.headers["Content-Security-Policy"] = policy(pictures_of=picture_of)
    return answer
