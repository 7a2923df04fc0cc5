"""What a guess is: one way in which the signature of a refused request may have been made."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.events import Delivery


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The request would be genuine if `message` were signed with `key`: then `cause` and `detail` say what is wrong.

    `cause` is "" where nothing is wrong but how or where the signature is written.
    """

    key: bytes
    algorithm: str
    message: bytes
    cause: str = ""
    detail: str = ""


#: The bytes that a platform signs, of a delivery and the signed time as it stands.
Signed = Callable[[Delivery, str], bytes]
