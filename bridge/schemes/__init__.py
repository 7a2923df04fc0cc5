"""How platforms prove that a webhook is theirs: signature schemes as values that verify and sign.

A scheme is told by where the signature stands, what is signed, with which key, algorithm and encoding. All of these
differ between platforms that look alike, so a source names them and nothing here guesses.
"""

from bridge.schemes.any_of import AnyOf
from bridge.schemes.hmacs import Hmac, body_alone, time_and_body
from bridge.schemes.layouts import ALONE, PAIRS, VERSIONS, Layout
from bridge.schemes.scheme import Scheme
from bridge.schemes.times import SECONDS_BEFORE, Timestamp, iso, milliseconds, read_unix, seconds
from bridge.schemes.tokens import TOKEN_HEADER, Token

__all__ = [
    "ALONE",
    "PAIRS",
    "SECONDS_BEFORE",
    "TOKEN_HEADER",
    "VERSIONS",
    "AnyOf",
    "Hmac",
    "Layout",
    "Scheme",
    "Timestamp",
    "Token",
    "body_alone",
    "iso",
    "milliseconds",
    "read_unix",
    "seconds",
    "time_and_body",
]
