"""What a request holds that may be a signature: read tolerantly, in every form that platforms write one in."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.schemes import ALONE, Hmac

#: How long the digests of SHA-1, SHA-256 and SHA-512 are.
_LENGTHS = {20: "SHA-1", 32: "SHA-256", 64: "SHA-512"}
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,30})[=,:](?=[^=])")
_LONGEST_HEADER = 2048
_MOST_HEADERS = 60
_MOST_WORDS = 12
_MOST = 40


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A digest as it stands in a request: in which header, after which prefix, and in which encoding."""

    digest: bytes
    header: str
    text: str
    prefix: str
    encoding: str


def find(headers: Mapping[str, str], header: str) -> list[Proof]:
    """The digests in a request, those in `header` first."""
    names = [header, *(name for name in headers if name != header)]
    found = [proof for name in names[:_MOST_HEADERS] for proof in _in_text(name, headers.get(name, ""))]
    return found[:_MOST]


def spelling(proof: Proof, scheme: Hmac, header: str) -> str:
    """How a right digest should have been written instead; "" where it is written right."""
    expected = proof.digest.hex() if scheme.encoding == "hex" else base64.b64encode(proof.digest).decode()
    if proof.header != header:
        return f"it stands in the {proof.header} header, not in {header}" if _is_name(proof.header) else "elsewhere"
    _, given = scheme.layout.read(proof.text)
    if scheme.prefix + expected in given:
        return ""
    told = []
    if proof.encoding != scheme.encoding:
        told.append(f"it is written as {proof.encoding}, and {scheme.encoding} is expected")
    if scheme.layout is ALONE and proof.prefix != scheme.prefix:
        given_prefix = f"the prefix {proof.prefix}" if proof.prefix else "no prefix"
        expectation = f"{scheme.prefix} is expected" if scheme.prefix else "none is expected"
        told.append(f"{given_prefix} stands before it, and {expectation}")
    return " and ".join(told) or "there are blanks, quotes or other characters around it"


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9-]{1,60}", text) is not None


def _in_text(header: str, text: str) -> Iterator[Proof]:
    if len(text) > _LONGEST_HEADER or not text.isascii():
        return
    words = [text, *re.split(r"[\s,;]+", text)]
    seen = set()
    for word in words[:_MOST_WORDS]:
        bare = word.strip(" \t\r\n\"'<>")
        prefixed = _PREFIX.match(bare)
        for prefix, rest in (("", bare), *([(prefixed[0], bare[prefixed.end() :])] if prefixed else [])):
            for encoding, digest in _decode(rest):
                if (digest, prefix) not in seen:
                    seen.add((digest, prefix))
                    yield Proof(digest=digest, header=header, text=text, prefix=prefix, encoding=encoding)


def _decode(text: str) -> Sequence[tuple[str, bytes]]:
    if re.fullmatch(r"[0-9a-fA-F]+", text) and len(text) // 2 in _LENGTHS and len(text) % 2 == 0:
        return [("hex" if text == text.lower() else "upper-case hex", bytes.fromhex(text))]
    body = text.rstrip("=")
    plain = body.replace("-", "+").replace("_", "/")
    try:
        digest = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return []
    if digest.isalnum() and len(digest) // 2 in _LENGTHS:
        try:
            return [("base64 of hex", bytes.fromhex(digest.decode("ascii")))]
        except ValueError:
            return []
    if len(digest) not in _LENGTHS:
        return []
    padded = body + "=" * (-len(body) % 4)
    kind = "base64" if plain == body else "base64 of the kind for addresses"
    return [(kind if text == padded else f"{kind} without its =", digest)]
