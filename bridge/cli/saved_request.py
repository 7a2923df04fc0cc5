"""A webhook request that somebody saved: as HTTP, as JSON, as a browser's HAR, or as a curl command."""

import base64
import binascii
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bridge.signing import read_timestamp

_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/[\d.]+)?")
_HEADER_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)")
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, kw_only=True)
class SavedRequest:
    """A request as it was saved. `received_at` is None where the file does not say.

    `notes` say what is odd about the file; they may explain a signature that does not match.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime | None
    notes: Sequence[str] = ()


def read(data: bytes) -> SavedRequest:
    """The request in a file. Raises ValueError with words about what to do."""
    start = data.lstrip()[:8]
    if not start:
        raise ValueError("the file is empty")
    if start.startswith(b"{"):
        return _from_json(data)
    if re.match(rb"curl\s", start):
        return _from_curl(data)
    return _from_http(data)


def moment(text: str) -> datetime:
    """A moment in ISO 8601, or as HTTP writes it. Raises ValueError."""
    try:
        return read_timestamp(text.strip())
    except ValueError:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


def _from_http(data: bytes) -> SavedRequest:
    head, *_ = parts = _END_OF_HEADERS.split(data.lstrip(), maxsplit=1)
    lines = head.decode("latin-1").splitlines()
    line = _REQUEST_LINE.fullmatch(lines[0].strip())
    pairs = []
    for number, text in enumerate(lines[1:] if line else lines, start=2 if line else 1):
        found = _HEADER_LINE.fullmatch(text)
        if found is None:
            raise ValueError(
                f"line {number} is no header: save the request line, the headers, a blank line, and the exact body;"
                ' or JSON: {"method", "url", "headers", "body"}'
            )
        pairs.append((found[1], found[2]))
    headers = _headers(pairs)
    body, notes = _whole(parts[1] if len(parts) > 1 else b"", headers)
    return _request(line[1] if line else "POST", line[2] if line else "", headers, body, notes=notes)


def _whole(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, list[str]]:
    """The body as long as its header says: an editor adds a line break when it saves a file."""
    said = headers.get("content-length", "")
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        return body, []
    length = int(said)
    if length < len(body):
        return body[:length], [f"The body was cut to the {length} bytes that its Content-Length names."]
    if length > len(body):
        return body, [f"The body has {len(body)} bytes, and its Content-Length names {length}: it was not saved whole."]
    return body, []


def _from_json(data: bytes) -> SavedRequest:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("the file begins like JSON, and is none") from error
    log = document.get("log")
    entries = log.get("entries") if isinstance(log, Mapping) else None
    if isinstance(entries, list):
        posts = [
            entry for entry in entries if isinstance(entry, Mapping) and _field(entry, "request", "method") == "POST"
        ]
        if len(posts) != 1:
            raise ValueError(f"the HAR file has {len(posts)} requests with the method POST: save one of them alone")
        document = posts[0]
    at = next((document[name] for name in ("received_at", "startedDateTime") if document.get(name)), None)
    request = document["request"] if isinstance(document.get("request"), Mapping) else document
    if "headers" not in request:
        raise ValueError('the JSON names no "headers"; write {"method", "url", "headers", "body"}')
    return _request(
        str(request.get("method") or "POST"),
        str(request.get("url") or ""),
        _headers(_pairs(request["headers"])),
        _json_body(request),
        at=str(at) if at else None,
    )


def _field(found: object, *path: str) -> object:
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _json_body(request: Mapping[str, object]) -> bytes:
    encoded = request.get("body_base64")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise ValueError('"body_base64" is no base64') from error
    body = request.get("body", _field(request, "postData", "text"))
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ValueError('"body" must be the text exactly as it was sent, in quotes, or use "body_base64"')
    return body.encode("utf-8", "surrogatepass")


def _pairs(headers: object) -> Iterable[tuple[str, str]]:
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            yield str(name), ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return
    for item in headers if isinstance(headers, list) else ():
        if isinstance(item, Mapping):
            yield str(item.get("name", "")), str(item.get("value", ""))
        elif isinstance(item, list) and len(item) == 2:
            yield str(item[0]), str(item[1])
        else:
            raise ValueError('"headers" must be an object, or a list of {"name", "value"}')


def _from_curl(data: bytes) -> SavedRequest:
    text = data.decode("utf-8", "surrogateescape").strip()
    if "$'" in text:
        raise ValueError("the curl command has a body in $'…', which shells read differently: save it as JSON")
    words = iter(shlex.split(text.replace("\\\n", " "))[1:])
    method, url, body, pairs = "", "", None, []
    for word in words:
        option, _, rest = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:])
        if option in ("-H", "--header"):
            name, _, value = (rest or next(words, "")).partition(":")
            pairs.append((name, value))
        elif option in ("-X", "--request"):
            method = rest or next(words, "")
        elif option in ("-u", "--user"):
            pair = (rest or next(words, "")).encode("utf-8", "surrogateescape")
            pairs.append(("authorization", f"Basic {base64.b64encode(pair).decode()}"))
        elif option in ("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json"):
            body = rest or next(words, "")
            if body.startswith("@") and option != "--data-raw":
                raise ValueError("the curl command reads its body from a file: save that with it, as JSON")
        elif option == "--url" or not word.startswith("-"):
            url = rest if option == "--url" and rest else next(words, "") if option == "--url" else word
    raw = (body or "").encode("utf-8", "surrogateescape")
    return _request(method or ("GET" if body is None else "POST"), url, _headers(pairs), raw)


def _headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case names; what is there more than once is joined, as web servers do."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key, value = name.strip().lower(), value.strip()
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _request(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    at: str | None = None,
    notes: Sequence[str] = (),
) -> SavedRequest:
    url = target
    if target.startswith("/") and (host := headers.get("host", "")):
        url = f"{headers.get('x-forwarded-proto', 'https').partition(',')[0].strip()}://{host}{target}"
    written = at or headers.get("date")
    try:
        received_at = moment(written) if written else None
    except (ValueError, TypeError):
        received_at, notes = None, [*notes, "The file's time of receipt cannot be read."]
    return SavedRequest(
        method=method.upper(), url=url, headers=headers, body=body, received_at=received_at, notes=tuple(notes)
    )
