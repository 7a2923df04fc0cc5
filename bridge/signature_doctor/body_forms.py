"""What programs on the way make of a body, undone: the bodies that may have been signed instead of the one received."""

import json
from collections.abc import Iterator, Mapping
from itertools import product

_BOM = b"\xef\xbb\xbf"
_SEPARATORS: Mapping[str, tuple[str, str]] = {"without blanks": (",", ":"), "with blanks": (", ", ": ")}
_INDENTS: Mapping[str, int] = {"indented by 2": 2, "indented by 4": 4}
_LONGEST_TO_INDENT = 64 * 1024
_LONGEST_INDENTED = 1024 * 1024


def forms(body: bytes) -> Iterator[tuple[str, bytes]]:
    """How the signed body differed from `body`, and the body it then was; first the plain ones."""
    yield from _line_ends(body)
    yield from _character_sets(body)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    yield from _json(document, indented=len(body) <= _LONGEST_TO_INDENT)


def _line_ends(body: bytes) -> Iterator[tuple[str, bytes]]:
    yield "it ended with a line break", body + b"\n"
    yield "it ended with a line break (CR LF)", body + b"\r\n"
    if body != (stripped := body.rstrip(b"\r\n")):
        yield "it ended without a line break", stripped
    if body != (stripped := body.strip()):
        yield "it had no blanks or line breaks around it", stripped
    one_kind = body.replace(b"\r\n", b"\n")
    if b"\n" in body:
        yield "its line breaks were CR LF", one_kind.replace(b"\n", b"\r\n")
    if one_kind != body:
        yield "its line breaks were LF", one_kind
    if body.startswith(_BOM):
        yield "it had no byte order mark", body.removeprefix(_BOM)
    else:
        yield "it began with a byte order mark", _BOM + body


def _character_sets(body: bytes) -> Iterator[tuple[str, bytes]]:
    if body.isascii():
        return
    yield "it was written in UTF-8 (it is read as Latin-1)", body.decode("latin-1").encode("utf-8")
    try:
        narrow = body.decode("utf-8").encode("latin-1")
    except UnicodeError:
        return
    try:
        narrow.decode("utf-8")
    except UnicodeError:
        yield "it was written in Latin-1", narrow
    else:
        yield "its UTF-8 was not yet taken for Latin-1 and encoded once more", narrow


def _json(document: object, *, indented: bool) -> Iterator[tuple[str, bytes]]:
    spaces = [*_SEPARATORS, *(_INDENTS if indented else ())]
    for spacing, ordered, escaped in product(spaces, (False, True), (False, True)):
        text = _written(document, spacing, ordered=ordered, escaped=escaped)
        if text is None:
            continue
        what = f"it was JSON {spacing}"
        what += ", sorted by key" if ordered else ""
        what += ", with \\u escapes beyond ASCII" if escaped else ""
        yield what, text.encode("utf-8", "surrogatepass")
        if spacing == "without blanks" and not ordered:
            for_pages = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
            yield f"{what}, with \\/ for / as in PHP", text.replace("/", "\\/").encode("utf-8", "surrogatepass")
            yield f"{what}, with \\u003c for < as in Go and Rails", for_pages.encode("utf-8", "surrogatepass")


def _written(document: object, spacing: str, *, ordered: bool, escaped: bool) -> str | None:
    """The document as JSON; None if it cannot be written, or is too much."""
    encoder = json.JSONEncoder(
        separators=_SEPARATORS.get(spacing), indent=_INDENTS.get(spacing), sort_keys=ordered, ensure_ascii=escaped
    )
    try:
        if spacing not in _INDENTS:
            return encoder.encode(document)
        parts, length = [], 0
        for part in encoder.iterencode(document):
            parts.append(part)
            length += len(part)
            # What is deeply nested grows with each level of indentation.
            if length > _LONGEST_INDENTED:
                return None
    except (ValueError, RecursionError):
        return None
    return "".join(parts)
