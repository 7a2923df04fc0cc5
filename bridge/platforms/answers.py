"""A platform's answer: its content as it comes, and what is said in it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

_AT_ONCE = 65536


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, whole."""

    status: int
    content: bytes
    retry_after: str | None = None
    location: str | None = None

    def said(self) -> Mapping[str, object]:
        """Its JSON; a list is `{"items": [...]}`, nothing `{}`, a number with a point a Decimal. Raises ValueError."""
        if not self.content.strip():
            return {}
        try:
            said = json.loads(self.content, parse_float=Decimal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise ValueError("is not JSON") from error
        if isinstance(said, list):
            return {"items": said}
        if not isinstance(said, dict):
            raise ValueError("is not a JSON object")
        return said


def pieces(response: requests.Response) -> Iterator[bytes]:
    """The content of a streamed answer, in pieces that are as large as what has just come in.

    Whoever reads them can look at the clock between any two: `iter_content` goes on waiting until a piece is full, and
    a server that sends a byte now and then is never late. Raises requests.RequestException.
    """
    try:
        while piece := response.raw.read1(_AT_ONCE, decode_content=True):
            yield piece
    except ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout(error) from error
    except DecodeError as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
