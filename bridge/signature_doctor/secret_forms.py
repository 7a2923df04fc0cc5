"""The forms in which one secret is mistaken for another: what key each makes, and what to do about it."""

import base64
import binascii
import html
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from bridge.signing import verbatim

_PREFIX = "whsec_"


def _decoded(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX).rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _decoded_for_urls(secret: str) -> bytes:
    return _decoded(secret.removeprefix(_PREFIX).replace("-", "+").replace("_", "/"))


def _unquoted(secret: str) -> bytes:
    return verbatim(secret.strip().strip("\"'`“”‘’").strip())


#: What the platform's key is, if the configured secret is turned into it like this. Raises ValueError if it cannot be.
_FORMS: Sequence[tuple[str, Callable[[str], bytes]]] = (
    ("the secret is used as it stands, not decoded", verbatim),
    ("without its prefix whsec_, and not decoded", lambda secret: verbatim(secret.removeprefix(_PREFIX))),
    ("with the prefix whsec_ before it", lambda secret: verbatim(_PREFIX + secret.removeprefix(_PREFIX))),
    ("the secret is base64, and is decoded first", _decoded),
    ("the secret is base64 of the kind for addresses, and is decoded first", _decoded_for_urls),
    ("the secret is hexadecimal, and is decoded first", bytes.fromhex),
    ("the secret is encoded as base64 first", lambda secret: base64.b64encode(verbatim(secret))),
    ("without the quotes or blanks around it", _unquoted),
    ("with a line break after it", lambda secret: verbatim(secret + "\n")),
    ("with a blank after it", lambda secret: verbatim(secret + " ")),
    ("its accented letters are written in another form (NFKD)",
     lambda secret: unicodedata.normalize("NFKD", secret).encode()),
    ("its accented letters are written in another form (NFC)",
     lambda secret: unicodedata.normalize("NFC", secret).encode()),
    ("with &amp; and its like as the characters they stand for", lambda secret: verbatim(html.unescape(secret))),
    ("with & and its like written as &amp;", lambda secret: html.escape(secret).encode()),
    ("with its percent-encoded characters decoded", lambda secret: unquote(secret).encode()),
    ("its comma is meant as %2C: write it %252C", lambda secret: verbatim(secret.replace(",", "%2C"))),
)  # fmt: skip


def forms(secrets: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What each form of these secrets is, and the key it makes."""
    for secret in secrets:
        for what, key in _FORMS:
            try:
                yield what, key(secret)
            except (ValueError, binascii.Error):
                continue
    if len(secrets) > 1:
        joined = ",".join(secrets)
        yield "a comma inside the secret separates two of them: write it %2C", verbatim(joined)
