"""The content of a platform's answer as it comes."""

from collections.abc import Iterator

import requests
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

_AT_ONCE = 65536


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
